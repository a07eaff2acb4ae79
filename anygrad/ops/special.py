"""`anygrad.special`: scipy.special's spelling, differentiable.

The functions of this file are made of the standard's; those of `_library.py` come from SciPy or CuPy.
"""

from __future__ import annotations

import math
from typing import Any

from .._primitive import primitive
from .._scalars import get_default_dtype
from .._tensor import Tensor
from ._axes import as_tensor, axes_of, count, kept
from ._library import (
    beta,
    betaln,
    digamma,
    erf,
    erfc,
    erfcx,
    erfinv,
    gamma,
    gammainc,
    gammaincc,
    gammaln,
    i0,
    i0e,
    i1,
    i1e,
    j0,
    j1,
    log_ndtr,
    ndtr,
    ndtri,
    polygamma,
    psi,
    zeta,
)
from ._rules import call, is_complex
from .data_types import astype
from .elementwise import subtract

NAN, INF = float("nan"), float("inf")

# ---------------------------------------------------------------------------
# the logistic function
# ---------------------------------------------------------------------------


@primitive("Sigmoid", floats=True, x=lambda g, out: g * (out * (1 - out)))
def expit(xp: Any, x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow."""
    if is_complex(x):
        return 1 / (1 + xp.exp(-x))
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, xp.ones_like(x), small) / (1 + small)


@primitive("Logit", floats=True, x=lambda g, x, xp: xp.where((x >= 0) & (x <= 1), g / (x * (1 - x)), xp.full_like(x, NAN)))
def logit(xp: Any, x: Any) -> Any:
    """log(x / (1 - x)): -inf at 0, inf at 1, NaN outside."""
    inside, end = (x > 0) & (x < 1), (x == 0) | (x == 1)
    safe = xp.where(inside, x, xp.ones_like(x) / 2)
    beyond = xp.where(end, xp.where(end, x - 0.5, xp.ones_like(x)) * INF, xp.full_like(x, NAN))
    return xp.where(inside, xp.log(safe / (1 - safe)), beyond)


@primitive("LogSigmoid", floats=True, x=lambda g, x: g * call(expit, -x))
def log_expit(xp: Any, x: Any) -> Any:
    """log(expit(x)), accurate far out."""
    return xp.minimum(x, xp.zeros_like(x)) - xp.log1p(xp.exp(-xp.abs(x)))


# ---------------------------------------------------------------------------
# x log y and entropies
# ---------------------------------------------------------------------------


def _xlogy_slope(function: Any, g: Any, x: Any, y: Any, least: int, xp: Any) -> Any:
    """The derivative by x: 0 at x = 0 where the logarithm has no finite value."""
    out = call(function, g, y)
    return xp.where((x == 0) & (y <= least), xp.zeros_like(out), out)


@primitive("Xlogy", floats=True, x=lambda g, x, y, xp: _xlogy_slope(xlogy, g, x, y, 0, xp), y=lambda g, x, y: g * x / y)
def xlogy(xp: Any, x: Any, y: Any) -> Any:
    """x log(y), and 0 at x = 0 whatever y is, unless NaN."""
    zero = (x == 0) & (y == y)
    return xp.where(zero, xp.zeros_like(x + y), x * xp.log(xp.where(zero, xp.ones_like(y), y)))


@primitive("SpecialXlog1Py", floats=True, x=lambda g, x, y, xp: _xlogy_slope(xlog1py, g, x, y, -1, xp), y=lambda g, x, y: g * x / (y + 1))
def xlog1py(xp: Any, x: Any, y: Any) -> Any:
    """x log(1 + y), and 0 at x = 0 whatever y is, unless NaN."""
    zero = (x == 0) & (y == y)
    return xp.where(zero, xp.zeros_like(x + y), x * xp.log1p(xp.where(zero, xp.zeros_like(y), y)))


@primitive("SpecialEntr", floats=True, x=lambda g, x, xp: g * (-1 - xp.log(x)))
def entr(xp: Any, x: Any) -> Any:
    """-x log(x): 0 at 0, -inf below."""
    safe = xp.where(x <= 0, xp.ones_like(x), x)
    return xp.where(x < 0, xp.full_like(x, -INF), -safe * xp.log(safe))


def _where_defined(value: Any, x: Any, y: Any, xp: Any) -> Any:
    return xp.where((x >= 0) & (y >= 0), value, xp.full_like(value, NAN))


@primitive(
    "RelEntr",
    floats=True,
    x=lambda g, x, y, xp: _where_defined(g * (xp.log(x / y) + 1), x, y, xp),
    y=lambda g, x, y, xp: _where_defined(-g * xp.where(x == 0, xp.zeros_like(x / y), x / y), x, y, xp),
)
def rel_entr(xp: Any, x: Any, y: Any) -> Any:
    """x log(x / y) for positive x and y; 0 at x = 0, y >= 0; inf elsewhere."""
    inside, zero, nan = (x > 0) & (y > 0), (x == 0) & (y >= 0), (x != x) | (y != y)
    a, b = xp.where(inside, x, xp.ones_like(x)), xp.where(inside, y, xp.ones_like(y))
    value = a * xp.log(a / b)
    value = xp.where(inside | zero, value, xp.full_like(value, INF))
    return xp.where(nan, xp.full_like(value, NAN), value)


def kl_div(x: Tensor, y: Tensor, /) -> Tensor:
    """rel_entr(x, y) - x + y: a term of the Kullback-Leibler divergence."""
    out = rel_entr(x, y)
    return out + astype(subtract(y, x), out.dtype, copy=False)


@primitive(
    "Huber",
    floats=True,
    delta=lambda g, delta, r, xp: g * xp.maximum(xp.abs(r) - delta, xp.zeros_like(r - delta)),
    r=lambda g, delta, r, xp: g * xp.where(xp.abs(r) <= delta, r, delta * xp.sign(r)),
)
def huber(xp: Any, delta: Any, r: Any) -> Any:
    """r**2 / 2 where abs(r) <= delta, delta * (abs(r) - delta / 2) beyond; inf for a negative delta."""
    size = xp.abs(r)
    value = xp.where(size <= delta, r * r / 2, delta * (size - delta / 2))
    return xp.where(delta < 0, xp.full_like(value, INF), value)


# ---------------------------------------------------------------------------
# sinc
# ---------------------------------------------------------------------------


@primitive("Sinc", floats=True, x=lambda g, x, order: g * call(_sinc, x, order=order + 1))
def _sinc(xp: Any, x: Any, *, order: Any) -> Any:
    """The derivative of that order: by its power series near 0, else by u f'(k) = sin(u + k pi/2) - k f'(k-1)."""
    u = math.pi * x
    near = xp.abs(u) < max(order, 1)
    far, square = xp.where(near, xp.ones_like(u), u), xp.where(near, u * u, xp.zeros_like(u))
    value, slopes = xp.sin(far) / far, (xp.sin(far), xp.cos(far))
    for k in range(1, order + 1):
        value = ((-1) ** (k // 2) * slopes[k % 2] - k * value) / far
    first, series = (order + 1) // 2, xp.zeros_like(u)
    for k in range(2 * order + 10, first - 1, -1):
        series = series * square + (-1) ** k / ((2 * k + 1) * math.factorial(2 * k - order))
    return math.pi**order * xp.where(near, series * u if order % 2 else series, value)


def sinc(x: Tensor, /) -> Tensor:
    """sin(pi x) / (pi x), and 1 at 0; every derivative is accurate near 0 too."""
    return _sinc(x, order=0)


# ---------------------------------------------------------------------------
# over axes
# ---------------------------------------------------------------------------


def _top(x: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """The largest element along the axes."""
    reduce = xp.max if count(x.shape, axes) else xp.sum
    return reduce(x, axis=axes, keepdims=True)


@primitive("Logsumexp", x=lambda g, x, out, axes, xp: xp.reshape(g, kept(x.shape, axes)) * xp.exp(x - xp.reshape(out, kept(x.shape, axes))))
def _logsumexp(xp: Any, x: Any, *, axes: Any, keepdims: Any) -> Any:
    top = _top(x if not is_complex(x) else xp.real(x), axes, xp)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    total = xp.sum(xp.exp(x - top), axis=axes, keepdims=True)
    zero = total == 0
    out = xp.where(zero, xp.full_like(total, -INF), xp.log(xp.where(zero, xp.ones_like(total), total)) + top)
    return out if keepdims else xp.reshape(out, tuple(n for i, n in enumerate(x.shape) if i not in axes))


def _shifted(x: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """x minus its largest element; NaN where that is infinite."""
    top = _top(x, axes, xp)
    finite = xp.isfinite(top)
    return xp.where(finite, x, xp.full_like(x, NAN)) - xp.where(finite, top, xp.zeros_like(top))


@primitive("Softmax", x=lambda g, out, axes, xp: out * (g - xp.sum(out * g, axis=axes, keepdims=True)))
def _softmax(xp: Any, x: Any, *, axes: Any) -> Any:
    e = xp.exp(_shifted(x, axes, xp))
    return e / xp.sum(e, axis=axes, keepdims=True)


@primitive("LogSoftmax", x=lambda g, out, axes, xp: g - xp.exp(out) * xp.sum(g, axis=axes, keepdims=True))
def _log_softmax(xp: Any, x: Any, *, axes: Any) -> Any:
    x = _shifted(x, axes, xp)
    return x - xp.log(xp.sum(xp.exp(x), axis=axes, keepdims=True))


def _floating(x: Any) -> Tensor:
    x = as_tensor(x)
    return astype(x, get_default_dtype()) if x.dtype.kind in "biu" else x


def logsumexp(x: Tensor, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over the given axes, or over all, without overflow."""
    x = _floating(x)
    return _logsumexp(x, axes=axes_of("logsumexp", axis, x.ndim), keepdims=keepdims)


def softmax(x: Tensor, /, axis: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)), the sum over the given axes, or over all."""
    x = _floating(x)
    return _softmax(x, axes=axes_of("softmax", axis, x.ndim))


def log_softmax(x: Tensor, /, axis: Any = None) -> Tensor:
    """log(softmax(x)), without underflow."""
    x = _floating(x)
    return _log_softmax(x, axes=axes_of("log_softmax", axis, x.ndim))


__all__ = [
    "beta", "betaln", "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "expit", "gamma", "gammainc", "gammaincc", "gammaln", "huber",
    "i0", "i0e", "i1", "i1e", "j0", "j1", "kl_div", "log_expit", "log_ndtr", "log_softmax", "logit", "logsumexp", "ndtr", "ndtri", "polygamma",
    "psi", "rel_entr", "sinc", "softmax", "xlog1py", "xlogy", "zeta",
]  # fmt: skip
