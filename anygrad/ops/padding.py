"""pad: an array with borders, one axis after the other; each border is made of slices, so its gradient is too."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import ShapeError
from .._tensor import Tensor
from ._axes import along, as_tensor
from .conversion import clone
from .creation import full
from .indexing import scatter_add
from .manipulation import broadcast_to, concat, flip

MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def pad(x: Tensor, /, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Tensor:
    """x with elements added before and after it along each axis.

    Parameters
    ----------
    x : Tensor
    pad_width : int, (before, after), or a sequence of (before, after) for each axis
        How many elements; one pair is for all axes.
    mode : str
        What they are: "constant", the number `constant_values`; "edge", the element at the end;
        "reflect", a mirror image about the end element; "symmetric", one that repeats the end
        element; "wrap", the elements from the other end. Borders wider than x go on with the pattern.
    constant_values : number, (before, after), or a sequence of (before, after) for each axis

    Returns
    -------
    Tensor
        Of x's dtype.

    Raises
    ------
    ShapeError
        If `pad_width` is not for x's axes or is negative, or if an empty axis has nothing to be continued with.
    ValueError
        For another mode.
    """
    x = as_tensor(x)
    if mode not in MODES:
        raise ValueError(f"pad: mode must be one of {', '.join(map(repr, MODES))}, not {mode!r}")
    widths = _pairs("pad_width", pad_width, x.ndim)
    if np.asarray(widths).dtype.kind not in "iu" and x.ndim:
        raise TypeError(f"pad: pad_width must be of integers, not {pad_width!r}")
    if any(n < 0 for pair in widths for n in pair):
        raise ShapeError(f"pad: pad_width cannot be negative, got {pad_width!r}. To cut elements off, use a slice.")
    values = _pairs("constant_values", constant_values, x.ndim)
    if mode == "constant" and not np.any(values):
        key = tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True))
        return scatter_add(tuple(before + n + after for (before, after), n in zip(widths, x.shape, strict=True)), key, x)
    out = x
    for axis, (before, after) in enumerate(widths):
        if before or after:
            borders = _constant(out, axis, (before, after), values[axis]) if mode == "constant" else _continued(out, axis, before, after, mode)
            out = concat([*borders[0], out, *borders[1]], axis=axis)
    return clone(x) if out is x else out


def _pairs(name: str, given: Any, ndim: int) -> list[list[Any]]:
    """(before, after) for each axis."""
    try:
        return np.broadcast_to(np.asarray(given), (ndim, 2)).tolist()
    except ValueError:
        raise ShapeError(f"pad: {name} is one value, one pair (before, after), or such a pair for each of {ndim} axes; got {given!r}") from None


def _constant(x: Tensor, axis: int, widths: tuple[int, int], values: list[Any]) -> tuple[list[Tensor], list[Tensor]]:
    shapes = [(*x.shape[:axis], n, *x.shape[axis + 1 :]) for n in widths]
    before, after = (full(shape, value, dtype=x.dtype, device=x.device) for shape, value in zip(shapes, values, strict=True))
    return [before], [after]


def _continued(x: Tensor, axis: int, before: int, after: int, mode: str) -> tuple[list[Tensor], list[Tensor]]:
    n = x.shape[axis]
    if n == 0:
        raise ShapeError(f"pad: mode {mode!r} has nothing to continue along axis {axis} of shape {x.shape}, which is empty. Use mode 'constant'.")
    if mode == "edge" or mode == "reflect" and n == 1:
        ends = (x[along(axis, slice(0, 1))], before), (x[along(axis, slice(n - 1, n))], after)
        first, last = (broadcast_to(end, (*x.shape[:axis], width, *x.shape[axis + 1 :])) for end, width in ends)
        return [first], [last]
    return _pieces(x, axis, -before, 0, mode), _pieces(x, axis, n, n + after, mode)


def _pieces(x: Tensor, axis: int, start: int, stop: int, mode: str) -> list[Tensor]:
    """What stands from `start` to `stop` of an axis that goes on with a period; if it is mirrored, each
    odd period runs backwards, from the last element."""
    n = x.shape[axis]
    period, mirrored = (n - 1 if mode == "reflect" else n), mode != "wrap"
    found = []
    for block in range(start // period, -(-stop // period)):
        low, high = (min(max(place - block * period, 0), period) for place in (start, stop))
        backwards = mirrored and block % 2
        piece = x[along(axis, slice(n - high, n - low) if backwards else slice(low, high))]
        found.append(flip(piece, axis=axis) if backwards else piece)
    return found


__all__ = ["pad"]
