"""Random numbers out of a counter: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
as 1, 2, 3", SC11), and what is made of its words.

Word i of the stream of a seed is word i % 4 of Philox with the seed for a key and i // 4 for a counter (the upper 64 bits
of which are 0). Every function here gives number k of a draw from words at fixed places after `position`, so a
draw may be computed in pieces, in any order, on any device:

    uniform    one word for each number; two for float64, the lower one first
    normal     the same, and two neighbours share theirs (Box and Muller)
    integers   two words for each number
    dropout    one word for each element

Everything is computed in blocks that stay in the cache of a processor.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

_BLOCK = 8192  # counters at a time
_FEW = 2048  # words, for which a chunk that is remembered is quicker
_CHUNK = 1024  # counters of such a chunk
_MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], np.uint64)
_WEYL = (0x9E3779B9, 0xBB67AE85)  # what is added to the halves of the key in each round
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_SINGLE = np.dtype(np.float32)
_BITS = {"float16": 11, "bfloat16": 8}  # of a significand: a number of as many bits is exact, and never 1


def _philox(seed: int, counter: int, n: int) -> np.ndarray:
    """The words of n consecutive counters.

    Columns of the four words of a state are held as two rows: x has words 0 and 2, `low` words 1 and 3.
    """
    counters = np.arange(n, dtype=np.uint64)
    counters += np.uint64(counter % (1 << 64))
    x, low, product = np.empty((2, n), np.uint64), np.zeros((2, n), np.uint64), np.empty((2, n), np.uint64)
    np.bitwise_and(counters, _LOW, out=x[0])
    np.right_shift(counters, _HALF, out=low[0])
    x[1] = 0
    swapped = product[::-1]
    for i in range(10):
        key = np.array([[((seed >> 32 * j) + i * _WEYL[j]) & 0xFFFFFFFF] for j in (0, 1)], np.uint64)
        np.multiply(x, _MULTIPLIERS, out=product)
        np.right_shift(swapped, _HALF, out=x)
        np.bitwise_xor(x, low, out=x)
        np.bitwise_xor(x, key, out=x)
        np.bitwise_and(swapped, _LOW, out=low)
    np.left_shift(low, _HALF, out=low)
    pairs = np.empty((n, 2), np.uint64)
    np.bitwise_or(x, low, out=pairs.T)
    return pairs.reshape(-1).astype("<u8", copy=False).view("<u4")


def random_words(n: int, seed: int, position: int) -> np.ndarray:
    """n words of the stream of a seed (uint32), not to be written to."""
    if n <= _FEW:
        chunk, skip = divmod(position, 4 * _CHUNK)
        found = _chunk(seed, chunk)[skip : skip + n]
        return found if len(found) == n else np.concatenate([found, _chunk(seed, chunk + 1)[: n - len(found)]])
    if n <= 4 * _BLOCK:
        counter, skip = divmod(position, 4)
        return _philox(seed, counter, -(-(skip + n) // 4))[skip : skip + n]
    out = np.empty(n, "<u4")
    for part, words in _pieces(n, 1, seed, position):
        out[part] = words
    return out


@functools.lru_cache(maxsize=8)
def _chunk(seed: int, index: int) -> np.ndarray:
    """A part of a stream, remembered: a draw of few numbers takes as long as one of thousands."""
    return _philox(seed, index * _CHUNK, _CHUNK)


def _pieces(n: int, words: int, seed: int, position: int) -> Iterator[tuple[slice, np.ndarray]]:
    """The words for n numbers of so many words each, a piece of the numbers at a time."""
    step = 4 * _BLOCK // words
    for start in range(0, n, step):
        stop = min(start + step, n)
        yield slice(start, stop), random_words((stop - start) * words, seed, position + start * words)


def _pairs(words: np.ndarray) -> np.ndarray:
    """Numbers of 64 bits, out of two words each."""
    return words.view("<u8")


def random_uniform(shape: tuple[int, ...], *, dtype: np.dtype, seed: int, position: int, device: Any = None) -> np.ndarray:
    """Multiples of 2**-24 in [0, 1), for float64 of 2**-53, for half precision of what its significand holds."""
    if dtype == np.float64:
        out = np.empty(shape)
        flat = out.reshape(-1)
        for part, words in _pieces(flat.size, 2, seed, position):
            np.multiply(_pairs(words) >> np.uint64(11), 2.0**-53, out=flat[part])
        return out
    bits = _BITS.get(dtype.name, 24)
    out = np.empty(shape, _SINGLE)
    flat = out.reshape(-1)
    for part, words in _pieces(flat.size, 1, seed, position):
        np.multiply(words >> np.uint32(32 - bits), _SINGLE.type(2.0**-bits), out=flat[part], dtype=_SINGLE, casting="same_kind")
    return out.astype(dtype, copy=False)


def random_normal(shape: tuple[int, ...], *, dtype: np.dtype, seed: int, position: int, device: Any = None) -> np.ndarray:
    """Numbers of mean 0 and variance 1, by the transform of Box and Muller.

    Of the two numbers w and v that a pair of neighbours has (of 32 bits; of 64 for float64, of which 53 are used), w is the
    radius sqrt(-2 log((w + 1/2) / 2**32)), and v, with a sign, the angle pi v / 2**31.
    """
    double = dtype == np.float64
    out = np.empty(shape, np.float64 if double else _SINGLE)
    flat = out.reshape(-1)
    even = flat.size + flat.size % 2
    for part, words in _pieces(even, 2 if double else 1, seed, position):
        radius, angle = _polar(words, double)
        pairs = np.empty((radius.size, 2), out.dtype)
        np.multiply(radius, np.cos(angle), out=pairs[:, 0])
        np.multiply(radius, np.sin(angle), out=pairs[:, 1])
        flat[part] = pairs.reshape(-1)[: flat.size - part.start]
    return out.astype(dtype, copy=False)


def _polar(words: np.ndarray, double: bool) -> tuple[np.ndarray, np.ndarray]:
    """Radii and angles."""
    if double:
        numbers = _pairs(words)
        radius = (numbers[0::2] >> np.uint64(11)) * 2.0**-53
        radius += 2.0**-54
        angle = (numbers[1::2].view("<i8") >> np.int64(11)) * (math.pi * 2.0**-52)
    else:
        radius = np.multiply(words[0::2], _SINGLE.type(2.0**-32), dtype=_SINGLE, casting="same_kind")
        radius += _SINGLE.type(2.0**-33)
        angle = np.multiply(words[1::2].view("<i4"), _SINGLE.type(math.pi * 2.0**-31), dtype=_SINGLE, casting="same_kind")
    np.log(radius, out=radius)
    radius *= radius.dtype.type(-2.0)
    return np.sqrt(radius, out=radius), angle


def random_integers(shape: tuple[int, ...], *, low: int, span: int, seed: int, position: int, device: Any = None) -> np.ndarray:
    """Integers from `low` on, `span` of them (up to 2**64): low + span * w // 2**64 for a w of 64 bits, modulo 2**64.

    The probabilities of two of them differ by at most 2**-64.
    """
    out = np.empty(shape, np.int64)
    flat = out.reshape(-1)
    offset = np.uint64(low % (1 << 64))
    for part, words in _pieces(flat.size, 2, seed, position):
        np.add(_scaled(_pairs(words), span), offset, out=flat[part].view(np.uint64))
    return out


def _scaled(w: np.ndarray, span: int) -> np.ndarray:
    """span * w // 2**64, by halves of 32 bits."""
    if span == 1 << 64:
        return w
    upper, lower = w >> _HALF, w & _LOW
    below = np.uint64(span & 0xFFFFFFFF)
    lower *= below
    lower >>= _HALF
    if span >> 32 == 0:
        upper *= below
        upper += lower
        upper >>= _HALF
        return upper
    above = np.uint64(span >> 32)
    middle = upper * below
    lower += middle & _LOW
    middle >>= _HALF
    cross = (w & _LOW) * above
    lower += cross & _LOW
    cross >>= _HALF
    lower >>= _HALF
    upper *= above
    return upper + middle + cross + lower


def random_dropout(x: np.ndarray, *, shared: tuple[int, ...], threshold: int, scale: float, seed: int, position: int) -> np.ndarray:
    """x times `scale`, and 0 where an element's word is below the threshold. Along `shared` axes all elements have one word."""
    out = np.empty(x.shape, x.dtype)
    np.multiply(x, x.dtype.type(scale), out=out)
    if shared:
        np.copyto(out, 0, where=~random_kept(x.shape, shared, threshold, seed, position))
        return out
    flat = out.reshape(-1)
    for part, words in _pieces(flat.size, 1, seed, position):
        flat[part][words < threshold] = 0
    return out


def random_kept(shape: tuple[int, ...], shared: tuple[int, ...], threshold: int, seed: int, position: int) -> np.ndarray:
    """Which elements of an array of this shape dropout keeps, of size 1 along `shared` axes."""
    shape = tuple([1 if i in shared else n for i, n in enumerate(shape)])
    return np.reshape(random_words(math.prod(shape), seed, position) >= threshold, shape)
