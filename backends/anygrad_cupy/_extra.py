"""What a backend adds to the standard, for CuPy."""

from __future__ import annotations

import math
from typing import Any

import cupy as cp
import cupyx
import numpy as np

from ._devices import device_guard

_deterministic = False


def use_deterministic_algorithms(mode: bool) -> None:
    """Whether `scatter_add` adds up in a fixed order, so that the same program gives the same bits."""
    global _deterministic
    _deterministic = mode


def number(value: Any, dtype: np.dtype, like: cp.ndarray) -> cp.ndarray:
    """A 0-d array on the device of `like`."""
    with device_guard(like):
        return cp.array(value, dtype)


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


def matmul(x1: cp.ndarray, x2: cp.ndarray, /) -> cp.ndarray:
    return x1 @ x2  # cp.matmul does the same after looking at its keyword arguments


# ---------------------------------------------------------------------------
# indices
# ---------------------------------------------------------------------------


def _names_once(part: Any) -> bool:
    """Whether this part of a key cannot name a place twice."""
    return part is None or part is Ellipsis or isinstance(part, (int, slice, np.integer)) or getattr(part, "dtype", None) == np.bool_


def scatter_add(shape: tuple[int, ...], key: Any, g: cp.ndarray) -> cp.ndarray:
    """Zeros of `shape`, with `g` added at `key` (repeated indices add up)."""
    with device_guard(g):
        if all(map(_names_once, key if isinstance(key, tuple) else (key,))):
            out = cp.zeros(shape, dtype=g.dtype)
            out[key] = g
            return out
        wide = g.astype(_addable(g.dtype), copy=False)
        add = _add_in_order if _deterministic else _add_atomically
        return add(shape, key, wide).astype(g.dtype, copy=False)


def _addable(dtype: np.dtype) -> np.dtype:
    """The dtype to add in: atomic additions exist from 32 bits on, and half precision would round each time."""
    if dtype.itemsize >= 4:
        return dtype
    return np.dtype(np.float32 if dtype.kind in "fV" else np.int32)


def _add_atomically(shape: tuple[int, ...], key: Any, g: cp.ndarray) -> cp.ndarray:
    """In whatever order the threads come: the last bits may differ from run to run."""
    out = cp.zeros(shape, dtype=g.dtype)
    if g.dtype.kind == "c":  # there are no atomic additions of complex numbers
        cupyx.scatter_add(out.real, key, g.real)
        cupyx.scatter_add(out.imag, key, g.imag)
    else:
        cupyx.scatter_add(out, key, g)
    return out


def _add_in_order(shape: tuple[int, ...], key: Any, g: cp.ndarray) -> cp.ndarray:
    """Sorted by place, then summed within each run of equal places: pairs, pairs of pairs, ..."""
    size = math.prod(shape)
    places = cp.arange(size).reshape(shape)[key]
    values = cp.broadcast_to(g, places.shape).ravel()
    out = cp.zeros(size + 1, dtype=g.dtype)
    if values.size:
        places = places.ravel()
        order = cp.argsort(places)  # CuPy's sorts are stable
        places, values = places[order], values[order]
        step = 1
        while step < values.size:
            before = cp.where(places[step:] == places[:-step], values[:-step], g.dtype.type(0))
            values = cp.concatenate([values[:step], values[step:] + before])
            step *= 2
        # The last of each run has its sum; the others are written to one place past the end.
        inner = cp.concatenate([places[1:] == places[:-1], cp.zeros(1, dtype=bool)])
        out[cp.where(inner, size, places)] = values
    return out[:-1].reshape(shape)


def zero_at(x: cp.ndarray, key: Any) -> cp.ndarray:
    """A copy of `x` with zeros at `key`."""
    with device_guard(x):
        out = x.copy(order="K")
        out[key] = 0
        return out
