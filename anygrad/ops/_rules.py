"""What derivative rules share: they run on raw arrays and on Tensors alike."""

from __future__ import annotations

from typing import Any

from .._backends import namespace
from .._dtypes import as_dtype
from .._primitive import primitive
from .._tensor import Tensor
from ._axes import along


def call(function: Any, *inputs: Any, **params: Any) -> Any:
    """A primitive inside a rule: recorded on Tensors, its bare forward on raw arrays."""
    if any(isinstance(x, Tensor) for x in inputs):
        return function(*inputs, **params)
    return function.primitive.forward(namespace(inputs[0]), *inputs, **params)


def over(function: Any, *arrays: Any, xp: Any, place: int = 0) -> Any:
    """function(*arrays), written over one of them: an array of the result's shape and dtype that nobody else has.

    Where the library has no `out=`, and for Tensors, it is a new array. (NumPy does so by itself for the operand
    of an operator that nobody else has, but not beside a number, or an array that is broadcast.)
    """
    if getattr(xp, "like_numpy", False) and arrays[place].ndim:
        return function(*arrays, out=arrays[place])
    return function(*arrays)


def fused(name: str, arrays: tuple[Any, ...], axes: tuple[int, ...], xp: Any, *numbers: float) -> Any:
    """What one kernel of the backend makes of arrays in place of several functions; None where it has none, or none that serves.

    It rounds otherwise than these functions. So only forwards ask, which compute the same on the record as off it.
    """
    return None if xp.fused is None else xp.fused(name, arrays, axes, *numbers)


# Up to this length the dot products of BLAS, of 32 running sums or so, are as exact as NumPy's sums by pairs.
_AS_EXACT = 4096


def sum_of_products(x1: Any, x2: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """The sum of x1 * x2, of one shape, with the axes kept; with NumPy over the last axis without an array of the products."""
    if isinstance(x1, Tensor) or isinstance(x2, Tensor):
        return _sum_of_products(x1, x2, axes=axes)
    last = len(x1.shape) - 1
    if axes == (last,) and x1.shape[last] <= _AS_EXACT and xp.name == "numpy" and x1.dtype.kind == "f":
        return xp.vecdot(x1, x2)[..., None]
    return xp.sum(x1 * x2, axis=axes, keepdims=True)


@primitive("SumOfProducts", jvp="multilinear", x1=lambda g, x2: g * x2, x2=lambda g, x1: g * x1)
def _sum_of_products(xp: Any, x1: Any, x2: Any, *, axes: Any) -> Any:
    """On Tensors it is one function, so that it has the same bits on the record as off it."""
    return sum_of_products(x1, x2, axes, xp)


def sum_of_squares(x: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """The sum of |x|^2, with the axes kept."""
    return xp.sum(xp.real(x * xp.conj(x)), axis=axes, keepdims=True) if is_complex(x) else sum_of_products(x, x, axes, xp)


def is_complex(x: Any) -> bool:
    return as_dtype(x.dtype).kind == "c"


def conjugate(x: Any, xp: Any) -> Any:
    """The complex conjugate; x itself if it is real."""
    return xp.conj(x) if is_complex(x) else x


def real_part(x: Any, xp: Any) -> Any:
    """The real part; x itself if it is real."""
    return xp.real(x) if is_complex(x) else x


def adjoint(x: Any, xp: Any) -> Any:
    """The conjugate transpose of matrices."""
    x = xp.matrix_transpose(x)
    return xp.conj(x) if is_complex(x) else x


def place_of(x: Any, xp: Any) -> Any:
    """The device of x, as `device=` of xp takes it."""
    return x.device if isinstance(x, Tensor) else xp.device_of(x)


def eye_like(x: Any, xp: Any, n: int | None = None) -> Any:
    """The identity matrix of the size of x's last axis, in its dtype and on its device."""
    return xp.eye(x.shape[-1] if n is None else n, dtype=x.dtype, device=place_of(x, xp))


def cut(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """A piece of x along an axis; `stop` may lie beyond its ends, which the standard does not allow."""
    n = x.shape[axis]
    return x[along(axis, slice(start, stop and max(min(stop, n), -n)))]
