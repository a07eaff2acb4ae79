"""logsumexp, softmax, log_softmax: over axes."""

from __future__ import annotations

from typing import Any

from ..._primitive import primitive
from ..._scalars import NUMBERS, get_default_dtype
from ..._tensor import Tensor
from .._axes import as_tensor, axes_of, count, kept, without
from .._rules import fused, is_complex, over, sum_of_products
from ..creation import asarray
from ..data_types import astype, result_type
from ..elementwise import abs, exp, real, sign
from ..logic import isfinite
from ..manipulation import broadcast_arrays, squeeze
from ..searching import where
from ..statistical import max, sum
from ._arguments import in_dtype_of

NAN, INF = float("nan"), float("inf")
_LARGEST = 80.0  # exp of it is finite in single precision


def _top(x: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """The largest element along the axes."""
    reduce = xp.sum if 0 in x.shape else xp.max
    return reduce(x, axis=axes, keepdims=True)


def _logsumexp_gradient(g: Any, x: Any, out: Any, axes: tuple[int, ...], xp: Any) -> Any:
    shape = kept(x.shape, axes)
    g, out = xp.reshape(g, shape), xp.reshape(out, shape)
    if isinstance(g, Tensor) or isinstance(out, Tensor):
        return _logsumexp_backward(g, out, x, axes=axes)
    gx = fused("logsumexp_gradient", (g, out, x), axes, xp)
    return g * over(xp.exp, x - out, xp=xp) if gx is None else gx


@primitive(
    "LogsumexpBackward",
    jvp="elementwise",
    g=lambda h, y, x, xp: h * xp.exp(x - y),
    y=lambda h, out: -h * out,
    x=lambda h, out: h * out,
)
def _logsumexp_backward(xp: Any, g: Any, y: Any, x: Any, *, axes: Any) -> Any:
    return _logsumexp_gradient(g, x, y, axes, xp)


@primitive(
    "Logsumexp",
    x=_logsumexp_gradient,
    jvp=lambda t, x, out, axes, xp: xp.reshape(xp.sum(t * _weights(x, out, axes, xp), axis=axes), out.shape),
)
def _logsumexp(xp: Any, x: Any, *, axes: Any, keepdims: Any) -> Any:
    out = fused("logsumexp", (x,), axes, xp)
    if out is None:
        top = _top(x if not is_complex(x) else xp.real(x), axes, xp)
        top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
        total = xp.sum(over(xp.exp, x - top, xp=xp), axis=axes, keepdims=True)
        zero = total == 0
        out = xp.where(zero, xp.full_like(total, -INF), xp.log(xp.where(zero, xp.ones_like(total), total)) + top)
    return out if keepdims else xp.reshape(out, without(x.shape, axes))


def _weights(x: Any, out: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """exp(x) / sum(exp(x)), where `out` is the logarithm of the sum."""
    return over(xp.exp, x - xp.reshape(out, kept(x.shape, axes)), xp=xp)


def _shifted(x: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """x minus its largest element, a new array; NaN where that is infinite."""
    top = _top(x, axes, xp)
    return x - xp.where(xp.isfinite(top), top, xp.full_like(top, NAN))


def _softmax_gradient(g: Any, out: Any, axes: tuple[int, ...], xp: Any) -> Any:
    if isinstance(g, Tensor) or isinstance(out, Tensor):
        return _softmax_backward(g, out, axes=axes)
    gx = fused("softmax_gradient", (g, out), axes, xp)
    return out * (g - sum_of_products(out, g, axes, xp)) if gx is None else gx


@primitive(
    "SoftmaxBackwardData",
    g=lambda h, y, axes, xp: _softmax_gradient(h, y, axes, xp),
    y=lambda h, g, y, axes, xp: h * (g - sum_of_products(y, g, axes, xp)) - g * sum_of_products(y, h, axes, xp),
    jvp={"g": "multilinear", "y": lambda t, g, y, axes, xp: t * (g - sum_of_products(y, g, axes, xp)) - y * sum_of_products(t, g, axes, xp)},
)
def _softmax_backward(xp: Any, g: Any, y: Any, *, axes: Any) -> Any:
    return _softmax_gradient(g, y, axes, xp)


@primitive("Softmax", x=_softmax_gradient, jvp=_softmax_gradient)
def _softmax(xp: Any, x: Any, *, axes: Any) -> Any:
    if (out := fused("softmax", (x,), axes, xp)) is not None:
        return out
    e = over(xp.exp, _shifted(x, axes, xp), xp=xp)
    return over(xp.divide, e, xp.sum(e, axis=axes, keepdims=True), xp=xp)


def _log_softmax_gradient(g: Any, out: Any, axes: tuple[int, ...], xp: Any) -> Any:
    if isinstance(g, Tensor) or isinstance(out, Tensor):
        return _log_softmax_backward(g, out, axes=axes)
    gx = fused("log_softmax_gradient", (g, out), axes, xp)
    return over(xp.add, xp.exp(out) * -xp.sum(g, axis=axes, keepdims=True), g, xp=xp) if gx is None else gx


@primitive(
    "LogSoftmaxBackwardData",
    g=lambda h, y, axes, xp: h - sum_of_products(xp.exp(y), h, axes, xp),
    y=lambda h, g, y, axes, xp: h * (xp.exp(y) * -xp.sum(g, axis=axes, keepdims=True)),
    jvp={"g": "multilinear", "y": "elementwise"},
)
def _log_softmax_backward(xp: Any, g: Any, y: Any, *, axes: Any) -> Any:
    return _log_softmax_gradient(g, y, axes, xp)


@primitive(
    "LogSoftmax",
    x=_log_softmax_gradient,
    jvp=lambda t, out, axes, xp: t - sum_of_products(xp.exp(out), t, axes, xp),
)
def _log_softmax(xp: Any, x: Any, *, axes: Any) -> Any:
    if (out := fused("log_softmax", (x,), axes, xp)) is not None:
        return out
    x = _shifted(x, axes, xp)
    return over(xp.subtract, x, xp.log(xp.sum(xp.exp(x), axis=axes, keepdims=True)), xp=xp)


def _floating(x: Any) -> Tensor:
    x = as_tensor(x)
    return x if x._node is not None or x.dtype.kind not in "biu" else astype(x, get_default_dtype())


def logsumexp(x: Tensor, /, axis: Any = None, *, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Tensor | tuple[Tensor, Tensor]:
    """log(sum(b * exp(x))) over the given axes, or over all, without overflow.

    Parameters
    ----------
    x : Tensor
    axis : int or tuple of int, optional
    b : Tensor or number, optional
        Weights, which may be negative or zero; broadcast against x. They are differentiated too.
    keepdims : bool
    return_sign : bool
        Return the logarithm of the absolute value, and the sign (for complex numbers the phase). Without it the
        logarithm of a negative sum is NaN.
    """
    x = _floating(x)
    if b is None and not return_sign:
        return _logsumexp(x, axes=axes_of("logsumexp", axis, x.ndim), keepdims=keepdims)
    if b is not None:
        b = asarray(b, dtype=result_type(x, b), device=x.device) if isinstance(b, NUMBERS) else in_dtype_of(x, b)
        x, b = broadcast_arrays(x, b)
    axes = axes_of("logsumexp", axis, x.ndim)
    total, top = _scaled_sum(x, b, axes)
    magnitude = abs(total)
    if return_sign:
        out, phase = _log_of_sum(magnitude) + top, sign(total)
    elif total.dtype.kind == "c":
        out, phase = _log_of_sum(total) + top, None
    else:
        out, phase = _log_of_sum(where(total < 0, NAN, total)) + top, None
    if not keepdims:
        out, phase = squeeze(out, axis=axes), None if phase is None else squeeze(phase, axis=axes)
    return out if phase is None else (out, phase)


@primitive("Log", jvp="elementwise", x=lambda g, x: g / x)
def _log_of_sum(xp: Any, x: Any) -> Any:
    """log(x); of 0 without a warning, since a sum of nothing has -inf for its logarithm."""
    zero = x == 0
    return xp.where(zero, xp.full_like(x, -INF), xp.log(xp.where(zero, xp.ones_like(x), x)))


def _scaled_sum(x: Tensor, b: Tensor | None, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """The sum of b * exp(x - top) with the axes kept, and top: the largest real part of an x that counts, a constant."""
    size = real(x).detach() if x.dtype.kind == "c" else x.detach()
    if b is not None:
        size = where(b.detach() == 0, -INF, size)
    top = max(size, axis=axes, keepdims=True) if count(x.shape, axes) else sum(size, axis=axes, keepdims=True)
    top = where(isfinite(top), top, 0.0)
    if b is None:
        return sum(exp(x - top), axis=axes, keepdims=True), top
    # what does not count could overflow, and 0 times that is NaN
    counts = (b.detach() != 0) | ((real(x) if x.dtype.kind == "c" else x).detach() - top < _LARGEST)
    return sum(b * exp(where(counts, x - top, 0.0)), axis=axes, keepdims=True), top


def softmax(x: Tensor, /, axis: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)), the sum over the given axes, or over all."""
    x = _floating(x)
    return _softmax(x, axes=axes_of("softmax", axis, x.ndim))


def log_softmax(x: Tensor, /, axis: Any = None) -> Tensor:
    """log(softmax(x)), without underflow."""
    x = _floating(x)
    return _log_softmax(x, axes=axes_of("log_softmax", axis, x.ndim))
