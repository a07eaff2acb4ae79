"""Dtypes: `np.dtype` instances on every backend."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ._errors import DTypeError


def as_dtype(dtype: Any) -> np.dtype:
    """A dtype of whatever library, or its name, as an `np.dtype`."""
    if isinstance(dtype, np.dtype):  # before the cache: array_api_strict's dtypes warn when compared with it
        return dtype
    try:
        return _as_dtype(dtype)
    except TypeError:
        raise DTypeError(f"{dtype!r} is not a dtype. Write anygrad.float32, anygrad.int64, ...") from None


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
