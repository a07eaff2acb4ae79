"""The Hurwitz zeta function with respect to x.

The Euler-Maclaurin formula (DLMF 25.11.5 and 25.2.9), differentiated term by term: 14 terms of the sum, and for the
rest M**-x R(x) with M = q + 14, of which R and its derivatives are carried along.
"""

from __future__ import annotations

import math
from typing import Any

from ._parameters import BERNOULLI, doubles, narrowed

TERMS = 14
Jet = tuple[Any, Any, Any]  # a function of x with its first and second derivative


def _times(jet: Jet, factor: Any) -> Jet:
    """The product with a factor that has the derivative 1."""
    f, first, second = jet
    return f * factor, first * factor + f, second * factor + 2 * first


def zeta_slope(xp: Any, x: Any, q: Any, order: int) -> Any:
    """The derivative of zeta(x, q) by x, of order 1 or 2; NaN for q <= 0 and at the pole x = 1."""
    given = x, q
    x, q = doubles(xp, x, q)
    zero = xp.zeros_like(x + q)
    good = (q > 0) & (x != 1)
    x, q = xp.where(good, x, zero + 2), xp.where(good, q, zero + 1)
    out = zero
    for k in range(TERMS):
        log = xp.log(q + k)
        out = out + (-log) ** order * xp.exp(-x * log)

    m = q + TERMS
    log, pole = xp.log(m), x - 1
    rest: Jet = (m / pole + 0.5, -m / pole**2, 2 * m / pole**3)
    product: Jet = (x / m, zero + 1 / m, zero)
    for k, coefficient in enumerate(BERNOULLI, 1):
        c = coefficient * 2 * k / math.factorial(2 * k)
        rest = (rest[0] + c * product[0], rest[1] + c * product[1], rest[2] + c * product[2])
        product = _times(_times(product, x + (2 * k - 1)), x + 2 * k)
        product = (product[0] / (m * m), product[1] / (m * m), product[2] / (m * m))
    slope = rest[1] - log * rest[0] if order == 1 else rest[2] - 2 * log * rest[1] + log * log * rest[0]
    out = out + xp.exp(-x * log) * slope
    return narrowed(xp, xp.where(good, out, zero + math.nan), *given)
