"""The determinant, its gradient (the cofactors) and its second derivative, exact at singular matrices.

A matrix is U diag(s) Vh; the determinant's derivatives at diag(s) are products of the other
singular values, which are made without dividing. Only from the third derivative on is an inverse used.
"""

from __future__ import annotations

from typing import Any

from .._primitive import primitive
from ._rules import adjoint, call, eye_like, is_complex
from .statistical import products_of_others


def _turned(x: Any, xp: Any) -> tuple[Any, ...]:
    """U, s, Vh, and det(U) det(Vh)."""
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    return u, s, vh, (xp.linalg.det(u) * xp.linalg.det(vh))[..., None, None]


def _conj(x: Any, xp: Any) -> Any:
    return xp.conj(x) if is_complex(x) else x


@primitive("LinalgDet", x=lambda g, x: g[..., None, None] * call(cofactors, x))
def det(xp: Any, x: Any) -> Any:
    return xp.linalg.det(x)


@primitive("Cofactors", x=lambda g, x: call(second, x, g))
def cofactors(xp: Any, x: Any) -> Any:
    """The gradient of det: the transposed adjugate."""
    u, s, vh, sign = _turned(x, xp)
    return sign * _conj((u * products_of_others(s, s.ndim - 1, xp)[..., None, :]) @ vh, xp)


@primitive("CofactorsBackward", x=lambda h, x, g, xp: _third(h, x, g, xp), g=lambda h, x: call(second, x, h))
def second(xp: Any, x: Any, g: Any) -> Any:
    """The second derivative of det in the direction g: the gradient of sum(g * cofactors(x))."""
    u, s, vh, sign = _turned(x, xp)
    e = eye_like(s, xp)
    pairs = products_of_others(xp.where(e == 1, e, s[..., None, :]), s.ndim, xp) * (1 - e)  # of all but s[i] and s[j]
    inner = adjoint(u, xp) @ g @ adjoint(vh, xp)
    diagonal = xp.sum(pairs * xp.sum(e * inner, axis=-2, keepdims=True), axis=-1)
    inner = e * diagonal[..., None, :] - xp.matrix_transpose(pairs * inner)
    return sign * (_conj(u, xp) @ inner @ _conj(vh, xp))


def _third(h: Any, x: Any, g: Any, xp: Any) -> Any:
    """The gradient of det(x) (tr p tr q - tr pq), p = inv(x) g, q = inv(x) h: where x is invertible."""

    def trace(m: Any) -> Any:
        return xp.linalg.trace(m)[..., None, None]

    inverse = xp.linalg.inv(x)
    p, q = inverse @ g, inverse @ h
    pq, tp, tq = p @ q, trace(p), trace(q)
    inner = (tp * tq - trace(pq)) * inverse - (tq * p + tp * q - pq - q @ p) @ inverse
    return xp.linalg.det(x)[..., None, None] * xp.matrix_transpose(inner)


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
