"""Functions of scipy.special, or of what a backend has in its place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..._dtypes import as_dtype


def of_library(xp: Any, name: str, *arrays: Any, part: int = 0) -> Any:
    """A function of scipy.special, or of what stands for it, in the dtype of the arrays if they have one in common.

    `part` says which result is wanted of a function that has several.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    NotImplementedError
        If the backend has no such function, and it cannot be made of those that it has.
    """
    try:
        special = xp.load_special()
    except ModuleNotFoundError as error:
        raise ImportError(f"special.{name} needs {error.name}, which is not installed: pip install scipy") from error
    try:
        out = getattr(special, name)(*arrays) if hasattr(special, name) else MADE_OF_OTHERS[name](xp, *arrays)
    except KeyError as error:
        raise NotImplementedError(f'special.{name}: the {xp.name} backend has no such function. Compute it on the CPU: `.to("cpu")`.') from error
    out = out[part] if isinstance(out, tuple) else out
    dtypes = {as_dtype(a.dtype) for a in arrays}
    dtype = dtypes.pop() if len(dtypes) == 1 else as_dtype(out.dtype)
    return out if dtype.kind in "biu" or as_dtype(out.dtype) == dtype else xp.astype(out, xp.raw_dtype(dtype))


# ---------------------------------------------------------------------------
# what CuPy lacks, of what it has
# ---------------------------------------------------------------------------


def _betaincc(xp: Any, a: Any, b: Any, x: Any) -> Any:
    return of_library(xp, "betainc", b, a, 1 - x)


def _betainccinv(xp: Any, a: Any, b: Any, y: Any) -> Any:
    return 1 - of_library(xp, "betaincinv", b, a, y)


def _stdtr(xp: Any, df: Any, t: Any) -> Any:
    """The tail from the incomplete beta function; near the middle the other tail of that."""
    square = t * t
    half = xp.ones_like(df) / 2
    tail = xp.where(
        square < df, 1 - of_library(xp, "betainc", half, df / 2, square / (df + square)), of_library(xp, "betainc", df / 2, half, df / (df + square))
    )
    return xp.where(t < 0, tail / 2, 1 - tail / 2)


def _stdtrit(xp: Any, df: Any, p: Any) -> Any:
    half = xp.ones_like(df) / 2
    tail = 2 * xp.minimum(p, 1 - p)
    inner = of_library(xp, "betaincinv", half, df / 2, 1 - tail)
    outer = of_library(xp, "betaincinv", df / 2, half, tail)
    square = xp.where(tail > 0.5, df * inner / (1 - inner), df * (1 - outer) / outer)
    return xp.sign(p - 0.5) * xp.sqrt(square)


MADE_OF_OTHERS: dict[str, Callable[..., Any]] = {
    "betaincc": _betaincc,
    "betainccinv": _betainccinv,
    "ellipe": lambda xp, m: of_library(xp, "ellipeinc", xp.full_like(m, math.pi / 2), m),
    "powm1": lambda xp, x, y: xp.expm1(y * xp.log(x)),
    "stdtr": _stdtr,
    "stdtrit": _stdtrit,
}
