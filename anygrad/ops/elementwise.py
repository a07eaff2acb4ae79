"""The elementwise functions of the standard, each with its rules.

Broadcasting is not a rule's business: the engine sums a gradient to its input's shape.
"""

from __future__ import annotations

import math
from typing import Any

from .._dtypes import as_dtype
from .._primitive import elementwise as primitive
from .._tensor import Tensor
from ._axes import as_tensor
from ._rules import conjugate, over, real_part

LN2, LN10 = math.log(2.0), math.log(10.0)


# ---------------------------------------------------------------------------
# arithmetic
# ---------------------------------------------------------------------------


@primitive("Add", operator="+", x1=lambda g: g, x2=lambda g: g)
def add(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 + x2."""
    return x1 + x2


@primitive("Sub", operator="-", x1=lambda g: g, x2=lambda g: -g)
def subtract(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 - x2."""
    return x1 - x2


@primitive("Mul", operator="*", x1=lambda g, x2: g * x2, x2=lambda g, x1: g * x1)
def multiply(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 * x2."""
    return x1 * x2


@primitive("Div", operator="/", floats=True, x1=lambda g, x2: g / x2, x2=lambda g, x2, out: -g * out / x2)
def divide(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 / x2; integers are divided in the default dtype."""
    return x1 / x2


@primitive("FloorDivide", numbers=True, x1=lambda g, xp: xp.zeros_like(g), x2=lambda g, xp: xp.zeros_like(g))
def floor_divide(xp: Any, x1: Any, x2: Any) -> Any:
    """The greatest integer not above x1 / x2. The derivative is 0."""
    return xp.floor_divide(x1, x2)


@primitive("Remainder", numbers=True, x1=lambda g: g, x2=lambda g, x1, x2, xp: -g * xp.floor_divide(x1, x2))
def remainder(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 - (x1 // x2) * x2, with the sign of x2."""
    return xp.remainder(x1, x2)


@primitive(
    "Pow",
    x1=lambda g, x1, x2, xp: g * x2 * xp.pow(x1, xp.where((x1 == 0) & (x2 == 0), xp.ones_like(x2), x2 - 1)),
    x2=lambda g, x1, x2, out, xp: g * xp.where((x1 == 0) & (xp.real(x2) >= 0), 0, out * xp.log(xp.astype(x1, out.dtype, copy=False))),
)
def _pow(xp: Any, x1: Any, x2: Any) -> Any:
    return xp.pow(x1, x2)


@primitive("Pow", x=lambda g, x, exponent, xp: g * over(xp.multiply, x ** (exponent - 1), exponent, xp=xp) if exponent else xp.zeros_like(g))
def _pow_number(xp: Any, x: Any, *, exponent: Any) -> Any:
    return x**exponent


@primitive("Neg", x=lambda g: -g)
def negative(xp: Any, x: Any) -> Any:
    """-x."""
    return -x


@primitive("Clone", x=lambda g: g)
def positive(xp: Any, x: Any) -> Any:
    """A copy of x."""
    return xp.positive(x)


@primitive("Abs", holomorphic=False, x=lambda g, x, xp: g * xp.sign(x), jvp=lambda t, x, xp: real_part(t * conjugate(xp.sign(x), xp), xp))
def abs(xp: Any, x: Any) -> Any:
    """|x|; the derivative at 0 is 0."""
    return xp.abs(x)


@primitive("Square", x=lambda g, x: g * (2 * x))
def square(xp: Any, x: Any) -> Any:
    """x * x."""
    return xp.square(x)


@primitive("Sqrt", floats=True, x=lambda g, out, xp: over(xp.multiply, g / out, 0.5, xp=xp))
def sqrt(xp: Any, x: Any) -> Any:
    """The square root; the derivative at 0 is infinite."""
    return xp.sqrt(x)


@primitive("Reciprocal", floats=True, x=lambda g, out: -g * out * out)
def reciprocal(xp: Any, x: Any) -> Any:
    """1 / x."""
    return 1 / x


# ---------------------------------------------------------------------------
# exponentials and logarithms
# ---------------------------------------------------------------------------


@primitive("Exp", floats=True, x=lambda g, out: g * out)
def exp(xp: Any, x: Any) -> Any:
    """e to the power x."""
    return xp.exp(x)


@primitive("Expm1", floats=True, x=lambda g, out: g * (out + 1))
def expm1(xp: Any, x: Any) -> Any:
    """exp(x) - 1, exact for small x."""
    return xp.expm1(x)


@primitive("Log", floats=True, x=lambda g, x: g / x)
def log(xp: Any, x: Any) -> Any:
    """The natural logarithm."""
    return xp.log(x)


@primitive("Log1P", floats=True, x=lambda g, x: g / (x + 1))
def log1p(xp: Any, x: Any) -> Any:
    """log(1 + x), exact for small x."""
    return xp.log1p(x)


@primitive("Log2", floats=True, x=lambda g, x: g / (x * LN2))
def log2(xp: Any, x: Any) -> Any:
    """The logarithm to base 2."""
    return xp.log2(x)


@primitive("Log10", floats=True, x=lambda g, x: g / (x * LN10))
def log10(xp: Any, x: Any) -> Any:
    """The logarithm to base 10."""
    return xp.log10(x)


@primitive("Logaddexp", floats=True, x1=lambda g, x1, x2, xp: g * _weight(x1, x2, xp), x2=lambda g, x1, x2, xp: g * _weight(x2, x1, xp))
def logaddexp(xp: Any, x1: Any, x2: Any) -> Any:
    """log(exp(x1) + exp(x2)), without overflow."""
    return xp.logaddexp(x1, x2)


def _weight(x1: Any, x2: Any, xp: Any) -> Any:
    """exp(x1) / (exp(x1) + exp(x2)); equal infinities weigh a half."""
    both = (x1 == x2) & xp.isinf(x1)
    return 1 / (1 + xp.exp(xp.where(both, 0, x2 - xp.where(both, 0, x1))))


# ---------------------------------------------------------------------------
# trigonometric and hyperbolic
# ---------------------------------------------------------------------------


@primitive("Sin", floats=True, x=lambda g, x, xp: g * xp.cos(x))
def sin(xp: Any, x: Any) -> Any:
    """The sine."""
    return xp.sin(x)


@primitive("Cos", floats=True, x=lambda g, x, xp: -g * xp.sin(x))
def cos(xp: Any, x: Any) -> Any:
    """The cosine."""
    return xp.cos(x)


@primitive("Tan", floats=True, x=lambda g, out: g * (1 + out * out))
def tan(xp: Any, x: Any) -> Any:
    """The tangent."""
    return xp.tan(x)


@primitive("Asin", floats=True, x=lambda g, x, xp: g / xp.sqrt(1 - x * x))
def asin(xp: Any, x: Any) -> Any:
    """The angle in [-pi/2, pi/2] whose sine is x."""
    return xp.asin(x)


@primitive("Acos", floats=True, x=lambda g, x, xp: -g / xp.sqrt(1 - x * x))
def acos(xp: Any, x: Any) -> Any:
    """The angle in [0, pi] whose cosine is x."""
    return xp.acos(x)


@primitive("Atan", floats=True, x=lambda g, x: g / (1 + x * x))
def atan(xp: Any, x: Any) -> Any:
    """The angle in [-pi/2, pi/2] whose tangent is x."""
    return xp.atan(x)


@primitive(
    "Atan2", floats=True, numbers=True, x1=lambda g, x1, x2, xp: g * _over_square(x2, x1, x2, xp), x2=lambda g, x1, x2, xp: -g * _over_square(x1, x1, x2, xp)
)
def atan2(xp: Any, x1: Any, x2: Any) -> Any:
    """The angle of the point (x2, x1); the derivatives at (0, 0) are 0."""
    return xp.atan2(x1, x2)


def _over_square(x: Any, x1: Any, x2: Any, xp: Any) -> Any:
    r2 = x1 * x1 + x2 * x2
    zero = r2 == 0
    return xp.where(zero, 0, x / xp.where(zero, 1, r2))


@primitive("Hypot", floats=True, numbers=True, x1=lambda g, x1, out, xp: g * _ratio(x1, out, xp), x2=lambda g, x2, out, xp: g * _ratio(x2, out, xp))
def hypot(xp: Any, x1: Any, x2: Any) -> Any:
    """sqrt(x1**2 + x2**2); a norm, so the derivatives at (0, 0) are 0."""
    return xp.hypot(x1, x2)


def _ratio(x: Any, norm: Any, xp: Any) -> Any:
    """x / norm, and 0 where the norm is."""
    zero = norm == 0
    return xp.where(zero, 0, x / xp.where(zero, 1, norm))


@primitive("Sinh", floats=True, x=lambda g, x, xp: g * xp.cosh(x))
def sinh(xp: Any, x: Any) -> Any:
    """The hyperbolic sine."""
    return xp.sinh(x)


@primitive("Cosh", floats=True, x=lambda g, x, xp: g * xp.sinh(x))
def cosh(xp: Any, x: Any) -> Any:
    """The hyperbolic cosine."""
    return xp.cosh(x)


@primitive("Tanh", floats=True, x=lambda g, out, xp: g * over(xp.subtract, 1, out * out, xp=xp, place=1))
def tanh(xp: Any, x: Any) -> Any:
    """The hyperbolic tangent."""
    return xp.tanh(x)


@primitive("Asinh", floats=True, x=lambda g, x, xp: g / xp.sqrt(x * x + 1))
def asinh(xp: Any, x: Any) -> Any:
    """The inverse of sinh."""
    return xp.asinh(x)


@primitive("Acosh", floats=True, x=lambda g, x, xp: g / (xp.sqrt(x - 1) * xp.sqrt(x + 1)))
def acosh(xp: Any, x: Any) -> Any:
    """The inverse of cosh, for x >= 1."""
    return xp.acosh(x)


@primitive("Atanh", floats=True, x=lambda g, x: g / (1 - x * x))
def atanh(xp: Any, x: Any) -> Any:
    """The inverse of tanh, for -1 <= x <= 1."""
    return xp.atanh(x)


# ---------------------------------------------------------------------------
# larger, smaller, signs
# ---------------------------------------------------------------------------


def _share(g: Any, x1: Any, x2: Any, xp: Any) -> Any:
    """Of a maximum's gradient, what goes to x1: all where it is the larger, half of a tie; NaN goes to both."""
    if isinstance(g, Tensor):
        return _maximum_backward(g, *[x.detach() if isinstance(x, Tensor) else x for x in (x1, x2)])
    return xp.share(g, x1, x2)


@primitive("MaximumBackward", jvp="linear", g=lambda h, x1, x2, xp: _share(h, x1, x2, xp))
def _maximum_backward(xp: Any, g: Any, x1: Any, x2: Any) -> Any:
    """The second derivatives with respect to x1 and x2 are 0: they come here detached."""
    return xp.share(g, x1, x2)


@primitive("Maximum", numbers=True, x1=lambda g, x1, x2, xp: _share(g, x1, x2, xp), x2=lambda g, x1, x2, xp: _share(g, x2, x1, xp))
def maximum(xp: Any, x1: Any, x2: Any) -> Any:
    """The larger of the two; a tie shares the gradient evenly."""
    return xp.maximum(x1, x2)


@primitive("Minimum", numbers=True, x1=lambda g, x1, x2, xp: _share(g, x2, x1, xp), x2=lambda g, x1, x2, xp: _share(g, x1, x2, xp))
def minimum(xp: Any, x1: Any, x2: Any) -> Any:
    """The smaller of the two; a tie shares the gradient evenly."""
    return xp.minimum(x1, x2)


@primitive(
    "Copysign",
    floats=True,
    x1=lambda g, x1, x2, xp: g * xp.copysign(xp.astype(x1 != 0, g.dtype), x1 * xp.copysign(xp.ones_like(x2), x2)),
    x2=lambda g, xp: xp.zeros_like(g),
)
def copysign(xp: Any, x1: Any, x2: Any) -> Any:
    """|x1| with the sign of x2."""
    return xp.copysign(x1, x2)


@primitive("Sign", x=lambda g, xp: xp.zeros_like(g))
def _sign(xp: Any, x: Any) -> Any:
    return xp.sign(x)


@primitive("Sgn", holomorphic=False, x=lambda g, x, out, xp: _across(g, out, xp.abs(x), xp))
def _sgn(xp: Any, x: Any) -> Any:
    return xp.sign(x)


def _across(g: Any, direction: Any, size: Any, xp: Any) -> Any:
    """The part of g across a complex direction, over the size: only turning x changes its sign; 0 at 0."""
    turning = g - direction * xp.real(g * xp.conj(direction))
    zero = size == 0
    return xp.where(zero, 0, turning / xp.where(zero, 1, size))


def sign(x: Any, /) -> Tensor:
    """-1, 0 or 1, with derivative 0; for complex x the point x / |x| of the unit circle."""
    x = as_tensor(x)
    return _sgn(x) if x.dtype.kind == "c" else _sign(x)


@primitive("Floor", x=lambda g, xp: xp.zeros_like(g))
def floor(xp: Any, x: Any) -> Any:
    """The greatest integer not above x. The derivative is 0."""
    return xp.floor(x)


@primitive("Ceil", x=lambda g, xp: xp.zeros_like(g))
def ceil(xp: Any, x: Any) -> Any:
    """The smallest integer not below x. The derivative is 0."""
    return xp.ceil(x)


@primitive("Trunc", x=lambda g, xp: xp.zeros_like(g))
def trunc(xp: Any, x: Any) -> Any:
    """x without its fraction. The derivative is 0."""
    return xp.trunc(x)


@primitive("Round", x=lambda g, xp: xp.zeros_like(g))
def round(xp: Any, x: Any) -> Any:
    """The nearest integer, the even one of two. The derivative is 0."""
    return x if as_dtype(x.dtype).kind in "biu" else xp.round(x)


@primitive("Nextafter", floats=True, x1=lambda g: g, x2=lambda g, xp: xp.zeros_like(g))
def nextafter(xp: Any, x1: Any, x2: Any) -> Any:
    """The next representable number after x1 towards x2."""
    return xp.nextafter(x1, x2)


# ---------------------------------------------------------------------------
# complex
# ---------------------------------------------------------------------------


@primitive("Conj", holomorphic=False, x=lambda g, xp: xp.conj(g), jvp="linear")
def conj(xp: Any, x: Any) -> Any:
    """The complex conjugate."""
    return xp.conj(x)


@primitive("Real", holomorphic=False, x=lambda g, x_dtype, xp: xp.astype(g, x_dtype), jvp="linear")
def real(xp: Any, x: Any) -> Any:
    """The real part."""
    return xp.real(x)


@primitive("Imag", holomorphic=False, x=lambda g, x_dtype, xp: xp.astype(g, x_dtype) * 1j, jvp="linear")
def imag(xp: Any, x: Any) -> Any:
    """The imaginary part."""
    return xp.imag(x)


def pow(x1: Any, x2: Any, /) -> Any:
    """x1 to the power x2.

    The derivative with respect to x2 is NaN at negative x1, and 0 at x1 = 0 where x2 >= 0.
    """
    if type(x2) in (int, float) and isinstance(x1, Tensor) and not (x1.dtype.kind in "biuV" and (type(x2) is float or x2 < 0)):
        return _pow_number(x1, exponent=x2)
    return _pow(x1, x2)
