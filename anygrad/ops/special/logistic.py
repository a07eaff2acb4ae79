"""The logistic function and its kin."""

from __future__ import annotations

from typing import Any

from ..._primitive import elementwise as primitive
from .._rules import call, is_complex

NAN, INF = float("nan"), float("inf")


@primitive("Sigmoid", floats=True, x=lambda g, out: g * (out * (1 - out)))
def expit(xp: Any, x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow."""
    if is_complex(x):
        return 1 / (1 + xp.exp(-x))
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, xp.ones_like(x), small) / (1 + small)


@primitive("Logit", floats=True, x=lambda g, x, xp: xp.where((x >= 0) & (x <= 1), g / (x * (1 - x)), xp.full_like(x, NAN)))
def logit(xp: Any, x: Any) -> Any:
    """log(x / (1 - x)): -inf at 0, inf at 1, NaN outside."""
    inside, end = (x > 0) & (x < 1), (x == 0) | (x == 1)
    safe = xp.where(inside, x, xp.ones_like(x) / 2)
    beyond = xp.where(end, xp.where(end, x - 0.5, xp.ones_like(x)) * INF, xp.full_like(x, NAN))
    return xp.where(inside, xp.log(safe / (1 - safe)), beyond)


@primitive("LogSigmoid", floats=True, x=lambda g, x: g * call(expit, -x))
def log_expit(xp: Any, x: Any) -> Any:
    """log(expit(x)), accurate far out."""
    return xp.minimum(x, xp.zeros_like(x)) - xp.log1p(xp.exp(-xp.abs(x)))


@primitive("Softplus", floats=True, x=lambda g, x: g * call(expit, x))
def softplus(xp: Any, x: Any) -> Any:
    """log(1 + exp(x)), without overflow."""
    return xp.maximum(x, xp.zeros_like(x)) + xp.log1p(xp.exp(-xp.abs(x)))
