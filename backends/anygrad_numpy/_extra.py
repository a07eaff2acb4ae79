"""What a backend adds to the standard, for NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_LARGEST_THRESHOLD = 32 << 20  # bytes: glibc's own bound


def keep_freed_memory() -> None:
    """Have glibc hold on to memory that is freed, up to twice this size, in place of giving it back at once and asking again.

    A step of training frees what it has made and makes as much again; new pages for all of that take as long as many of the functions
    that write to them. glibc learns sizes from what is freed: this is a large array of which no page is ever touched.
    (`mallopt` in the manual of Linux: M_MMAP_THRESHOLD. Where another malloc is at work, or its variables are set, nothing changes.)
    """
    np.empty(_LARGEST_THRESHOLD - (64 << 10), np.uint8)


def copy(x: np.ndarray) -> np.ndarray:
    """A copy with the same order of axes in memory."""
    return np.array(x, copy=True, order="K")


def astype(x: np.ndarray, dtype: Any, /, *, copy: bool = True) -> np.ndarray:
    """`x` in another dtype; complex to real keeps the real part."""
    x = np.asarray(x)
    if x.dtype.kind == "c" and np.dtype(dtype).kind not in "cb":
        x = x.real
    return x.astype(dtype, copy=copy)


def owns_memory(x: np.ndarray) -> bool:
    """Whether `x` is no view of other memory."""
    return x.base is None


def shares_memory(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether a write to one of them may be seen through the other (by bounds)."""
    return x.base is y or np.may_share_memory(x, y)


def sum_leading(x: np.ndarray, n: int) -> np.ndarray:
    """The sum over the first n axes: by BLAS, which takes a fraction of the time where the other axes are short."""
    if x.size < 1024:
        return np.add.reduce(x, axis=0 if n == 1 else tuple(range(n)))
    width = math.prod(x.shape[n:])
    if width < 2 or x.dtype.char not in "fdFD" or not x.flags.c_contiguous:
        return np.add.reduce(x, axis=tuple(range(n)))
    rows = x.reshape(-1, width)
    return np.dot(np.ones(len(rows), x.dtype), rows).reshape(x.shape[n:])


def matmul(x1: np.ndarray, x2: np.ndarray, /) -> np.ndarray:
    out = np.matmul(x1, x2)
    return out if out.dtype is x1.dtype or x1.dtype != x2.dtype else out.astype(x1.dtype, copy=False)  # of bfloat16 NumPy makes float32


def share(g: np.ndarray, x1: Any, x2: Any, /) -> Any:
    """g times 1, where x1 equals x2 times 1/2, where it is less times 0; one of these two may be a number."""
    part = np.asarray(np.add(x1 < x2, x1 <= x2, dtype=g.dtype))
    part *= -0.5
    part += 1
    if part.shape != g.shape:  # of one for a batch of g
        return part * g
    part *= g
    return part


def gather(x: np.ndarray, key: Any) -> np.ndarray:
    """`x[key]` for a key with index arrays."""
    if isinstance(key, np.ndarray) and key.dtype.kind == "i" and x.ndim > 1:
        return x.take(key, axis=0)  # rows: in half the time
    return x[key]


def zero_at(x: np.ndarray, key: Any) -> np.ndarray:
    """A copy of `x` with zeros at `key`."""
    out = np.array(x, copy=True)
    out[key] = 0
    return out
