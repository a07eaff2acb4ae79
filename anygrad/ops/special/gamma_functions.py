"""The gamma function and its kin."""

from __future__ import annotations

import math
from typing import Any

from ..._primitive import elementwise as primitive
from ..._tensor import Tensor
from .._rules import call, is_complex
from ._arguments import integer, next_order
from ._library import of_library
from ._zeta_slope import zeta_slope


@primitive("Gamma", floats=True, x=lambda g, x, out: g * (out * call(digamma, x)))
def gamma(xp: Any, x: Any) -> Any:
    return of_library(xp, "gamma", x)


@primitive("Lgamma", floats=True, x=lambda g, x: g * call(digamma, x))
def gammaln(xp: Any, x: Any) -> Any:
    return of_library(xp, "gammaln", x)


@primitive("Digamma", floats=True, x=lambda g, x: g * call(_polygamma, x, n=1))
def digamma(xp: Any, x: Any) -> Any:
    return of_library(xp, "psi", x)


psi = digamma


@primitive("Polygamma", floats=True, x=lambda g, x, n: g * call(_polygamma, x, n=n + 1))
def _polygamma(xp: Any, x: Any, *, n: Any) -> Any:
    """n >= 1. A negative x is reflected for n = 1; beyond that the libraries have NaN there."""
    if is_complex(x):
        raise NotImplementedError("digamma: the derivative with respect to a complex `x` is not implemented. Detach that argument.")
    order = xp.full_like(x, n + 1)
    if n > 1:
        return (-1) ** (n + 1) * math.factorial(n) * of_library(xp, "zeta", order, x)
    left = x < 0
    value = of_library(xp, "zeta", order, xp.where(left, 1 - x, x))
    sine = xp.where(left, xp.sin(math.pi * (x - xp.round(x))), xp.ones_like(x))
    pole = sine == 0
    reflected = (math.pi / xp.where(pole, xp.ones_like(x), sine)) ** 2 - value
    return xp.where(left, xp.where(pole, xp.full_like(x, math.inf), reflected), value)


def polygamma(n: int, x: Tensor) -> Tensor:
    """The n-th derivative of `digamma`; n is an integer."""
    order = integer("polygamma", "n", n, 0)
    return _polygamma(x, n=order) if order else digamma(x)


@primitive(
    "Beta",
    floats=True,
    a=lambda g, a, b, out: g * (out * (call(digamma, a) - call(digamma, a + b))),
    b=lambda g, a, b, out: g * (out * (call(digamma, b) - call(digamma, a + b))),
)
def beta(xp: Any, a: Any, b: Any) -> Any:
    return of_library(xp, "beta", a, b)


@primitive(
    "Betaln", floats=True, a=lambda g, a, b: g * (call(digamma, a) - call(digamma, a + b)), b=lambda g, a, b: g * (call(digamma, b) - call(digamma, a + b))
)
def betaln(xp: Any, a: Any, b: Any) -> Any:
    return of_library(xp, "betaln", a, b)


@primitive("SpecialLoggamma", floats=True, x=lambda g, x: g * call(digamma, x))
def loggamma(xp: Any, x: Any) -> Any:
    """The principal branch of the logarithm of `gamma`: NaN for negative numbers that are not complex."""
    return of_library(xp, "loggamma", x)


@primitive("SpecialGammasgn", floats=True, x=lambda g, xp: xp.zeros_like(g))
def gammasgn(xp: Any, x: Any) -> Any:
    """The sign of `gamma`."""
    return of_library(xp, "gammasgn", x)


def _rgamma_slope(x: Any, out: Any, xp: Any) -> Any:
    """-digamma(x) / gamma(x); at a pole of gamma the limit, (-1)**n n! at -n."""
    if is_complex(x):
        return -out * call(digamma, x)
    pole = (x <= 0) & (x == xp.round(x))
    elsewhere = -out * call(digamma, xp.where(pole, xp.ones_like(x), x))
    return xp.where(pole, xp.cos(math.pi * x) * call(gamma, 1 - xp.where(pole, x, xp.zeros_like(x))), elsewhere)


@primitive("SpecialRgamma", floats=True, x=lambda g, x, out, xp: g * _rgamma_slope(x, out, xp))
def rgamma(xp: Any, x: Any) -> Any:
    """1 / gamma(x)."""
    return of_library(xp, "rgamma", x)


def _poch_slope(z: Any, m: Any, out: Any, xp: Any) -> Any:
    """By z; where 1 / gamma(z) is 0, it is that which is differentiated."""
    zero = out == 0
    z0, sum0 = xp.where(zero, z, xp.ones_like(out)), xp.where(zero, z + m, xp.ones_like(out))
    return xp.where(zero, call(gamma, sum0) * _rgamma_slope(z0, call(rgamma, z0), xp), out * (call(digamma, z + m) - call(digamma, z)))


@primitive(
    "SpecialPoch",
    floats=True,
    z=lambda g, z, m, out, xp: g * _poch_slope(z, m, out, xp),
    m=lambda g, z, m, out: g * (out * call(digamma, z + m)),
)
def poch(xp: Any, z: Any, m: Any) -> Any:
    """gamma(z + m) / gamma(z)."""
    return of_library(xp, "poch", z, m)


