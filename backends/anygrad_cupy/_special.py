"""cupyx.scipy.special, where that has what SciPy has."""

from __future__ import annotations

from typing import Any

import cupy as cp
import cupyx.scipy.special


def yn(n: Any, x: cp.ndarray, /) -> cp.ndarray:
    """The Bessel function of the second kind. (CUDA's is NaN for negative orders: https://dlmf.nist.gov/10.4#E1.)"""
    out = cupyx.scipy.special.yn(cp.abs(n), x)
    return cp.where((n < 0) & (n % 2 != 0), -out, out)


def __getattr__(attribute: str) -> Any:
    return getattr(cupyx.scipy.special, attribute)
