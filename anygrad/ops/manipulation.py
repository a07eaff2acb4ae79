"""Shapes: the manipulation functions of the standard. Those that the library makes as
views are views here: writes go through them in both directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from .._errors import AxisError, ShapeError
from .._primitive import linear as primitive
from .._tensor import Tensor
from .._tree import as_tuple
from ._axes import along, as_tensor, axes_of, axis_of, integer, integers, size_of, tensors_of
from .indexing import take


@primitive("View", view=True, x=lambda g, x_shape, xp: xp.reshape(g, x_shape))
def _reshape(xp: Any, x: Any, *, shape: Any) -> Any:
    return xp.reshape(x, shape)


@primitive("Permute", view=True, x=lambda g, axes, xp: xp.permute_dims(g, inverse(axes)))
def _permute(xp: Any, x: Any, *, axes: Any) -> Any:
    return xp.permute_dims(x, axes)


@primitive("Expand", view=True, x=lambda g: g)
def _broadcast_to(xp: Any, x: Any, *, shape: Any) -> Any:
    return xp.broadcast_to(x, shape)


@primitive("Unsqueeze", view=True, x=lambda g, x_shape, xp: xp.reshape(g, x_shape))
def _expand(xp: Any, x: Any, *, shape: Any) -> Any:
    return xp.reshape(x, shape)


@primitive("Squeeze", view=True, x=lambda g, x_shape, xp: xp.reshape(g, x_shape))
def _squeeze(xp: Any, x: Any, *, axes: Any) -> Any:
    return xp.squeeze(x, axis=axes)


@primitive("Flip", x=lambda g, axes, xp: xp.flip(g, axis=axes))
def _flip(xp: Any, x: Any, *, axes: Any) -> Any:
    return xp.copy(xp.flip(x, axis=axes))  # a copy, as in PyTorch: NumPy's is a view


@primitive("Roll", x=lambda g, shift, axes, xp: xp.roll(g, tuple(-n for n in shift) if axes is not None else -shift, axis=axes))
def _roll(xp: Any, x: Any, *, shift: Any, axes: Any) -> Any:
    return xp.roll(x, shift, axis=axes)


@primitive("Cat", arrays=lambda g, arrays_shape, axis: pieces(g, [s[axis] for s in arrays_shape], axis))
def _concat(xp: Any, *arrays: Any, axis: Any) -> Any:
    return xp.concat(arrays, axis=axis)


@primitive("Stack", arrays=lambda g, axis, arrays_shape: [g[along(axis, i)] for i in range(len(arrays_shape))])
def _stack(xp: Any, *arrays: Any, axis: Any) -> Any:
    return xp.stack(arrays, axis=axis)


@primitive("Unbind", view=True, x=lambda g, axis, xp: xp.stack(filled(g, xp), axis=axis))
def _unstack(xp: Any, x: Any, *, axis: Any) -> Any:
    return tuple(x[along(axis, i)] for i in range(x.shape[axis]))


@primitive("Repeat", x=lambda g, x_shape, reps, xp: xp.sum(xp.reshape(g, tiles(x_shape, reps)), axis=tuple(range(0, 2 * len(reps), 2))))
def _tile(xp: Any, x: Any, *, reps: Any) -> Any:
    return xp.tile(x, reps)


@primitive(
    "RepeatInterleave", x=lambda g, x_shape, repeats, axis, xp: xp.sum(xp.reshape(g, (*x_shape[: axis + 1], repeats, *x_shape[axis + 1 :])), axis=axis + 1)
)
def _repeat(xp: Any, x: Any, *, repeats: Any, axis: Any) -> Any:
    return xp.repeat(x, repeats, axis=axis)


# ---------------------------------------------------------------------------
# helpers of the rules
# ---------------------------------------------------------------------------


def inverse(axes: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes `axes`."""
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def pieces(g: Any, lengths: Sequence[int], axis: int) -> list[Any]:
    """Consecutive pieces along an axis."""
    return [g[along(axis, slice(stop - n, stop))] for n, stop in zip(lengths, accumulate(lengths), strict=True)]


def filled(gs: list[Any], xp: Any) -> list[Any]:
    """Gradients of several outputs, with zeros where none has arrived."""
    known = next(g for g in gs if g is not None)
    return [xp.zeros_like(known) if g is None else g for g in gs]


