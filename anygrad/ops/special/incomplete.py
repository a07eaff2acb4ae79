"""Incomplete gamma and beta functions and their inverses, differentiable in every argument.

`_gammainc_slope.py` and `_betainc_slope.py` say how the derivatives with respect to a and b are computed. They are
primitives: there are second ones too, and any of them can be differentiated by x.
"""

from __future__ import annotations

from typing import Any

from ..._primitive import elementwise as primitive
from .._rules import call
from ._arguments import next_order
from ._betainc_slope import beta_density, betainc_slope
from ._gammainc_slope import gamma_density, gammainc_slope
from ._library import of_library
from .gamma_functions import _polygamma, digamma

# ---------------------------------------------------------------------------
# gamma
# ---------------------------------------------------------------------------


def _mean_gamma(a: Any, x: Any, xp: Any) -> Any:
    """The derivative by a of the logarithm of the density."""
    return xp.log(x) - call(digamma, a)


def _log_slope_of_power(a: Any, x: Any, xp: Any) -> Any:
    """(a - 1) / x, and 0 for a = 1 at x = 0 too."""
    return (a - 1) / xp.where((a == 1) & (x == 0), xp.ones_like(x), x)


@primitive(
    "SpecialGammaDensity",
    floats=True,
    a=lambda g, a, x, out, xp: g * (out * _mean_gamma(a, x, xp)),
    x=lambda g, a, x, out, xp: g * (out * (_log_slope_of_power(a, x, xp) - 1)),
)
def _gamma_density(xp: Any, a: Any, x: Any) -> Any:
    return gamma_density(xp, a, x)


def _gamma_mixed(a: Any, x: Any, order: int, xp: Any) -> Any:
    """The density differentiated by a, of that order."""
    mean = _mean_gamma(a, x, xp)
    return call(_gamma_density, a, x) * (mean if order == 1 else mean * mean - call(_polygamma, a, n=1))


@primitive(
    "SpecialGammaincSlope",
    floats=True,
    a=lambda g, a, x, order: g * call(_gammainc_slope, a, x, order=next_order("gammainc", "a", order)),
    x=lambda g, a, x, order, xp: g * _gamma_mixed(a, x, order, xp),
)
def _gammainc_slope(xp: Any, a: Any, x: Any, *, order: Any) -> Any:
    return gammainc_slope(xp, a, x, order)


@primitive("SpecialGammainc", floats=True, a=lambda g, a, x: g * call(_gammainc_slope, a, x, order=1), x=lambda g, a, x: g * call(_gamma_density, a, x))
def gammainc(xp: Any, a: Any, x: Any) -> Any:
    """The integral of t**(a - 1) exp(-t) / gamma(a) from 0 to x."""
    return of_library(xp, "gammainc", a, x)


@primitive("SpecialGammaincc", floats=True, a=lambda g, a, x: -g * call(_gammainc_slope, a, x, order=1), x=lambda g, a, x: -g * call(_gamma_density, a, x))
def gammaincc(xp: Any, a: Any, x: Any) -> Any:
    """1 - gammainc(a, x)."""
    return of_library(xp, "gammaincc", a, x)


@primitive(
    "SpecialGammaincinv",
    floats=True,
    a=lambda g, a, out: -g * call(_gammainc_slope, a, out, order=1) / call(_gamma_density, a, out),
    y=lambda g, a, out: g / call(_gamma_density, a, out),
)
def gammaincinv(xp: Any, a: Any, y: Any) -> Any:
    """The x for which gammainc(a, x) is y."""
    return of_library(xp, "gammaincinv", a, y)


@primitive(
    "SpecialGammainccinv",
    floats=True,
    a=lambda g, a, out: -g * call(_gammainc_slope, a, out, order=1) / call(_gamma_density, a, out),
    y=lambda g, a, out: -g / call(_gamma_density, a, out),
)
def gammainccinv(xp: Any, a: Any, y: Any) -> Any:
    """The x for which gammaincc(a, x) is y."""
    return of_library(xp, "gammainccinv", a, y)


# ---------------------------------------------------------------------------
# beta
# ---------------------------------------------------------------------------


def _mean_beta(a: Any, b: Any, log: Any) -> Any:
    """The derivative by a of the logarithm of the density; by b with a and b exchanged and the logarithm of 1 - x."""
    return log + call(digamma, a + b) - call(digamma, a)


