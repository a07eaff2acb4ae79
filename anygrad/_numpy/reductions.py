"""NumPy's reductions. An element that is NaN takes no part in `nansum` and its like: its gradient is 0."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from .._errors import ShapeError
from .._tensor import Tensor
from ..ops._axes import axes_of, count, kept, without
from .arguments import Array, flat, floating, implements, tensor, without_nan


@implements("mean")
def mean(a: Array, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, where: Any = None) -> Tensor:
    if where is not None:
        weights = ops.astype(ops.broadcast_to(tensor(where), tensor(a).shape), floating(a).dtype)
        return ops.sum(ops.where(tensor(where), floating(a), 0.0), axis=axis, keepdims=keepdims) / ops.sum(weights, axis=axis, keepdims=keepdims)
    return ops.mean(floating(a) if dtype is None else tensor(a).astype(dtype), axis=axis, keepdims=keepdims)


@implements("var")
def var(a: Array, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: bool = False, correction: Any = None) -> Tensor:
    return ops.var(
        floating(a) if dtype is None else tensor(a).astype(dtype), axis=axis, correction=ddof if correction is None else correction, keepdims=keepdims
    )


@implements("std")
def std(a: Array, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: bool = False, correction: Any = None) -> Tensor:
    return ops.std(
        floating(a) if dtype is None else tensor(a).astype(dtype), axis=axis, correction=ddof if correction is None else correction, keepdims=keepdims
    )


@implements("average")
def average(a: Array, axis: Any = None, weights: Array = None, *, keepdims: bool = False) -> Tensor:
    if weights is None:
        return mean(a, axis, keepdims=keepdims)
    a, weights = floating(a), floating(weights)
    if weights.ndim == 1 and a.ndim > 1 and isinstance(axis, int):
        weights = ops.reshape(weights, (-1,) + (1,) * (a.ndim - 1 - axis % a.ndim))
    weights = ops.broadcast_to(weights, a.shape)
    return ops.sum(a * weights, axis=axis, keepdims=keepdims) / ops.sum(weights, axis=axis, keepdims=keepdims)


@implements("ptp")
def ptp(a: Array, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    return ops.max(a, axis=axis, keepdims=keepdims) - ops.min(a, axis=axis, keepdims=keepdims)


@implements("cumsum")
def cumsum(a: Array, axis: int | None = None, dtype: Any = None) -> Tensor:
    a, axis = flat(tensor(a), axis)
    return ops.cumulative_sum(a, axis=axis, dtype=dtype)


@implements("cumprod")
def cumprod(a: Array, axis: int | None = None, dtype: Any = None) -> Tensor:
    a, axis = flat(tensor(a), axis)
    return ops.cumulative_prod(a, axis=axis, dtype=dtype)


def _ranked(a: Tensor, positions: Callable[[Tensor], Tensor], axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The sorted elements along the axes, read at positions between them; `positions` has the number of elements that are not NaN."""
    rest = without(a.shape, axes)
    shape = kept(a.shape, axes) if keepdims else rest
    a = ops.reshape(ops.moveaxis(a, axes, tuple(range(-len(axes), 0))), (*rest, -1))
    valid = ops.sum(ops.astype(~ops.isnan(a), np.int64), axis=-1, keepdims=True)
    place = positions(valid)
    low = ops.astype(ops.floor(place), np.int64)
    ordered = ops.sort(a, axis=-1)  # NaN comes last
    below = ops.take_along_axis(ordered, ops.clip(low, 0), axis=-1)
    above = ops.take_along_axis(ordered, ops.clip(ops.minimum(low + 1, valid - 1), 0), axis=-1)
    share = ops.astype(place - ops.astype(low, place.dtype), a.dtype)
    out = ops.where(share == 0, below, below + (above - below) * share)
    return ops.reshape(out, shape) if out.shape[-1] == 1 else ops.moveaxis(out, -1, 0)


def _quantile(a: Array, q: Array, axis: Any, keepdims: bool, ignore_nan: bool) -> Tensor:
    a, q = floating(a), floating(q)
    axes = axes_of("quantile", axis, a.ndim)
    if not count(a.shape, axes):
        raise ShapeError(f"quantile: no element to choose from: a has shape {a.shape}")
    if q.ndim > 1:
        raise ShapeError(f"quantile: q is a number or a list of numbers, not of shape {q.shape}")
    parts = []
    for p in ops.unstack(ops.reshape(q, (-1,))):
        out = _ranked(a, lambda valid, p=p: ops.astype(valid - 1, np.float64) * p, axes, keepdims)  # type: ignore[misc]
        parts.append(out if ignore_nan else ops.where(ops.any(ops.isnan(a), axis=axes, keepdims=keepdims), math.nan, out))
    return ops.stack(parts) if q.ndim else parts[0]


