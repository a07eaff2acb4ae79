"""Reading at indices: `x[key]`, take, take_along_axis; and what their gradients need."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .._alias import cell_of
from .._backends import is_array, namespace
from .._dtypes import as_dtype
from .._errors import DTypeError, ShapeError
from .._graph import Cell
from .._out_of_memory import explained
from .._primitive import PrimitiveFunction
from .._primitive import linear as primitive
from .._recording import apply
from .._tensor import Tensor
from .._transform import Transformed, innermost
from ._axes import as_tensor, axis_of
from ._rules import place_of


class Key:
    """An index for arrays like `like`, or of another shape: integers, slices, Ellipsis, None, and index arrays.

    Index arrays that were Tensors are kept in their cells, so that writing to them later
    does not change what was read.

    Attributes
    ----------
    array : int, slice, array or tuple of these
        The key for a raw array.
    is_basic : bool
        Only integers, slices, Ellipsis and None: what gives a view. Such a key ends in an
        Ellipsis if it has none, so that NumPy gives 0-d arrays, not scalars.
    transformed : Transformed or None
        The index array of the innermost transform; then there is no key for a raw array.
    """

    __slots__ = ("cells", "is_basic", "transformed")

    def __init__(self, key: Any, like: Any, shape: tuple[int, ...] | None = None) -> None:
        xp = namespace(like)
        cells = tuple([_part(k, like, xp) for k in key]) if isinstance(key, tuple) else (_part(key, like, xp),)
        if not xp.like_numpy and any(type(c) is slice for c in cells):
            cells = _within(cells, like.shape if shape is None else shape)
        self.is_basic = all(c is None or c is Ellipsis or type(c) in (int, slice) for c in cells)
        self.transformed = None
        if not self.is_basic:
            self.transformed = innermost(cells)
            if xp.checks_indices:
                _check_arrays(cells, like.shape if shape is None else shape, xp)
        elif Ellipsis not in cells:
            cells = (*cells, ...)
        self.cells = cells if isinstance(key, tuple) or self.is_basic else cells[0]

    @property
    def array(self) -> Any:
        return tuple([_raw(c) for c in self.cells]) if isinstance(self.cells, tuple) else _raw(self.cells)


_PLAIN = frozenset((int, type(None)))


def basic_key(key: Any) -> tuple[Any, ...] | None:
    """A key of nothing but Python's own integers, slices of these, Ellipsis and None, as the key for a raw array; None for any other."""
    if type(key) is int:
        return (key, ...)
    parts = key if type(key) is tuple else (key,)
    whole = False
    for part in parts:
        kind = type(part)
        if kind is slice:
            if type(part.start) not in _PLAIN or type(part.stop) not in _PLAIN or type(part.step) not in _PLAIN:
                return None
        elif part is Ellipsis:
            whole = True
        elif kind not in _PLAIN:
            return None
    return parts if whole else (*parts, ...)


def _part(k: Any, like: Any, xp: Any) -> Any:
    if k is None or k is Ellipsis or type(k) is int or type(k) is Cell:
        return k
    if type(k) is slice:
        return slice(*(_bound(v) for v in (k.start, k.stop, k.step)))
    if isinstance(k, Tensor):
        if k.dtype.kind not in "iub":
            raise IndexError(f"an index must be of integers or booleans, not {k.dtype}. Use `.astype(anygrad.int64)`.")
        if isinstance(k, Transformed):
            return k
        return int(k) if k.ndim == 0 and k.dtype.kind in "iu" else cell_of(k)
    if isinstance(k, (bool, np.bool_)):
        return xp.asarray(bool(k), device=xp.device_of(like))
    if isinstance(k, np.integer):
        return int(k)
    if isinstance(k, (list, range, tuple)):
        values = np.asarray([v.tolist() if isinstance(v, Tensor) else v for v in k])
        k = values.astype(np.int64) if not values.size else values
    if is_array(k):
        if as_dtype(k.dtype).kind not in "iub":
            raise IndexError(f"an index must be of integers or booleans, not {k.dtype}")
        if isinstance(k, np.ndarray) and xp.name != "numpy":
            with explained("an index", like):
                return xp.asarray(k, device=xp.device_of(like))
        return k
    if hasattr(k, "__index__"):
        return k.__index__()
    raise IndexError(f"{type(k).__name__} is not an index. Use integers, slices, None, ..., or arrays of integers or booleans.")


