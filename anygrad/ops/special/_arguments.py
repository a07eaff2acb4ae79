"""Arguments that are not differentiated, and derivatives that are not there."""

from __future__ import annotations

from typing import Any

from ..._scalars import NUMBERS
from .._axes import as_tensor
from ..data_types import astype


def integer(function: str, name: str, value: Any, least: int) -> int:
    """A Python integer, also from a 0-d integer array.

    Raises
    ------
    ValueError
        If it is none, or less than `least`.
    """
    try:
        found = value.__index__()
    except (AttributeError, TypeError):
        found = least - 1
    if found < least:
        raise ValueError(f"{function}: {name} must be an integer of at least {least}, not {value!r}")
    return found


def in_dtype_of(x: Any, n: Any) -> Any:
    """An integer parameter in the dtype of x, so that the two can be computed with."""
    if isinstance(n, NUMBERS):
        return n
    n, x = as_tensor(n), as_tensor(x)
    return astype(n, x.real.dtype) if n.dtype.kind in "biu" and x.dtype.kind in "fc" else n


def next_order(function: str, name: str, order: int) -> int:
    """The order of the next derivative with respect to a parameter of which there are two.

    Raises
    ------
    NotImplementedError
        If it is the third.
    """
    if order == 2:
        raise NotImplementedError(f"{function}: the third derivative with respect to `{name}` is not implemented. Detach that argument.")
    return order + 1
