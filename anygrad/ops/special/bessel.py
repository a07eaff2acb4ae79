"""Bessel functions."""

from __future__ import annotations

import math
from typing import Any

from ..._primitive import elementwise as primitive
from ..._tensor import Tensor
from .._rules import call, real_part
from ._arguments import in_dtype_of
from ._kv_slope import kv_slope
from ._library import of_library

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
    before, value = of_library(xp, zeroth, far), of_library(xp, first, far) / far
    for m in range(1, n):
        before, value = value, sign * (before - 2 * m * value) / (far * far)
    series = xp.zeros_like(x)
    for k in range(n + 12, -1, -1):
        series = series * square + sign**k / (2**n * math.factorial(k) * math.factorial(n + k))
    return xp.where(near, series * xp.exp(-xp.abs(x)) if kind == "ie" else series, value)


@primitive("I0", floats=True, x=lambda g, x: g * call(i1, x))
def i0(xp: Any, x: Any) -> Any:
    return of_library(xp, "i0", x)


@primitive("SpecialI0E", floats=True, x=lambda g, x, out, xp: g * (call(i1e, x) - xp.sign(x) * out))
def i0e(xp: Any, x: Any) -> Any:
    """exp(-abs(x)) * i0(x)."""
    return of_library(xp, "i0e", x)


@primitive("SpecialI1", floats=True, x=lambda g, x: g * (call(i0, x) - call(_reduced, x, n=1, kind="i")))
def i1(xp: Any, x: Any) -> Any:
    return of_library(xp, "i1", x)


@primitive("SpecialI1E", floats=True, x=lambda g, x, out, xp: g * (call(i0e, x) - xp.sign(x) * out - call(_reduced, x, n=1, kind="ie")))
def i1e(xp: Any, x: Any) -> Any:
    """exp(-abs(x)) * i1(x)."""
    return of_library(xp, "i1e", x)


@primitive("SpecialBesselJ0", floats=True, x=lambda g, x: g * -call(j1, x))
def j0(xp: Any, x: Any) -> Any:
    return of_library(xp, "j0", x)


@primitive("SpecialBesselJ1", floats=True, x=lambda g, x: g * (call(j0, x) - call(_reduced, x, n=1, kind="j")))
def j1(xp: Any, x: Any) -> Any:
    return of_library(xp, "j1", x)


@primitive("SpecialModifiedBesselK0", floats=True, x=lambda g, x: g * -call(k1, x))
def k0(xp: Any, x: Any) -> Any:
    return of_library(xp, "k0", x)


@primitive("SpecialScaledModifiedBesselK0", floats=True, x=lambda g, x, out: g * (out - call(k1e, x)))
def k0e(xp: Any, x: Any) -> Any:
    """exp(x) * k0(x)."""
    return of_library(xp, "k0e", x)


@primitive("SpecialModifiedBesselK1", floats=True, x=lambda g, x, out: g * (-call(k0, x) - out / x))
def k1(xp: Any, x: Any) -> Any:
    return of_library(xp, "k1", x)


@primitive("SpecialScaledModifiedBesselK1", floats=True, x=lambda g, x, out: g * (out - call(k0e, x) - out / x))
def k1e(xp: Any, x: Any) -> Any:
    """exp(x) * k1(x)."""
    return of_library(xp, "k1e", x)


@primitive("SpecialBesselY0", floats=True, x=lambda g, x: g * -call(y1, x))
def y0(xp: Any, x: Any) -> Any:
    return of_library(xp, "y0", x)


@primitive("SpecialBesselY1", floats=True, x=lambda g, x, out: g * (call(y0, x) - out / x))
def y1(xp: Any, x: Any) -> Any:
    return of_library(xp, "y1", x)


# ---------------------------------------------------------------------------
# of any order: differentiable in the argument (DLMF 10.6.1, 10.29.1; near 0, j0, j1, i0, ... are better); kv and kve
# in the order too (`_kv_slope.py`). For the others no formula is known here that is accurate everywhere, so there is none.
# The order is real; a number beside complex z comes as a complex one
# ---------------------------------------------------------------------------


