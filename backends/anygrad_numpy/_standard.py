"""Functions of the standard without NumPy's Python wrappers, which take as long as the work on small arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def sum(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
    return np.add.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims)


def max(x: Any, /, *, axis: Any = None, keepdims: Any = False) -> Any:
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims)


def min(x: Any, /, *, axis: Any = None, keepdims: Any = False) -> Any:
    return np.minimum.reduce(x, axis=axis, keepdims=keepdims)


def prod(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
    return np.multiply.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims)


def all(x: Any, /, *, axis: Any = None, keepdims: Any = False) -> Any:
    return np.logical_and.reduce(x, axis=axis, dtype=np.bool_, keepdims=keepdims)


def any(x: Any, /, *, axis: Any = None, keepdims: Any = False) -> Any:
    return np.logical_or.reduce(x, axis=axis, dtype=np.bool_, keepdims=keepdims)


def argmax(x: Any, /, *, axis: int | None = None, keepdims: Any = False) -> Any:
    return x.argmax(axis, keepdims=keepdims)


def argmin(x: Any, /, *, axis: int | None = None, keepdims: Any = False) -> Any:
    return x.argmin(axis, keepdims=keepdims)


def cumulative_sum(x: Any, /, *, axis: int, dtype: Any = None) -> Any:
    return np.add.accumulate(x, axis, dtype)


def cumulative_prod(x: Any, /, *, axis: int, dtype: Any = None) -> Any:
    return np.multiply.accumulate(x, axis, dtype)


def take(x: Any, indices: Any, /, *, axis: int) -> Any:
    return x.take(indices, axis)


def mean(x: Any, /, *, axis: Any = None, keepdims: Any = False) -> Any:
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    n = math.prod([x.shape[i] for i in axes])
    if n == 0 or x.dtype.char not in "fdFD":  # a warning; half precision, which is added up in single
        return np.mean(x, axis=axis, keepdims=keepdims)
    return np.add.reduce(x, axis=axis, keepdims=keepdims) / n


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    out = np.empty_like(x, dtype)
    out.fill(fill_value)
    return out


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    return full_like(x, 1, dtype=dtype)


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    return full_like(x, 0, dtype=dtype)


def stack(arrays: Any, /, *, axis: int = 0) -> Any:
    place = (slice(None),) * axis + (None,)
    return np.concatenate([x[place] for x in arrays], axis)


def roll(x: Any, /, shift: Any, *, axis: Any = None) -> Any:
    if axis is None and x.ndim == 1:
        axis, shift = (0,), (shift,)
    if axis is None or len(axis) != 1 or not x.shape[axis[0]]:
        return np.roll(x, shift, axis)
    (axis,), (shift,) = axis, shift
    before = (slice(None),) * axis
    n = shift % x.shape[axis]
    return np.concatenate([x[*before, -n:], x[*before, :-n]], axis) if n else x.copy()


def squeeze(x: Any, /, axis: tuple[int, ...]) -> Any:
    return x.squeeze(axis)


def reshape(x: Any, /, shape: tuple[int, ...]) -> Any:
    return x.reshape(shape)


def permute_dims(x: Any, /, axes: tuple[int, ...]) -> Any:
    return x.transpose(axes)


def matrix_transpose(x: Any, /) -> Any:
    return x.mT


def broadcast_to(x: Any, /, shape: tuple[int, ...]) -> Any:
    if type(x) is not np.ndarray:
        if not isinstance(x, np.generic):
            return np.broadcast_to(x, shape)
        x = np.asarray(x)
    sizes = x.shape
    lead = len(shape) - len(sizes)
    strides = [0] * lead
    for n, wanted, stride in zip(sizes, shape[lead:], x.strides):  # noqa: B905  (strict= costs more here)
        if n != wanted and n != 1:
            lead = -1
        strides.append(stride if n == wanted else 0)
    if lead < 0 or not x.size or not x.flags.c_contiguous:
        return np.broadcast_to(x, shape)  # which may raise
    out: Any = np.ndarray(shape, x.dtype, x, 0, strides)
    out.setflags(False)
    return out
