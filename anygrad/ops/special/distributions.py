"""Distribution functions, made of incomplete gamma and beta functions: so they are differentiable in every real parameter.

Counts (k and n of the binomial and negative binomial distribution, k of Poisson's) are rounded down, as in SciPy: their
derivative is 0.
"""

from __future__ import annotations

import math
from typing import Any

from ..._primitive import elementwise as primitive
from ..._tensor import Tensor
from .._rules import call
from ..elementwise import floor
from ..searching import where
from ._arguments import in_dtype_of, next_order
from ._library import of_library
from ._stdtr_slope import stdtr_slope, student_density
from .gamma_functions import _polygamma, digamma
from .incomplete import betainc, betaincc, betainccinv, betaincinv, gammainc, gammaincc, gammainccinv


def _count(x: Any, k: Any) -> Any:
    """A count to compute with beside x: rounded down, NaN if it is negative."""
    if isinstance(k, (bool, int, float)):
        return math.floor(k) if k >= 0 else math.nan
    k = floor(in_dtype_of(x, k))
    return where(k < 0, math.nan, k)


# ---------------------------------------------------------------------------
# of the gamma family
# ---------------------------------------------------------------------------


def gdtr(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """The gamma distribution function, of rate a and shape b."""
    return gammainc(b, a * x)


def gdtrc(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """1 - gdtr(a, b, x)."""
    return gammaincc(b, a * x)


def chdtr(v: Tensor, x: Tensor) -> Tensor:
    """The chi square distribution function, of v degrees of freedom."""
    return gammainc(v / 2, x / 2)


def chdtrc(v: Tensor, x: Tensor) -> Tensor:
    """1 - chdtr(v, x)."""
    return gammaincc(v / 2, x / 2)


def chdtri(v: Tensor, p: Tensor) -> Tensor:
    """The x for which chdtrc(v, x) is p."""
    half = v / 2
    return 2 * gammainccinv(half, in_dtype_of(half, p))


def pdtr(k: Any, m: Tensor) -> Tensor:
    """Poisson's distribution function: of at most k events where m are expected."""
    return gammaincc(_count(m, k) + 1, m)


def pdtrc(k: Any, m: Tensor) -> Tensor:
    """1 - pdtr(k, m)."""
    return gammainc(_count(m, k) + 1, m)


def pdtri(k: Any, y: Tensor) -> Tensor:
    """The m for which pdtr(k, m) is y."""
    return gammainccinv(_count(y, k) + 1, y)


# ---------------------------------------------------------------------------
# of the beta family
# ---------------------------------------------------------------------------


def fdtr(dfn: Tensor, dfd: Tensor, x: Tensor) -> Tensor:
    """The F distribution function, of dfn and dfd degrees of freedom."""
    w = dfn * x
    return betainc(dfn / 2, dfd / 2, w / (dfd + w))


def fdtrc(dfn: Tensor, dfd: Tensor, x: Tensor) -> Tensor:
    """1 - fdtr(dfn, dfd, x)."""
    return betainc(dfd / 2, dfn / 2, dfd / (dfd + dfn * x))


def fdtri(dfn: Tensor, dfd: Tensor, p: Tensor) -> Tensor:
    """The x for which fdtr(dfn, dfd, x) is p."""
    a, b = dfn / 2, dfd / 2
    p = in_dtype_of(a, p)
    return b * betaincinv(a, b, p) / (a * betainccinv(b, a, p))


def bdtr(k: Any, n: Any, p: Tensor) -> Tensor:
    """The binomial distribution function: of at most k successes in n trials, each of probability p."""
    k, n = _count(p, k), _count(p, n)
    return betainc(n - k, k + 1, 1 - p)


def bdtrc(k: Any, n: Any, p: Tensor) -> Tensor:
    """1 - bdtr(k, n, p)."""
    k, n = _count(p, k), _count(p, n)
    return betainc(k + 1, n - k, p)


def bdtri(k: Any, n: Any, y: Tensor) -> Tensor:
    """The p for which bdtr(k, n, p) is y."""
    k, n = _count(y, k), _count(y, n)
    return betainccinv(k + 1, n - k, y)


def nbdtr(k: Any, n: Any, p: Tensor) -> Tensor:
    """The negative binomial distribution function: of at most k failures before n successes, each of probability p."""
    return betainc(_count(p, n), _count(p, k) + 1, p)


def nbdtrc(k: Any, n: Any, p: Tensor) -> Tensor:
    """1 - nbdtr(k, n, p)."""
    return betaincc(_count(p, n), _count(p, k) + 1, p)


def nbdtri(k: Any, n: Any, y: Tensor) -> Tensor:
    """The p for which nbdtr(k, n, p) is y."""
    return betaincinv(_count(y, n), _count(y, k) + 1, y)


# ---------------------------------------------------------------------------
# Student's t: not made of betainc alone, which would have no derivative at t = 0
# ---------------------------------------------------------------------------


def _log_density_by_df(df: Any, t: Any, xp: Any) -> Any:
    w = t * t / df
    gammas = call(digamma, (df + 1) / 2) - call(digamma, df / 2) - 1 / df
    return (gammas - xp.log1p(w) + (1 + 1 / df) * w / (1 + w)) / 2


@primitive(
    "SpecialStudentDensity",
    floats=True,
    df=lambda g, df, t, out, xp: g * (out * _log_density_by_df(df, t, xp)),
    t=lambda g, df, t, out: g * (out * (-(df + 1) * t / (df + t * t))),
)
def _student_density(xp: Any, df: Any, t: Any) -> Any:
    return student_density(xp, df, t)


def _student_mixed(df: Any, t: Any, order: int, xp: Any) -> Any:
    """The density differentiated by df, of that order."""
    factor = _log_density_by_df(df, t, xp)
    if order == 2:
        part = t * t / (df + t * t)
        gammas = (call(_polygamma, (df + 1) / 2, n=1) - call(_polygamma, df / 2, n=1)) / 2 + 1 / df**2
        factor = factor**2 + (gammas + part * (part - (2 - part) / df) / df) / 2
    return call(_student_density, df, t) * factor


@primitive(
    "SpecialStdtrSlope",
    floats=True,
    df=lambda g, df, t, order: g * call(_stdtr_slope, df, t, order=next_order("stdtr", "df", order)),
    t=lambda g, df, t, order, xp: g * _student_mixed(df, t, order, xp),
)
def _stdtr_slope(xp: Any, df: Any, t: Any, *, order: Any) -> Any:
    return stdtr_slope(xp, df, t, order)


@primitive("SpecialStdtr", floats=True, df=lambda g, df, t: g * call(_stdtr_slope, df, t, order=1), t=lambda g, df, t: g * call(_student_density, df, t))
def stdtr(xp: Any, df: Any, t: Any) -> Any:
    """Student's distribution function, of df degrees of freedom."""
    return of_library(xp, "stdtr", df, t)


@primitive(
    "SpecialStdtrit",
    floats=True,
    df=lambda g, df, out: -g * call(_stdtr_slope, df, out, order=1) / call(_student_density, df, out),
    p=lambda g, df, out: g / call(_student_density, df, out),
)
def stdtrit(xp: Any, df: Any, p: Any) -> Any:
    """The t for which stdtr(df, t) is p."""
    return of_library(xp, "stdtrit", df, p)
