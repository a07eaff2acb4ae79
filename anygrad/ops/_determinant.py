"""The determinant and its derivatives of every order, exact at singular matrices too.

The determinant is linear in each row, so its derivatives are polynomials. A matrix is U diag(s) Vh; at diag(s)
they are sums over a few rows of products of the other singular values, made without dividing.
"""

from __future__ import annotations

import itertools
from typing import Any

from .._primitive import primitive
from ._rules import adjoint, call, eye_like, is_complex
from .statistical import exclusive_product


@primitive("LinalgDet", x=lambda g, x: g[..., None, None] * call(cofactors, x), jvp=lambda t, x, xp: xp.sum(call(cofactors, x) * t, axis=(-2, -1)))
def det(xp: Any, x: Any) -> Any:
    return xp.linalg.det(x)


def _cofactors_rule(h: Any, matrices: Any) -> list[Any]:
    """The derivative is symmetric in its directions: h is one more, or takes the place of one."""
    x, *directions = matrices
    others = [directions[:i] + directions[i + 1 :] for i in range(len(directions))]
    return [call(cofactors, x, *rest, h) for rest in (directions, *others)]


def _cofactors_change(ts: Any, matrices: Any) -> Any:
    """Each tangent is a direction, like the gradient in the rule."""
    terms = [_cofactors_rule(t, matrices)[i] for i, t in enumerate(ts) if t is not None]
    return sum(terms[1:], terms[0])


@primitive("Cofactors", matrices=lambda h, matrices: _cofactors_rule(h, matrices), jvp=lambda ts, matrices: _cofactors_change(ts, matrices))
def cofactors(xp: Any, *matrices: Any) -> Any:
    """The gradient of det at the first matrix (the transposed adjugate), differentiated in the directions of the others."""
    x, *directions = matrices
    e, finite = eye_like(x, xp), xp.all(xp.isfinite(x), axis=(-2, -1), keepdims=True)
    u, s, vh = xp.linalg.svd(xp.where(finite, x, e), full_matrices=False)
    inner = _at_diagonal(s, [adjoint(u, xp) @ g @ adjoint(vh, xp) for g in directions], e, xp)
    sign = (xp.linalg.det(u) * xp.linalg.det(vh))[..., None, None]
    u, vh = (xp.conj(u), xp.conj(vh)) if is_complex(x) else (u, vh)
    return xp.where(finite, sign, xp.full_like(sign, float("nan"))) * (u @ inner @ vh)


# ---------------------------------------------------------------------------
# at diag(s)
# ---------------------------------------------------------------------------


def _at_diagonal(s: Any, directions: list[Any], e: Any, xp: Any) -> Any:
    """Leibniz's formula, restricted to the permutations of as many rows as are differentiated: one for each direction, and the last."""
    last = len(directions)
    weights = _products_of_others(s, last + 1, xp)
    total: Any = 0
    for columns in itertools.permutations(range(last + 1)):
        term = _parity(columns) * weights
        for row, g in enumerate(directions):
            term = term * _placed(g, row, columns[row], last + 1, xp)
        elsewhere = tuple(i - last - 1 for i in range(last) if i != columns[last])
        term = xp.sum(term, axis=elsewhere) if elsewhere else term
        total = total + (e * term[..., None, :] if columns[last] == last else xp.matrix_transpose(term))
    return total


def _parity(columns: tuple[int, ...]) -> int:
    return (-1) ** sum(a > b for a, b in itertools.combinations(columns, 2))


def _placed(g: Any, row: int, column: int, count: int, xp: Any) -> Any:
    """The elements of matrices along two of `count` axes (their diagonals along one), to be multiplied with the others."""
    part = xp.linalg.diagonal(g) if row == column else g if row < column else xp.matrix_transpose(g)
    return xp.reshape(part, (*g.shape[:-2], *(g.shape[-1] if i in (row, column) else 1 for i in range(count))))


def _products_of_others(s: Any, count: int, xp: Any) -> Any:
    """For each choice of `count` places the product of s at all other places; 0 where a place is chosen twice."""
    batch, n = s.ndim - 1, s.shape[-1]
    end = xp.ones_like(xp.sum(s, axis=-1, keepdims=True))
    whole = xp.concat([end, s, end], axis=-1)
    rows = xp.ones_like(whole)[..., :, None] * whole[..., None, :]
    after = xp.triu(xp.ones_like(rows), k=1)
    between = after * exclusive_product(after * rows + (1 - after), batch + 1, xp)  # of what lies between two places
    chosen = between[..., 0, 1:-1]
    for k in range(1, count):
        chosen = chosen[..., None] * xp.reshape(between[..., 1:-1, 1:-1], (*s.shape[:-1], *(1,) * (k - 1), n, n))
    chosen = chosen * xp.reshape(between[..., 1:-1, -1], (*s.shape[:-1], *(1,) * (count - 1), n))
    orders = [(*range(batch), *(batch + i for i in order)) for order in itertools.permutations(range(count))]
    return sum((xp.permute_dims(chosen, order) for order in orders[1:]), chosen)


# ---------------------------------------------------------------------------
# sign and logarithm
# ---------------------------------------------------------------------------


@primitive("LinalgSlogdet", holomorphic=False, x=lambda g, x, out, xp: _slogdet_rule(g, x, out, xp))
def slogdet(xp: Any, x: Any) -> Any:
    return tuple(xp.linalg.slogdet(x))


def _slogdet_rule(g: Any, x: Any, out: Any, xp: Any) -> Any:
    """The gradient is NaN at singular matrices, those of a batch beside others."""
    (sign, logabs), (gsign, glog) = out, g
    slope = xp.zeros_like(logabs) if glog is None else glog
    if gsign is not None and is_complex(x):
        slope = slope - 1j * xp.imag(xp.conj(gsign) * sign)
    singular = xp.isinf(logabs)
    slope = xp.where(singular, xp.full_like(slope, float("nan")), slope)
    return slope[..., None, None] * adjoint(xp.linalg.inv(xp.where(singular[..., None, None], eye_like(x, xp), x)), xp)
