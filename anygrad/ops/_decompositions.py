"""The decompositions of matrices: primitives of several outputs, with their rules.

Complex gradients are PyTorch's, and the rules are written for them as they stand. Vectors
have no derivative where values repeat: the rules then give infinities or NaN. Gradients of the
values alone never divide by a difference of values. Their second derivatives do: between equal values a and b with
gradients p and q stands the limit of (p - q) / (a - b), which is a derivative of the function that made p and q. A
rule sees only the numbers, so it is NaN there.
"""

from __future__ import annotations

from typing import Any

from .._primitive import primitive
from ._rules import adjoint, conjugate, eye_like, is_complex, real_part


def _inverse_gaps(row: Any, column: Any, e: Any) -> Any:
    """1 / (row - column), with zeros on the diagonal."""
    return 1 / (row - column + e) - e


def _thin(q: Any, g: Any, k: int, xp: Any) -> tuple[Any, Any]:
    """The first k columns of a unitary matrix, and their gradient.

    The other columns turn as the first ones do, so that their gradient becomes one of the first.
    """
    first, rest = q[..., :k], q[..., k:]
    if g is None or q.shape[-1] == k:
        return first, g
    return first, g[..., :k] - rest @ (adjoint(g[..., k:], xp) @ first)


def _spectral(g: Any, v: Any, xp: Any) -> Any:
    """The gradient of a Hermitian matrix's eigenvalues, or of singular values alone."""
    return (v * g[..., None, :]) @ adjoint(v, xp)


def _diagonal(left: Any, t: Any, right: Any, xp: Any) -> Any:
    """The real diagonal of left^H t right: the tangent of eigenvalues, or of singular values."""
    return real_part(xp.sum(conjugate(left, xp) * (t @ right), axis=-2), xp)


# ---------------------------------------------------------------------------
# Cholesky and QR
# ---------------------------------------------------------------------------


def _cholesky_rule(g: Any, out: Any, upper: bool, xp: Any) -> Any:
    lh, g = (out, adjoint(g, xp)) if upper else (adjoint(out, xp), g)
    below = xp.tril(lh @ g)
    m = xp.tril(below, k=-1)
    m = (below + adjoint(m, xp)) / 2
    return adjoint(xp.linalg.solve(lh, adjoint(xp.linalg.solve(lh, m), xp)), xp)


def _cholesky_change(t: Any, out: Any, upper: bool, xp: Any) -> Any:
    lower = adjoint(out, xp) if upper else out
    inner = xp.linalg.solve(lower, adjoint(xp.linalg.solve(lower, (t + adjoint(t, xp)) / 2), xp))
    change = lower @ (xp.tril(inner, k=-1) + eye_like(inner, xp) * inner / 2)
    return adjoint(change, xp) if upper else change


@primitive(
    "LinalgCholeskyEx",
    holomorphic=False,
    x=lambda g, out, upper, xp: _cholesky_rule(g, out, upper, xp),
    jvp=lambda t, out, upper, xp: _cholesky_change(t, out, upper, xp),
)
def cholesky(xp: Any, x: Any, *, upper: Any) -> Any:
    return xp.linalg.cholesky(x, upper=upper)


def _qr_rule(g: Any, out: Any, xp: Any) -> Any:
    (q, r), (gq, gr) = out, g
    q, gq = _thin(q, gq, r.shape[-1], xp)
    r = r[..., : r.shape[-1], :]
    x = 0 if gr is None else gr[..., : r.shape[-1], :] @ adjoint(r, xp)
    x = x if gq is None else x - adjoint(q, xp) @ gq
    above = xp.triu(x, k=1)
    inner = q @ (above + adjoint(above, xp) + eye_like(r, xp) * (x + adjoint(x, xp)) / 2)
    return adjoint(xp.linalg.solve(r, adjoint(inner if gq is None else gq + inner, xp)), xp)


@primitive("LinalgQr", holomorphic=False, x=lambda g, out, xp: _qr_rule(g, out, xp))
def qr(xp: Any, x: Any, *, mode: Any) -> Any:
    """Of matrices with at least as many rows as columns."""
    return tuple(xp.linalg.qr(x, mode=mode))


# ---------------------------------------------------------------------------
# eigenvalues
# ---------------------------------------------------------------------------


def _eigh_rule(g: Any, out: Any, xp: Any) -> Any:
    (w, v), (gw, gv) = out, g
    if gv is None:
        return _spectral(gw, v, xp)
    e, x = eye_like(w, xp), adjoint(v, xp) @ gv
    inner = (x - adjoint(x, xp)) / 2 * _inverse_gaps(w[..., None, :], w[..., :, None], e)
    return v @ (inner if gw is None else inner + e * gw[..., None, :]) @ adjoint(v, xp)


