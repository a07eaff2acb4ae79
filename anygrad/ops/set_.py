"""The set functions of the standard.

Distinct values are elements of x: the gradient of each goes to where it was first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .._primitive import primitive
from .._tensor import Tensor
from .._transform import is_tracked
from ._axes import as_tensor, pair
from .indexing import take
from .logic import logical_not
from .manipulation import reshape


class UniqueAllResult(NamedTuple):
    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCountsResult(NamedTuple):
    values: Tensor
    counts: Tensor


class UniqueInverseResult(NamedTuple):
    values: Tensor
    inverse_indices: Tensor


@primitive(differentiable=False)
def _unique_all(xp: Any, x: Any) -> Any:
    return tuple(xp.unique_all(x))


@primitive(differentiable=False)
def _unique_values(xp: Any, x: Any) -> Any:
    return xp.unique_values(x)


@primitive(differentiable=False)
def _isin(xp: Any, x1: Any, x2: Any) -> Any:
    return xp.isin(x1, x2)


def unique_all(x: Tensor, /) -> UniqueAllResult:
    """The distinct elements, where each was first, which of them each element is, and how often each occurs."""
    x = as_tensor(x)
    result = UniqueAllResult(*_unique_all(x))
    return result._replace(values=take(reshape(x, (-1,)), result.indices)) if is_tracked(x) else result


def unique_counts(x: Tensor, /) -> UniqueCountsResult:
    """The distinct elements and how often each occurs."""
    result = unique_all(x)
    return UniqueCountsResult(result.values, result.counts)


def unique_inverse(x: Tensor, /) -> UniqueInverseResult:
    """The distinct elements, and which of them each element is."""
    result = unique_all(x)
    return UniqueInverseResult(result.values, result.inverse_indices)


def unique_values(x: Tensor, /) -> Tensor:
    """The distinct elements."""
    x = as_tensor(x)
    return unique_all(x).values if is_tracked(x) else _unique_values(x)


def isin(x1: Tensor, x2: Any, /, *, invert: bool = False) -> Tensor:
    """Whether each element of x1 is among those of x2."""
    found = _isin(*pair(x1, x2))
    return logical_not(found) if invert else found


__all__ = ["isin", "unique_all", "unique_counts", "unique_inverse", "unique_values"]
