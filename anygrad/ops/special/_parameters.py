"""What derivatives with respect to parameters (`a` of gammainc, `df` of stdtr, ...) are computed with.

All of it is on raw arrays, in float64 whatever the dtype, without branches on values: a fixed number of steps.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..._dtypes import as_dtype
from ._library import of_library

FLOAT64 = np.dtype(np.float64)
REACH = 38.0  # integrals end where the integrand is exp(-38) of what it is at most: 3e-17
# B(2k) / 2k, k = 1, 2, ...
BERNOULLI = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)


def doubles(xp: Any, *arrays: Any) -> list[Any]:
    return [xp.astype(a, xp.raw_dtype(FLOAT64), copy=False) for a in arrays]


def narrowed(xp: Any, out: Any, *arrays: Any) -> Any:
    """`out` in the widest floating dtype of the arrays; as it is if they are integers."""
    dtypes = [d for d in (as_dtype(a.dtype) for a in arrays) if d.kind == "f"]
    return xp.astype(out, xp.raw_dtype(max(dtypes, key=lambda d: d.itemsize)), copy=False) if dtypes else out


@functools.cache
def legendre(n: int) -> tuple[tuple[float, float], ...]:
    """Nodes and weights of the Gauss-Legendre formula on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return tuple(zip(((nodes + 1) / 2).tolist(), (weights / 2).tolist(), strict=True))


def stirling(xp: Any, z: Any) -> Any:
    """What Stirling's formula leaves of gammaln: gammaln(z) - (z - 1/2) log z + z - log(2 pi) / 2, for z > 0."""
    large = z >= 10
    far, near = xp.where(large, z, xp.full_like(z, 10.0)), xp.where(large, xp.ones_like(z), z)
    series = xp.zeros_like(z)
    for k in range(len(BERNOULLI), 0, -1):
        series = series / (far * far) + BERNOULLI[k - 1] / (2 * k - 1)
    return xp.where(large, series / far, of_library(xp, "gammaln", near) - (near - 0.5) * xp.log(near) + near - math.log(2 * math.pi) / 2)


def digamma_difference(xp: Any, z: Any, h: Any) -> Any:
    """digamma(z + h) - digamma(z) for z >= 1 and h > 0, accurate for small h too.

    The recurrence up to z + 9, then the asymptotic series, both term by term.
    """
    total = xp.zeros_like(z + h)
    for _ in range(9):
        total = total + h / (z * (z + h))
        z = z + 1
    ratio, series, power = xp.log1p(h / z), xp.zeros_like(total), 1.0 + xp.zeros_like(z)
    for k, coefficient in enumerate(BERNOULLI, 1):
        power = power / (z * z)
        series = series - coefficient * power * xp.expm1(-2 * k * ratio)
    return total + ratio + h / (2 * z * (z + h)) + series


def log_of_ratio(xp: Any, excess: Any, ratio: Any) -> Any:
    """log(ratio), where ratio = 1 + excess is near 1 from the excess."""
    near = xp.abs(excess) < 0.5
    return xp.where(near, xp.log1p(xp.where(near, excess, xp.zeros_like(excess))), xp.log(ratio))
