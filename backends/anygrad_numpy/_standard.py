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


def mean(x: Any, /, *, axis: Any = None, keepdims: Any = False) -> Any:
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    n = math.prod([x.shape[i] for i in axes])
    if n == 0 or x.dtype.char not in "fdFD":  # a warning; half precision, which is added up in single
        return np.mean(x, axis=axis, keepdims=keepdims)
    return np.add.reduce(x, axis=axis, keepdims=keepdims) / n


def reshape(x: Any, /, shape: tuple[int, ...]) -> Any:
    return x.reshape(shape)


def permute_dims(x: Any, /, axes: tuple[int, ...]) -> Any:
    return x.transpose(axes)


def matrix_transpose(x: Any, /) -> Any:
    return x.mT


def broadcast_to(x: Any, /, shape: tuple[int, ...]) -> Any:
    if x.size != 1 or type(x) is not np.ndarray:
        return np.broadcast_to(x, shape)
    out: Any = np.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
    out.setflags(write=False)
    return out