def _binom_slopes(n: Any, k: Any, out: Any, xp: Any) -> tuple[Any, Any]:
    """By n, by k. Where one of 1 / gamma(n - k + 1) and 1 / gamma(k + 1) is 0, it is that one which is differentiated."""
    zero = out == 0
    n0, k0 = xp.where(zero, n, xp.ones_like(out)), xp.where(zero, k, 2 * xp.ones_like(out))
    by_difference = call(poch, k0 + 1, n0 - k0) * _rgamma_slope(n0 - k0 + 1, call(rgamma, n0 - k0 + 1), xp)
    by_k = call(poch, n0 - k0 + 1, k0) * _rgamma_slope(k0 + 1, call(rgamma, k0 + 1), xp)
    total, difference, alone = call(digamma, n + 1), call(digamma, n - k + 1), call(digamma, k + 1)
    return xp.where(zero, by_difference, out * (total - difference)), xp.where(zero, by_k - by_difference, out * (difference - alone))


@primitive(
    "SpecialBinom",
    floats=True,
    n=lambda g, n, k, out, xp: g * _binom_slopes(n, k, out, xp)[0],
    k=lambda g, n, k, out, xp: g * _binom_slopes(n, k, out, xp)[1],
)
def binom(xp: Any, n: Any, k: Any) -> Any:
    """gamma(n + 1) / (gamma(k + 1) gamma(n - k + 1))."""
    return of_library(xp, "binom", n, k)


def multigammaln(a: Tensor, d: int) -> Tensor:
    """The logarithm of the multivariate gamma function, of dimension d.

    Unlike SciPy's it is NaN or inf where a <= (d - 1) / 2, and does not raise: that would have to wait for a device.
    """
    d = integer("multigammaln", "d", d, 1)
    total = d * (d - 1) / 4 * math.log(math.pi) + gammaln(a)
    for j in range(1, d):
        total = total + gammaln(a - j / 2)
    return total


# ---------------------------------------------------------------------------
# zeta
# ---------------------------------------------------------------------------


@primitive("SpecialZeta", floats=True, x=lambda g, x, q: g * call(_hurwitz_slope, x, q, order=1), q=lambda g, x, q: g * (-x * call(_hurwitz, x + 1, q)))
def _hurwitz(xp: Any, x: Any, q: Any) -> Any:
    return of_library(xp, "zeta", x, q)


@primitive(
    "SpecialZetaSlope",
    floats=True,
    x=lambda g, x, q, order: g * call(_hurwitz_slope, x, q, order=next_order("zeta", "x", order)),
    q=lambda g, x, q, order: g * (-x * call(_hurwitz_slope, x + 1, q, order=order) - order * _hurwitz_or_slope(x + 1, q, order - 1)),
)
def _hurwitz_slope(xp: Any, x: Any, q: Any, *, order: Any) -> Any:
    return zeta_slope(xp, x, q, order)


def _hurwitz_or_slope(x: Any, q: Any, order: int) -> Any:
    return call(_hurwitz_slope, x, q, order=order) if order else call(_hurwitz, x, q)


def _riemann_slope(x: Any, xp: Any) -> Any:
    """Left of -1 the derivative of the functional equation, zeta(x) = 2 (2 pi)**(x - 1) sin(pi x / 2) gamma(1 - x) zeta(1 - x)."""
    one = xp.ones_like(x)
    left = x < -1
    z = 1 - xp.where(left, x, -3 * one)
    value, slope = call(_hurwitz, z, one), call(_hurwitz_slope, z, one, order=1)
    sine, cosine = xp.sin(x * (math.pi / 2)), xp.cos(x * (math.pi / 2))
    reflected = sine * ((math.log(2 * math.pi) - call(digamma, z)) * value - slope) + math.pi / 2 * cosine * value
    reflected = 2 * xp.exp(call(gammaln, z) - z * math.log(2 * math.pi)) * reflected
    return xp.where(left, reflected, call(_hurwitz_slope, xp.where(left, 2 * one, x), one, order=1))


@primitive("SpecialZeta", floats=True, x=lambda g, x, xp: g * _riemann_slope(x, xp))
def _riemann(xp: Any, x: Any) -> Any:
    return of_library(xp, "zetac", x) + 1 if xp.name == "cupy" else of_library(xp, "zeta", x)  # CuPy's zeta is Hurwitz's only


def zeta(x: Tensor, q: Any = None) -> Tensor:
    """The Hurwitz zeta function; without q Riemann's.

    The derivative by x is that of the Euler-Maclaurin formula (`_zeta_slope.py`); there is a second, and no third.
    """
    return _riemann(x) if q is None else _hurwitz(x, q)


@primitive("SpecialZetac", floats=True, x=lambda g, x, xp: g * _riemann_slope(x, xp))
def zetac(xp: Any, x: Any) -> Any:
    """Riemann's zeta(x) - 1."""
    return of_library(xp, "zetac", x)