def _eigh_change(t: Any, out: Any, xp: Any) -> Any:
    w, v = out
    inner = adjoint(v, xp) @ (t + adjoint(t, xp)) @ v / 2
    return _diagonal(v, t, v, xp), v @ (inner * _inverse_gaps(w[..., None, :], w[..., :, None], eye_like(w, xp)))


@primitive("LinalgEigh", holomorphic=False, x=lambda g, out, xp: _eigh_rule(g, out, xp), jvp=lambda t, out, xp: _eigh_change(t, out, xp))
def eigh(xp: Any, x: Any) -> Any:
    return tuple(xp.linalg.eigh(x))


@primitive(
    "LinalgEigh",
    holomorphic=False,
    x=lambda g, x, xp: _spectral(g, xp.linalg.eigh(x)[1], xp),
    jvp=lambda t, x, xp: (lambda v: _diagonal(v, t, v, xp))(xp.linalg.eigh(x)[1]),
)
def eigvalsh(xp: Any, x: Any) -> Any:
    return xp.linalg.eigvalsh(x)


def _eig_rule(g: Any, out: Any, xp: Any) -> Any:
    (w, v), (gw, gv) = out, g
    vh = adjoint(v, xp)
    if gv is None:
        return xp.linalg.solve(vh, gw[..., :, None] * vh)
    e, x = eye_like(w, xp), vh @ gv
    x = x - (vh @ v) * xp.sum(xp.real(e * x), axis=-2, keepdims=True)  # the vectors' length is fixed
    inner = x * xp.conj(_inverse_gaps(w[..., None, :], w[..., :, None], e))
    return xp.linalg.solve(vh, (inner if gw is None else inner + e * gw[..., None, :]) @ vh)


@primitive("LinalgEig", holomorphic=False, x=lambda g, out, xp: _eig_rule(g, out, xp))
def eig(xp: Any, x: Any) -> Any:
    return tuple(xp.linalg.eig(x))


@primitive(differentiable=False)
def eigvals(xp: Any, x: Any) -> Any:
    """For what requires no grad: LAPACK may order these otherwise than those that come with vectors."""
    return xp.linalg.eigvals(x)


# ---------------------------------------------------------------------------
# singular values
# ---------------------------------------------------------------------------


def _svd_rule(g: Any, out: Any, xp: Any) -> Any:
    (u, s, vh), (gu, gs, gvh) = out, g
    k = s.shape[-1]
    u, gu = _thin(u, gu, k, xp)
    v, gv = _thin(adjoint(vh, xp), None if gvh is None else adjoint(gvh, xp), k, xp)
    vh, row, column = vh[..., :k, :], s[..., None, :], s[..., :, None]
    if gu is None and gv is None:
        return (u * gs[..., None, :]) @ vh
    e = eye_like(s, xp)
    f = (1 / (row - column + e) - e) / (row + column + e)
    inner = xp.zeros_like(f) if gs is None else e * gs[..., None, :]
    beside: list[Any] = []  # what moves out of the span of u, of v
    if gu is not None:
        x = adjoint(u, xp) @ gu
        x = x - adjoint(x, xp)
        inner = inner + x * f * row + (e * x / (2 * row) if is_complex(x) else 0)
        beside += [_outside(u, gu / row, xp) @ vh] if u.shape[-2] > k else []
    if gv is not None:
        y = vh @ gv
        inner = inner + column * (y - adjoint(y, xp)) * f
        beside += [u @ adjoint(_outside(v, gv / row, xp), xp)] if v.shape[-2] > k else []
    total = u @ inner @ vh
    for term in beside:
        total = total + term
    return total


def _outside(q: Any, x: Any, xp: Any) -> Any:
    """x without its part in the span of the columns of q."""
    return x - q @ (adjoint(q, xp) @ x)


@primitive("LinalgSvd", holomorphic=False, x=lambda g, out, xp: _svd_rule(g, out, xp))
def svd(xp: Any, x: Any, *, full_matrices: Any) -> Any:
    return tuple(xp.linalg.svd(x, full_matrices=full_matrices))


def _svdvals_rule(g: Any, x: Any, xp: Any) -> Any:
    u, _, vh = xp.linalg.svd(x, full_matrices=False)
    return (u * g[..., None, :]) @ vh


def _svdvals_change(t: Any, x: Any, xp: Any) -> Any:
    u, _, vh = xp.linalg.svd(x, full_matrices=False)
    return _diagonal(u, t, adjoint(vh, xp), xp)


@primitive("LinalgSvd", holomorphic=False, x=lambda g, x, xp: _svdvals_rule(g, x, xp), jvp=lambda t, x, xp: _svdvals_change(t, x, xp))
def svdvals(xp: Any, x: Any) -> Any:
    return xp.linalg.svdvals(x)
