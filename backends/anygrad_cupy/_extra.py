"""What a backend adds to the standard, for CuPy."""

from __future__ import annotations

from typing import Any

import cupy as cp
import numpy as np

from ._devices import device_guard


def number(value: Any, dtype: np.dtype, like: cp.ndarray) -> cp.ndarray:
    """A 0-d array on the device of `like`."""
    with device_guard(like):
        return zero_dimensional(value, dtype)


def zero_dimensional(value: Any, dtype: Any) -> cp.ndarray:
    """A Python number as an array. cp.array makes 0.0 of -0.0: with zero bytes it fills what equals 0."""
    return cp.full((), value, dtype) if not value and "-" in repr(value) else cp.array(value, dtype)


def raw_dtype(dtype: np.dtype) -> np.dtype:
    """CuPy's dtypes are NumPy's."""
    return dtype


def copy(x: cp.ndarray) -> cp.ndarray:
    """A copy on the same device, with the same order of axes in memory."""
    with device_guard(x):
        return x.copy(order="K")


def astype(x: cp.ndarray, dtype: Any, /, *, copy: bool = True) -> cp.ndarray:
    """`x` in another dtype; complex to real keeps the real part."""
    if x.dtype.kind == "c" and np.dtype(dtype).kind not in "cb":
        x = x.real
    with device_guard(x):
        return x.astype(dtype, copy=copy)


def owns_memory(x: cp.ndarray) -> bool:
    """Whether `x` is no view of other memory."""
    return x.base is None


def shares_memory(x: cp.ndarray, y: cp.ndarray) -> bool:
    """Whether a write to one of them may be seen through the other (by bounds, which the host knows).

    CuPy's `may_share_memory` also asks whether both are of one allocation, which it cannot tell of
    memory that came through DLPack.
    """
    if x.base is y:
        return True
    if x.size == 0 or y.size == 0:
        return False
    first, last = _bounds(x)
    start, end = _bounds(y)
    return first < end and start < last


def _bounds(x: cp.ndarray) -> tuple[int, int]:
    low = high = x.data.ptr
    for n, stride in zip(x.shape, x.strides, strict=True):
        if stride < 0:
            low += (n - 1) * stride
        else:
            high += (n - 1) * stride
    return low, high + x.itemsize
