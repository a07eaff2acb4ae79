"""Axes and shapes, checked once for all functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._errors import AxisError, ShapeError
from .._tensor import Tensor


def as_tensor(x: Any) -> Tensor:
    """An argument as a Tensor."""
    if isinstance(x, Tensor):
        return x
    from .creation import asarray

    return asarray(x)


def axis_of(name: str, axis: Any, ndim: int) -> int:
    """One axis, counted from the front."""
    try:
        value = axis.__index__()
    except AttributeError:
        raise TypeError(f"{name}: axis must be an integer, not {type(axis).__name__}") from None
    if not -ndim <= value < ndim:
        raise AxisError(
            f"{name}: axis {value} is out of range for {ndim} dimension(s); it can be {-ndim} to {ndim - 1}"
            if ndim
            else f"{name}: axis {value} is out of range: a 0-d tensor has no axes"
        )
    return value % ndim


def axes_of(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """One axis or several, counted from the front; None is all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(axis_of(name, a, ndim) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{name}: axis {axis} names an axis twice")
    return axes


def along(axis: int, place: Any) -> tuple[Any, ...]:
    """The key that reads at `place` of one axis and everything of the others."""
    return (*(slice(None),) * axis, place, ...)


def kept(shape: Sequence[int], axes: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with the reduced axes left in as 1."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def spread(g: Any, shape: tuple[int, ...], axes: tuple[int, ...], xp: Any) -> Any:
    """A reduction's gradient, repeated along the axes that were reduced."""
    return xp.broadcast_to(xp.reshape(g, kept(shape, axes)), shape)


def count(shape: Sequence[int], axes: tuple[int, ...]) -> int:
    """How many elements each result of a reduction is made of."""
    n = 1
    for axis in axes:
        n *= shape[axis]
    return n


def size_of(name: str, shape: Any, size: int) -> tuple[int, ...]:
    """A shape for `size` elements, with one -1 filled in."""
    shape = tuple(int(n) for n in (shape if isinstance(shape, (tuple, list)) else (shape,)))
    if shape.count(-1) > 1 or any(n < -1 for n in shape):
        raise ShapeError(f"{name}: shape {shape} can have one -1, and no other negative size")
    known = 1
    for n in shape:
        known *= n if n != -1 else 1
    if -1 in shape:
        if known == 0 or size % known:
            raise ShapeError(f"{name}: {size} element(s) cannot have shape {shape}")
        return tuple(size // known if n == -1 else n for n in shape)
    if known != size:
        raise ShapeError(f"{name}: {size} element(s) cannot have shape {shape}")
    return shape
