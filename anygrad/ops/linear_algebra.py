"""matmul, tensordot, vecdot: the products of the standard's main namespace."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._errors import ShapeError
from .._primitive import primitive
from .._tensor import Tensor
from .._tree import as_tuple
from ._axes import axes_of, axis_of, pair
from .elementwise import conj
from .manipulation import broadcast_shapes, broadcast_to, matrix_transpose, moveaxis, reshape


@primitive("Mm", jvp="multilinear", x1=lambda g, x2, xp: xp.matmul(g, xp.matrix_transpose(x2)), x2=lambda g, x1, xp: xp.matmul(xp.matrix_transpose(x1), g))
def _matmul(xp: Any, x1: Any, x2: Any) -> Any:
    return xp.matmul(x1, x2)


@primitive("Outer", jvp="multilinear", x1=lambda g, x2, xp: xp.matmul(g, xp.matrix_transpose(x2)), x2=lambda g, x1, xp: xp.matmul(xp.matrix_transpose(x1), g))
def _outer(xp: Any, x1: Any, x2: Any) -> Any:
    """Columns times rows, (..., m, 1) and (..., 1, n): a multiplication with the gradient of a matrix product, which makes no third array."""
    return x1 * x2


@primitive("Dot", jvp="multilinear", x1=lambda g, x2: g * x2, x2=lambda g, x1: g * x1)
def _dot(xp: Any, x1: Any, x2: Any) -> Any:
    return xp.matmul(x1, x2)


@primitive("Mv", jvp="multilinear", x1=lambda g, x2: g[:, None] * x2, x2=lambda g, x1, xp: xp.matmul(g, x1))
def _matrix_vector(xp: Any, x1: Any, x2: Any) -> Any:
    return xp.matmul(x1, x2)


@primitive("Vm", jvp="multilinear", x1=lambda g, x2, xp: xp.matmul(x2, g), x2=lambda g, x1: x1[:, None] * g)
def _vector_matrix(xp: Any, x1: Any, x2: Any) -> Any:
    return xp.matmul(x1, x2)


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The matrix product over the last two axes; a 1-D argument is a row on the left, a column on the right."""
    if not (type(x1) is type(x2) is Tensor and x1._data.dtype is x2._data.dtype):
        x1, x2 = pair(x1, x2)
    shape1, shape2 = x1.shape, x2.shape
    m, n = len(shape1), len(shape2)
    if m == n == 2 and shape1[1] == shape2[0]:
        return _matmul(x1, x2)
    if not (m and n):
        raise ShapeError(f"matmul: 0-d arguments have no axis to sum over, got shapes {shape1} and {shape2}. Use multiply.")
    axis = n - 2 if n > 1 else 0
    if shape1[-1] != shape2[axis]:
        raise ShapeError(
            f"matmul: shapes {shape1} and {shape2} do not match: the last axis of x1 has {shape1[-1]} elements, axis {axis} of x2 has {shape2[axis]}"
        )
    if n > 2:
        return _matmul(x1, x2) if m > 1 else reshape(_matmul(reshape(x1, (1, -1)), x2), (*shape2[:-2], shape2[-1]))
    if m == 1:
        return _dot(x1, x2) if n == 1 else _vector_matrix(x1, x2)
    product = _matmul if n == 2 else _matrix_vector
    if m == 2:
        return product(x1, x2)
    # a batch of matrices times one matrix, or vector, as one tall matrix times it: faster, and so is its gradient
    return reshape(product(reshape(x1, (math.prod(shape1[:-1]), shape1[-1])), x2), (*shape1[:-1], *shape2[1:]))


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Any = 2) -> Tensor:
    """The sum of products over pairs of axes: the last and first `axes`, or two lists of axes."""
    x1, x2 = pair(x1, x2)
    if isinstance(axes, (int, np.integer)):
        if axes > min(x1.ndim, x2.ndim) or axes < 0:
            raise ShapeError(f"tensordot: axes={axes} for {x1.ndim} and {x2.ndim} dimensions")
        first, second = tuple(range(x1.ndim - axes, x1.ndim)), tuple(range(axes))
    elif not isinstance(axes, (tuple, list)) or len(axes) != 2:
        raise TypeError(f"tensordot: axes are a number, or two sequences of axes, not {axes!r}")
    else:
        first, second = axes_of("tensordot", as_tuple(axes[0]), x1.ndim), axes_of("tensordot", as_tuple(axes[1]), x2.ndim)
    sizes1, sizes2 = [x1.shape[a] for a in first], [x2.shape[a] for a in second]
    if sizes1 != sizes2:
        raise ShapeError(f"tensordot: axes {first} of shape {x1.shape} and axes {second} of shape {x2.shape} differ in size")
    rest1 = tuple(n for i, n in enumerate(x1.shape) if i not in first)
    rest2 = tuple(n for i, n in enumerate(x2.shape) if i not in second)
    k = math.prod(sizes1)
    left = moveaxis(x1, first, tuple(range(-len(first), 0))) if first else x1
    right = moveaxis(x2, second, tuple(range(len(second)))) if second else x2
    product = _matmul(reshape(left, (math.prod(rest1), k)), reshape(right, (k, math.prod(rest2))))
    return reshape(product, rest1 + rest2)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The dot product along an axis, with the conjugate of x1."""
    x1, x2 = pair(x1, x2)
    x1, x2 = (moveaxis(t, axis_of("vecdot", axis, t.ndim), -1) for t in (x1, x2))
    if x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(f"vecdot: axis {axis} must be of equal size, but one has {x1.shape[-1]} elements and the other {x2.shape[-1]}")
    shape = broadcast_shapes(x1.shape, x2.shape)
    x1 = conj(x1) if x1.dtype.kind == "c" else x1
    x1, x2 = (t if t.shape == shape else broadcast_to(t, shape) for t in (x1, x2))
    return reshape(_matmul(x1[..., None, :], x2[..., :, None]), shape[:-1])


__all__ = ["matmul", "matrix_transpose", "tensordot", "vecdot"]