@primitive("SpecialJv", floats=True, z=lambda g, v, z: g * ((call(jv, v - 1, z) - call(jv, v + 1, z)) / 2))
def jv(xp: Any, v: Any, z: Any) -> Any:
    """The Bessel function of the first kind, of real order v; differentiable in z."""
    return of_library(xp, "jv", real_part(v, xp), z)


@primitive("SpecialYv", floats=True, z=lambda g, v, z: g * ((call(yv, v - 1, z) - call(yv, v + 1, z)) / 2))
def yv(xp: Any, v: Any, z: Any) -> Any:
    """The Bessel function of the second kind, of real order v; differentiable in z."""
    return of_library(xp, "yv", real_part(v, xp), z)


@primitive("SpecialIv", floats=True, z=lambda g, v, z: g * ((call(iv, v - 1, z) + call(iv, v + 1, z)) / 2))
def iv(xp: Any, v: Any, z: Any) -> Any:
    """The modified Bessel function of the first kind, of real order v; differentiable in z."""
    return of_library(xp, "iv", real_part(v, xp), z)


def _kv_slope_slope(v: Any, z: Any, out: Any, order: int, scaled: bool) -> Any:
    """By z: the recurrence of kv, differentiated by v."""
    around = call(_kv_slope, v - 1, z, order=order, scaled=scaled) + call(_kv_slope, v + 1, z, order=order, scaled=scaled)
    return out - around / 2 if scaled else around / -2


@primitive(
    "SpecialKvSlope",
    floats=True,
    v=lambda g, v, z, order, scaled: g * call(_kv_slope, v, z, order=order + 1, scaled=scaled),
    z=lambda g, v, z, out, order, scaled: g * _kv_slope_slope(v, z, out, order, scaled),
)
def _kv_slope(xp: Any, v: Any, z: Any, *, order: Any, scaled: Any) -> Any:
    return kv_slope(xp, v, z, order, scaled)


@primitive(
    "SpecialKv",
    floats=True,
    v=lambda g, v, z: g * call(_kv_slope, v, z, order=1, scaled=False),
    z=lambda g, v, z: g * ((call(kv, v - 1, z) + call(kv, v + 1, z)) / -2),
)
def kv(xp: Any, v: Any, z: Any) -> Any:
    """The modified Bessel function of the second kind, of real order v."""
    return of_library(xp, "kv", real_part(v, xp), z)


@primitive("SpecialIve", floats=True, z=lambda g, v, z, out, xp: g * ((call(ive, v - 1, z) + call(ive, v + 1, z)) / 2 - xp.sign(z) * out), holomorphic=False)
def ive(xp: Any, v: Any, z: Any) -> Any:
    """exp(-abs(z)) * iv(v, z), for real z; differentiable in z."""
    return of_library(xp, "ive", real_part(v, xp), z)


@primitive(
    "SpecialKve",
    floats=True,
    v=lambda g, v, z: g * call(_kv_slope, v, z, order=1, scaled=True),
    z=lambda g, v, z, out: g * (out - (call(kve, v - 1, z) + call(kve, v + 1, z)) / 2),
)
def kve(xp: Any, v: Any, z: Any) -> Any:
    """exp(z) * kv(v, z)."""
    return of_library(xp, "kve", real_part(v, xp), z)


@primitive("SpecialYn", floats=True, x=lambda g, n, x: g * ((call(_yn, n - 1, x) - call(_yn, n + 1, x)) / 2))
def _yn(xp: Any, n: Any, x: Any) -> Any:
    return of_library(xp, "yn", n, x)


def yn(n: Any, x: Tensor) -> Tensor:
    """The Bessel function of the second kind, of integer order n; differentiable in x."""
    return _yn(in_dtype_of(x, n), x)
