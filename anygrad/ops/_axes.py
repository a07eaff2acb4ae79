"""Axes and shapes, checked once for all functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._backends import is_array, namespace
from .._errors import AxisError, DTypeError, ShapeError
from .._operands import common_dtype, in_dtype
from .._scalars import as_integer, weak_dtype
from .._tensor import Tensor
from .._tree import as_tuple
from ._data import has_numpy_floats


def as_tensor(x: Any, like: Tensor | None = None) -> Tensor:
    """An argument as a Tensor; Python numbers on the device of `like`, and as wide as it is."""
    if isinstance(x, Tensor):
        return x
    from .creation import asarray

    if like is None or is_array(x) and not isinstance(x, np.generic):
        return asarray(x)
    out = asarray(x, device=like.device)
    if out.dtype.kind in "fc" and not has_numpy_floats(x):
        return asarray(x, device=like.device, dtype=weak_dtype(1j if out.dtype.kind == "c" else 1.0, [like.dtype]))
    return out


def inexact(name: str, x: Any) -> Tensor:
    """An argument as a floating or complex Tensor."""
    x = as_tensor(x)
    if x.dtype.kind in "biu":
        raise DTypeError(f"{name}: x must be of a floating point or complex dtype, not {x.dtype}. Use `.astype(anygrad.float32)`.")
    return x


def integer(name: str, argument: str, value: Any) -> int:
    """An argument that is an integer."""
    return value if type(value) is int else as_integer(f"{name}: {argument}", value)


def integers(name: str, argument: str, values: Any) -> tuple[int, ...]:
    """An argument that is one integer or a sequence of them."""
    return tuple([v if type(v) is int else integer(name, argument, v) for v in (values if type(values) is tuple else as_tuple(values))])


def real_number(name: str, argument: str, value: Any) -> Any:
    """An argument that is a real number, or a 0-d array of one."""
    value = value.item() if (isinstance(value, Tensor) or is_array(value)) and value.shape == () else value
    if not isinstance(value, (int, float)):
        raise TypeError(f"{name}: {argument} must be a real number, not {type(value).__name__}")
    return value


def tensors_of(name: str, arrays: Any) -> list[Tensor]:
    """A sequence of arrays as Tensors; Python numbers as `as_tensor` puts them beside the first Tensor."""
    if type(arrays) is list or type(arrays) is tuple:
        found = [a for a in arrays if isinstance(a, Tensor)]
        if len(found) == len(arrays):
            return found
    if isinstance(arrays, str) or not isinstance(arrays, (Sequence, Tensor)) and not is_array(arrays):
        raise TypeError(f"{name}: expected a sequence of arrays, not {type(arrays).__name__}")
    arrays = list(arrays)
    first = next((a for a in arrays if isinstance(a, Tensor)), None)
    return [as_tensor(a, first) for a in arrays]


def pair(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Two arguments as Tensors of kinds that the library mixes; Python numbers in one of them beside the other."""
    if not isinstance(x2, Tensor):
        x1 = as_tensor(x1)
        x2 = as_tensor(x2, x1)
    x1 = as_tensor(x1, x2)
    if x1._data.dtype is not x2._data.dtype and not namespace(x1._data).like_numpy and (dtype := common_dtype([x1._data, x2._data])):
        return in_dtype(x1, dtype), in_dtype(x2, dtype)
    return x1, x2


def axis_of(name: str, axis: Any, ndim: int) -> int:
    """One axis, counted from the front."""
    if type(axis) is int and 0 <= axis < ndim:
        return axis
    value = integer(name, "axis", axis)
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
    if type(axis) is int:
        return (axis % ndim if -ndim <= axis < ndim else axis_of(name, axis, ndim),)
    axes = tuple([axis_of(name, a, ndim) for a in as_tuple(axis)])
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{name}: axis {axis} names an axis twice")
    return axes


def along(axis: int, place: Any) -> tuple[Any, ...]:
    """The key that reads at `place` of one axis and everything of the others."""
    return (*(slice(None),) * axis, place, ...)


def kept(shape: Sequence[int], axes: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with the reduced axes left in as 1."""
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def without(shape: Sequence[int], axes: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with the reduced axes left out."""
    return tuple([n for i, n in enumerate(shape) if i not in axes])


def spread(g: Any, shape: tuple[int, ...], axes: tuple[int, ...], xp: Any) -> Any:
    """A reduction's gradient, repeated along the axes that were reduced."""
    return xp.broadcast_to(xp.reshape(g, kept(shape, axes)) if g.shape else g, shape)


def count(shape: Sequence[int], axes: tuple[int, ...]) -> int:
    """How many elements each result of a reduction is made of."""
    n = 1
    for axis in axes:
        n *= shape[axis]
    return n


def size_of(name: str, shape: Any, size: int) -> tuple[int, ...]:
    """A shape for `size` elements, with one -1 filled in."""
    shape = integers(name, "shape", shape)
    if math.prod(shape) == size and (not shape or min(shape) >= 0):
        return shape
    if shape.count(-1) > 1 or any(n < -1 for n in shape):
        raise ShapeError(f"{name}: shape {shape} can have one -1, and no other negative size")
    known = math.prod(n for n in shape if n != -1)
    if -1 not in shape or known == 0 or size % known:
        raise ShapeError(f"{name}: {size} element(s) cannot have shape {shape}")
    return tuple([size // known if n == -1 else n for n in shape])
