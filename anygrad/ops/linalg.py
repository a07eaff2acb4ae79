"""The standard's extension `linalg`: `anygrad.linalg`, and `xp.linalg` for rules.

Functions of matrices work on the last two axes of batches. Decompositions are in
`_decompositions.py`, the determinant in `_determinant.py`.
"""

from __future__ import annotations

import builtins
import math
from typing import Any, NamedTuple

from .._errors import AxisError, DTypeError, LinAlgError, ShapeError
from .._primitive import primitive
from .._tensor import Tensor
from .._transform import Transformed, is_tracked
from . import _decompositions, _determinant
from ._axes import as_tensor, axes_of, axis_of, count, inexact, integer, kept, pair, real_number, without
from ._rules import adjoint, conjugate, over, real_part, sum_of_squares
from .creation import eye, full_like
from .data_types import astype
from .elementwise import _ratio
from .elementwise import abs as _abs
from .elementwise import multiply as _multiply
from .linear_algebra import matmul, tensordot, vecdot
from .manipulation import broadcast_shapes, broadcast_to, concat, matrix_transpose, reshape
from .searching import where
from .statistical import max as _max
from .statistical import min as _min
from .statistical import sum as _sum


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class EigResult(NamedTuple):
    """What `eig` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Tensor
    R: Tensor


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def _matrices(name: str, x: Any, square: bool = False, half: bool = False) -> Tensor:
    """An argument as floating or complex matrices; in half precision, too, if `half`.

    Libraries have no decompositions in half precision: NumPy makes float64 of bfloat16, CuPy float32 of float16 in some.
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise LinAlgError(f"{name}: needs a matrix or a batch of matrices, so at least 2 dimensions; got shape {x.shape}")
    if square and x.shape[-1] != x.shape[-2]:
        raise LinAlgError(f"{name}: needs square matrices; the last two axes of shape {x.shape} differ")
    x = inexact(name, x)
    if x.dtype.itemsize == 2 and not half:
        raise DTypeError(f"{name}: not defined for {x.dtype}. Compute it in single precision: `x.astype(anygrad.float32)`")
    return x


# ---------------------------------------------------------------------------
# decompositions
# ---------------------------------------------------------------------------


def cholesky(x: Tensor, /, *, upper: bool = False) -> Tensor:
    """L with x = L L^H, or its conjugate transpose; only the lower triangle of x is read."""
    return _decompositions.cholesky(_matrices("cholesky", x, square=True), upper=upper)


def qr(x: Tensor, /, *, mode: str = "reduced") -> QRResult:
    """x = Q R, with orthonormal columns in Q and an upper triangular R.

    In mode "complete" Q is square; the columns beyond x's own are only determined up to a
    rotation among themselves, and gradients are those of functions that such a rotation leaves alone.
    """
    x = _matrices("qr", x)
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode must be 'reduced' or 'complete', not {mode!r}")
    m, n = x.shape[-2:]
    if m >= n:
        return QRResult(*_decompositions.qr(x, mode=mode if m > n else "reduced"))
    q, r = _decompositions.qr(x[..., :m], mode="reduced")
    return QRResult(q, concat([r, matmul(_adjoint(q), x[..., m:])], axis=-1))


def eigh(x: Tensor, /) -> EighResult:
    """Eigenvalues (ascending) and eigenvectors of Hermitian matrices; only the lower triangle is read."""
    return EighResult(*_decompositions.eigh(_matrices("eigh", x, square=True)))


def eigvalsh(x: Tensor, /) -> Tensor:
    """Eigenvalues (ascending) of Hermitian matrices; only the lower triangle is read."""
    return _decompositions.eigvalsh(_matrices("eigvalsh", x, square=True))


def eig(x: Tensor, /) -> EigResult:
    """Eigenvalues and eigenvectors, both complex; the vectors have length 1."""
    return EigResult(*_decompositions.eig(_matrices("eig", x, square=True)))


def eigvals(x: Tensor, /) -> Tensor:
    """Eigenvalues, complex."""
    x = _matrices("eigvals", x, square=True)
    return _decompositions.eig(x)[0] if is_tracked(x) else _decompositions.eigvals(x)


def svd(x: Tensor, /, *, full_matrices: bool = True) -> SVDResult:
    """x = U diag(S) Vh, with S descending.

    With `full_matrices` U and Vh are square; their vectors beyond the first ones are only determined up
    to a rotation among themselves, and gradients are those of functions that such a rotation leaves alone.
    """
    return SVDResult(*_decompositions.svd(_matrices("svd", x), full_matrices=full_matrices))


