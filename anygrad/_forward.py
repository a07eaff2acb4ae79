"""Running a function forward: with tangents, once, or once for each column of its Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ._dual import Level, dual, own, parts_at
from ._tensor import Tensor
from ._tree import leaves, map_leaves
from .ops.creation import eye, zeros_like
from .ops.manipulation import reshape, stack


class Pair:
    """A leaf of a function's result: its value, and its tangent if it has one."""

    __slots__ = ("change", "value")

    def __init__(self, value: Any, change: Tensor | None) -> None:
        self.value, self.change = value, change


def value(tree: Any) -> Any:
    """The values of a tree of pairs."""
    return map_leaves(lambda pair: pair.value, tree)


def change(tree: Any) -> Any:
    """The tangents of a tree of pairs of Tensors, with zeros where there are none."""
    return map_leaves(lambda pair: zeros_like(pair.value) if pair.change is None else pair.change, tree)


def push_through(function: Callable[..., Any], xs: Sequence[Tensor], tangents: Sequence[Tensor | None]) -> Any:
    """What the function gives, as a tree of pairs; no tangent (None) leaves an argument constant."""
    with Level() as level:
        result = function(*[own(x) if t is None else dual(level, own(x), t) for x, t in zip(xs, tangents, strict=True)])
        return map_leaves(lambda y: Pair(*parts_at(y, level)), result)


def columns(function: Callable[..., Any], xs: Sequence[Tensor]) -> tuple[Any, list[list[Tensor | None]]]:
    """What the function gives, and its Jacobian, one run for each element of its arguments.

    Returns
    -------
    result : tree of pairs
    blocks : list of lists
        `blocks[j][i]` is the derivative of leaf i of the result with respect to argument j, of y's
        shape followed by x's; None where that leaf does not depend on that argument.
    """
    result: Any = None
    blocks = []
    for j, x in enumerate(xs):
        runs = []
        for direction in reshape(eye(x.size, dtype=x.dtype, device=x.device), (x.size, *x.shape)):
            result = push_through(function, xs, [direction if k == j else None for k in range(len(xs))])
            runs.append(list(leaves(result)))
        blocks.append([_block(column, x) for column in zip(*runs, strict=True)])
    if result is None:
        result = push_through(function, xs, [None] * len(xs))
    count = len(list(leaves(result)))
    return result, [block or [None] * count for block in blocks]


def _block(column: Sequence[Pair], x: Tensor) -> Tensor | None:
    if all(pair.change is None for pair in column):
        return None
    return reshape(stack([change(pair) for pair in column], axis=-1), column[0].value.shape + x.shape)
