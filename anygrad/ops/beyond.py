"""What NumPy and PyTorch both have and the standard has not: made of its functions, with NumPy's argument names."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from .._errors import ShapeError
from .._primitive import primitive
from .._tensor import Tensor
from ._axes import along, as_tensor, axes_of, axis_of, pair
from ._rules import place_of
from .conversion import clone
from .data_types import astype, finfo
from .elementwise import abs as _abs
from .elementwise import imag, multiply, real
from .elementwise import round as _round
from .indexing import scatter_add
from .linalg import diagonal as _diagonal
from .linear_algebra import matmul, tensordot
from .logic import equal, isfinite, isnan, less_equal, logical_and, logical_or
from .manipulation import concat, moveaxis, permute_dims, reshape
from .searching import where
from .statistical import sum as _sum
from .utility import all as _all

# ---------------------------------------------------------------------------
# shapes
# ---------------------------------------------------------------------------


def ravel(x: Tensor, /) -> Tensor:
    """All elements in one axis; a view where the memory allows it."""
    return reshape(x, (-1,))


def transpose(x: Tensor, /, *axes: Any) -> Tensor:
    """All axes in another order, `transpose(x, (2, 0, 1))` as NumPy's; backwards if none is given."""
    x = as_tensor(x)
    order = axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes
    if len(order) == 2 and x.ndim > 2:
        raise ShapeError(f"transpose: {x.ndim} axes, but {tuple(order)} names two. To swap these two: `.swapaxes{tuple(order)}`.")
    return permute_dims(x, tuple(order) or tuple(reversed(range(x.ndim))))


def swapaxes(x: Tensor, /, axis1: int, axis2: int) -> Tensor:
    """Two axes in each other's place: a view."""
    x = as_tensor(x)
    i, j = axis_of("swapaxes", axis1, x.ndim), axis_of("swapaxes", axis2, x.ndim)
    return permute_dims(x, tuple({i: j, j: i}.get(k, k) for k in range(x.ndim)))


def split(x: Tensor, /, indices_or_sections: Any, axis: int = 0) -> tuple[Tensor, ...]:
    """Consecutive pieces along an axis, as views.

    Parameters
    ----------
    x : Tensor
    indices_or_sections : int or sequence of int
        How many pieces of equal size, or the places where to cut: [2, 5] gives x[:2], x[2:5]
        and x[5:]. (PyTorch's `split` takes the size of the pieces instead.)
    axis : int

    Raises
    ------
    ShapeError
        If the axis cannot be divided into so many equal pieces: `array_split` makes some longer.
    """
    x = as_tensor(x)
    axis, parts = axis_of("split", axis, x.ndim), _parts("split", indices_or_sections)
    if isinstance(parts, int) and x.shape[axis] % parts:
        raise ShapeError(
            f"split: axis {axis} of shape {x.shape} cannot be divided into {parts} equal pieces. Use array_split, or give the places where to cut."
        )
    return array_split(x, parts, axis)


def array_split(x: Tensor, /, indices_or_sections: Any, axis: int = 0) -> tuple[Tensor, ...]:
    """`split` that makes the first pieces longer by one where the axis cannot be divided evenly."""
    x = as_tensor(x)
    axis, parts = axis_of("array_split", axis, x.ndim), _parts("array_split", indices_or_sections)
    n = x.shape[axis]
    if isinstance(parts, int):
        small, longer = divmod(n, parts)
        return _cut(x, axis, [i * small + min(i, longer) for i in range(1, parts)])
    return _cut(x, axis, [slice(place).indices(n)[1] for place in parts])


def _parts(name: str, given: Any) -> int | list[int]:
    """How many pieces, or where to cut."""
    try:
        count = given.__index__() if hasattr(given, "__index__") and not getattr(given, "ndim", 0) else None
        places = [] if count is not None else [operator.index(k) for k in given]
    except TypeError:
        raise TypeError(f"{name}: indices_or_sections is the number of pieces or a sequence of places, not {given!r}") from None
    if count is not None and count < 1:
        raise ValueError(f"{name}: the number of pieces must be at least 1, not {count}")
    return places if count is None else count


