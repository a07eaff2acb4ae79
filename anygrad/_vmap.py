"""`func.vmap`: a function of one thing, applied to all of a batch at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from ._batched import Batch
from ._errors import AxisError
from ._generator import Draw, recorded, repeated
from ._tensor import Tensor
from ._transform import Transformed, at_bottom
from ._tree import leaves, map_leaves, structure
from .ops import broadcast_to, concat, expand_dims, moveaxis
from .ops._axes import along

Dims = Any  # int, None, or a tree of these


def vmap(func: Callable[..., Any], in_dims: Dims = 0, out_dims: Dims = 0, randomness: str = "error", *, chunk_size: int | None = None) -> Callable[..., Any]:
    """The function that applies `func` to every entry of a batch, without a loop.

    Parameters
    ----------
    func : function
        Takes trees of Tensors (and anything else), without the axis of the batch. Returns a tree of Tensors.
    in_dims : int, None, or tree of these
        Which axis of the arguments is that of the batch; None for an argument that is the same for
        all entries. A tuple has a place for each positional argument, which may be a tree like the argument.
        Keyword arguments are the same for all.
    out_dims : int, None, or tree of these
        Where that axis is to be in what is returned; None for a result that is the same for all.
    randomness : {"error", "different", "same"}
        What random functions in `func` do (`anygrad.random`): raise, draw numbers for each entry, or the same for all.
    chunk_size : int, optional
        How many entries to compute at once; default all of them.

    Returns
    -------
    function
        Takes what `func` takes, with the axis of the batch, and returns what it returns, with that axis.

    Raises
    ------
    ValueError
        If in_dims or out_dims do not fit, if there is nothing to batch, or `func` returns other things than Tensors.
    RuntimeError
        If `func` needs the values of one entry (`item()`, `if`, masks), or writes them where there is one place for all.

    Examples
    --------
    >>> anygrad.func.vmap(anygrad.linalg.vecdot)(anygrad.ones(2, 3), anygrad.ones(2, 3))
    tensor([3., 3.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"vmap: randomness must be 'error', 'different' or 'same', got {randomness!r}")
    check_chunk_size("vmap", chunk_size)

    @functools.wraps(func)
    def batched(*args: Any, **kwargs: Any) -> Any:
        dims = _in_dims(in_dims, args)
        size = _size(dims, args)
        if chunk_size is None or chunk_size >= size:
            return _whole(func, size, randomness, dims, out_dims, args, kwargs)
        pieces: list[Any] = []
        draws: list[Draw] = []
        for start in range(0, size, chunk_size):
            n = min(chunk_size, size - start)
            piece = map_leaves(lambda x, dim, start=start, n=n: _cut(x, dim, start, n), args, dims)
            with repeated(draws) if pieces and randomness == "same" else nullcontext(), recorded() as noted:
                pieces.append(_whole(func, n, randomness, dims, out_dims, piece, kwargs))
            draws = draws or noted
        return map_leaves(_joined, pieces[0], _spread(out_dims, pieces[0], "out_dims", "outputs"), *pieces[1:])

    return batched


def check_chunk_size(where: str, chunk_size: int | None) -> None:
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"{where}: chunk_size must be None or greater than 0, got {chunk_size}")