def svdvals(x: Tensor, /) -> Tensor:
    """Singular values, descending."""
    return _decompositions.svdvals(_matrices("svdvals", x))


# ---------------------------------------------------------------------------
# determinants, inverses, equations
# ---------------------------------------------------------------------------


def det(x: Tensor, /) -> Tensor:
    """The determinant; its derivatives of every order are exact at singular matrices too."""
    return _determinant.det(_matrices("det", x, square=True))


def slogdet(x: Tensor, /) -> SlogdetResult:
    """The determinant's sign (its phase, if complex) and the logarithm of its absolute value."""
    return SlogdetResult(*_determinant.slogdet(_matrices("slogdet", x, square=True)))


@primitive("LinalgInvEx", x=lambda g, out, xp: -(xp.matrix_transpose(out) @ g @ xp.matrix_transpose(out)), jvp=lambda t, out: -(out @ t @ out))
def _inv(xp: Any, x: Any) -> Any:
    return xp.linalg.inv(x)


def _solve_rule(g: Any, x1: Any, out: Any, xp: Any) -> list[Any]:
    g2 = xp.linalg.solve(xp.matrix_transpose(x1), g)
    return [g2 @ -xp.matrix_transpose(out), g2]


def _solve_change(tangents: list[Any], x1: Any, out: Any, xp: Any) -> Any:
    t1, t2 = tangents
    moved = None if t1 is None else t1 @ out
    return xp.linalg.solve(x1, t2 if moved is None else -moved if t2 is None else t2 - moved)


# One input, so that its gradients are made of one and the same solution.
@primitive(
    "LinalgSolveEx",
    arrays=lambda g, arrays, out, xp: _solve_rule(g, arrays[0], out, xp),
    jvp=lambda ts, arrays, out, xp: _solve_change(ts, arrays[0], out, xp),
)
def _solve(xp: Any, *arrays: Any) -> Any:
    return xp.linalg.solve(*arrays)


def _pinv_rule(g: Any, x: Any, out: Any, xp: Any) -> Any:
    p, ph, gh = out, adjoint(out, xp), adjoint(g, xp)
    left, right = gh @ p @ ph, ph @ p @ gh
    return left - x @ (p @ left) + right - (right @ p) @ x - ph @ g @ ph


def _pinv_change(t: Any, x: Any, out: Any, xp: Any) -> Any:
    p, ph, th = out, adjoint(out, xp), adjoint(t, xp)
    left, right = p @ ph @ th, th @ ph @ p
    return left - (left @ x) @ p + right - p @ (x @ right) - p @ t @ p


@primitive("LinalgPinv", holomorphic=False, x=lambda g, x, out, xp: _pinv_rule(g, x, out, xp), jvp=lambda t, x, out, xp: _pinv_change(t, x, out, xp))
def _pinv(xp: Any, x: Any, *, rtol: Any) -> Any:
    return xp.linalg.pinv(x, rtol=rtol)


@primitive(differentiable=False)
def _matrix_rank(xp: Any, x: Any, *, rtol: Any) -> Any:
    return xp.linalg.matrix_rank(x, rtol=rtol)


def inv(x: Tensor, /) -> Tensor:
    """The inverse."""
    return _inv(_matrices("inv", x, square=True))


def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """x with x1 @ x = x2. A 1-D x2 is one right-hand side; otherwise the last axis has one in each place."""
    x1 = _matrices("solve", x1, square=True)
    x2 = inexact("solve", as_tensor(x2, x1))
    if x2.ndim == 0 or x2.shape[builtins.max(x2.ndim - 2, 0)] != x1.shape[-1]:
        raise ShapeError(f"solve: x1 of shape {x1.shape} and x2 of shape {x2.shape} do not match: x2 needs {x1.shape[-1]} rows")
    if x2.ndim > 1:
        return _solve(x1, x2)
    return reshape(_solve(x1, reshape(x2, (-1, 1))), x1.shape[:-1])


def _number(rtol: Any) -> Any:
    """A tolerance for the library."""
    rtol = rtol.plain("a tolerance") if isinstance(rtol, Transformed) else rtol
    return rtol._data if isinstance(rtol, Tensor) else rtol


