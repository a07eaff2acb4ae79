"""Random numbers on the device: kernels/philox.cu, one kernel for each kind of draw. Nothing waits, and nothing is kept between draws.

What is made of which words is said in anygrad_numpy/_random.py: the words are the same, and so are uniform numbers, integers
and what dropout keeps; normal numbers are the same to rounding.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import cupy as cp
import numpy as np

from ._devices import device_guard

_THREADS = 256
_MOST_BLOCKS = 1 << 16  # of threads; they go on until all is done
_BITS = {"float16": 11, "bfloat16": 8}
_KINDS = {"f": "float", "d": "double"}


@functools.cache
def _kernel(name: str, device: int) -> Any:
    """A kernel of philox.cu, compiled for a device when it is first used there."""
    source = (Path(__file__).parent / "kernels" / "philox.cu").read_text()
    return cp.RawModule(code=source, options=("-std=c++17",)).get_function(name)


def _launch(name: str, out: cp.ndarray, width: int, seed: int, position: int, *more: Any) -> cp.ndarray:
    """Fill `out` with a draw that begins at a position, `width` numbers of a counter."""
    counter, skip = divmod(position, 4)
    threads = out.size // width + 2
    if out.size:
        grid = min(-(-threads // _THREADS), _MOST_BLOCKS)
        arguments = (out, np.int64(out.size), np.uint64(seed), np.uint64(counter), np.int32(skip), *more)
        _kernel(name, out.data.device_id)((grid,), (_THREADS,), arguments)
    return out


def random_uniform(shape: tuple[int, ...], *, dtype: np.dtype, seed: int, position: int, device: int) -> cp.ndarray:
    """Multiples of 2**-24 in [0, 1), for float64 of 2**-53, for half precision of what its significand holds."""
    with device_guard(device):
        if dtype == np.float64:
            return _launch("uniform_double", cp.empty(shape), 2, seed, position)
        out = _launch("uniform_float", cp.empty(shape, np.float32), 4, seed, position, np.int32(_BITS.get(dtype.name, 24)))
        return out.astype(dtype, copy=False)


def random_normal(shape: tuple[int, ...], *, dtype: np.dtype, seed: int, position: int, device: int) -> cp.ndarray:
    """Numbers of mean 0 and variance 1, by the transform of Box and Muller."""
    with device_guard(device):
        if dtype == np.float64:
            return _launch("normal_double", cp.empty(shape), 2, seed, position)
        return _launch("normal_float", cp.empty(shape, np.float32), 4, seed, position).astype(dtype, copy=False)


def random_integers(shape: tuple[int, ...], *, low: int, span: int, seed: int, position: int, device: int) -> cp.ndarray:
    """Integers (int64) from `low` on, `span` of them, up to 2**64."""
    with device_guard(device):
        out = cp.empty(shape, np.int64)
        return _launch("integers", out, 2, seed, position, np.uint64(low % 2**64), np.uint64(span % 2**64))


def random_dropout(x: cp.ndarray, *, shared: tuple[int, ...], threshold: int, scale: float, seed: int, position: int) -> cp.ndarray:
    """x times `scale`, and 0 where an element's word is below the threshold. Along `shared` axes all elements have one word."""
    with device_guard(x):
        if not shared and x.dtype.char in _KINDS:
            more = (np.uint64(threshold), x.dtype.type(scale), cp.ascontiguousarray(x))
            return _launch(f"dropout_{_KINDS[x.dtype.char]}", cp.empty(x.shape, x.dtype), 4, seed, position, *more)
        kept = cp.empty(tuple([1 if i in shared else n for i, n in enumerate(x.shape)]), np.bool_)
        _launch("kept", kept, 4, seed, position, np.uint64(threshold))
        return cp.where(kept, x * x.dtype.type(scale), x.dtype.type(0))