def tiles(shape: tuple[int, ...], reps: tuple[int, ...]) -> tuple[int, ...]:
    """A tiled array's shape with each axis split in (repetition, place)."""
    full = (1,) * (len(reps) - len(shape)) + shape
    return tuple(n for pair in zip(reps, full, strict=True) for n in pair)


# ---------------------------------------------------------------------------
# the functions of the standard
# ---------------------------------------------------------------------------


def reshape(x: Tensor, /, shape: Any, *, copy: Any = None) -> Tensor:
    """The same elements in another shape; one size may be -1.

    A view where the memory allows it. `copy=True` always copies, `copy=False` raises
    ValueError where a view cannot be made.
    """
    x = as_tensor(x)
    out = _reshape(x, shape=size_of("reshape", shape, x.size))
    if copy is False and out._alias is None and x.size:
        raise ValueError(f"reshape: copy=False, but a tensor of shape {x.shape} with this layout in memory needs a copy to have shape {out.shape}")
    return out.clone() if copy else out


def permute_dims(x: Tensor, /, axes: Any) -> Tensor:
    """The axes in another order."""
    x = as_tensor(x)
    axes = axes_of("permute_dims", integers("permute_dims", "axes", axes), x.ndim)
    if len(axes) != x.ndim:
        raise ShapeError(f"permute_dims: axes {axes} must name each of the {x.ndim} axes once")
    return _permute(x, axes=axes)