def _sizes(cells: tuple[Any, ...], shape: tuple[int, ...]) -> list[int | None]:
    """For each part of a key the size of the (first) axis that it reads; None if it reads none."""
    takes = [0 if c is None or c is Ellipsis else _raw(c).ndim if _kind(c) == "b" else 1 for c in cells]
    sizes: list[int | None] = []
    axis = 0
    for cell, n in zip(cells, takes, strict=True):
        sizes.append(shape[axis] if n and 0 <= axis < len(shape) else None)
        axis = len(shape) - sum(takes[len(sizes) :]) if cell is Ellipsis else axis + n
    return sizes


def _kind(c: Any) -> str:
    """The kind of an index array's dtype; empty for other parts of a key."""
    return as_dtype(_raw(c).dtype).kind if hasattr(_raw(c), "dtype") else ""


def _within(cells: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Slices with bounds inside of their axes: the standard leaves open what others give."""
    return tuple(c if n is None or type(c) is not slice else _clamped(c, n) for c, n in zip(cells, _sizes(cells, shape), strict=True))


def _check_arrays(cells: tuple[Any, ...], shape: tuple[int, ...], xp: Any) -> None:
    for position, (cell, n) in enumerate(zip(cells, _sizes(cells, shape), strict=True)):
        if n is not None and _kind(cell) in ("i", "u") and not isinstance(cell, Transformed):
            check_range(f"index array {position} of the key", _raw(cell), n, xp)


def check_range(name: str, indices: Any, n: int, xp: Any) -> None:
    """Raise for raw indices outside of an axis of size n, where the library would not."""
    if math.prod(indices.shape):
        with xp.device_guard(indices):
            low, high = int(xp.min(indices)), int(xp.max(indices))
        if low < -n or high >= n:
            raise IndexError(f"{name}: index {low if low < -n else high} is out of range for an axis of size {n}")


def _clamped(part: slice, n: int) -> slice:
    if part.step == 0:
        return part
    start, stop, step = part.indices(n)
    return slice(start, stop if stop >= 0 else None, step) if range(start, stop, step) else slice(0, 0)


def _bound(v: Any) -> int | None:
    """The start, stop or step of a slice."""
    try:
        return None if v is None else operator.index(v)
    except TypeError:
        raise TypeError(f"the bounds of a slice must be integers or None, not {type(v).__name__}") from None


def _raw(c: Any) -> Any:
    return c.array if hasattr(c, "array") else c


@primitive("Slice", view=True, x=lambda g, x_shape, key, xp: xp.scatter_add(x_shape, key, g))
def _getitem(xp: Any, x: Any, *, key: Any) -> Any:
    return x[key]


@primitive("Index", x=lambda g, x_shape, key, xp: xp.scatter_add(x_shape, key, g))
def _index(xp: Any, x: Any, key: Any) -> Any:
    return xp.gather(x, key)


@primitive("ScatterAdd", g=lambda g, key: g[key])
def _scatter_add(xp: Any, g: Any, key: Any, *, shape: Any) -> Any:
    return xp.scatter_add(shape, key, g)


@primitive("ZeroAt", x=lambda g, key, xp: xp.zero_at(g, key))
def _zero_at(xp: Any, x: Any, key: Any) -> Any:
    return xp.zero_at(x, key)


def getitem(x: Tensor, key: Any) -> Tensor:
    """`x[key]`: a view for integers, slices, Ellipsis and None; a copy for index arrays."""
    if (basic := basic_key(key)) is not None and namespace(x._data).like_numpy:
        return _getitem(x, key=basic)
    key = Key(key, x._data, x.shape)
    if key.is_basic:
        return _getitem(x, key=key.array)
    return _index(x, key) if key.transformed is None else apply(_index.primitive, x, key)


def scatter_add(shape: tuple[int, ...], key: Any, g: Tensor) -> Tensor:
    """Zeros of `shape`, with `g` added at `key`; repeated indices add up. The rule of indexing."""
    return _at(_scatter_add, g, key if isinstance(key, Key) else Key(key, g._data, shape), shape=tuple(shape))


def zero_at(x: Tensor, key: Any) -> Tensor:
    """A copy of x with zeros at `key`."""
    return _at(_zero_at, x, key if isinstance(key, Key) else Key(key, x._data, x.shape))


def _at(function: PrimitiveFunction, x: Tensor, key: Key, **params: Any) -> Tensor:
    """A function of a tensor and a key; the key may be what is transformed."""
    return function(x, key, **params) if key.transformed is None else apply(function.primitive, x, key, **params)


# ---------------------------------------------------------------------------
# take
# ---------------------------------------------------------------------------


@primitive("IndexSelect", x=lambda g, x_shape, indices, axis, xp: _add_at(g, indices, x_shape, axis, xp))
def _take(xp: Any, x: Any, indices: Any, *, axis: Any) -> Any:
    return xp.take(x, indices, axis=axis)


@primitive("IndexAdd", g=lambda g, indices, axis, xp: xp.take(g, indices, axis=axis))
def _index_add(xp: Any, g: Any, indices: Any, *, shape: Any, axis: Any) -> Any:
    return _add_at(g, indices, shape, axis, xp)


def _add_at(g: Any, indices: Any, shape: tuple[int, ...], axis: int, xp: Any) -> Any:
    """Zeros of `shape`, with `g` added at `indices` of one axis."""
    if isinstance(g, Tensor):
        return _index_add(g, indices, shape=shape, axis=axis)
    return xp.scatter_add(shape, (slice(None),) * axis + (indices,), g)


@primitive("Gather", x=lambda g, x_shape, indices, axis, xp: _add_along(g, indices, x_shape, axis, xp))
def _take_along_axis(xp: Any, x: Any, indices: Any, *, axis: Any) -> Any:
    if xp.places_along is None or (places := xp.places_along(x.shape, indices, axis)) is None:
        return x[along_axis(indices, axis, x.shape, xp)]
    return xp.gather(xp.reshape(x, (-1,)), places)


def _add_along(g: Any, indices: Any, shape: tuple[int, ...], axis: int, xp: Any) -> Any:
    """Zeros of `shape`, with `g` added at `indices` along an axis."""
    if isinstance(g, Tensor) or xp.places_along is None or (places := xp.places_along(shape, indices, axis)) is None:
        return xp.scatter_add(shape, along_axis(indices, axis, shape, xp), g)
    return xp.reshape(xp.scatter_add((math.prod(shape),), places, g), shape)


def along_axis(indices: Any, axis: int, shape: tuple[int, ...], xp: Any) -> tuple[Any, ...]:
    """The key that reads `indices` along one axis and each place of the others in turn."""
    key = []
    for i in range(len(shape)):
        if i == axis:
            key.append(indices)
        else:
            place = (1,) * i + (-1,) + (1,) * (len(shape) - i - 1)
            key.append(xp.reshape(xp.arange(shape[i], dtype=xp.int64, device=place_of(indices, xp)), place))
    return tuple(key)


def _indices(name: str, indices: Any, x: Tensor, axis: int) -> Tensor:
    indices = as_tensor(indices, x)
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"{name}: indices must be integers, not {indices.dtype}. Use `.astype(anygrad.int64)`.")
    xp = namespace(x._data)
    if xp.checks_indices and namespace(indices._data) is xp:
        check_range(name, indices._data, x.shape[axis], xp)
    return indices


def take(x: Tensor, indices: Any, /, *, axis: int | None = None) -> Tensor:
    """The elements (rows, ...) at `indices` along an axis; repeats add up in the gradient."""
    x = as_tensor(x)
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"take: axis is needed for {x.ndim} dimensions")
        axis = 0
    axis = axis_of("take", axis, x.ndim)
    indices = _indices("take", indices, x, axis)
    if indices.ndim == 1:
        return _take(x, indices, axis=axis)
    from .manipulation import reshape

    out = _take(x, reshape(indices, (-1,)), axis=axis)
    return reshape(out, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def take_along_axis(x: Tensor, indices: Any, /, *, axis: int = -1) -> Tensor:
    """At each place of the other axes, the elements at `indices` along one axis."""
    x = as_tensor(x)
    axis = axis_of("take_along_axis", axis, x.ndim)
    indices = _indices("take_along_axis", indices, x, axis)
    if indices.ndim != x.ndim:
        raise ShapeError(f"take_along_axis: indices need {x.ndim} dimensions as x has, got shape {indices.shape}")
    return _take_along_axis(x, indices, axis=axis)
