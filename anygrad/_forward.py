"""Running a function forward: with tangents, once, or once for each column of its Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from ._batched import Batch
from ._dual import Level, dual, own, parts_at
from ._generator import Draw, recorded, repeated
from ._tensor import Tensor
from ._tree import leaves, map_leaves
from .ops.creation import eye, zeros_like
from .ops.manipulation import concat, moveaxis, reshape


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


def columns(function: Callable[..., Any], xs: Sequence[Tensor], chunk_size: int | None = None) -> tuple[Any, list[list[Tensor | None]]]:
    """What the function gives, and its Jacobian, with a batch of tangents for each argument.

    Parameters
    ----------
    chunk_size : int, optional
        How many columns to compute at once; default all of an argument. 1: without a batch.

    Returns
    -------
    result : tree of pairs
    blocks : list of lists
        `blocks[j][i]` is the derivative of leaf i of the result with respect to argument j, of y's
        shape followed by x's; None where that leaf does not depend on that argument.
    """
    result = None
    draws: list[Draw] | None = None  # of the first run: all columns are of the same random numbers
    blocks: list[list[Tensor | None]] = []
    for j, x in enumerate(xs):
        rows = reshape(eye(x.size, dtype=x.dtype, device=x.device), (x.size, *x.shape))
        pieces, step = [], x.size if chunk_size is None else chunk_size
        for start in range(0, x.size, max(step, 1)):
            with nullcontext() if draws is None else repeated(draws), recorded() as noted:
                result, changes = _pushed(function, xs, j, rows[start : start + step], chunk_size != 1)
            draws = noted
            pieces.append(changes)
        blocks.append([_joined(column, x) for column in zip(*pieces, strict=True)])
    if result is None:
        result = push_through(function, xs, [None] * len(xs))
    count = len(list(leaves(result)))
    return result, [block or [None] * count for block in blocks]


def _pushed(function: Callable[..., Any], xs: Sequence[Tensor], j: int, rows: Tensor, batched: bool) -> tuple[Any, list[Tensor | None]]:
    """What the function gives, and the tangents of its leaves along each of the rows in argument j."""

    def run(row: Tensor) -> Any:
        return push_through(function, xs, [row if k == j else None for k in range(len(xs))])

    if not batched:
        result = run(rows[0])
        return result, [pair.change if pair.change is None else pair.change[None] for pair in leaves(result)]
    with Batch(rows.shape[0]) as batch:
        result = run(batch.covered(rows))
        return result, [pair.change if pair.change is None else batch.exposed(pair.change) for pair in leaves(result)]


def _joined(column: Sequence[Tensor | None], x: Tensor) -> Tensor | None:
    """A block of the Jacobian from its pieces, which have the columns in front."""
    known = [c for c in column if c is not None]  # all or none: whether there is a tangent depends on values alone
    if not known:
        return None
    whole = known[0] if len(known) == 1 else concat(known)
    return reshape(moveaxis(whole, 0, -1), whole.shape[1:] + x.shape)
