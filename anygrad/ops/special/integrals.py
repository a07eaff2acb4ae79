"""Exponential, trigonometric and elliptic integrals, hypergeometric and Legendre functions."""

from __future__ import annotations

import math
from typing import Any

from ..._primitive import elementwise as primitive
from ..._tensor import Tensor
from .._rules import call, is_complex
from ._arguments import in_dtype_of
from ._library import of_library
from .elementary import _exprel, _log1prel, _sinc

# ---------------------------------------------------------------------------
# exponential and trigonometric integrals
# ---------------------------------------------------------------------------


@primitive("SpecialExp1", floats=True, x=lambda g, x, xp: -g * xp.exp(-x) / x)
def exp1(xp: Any, x: Any) -> Any:
    """The integral of exp(-t) / t from x to infinity."""
    return of_library(xp, "exp1", x)


@primitive("SpecialExpi", floats=True, x=lambda g, x, xp: g * xp.exp(x) / x)
def expi(xp: Any, x: Any) -> Any:
    """The integral of exp(t) / t up to x, its principal value."""
    return of_library(xp, "expi", x)


def _expn_slope(n: Any, x: Any, xp: Any) -> Any:
    """-expn(n - 1, x); for n = 0 the derivative of exp(-x) / x."""
    zero = n == 0
    return -xp.where(zero, xp.exp(-x) * (1 + 1 / x) / x, call(_expn, xp.where(zero, n, n - 1), x))


@primitive("SpecialExpn", floats=True, x=lambda g, n, x, xp: g * _expn_slope(n, x, xp))
def _expn(xp: Any, n: Any, x: Any) -> Any:
    return of_library(xp, "expn", n, x)


def expn(n: Any, x: Tensor) -> Tensor:
    """The integral of exp(-x t) / t**n from 1 to infinity; n is an integer; differentiable in x."""
    return _expn(in_dtype_of(x, n), x)


@primitive("SpecialSi", floats=True, x=lambda g, x: g * call(_sinc, x / math.pi, order=0))
def _si(xp: Any, x: Any) -> Any:
    return of_library(xp, "sici", x)


@primitive("SpecialCi", floats=True, x=lambda g, x, xp: g * xp.cos(x) / x)
def _ci(xp: Any, x: Any) -> Any:
    return of_library(xp, "sici", x, part=1)


def sici(x: Tensor, /) -> tuple[Tensor, Tensor]:
    """The sine and the cosine integral."""
    return _si(x), _ci(x)


@primitive("SpecialShi", floats=True, x=lambda g, x: g * ((call(_exprel, x, order=0) + call(_exprel, -x, order=0)) / 2))
def _shi(xp: Any, x: Any) -> Any:
    return of_library(xp, "shichi", x)


@primitive("SpecialChi", floats=True, x=lambda g, x, xp: g * xp.cosh(x) / x)
def _chi(xp: Any, x: Any) -> Any:
    return of_library(xp, "shichi", x, part=1)


def shichi(x: Tensor, /) -> tuple[Tensor, Tensor]:
    """The hyperbolic sine and cosine integral."""
    return _shi(x), _chi(x)


def _spence_slope(z: Any, xp: Any) -> Any:
    """log(z) / (1 - z), accurate near z = 1."""
    near = call(_log1prel, z - 1, order=0)
    if is_complex(z):
        return -near
    small = z < 0.5
    at = xp.where(small, z, xp.ones_like(z) / 2)
    return xp.where(small, xp.log(at) / (1 - at), -near)


@primitive("SpecialSpence", floats=True, z=lambda g, z, xp: g * _spence_slope(z, xp))
def spence(xp: Any, z: Any) -> Any:
    """The integral of log(t) / (1 - t) from 1 to z: the dilogarithm of 1 - z."""
    return of_library(xp, "spence", z)


# ---------------------------------------------------------------------------
# elliptic integrals
# ---------------------------------------------------------------------------


@primitive("SpecialEllipticSeries", floats=True, m=lambda g, m, order, coefficients: g * call(_near_circle, m, order=order + 1, coefficients=coefficients))
def _near_circle(xp: Any, m: Any, *, order: Any, coefficients: Any) -> Any:
    """The derivative of that order of a complete elliptic integral, by its power series: for abs(m) up to 1/8."""
    series = xp.zeros_like(m)
    for k in range(20 + 2 * order, order - 1, -1):
        series = series * m + coefficients(k) * math.perm(k, order)
    return series