@primitive(
    "SpecialBetaDensity",
    floats=True,
    a=lambda g, a, b, x, out, xp: g * (out * _mean_beta(a, b, xp.log(x))),
    b=lambda g, a, b, x, out, xp: g * (out * _mean_beta(b, a, xp.log1p(-x))),
    x=lambda g, a, b, x, out, xp: g * (out * (_log_slope_of_power(a, x, xp) - _log_slope_of_power(b, 1 - x, xp))),
)
def _beta_density(xp: Any, a: Any, b: Any, x: Any) -> Any:
    return beta_density(xp, a, b, x)


def _beta_mixed(a: Any, b: Any, x: Any, i: int, j: int, xp: Any) -> Any:
    """The density differentiated i times by a and j times by b, i + j being 1 or 2."""
    means = [_mean_beta(a, b, xp.log(x))] * i + [_mean_beta(b, a, xp.log1p(-x))] * j
    factor = means[0]
    if i + j == 2:
        factor = factor * means[1] + call(_polygamma, a + b, n=1)
        factor = factor - (0 if i == 1 else call(_polygamma, a if i else b, n=1))
    return call(_beta_density, a, b, x) * factor


@primitive(
    "SpecialBetaincSlope",
    floats=True,
    a=lambda g, a, b, x, i, j: g * call(_betainc_slope, a, b, x, i=next_order("betainc", "a", i + j) - j, j=j),
    b=lambda g, a, b, x, i, j: g * call(_betainc_slope, a, b, x, i=i, j=next_order("betainc", "b", i + j) - i),
    x=lambda g, a, b, x, i, j, xp: g * _beta_mixed(a, b, x, i, j, xp),
)
def _betainc_slope(xp: Any, a: Any, b: Any, x: Any, *, i: Any, j: Any) -> Any:
    return betainc_slope(xp, a, b, x, 1 - x, i, j)


@primitive(
    "SpecialBetainc",
    floats=True,
    a=lambda g, a, b, x: g * call(_betainc_slope, a, b, x, i=1, j=0),
    b=lambda g, a, b, x: g * call(_betainc_slope, a, b, x, i=0, j=1),
    x=lambda g, a, b, x: g * call(_beta_density, a, b, x),
)
def betainc(xp: Any, a: Any, b: Any, x: Any) -> Any:
    """The integral of t**(a - 1) (1 - t)**(b - 1) / B(a, b) from 0 to x."""
    return of_library(xp, "betainc", a, b, x)


@primitive(
    "SpecialBetaincc",
    floats=True,
    a=lambda g, a, b, x: -g * call(_betainc_slope, a, b, x, i=1, j=0),
    b=lambda g, a, b, x: -g * call(_betainc_slope, a, b, x, i=0, j=1),
    x=lambda g, a, b, x: -g * call(_beta_density, a, b, x),
)
def betaincc(xp: Any, a: Any, b: Any, x: Any) -> Any:
    """1 - betainc(a, b, x)."""
    return of_library(xp, "betaincc", a, b, x)


@primitive(
    "SpecialBetaincinv",
    floats=True,
    a=lambda g, a, b, out: -g * call(_betainc_slope, a, b, out, i=1, j=0) / call(_beta_density, a, b, out),
    b=lambda g, a, b, out: -g * call(_betainc_slope, a, b, out, i=0, j=1) / call(_beta_density, a, b, out),
    y=lambda g, a, b, out: g / call(_beta_density, a, b, out),
)
def betaincinv(xp: Any, a: Any, b: Any, y: Any) -> Any:
    """The x for which betainc(a, b, x) is y."""
    return of_library(xp, "betaincinv", a, b, y)


@primitive(
    "SpecialBetainccinv",
    floats=True,
    a=lambda g, a, b, out: -g * call(_betainc_slope, a, b, out, i=1, j=0) / call(_beta_density, a, b, out),
    b=lambda g, a, b, out: -g * call(_betainc_slope, a, b, out, i=0, j=1) / call(_beta_density, a, b, out),
    y=lambda g, a, b, out: -g / call(_beta_density, a, b, out),
)
def betainccinv(xp: Any, a: Any, b: Any, y: Any) -> Any:
    """The x for which betaincc(a, b, x) is y."""
    return of_library(xp, "betainccinv", a, b, y)
