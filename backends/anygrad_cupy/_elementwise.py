"""Functions of single elements in one launch each, where CuPy's own would be several, or are slow to start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cupy as cp
import numpy as np

# The types of CuPy's own kernels: T is the same for all arrays, and a Python number is of it, too.
_share = cp.ElementwiseKernel("T g, T x1, T x2", "T out", "out = g * (x1 < x2 ? 0.f : x1 == x2 ? .5f : 1.f)", "anygrad_share")
_where = cp.ElementwiseKernel("bool condition, T x1, T x2", "T out", "out = condition ? x1 : x2", "anygrad_where")
# Times 1.f so as to compute half precision in single.
_FMOD = "auto a = x1 * 1.f, b = x2 * 1.f, r = fmod(a, b)"
_remainder = cp.ElementwiseKernel("T x1, T x2", "T out", f"{_FMOD}; out = r == 0 ? copysign(r, b) : (r < 0) != (b < 0) ? r + b : r", "anygrad_remainder")
_floor_divide = cp.ElementwiseKernel(
    "T x1, T x2",
    "T out",
    f"{_FMOD}, q = (a - r) / b; if (r != 0 && (r < 0) != (b < 0)) q -= 1; "
    "auto n = floor(q); out = b == 0 ? a / b : q == 0 ? copysign(q, a / b) : q - n > .5f ? n + 1 : n",
    "anygrad_floor_divide",
)


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


def remainder(x1: Any, x2: Any, /) -> cp.ndarray:
    """x1 - (x1 // x2) * x2, without error. (CuPy computes it so, and is wrong by x2 where x1 / x2 is rounded up.)"""
    return _of_floats(_remainder, cp.remainder, x1, x2)


def floor_divide(x1: Any, x2: Any, /) -> cp.ndarray:
    """The greatest integer not above x1 / x2, also where that is rounded up: of 1 and 0.1 it is 9, as on NumPy."""
    return _of_floats(_floor_divide, cp.floor_divide, x1, x2)


def _of_floats(kernel: cp.ElementwiseKernel, of_others: Callable[..., cp.ndarray], x1: Any, x2: Any) -> cp.ndarray:
    dtypes = {x.dtype for x in (x1, x2) if isinstance(x, cp.ndarray)}
    if len(dtypes) > 1 and any(d.kind == "V" for d in dtypes):  # NumPy does not know what they have in common
        return of_others(x1, x2)
    dtype = dtypes.pop() if len(dtypes) == 1 else np.result_type(*dtypes)
    if dtype.kind in "biu" and (isinstance(x1, float) or isinstance(x2, float)):
        dtype = np.dtype(np.float64)
    return of_others(x1, x2) if dtype.kind in "biuc" else kernel(_in(dtype, x1), _in(dtype, x2))
