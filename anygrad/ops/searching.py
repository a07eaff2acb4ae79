"""where, and the searches: argmax, nonzero, searchsorted, ..."""

from __future__ import annotations

from typing import Any

from .._errors import DTypeError, ShapeError
from .._operands import beside, is_plain
from .._primitive import elementwise
from .._primitive import linear as primitive
from .._scalars import NUMBERS
from .._tensor import Tensor
from ._axes import as_tensor, axes_of, axis_of, pair
from .creation import asarray
from .indexing import take


@primitive(
    "Where",
    x1=lambda g, condition, xp: xp.where(condition, g, 0),
    x2=lambda g, condition, xp: xp.where(condition, 0, g),
)
def _where(xp: Any, condition: Any, x1: Any, x2: Any) -> Any:
    return xp.where(condition, x1, x2)


@elementwise("Where", x=lambda g, condition, xp: xp.where(condition, g, 0))
def _where_or(xp: Any, condition: Any, x: Any, *, number: Any) -> Any:
    return xp.where(condition, x, number)


@elementwise("Where", x=lambda g, condition, xp: xp.where(condition, 0, g))
def _where_not(xp: Any, condition: Any, x: Any, *, number: Any) -> Any:
    return xp.where(condition, number, x)


def where(condition: Any, x1: Any, x2: Any, /) -> Tensor:
    """x1 where the condition holds, x2 elsewhere.

    The gradient of the one that is not chosen is exactly 0. Where that one's own derivative
    is infinite or NaN, 0 times it is NaN: choose a harmless argument first,
    `where(x > 0, sqrt(where(x > 0, x, 1)), 0)`.
    """
    condition = as_tensor(condition)
    if condition.dtype.kind != "b":
        raise DTypeError(f"where: condition must be boolean, not {condition.dtype}. Write `condition != 0`.")
    if isinstance(x1, NUMBERS) and isinstance(x2, NUMBERS):
        x1, x2 = asarray(x1, device=condition.device), asarray(x2, device=condition.device)
    elif isinstance(x1, NUMBERS):
        x2 = as_tensor(x2)
        if is_plain(x1, x2):
            return _where_not(condition, x2, number=x1)
        x1 = _or_itself(beside(x1, x2), x1)
    elif isinstance(x2, NUMBERS):
        x1 = as_tensor(x1)
        if is_plain(x2, x1):
            return _where_or(condition, x1, number=x2)
        x2 = _or_itself(beside(x2, x1), x2)
    return _where(condition, x1, x2)


def _or_itself(tensor: Tensor | None, number: Any) -> Any:
    return number if tensor is None else tensor


@primitive(differentiable=False)
def _argmax(xp: Any, x: Any, *, axis: Any, keepdims: Any) -> Any:
    return xp.argmax(x, axis=axis, keepdims=keepdims)


@primitive(differentiable=False)
def _argmin(xp: Any, x: Any, *, axis: Any, keepdims: Any) -> Any:
    return xp.argmin(x, axis=axis, keepdims=keepdims)


@primitive(differentiable=False)
def _nonzero(xp: Any, x: Any) -> Any:
    return tuple(xp.nonzero(x))


@primitive(differentiable=False)
def _count_nonzero(xp: Any, x: Any, *, axis: Any, keepdims: Any) -> Any:
    return xp.count_nonzero(x, axis=axis, keepdims=keepdims)


@primitive(differentiable=False)
def _searchsorted(xp: Any, x1: Any, x2: Any, *, side: Any) -> Any:
    return xp.searchsorted(x1, x2, side=side)


def _arg(name: str, function: Any, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    if axis is not None:
        axis = axis_of(name, axis, x.ndim)
    if not (x.size if axis is None else x.shape[axis]):
        raise ShapeError(f"{name}: no element to choose from: x has shape {x.shape}")
    return function(x, axis=axis, keepdims=keepdims)


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the (first) largest element is."""
    return _arg("argmax", _argmax, x, axis, keepdims)


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the (first) smallest element is."""
    return _arg("argmin", _argmin, x, axis, keepdims)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """The indices of the elements that are not 0, one array for each axis."""
    x = as_tensor(x)
    if x.ndim == 0:
        raise ShapeError("nonzero: a 0-d tensor has no indices")
    return _nonzero(x)


def count_nonzero(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """How many elements are not 0."""
    x = as_tensor(x)
    return _count_nonzero(x, axis=axes_of("count_nonzero", axis, x.ndim), keepdims=keepdims)


def searchsorted(x1: Tensor, x2: Any, /, *, side: str = "left", sorter: Any = None) -> Tensor:
    """Where x2 would be inserted in the sorted x1."""
    x1, x2 = pair(x1, x2)
    if x1.ndim != 1:
        raise ShapeError(f"searchsorted: x1 must have one dimension, got shape {x1.shape}")
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side is 'left' or 'right', not {side!r}")
    if sorter is not None:
        x1 = take(x1, sorter)
    return _searchsorted(x1, x2, side=side)


__all__ = ["argmax", "argmin", "count_nonzero", "nonzero", "searchsorted", "where"]
