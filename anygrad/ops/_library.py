"""The functions of scipy.special that an array library cannot do without SciPy (or CuPy), with their rules."""

from __future__ import annotations

import math
from typing import Any

from .._dtypes import as_dtype
from .._primitive import primitive
from .._tensor import Tensor
from ._rules import call

TWO_OVER_SQRT_PI, SQRT_2PI = 2 / math.sqrt(math.pi), math.sqrt(2 * math.pi)


def _of_library(xp: Any, name: str, *arrays: Any) -> Any:
    """A function of scipy.special, or of what stands for it, in the dtype of the arrays if they have one in common."""
    try:
        function = getattr(xp.load_special(), name)
    except ModuleNotFoundError as error:
        raise ImportError(f"special.{name} needs {error.name}, which is not installed: pip install scipy") from error
    except AttributeError as error:
        raise NotImplementedError(f"special.{name}: the {xp.name} backend has no such function") from error
    out = function(*arrays)
    dtypes = {as_dtype(a.dtype) for a in arrays}
    dtype = dtypes.pop() if len(dtypes) == 1 else as_dtype(out.dtype)
    return out if dtype.kind in "biu" or as_dtype(out.dtype) == dtype else xp.astype(out, xp.raw_dtype(dtype))


# ---------------------------------------------------------------------------
# error functions and the normal distribution
# ---------------------------------------------------------------------------


@primitive("Erf", floats=True, x=lambda g, x, xp: g * (TWO_OVER_SQRT_PI * xp.exp(-x * x)))
def erf(xp: Any, x: Any) -> Any:
    return _of_library(xp, "erf", x)


@primitive("Erfc", floats=True, x=lambda g, x, xp: g * (-TWO_OVER_SQRT_PI * xp.exp(-x * x)))
def erfc(xp: Any, x: Any) -> Any:
    return _of_library(xp, "erfc", x)


@primitive("SpecialErfcx", floats=True, x=lambda g, x, out: g * (2 * x * out - TWO_OVER_SQRT_PI))
def erfcx(xp: Any, x: Any) -> Any:
    """exp(x**2) * erfc(x)."""
    return _of_library(xp, "erfcx", x)


@primitive("Erfinv", floats=True, x=lambda g, out, xp: g * (xp.exp(out * out) / TWO_OVER_SQRT_PI))
def erfinv(xp: Any, x: Any) -> Any:
    return _of_library(xp, "erfinv", x)


@primitive("SpecialNdtr", floats=True, x=lambda g, x, xp: g * (xp.exp(x * x / -2) / SQRT_2PI))
def ndtr(xp: Any, x: Any) -> Any:
    """The standard normal distribution function."""
    return _of_library(xp, "ndtr", x)


@primitive("SpecialNdtri", floats=True, x=lambda g, out, xp: g * (xp.exp(out * out / 2) * SQRT_2PI))
def ndtri(xp: Any, x: Any) -> Any:
    """The inverse of `ndtr`."""
    return _of_library(xp, "ndtri", x)


@primitive("SpecialLogNdtr", floats=True, x=lambda g, x: g * (math.sqrt(2 / math.pi) / call(erfcx, x * -math.sqrt(0.5))))
def log_ndtr(xp: Any, x: Any) -> Any:
    """The logarithm of `ndtr`, accurate far out."""
    return _of_library(xp, "log_ndtr", x)


# ---------------------------------------------------------------------------
# gamma and its kin
# ---------------------------------------------------------------------------


@primitive("Gamma", floats=True, x=lambda g, x, out: g * (out * call(digamma, x)))
def gamma(xp: Any, x: Any) -> Any:
    return _of_library(xp, "gamma", x)


@primitive("Lgamma", floats=True, x=lambda g, x: g * call(digamma, x))
def gammaln(xp: Any, x: Any) -> Any:
    return _of_library(xp, "gammaln", x)


@primitive("Digamma", floats=True, x=lambda g, x: g * call(_polygamma, x, n=1))
def digamma(xp: Any, x: Any) -> Any:
    return _of_library(xp, "psi" if xp.name == "numpy" else "digamma", x)


psi = digamma


@primitive("Polygamma", floats=True, x=lambda g, x, n: g * call(_polygamma, x, n=n + 1))
def _polygamma(xp: Any, x: Any, *, n: Any) -> Any:
    """n >= 1. A negative x is reflected for n = 1; beyond that the libraries have NaN there."""
    order = xp.full_like(x, n + 1)
    if n > 1:
        return (-1) ** (n + 1) * math.factorial(n) * _of_library(xp, "zeta", order, x)
    left = x < 0
    value = _of_library(xp, "zeta", order, xp.where(left, 1 - x, x))
    sine = xp.where(left, xp.sin(math.pi * (x - xp.round(x))), xp.ones_like(x))
    pole = sine == 0
    reflected = (math.pi / xp.where(pole, xp.ones_like(x), sine)) ** 2 - value
    return xp.where(left, xp.where(pole, xp.full_like(x, math.inf), reflected), value)


def polygamma(n: int, x: Tensor) -> Tensor:
    """The n-th derivative of `digamma`; n is a Python integer."""
    if not isinstance(n, int) or n < 0:
        raise ValueError(f"polygamma: n must be a non-negative Python integer, not {n!r}")
    return _polygamma(x, n=n) if n else digamma(x)