def chunk(x: Tensor, /, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
    """PyTorch's `chunk`: pieces of n / chunks elements, rounded up, and what is left; possibly fewer than `chunks`."""
    x = as_tensor(x)
    axis = axis_of("chunk", axis, x.ndim)
    if chunks < 1:
        raise ValueError(f"chunk: the number of pieces must be at least 1, not {chunks}")
    n = x.shape[axis]
    size = -(-n // chunks)
    return _cut(x, axis, list(range(size, n, size)) if n else [0] * (chunks - 1))


@primitive("Split", jvp="linear", view=True, x=lambda g, x_shape, axis, cuts, xp: _joined(g, x_shape, axis, cuts, xp))
def _split(xp: Any, x: Any, *, axis: Any, cuts: Any) -> Any:
    return tuple(x[along(axis, piece)] for piece in _pieces(cuts, x.shape[axis]))


def _pieces(cuts: Sequence[int], n: int) -> list[slice]:
    return [slice(start, max(start, stop)) for start, stop in pairwise([0, *cuts, n])]


def _joined(gs: list[Any], shape: tuple[int, ...], axis: int, cuts: Sequence[int], xp: Any) -> Any:
    """The gradients of consecutive pieces one after the other, with zeros where none has arrived."""
    known = next(g for g in gs if g is not None)
    sizes = [(*shape[:axis], piece.stop - piece.start, *shape[axis + 1 :]) for piece in _pieces(cuts, shape[axis])]
    return xp.concat([xp.zeros(size, dtype=known.dtype, device=place_of(known, xp)) if g is None else g for g, size in zip(gs, sizes, strict=True)], axis=axis)


def _cut(x: Tensor, axis: int, cuts: Sequence[int]) -> tuple[Tensor, ...]:
    """The pieces between the cuts: of one node, unless they overlap."""
    if list(cuts) == sorted(cuts):
        return _split(x, axis=axis, cuts=tuple(cuts))
    return tuple(x[along(axis, piece)] for piece in _pieces(cuts, x.shape[axis]))


def _at_least(ndim: int, arrays: Any) -> list[Tensor]:
    """With axes of size 1 in front, up to so many."""
    tensors = [as_tensor(a) for a in arrays]
    return [t if t.ndim >= ndim else reshape(t, (1,) * (ndim - t.ndim) + t.shape) for t in tensors]


def hstack(arrays: Any, /) -> Tensor:
    """Arrays side by side: along the second axis, or the first of 1-D arrays."""
    tensors = _at_least(1, arrays)
    return concat(tensors, axis=0 if tensors and tensors[0].ndim == 1 else 1)


def vstack(arrays: Any, /) -> Tensor:
    """Arrays one below the other, along the first axis; 1-D arrays are rows."""
    return concat(_at_least(2, arrays), axis=0)


def column_stack(arrays: Any, /) -> Tensor:
    """1-D arrays as columns, beside 2-D arrays."""
    return concat([t if t.ndim > 1 else reshape(t, (-1, 1)) for t in map(as_tensor, arrays)], axis=1)


# ---------------------------------------------------------------------------
# diagonals
# ---------------------------------------------------------------------------


def diagonal(x: Tensor, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of the matrices in two axes, as the last axis; `linalg.diagonal` takes the last two.

    Parameters
    ----------
    x : Tensor
        Of at least two dimensions.
    offset : int
        Which diagonal: above the main one, or below if negative.
    axis1, axis2 : int
        The axes of the matrices' rows and columns.

    Returns
    -------
    Tensor
        A view where the library gives one.
    """
    x = as_tensor(x)
    axes = axes_of("diagonal", (axis1, axis2), x.ndim)
    return _diagonal(moveaxis(x, axes, (-2, -1)), offset=offset)


def trace(x: Tensor, /, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Tensor:
    """The sum over a diagonal of the matrices in two axes; `linalg.trace` takes the last two."""
    return _sum(diagonal(x, offset, axis1, axis2), axis=-1, dtype=dtype)


def diag(x: Tensor, /, k: int = 0) -> Tensor:
    """A vector on the k-th diagonal of a matrix of zeros, or the k-th diagonal of a matrix."""
    x = as_tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ShapeError(f"diag: needs one or two dimensions, got shape {x.shape}. Use diagonal.")
    size = x.shape[0] + abs(k)
    start, end = (k if k > 0 else -k * size), size * size
    key = slice(start, min(start + x.shape[0] * (size + 1), end), size + 1)  # of the rows laid end to end
    return reshape(scatter_add((end,), key, x), (size, size))


# ---------------------------------------------------------------------------
# products
# ---------------------------------------------------------------------------


def dot(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The dot product of vectors, the matrix product of matrices; of more dimensions, the sum over x1's last axis and x2's last but one."""
    x1, x2 = pair(x1, x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return multiply(x1, x2)
    return matmul(x1, x2) if x2.ndim <= 2 else tensordot(x1, x2, axes=((-1,), (-2,)))


def kron(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The Kronecker product: a block x1[i, j, ...] * x2 for each element of x1."""
    x1, x2 = pair(x1, x2)
    ndim = max(x1.ndim, x2.ndim)
    blocks, inner = ((1,) * (ndim - t.ndim) + t.shape for t in (x1, x2))
    shape1 = tuple(n for size in blocks for n in (size, 1))
    shape2 = tuple(n for size in inner for n in (1, size))
    return reshape(multiply(reshape(x1, shape1), reshape(x2, shape2)), tuple(m * n for m, n in zip(blocks, inner, strict=True)))


# ---------------------------------------------------------------------------
# values
# ---------------------------------------------------------------------------


@primitive("Relu", jvp="elementwise", x=lambda g, out, xp: xp.where(out <= 0, 0, g))
def relu(xp: Any, x: Any) -> Any:
    """x where it is positive, else 0; the derivative at 0 is 0."""
    return xp.maximum(x, xp.zeros_like(x))


def around(x: Tensor, /, decimals: int = 0) -> Tensor:
    """x rounded to so many decimals, or to tens, hundreds, ... if negative. The derivative is 0."""
    x = as_tensor(x)
    if decimals == 0:
        return _round(x)
    if x.dtype.kind in "biu":
        return clone(x) if decimals > 0 else astype(around(astype(x, "float64"), decimals), x.dtype)
    scale = 10.0 ** abs(decimals)
    return _round(x * scale) / scale if decimals > 0 else _round(x / scale) * scale


def nan_to_num(x: Tensor, /, *, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """x with numbers in place of NaN and infinities; the gradient is 0 there.

    Parameters
    ----------
    x : Tensor
        Of a complex x, real and imaginary parts are replaced each by itself.
    nan : float
    posinf, neginf : float, optional
        Default: the largest and the smallest finite number of the dtype.
    """
    x = as_tensor(x)
    if x.dtype.kind == "c":
        parts = [nan_to_num(part, nan=nan, posinf=posinf, neginf=neginf) for part in (real(x), imag(x))]
        return parts[0] + 1j * parts[1]
    if x.dtype.kind in "biu":
        return clone(x)
    limits = finfo(x.dtype)
    for infinity, value in ((float("inf"), limits.max if posinf is None else posinf), (-float("inf"), limits.min if neginf is None else neginf)):
        x = where(equal(x, infinity), value, x)
    return where(isnan(x), nan, x)


def isclose(x1: Tensor, x2: Tensor, /, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Where abs(x1 - x2) <= atol + rtol * abs(x2); equal infinities are close, NaN is close to NaN if `equal_nan`."""
    x1, x2 = (astype(t, "float64") if t.dtype.kind in "biu" else t for t in pair(x1, x2))
    finite = logical_and(isfinite(x1), isfinite(x2))
    first, second = where(finite, x1, 0.0), where(finite, x2, 0.0)
    close = logical_or(logical_and(finite, less_equal(_abs(first - second), atol + rtol * _abs(second))), equal(x1, x2))
    return logical_or(close, logical_and(isnan(x1), isnan(x2))) if equal_nan else close


def allclose(x1: Tensor, x2: Tensor, /, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close (see `isclose`), as a Python bool."""
    return bool(_all(isclose(x1, x2, rtol, atol, equal_nan)))


__all__ = [
    "allclose",
    "around",
    "array_split",
    "chunk",
    "column_stack",
    "diag",
    "diagonal",
    "dot",
    "hstack",
    "isclose",
    "kron",
    "nan_to_num",
    "ravel",
    "relu",
    "split",
    "swapaxes",
    "trace",
    "transpose",
    "vstack",
]
