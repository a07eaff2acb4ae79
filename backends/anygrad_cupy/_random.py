"""Random numbers on the device: kernels/philox.cu, one kernel for each kind of draw. Nothing waits, and nothing is kept between draws.

What is made of which words is said in anygrad_numpy/_random.py: the words are the same, and so are uniform numbers, integers
and what dropout keeps; normal numbers are the same to rounding.
"""

from __future__ import annotations

from typing import Any

import cupy as cp
import numpy as np

from ._devices import device_guard
from ._kernels import kernel, launch, type_name

_BITS = {"float64": 53, "float16": 11, "bfloat16": 8}  # of a significand; else 24


def _draw(name: str, out: cp.ndarray, words: str, seed: int, position: int, *more: Any) -> cp.ndarray:
    """Fill `out` with a draw that begins at a position, of so many words for each number ("u32" or "u64")."""
    counter, skip = divmod(position, 4)
    function = kernel("philox", name, T=type_name(out.dtype), W=words)
    launch(function, out.size * int(words[1:]) // 128 + 2 if out.size else 0, out, out.size, np.uint64(seed), np.uint64(counter), skip, *more)
    return out


def _words(dtype: np.dtype) -> str:
    return "u64" if dtype == np.float64 else "u32"


def random_uniform(shape: tuple[int, ...], *, dtype: np.dtype, seed: int, position: int, device: int) -> cp.ndarray:
    """Multiples of 2**-24 in [0, 1), for float64 of 2**-53, for half precision of what its significand holds."""
    with device_guard(device):
        return _draw("uniform", cp.empty(shape, dtype), _words(dtype), seed, position, _BITS.get(dtype.name, 24))


def random_normal(shape: tuple[int, ...], *, dtype: np.dtype, seed: int, position: int, device: int) -> cp.ndarray:
    """Numbers of mean 0 and variance 1, by the transform of Box and Muller."""
    with device_guard(device):
        return _draw("normal", cp.empty(shape, dtype), _words(dtype), seed, position)


def random_integers(shape: tuple[int, ...], *, low: int, span: int, seed: int, position: int, device: int) -> cp.ndarray:
    """Integers (int64) from `low` on, `span` of them, up to 2**64."""
    with device_guard(device):
        return _draw("integers", cp.empty(shape, np.int64), "u64", seed, position, np.uint64(low % 2**64), np.uint64(span % 2**64))


def random_dropout(x: cp.ndarray, *, shared: tuple[int, ...], threshold: int, scale: float, seed: int, position: int) -> cp.ndarray:
    """x times `scale`, and 0 where an element's word is below the threshold. Along `shared` axes all elements have one word."""
    with device_guard(x):
        if not shared and x.dtype.kind != "c":
            return _draw("dropout", cp.empty(x.shape, x.dtype), "u32", seed, position, np.uint64(threshold), scale, cp.ascontiguousarray(x))
        kept = cp.empty(tuple([1 if i in shared else n for i, n in enumerate(x.shape)]), np.uint8)
        _draw("kept", kept, "u32", seed, position, np.uint64(threshold))
        return cp.where(kept.view(np.bool_), x * x.dtype.type(scale), x.dtype.type(0))
