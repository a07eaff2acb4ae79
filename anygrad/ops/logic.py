"""Comparisons, logic and bits: the elementwise functions of the standard that have no derivative."""

from __future__ import annotations

from typing import Any

from .._primitive import primitive


@primitive(differentiable=False, operator="==")
def equal(xp: Any, x1: Any, x2: Any) -> Any:
    """Whether x1 == x2."""
    return x1 == x2


@primitive(differentiable=False, operator="!=")
def not_equal(xp: Any, x1: Any, x2: Any) -> Any:
    """Whether x1 != x2."""
    return x1 != x2


@primitive(differentiable=False, operator="<")
def less(xp: Any, x1: Any, x2: Any) -> Any:
    """Whether x1 < x2."""
    return x1 < x2


@primitive(differentiable=False, operator="<=")
def less_equal(xp: Any, x1: Any, x2: Any) -> Any:
    """Whether x1 <= x2."""
    return x1 <= x2


@primitive(differentiable=False, operator=">")
def greater(xp: Any, x1: Any, x2: Any) -> Any:
    """Whether x1 > x2."""
    return x1 > x2


@primitive(differentiable=False, operator=">=")
def greater_equal(xp: Any, x1: Any, x2: Any) -> Any:
    """Whether x1 >= x2."""
    return x1 >= x2


@primitive(differentiable=False)
def isfinite(xp: Any, x: Any) -> Any:
    """Whether x is neither infinite nor NaN."""
    return xp.isfinite(x)


@primitive(differentiable=False)
def isinf(xp: Any, x: Any) -> Any:
    """Whether x is infinite."""
    return xp.isinf(x)


@primitive(differentiable=False)
def isnan(xp: Any, x: Any) -> Any:
    """Whether x is NaN."""
    return xp.isnan(x)


@primitive(differentiable=False)
def signbit(xp: Any, x: Any) -> Any:
    """Whether the sign bit of x is set: also for -0."""
    return xp.signbit(x)


@primitive(differentiable=False, numbers=True)
def logical_and(xp: Any, x1: Any, x2: Any) -> Any:
    """Whether both are true."""
    return xp.logical_and(x1, x2)


@primitive(differentiable=False, numbers=True)
def logical_or(xp: Any, x1: Any, x2: Any) -> Any:
    """Whether at least one is true."""
    return xp.logical_or(x1, x2)


@primitive(differentiable=False, numbers=True)
def logical_xor(xp: Any, x1: Any, x2: Any) -> Any:
    """Whether exactly one is true."""
    return xp.logical_xor(x1, x2)


@primitive(differentiable=False)
def logical_not(xp: Any, x: Any) -> Any:
    """Whether x is false."""
    return xp.logical_not(x)


@primitive(differentiable=False, operator="&")
def bitwise_and(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 & x2, bit by bit."""
    return x1 & x2


@primitive(differentiable=False, operator="|")
def bitwise_or(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 | x2, bit by bit."""
    return x1 | x2


@primitive(differentiable=False, operator="^")
def bitwise_xor(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 ^ x2, bit by bit."""
    return x1 ^ x2


@primitive(differentiable=False, operator="<<")
def bitwise_left_shift(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 << x2."""
    return x1 << x2


@primitive(differentiable=False, operator=">>")
def bitwise_right_shift(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 >> x2."""
    return x1 >> x2


@primitive(differentiable=False)
def bitwise_invert(xp: Any, x: Any) -> Any:
    """~x, bit by bit."""
    return ~x
