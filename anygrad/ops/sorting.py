"""sort and argsort, stable on every backend."""

from __future__ import annotations

from typing import Any

from .._primitive import primitive
from .._tensor import Tensor
from ._axes import as_tensor, axis_of
from .indexing import take_along_axis


@primitive(differentiable=False)
def _argsort(xp: Any, x: Any, *, axis: Any, descending: Any) -> Any:
    return xp.argsort(x, axis=axis, descending=descending, stable=True)


def argsort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The indices that sort x along an axis; equal elements keep their order."""
    x = as_tensor(x)
    return _argsort(x, axis=axis_of("argsort", axis, x.ndim), descending=descending)


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """x sorted along an axis."""
    x = as_tensor(x)
    axis = axis_of("sort", axis, x.ndim)
    return take_along_axis(x, argsort(x, axis=axis, descending=descending), axis=axis)


__all__ = ["argsort", "sort"]
