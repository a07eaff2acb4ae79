"""x log y, entropies, and losses."""

from __future__ import annotations

from typing import Any

from ..._primitive import elementwise as primitive
from ..._tensor import Tensor
from .._rules import call, is_complex
from ..data_types import astype
from ..elementwise import subtract
from ._library import of_library

NAN, INF = float("nan"), float("inf")


def _xlogy_slope(function: Any, g: Any, x: Any, y: Any, least: int, xp: Any) -> Any:
    """The derivative by x: 0 at x = 0 where the logarithm has no finite value."""
    out = call(function, g, y)
    return xp.where((x == 0) & ((y == least) if is_complex(y) else (y <= least)), xp.zeros_like(out), out)


@primitive("Xlogy", floats=True, x=lambda g, x, y, xp: _xlogy_slope(xlogy, g, x, y, 0, xp), y=lambda g, x, y: g * x / y)
def xlogy(xp: Any, x: Any, y: Any) -> Any:
    """x log(y), and 0 at x = 0 whatever y is, unless NaN."""
    zero = (x == 0) & (y == y)
    return xp.where(zero, xp.zeros_like(x + y), x * xp.log(xp.where(zero, xp.ones_like(y), y)))


@primitive("SpecialXlog1Py", floats=True, x=lambda g, x, y, xp: _xlogy_slope(xlog1py, g, x, y, -1, xp), y=lambda g, x, y: g * x / (y + 1))
def xlog1py(xp: Any, x: Any, y: Any) -> Any:
    """x log(1 + y), and 0 at x = 0 whatever y is, unless NaN."""
    zero = (x == 0) & (y == y)
    return xp.where(zero, xp.zeros_like(x + y), x * xp.log1p(xp.where(zero, xp.zeros_like(y), y)))


@primitive("SpecialEntr", floats=True, x=lambda g, x, xp: g * (-1 - xp.log(x)))
def entr(xp: Any, x: Any) -> Any:
    """-x log(x): 0 at 0, -inf below."""
    safe = xp.where(x <= 0, xp.ones_like(x), x)
    return xp.where(x < 0, xp.full_like(x, -INF), -safe * xp.log(safe))


def _where_defined(value: Any, x: Any, y: Any, xp: Any) -> Any:
    return xp.where((x >= 0) & (y >= 0), value, xp.full_like(value, NAN))


@primitive(
    "RelEntr",
    floats=True,
    x=lambda g, x, y, xp: _where_defined(g * (xp.log(x / y) + 1), x, y, xp),
    y=lambda g, x, y, xp: _where_defined(-g * xp.where(x == 0, xp.zeros_like(x / y), x / y), x, y, xp),
)
def rel_entr(xp: Any, x: Any, y: Any) -> Any:
    """x log(x / y) for positive x and y; 0 at x = 0, y >= 0; inf elsewhere."""
    inside, zero, nan = (x > 0) & (y > 0), (x == 0) & (y >= 0), (x != x) | (y != y)
    a, b = xp.where(inside, x, xp.ones_like(x)), xp.where(inside, y, xp.ones_like(y))
    value = a * xp.log(a / b)
    value = xp.where(inside | zero, value, xp.full_like(value, INF))
    return xp.where(nan, xp.full_like(value, NAN), value)


def kl_div(x: Tensor, y: Tensor, /) -> Tensor:
    """rel_entr(x, y) - x + y: a term of the Kullback-Leibler divergence."""
    out = rel_entr(x, y)
    return out + astype(subtract(y, x), out.dtype, copy=False)


@primitive(
    "Huber",
    floats=True,
    delta=lambda g, delta, r, xp: g * xp.maximum(xp.abs(r) - delta, xp.zeros_like(r - delta)),
    r=lambda g, delta, r, xp: g * xp.where(xp.abs(r) <= delta, r, delta * xp.sign(r)),
)
def huber(xp: Any, delta: Any, r: Any) -> Any:
    """r**2 / 2 where abs(r) <= delta, delta * (abs(r) - delta / 2) beyond; inf for a negative delta."""
    size = xp.abs(r)
    value = xp.where(size <= delta, r * r / 2, delta * (size - delta / 2))
    return xp.where(delta < 0, xp.full_like(value, INF), value)


def _root(delta: Any, r: Any, xp: Any) -> Any:
    return xp.sqrt(1 + (r / delta) ** 2)


def _pseudo_huber_slope(delta: Any, r: Any, xp: Any) -> Any:
    """By delta: delta (root - 1)**2 / root, without the difference."""
    root = _root(delta, r, xp)
    return delta * ((r / delta) ** 2 / (1 + root)) ** 2 / root


@primitive(
    "SpecialPseudoHuber",
    floats=True,
    delta=lambda g, delta, r, xp: g * _pseudo_huber_slope(delta, r, xp),
    r=lambda g, delta, r, xp: g * (r / _root(delta, r, xp)),
)
def pseudo_huber(xp: Any, delta: Any, r: Any) -> Any:
    """delta**2 (sqrt(1 + (r / delta)**2) - 1): smooth, like `huber` far out."""
    return of_library(xp, "pseudo_huber", delta, r)
