"""Powers, degrees, functions that stay accurate near 0, and the Box-Cox transformation."""

from __future__ import annotations

import math
from typing import Any

from ..._primitive import elementwise as primitive
from ..._tensor import Tensor
from .._rules import call
from ..elementwise import expm1 as expm1
from ..elementwise import log1p as log1p
from ._library import of_library
from .entropies import xlogy

INF = float("inf")

# ---------------------------------------------------------------------------
# powers, degrees
# ---------------------------------------------------------------------------


@primitive("Cbrt", floats=True, x=lambda g, out: g / (3 * out * out))
def cbrt(xp: Any, x: Any) -> Any:
    """The real cube root."""
    return of_library(xp, "cbrt", x)


@primitive("SpecialExp2", floats=True, x=lambda g, out: g * (math.log(2) * out))
def exp2(xp: Any, x: Any) -> Any:
    """2**x."""
    return of_library(xp, "exp2", x)


@primitive("SpecialExp10", floats=True, x=lambda g, out: g * (math.log(10) * out))
def exp10(xp: Any, x: Any) -> Any:
    """10**x."""
    return of_library(xp, "exp10", x)


@primitive("SpecialPowm1", floats=True, x=lambda g, x, y, xp: g * (y * x ** (y - 1)), y=lambda g, x, out, xp: g * call(xlogy, out + 1, x))
def powm1(xp: Any, x: Any, y: Any) -> Any:
    """x**y - 1."""
    return of_library(xp, "powm1", x, y)


@primitive("SpecialCosm1", floats=True, x=lambda g, x, xp: -g * xp.sin(x))
def cosm1(xp: Any, x: Any) -> Any:
    """cos(x) - 1, accurate near 0."""
    half = xp.sin(x / 2)
    return -2 * half * half


DEGREE = math.pi / 180


@primitive("SpecialSindg", floats=True, x=lambda g, x: g * (DEGREE * call(cosdg, x)))
def sindg(xp: Any, x: Any) -> Any:
    """The sine of x degrees."""
    return of_library(xp, "sindg", x)


@primitive("SpecialCosdg", floats=True, x=lambda g, x: g * (-DEGREE * call(sindg, x)))
def cosdg(xp: Any, x: Any) -> Any:
    """The cosine of x degrees."""
    return of_library(xp, "cosdg", x)


@primitive("SpecialTandg", floats=True, x=lambda g, out: g * (DEGREE * (1 + out * out)))
def tandg(xp: Any, x: Any) -> Any:
    """The tangent of x degrees."""
    return of_library(xp, "tandg", x)


@primitive("SpecialCotdg", floats=True, x=lambda g, out: g * (-DEGREE * (1 + out * out)))
def cotdg(xp: Any, x: Any) -> Any:
    """The cotangent of x degrees."""
    return of_library(xp, "cotdg", x)


def radian(d: Tensor, m: Tensor, s: Tensor) -> Tensor:
    """An angle of d degrees, m minutes and s seconds in radians."""
    return (d + (m + s / 60) / 60) * DEGREE


# ---------------------------------------------------------------------------
# quotients that are 0 / 0 at 0: each of these primitives is all derivatives of a function, by its power series near 0
# and by the recurrence that differentiating x f(x) gives elsewhere
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


@primitive("SpecialExprel", floats=True, x=lambda g, x, order: g * call(_exprel, x, order=order + 1))
def _exprel(xp: Any, x: Any, *, order: Any) -> Any:
    """The derivative of that order of (exp(x) - 1) / x: the integral of t**order exp(x t) from 0 to 1.

    The series is Kummer's for negative x, of which all terms have one sign (DLMF 13.2.39).
    """
    near = xp.abs(x) < order + 1
    far, size = xp.where(near | (x == INF), xp.ones_like(x), x), xp.where(near, xp.abs(x), xp.zeros_like(x))
    value, power = xp.expm1(far) / far, xp.exp(far)
    for k in range(1, order + 1):
        value = (power - k * value) / far
    value = xp.where(x == INF, x, value)
    right, left = xp.zeros_like(x), xp.zeros_like(x)
    for k in range(2 * order + 20, -1, -1):
        right, left = right * (size / (k + 1)) + 1 / (k + order + 1), (left * size + 1) / (k + order + 1)
    return xp.where(near, xp.where(x < 0, left * xp.exp(-size), right), value)


