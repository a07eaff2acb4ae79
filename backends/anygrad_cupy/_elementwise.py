"""Functions of single elements in one launch each, where CuPy's own would be several, or are slow to start."""

from __future__ import annotations

from typing import Any

import cupy as cp

# The types of CuPy's own kernels: T is the same for all arrays, and a Python number is of it, too.
_share = cp.ElementwiseKernel("T g, T x1, T x2", "T out", "out = g * (x1 < x2 ? 0.f : x1 == x2 ? .5f : 1.f)", "anygrad_share")
_where = cp.ElementwiseKernel("bool condition, T x1, T x2", "T out", "out = condition ? x1 : x2", "anygrad_where")


def share(g: cp.ndarray, x1: Any, x2: Any, /) -> cp.ndarray:
    """g times 1, where x1 equals x2 times 1/2, where it is less times 0; one of these two may be a number."""
    dtype = g.dtype
    return _share(g, _in(dtype, x1), _in(dtype, x2))


def _in(dtype: Any, x: Any) -> Any:
    return x.astype(dtype) if isinstance(x, cp.ndarray) and x.dtype != dtype else x


def where(condition: cp.ndarray, x1: Any, x2: Any, /) -> cp.ndarray:
    """x1 where the condition holds, else x2. (CuPy's makes float32 of bfloat16, and takes longer to start.)"""
    like = x1 if isinstance(x1, cp.ndarray) else x2
    if isinstance(x2, cp.ndarray) and x2.dtype != like.dtype:
        return cp.where(condition, x1, x2)
    return _where(condition, x1, x2)
