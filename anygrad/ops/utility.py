"""all, any, diff, clip: what the standard calls utilities, and the clip that is made of two bounds."""

from __future__ import annotations

import builtins
from typing import Any

from .._dtypes import as_dtype
from .._errors import DTypeError
from .._operands import beside, is_plain
from .._primitive import elementwise as primitive
from .._scalars import NUMBERS
from .._tensor import Tensor
from ._axes import along, as_tensor, axes_of, axis_of, integer, kept
from .manipulation import broadcast_to, concat


@primitive(differentiable=False)
def _all(xp: Any, x: Any, *, axes: Any, keepdims: Any) -> Any:
    return xp.all(x, axis=axes, keepdims=keepdims)


@primitive(differentiable=False)
def _any(xp: Any, x: Any, *, axes: Any, keepdims: Any) -> Any:
    return xp.any(x, axis=axes, keepdims=keepdims)


def all(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether all elements are true."""
    x = as_tensor(x)
    return _all(x, axes=axes_of("all", axis, x.ndim), keepdims=keepdims)


def any(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether any element is true."""
    x = as_tensor(x)
    return _any(x, axes=axes_of("any", axis, x.ndim), keepdims=keepdims)


def diff(x: Tensor, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Tensor:
    """Differences of neighbours along an axis, n times over; `prepend` and `append` are put at the ends first."""
    x = as_tensor(x)
    axis = axis_of("diff", axis, x.ndim)
    n = integer("diff", "n", n)
    if n < 0:
        raise ValueError(f"diff: n is how often differences are taken, so it cannot be {n}")
    if prepend is not None or append is not None:
        x = concat([_end(t, x, axis) for t in (prepend, x, append) if t is not None], axis=axis)
    for _ in range(min(n, x.shape[axis])):
        after, before = x[along(axis, slice(1, None))], x[along(axis, slice(None, -1))]
        x = after != before if x.dtype.kind == "b" else after - before
    return x


def _end(value: Any, x: Tensor, axis: int) -> Tensor:
    """What `diff` puts at an end: an array, or a number for each place of the other axes."""
    end = beside(value, x) if isinstance(value, NUMBERS) else None
    end = as_tensor(value, x) if end is None else end
    return end if end.ndim else broadcast_to(end, kept(x.shape, (axis,)))


def inside(x: Any, low: Any, high: Any, xp: Any) -> Any:
    """Where clip leaves x as it is: between the bounds, and at them."""
    return (x >= low) if high is None else (x <= high) if low is None else (x >= low) & (x <= high)


@primitive(
    "Clamp",
    x=lambda g, x, low, high, xp: xp.where(inside(x, low, high, xp), g, 0),
    low=lambda g, x, low, high, xp: xp.where((x < low) & (low < high), g, 0),
    high=lambda g, x, low, high, xp: xp.where((x > high) | (low > high), g, 0),
)
def _clip_both(xp: Any, x: Any, low: Any, high: Any) -> Any:
    return xp.minimum(xp.maximum(x, low), high)


@primitive(
    "ClampMin",
    x=lambda g, x, low, xp: xp.where(inside(x, low, None, xp), g, 0),
    low=lambda g, x, low, xp: xp.where(x < low, g, 0),
)
def _clip_low(xp: Any, x: Any, low: Any) -> Any:
    return xp.maximum(x, low)


@primitive(
    "ClampMax",
    x=lambda g, x, high, xp: xp.where(inside(x, None, high, xp), g, 0),
    high=lambda g, x, high, xp: xp.where(x > high, g, 0),
)
def _clip_high(xp: Any, x: Any, high: Any) -> Any:
    return xp.minimum(x, high)


@primitive("Clamp", x=lambda g, x, low, high, xp: xp.where(inside(x, low, high, xp), g, 0))
def _clip_numbers(xp: Any, x: Any, *, low: Any, high: Any) -> Any:
    x = x if low is None else xp.maximum(x, low)
    return x if high is None else xp.minimum(x, high)


def any_complex(*values: Any) -> bool:
    """Whether one of them is a complex number or an array of such."""
    return builtins.any(isinstance(v, complex) or hasattr(v, "dtype") and as_dtype(v.dtype).kind == "c" for v in values)


def clip(x: Tensor, /, min: Any = None, max: Any = None) -> Tensor:
    """x, but not below `min` nor above `max`. At a bound the gradient is x's."""
    x = as_tensor(x)
    if any_complex(x, min, max):
        raise DTypeError("clip: complex numbers have no order. Clip the real and the imaginary part.")
    if min is None and max is None:
        return x.clone()
    if (min is None or is_plain(min, x)) and (max is None or is_plain(max, x)):
        return _clip_numbers(x, low=min, high=max)
    if min is None:
        return _clip_high(x, max)
    return _clip_low(x, min) if max is None else _clip_both(x, min, max)


__all__ = ["all", "any", "clip", "diff"]