def pinv(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """The Moore-Penrose pseudo-inverse; singular values below rtol times the largest count as 0."""
    return _pinv(_matrices("pinv", x), rtol=_number(rtol))


def matrix_rank(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """How many singular values are above rtol times the largest. It has no derivative."""
    x = _matrices("matrix_rank", x)
    if not x.shape[-1] * x.shape[-2]:
        return astype(_sum(x, axis=(-2, -1)).detach(), "int64")
    return _matrix_rank(x, rtol=_number(rtol))


def matrix_power(x: Tensor, n: int, /) -> Tensor:
    """The n-th power, by repeated squaring; of the inverse if n is negative."""
    x, n = _matrices("matrix_power", x, square=True, half=True), integer("matrix_power", "n", n)
    if n == 0:
        return where(full_like(x, True, dtype="bool"), eye(x.shape[-1], dtype=x.dtype, device=x.device), x)  # the gradient is 0, not None
    x, n = (inv(x), -n) if n < 0 else (x, n)
    out = None
    while n:
        n, odd = divmod(n, 2)
        if odd:
            out = x if out is None else matmul(out, x)
        x = matmul(x, x) if n else x
    return out.clone() if out is x else out  # type: ignore[return-value]


# ---------------------------------------------------------------------------
# norms
# ---------------------------------------------------------------------------


def _norm_slope(x: Any, out: Any, ord: Any, axes: tuple[int, ...], xp: Any) -> Any:
    """The norm's derivative: 0 where an element or the norm is 0, and so are all derivatives after it."""
    if ord == 0:
        return xp.zeros_like(x)
    norm = xp.reshape(out, kept(x.shape, axes))
    if ord == 2:  # what is divided by infinity is 0, with all its derivatives
        return x / xp.where(norm == 0, math.inf, norm)
    at_zero, size = (x == 0) | (norm == 0), _ratio(xp.abs(x), norm, xp)
    size = xp.where(at_zero, 1, size)
    return xp.where(at_zero, 0, xp.sign(x) * size ** (ord - 1))


def _norm_change(t: Any, x: Any, out: Any, ord: Any, axes: tuple[int, ...], xp: Any) -> Any:
    slope = x if ord == 2 else _norm_slope(x, out, ord, axes, xp)
    total = xp.reshape(xp.sum(real_part(conjugate(slope, xp) * t, xp), axis=axes), out.shape)
    return _ratio(total, out, xp) if ord == 2 else total


@primitive(
    "LinalgVectorNorm",
    holomorphic=False,
    x=lambda g, x, out, ord, axes, xp: over(xp.multiply, _norm_slope(x, out, ord, axes, xp), xp.reshape(g, kept(x.shape, axes)), xp=xp),
    jvp=lambda t, x, out, ord, axes, xp: _norm_change(t, x, out, ord, axes, xp),
)
def _vector_norm(xp: Any, x: Any, *, ord: Any, axes: Any, keepdims: Any) -> Any:
    if ord == 2 and xp.name == "numpy" and x.size <= 4096 and x.dtype.char in "fdFD":  # without NumPy's Python wrappers
        out = xp.sqrt(sum_of_squares(x, axes, xp))
        return out if keepdims else xp.reshape(out, without(x.shape, axes))
    return xp.linalg.vector_norm(x, axis=axes if x.ndim else None, ord=ord, keepdims=keepdims)


def vector_norm(x: Tensor, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """The norm of order `ord` over the given axes, or over all elements.

    Parameters
    ----------
    x : Tensor
    axis : int or tuple of int, optional
    keepdims : bool
    ord : float
        inf and -inf are the largest and smallest absolute value (ties share the gradient evenly),
        0 counts what is not 0; otherwise sum(abs(x)**ord)**(1/ord). The gradient at 0 is 0.
    """
    x, ord = inexact("vector_norm", x), real_number("vector_norm", "ord", ord)
    axes = axes_of("vector_norm", axis, x.ndim)
    if math.isinf(ord):
        return (_largest if ord > 0 else _min)(_abs(x), axis=axes, keepdims=keepdims)
    return _sum(_abs(x), axis=axes, keepdims=keepdims) if ord == 1 else _vector_norm(x, ord=ord, axes=axes, keepdims=keepdims)


def _largest(x: Tensor, *, axis: tuple[int, ...], keepdims: bool = False) -> Tensor:
    """The largest of absolute values; of none it is 0."""
    return (_max if count(x.shape, axis) else _sum)(x, axis=axis, keepdims=keepdims)


def matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norm of matrices: "fro", "nuc" (sum of singular values), 2 and -2 (largest, smallest of
    them), 1 and -1 (largest, smallest column sum), inf and -inf (the same of rows)."""
    x = _matrices("matrix_norm", x, half=True)
    if ord not in ("fro", "nuc", None, 1, -1, 2, -2, math.inf, -math.inf):
        raise ValueError(f"matrix_norm: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, not {ord!r}")
    extremum = _largest if ord in ("nuc", "fro", None) or ord > 0 else _min
    if ord in ("fro", None):
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord == "nuc":
        out = _sum(svdvals(x), axis=-1)
    elif ord in (2, -2):
        out = extremum(svdvals(x), axis=(x.ndim - 2,))
    else:
        out = extremum(_sum(_abs(x), axis=-1 if math.isinf(ord) else -2), axis=(x.ndim - 2,))
    return reshape(out, (*x.shape[:-2], 1, 1)) if keepdims else out


# ---------------------------------------------------------------------------
# diagonals and products
# ---------------------------------------------------------------------------


def _on_diagonal(g: Any, shape: tuple[int, ...], offset: int, xp: Any) -> Any:
    """Zeros of `shape` with g on a diagonal: a slice of the rows laid end to end."""
    m, n = shape[-2:]
    start = builtins.min(offset if offset >= 0 else -offset * n, m * n)
    key = (Ellipsis, slice(start, builtins.min(start + g.shape[-1] * (n + 1), m * n), n + 1))  # the standard has no slices that end beyond an axis
    return xp.reshape(xp.scatter_add((*shape[:-2], m * n), key, g), shape)


@primitive("Diagonal", jvp="linear", view=True, x=lambda g, x_shape, offset, xp: _on_diagonal(g, x_shape, offset, xp))
def _diagonal(xp: Any, x: Any, *, offset: Any) -> Any:
    out = xp.linalg.diagonal(x, offset=offset)
    if xp.name == "numpy":
        out.flags.writeable = x.flags.writeable  # NumPy's own is read-only
    return out


def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """A diagonal of matrices: the main one, or that many places above it. A view where the library gives one."""
    x, offset = as_tensor(x), integer("diagonal", "offset", offset)
    if x.ndim < 2:
        raise LinAlgError(f"diagonal: needs at least 2 dimensions, got shape {x.shape}")
    return _diagonal(x, offset=builtins.max(-x.shape[-2], builtins.min(offset, x.shape[-1])))


def trace(x: Tensor, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sum over a diagonal."""
    return _sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The products of each element of one vector with each of the other."""
    x1, x2 = pair(x1, x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ShapeError(f"outer: needs two 1-D arguments, got shapes {x1.shape} and {x2.shape}")
    return _multiply(reshape(x1, (-1, 1)), x2)


@primitive(
    "LinalgCross", jvp="multilinear", x1=lambda g, x2, axis, xp: xp.linalg.cross(x2, g, axis=axis), x2=lambda g, x1, axis, xp: xp.linalg.cross(g, x1, axis=axis)
)
def _cross(xp: Any, x1: Any, x2: Any, *, axis: Any) -> Any:
    return xp.linalg.cross(x1, x2, axis=axis)


def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The cross product of vectors of 3 elements along an axis."""
    x1, x2 = pair(x1, x2)
    if any(t.ndim == 0 or t.shape[axis_of("cross", axis, t.ndim)] != 3 for t in (x1, x2)):
        raise ShapeError(f"cross: axis {axis} must have 3 elements, got shapes {x1.shape} and {x2.shape}")
    if axis >= 0 and x1.ndim != x2.ndim:
        raise AxisError(f"cross: for shapes {x1.shape} and {x2.shape} the axis must be counted from the end, as -1 is; got {axis}")
    shape = broadcast_shapes(x1.shape, x2.shape)
    x1, x2 = (t if t.shape == shape else broadcast_to(t, shape) for t in (x1, x2))
    return _cross(x1, x2, axis=axis - x1.ndim if axis >= 0 else axis)


def _adjoint(x: Tensor) -> Tensor:
    from .elementwise import conj

    return matrix_transpose(conj(x) if x.dtype.kind == "c" else x)


__all__ = [
    "EigResult", "EighResult", "LinAlgError", "QRResult", "SVDResult", "SlogdetResult", "cholesky", "cross", "det", "diagonal", "eig",
    "eigh", "eigvals", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "outer", "pinv", "qr",
    "slogdet", "solve", "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip
