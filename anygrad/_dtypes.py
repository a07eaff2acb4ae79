"""Dtypes: `np.dtype` instances on every backend."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ._errors import DTypeError

DTYPE_NAMES = frozenset("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128".split())
NUMERIC = "biufcV"  # kinds of dtypes; V is bfloat16's


def as_dtype(dtype: Any) -> np.dtype:
    """A dtype of whatever library, or its name, as an `np.dtype`."""
    if not isinstance(dtype, np.dtype):  # before the cache: array_api_strict's dtypes warn when compared with one
        try:
            dtype = _as_dtype(dtype)
        except TypeError:
            raise DTypeError(f"{dtype!r} is not a dtype. Write anygrad.float32, anygrad.int64, ...") from None
    if dtype.kind not in NUMERIC:
        raise DTypeError(f"arrays of dtype {dtype} cannot be Tensors; supported are bool, integers, floats and complex")
    return dtype


def check_numeric(name: str, array: Any) -> None:
    """Raise for NumPy's arrays of objects, strings and dates."""
    if isinstance(array, (np.ndarray, np.generic)) and array.dtype.kind not in NUMERIC:
        raise DTypeError(f"{name}: arrays of dtype {array.dtype} cannot be Tensors; supported are bool, integers, floats and complex")


def is_inexact(array: Any) -> bool:
    """Whether a raw array can carry a gradient: floating or complex."""
    return as_dtype(array.dtype).kind in "fcV"


@functools.lru_cache(maxsize=256)
def _as_dtype(dtype: Any) -> np.dtype:
    if dtype is None:
        raise TypeError
    if isinstance(dtype, (str, type)):
        return np.dtype(dtype)
    name = str(dtype).rpartition(".")[2].rstrip("'>")
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)