def exprel(x: Tensor, /) -> Tensor:
    """(exp(x) - 1) / x, and 1 at 0; every derivative is accurate near 0 too."""
    return _exprel(x, order=0)


@primitive("SpecialLog1prel", floats=True, x=lambda g, x, order: g * call(_log1prel, x, order=order + 1))
def _log1prel(xp: Any, x: Any, *, order: Any) -> Any:
    """The derivative of that order of log(1 + x) / x."""
    near = xp.abs(x) < 0.25
    far, small = xp.where(near, xp.ones_like(x), x), xp.where(near, x, xp.zeros_like(x))
    value, power = xp.log1p(far) / far, xp.ones_like(x)
    for k in range(1, order + 1):
        power = power / (1 + far)
        value = ((-1) ** (k - 1) * math.factorial(k - 1) * power - k * value) / far
    series = xp.zeros_like(x)
    for k in range(30 + 2 * order, order - 1, -1):
        series = series * small + (-1) ** k * math.perm(k, order) / (k + 1)
    return xp.where(near, series, value)


# ---------------------------------------------------------------------------
# the Box-Cox transformation
# ---------------------------------------------------------------------------


def _boxcox_slope(log: Any, lmbda: Any) -> Any:
    return log * log * call(_exprel, lmbda * log, order=1)


@primitive("SpecialBoxcox", floats=True, x=lambda g, x, lmbda: g * x ** (lmbda - 1), lmbda=lambda g, x, lmbda, xp: g * _boxcox_slope(xp.log(x), lmbda))
def boxcox(xp: Any, x: Any, lmbda: Any) -> Any:
    """(x**lmbda - 1) / lmbda; log(x) for lmbda = 0."""
    return of_library(xp, "boxcox", x, lmbda)


@primitive(
    "SpecialBoxcox1P",
    floats=True,
    x=lambda g, x, lmbda, xp: g * xp.exp((lmbda - 1) * xp.log1p(x)),
    lmbda=lambda g, x, lmbda, xp: g * _boxcox_slope(xp.log1p(x), lmbda),
)
def boxcox1p(xp: Any, x: Any, lmbda: Any) -> Any:
    """boxcox(1 + x, lmbda)."""
    return of_library(xp, "boxcox1p", x, lmbda)


def _inv_boxcox_slope(x: Any, lmbda: Any) -> Any:
    return x * x * call(_log1prel, lmbda * x, order=1)


@primitive(
    "SpecialInvBoxcox",
    floats=True,
    x=lambda g, x, lmbda, out: g * (out / (1 + lmbda * x)),
    lmbda=lambda g, x, lmbda, out: g * (out * _inv_boxcox_slope(x, lmbda)),
)
def inv_boxcox(xp: Any, x: Any, lmbda: Any) -> Any:
    """The inverse of `boxcox`."""
    return of_library(xp, "inv_boxcox", x, lmbda)


@primitive(
    "SpecialInvBoxcox1P",
    floats=True,
    x=lambda g, x, lmbda, out: g * ((out + 1) / (1 + lmbda * x)),
    lmbda=lambda g, x, lmbda, out: g * ((out + 1) * _inv_boxcox_slope(x, lmbda)),
)
def inv_boxcox1p(xp: Any, x: Any, lmbda: Any) -> Any:
    """The inverse of `boxcox1p`."""
    return of_library(xp, "inv_boxcox1p", x, lmbda)