def _coefficient_k(k: int) -> float:
    return math.pi / 2 * (math.comb(2 * k, k) / 4**k) ** 2  # DLMF 19.5.1


def _coefficient_e(k: int) -> float:
    return _coefficient_k(k) / (1 - 2 * k)  # DLMF 19.5.2


def _ellipk_slope(m: Any, p: Any, k: Any, xp: Any) -> Any:
    """The derivative of ellipk at m = 1 - p, where it is k (DLMF 19.4.1); by the series where that is a small difference."""
    near = xp.abs(m) < 0.125
    far, rest = xp.where(near, xp.ones_like(m) / 2, m), xp.where(near, xp.ones_like(m) / 2, p)
    product = xp.where(rest == 0, rest, rest * xp.where(near, call(ellipk, far), k))
    quotient = (call(ellipe, far) - product) / (2 * far * rest)
    return xp.where(near, call(_near_circle, xp.where(near, m, xp.zeros_like(m)), order=1, coefficients=_coefficient_k), quotient)


@primitive("SpecialEllipk", floats=True, m=lambda g, m, out, xp: g * _ellipk_slope(m, 1 - m, out, xp))
def ellipk(xp: Any, m: Any) -> Any:
    """The complete elliptic integral of the first kind, of parameter m."""
    return of_library(xp, "ellipk", m)


@primitive("SpecialEllipkm1", floats=True, p=lambda g, p, out, xp: -g * _ellipk_slope(1 - p, p, out, xp))
def ellipkm1(xp: Any, p: Any) -> Any:
    """ellipk(1 - p), accurate for small p."""
    return of_library(xp, "ellipkm1", p)


def _ellipe_slope(m: Any, out: Any, xp: Any) -> Any:
    near = xp.abs(m) < 0.125
    quotient = (out - call(ellipk, m)) / (2 * xp.where(near, xp.ones_like(m), m))
    return xp.where(near, call(_near_circle, xp.where(near, m, xp.zeros_like(m)), order=1, coefficients=_coefficient_e), quotient)


@primitive("SpecialEllipe", floats=True, m=lambda g, m, out, xp: g * _ellipe_slope(m, out, xp))
def ellipe(xp: Any, m: Any) -> Any:
    """The complete elliptic integral of the second kind, of parameter m."""
    return of_library(xp, "ellipe", m)


@primitive("SpecialEllipkinc", floats=True, phi=lambda g, phi, m, xp: g / xp.sqrt(1 - m * xp.sin(phi) ** 2))
def ellipkinc(xp: Any, phi: Any, m: Any) -> Any:
    """The incomplete elliptic integral of the first kind; differentiable in phi."""
    return of_library(xp, "ellipkinc", phi, m)


@primitive("SpecialEllipeinc", floats=True, phi=lambda g, phi, m, xp: g * xp.sqrt(1 - m * xp.sin(phi) ** 2))
def ellipeinc(xp: Any, phi: Any, m: Any) -> Any:
    """The incomplete elliptic integral of the second kind; differentiable in phi."""
    return of_library(xp, "ellipeinc", phi, m)


# ---------------------------------------------------------------------------
# others
# ---------------------------------------------------------------------------


@primitive("SpecialHyp1F1", floats=True, x=lambda g, a, b, x: g * (a / b * call(hyp1f1, a + 1, b + 1, x)))
def hyp1f1(xp: Any, a: Any, b: Any, x: Any) -> Any:
    """Kummer's confluent hypergeometric function; differentiable in x."""
    return of_library(xp, "hyp1f1", a, b, x)


@primitive("SpecialLpmv", floats=True, x=lambda g, m, v, x, out: g * ((v * x * out - (v + m) * call(_lpmv, m, v - 1, x)) / (x * x - 1)))
def _lpmv(xp: Any, m: Any, v: Any, x: Any) -> Any:
    return of_library(xp, "lpmv", m, v, x)


def lpmv(m: Any, v: Any, x: Tensor) -> Tensor:
    """The associated Legendre function of integer order m and real degree v; differentiable in x (DLMF 14.10.5)."""
    return _lpmv(in_dtype_of(x, m), in_dtype_of(x, v), x)


@primitive("SpecialWrightomega", floats=True, z=lambda g, out: g * (out / (1 + out)))
def wrightomega(xp: Any, z: Any) -> Any:
    """The w for which w + log(w) is z."""
    return of_library(xp, "wrightomega", z)
