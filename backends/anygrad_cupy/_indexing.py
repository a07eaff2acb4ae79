"""Reading at indices, and adding up there.

Most keys read rows: one index array, or two side by side, among whole axes (`x[i]`, `x[:, i]`, `x[i, j]`). One kernel
of our own reads them, and one adds up at them, in any dtype and without the arrays that CuPy makes of a key first.
Other keys are left to CuPy.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import cupy as cp
import numpy as np

from ._devices import device_guard
from ._kernels import kernel, launch, type_name

_WHOLE = slice(None)
_BYTES = {1: "u8", 2: "u16", 4: "u32", 8: "u64", 16: "u64"}  # what elements of a size are read as
_deterministic = False


def use_deterministic_algorithms(mode: bool) -> None:
    """Whether `scatter_add` adds up in a fixed order, so that the same program gives the same bits."""
    global _deterministic
    _deterministic = mode


class _Rows:
    """What a key of rows reads of an array of some shape.

    Attributes
    ----------
    arrays : list of array
        One or two index arrays of one shape and of int32 or int64, in memory one index after the other.
    arguments : tuple
        The same as the kernels take them: i0, n0, i1, n1, m.
    before, width : int
        The sizes of the axes before and after the indexed ones.
    shape : tuple of int
        Of what is read.
    """

    __slots__ = ("arguments", "arrays", "before", "shape", "width")

    def __init__(self, shape: tuple[int, ...], arrays: list[cp.ndarray], axis: int, grid: tuple[int, ...]) -> None:
        stop = axis + len(arrays)
        sizes, m = shape[axis:stop], math.prod(grid)
        if m and not all(sizes):
            raise IndexError(f"an index is out of range for an axis of size 0 of an array of shape {shape}")
        self.arrays = arrays
        self.arguments = (arrays[0], sizes[0], arrays[1], sizes[1], m) if len(arrays) > 1 else (arrays[0], sizes[0], None, 1, m)
        self.before, self.width = math.prod(shape[:axis]), math.prod(shape[stop:])
        self.shape = shape[:axis] + grid + shape[stop:]

    def types(self, size: int) -> dict[str, str]:
        """Of the index arrays, and of what numbers the elements of an array of so many, and of what is read."""
        return {"I": type_name(self.arrays[0].dtype), "N": "i32" if max(size, math.prod(self.shape)) < 2**31 else "i64"}


def _rows(shape: tuple[int, ...], key: Any) -> _Rows | None:
    """The rows that a key reads; None for keys of another form."""
    parts = key if isinstance(key, tuple) else (key,)
    arrays: list[cp.ndarray] = []
    start = axis = 0
    for i, part in enumerate(parts):
        if isinstance(part, cp.ndarray) and part.dtype.kind in "iu":
            if not arrays:
                start = axis
            elif axis != start + len(arrays):
                return None
            arrays.append(part)
            axis += 1
        elif part is Ellipsis:
            axis = len(shape) - (len(parts) - i - 1)
        elif type(part) is slice and part == _WHOLE:
            axis += 1
        else:
            return None
    if not 0 < len(arrays) < 3 or axis > len(shape):
        return None
    grid = arrays[0].shape
    if len(arrays) > 1 and arrays[1].shape != grid:
        try:
            grid = np.broadcast_shapes(grid, arrays[1].shape)
        except ValueError:
            return None
        arrays = [a if a.shape == grid else cp.broadcast_to(a, grid) for a in arrays]
    dtype = arrays[0].dtype
    if dtype.char not in "il" or arrays[-1].dtype != dtype:
        arrays = [a.astype(np.int64, copy=False) for a in arrays]
    return _Rows(shape, [cp.ascontiguousarray(a) for a in arrays], start, grid)


def gather(x: cp.ndarray, key: Any) -> cp.ndarray:
    """`x[key]` for a key with index arrays."""
    rows = _rows(x.shape, key) if x.flags.c_contiguous else None
    if rows is None:
        return x[key]
    out = cp.empty(rows.shape, x.dtype)
    words = 2 if x.itemsize == 16 else 1
    types = {"X": _BYTES[x.itemsize], "A": "f32", "Y": "f32", **rows.types(x.size * words)}
    launch(kernel("indexing", "gather", **types), out.size * words, x, *rows.arguments, rows.width * words, out.size * words, out)
    return out


def take(x: cp.ndarray, indices: cp.ndarray, /, *, axis: int) -> cp.ndarray:
    """The elements at `indices`, a 1-D array, of an axis that is not negative."""
    return gather(x, (_WHOLE,) * axis + (indices,))


def places_along(shape: tuple[int, ...], indices: cp.ndarray, axis: int) -> cp.ndarray | None:
    """The places, in an array of `shape` seen as a vector, of the elements that `indices` name along an axis.

    In the shape of what is read: along the other axes indices broadcast. None where it is the array that would.
    """
    grid = (*shape[:axis], indices.shape[axis - len(shape)], *shape[axis + 1 :])  # leading axes may be missing
    if indices.shape != grid:
        try:
            indices = cp.broadcast_to(indices, grid)
        except ValueError:
            return None
    n = shape[axis]
    if indices.size and not n:
        raise IndexError(f"an index is out of range for axis {axis} of size 0 of an array of shape {shape}")
    if indices.dtype.char not in "il":
        indices = indices.astype(np.int64)
    large = max(math.prod(shape), indices.size) >= 2**31
    out = cp.empty(grid, np.int64 if large else np.int32)
    function = kernel("indexing", "places_along", X="f32", A="f32", Y="f32", I=type_name(indices.dtype), N="i64" if large else "i32")
    launch(function, out.size, cp.ascontiguousarray(indices), n, grid[axis], math.prod(shape[axis + 1 :]), out.size, out)
    return out


def scatter_add(shape: tuple[int, ...], key: Any, g: cp.ndarray) -> cp.ndarray:
    """Zeros of `shape`, with `g` added at `key` (repeated indices add up)."""
    with device_guard(g):
        if all(map(_names_once, key if isinstance(key, tuple) else (key,))):
            out = cp.zeros(shape, dtype=g.dtype)
            out[key] = g
            return out
        rows = _rows(shape, key)
        if _deterministic and g.dtype.kind in "fcV":  # sums of integers are the same in any order
            return _add_in_order(shape, key, g, rows)
        return _add_atomically(shape, key, g) if rows is None else _add_rows(shape, rows, g)


def _names_once(part: Any) -> bool:
    """Whether this part of a key cannot name a place twice."""
    return part is None or part is Ellipsis or isinstance(part, (int, slice, np.integer)) or getattr(part, "dtype", None) == np.bool_


def _addable(dtype: np.dtype) -> np.dtype:
    """The dtype to add in: atomic additions exist from 32 bits on, and half precision would round each time."""
    if dtype.itemsize >= 4:
        return dtype
    return np.dtype(np.float32 if dtype.kind in "fV" else np.int32)


@functools.cache
def _types(dtype: np.dtype) -> tuple[dict[str, str], int]:
    """The types with which the kernels add up numbers of a dtype, and how many of these each is: a complex number is two."""
    words = 2 if dtype.kind == "c" else 1
    single = type_name(dtype) if words == 1 else f"f{4 * dtype.itemsize}"
    size = max(_addable(dtype).itemsize // words, 4)
    return {"X": single, "A": f"{'f' if dtype.kind in 'fcV' else 'i'}{8 * size}", "Y": single}, words


def _as_read(g: cp.ndarray, shape: tuple[int, ...]) -> cp.ndarray:
    """g in the shape of what is read, one element after the other."""
    return cp.ascontiguousarray(g if g.shape == shape else cp.broadcast_to(g, shape))


def _add_rows(shape: tuple[int, ...], rows: _Rows, g: cp.ndarray) -> cp.ndarray:
    """In whatever order the threads come: the last bits may differ from run to run."""
    g = _as_read(g, rows.shape)
    out = cp.zeros(shape, dtype=_addable(g.dtype))
    types, words = _types(g.dtype)
    add = kernel("indexing", "scatter_add", **types, **rows.types(out.size * words))
    launch(add, g.size * words, g, *rows.arguments, rows.width * words, g.size * words, out)
    return out.astype(g.dtype, copy=False)


def _add_atomically(shape: tuple[int, ...], key: Any, g: cp.ndarray) -> cp.ndarray:
    """The same for keys that CuPy reads."""
    dtype = g.dtype
    g = g.astype(_addable(dtype), copy=False)
    out = cp.zeros(shape, dtype=g.dtype)
    if dtype.kind == "c":  # there are no atomic additions of complex numbers
        cp.add.at(out.real, key, g.real)
        cp.add.at(out.imag, key, g.imag)
    else:
        cp.add.at(out, key, g)
    return out.astype(dtype, copy=False)


def _add_in_order(shape: tuple[int, ...], key: Any, g: cp.ndarray, rows: _Rows | None) -> cp.ndarray:
    """Sorted by place; each place then adds up its own, one after the other as they stand in g: NumPy's bits."""
    if rows is None:  # the places are numbered, and read at the key as g was
        size = math.prod(shape)
        places = cp.arange(size).reshape(shape)[key]
        rows = _Rows((size,), [places.ravel()], 0, places.shape)
    g = _as_read(g, rows.shape)
    out = cp.zeros(shape, dtype=g.dtype)
    types, words = _types(g.dtype)
    types = {**types, **rows.types(out.size * words)}
    i0, n0, _, n1, m = rows.arguments
    if not m:
        return out
    places = cp.empty(m, i0.dtype)
    launch(kernel("indexing", "places", **types), m, *rows.arguments, places)
    order = cp.argsort(places)  # CuPy's sorts are stable
    add = kernel("indexing", "scatter_add_in_order", **types)
    launch(add, g.size * words, g, places, order, n0 * n1, m, rows.width * words, g.size * words, out)
    return out


def zero_at(x: cp.ndarray, key: Any) -> cp.ndarray:
    """A copy of `x` with zeros at `key`."""
    with device_guard(x):
        out = x.copy(order="K")
        out[key] = 0
        return out
