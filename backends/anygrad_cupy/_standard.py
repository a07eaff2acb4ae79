"""Functions of the standard for which neither CuPy nor array_api_compat will do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import cupy as cp
import cupyx
import numpy as np

from ._devices import device_guard, to_device
from ._extra import copy as copy_array
from ._extra import zero_dimensional
from ._memory import is_pinned

# ---------------------------------------------------------------------------
# creation: array_api_compat ignores device= on CuPy, and CuPy has none
# ---------------------------------------------------------------------------


def _placed(name: str) -> Callable[..., cp.ndarray]:
    """CuPy's function of that name, with `device=`."""
    function = getattr(cp, name)

    @functools.wraps(function)
    def create(*args: Any, device: int | None = None, **kwargs: Any) -> cp.ndarray:
        with device_guard(device):
            return function(*args, **kwargs)

    return create


def _placed_like(name: str) -> Callable[..., cp.ndarray]:
    """The same, where the first argument is an array that says the device."""
    function = getattr(cp, name)

    @functools.wraps(function)
    def create(x: cp.ndarray, /, *args: Any, device: int | None = None, **kwargs: Any) -> cp.ndarray:
        with device_guard(x if device is None else device):
            return function(x, *args, **kwargs)

    return create


arange, empty, eye, full, linspace, ones, zeros = map(_placed, "arange empty eye full linspace ones zeros".split())
empty_like, full_like, ones_like, zeros_like = map(_placed_like, "empty_like full_like ones_like zeros_like".split())


def asarray(obj: Any, /, *, dtype: Any = None, device: int | None = None, copy: bool | None = None) -> cp.ndarray:
    """An array of numbers, nested sequences, NumPy's arrays or CuPy's, on a device."""
    where: Any = device
    if isinstance(obj, cp.ndarray):
        moved = obj if device is None else to_device(obj, device)
        if moved is not obj and copy is False:
            raise ValueError(f"asarray: copy=False, but the array is on another device than {device}")
        obj = where = moved
    with device_guard(where):
        if isinstance(obj, (float, complex, np.generic)) or isinstance(obj, np.ndarray) and not obj.ndim:
            number = np.asarray(obj)
            return zero_dimensional(number.item(), number.dtype if dtype is None else dtype)
        blocking = isinstance(obj, np.ndarray) and is_pinned(obj)  # CuPy would not wait
        out = cp.array(obj, dtype=dtype, blocking=blocking) if copy else cp.asarray(obj, dtype=dtype, blocking=blocking)
    if copy is False and out is not obj:
        raise ValueError("asarray: copy=False, but a copy is needed")
    return out


# ---------------------------------------------------------------------------
# element by element
# ---------------------------------------------------------------------------


def clip(x: cp.ndarray, /, min: Any = None, max: Any = None) -> cp.ndarray:
    """x between bounds. (array_api_compat's takes 20 kernels and waits for the GPU four times.)"""
    out = x if min is None else cp.maximum(x, min)
    out = out if max is None else cp.minimum(out, max)
    return copy_array(x) if out is x else out


def by_way_of_single(function: Callable[..., cp.ndarray]) -> Callable[..., cp.ndarray]:
    """A function that of an array in bfloat16 is computed in single."""

    @functools.wraps(function)
    def computed(x: cp.ndarray, /, *args: Any, **kwargs: Any) -> cp.ndarray:
        if x.dtype.char != "E":
            return function(x, *args, **kwargs)
        kwargs.pop("dtype", None)  # x's own
        others = (a.astype(np.float32) if isinstance(a, cp.ndarray) and a.dtype == x.dtype else a for a in args)
        return narrowed(function(x.astype(np.float32), *others, **kwargs), x.dtype)

    def narrowed(out: Any, dtype: Any) -> Any:
        if isinstance(out, tuple):
            return type(out)(*(narrowed(part, dtype) for part in out))
        return out.astype(dtype) if out.dtype == np.float32 else out

    return computed


def not_of_bool(function: Callable[..., cp.ndarray]) -> Callable[..., cp.ndarray]:
    """A function that CuPy has of booleans, and NumPy has not."""

    @functools.wraps(function)
    def checked(x: cp.ndarray, /) -> cp.ndarray:
        if x.dtype == bool:
            raise TypeError(f"{function.__name__} is not supported for bool")
        return function(x)

    return checked


def of_truth(function: Callable[..., cp.ndarray]) -> Callable[..., cp.ndarray]:
    """A logical function, of complex numbers too."""

    @functools.wraps(function)
    def computed(*xs: Any) -> cp.ndarray:
        return function(*(x != 0 if isinstance(x, cp.ndarray) and x.dtype.kind == "c" else x for x in xs))

    return computed


# ---------------------------------------------------------------------------
# linear algebra
# ---------------------------------------------------------------------------

# What cuSOLVER and cuBLAS mean when they report an error in these, in NumPy's words.
_FAILED = {
    "getr": "Singular matrix",
    "potr": "Matrix is not positive definite",
    "gesv": "SVD did not converge",
    "ev": "Eigenvalues did not converge",
}


class _Linalg:
    """The standard's `linalg`, which raises for what cannot be solved.

    CuPy by default returns garbage for a singular matrix, so as not to wait for the GPU. `qr`, `det` and `slogdet`
    have nothing to raise."""

    _RAISING = frozenset("cholesky eig eigh eigvals eigvalsh inv matrix_norm matrix_rank pinv svd svdvals".split())

    def solve(self, x1: cp.ndarray, x2: cp.ndarray, /) -> cp.ndarray:
        """As the standard's: stacks of matrices broadcast against each other, which CuPy's do not, and may be empty."""
        if x2.ndim > 1 and x1.shape[:-2] != x2.shape[:-2]:
            stack = np.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
            x1, x2 = (cp.broadcast_to(x, stack + x.shape[-2:]) for x in (x1, x2))
        if not x2.size:
            return cp.empty(x2.shape, np.result_type(x1.dtype, x2.dtype))
        return _raising(cp.linalg.solve)(x1, x2)

    def __getattr__(self, attribute: str) -> Any:
        from array_api_compat.cupy import linalg

        try:
            value = getattr(linalg, attribute)
        except AttributeError:
            if attribute not in self._RAISING:
                raise AttributeError(f"CuPy {cp.__version__} has no linalg.{attribute}", name=attribute, obj=linalg) from None
            raise NotImplementedError(f'CuPy {cp.__version__} has no linalg.{attribute}. Update it, or compute on the CPU: `.to("cpu")`.') from None
        if attribute in self._RAISING:
            value = _raising(value)
        setattr(self, attribute, value)
        return value


def _raising(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            with cupyx.errstate(linalg="raise"):
                return function(*args, **kwargs)
        except np.linalg.LinAlgError as error:
            said = str(error)
            raise np.linalg.LinAlgError(next((f"{meant} ({said})" for name, meant in _FAILED.items() if name in said), said)) from None
        except RuntimeError as error:
            if "geev" not in str(error):
                raise
            raise NotImplementedError(f'this version of CUDA has no {function.__name__} ({error}). Update it, or compute on the CPU: `.to("cpu")`.') from error

    return checked


linalg = _Linalg()
