"""Student's distribution function with respect to its degrees of freedom.

- df <= 30: through the first parameter of betainc(df / 2, 1 / 2, df / (df + t**2)) and through its argument. What the
  two have in common grows like df, so
- beyond: the density f, differentiated by df and integrated: from 0 to t near the middle, else from t on, where the
  integrand has one sign (it changes it near abs(t) = 1.55). The derivative of log f is made of its small terms alone.

Measured against mpmath: relative errors below 2e-13 for df from 0.1 to 1e4, 1e-11 at df = 1e6, for abs(t) from 1e-6 to
where the value underflows.
"""

from __future__ import annotations

import math
from typing import Any

from ._betainc_slope import betainc_slope
from ._library import of_library
from ._parameters import BERNOULLI, REACH, doubles, legendre, narrowed, stirling

NODES = 40


def _log_scale(xp: Any, df: Any) -> Any:
    """log(gamma((df + 1) / 2) / gamma(df / 2) / sqrt(pi df))."""
    a = df / 2
    return a * xp.log1p(0.5 / a) - 0.5 + stirling(xp, a + 0.5) - stirling(xp, a) - math.log(2 * math.pi) / 2


def student_density(xp: Any, df: Any, t: Any) -> Any:
    given = df, t
    df, t = doubles(xp, df, t)
    return narrowed(xp, xp.exp(_log_scale(xp, df) - (df + 1) / 2 * xp.log1p(t * t / df)), *given)


def stdtr_slope(xp: Any, df: Any, t: Any, order: int) -> Any:
    """The first or second derivative of stdtr(df, t) by df; 0 at infinite t, NaN where stdtr is."""
    given = df, t
    df, t = doubles(xp, df, t)
    zero = xp.zeros_like(df + t)
    finite = xp.isfinite(df) & xp.isfinite(t)
    large = finite & (df > 30)
    small = finite & ~large
    out = xp.where(large, _of_large(xp, xp.where(large, df, zero + 31), xp.where(large, t, zero + 1), order), zero)
    out = xp.where(small, _of_small(xp, xp.where(small, df, zero + 1), xp.where(small, t, zero + 1), order), out)
    return narrowed(xp, xp.where((df > 0) & (t == t), out, zero + math.nan), *given)


def _of_small(xp: Any, df: Any, t: Any, order: int) -> Any:
    square, half = t * t, xp.ones_like(df) / 2
    w, r = square / df, df + square
    by_parameter = betainc_slope(xp, df / 2, half, df / r, square / r, order, 0)
    argument = t / (2 * df) * student_density(xp, df, t)
    if order == 1:
        return -xp.sign(t) / 4 * by_parameter - argument
    # the logarithms of the two densities, differentiated by their parameters
    digammas = of_library(xp, "psi", (df + 1) / 2) - of_library(xp, "psi", df / 2)
    mean, slope = digammas - xp.log1p(w), (digammas - 1 / df - xp.log1p(w) + (df + 1) * square / (df * r)) / 2
    return -xp.sign(t) / 8 * by_parameter + argument * (1 / df - mean / 2 - slope)


def _of_large(xp: Any, df: Any, t: Any, order: int) -> Any:
    r, zero = xp.abs(t), xp.zeros_like(t)
    middle = r < 1.55
    beyond = xp.where(middle, zero + 1.55, r)
    # where the tail of the density, as a function of log t, has fallen to exp(-REACH) at the least
    reach = xp.log1p((df + beyond * beyond) / (beyond * beyond) * xp.expm1(2 * (REACH + 8) / (df + 1))) / 2
    # digamma((df + 1) / 2) - digamma(df / 2) - 1 / df, and its derivative by df
    constant, change = zero, zero
    for k in range(len(BERNOULLI), 0, -1):
        coefficient = (2 - 2.0 ** (1 - 2 * k)) * BERNOULLI[k - 1]
        constant, change = (constant + coefficient) * (4 / (df * df)), (change - 2 * k * coefficient) * (4 / (df * df))
    scale, total = _log_scale(xp, df), zero
    for node, weight in legendre(NODES):
        s = xp.where(middle, r * node, beyond * xp.exp(reach * node))
        w = s * s / df
        fall, part = xp.log1p(w), w / (1 + w)
        factor = (constant - (fall - part) + part / df) / 2
        if order == 2:
            factor = factor * factor + (change + part * part - part / df * (1 + 1 / (1 + w))) / (2 * df)
        total = total + weight * xp.where(middle, r, -reach * s) * factor * xp.exp(scale - (df + 1) / 2 * fall)
    return xp.sign(t) * total