def matrix_transpose(x: Tensor, /) -> Tensor:
    """The last two axes swapped."""
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"matrix_transpose: needs at least two dimensions, got shape {x.shape}")
    return _permute(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def moveaxis(x: Tensor, source: Any, destination: Any, /) -> Tensor:
    """Axes moved to other places, the others in their order."""
    x = as_tensor(x)
    source, destination = (axes_of("moveaxis", integers("moveaxis", "axis", axes), x.ndim) for axes in (source, destination))
    if len(source) != len(destination):
        raise AxisError(f"moveaxis: {len(source)} source axes and {len(destination)} destinations")
    order = [a for a in range(x.ndim) if a not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        order.insert(place, axis)
    return _permute(x, axes=tuple(order))


def broadcast_to(x: Tensor, /, shape: Any) -> Tensor:
    """x repeated, without copies, to a shape that it broadcasts to."""
    return _broadcast_to(as_tensor(x), shape=integers("broadcast_to", "shape", shape))


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that arrays of these shapes broadcast to."""
    ndim = max((len(s) for s in shapes), default=0)
    out = []
    for sizes in zip(*[(1,) * (ndim - len(s)) + tuple(s) for s in shapes], strict=True):
        wide = {n for n in sizes if n != 1}
        if len(wide) > 1:
            raise ShapeError(
                f"broadcast_shapes: shapes {' and '.join(str(tuple(s)) for s in shapes)} do not broadcast: sizes must match or be 1, counted from the last axis"
            )
        out.append(wide.pop() if wide else 1)
    return tuple(out)


def broadcast_arrays(*arrays: Tensor) -> tuple[Tensor, ...]:
    """All of them in their common shape."""
    tensors = tensors_of("broadcast_arrays", arrays)
    shape = broadcast_shapes(*[t.shape for t in tensors])
    return tuple(t if t.shape == shape else broadcast_to(t, shape) for t in tensors)


def expand_dims(x: Tensor, /, axis: Any = 0) -> Tensor:
    """New axes of size 1."""
    x = as_tensor(x)
    new = as_tuple(axis)
    places = axes_of("expand_dims", new, x.ndim + len(new))
    sizes = iter(x.shape)
    return _expand(x, shape=tuple(1 if i in places else next(sizes) for i in range(x.ndim + len(new))))


def squeeze(x: Tensor, /, axis: Any = None) -> Tensor:
    """Without the given axes, which must be of size 1; without any such axis if none is given."""
    x = as_tensor(x)
    axes = tuple(i for i, n in enumerate(x.shape) if n == 1) if axis is None else axes_of("squeeze", axis, x.ndim)
    if any(x.shape[a] != 1 for a in axes):
        raise ShapeError(f"squeeze: only axes of size 1 can be left out; axis {axis} of shape {x.shape} is larger")
    return _squeeze(x, axes=axes)


def flip(x: Tensor, /, *, axis: Any = None) -> Tensor:
    """Backwards along the given axes, or along all."""
    x = as_tensor(x)
    return _flip(x, axes=axes_of("flip", axis, x.ndim))


def roll(x: Tensor, /, shift: Any, *, axis: Any = None) -> Tensor:
    """Elements moved along axes, those from the end to the front."""
    x = as_tensor(x)
    if axis is None:
        return _roll(x, shift=sum(integers("roll", "shift", shift)), axes=None)
    axes = tuple(axis_of("roll", a, x.ndim) for a in as_tuple(axis))
    shifts = tuple(shift) if isinstance(shift, (tuple, list)) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes")
    if not axes:
        return x.clone()
    return _roll(x, shift=tuple(integer("roll", "shift", n) for n in shifts), axes=axes)


def concat(arrays: Any, /, *, axis: int | None = 0) -> Tensor:
    """Arrays one after the other along an axis; flattened first if `axis` is None."""
    tensors = tensors_of("concat", arrays)
    if not tensors:
        raise ShapeError("concat: needs at least one array")
    if axis is None:
        tensors, axis = [reshape(t, (-1,)) for t in tensors], 0
    if len({t.ndim for t in tensors}) > 1:
        raise ShapeError(f"concat: all arrays need the same number of dimensions, got shapes {', '.join(str(t.shape) for t in tensors)}")
    return _concat(*tensors, axis=axis_of("concat", axis, tensors[0].ndim))


def stack(arrays: Any, /, *, axis: int = 0) -> Tensor:
    """Arrays of one shape side by side along a new axis."""
    tensors = tensors_of("stack", arrays)
    if not tensors:
        raise ShapeError("stack: needs at least one array")
    if len({t.shape for t in tensors}) > 1:
        raise ShapeError(f"stack: all arrays need the same shape, got {', '.join(str(t.shape) for t in tensors)}")
    return _stack(*tensors, axis=axis_of("stack", axis, tensors[0].ndim + 1))


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices along an axis."""
    x = as_tensor(x)
    axis = axis_of("unstack", axis, x.ndim)
    return _unstack(x, axis=axis) if x.shape[axis] else ()


def tile(x: Tensor, repetitions: tuple[int, ...], /) -> Tensor:
    """x repeated as a whole along each axis."""
    x = as_tensor(x)
    reps = integers("tile", "repetitions", repetitions)
    if any(n < 0 for n in reps):
        raise ShapeError(f"tile: repetitions cannot be negative, got {reps}")
    return _tile(x, reps=(1,) * (x.ndim - len(reps)) + reps)


def repeat(x: Tensor, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    """Each element repeated, `repeats` times or as often as its own number in `repeats` says (a tensor of numbers is read on the host)."""
    x = as_tensor(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    axis = axis_of("repeat", axis, x.ndim)
    if isinstance(repeats, (int, np.integer)):
        return _repeat(x, repeats=_times(repeats), axis=axis)
    from .conversion import to_numpy
    from .creation import asarray

    counts = to_numpy(as_tensor(repeats))
    if counts.size == 1:
        return _repeat(x, repeats=_times(counts.item()), axis=axis)
    if counts.shape != x.shape[axis : axis + 1]:
        raise ShapeError(f"repeat: repeats of shape {counts.shape} for an axis of size {x.shape[axis]}: give one number, or one for each element")
    if counts.size and (counts.dtype.kind not in "iu" or counts.min() < 0):
        raise ValueError(f"repeat: repeats must be integers, and not negative; got {counts.dtype} numbers, the smallest {counts.min()}")
    return take(x, asarray(np.repeat(np.arange(counts.size), counts.astype(np.int64)), dtype="int64", device=x.device), axis=axis)


def _times(repeats: Any) -> int:
    n = integer("repeat", "repeats", repeats)
    if n < 0:
        raise ShapeError(f"repeat: repeats must be integers, and not negative; got {n}")
    return n


def flatten(x: Tensor, /, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """All elements in one axis, or only the axes from `start_axis` to `end_axis` made one; a view where the memory allows it."""
    x = as_tensor(x)
    if x.ndim == 0:
        return reshape(x, (1,))
    start, end = axis_of("flatten", start_axis, x.ndim), axis_of("flatten", end_axis, x.ndim)
    if start > end:
        raise ShapeError(f"flatten: start_axis {start_axis} comes after end_axis {end_axis} of shape {x.shape}")
    return reshape(x, (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))
