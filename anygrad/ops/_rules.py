"""What derivative rules share: they run on raw arrays and on Tensors alike."""

from __future__ import annotations

from typing import Any

from .._backends import namespace
from .._dtypes import as_dtype
from .._tensor import Tensor
from ._axes import along


def call(function: Any, *inputs: Any, **params: Any) -> Any:
    """A primitive inside a rule: recorded on Tensors, its bare forward on raw arrays."""
    if any(isinstance(x, Tensor) for x in inputs):
        return function(*inputs, **params)
    return function.primitive.forward(namespace(inputs[0]), *inputs, **params)


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
