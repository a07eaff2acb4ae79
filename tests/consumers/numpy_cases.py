"""Call patterns of NumPy's own functions (NEP 13 and NEP 18)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from patterns import Fixed, Table
from scipy import special

TABLE = Table()
add = TABLE.add

# -- ufuncs

for name in """absolute arccosh arcsin arcsinh arctan arctanh arccos cos cosh deg2rad degrees exp exp2 expm1 fabs log log10 log1p log2 negative positive
rad2deg radians reciprocal sin sinh sqrt square tan tanh""".split():
    domain = (1.2, 1.8) if name == "arccosh" else (0.1, 0.9)
    add(f"ufunc.{name}", getattr(np, name), (3, 2), domain=domain)
for name in """add arctan2 copysign divide float_power fmax fmin fmod hypot logaddexp logaddexp2 maximum minimum multiply power remainder subtract
true_divide""".split():
    add(f"ufunc.{name}", getattr(np, name), (3, 2), (2,))
    if name != "copysign":  # of which only the sign of the second argument counts
        add(f"ufunc.{name}-array", partial(getattr(np, name), np.asarray([0.53, 1.71])), (3, 2))
for name in "erf erfc expit gammaln logit ndtr i0 psi xlogy".split():
    add(f"ufunc.special.{name}", getattr(special._ufuncs, name), *[(3,)] * (2 if name == "xlogy" else 1), domain=(0.1, 0.9))
add("ufunc.conjugate", np.conjugate, [1.0 + 2j, 0.5 - 1j])
add("ufunc.divmod", lambda x, y: np.divmod(x, y)[1], (3,), (3,))
add("ufunc.modf", lambda x: np.modf(x)[0], [0.3, 1.6])
add("ufunc.matmul", np.matmul, (2, 3), (3, 2))
add("ufunc.matmul-array", lambda x: np.ones((2, 3)) @ x, (3, 2))
add("ufunc.scalar", lambda x: np.float64(2.5) * x - np.float64(1) / x, (3,))
add("ufunc.list", lambda x: np.add(x, [1.0, 2.0, 3.0]), (3,))
add("ufunc.operators", lambda x: np.asarray([1.0, 2.0]) / x + np.asarray([2.0, 3.0]) ** x - np.asarray([1.0, 1.0]), (2,))
for name in "add multiply maximum minimum".split():
    add(f"ufunc.{name}.reduce", getattr(np, name).reduce, (3, 4))
    add(f"ufunc.{name}.reduce-axis", partial(getattr(np, name).reduce, axis=-1, keepdims=True), (3, 4))
    add(f"ufunc.{name}.reduce-all", partial(getattr(np, name).reduce, axis=None, initial=1.3), (3, 4))
    add(f"ufunc.{name}.outer", getattr(np, name).outer, (2,), (3, 2))
add("ufunc.add.reduce-where", lambda x: np.add.reduce(x, where=[True, False, True]), (3,))
add("ufunc.maximum.reduce-where", lambda x: np.maximum.reduce(x, where=[True, False, True], initial=-9.0), (3,))
add("ufunc.add.accumulate", np.add.accumulate, (3, 4))
add("ufunc.multiply.accumulate", lambda x: np.multiply.accumulate(x, axis=1), (3, 4))


def into(x: Any) -> Any:
    """`out=` of the same kind as x."""
    y = x * 1
    np.multiply(y, 2.5, out=y)
    np.add(y, x, out=(y,))
    return y


add("ufunc.out", into, (3,))
add("ufunc.dtype", lambda x: np.add(x, 1, dtype=np.float64), (3,))

# -- reductions

for name in "sum prod mean std var max min amax amin ptp median cumsum cumprod nansum nanmean nanstd nanvar nanmax nanmin nanmedian nanprod nancumsum nancumprod".split():
    add(f"{name}", getattr(np, name), (3, 4))
    add(f"{name}-axis", partial(getattr(np, name), axis=1), (3, 5))
    if "cum" not in name:
        add(f"{name}-keepdims", partial(getattr(np, name), axis=0, keepdims=True), (3, 4))
WITH_NAN = np.asarray([[0.3, np.nan, 1.7, 0.9], [1.1, 0.4, 2.3, np.nan]])
PLACES = np.isnan(WITH_NAN)
for name in "nansum nanmean nanstd nanvar nanmax nanmin nanmedian nanprod nancumsum nancumprod".split():
    # NaN is put there inside, so that differences can be taken of it: their result is 0
    function = getattr(np, name)
    add(f"{name}-nan", lambda x, f=function: f(np.where(PLACES, np.nan, x), axis=1), np.nan_to_num(WITH_NAN, nan=0.6))
add("std-ddof", lambda x: np.std(x, 1, ddof=1), (3, 4))
add("nanvar-ddof", lambda x: np.nanvar(x, axis=0, ddof=1), (3, 4))
add("mean-where", lambda x: np.mean(x, where=x > 0.9), (6,))
add("average", lambda x, w: np.average(x, axis=1, weights=w), (3, 4), (4,))
add("quantile", lambda x: np.quantile(x, [0.1, 0.45, 0.9], axis=1), (3, 5))
add("quantile-axes", lambda x: np.quantile(x, 0.3, axis=(0, 2), keepdims=True), (2, 3, 4))
add("percentile", lambda x: np.percentile(x, 35), (3, 4))
add("nanquantile", lambda x: np.nanquantile(np.where(PLACES, np.nan, x), 0.4, axis=1), (2, 4))
add("sum-dtype", lambda x: np.sum(x, axis=(0, 1), dtype=np.float64), (2, 3, 2))

# -- shapes

for name in "ravel transpose atleast_1d atleast_2d atleast_3d copy flip fliplr flipud squeeze diag diagonal trace real sort tril triu".split():
    add(f"{name}", getattr(np, name), (3, 4))
add("reshape", lambda x: np.reshape(x, (4, 3)), (3, 4))
add("transpose-axes", lambda x: np.transpose(x, (2, 0, 1)), (2, 3, 4))
add("swapaxes", lambda x: np.swapaxes(x, 0, 2), (2, 3, 4))
add("moveaxis", lambda x: np.moveaxis(x, 0, -1), (2, 3, 4))
add("expand_dims", lambda x: np.expand_dims(x, axis=(0, 2)), (3,))
add("broadcast_to", lambda x: np.broadcast_to(x, (2, 3)), (3,))
add("broadcast_arrays", lambda x, y: tuple(np.broadcast_arrays(x, y)), (3,), (2, 1))
add("meshgrid", lambda x, y: tuple(np.meshgrid(x, y, indexing="ij")), (3,), (2,))
add("concatenate", lambda x, y: np.concatenate((x, y), axis=1), (2, 3), (2, 1))
add("concatenate-array", lambda x: np.concatenate([np.ones(2), x]), (3,))
add("concatenate-flat", lambda x, y: np.concatenate((x, y), axis=None), (2, 3), (2, 1))
for name in "stack vstack hstack dstack column_stack".split():
    function = getattr(np, name)
    add(f"{name}", lambda x, y, f=function: f((x, y)), (3,), (3,))
    add(f"{name}-2d", lambda x, y, f=function: f([x, y]), (2, 3), (2, 3))
add("append", lambda x: np.append(x, [1.0, 2.0]), (3,))
add("split", lambda x: tuple(np.split(x, [1, 3], axis=1)), (2, 4))
add("array_split", lambda x: tuple(np.array_split(x, 3)), (5,))
add("tile", lambda x: np.tile(x, (2, 2)), (3,))
add("repeat", lambda x: np.repeat(x, 2, axis=0), (2, 3))
add("roll", lambda x: np.roll(x, 1, axis=1), (2, 3))
add("take", lambda x: np.take(x, [[0, 2], [1, 1]], axis=1), (2, 3))
add("take_along_axis", lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=1), (2, 3))
add("pad", lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=0.5), (2, 3))
add("pad-wrap", lambda x: np.pad(x, 1, mode="wrap"), (4,))
add("einsum", lambda x, y: np.einsum("ij,kj->ik", x, y), (2, 3), (4, 3))
add("diff", lambda x: np.diff(x, axis=0), (4, 2))
add("diag-vector", lambda x: np.diag(x, 1), (3,))
add("diag-below", lambda x: np.diag(x, -2), (3,))
add("zeros_like", lambda x: np.zeros_like(x) + np.ones_like(x) * x + np.full_like(x, 2.0), (3,))

# -- choices

add("where", lambda x, y: np.where(x > 0.8, x, y), (5,), (5,))
add("where-number", lambda x: np.where(x > 0.8, x, 0.0), (5,))
add("where-mask", lambda x, y: np.where([True, False, True], x, y), (3,), (3,))
add("clip", lambda x: np.clip(x, 0.5, 1.1), (8,))
add("clip-tracked", np.clip, (8,), Fixed([0.5] * 8), (8,))
add("nan_to_num", lambda x: np.nan_to_num(np.where(x > 1, np.nan, x), nan=2.0), (6,))
add("piecewise", lambda x: np.round(x, 1) * x, (4,))

# -- products, norms, transforms

for name in "dot inner outer vdot kron cross".split():
    add(f"{name}", getattr(np, name), (3,), (3,))
add("dot-matrices", np.dot, (2, 3), (3, 2))
add("dot-stacked", np.dot, (2, 3), (2, 3, 2))
add("inner-matrices", np.inner, (2, 3), (4, 3))
add("kron-matrices", np.kron, (2, 3), (2,))
add("tensordot", lambda x, y: np.tensordot(x, y, axes=([0, 1], [1, 0])), (2, 3), (3, 2))
add("trapezoid", np.trapezoid, (3, 4), [0.1, 0.4, 0.8, 1.5])
add("angle", np.angle, [1.0 + 0.5j, -0.3 + 0.8j])
SQUARE = np.asarray([[2.0, 0.3, 0.1], [0.4, 1.5, 0.2], [0.1, 0.6, 1.8]])
for name in "inv det pinv norm svdvals".split():
    add(f"linalg.{name}", getattr(np.linalg, name), SQUARE, atol=1e-7)
add("linalg.solve", np.linalg.solve, SQUARE, (3,))
add("linalg.cholesky", lambda x: np.linalg.cholesky(x @ x.T), SQUARE)
add("linalg.eigh", lambda x: np.linalg.eigh(x + x.T)[0], SQUARE)
add("linalg.eigvalsh", lambda x: np.linalg.eigvalsh(x + x.T), SQUARE)
add("linalg.slogdet", lambda x: np.linalg.slogdet(x)[1], SQUARE)
add("linalg.svd", lambda x: np.linalg.svd(x, compute_uv=False), SQUARE)
add("linalg.svd-vectors", lambda x: np.linalg.svd(x, full_matrices=False).S, (2, 3))
add("linalg.qr", lambda x: abs(np.linalg.qr(x)[1]), SQUARE)
add("linalg.norm-axis", lambda x: np.linalg.norm(x, axis=1), (3, 2))
add("linalg.norm-ord", lambda x: np.linalg.norm(x, ord=3, axis=0, keepdims=True), (3, 2))
add("linalg.norm-nuclear", lambda x: np.linalg.norm(x, "nuc"), (3, 2))
add("linalg.matrix_power", lambda x: np.linalg.matrix_power(x, 3), SQUARE)
add("linalg.multi_dot", lambda x, y, z: np.linalg.multi_dot([x, y, z]), (2, 3), (3, 2), (2,))
for name in "fft ifft rfft fft2 ifft2 rfft2 fftn rfftn fftshift".split():
    add(f"fft.{name}", getattr(np.fft, name), (3, 4))
add("fft.irfft", lambda x: np.fft.irfft(x + 0.5j, n=5, norm="ortho"), (3,))

# -- what cannot work

NOT_OURS = "not among the functions that work on Tensors"
for name in "frexp spacing".split():
    add(f"ufunc.{name}", getattr(np, name), (3,), refused=NOT_OURS, says=f"np.{name} is not supported for a Tensor that requires grad")
add("ufunc.reduceat", lambda x: np.add.reduceat(x, [0, 1]), (3,), refused=NOT_OURS, says="np.add.reduceat is not supported")
add("ufunc.at", lambda x: np.add.at(x, [0, 1], 1.0), (3,), refused=NOT_OURS, says="np.add.at is not supported")
add("ufunc.out-array", lambda x: np.add(x, 1, out=np.zeros(3)), (3,), refused="an array has no graph", says="`out` is an array")
add("ufunc.in-place-array", lambda x: np.zeros(3).__iadd__(x), (3,), refused="an array has no graph", says="`out` is an array")
add("ufunc.where", lambda x: np.add(x, 1, where=[True, False, True]), (3,), refused=NOT_OURS, says="np.add: the argument `where` is not supported")
for name, inputs in {"histogram": 1, "gradient": 1, "lexsort": 1, "convolve": 2, "interp": 3}.items():
    add(name, getattr(np, name), *[(3,)] * inputs, refused=NOT_OURS, says=f"np.{name} is not supported for a Tensor that requires grad")
add("sum-where", lambda x: np.sum(x, where=[True, False, True]), (3,), refused=NOT_OURS, says="np.sum: the argument `where` is not supported")
add("asarray", np.asarray, (3,), refused="an array has no graph")
add("assignment", lambda x: np.zeros(3).__setitem__(0, x[0]), (3,), refused="an array has no graph", says="setting an array element|lose its graph")
add("asarray-list", lambda x: np.asarray([x[0], x[1]]), (3,), refused="an array has no graph", says="setting an array element|lose its graph")
add("fill", lambda x: np.full(3, x[0]), (3,), refused="an array has no graph")
