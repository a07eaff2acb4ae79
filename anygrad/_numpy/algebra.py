"""NumPy's products, norms and decompositions, and its transforms over two axes."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from .._tensor import Tensor
from ..ops._axes import axes_of
from .arguments import FUNCTIONS, Array, floating, implements, tensor, tensors


@implements("dot")
def dot(a: Array, b: Array) -> Tensor:
    return ops.dot(tensor(a), tensor(b))


@implements("inner")
def inner(a: Array, b: Array, /) -> Tensor:
    a, b = tensor(a), tensor(b)
    return ops.tensordot(a, b, axes=((-1,), (-1,))) if a.ndim and b.ndim else a * b


@implements("vdot")
def vdot(a: Array, b: Array, /) -> Tensor:
    return ops.vecdot(ops.reshape(tensor(a), (-1,)), ops.reshape(tensor(b), (-1,)))


@implements("outer")
def outer(a: Array, b: Array) -> Tensor:
    return ops.reshape(tensor(a), (-1, 1)) * ops.reshape(tensor(b), (-1,))


@implements("einsum")
def einsum(subscripts: str, /, *operands: Array, optimize: Any = False) -> Tensor:
    return ops.einsum(subscripts, *tensors(operands))


@implements("cross", "linalg.cross")
def cross(a: Array, b: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Tensor:
    if not (axisa == axisb == axisc):
        raise TypeError("np.cross: for Tensors give one `axis`")
    return ops.linalg.cross(tensor(a), tensor(b), axis=axisa if axis is None else axis)


@implements("trapezoid")
def trapezoid(y: Array, x: Array | None = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    y = ops.moveaxis(floating(y), axis, -1)
    steps = dx if x is None else ops.diff(tensor(x)) if tensor(x).ndim == 1 else ops.diff(ops.moveaxis(tensor(x), axis, -1))
    return ops.sum((y[..., 1:] + y[..., :-1]) * steps / 2, axis=-1)


@implements("angle")
def angle(z: Array, deg: bool = False) -> Tensor:
    z = floating(z)
    out = ops.atan2(ops.imag(z), ops.real(z)) if z.dtype.kind == "c" else ops.where(z < 0, math.pi, 0.0 * z)
    return out * (180 / math.pi) if deg else out


@implements("linalg.norm")
def norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    x = floating(x)
    axes = axes_of("norm", axis, x.ndim)
    if ord is None or len(axes) == 1:
        return ops.linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    out = ops.linalg.matrix_norm(ops.moveaxis(x, axes, (-2, -1)), ord=ord)
    return ops.expand_dims(out, axis=tuple(sorted(axes))) if keepdims else out


@implements("linalg.svd")
def svd(a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    return ops.linalg.svd(floating(a), full_matrices=full_matrices) if compute_uv else ops.linalg.svdvals(floating(a))


@implements("linalg.qr")
def qr(a: Array, mode: str = "reduced") -> Any:
    return ops.linalg.qr(floating(a), mode="complete" if mode == "complete" else "reduced") if mode != "r" else ops.linalg.qr(floating(a)).R


@implements("linalg.multi_dot")
def multi_dot(arrays: Any) -> Tensor:
    first, *rest = tensors(arrays)
    for x in rest:
        first = ops.matmul(first, x)
    return first


def _over_two_axes(name: str) -> Any:
    def function(a: Array, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Tensor:
        return getattr(ops.fft, name)(tensor(a), s=s, axes=axes, norm=norm or "backward")

    return function


FUNCTIONS.update({f"fft.{name}2": _over_two_axes(f"{name}n") for name in ("fft", "ifft", "rfft", "irfft")})
