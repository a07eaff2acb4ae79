"""Batching rules: what a primitive does to tensors with an axis more, that of a batch, in front.

A rule gets the primitive, the batch, the inputs (some of them batched) and the parameters, which
were made for the shapes without that axis. It returns what the primitive gives for all entries,
the batch in front. Public functions are compositions of primitives, so these are all there is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ._backends import device_of
from ._dtypes import as_dtype
from ._errors import ShapeError
from ._recording import apply
from ._tensor import Tensor
from .ops import arange, matmul, matrix_transpose, ones, permute_dims, reshape, scatter_add, stack, where, zero_at, zeros_like
from .ops.indexing import Key, _index
from .ops.inplace import write
from .ops.manipulation import inverse

if TYPE_CHECKING:
    from ._batched import Batch
    from ._primitive import Primitive

Rule = Callable[["Primitive", "Batch", Sequence[Any], dict[str, Any]], Any]


def aligned(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Elementwise functions, and those of the last two axes: they broadcast over axes in front."""
    ndim = max([getattr(x, "ndim", 0) for x in inputs])
    return made.function(*[batch.front(x, ndim) for x in inputs], **params)


def replaced(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """The second input in the place of the first, for each entry although the first may be the same for all."""
    x, value = inputs
    return apply(made, batch.exposed(x), batch.front(value, x.ndim))


def along(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Functions along axes that they are told: the axes are one further."""
    moved = {name: _one_further(value) if name in ("axis", "axes") else value for name, value in params.items()}
    return made.function(*[batch.exposed(x) for x in inputs], **moved)


def _one_further(axes: Any) -> Any:
    """Axes counted from the front move; those counted from the back stay."""
    if isinstance(axes, tuple):
        return tuple([_one_further(a) for a in axes])
    return axes + 1 if axes >= 0 else axes


def flat(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """The same where no axis means all elements, one after the other."""
    (x,) = inputs
    name = "axis" if "axis" in params else "axes"
    if params[name] is not None:
        return along(made, batch, inputs, params)
    rows = reshape(x.value, (batch.size, x.size))
    if made.name == "roll":
        return reshape(made.function(rows, shift=(params["shift"],), axes=(1,)), x.value.shape)
    found = made.function(rows, axis=1, keepdims=False)
    return reshape(found, (batch.size, *(1,) * x.ndim)) if params["keepdims"] else found


def shaped(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Functions that are told the shape of their result."""
    (x,) = inputs
    shape = params["shape"]
    value = batch.front(x, len(shape)) if made.name == "broadcast_to" else x.value
    return made.function(value, shape=(batch.size, *shape))


def permuted(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    return made.function(inputs[0].value, axes=(0, *_one_further(params["axes"])))


def tiled(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    reps = params["reps"]
    return made.function(batch.front(inputs[0], len(reps)), reps=(1, *reps))


def multiplied(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Products of matrices: a batch times one matrix is a product of two matrices; so is one matrix times a batch of
    narrow ones, by way of the transposes (copying wide ones costs more than it saves)."""
    x1, x2 = inputs
    if not batch.holds(x2) and x2.ndim == 2:
        return _folded(made, x1.value, x2)
    if not batch.holds(x1) and x1.ndim == 2 and x2.shape[-1] <= 8:
        return matrix_transpose(_folded(made, matrix_transpose(x2.value), matrix_transpose(x1)))
    return aligned(made, batch, inputs, params)


def _folded(made: Primitive, x1: Tensor, x2: Tensor) -> Tensor:
    product = made.function(reshape(x1, (math.prod(x1.shape[:-1]), x1.shape[-1])), x2)
    return reshape(product, (*x1.shape[:-1], x2.shape[-1]))


def with_vector(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Products of a vector with a vector or a matrix."""
    x1, x2 = inputs
    if not batch.holds(x2):
        return matmul(x1.value, x2)
    if batch.holds(x1):
        rows = x1.value if x1.ndim == 2 else x1.value[:, None, :]
        columns = x2.value if x2.ndim == 2 else x2.value[:, :, None]
        return reshape(matmul(rows, columns), (batch.size, *x1.shape[:-1], *x2.shape[1:]))
    if x2.ndim == 2:
        return matmul(x1, x2.value)
    return matmul(x2.value, x1 if x1.ndim == 1 else matrix_transpose(x1))


# ---------------------------------------------------------------------------
# indexing
# ---------------------------------------------------------------------------


def sliced(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    return made.function(inputs[0].value, key=(slice(None), *params["key"]))


def indexed(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """`x[key]` with index arrays."""
    x, key = inputs
    key, order, _ = _whole(key, batch, x, tuple(x.shape), batch.holds(x))
    out = apply(_index.primitive, x.value if batch.holds(x) else x, key)
    return out if order is None else permute_dims(out, order)


def scattered(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Zeros with something added at `key`: the rule of indexing."""
    g, key = inputs
    shape = params["shape"]
    key, order, _ = _whole(key, batch, g, shape)
    g = batch.exposed(g)
    return scatter_add((batch.size, *shape), key, g if order is None else permute_dims(g, inverse(order)))


def zeroed(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    x, key = inputs
    return zero_at(batch.exposed(x), _whole(key, batch, x, tuple(x.shape))[0])


def _whole(key: Key, batch: Batch, x: Any, shape: tuple[int, ...], batched: bool = True) -> tuple[Key, tuple[int, ...] | None, int]:
    """A key for a whole batch.

    Parameters
    ----------
    key : Key
        For one entry.
    x : Tensor or array
        Of the library and the device of what the key is applied to.
    shape : tuple of int
        Of one entry of that.
    batched : bool
        That has the axis of the batch.

    Returns
    -------
    key : Key
    order : tuple of int or None
        How to permute the axes of what the key gives, so that those of one entry are in order after
        the batch; None if they are.
    ndim : int
        Of what the key gives for one entry.
    """
    like = x._data if isinstance(x, Tensor) else x
    cells = _spelled_out(key.cells, len(shape))
    whole = (batch.size, *shape) if batched else shape
    if key.is_basic:
        return Key((slice(None), *cells), like, whole), None, sum(type(c) is not int for c in cells)
    places = [i for i, c in enumerate(cells) if c is not None and type(c) is not slice]
    wide = max([_rank(cells[i]) for i in places])  # dimensions of the index arrays together
    together = places == list(range(places[0], places[-1] + 1))  # what they give is in their place; else in front
    lead = places[0] if together else 0
    ends = wide + len(cells) - len(places)
    parts = [_for_all(c, batch, wide) for c in cells]
    if all(a is b for a, b in zip(parts, cells, strict=True)):  # one key for all
        order = None if together else (wide, *range(wide), *range(wide + 1, ends + 1))
        return Key((slice(None), *cells), like, whole), order, ends
    if batched:  # the numbers of the entries are an index array beside the others
        numbers = reshape(arange(batch.size, device=device_of(like)), (batch.size, *(1,) * wide))
        order = (0, *range(wide + 1, wide + 1 + lead), *range(1, wide + 1), *range(wide + 1 + lead, ends + 1))
        return Key((numbers, *parts), like, whole), order if lead else None, ends
    return Key(tuple(parts), like, whole), (lead, *range(lead), *range(lead + 1, ends + 1)) if lead else None, ends


def _spelled_out(cells: Any, ndim: int) -> tuple[Any, ...]:
    """The parts of a key, with slices in the place of the Ellipsis."""
    cells = cells if isinstance(cells, tuple) else (cells,)
    places = [i for i, c in enumerate(cells) if c is Ellipsis] or [len(cells)]
    used = sum(_consumed(c) for c in cells)
    return (*cells[: places[0]], *(slice(None),) * (ndim - used), *cells[places[0] + 1 :])


def _consumed(c: Any) -> int:
    """How many axes a part of a key is for."""
    if c is None or c is Ellipsis:
        return 0
    array = getattr(c, "array", c)
    return array.ndim if _is_mask(array) else 1


def _rank(c: Any) -> int:
    array = getattr(c, "array", c)
    return 1 if _is_mask(array) else getattr(array, "ndim", 0)


def _is_mask(array: Any) -> bool:
    return hasattr(array, "dtype") and as_dtype(array.dtype).kind == "b"


def _for_all(c: Any, batch: Batch, ndim: int) -> Any:
    """An index array for all entries, the batch in front of its `ndim` axes."""
    if not batch.holds(c):
        return c
    if _is_mask(c):
        raise RuntimeError(
            "vmap: x[mask] with a mask that differs from one entry of the batch to the next: so does the number of results. Use anygrad.where(mask, x, 0)."
        )
    return batch.front(c, ndim)


def taken(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Functions that take, or add, at indices of one axis."""
    x, indices = inputs
    if not batch.holds(indices):
        if "shape" in params:
            return made.function(x.value, indices, shape=(batch.size, *params["shape"]), axis=params["axis"] + 1)
        return made.function(x.value, indices, axis=params["axis"] + 1)
    key = Key((slice(None),) * params["axis"] + (indices,), x._data, params.get("shape", x.shape))
    return scattered(made, batch, (x, key), params) if "shape" in params else indexed(made, batch, (x, key), params)


def taken_along(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    x, indices = inputs
    if batch.holds(indices):
        return along(made, batch, inputs, params)
    return made.function(x.value, indices, axis=params["axis"] + 1)  # they broadcast


# ---------------------------------------------------------------------------
# the rest
# ---------------------------------------------------------------------------


def unshown(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Zeros where a view looks."""
    (base,) = inputs
    shown = made.function(ones(base.shape, dtype=base.dtype, device=base.device), **params) == 0
    return where(shown, zeros_like(base.value), base.value)


def one_by_one(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Entry after entry."""
    if not batch.size:
        raise RuntimeError(f"vmap: {made.name} is computed entry by entry, and this batch has none")
    rows = [made.function(*[x.value[i] if batch.holds(x) else x for x in inputs], **params) for i in range(batch.size)]
    return tuple([stack(column) for column in zip(*rows, strict=True)]) if isinstance(rows[0], tuple) else stack(rows)


def dropped(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Dropout at one place of a stream: what is dropped is the same for all entries."""
    return made.function(inputs[0].value, **{**params, "shared": (0, *_one_further(params["shared"]))})


def looked_up(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Searches for each element of one input in all of the other."""
    within = inputs[1 if made.name == "isin" else 0]
    if batch.holds(within):
        return one_by_one(made, batch, inputs, params)
    return made.function(*[x.value if batch.holds(x) else x for x in inputs], **params)


def refused(made: Primitive, batch: Batch, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    raise RuntimeError(
        f"vmap: {made.name} cannot be batched: how many results there are depends on the values, so it differs from one entry of the batch to the next. "
        "Use anygrad.where to choose without changing a shape, or take this step out of the function."
    )


# Which rule a primitive has. Those of the packages of elementwise functions need not be named, nor their reductions.
RULES: dict[str, Rule] = {
    name: rule
    for rule, names in (
        (aligned, "to pin_memory astype clone aliased tril triu where where_or where_not clip_both clip_low clip_high clip_numbers relu diagonal outer"),
        (aligned, "cholesky qr eigh eigvalsh eig eigvals svd svdvals det cofactors slogdet inv solve pinv matrix_rank"),
        (along, "sum mean max min prod cumulative_sum cumulative_prod var std all any count_nonzero vector_norm argsort cross sum_of_products var_backward"),
        (along, "squeeze flip concat stack unstack split repeat fftn ifftn rfft irfft"),
        (flat, "argmax argmin roll"),
        (shaped, "reshape expand broadcast_to"),
        (permuted, "permute"),
        (tiled, "tile"),
        (multiplied, "matmul"),
        (with_vector, "dot matrix_vector vector_matrix"),
        (sliced, "getitem"),
        (indexed, "index"),
        (scattered, "scatter_add"),
        (zeroed, "zero_at"),
        (taken, "take index_add"),
        (taken_along, "take_along_axis"),
        (unshown, "zeroed_view"),
        (replaced, "copied"),
        (looked_up, "searchsorted isin"),
        (dropped, "random_dropout"),
        (one_by_one, "set_view setitem"),
        (refused, "nonzero unique_all unique_values"),
    )
    for name in names.split()
}
_ELEMENTWISE = ("anygrad.ops.elementwise", "anygrad.ops.logic", "anygrad.ops.special")


@functools.cache
def rule_of(made: Primitive) -> Rule:
    """The batching rule of a primitive; one of somebody else's that is not declared to be elementwise is computed entry by entry."""
    module = made.forward.__module__
    if module.startswith("anygrad.") and made.name in RULES:
        return RULES[made.name]
    has_axes = "axis" in made.params or "axes" in made.params
    if module.startswith(_ELEMENTWISE):
        return along if has_axes else aligned
    return aligned if made.jvp == "elementwise" and not has_axes else one_by_one


# ---------------------------------------------------------------------------
# writing in place
# ---------------------------------------------------------------------------


def write_rule(made: Primitive) -> Callable[..., None]:
    """How a write is done to a whole batch."""
    return _write_at if made.name == "setitem" else _write_over


def _write_over(made: Primitive, batch: Batch, x: Any, others: tuple[Any, ...], raw_write: Callable[..., Any]) -> None:
    for other in others:
        if getattr(other, "ndim", 0) > x.ndim:
            raise ShapeError(f"{made.name} in place: what is written, of shape {tuple(other.shape)}, does not broadcast to the shape {x.shape} of the tensor")
    write(x.value, made, tuple([batch.front(other, x.ndim) for other in others]), raw_write)


def _write_at(made: Primitive, batch: Batch, x: Any, others: tuple[Any, ...], raw_write: Callable[..., Any]) -> None:
    """`x[key] = value`."""
    value, key = others
    key, order, ndim = _whole(key, batch, x, x.shape)
    more = getattr(value, "ndim", 0) - ndim
    if more > 0:
        if any(n != 1 for n in value.shape[:more]):
            raise ShapeError(f"x[key] = value: the value has shape {tuple(value.shape)}, and there is room for {ndim} dimension(s)")
        value = reshape(value, value.shape[more:])
    if order is None:
        value = batch.front(value, ndim)
    else:
        value = permute_dims(batch.front(batch.covered(batch.exposed(value)), ndim), inverse(order))
    write(x.value, made, (value, key), raw_write)