@implements("quantile")
def quantile(a: Array, q: Array, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Tensor:
    _only_linear(method)
    return _quantile(a, q, axis, keepdims, ignore_nan=False)


@implements("nanquantile")
def nanquantile(a: Array, q: Array, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Tensor:
    _only_linear(method)
    return _quantile(a, q, axis, keepdims, ignore_nan=True)


def _only_linear(method: str) -> None:
    if method != "linear":
        raise TypeError(f"np.quantile: method={method!r} is not supported for Tensors, only 'linear'")


@implements("percentile")
def percentile(a: Array, q: Array, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Tensor:
    return quantile(a, floating(q) / 100, axis, method=method, keepdims=keepdims)


@implements("nanpercentile")
def nanpercentile(a: Array, q: Array, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Tensor:
    return nanquantile(a, floating(q) / 100, axis, method=method, keepdims=keepdims)


@implements("median")
def median(a: Array, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    return _quantile(a, 0.5, axis, keepdims, ignore_nan=False)


@implements("nanmedian")
def nanmedian(a: Array, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    return _quantile(a, 0.5, axis, keepdims, ignore_nan=True)


def _valid(a: Tensor, axis: Any, keepdims: bool) -> Tensor:
    """How many elements are not NaN."""
    return ops.sum(ops.astype(~ops.isnan(a), ops.real(a).dtype if a.dtype.kind == "c" else a.dtype), axis=axis, keepdims=keepdims)


@implements("nansum")
def nansum(a: Array, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Tensor:
    return ops.sum(without_nan(a, 0), axis=axis, dtype=dtype, keepdims=keepdims)


@implements("nanprod")
def nanprod(a: Array, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Tensor:
    return ops.prod(without_nan(a, 1), axis=axis, dtype=dtype, keepdims=keepdims)


@implements("nancumsum")
def nancumsum(a: Array, axis: int | None = None, dtype: Any = None) -> Tensor:
    return cumsum(without_nan(a, 0), axis, dtype)


@implements("nancumprod")
def nancumprod(a: Array, axis: int | None = None, dtype: Any = None) -> Tensor:
    return cumprod(without_nan(a, 1), axis, dtype)


@implements("nanmean")
def nanmean(a: Array, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Tensor:
    a = floating(a) if dtype is None else tensor(a).astype(dtype)
    n = _valid(a, axis, keepdims)
    return nansum(a, axis, keepdims=keepdims) / ops.where(n > 0, n, math.nan)


@implements("nanvar")
def nanvar(a: Array, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: bool = False, correction: Any = None) -> Tensor:
    a = floating(a) if dtype is None else tensor(a).astype(dtype)
    distance = ops.abs(without_nan(a - nanmean(a, axis, keepdims=True), 0))
    freedom = _valid(a, axis, keepdims) - (ddof if correction is None else correction)
    return ops.sum(distance * distance, axis=axis, keepdims=keepdims) / ops.where(freedom > 0, freedom, math.nan)


@implements("nanstd")
def nanstd(a: Array, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: bool = False, correction: Any = None) -> Tensor:
    """Where all elements are equal, the gradient is 0, as that of `std`."""
    variance = nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims, correction=correction)
    zero = variance == 0
    return ops.where(zero, 0.0, ops.sqrt(ops.where(zero, 1.0, variance)))


@implements("nanmax")
def nanmax(a: Array, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    return _nan_extremum(ops.max, -math.inf, tensor(a), axis, keepdims)


@implements("nanmin")
def nanmin(a: Array, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    return _nan_extremum(ops.min, math.inf, tensor(a), axis, keepdims)


def _nan_extremum(extremum: Callable[..., Tensor], neutral: float, a: Tensor, axis: Any, keepdims: bool) -> Tensor:
    if a.dtype.kind != "f":
        return extremum(a, axis=axis, keepdims=keepdims)
    nothing = ops.all(ops.isnan(a), axis=axis, keepdims=keepdims)
    return ops.where(nothing, math.nan, extremum(without_nan(a, neutral), axis=axis, keepdims=keepdims))
