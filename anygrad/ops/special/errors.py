"""Error functions and the normal distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..._primitive import elementwise as primitive
from ..._tensor import Tensor
from .._axes import as_tensor
from .._rules import call
from ..data_types import astype
from ._library import of_library

TWO_OVER_SQRT_PI, SQRT_2PI = 2 / math.sqrt(math.pi), math.sqrt(2 * math.pi)


@primitive("Erf", floats=True, x=lambda g, x, xp: g * (TWO_OVER_SQRT_PI * xp.exp(-x * x)))
def erf(xp: Any, x: Any) -> Any:
    return of_library(xp, "erf", x)


@primitive("Erfc", floats=True, x=lambda g, x, xp: g * (-TWO_OVER_SQRT_PI * xp.exp(-x * x)))
def erfc(xp: Any, x: Any) -> Any:
    return of_library(xp, "erfc", x)


@primitive("SpecialErfcx", floats=True, x=lambda g, x, out: g * (2 * x * out - TWO_OVER_SQRT_PI))
def erfcx(xp: Any, x: Any) -> Any:
    """exp(x**2) * erfc(x)."""
    return of_library(xp, "erfcx", x)


@primitive("Erfinv", floats=True, x=lambda g, out, xp: g * (xp.exp(out * out) / TWO_OVER_SQRT_PI))
def erfinv(xp: Any, x: Any) -> Any:
    return of_library(xp, "erfinv", x)


@primitive("SpecialNdtr", floats=True, x=lambda g, x, xp: g * (xp.exp(x * x / -2) / SQRT_2PI))
def ndtr(xp: Any, x: Any) -> Any:
    """The standard normal distribution function."""
    return of_library(xp, "ndtr", x)


@primitive("SpecialNdtri", floats=True, x=lambda g, out, xp: g * (xp.exp(out * out / 2) * SQRT_2PI))
def ndtri(xp: Any, x: Any) -> Any:
    """The inverse of `ndtr`."""
    return of_library(xp, "ndtri", x)


@primitive("SpecialLogNdtr", floats=True, x=lambda g, x: g * (math.sqrt(2 / math.pi) / call(erfcx, x * -math.sqrt(0.5))))
def log_ndtr(xp: Any, x: Any) -> Any:
    """The logarithm of `ndtr`, accurate far out."""
    return of_library(xp, "log_ndtr", x)


@primitive("SpecialErfi", floats=True, x=lambda g, x, xp: g * (TWO_OVER_SQRT_PI * xp.exp(x * x)))
def erfi(xp: Any, x: Any) -> Any:
    """-i erf(i x)."""
    return of_library(xp, "erfi", x)


@primitive("SpecialErfcinv", floats=True, x=lambda g, out, xp: g * (xp.exp(out * out) / -TWO_OVER_SQRT_PI))
def erfcinv(xp: Any, x: Any) -> Any:
    """The inverse of `erfc`."""
    return of_library(xp, "erfcinv", x)


@primitive("SpecialNdtriExp", floats=True, x=lambda g, x, out, xp: g * (xp.exp(x + out * out / 2) * SQRT_2PI))
def ndtri_exp(xp: Any, x: Any) -> Any:
    """The inverse of `log_ndtr`."""
    return of_library(xp, "ndtri_exp", x)


@primitive("SpecialDawsn", floats=True, x=lambda g, x, out: g * (1 - 2 * x * out))
def dawsn(xp: Any, x: Any) -> Any:
    """Dawson's integral: exp(-x**2) times the integral of exp(t**2) from 0 to x."""
    return of_library(xp, "dawsn", x)


@primitive("SpecialWofz", x=lambda g, x, out: g * (1j * TWO_OVER_SQRT_PI - 2 * x * out))
def _wofz(xp: Any, x: Any) -> Any:
    return of_library(xp, "wofz", x)


def wofz(z: Tensor, /) -> Tensor:
    """exp(-z**2) erfc(-i z), complex."""
    z = as_tensor(z)
    return _wofz(z if z.dtype.kind == "c" else astype(z, "complex64" if z.dtype == np.float32 else "complex128"))


@primitive("SpecialFresnelS", floats=True, x=lambda g, x, xp: g * xp.sin(x * x * (math.pi / 2)))
def _fresnel_s(xp: Any, x: Any) -> Any:
    return of_library(xp, "fresnel", x)


@primitive("SpecialFresnelC", floats=True, x=lambda g, x, xp: g * xp.cos(x * x * (math.pi / 2)))
def _fresnel_c(xp: Any, x: Any) -> Any:
    return of_library(xp, "fresnel", x, part=1)


def fresnel(x: Tensor, /) -> tuple[Tensor, Tensor]:
    """Fresnel's integrals S and C: of sin(pi t**2 / 2) and cos(pi t**2 / 2) from 0 to x."""
    return _fresnel_s(x), _fresnel_c(x)


@primitive(
    "SpecialOwensT",
    floats=True,
    h=lambda g, h, a, xp: g * (xp.exp(h * h / -2) * call(erf, a * h * math.sqrt(0.5)) / (-2 * SQRT_2PI)),
    a=lambda g, h, a, xp: g * (xp.exp(h * h * (1 + a * a) / -2) / (2 * math.pi * (1 + a * a))),
)
def owens_t(xp: Any, h: Any, a: Any) -> Any:
    """Owen's T function: the probability that X > h and 0 < Y < a X, of independent normal X and Y."""
    return of_library(xp, "owens_t", h, a)