def _whole(func: Callable[..., Any], size: int, randomness: str, dims: Any, out_dims: Dims, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """All of a batch at once."""
    with Batch(size, randomness) as batch:
        result = func(*map_leaves(lambda x, dim: x if dim is None else batch.covered(_first(x, dim)), args, dims), **kwargs)
        for y in leaves(result):
            if not isinstance(y, Tensor):
                raise ValueError(f"vmap: the function must only return Tensors, and this one returned {type(y).__name__}. Write anygrad.asarray(...).")
        return map_leaves(lambda y, dim: _out(batch, y, dim), result, _spread(out_dims, result, "out_dims", "outputs"))


def _out(batch: Batch, y: Tensor, dim: Any) -> Tensor:
    """A result with the axis of the batch where it is wanted."""
    if isinstance(y, Transformed) and y.level > batch.level:
        raise RuntimeError("vmap: the function returned a tensor of a batch that had escaped from another function inside: it was kept in an outer variable")
    if dim is None:
        if batch.holds(y):
            raise ValueError("vmap: out_dims is None for a result that differs from one entry of the batch to the next; give the place of its axis")
        return y
    if not -y.ndim - 1 <= dim <= y.ndim:
        raise AxisError(f"vmap: out_dims has {dim} for a result that has {y.ndim + 1} dimension(s) with that of the batch; it can be {-y.ndim - 1} to {y.ndim}")
    dim %= y.ndim + 1
    if batch.holds(y):
        return moveaxis(y.value, 0, dim) if dim else y.value  # type: ignore[attr-defined]
    return broadcast_to(expand_dims(y, axis=dim), (*y.shape[:dim], batch.size, *y.shape[dim:]))


def _first(x: Tensor, dim: int) -> Tensor:
    """An argument with the axis of the batch in front, and never the caller's own object where that is not tracked."""
    return moveaxis(x, dim, 0) if dim % x.ndim else x if x.requires_grad else at_bottom(Tensor.detach, x)


def _cut(x: Any, dim: Any, start: int, n: int) -> Any:
    return x if dim is None else x[along(dim % x.ndim, slice(start, start + n))]


def _joined(y: Tensor, dim: Any, *others: Tensor) -> Tensor:
    return y if dim is None else concat([y, *others], axis=dim)


# ---------------------------------------------------------------------------
# in_dims and out_dims
# ---------------------------------------------------------------------------


def _in_dims(in_dims: Dims, args: tuple[Any, ...]) -> Any:
    """A tree like the arguments, with an axis or None for each leaf; checked."""
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(f"vmap: in_dims must be an int, or a tuple with a place for each positional argument, got {type(in_dims).__name__}")
    if not args:
        raise ValueError(
            "vmap: the function was called without positional arguments, so there is nothing to batch. (Keyword arguments are the same for all entries.)"
        )
    dims = _spread(in_dims, args, "in_dims", "arguments")
    for x, dim in _pairs(args, dims):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(f"vmap: in_dims has {dim!r}; for each argument it must be an int or None")
        if not isinstance(x, Tensor):
            raise ValueError(
                f"vmap: in_dims has {dim} for an argument that is {type(x).__name__}, not a Tensor. Give None for what is the same for all entries."
            )
        if not -x.ndim <= dim < x.ndim:
            raise ValueError(
                f"vmap: in_dims has {dim} for a Tensor of shape {x.shape}; it can be {-x.ndim} to {x.ndim - 1}"
                if x.ndim
                else f"vmap: in_dims has {dim} for a 0-d Tensor, which has no axis to batch"
            )
    return dims


def _size(dims: Any, args: tuple[Any, ...]) -> int:
    sizes = [x.shape[dim] for x, dim in _pairs(args, dims) if dim is not None]
    if not sizes:
        raise ValueError("vmap: in_dims is None for all arguments, so there is nothing to batch. Give the axis of at least one.")
    if len(set(sizes)) > 1:
        raise ValueError(f"vmap: the axis of the batch must have one size in all arguments, got sizes {sizes}")
    return sizes[0]


def _pairs(tree: Any, dims: Any) -> Iterator[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    map_leaves(lambda x, dim: found.append((x, dim)), tree, dims)
    return iter(found)


def _spread(dims: Dims, tree: Any, what: str, of: str) -> Any:
    """A tree like `tree`, with the dims that belong to its leaves: one for a whole branch is that of all its leaves."""

    def spread(dims: Dims, tree: Any) -> Any:
        if dims is None or isinstance(dims, int):
            return map_leaves(lambda _: dims, tree)
        if isinstance(dims, dict) and isinstance(tree, dict) and dims.keys() == tree.keys():
            return {key: spread(dims[key], tree[key]) for key in tree}
        if isinstance(dims, (tuple, list)) and _is_like(dims, tree):
            return type(tree)._make(map(spread, dims, tree)) if hasattr(tree, "_make") else type(tree)(map(spread, dims, tree))
        if isinstance(dims, (tuple, list, dict)):
            raise ValueError(f"vmap: {what} does not have the structure of the {of}: {what} is {all_dims}, the {of} are {structure(whole)}")
        if what == "in_dims":
            raise ValueError(f"vmap: in_dims has {dims!r}; for each argument it must be an int or None")
        raise ValueError(f"vmap: {what} must be an int, None, or a tree of these, got {dims!r}")

    all_dims, whole = dims, tree
    if what == "out_dims" and isinstance(dims, tuple) and len(dims) == 1 and not isinstance(tree, (tuple, list, dict)):
        dims = dims[0]
    return spread(dims, tree)


def _is_like(dims: Sequence[Any], tree: Any) -> bool:
    return (type(dims) is type(tree) or isinstance(tree, tuple) and isinstance(dims, tuple)) and len(dims) == len(tree)
