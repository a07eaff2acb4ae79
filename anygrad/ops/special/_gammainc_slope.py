"""gammainc with respect to its parameter `a`.

With u = log t, gammainc(a, x) is the integral of f(u) = exp(a u - exp(u)) / gamma(a) up to log x, and its
derivatives by `a` are those of f times u - digamma(a), then times (u - digamma(a))**2 - trigamma(a).

- x <= max(a, 1): gammainc(a, x) = gammainc(a + 1, x) + x**a exp(-x) / gamma(a + 1) (DLMF 8.8.5), eight times; the
  derivatives of these terms all have one sign there (save near x = 1 for small a). What is left decays like
  exp(-(a + 8) s) to the left of x.
- x beyond: minus the integral from log x on, which decays like exp(-x (exp(s) - 1) + a s).

Both integrals have convex exponents: a few steps of Newton's method find where they end, and 40 nodes of Gauss
and Legendre do the rest. Measured against mpmath (`tests/test_special_parameters.py` says how): relative errors of the
first derivative below 3e-13 for a from 1e-3 to 1e4 and x from 1e-8 a to where the value underflows, 2e-12 at a = 1e6;
the second one as accurate, relative to what it is away from its zero.
"""

from __future__ import annotations

import math
from typing import Any

from ._library import of_library
from ._parameters import REACH, doubles, legendre, log_of_ratio, narrowed, stirling

STEPS, NODES = 8, 40


def gamma_term(xp: Any, a: Any, x: Any) -> Any:
    """x**a exp(-x) / gamma(a + 1), for a >= 0 and x > 0: near a = x without the cancellation of large logarithms."""
    large = a >= 10
    far = xp.where(large, a, xp.full_like(a, 10.0))
    excess = (x - far) / far
    exponent = far * (log_of_ratio(xp, excess, x / far) - excess) - stirling(xp, far)
    return xp.where(large, xp.exp(exponent) / xp.sqrt(2 * math.pi * far), xp.exp(a * xp.log(x) - x - of_library(xp, "gammaln", a + 1)))


def gamma_density(xp: Any, a: Any, x: Any) -> Any:
    """x**(a - 1) exp(-x) / gamma(a), the derivative of gammainc by x, for a >= 0; its limit at x = 0."""
    given = a, x
    a, x = doubles(xp, a, x)
    zero = xp.zeros_like(a + x)
    valid, inside = _domain(a, x)
    start = (x == 0) & (a > 0) & (a <= 1)
    edge = xp.where(start, xp.where(a == 1, zero + 1, zero + math.inf), xp.where(valid, zero, zero + math.nan))
    p, at = xp.where(inside, a, zero), xp.where(inside, x, zero + 1)
    return narrowed(xp, xp.where(inside, gamma_term(xp, p, at) * (p / at), edge), *given)


def _domain(a: Any, x: Any) -> tuple[Any, Any]:
    """Where gammainc has a value, and where both arguments are finite and x > 0; elsewhere it is constant in either."""
    valid = (a >= 0) & (x >= 0) & ((a != x) | (a > 0) & (a < math.inf))
    return valid, valid & (a < math.inf) & (x > 0) & (x < math.inf)


def gammainc_slope(xp: Any, a: Any, x: Any, order: int) -> Any:
    """The first or second derivative of gammainc(a, x) by a: 0 at 0 and infinity, NaN where gammainc is."""
    given = a, x
    a, x = doubles(xp, a, x)
    zero = xp.zeros_like(a + x)
    valid, inside = _domain(a, x)
    a, x = xp.where(inside, a, zero + 1), xp.where(inside, x, zero + 1)
    left = x <= xp.maximum(a, zero + 1)

    # the terms, with the moments of log t: `mean` and `variance` belong to a + 1
    start = (a, gamma_term(xp, a, x), xp.log(x) - of_library(xp, "psi", a + 1), of_library(xp, "zeta", zero + 2, a + 1) if order == 2 else zero)
    p, term, mean, variance = start
    terms = zero
    for _ in range(STEPS):
        terms = terms + term * (mean if order == 1 else mean * mean - variance)
        p = p + 1
        term, mean, variance = term * x / p, mean - 1 / p, variance - 1 / (p * p)
    raised = (p, term, mean, variance)
    p, term, mean, variance = (xp.where(left, new, old) for new, old in zip(raised, start, strict=True))

    # the integral over s = abs(u - log x)
    sign = xp.where(left, zero - 1, zero + 1)

    def exponent(s: Any) -> Any:
        return x * xp.expm1(sign * s) - sign * p * s

    slope = sign * (x - p)
    reach = 2 * REACH / (slope + xp.sqrt(slope * slope + 2 * REACH * x))
    for _ in range(4):
        reach = reach + (REACH - exponent(reach)) / (sign * (x * xp.exp(sign * reach) - p))
    integral = zero
    for node, weight in legendre(NODES):
        s = node * reach
        v = mean + sign * s
        factor = p * v + 1 if order == 1 else p * (v * v - variance) + 2 * v  # p times that of the density: right for p = 0 too
        integral = integral + weight * factor * xp.exp(-exponent(s))
    out = xp.where(left, terms, zero) - sign * term * reach * integral
    out = xp.where(inside, out, xp.where(valid, zero, zero + math.nan))
    return narrowed(xp, out, *given)
