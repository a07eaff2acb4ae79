"""Reductions and running totals: the statistical functions of the standard."""

from __future__ import annotations

import builtins
from typing import Any

from .._errors import DTypeError, ShapeError
from .._primitive import primitive
from .._tensor import Tensor
from ._axes import as_tensor, axes_of, axis_of, count, inexact, kept, real_number, spread, without
from ._rules import conjugate, cut, fused, over, real_part, sum_of_squares
from .creation import ones, zeros
from .data_types import astype
from .elementwise import _ratio
from .manipulation import concat, moveaxis, reshape


@primitive("Sum", jvp="linear", x=lambda g, x_shape, axes, xp: spread(g, x_shape, axes, xp))
def _sum(xp: Any, x: Any, *, axes: Any, keepdims: Any) -> Any:
    return xp.sum(x, axis=axes, keepdims=keepdims, dtype=x.dtype)


@primitive("Mean", jvp="linear", x=lambda g, x_shape, axes, xp: spread(g / (count(x_shape, axes) or float("nan")), x_shape, axes, xp))
def _mean(xp: Any, x: Any, *, axes: Any, keepdims: Any) -> Any:
    return xp.mean(x, axis=axes, keepdims=keepdims)


def _hits(x: Any, out: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """Which elements are the extremum. (Where there is a NaN, the extremum is NaN; all of them count.)"""
    return (x == xp.reshape(out, kept(x.shape, axes))) | (x != x)


def _even(g: Any, x: Any, out: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """An extremum's gradient, shared evenly by the elements equal to it."""
    hit = xp.astype(_hits(x, out, axes, xp), g.dtype)
    return hit * (xp.reshape(g, kept(x.shape, axes)) / xp.sum(hit, axis=axes, keepdims=True))


def _mean_of_hits(t: Any, x: Any, out: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """An extremum's tangent: the mean of those of the elements equal to it."""
    hit = _hits(x, out, axes, xp)
    total = xp.sum(xp.where(hit, t, 0), axis=axes)
    return xp.reshape(total / xp.sum(xp.astype(hit, t.dtype), axis=axes), out.shape)


@primitive("Amax", x=lambda g, x, out, axes, xp: _even(g, x, out, axes, xp), jvp=lambda t, x, out, axes, xp: _mean_of_hits(t, x, out, axes, xp))
def _max(xp: Any, x: Any, *, axes: Any, keepdims: Any) -> Any:
    return xp.max(x, axis=axes, keepdims=keepdims)


@primitive("Amin", x=lambda g, x, out, axes, xp: _even(g, x, out, axes, xp), jvp=lambda t, x, out, axes, xp: _mean_of_hits(t, x, out, axes, xp))
def _min(xp: Any, x: Any, *, axes: Any, keepdims: Any) -> Any:
    return xp.min(x, axis=axes, keepdims=keepdims)


@primitive(
    "Prod",
    x=lambda g, x, axis, xp: xp.expand_dims(g, axis=axis) * products_of_others(x, axis, xp),
    jvp=lambda t, x, axis, xp: xp.sum(products_of_others(x, axis, xp) * t, axis=axis),
)
def _prod(xp: Any, x: Any, *, axis: Any) -> Any:
    return xp.prod(x, axis=axis, dtype=x.dtype)


@primitive("Cumsum", jvp="linear", x=lambda g, axis, xp: xp.flip(xp.cumulative_sum(xp.flip(g, axis=axis), axis=axis), axis=axis))
def _cumulative_sum(xp: Any, x: Any, *, axis: Any) -> Any:
    return xp.cumulative_sum(x, axis=axis, dtype=x.dtype)


@primitive(
    "Cumprod",
    x=lambda g, x, axis, xp: exclusive_product(x, axis, xp) * suffix_recurrence(x, g, axis, xp),
    jvp=lambda t, x, axis, xp: prefix_recurrence(x, exclusive_product(x, axis, xp) * t, axis, xp),
)
def _cumulative_prod(xp: Any, x: Any, *, axis: Any) -> Any:
    return xp.cumulative_prod(x, axis=axis, dtype=x.dtype)


# ---------------------------------------------------------------------------
# products without division, exact where elements are zero
# ---------------------------------------------------------------------------


def exclusive_product(x: Any, axis: int, xp: Any) -> Any:
    """At each place the product of the elements before it."""
    ones = xp.ones_like(cut(x, axis, 0, 1))
    return xp.concat([ones, cut(xp.cumulative_prod(x, axis=axis), axis, None, -1)], axis=axis)


def products_of_others(x: Any, axis: int, xp: Any) -> Any:
    """At each place the product of all the other elements."""
    after = xp.flip(exclusive_product(xp.flip(x, axis=axis), axis, xp), axis=axis)
    return exclusive_product(x, axis, xp) * after


def suffix_recurrence(x: Any, g: Any, axis: int, xp: Any) -> Any:
    """r with r[i] = g[i] + x[i+1] * r[i+1], in log2(n) steps of a parallel scan.

    r[i] is the sum over k >= i of g[k] times the product of x[i+1] ... x[k].
    """
    n = x.shape[axis]
    factor = xp.concat([cut(x, axis, 1, None), xp.zeros_like(cut(x, axis, 0, 1))], axis=axis)
    total, step = g, 1
    while step < n:
        blank = xp.zeros_like(cut(x, axis, 0, step))
        total = total + factor * xp.concat([cut(total, axis, step, None), xp.astype(blank, total.dtype)], axis=axis)
        factor = factor * xp.concat([cut(factor, axis, step, None), blank], axis=axis)
        step *= 2
    return total


def prefix_recurrence(x: Any, g: Any, axis: int, xp: Any) -> Any:
    """r with r[i] = g[i] + x[i] * r[i-1]: the suffix recurrence of everything backwards, x one place on."""
    x = xp.flip(x, axis=axis)
    later = xp.concat([cut(x, axis, 0, 1), cut(x, axis, None, -1)], axis=axis)
    return xp.flip(suffix_recurrence(later, xp.flip(g, axis=axis), axis, xp), axis=axis)


# ---------------------------------------------------------------------------
# the functions of the standard
# ---------------------------------------------------------------------------


def _accumulated(x: Tensor, dtype: Any) -> Tensor:
    """x in the dtype in which sums and products are made: small integers in the default integer."""
    if dtype is None:
        if x._node is not None:  # floating or complex
            return x
        kind = x.dtype.kind
        if kind in "fcV":
            return x
        dtype = "uint64" if kind == "u" else "int64"
    return astype(x, dtype, copy=False)


def sum(x: Tensor, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over the given axes, or over all."""
    x = _accumulated(as_tensor(x), dtype)
    return _sum(x, axes=axes_of("sum", axis, x.ndim), keepdims=keepdims)


def mean(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean over the given axes, or over all; x must be of a floating or complex dtype."""
    x = inexact("mean", x)
    return _mean(x, axes=axes_of("mean", axis, x.ndim), keepdims=keepdims)


def _extremum(name: str, function: Any, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    axes = axes_of(name, axis, x.ndim)
    if x.dtype.kind == "c":
        raise DTypeError(f"{name}: complex numbers have no order. Take abs or real first.")
    if not count(x.shape, axes):
        raise ShapeError(f"{name}: no element to choose from: x has shape {x.shape}")
    return function(x, axes=axes, keepdims=keepdims)


def max(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element; ties share the gradient evenly."""
    return _extremum("max", _max, x, axis, keepdims)


def min(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest element; ties share the gradient evenly."""
    return _extremum("min", _min, x, axis, keepdims)


def prod(x: Tensor, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product; its gradient is exact where elements are zero."""
    x = _accumulated(as_tensor(x), dtype)
    axes = axes_of("prod", axis, x.ndim)
    shape = kept(x.shape, axes)
    if len(axes) != 1:
        rest = without(x.shape, axes)
        x = reshape(moveaxis(x, axes, tuple(range(-len(axes), 0))) if axes else x, (*rest, count(x.shape, axes)))
        axes = (len(rest),)
    out = _prod(x, axis=axes[0])
    return reshape(out, shape) if keepdims else out


def var(x: Tensor, /, *, axis: Any = None, correction: Any = 0.0, keepdims: bool = False) -> Tensor:
    """The mean squared distance from the mean, over n - correction."""
    x = inexact("var", x)
    return _var(x, axes=axes_of("var", axis, x.ndim), correction=real_number("var", "correction", correction), keepdims=keepdims)


def std(x: Tensor, /, *, axis: Any = None, correction: Any = 0.0, keepdims: bool = False) -> Tensor:
    """The square root of the variance; where all elements are equal its gradient is 0."""
    x = inexact("std", x)
    return _std(x, axes=axes_of("std", axis, x.ndim), correction=real_number("std", "correction", correction), keepdims=keepdims)


def _freedom(shape: tuple[int, ...], axes: tuple[int, ...], correction: Any) -> float:
    """n - correction; NaN where nothing is left, as PyTorch's 0 / 0 gives."""
    n = count(shape, axes) - correction
    return n if n > 0 else float("nan")


def _centred(x: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """Distances from the mean: a new array."""
    return x - xp.mean(x, axis=axes, keepdims=True)


def _centred_times(factor: Any, x: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """Distances from the mean, those that belong to each result times its factor."""
    factor = xp.reshape(factor, kept(x.shape, axes))
    if isinstance(factor, Tensor) or isinstance(x, Tensor):
        return _var_backward(factor, x, axes=axes)
    out = fused("centred_times", (factor, x), axes, xp)
    return over(xp.multiply, _centred(x, axes, xp), factor, xp=xp) if out is None else out


@primitive(
    "VarBackward",
    jvp="multilinear",
    factor=lambda g, x, axes, xp: g * _centred(x, axes, xp),
    x=lambda g, factor, axes, xp: _centred_times(factor, g, axes, xp),
)
def _var_backward(xp: Any, factor: Any, x: Any, *, axes: Any) -> Any:
    return _centred_times(factor, x, axes, xp)


@primitive(
    "Var",
    holomorphic=False,
    x=lambda g, x, axes, correction, xp: _centred_times(g * (2 / _freedom(x.shape, axes, correction)), x, axes, xp),
    jvp=lambda t, x, out, axes, correction, xp: _change(t, x, out.shape, axes, correction, xp),
)
def _var(xp: Any, x: Any, *, axes: Any, correction: Any, keepdims: Any) -> Any:
    freedom = _freedom(x.shape, axes, correction)
    total = fused("var", (x,), axes, xp, freedom)
    if total is None:
        total = over(xp.divide, sum_of_squares(_centred(x, axes, xp), axes, xp), freedom, xp=xp)
    return total if keepdims else xp.reshape(total, without(x.shape, axes))


def _change(t: Any, x: Any, shape: tuple[int, ...], axes: tuple[int, ...], correction: Any, xp: Any) -> Any:
    """The tangent of a variance of that shape."""
    products = real_part(conjugate(_centred(x, axes, xp), xp) * t, xp)
    return xp.reshape(xp.sum(products, axis=axes), shape) * (2 / _freedom(x.shape, axes, correction))


@primitive(
    "Std",
    holomorphic=False,
    x=lambda g, x, out, axes, correction, xp: _centred_times(_ratio(g, out, xp) / _freedom(x.shape, axes, correction), x, axes, xp),
    jvp=lambda t, x, out, axes, correction, xp: _ratio(_change(t, x, out.shape, axes, correction, xp), 2 * out, xp),
)
def _std(xp: Any, x: Any, *, axes: Any, correction: Any, keepdims: Any) -> Any:
    return xp.sqrt(_var.primitive.forward(xp, x, axes=axes, correction=correction, keepdims=keepdims))


def _running(name: str, function: Any, x: Tensor, axis: int | None, dtype: Any, include_initial: bool, initial: Any) -> Tensor:
    x = _accumulated(as_tensor(x), dtype)
    if axis is None:
        if x.ndim > 1:
            raise ValueError(f"{name}: axis is needed for {x.ndim} dimensions")
        axis = 0
    axis = axis_of(name, axis, x.ndim or 1)
    if x.ndim == 0:
        return x.clone()
    out = function(x, axis=axis) if builtins.all(x.shape) else x.clone()
    if include_initial:
        out = concat([initial(kept(x.shape, (axis,)), dtype=x.dtype, device=x.device), out], axis=axis)
    return out


def cumulative_sum(x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """Running sums along an axis."""

    return _running("cumulative_sum", _cumulative_sum, x, axis, dtype, include_initial, zeros)


def cumulative_prod(x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """Running products along an axis; the gradient is exact where elements are zero."""

    return _running("cumulative_prod", _cumulative_prod, x, axis, dtype, include_initial, ones)


__all__ = ["cumulative_prod", "cumulative_sum", "max", "mean", "min", "prod", "std", "sum", "var"]
