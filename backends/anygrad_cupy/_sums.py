"""Sums and means.

Half precision is added up in single, since CuPy may add up in half. Leading axes (`sum(axis=0)`, and what undoes
broadcasting) are summed by a kernel of our own: CuPy's gives 32 columns to a block, which leaves most of the GPU idle unless
there are many thousand columns, and takes three times as long to start.
"""

from __future__ import annotations

import math
from typing import Any

import cupy as cp
import numpy as np

from ._kernels import kernel, launch, type_name

_BUSY = 1 << 17  # threads, with which a large GPU is as good as busy
_LEADING = [tuple(range(n)) for n in range(65)]  # axes, of so many
_ROWS = 64  # that a thread adds up; one pass is enough for twice as many


def sum(x: cp.ndarray, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> cp.ndarray:
    own = x.dtype
    dtype = own if dtype is None else np.dtype(dtype)
    n = len(axis) if type(axis) is tuple else 1
    leading = (axis == 0 or n and axis == _LEADING[n]) and n < x.ndim
    if leading and (dtype == own and dtype.kind in "fcV" or dtype == np.float32 and _is_half(own)) and x.size and x.flags.c_contiguous:
        out = _folded(x, math.prod(x.shape[:n]), x.shape[n:], dtype)
        return out.reshape((1,) * n + out.shape) if keepdims else out
    if _is_half(dtype):
        return x.sum(axis, np.float32, None, keepdims).astype(dtype)
    return x.sum(axis, dtype, None, keepdims)


def sum_leading(x: cp.ndarray, n: int) -> cp.ndarray:
    """The sum over the first n axes."""
    return sum(x, axis=tuple(range(n)))


def mean(x: cp.ndarray, /, *, axis: Any = None, keepdims: bool = False) -> cp.ndarray:
    """A sum, which is divided in place: CuPy's own takes twice as long to start."""
    axes = range(x.ndim) if axis is None else axis if type(axis) is tuple else (axis,)
    narrow = _is_half(x.dtype)
    out = sum(x, axis=axis, keepdims=keepdims, dtype=np.float32 if narrow else None)  # the sum may be past the largest half
    out /= math.prod([x.shape[i] for i in axes])
    return out.astype(x.dtype) if narrow else out


def _is_half(dtype: np.dtype) -> bool:
    return dtype.char in "eE"  # E is that of ml_dtypes' bfloat16


def _folded(x: cp.ndarray, n: int, shape: tuple[int, ...], dtype: np.dtype) -> cp.ndarray:
    """The sum, of that dtype, of n arrays of that shape, which lie one after the other; in a fixed order."""
    words = 2 if dtype.kind == "c" else 1  # complex numbers are added as pairs
    width = math.prod(shape) * words
    read = type_name(x.dtype) if words == 1 else f"f{4 * dtype.itemsize}"
    wide = "f64" if read == "f64" else "f32"
    while n > 2 * _ROWS and 2 * width <= _BUSY:
        pieces = min(_BUSY // width, -(-n // _ROWS))
        parts = cp.empty(pieces * width, np.float64 if wide == "f64" else np.float32)
        launch(kernel("sums", "fold", X=read, A=wide, Y=wide), parts.size, x, n * width, parts.size, parts)
        x, n, read = parts, pieces, wide
    out = cp.empty(shape, dtype)
    launch(kernel("sums", "fold", X=read, A=wide, Y=wide if words == 2 else type_name(dtype)), width, x, n * width, width, out)
    return out