def _gamma_density(g: Any, a: Any, x: Any, xp: Any) -> Any:
    """The derivative of gammainc(a, x) with respect to x."""
    from .special import xlogy

    return g * xp.exp(call(xlogy, a - 1, x) - x - call(gammaln, a))


@primitive("SpecialGammainc", floats=True, x=lambda g, a, x, xp: _gamma_density(g, a, x, xp))
def gammainc(xp: Any, a: Any, x: Any) -> Any:
    return _of_library(xp, "gammainc", a, x)


@primitive("SpecialGammaincc", floats=True, x=lambda g, a, x, xp: _gamma_density(-g, a, x, xp))
def gammaincc(xp: Any, a: Any, x: Any) -> Any:
    return _of_library(xp, "gammaincc", a, x)


@primitive(
    "Beta",
    floats=True,
    a=lambda g, a, b, out: g * (out * (call(digamma, a) - call(digamma, a + b))),
    b=lambda g, a, b, out: g * (out * (call(digamma, b) - call(digamma, a + b))),
)
def beta(xp: Any, a: Any, b: Any) -> Any:
    return _of_library(xp, "beta", a, b)


@primitive(
    "Betaln", floats=True, a=lambda g, a, b: g * (call(digamma, a) - call(digamma, a + b)), b=lambda g, a, b: g * (call(digamma, b) - call(digamma, a + b))
)
def betaln(xp: Any, a: Any, b: Any) -> Any:
    return _of_library(xp, "betaln", a, b)


@primitive("SpecialZeta", floats=True, q=lambda g, x, q: g * (-x * call(_hurwitz, x + 1, q)))
def _hurwitz(xp: Any, x: Any, q: Any) -> Any:
    return _of_library(xp, "zeta", x, q)


@primitive("SpecialZeta", floats=True)
def _riemann(xp: Any, x: Any) -> Any:
    return _of_library(xp, "zeta", x) if xp.name == "numpy" else _of_library(xp, "zeta", x, xp.ones_like(x))


def zeta(x: Tensor, q: Any = None) -> Tensor:
    """The Hurwitz zeta function, differentiable in q; without q Riemann's."""
    return _riemann(x) if q is None else _hurwitz(x, q)


# ---------------------------------------------------------------------------
# Bessel functions
# ---------------------------------------------------------------------------


_OF_KIND = {"j": ("j0", "j1", -1), "i": ("i0", "i1", 1), "ie": ("i0e", "i1e", 1)}


def _reduced_slope(x: Any, out: Any, n: int, kind: str, xp: Any) -> Any:
    slope = _OF_KIND[kind][2] * x * call(_reduced, x, n=n + 1, kind=kind)
    return slope - xp.sign(x) * out if kind == "ie" else slope


@primitive("ReducedBessel", floats=True, x=lambda g, x, out, n, kind, xp: g * _reduced_slope(x, out, n, kind, xp))
def _reduced(xp: Any, x: Any, *, n: Any, kind: Any) -> Any:
    """Jn(x) / x**n, n >= 1, or the same of In or of exp(-abs(x)) In: by its power series near 0, else by recurrence."""
    zeroth, first, sign = _OF_KIND[kind]
    near = xp.abs(x) < n
    far, square = xp.where(near, xp.ones_like(x), x), xp.where(near, x * x / 4, xp.zeros_like(x))
    before, value = _of_library(xp, zeroth, far), _of_library(xp, first, far) / far
    for m in range(1, n):
        before, value = value, sign * (before - 2 * m * value) / (far * far)
    series = xp.zeros_like(x)
    for k in range(n + 12, -1, -1):
        series = series * square + sign**k / (2**n * math.factorial(k) * math.factorial(n + k))
    return xp.where(near, series * xp.exp(-xp.abs(x)) if kind == "ie" else series, value)


@primitive("I0", floats=True, x=lambda g, x: g * call(i1, x))
def i0(xp: Any, x: Any) -> Any:
    return _of_library(xp, "i0", x)


@primitive("SpecialI0E", floats=True, x=lambda g, x, out, xp: g * (call(i1e, x) - xp.sign(x) * out))
def i0e(xp: Any, x: Any) -> Any:
    """exp(-abs(x)) * i0(x)."""
    return _of_library(xp, "i0e", x)


@primitive("SpecialI1", floats=True, x=lambda g, x: g * (call(i0, x) - call(_reduced, x, n=1, kind="i")))
def i1(xp: Any, x: Any) -> Any:
    return _of_library(xp, "i1", x)


@primitive("SpecialI1E", floats=True, x=lambda g, x, out, xp: g * (call(i0e, x) - xp.sign(x) * out - call(_reduced, x, n=1, kind="ie")))
def i1e(xp: Any, x: Any) -> Any:
    """exp(-abs(x)) * i1(x)."""
    return _of_library(xp, "i1e", x)


@primitive("SpecialBesselJ0", floats=True, x=lambda g, x: g * -call(j1, x))
def j0(xp: Any, x: Any) -> Any:
    return _of_library(xp, "j0", x)


@primitive("SpecialBesselJ1", floats=True, x=lambda g, x: g * (call(j0, x) - call(_reduced, x, n=1, kind="j")))
def j1(xp: Any, x: Any) -> Any:
    return _of_library(xp, "j1", x)
