"""Arguments of NumPy's functions, and the table into which ours are put."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from .._backends import is_array
from .._tensor import Tensor

Array = Any  # a Tensor, or what becomes one: an array, a number, nested lists
FUNCTIONS: dict[str, Callable[..., Any]] = {}  # by NumPy's name


def implements(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put a function into the table under NumPy's names of it."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(names, function))
        return function

    return decorate


def tensor(x: Array) -> Tensor:
    """An argument as a Tensor; numbers and lists of numbers as NumPy would have them."""
    return ops.asarray(x if isinstance(x, Tensor) or is_array(x) or _has_tensors(x) else np.asarray(x))


def _has_tensors(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and any(isinstance(v, Tensor) or _has_tensors(v) for v in x)


def tensors(xs: Sequence[Array]) -> list[Tensor]:
    return list(ops.unstack(xs)) if isinstance(xs, Tensor) else [tensor(x) for x in xs]


def floating(x: Array) -> Tensor:
    """Integers and booleans as float64, as NumPy's means have them."""
    x = tensor(x)
    return ops.astype(x, np.float64) if x.dtype.kind in "biu" else x


def flat(a: Tensor, axis: int | None) -> tuple[Tensor, int]:
    """NumPy's axis=None: all elements in one row."""
    return (ops.reshape(a, (-1,)), 0) if axis is None else (a, axis)


def without_nan(a: Array, instead: float) -> Tensor:
    """Another value in place of NaN, whose gradient is then 0."""
    a = tensor(a)
    return ops.where(ops.isnan(a), instead, a) if a.dtype.kind in "fc" else a
