"""NumPy's functions that rearrange, join and split arrays."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from .. import ops
from .._tensor import Tensor
from .arguments import FUNCTIONS, Array, flat, implements, tensor, tensors


@implements("reshape")
def reshape(a: Array, /, shape: Any = None, order: str = "C", *, copy: bool | None = None) -> Tensor:
    _only_c(order)
    return ops.reshape(tensor(a), (shape,) if isinstance(shape, int) else shape, copy=copy)


def _only_c(order: str) -> None:
    if order not in ("C", "A", "K"):
        raise TypeError(f"order={order!r} is not supported for Tensors, only 'C'")


@implements("transpose", "permute_dims")
def transpose(a: Array, axes: Any = None) -> Tensor:
    a = tensor(a)
    return ops.permute_dims(a, tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


@implements("broadcast_arrays")
def broadcast_arrays(*args: Array, subok: bool = False) -> tuple[Tensor, ...]:
    return tuple(ops.broadcast_arrays(*tensors(args)))


@implements("meshgrid")
def meshgrid(*xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Tensor, ...]:
    if sparse:
        raise TypeError("np.meshgrid: the argument `sparse` is not supported for Tensors")
    return ops.meshgrid(*tensors(xi), indexing=indexing)


def _at_least(ndim: int) -> Callable[..., Any]:
    def function(*arys: Array) -> Any:
        out = []
        for x in tensors(arys):
            missing = builtins.max(ndim - x.ndim, 0)
            after = 1 if ndim == 3 and x.ndim in (1, 2) else 0  # NumPy: a vector is a row, a matrix a layer
            out.append(ops.reshape(x, (1,) * (missing - after) + x.shape + (1,) * after) if missing else x)
        return out[0] if len(out) == 1 else tuple(out)

    return function


FUNCTIONS.update({f"atleast_{n}d": _at_least(n) for n in (1, 2, 3)})


@implements("concatenate")
def concatenate(arrays: Any, /, axis: int | None = 0, *, dtype: Any = None, casting: str = "same_kind") -> Tensor:
    return _cast(ops.concat(tensors(arrays), axis=axis), dtype)


def _cast(x: Tensor, dtype: Any) -> Tensor:
    return x if dtype is None else x.astype(dtype)


@implements("stack")
def stack(arrays: Any, axis: int = 0, *, dtype: Any = None, casting: str = "same_kind") -> Tensor:
    parts = tensors(arrays)
    common = ops.result_type(*parts)
    return _cast(ops.stack([ops.astype(x, common, copy=False) for x in parts], axis=axis), dtype)


@implements("vstack")
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Tensor:
    return _cast(ops.vstack(tensors(tup)), dtype)


@implements("hstack")
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Tensor:
    return _cast(ops.hstack(tensors(tup)), dtype)


@implements("dstack")
def dstack(tup: Any) -> Tensor:
    return concatenate([_at_least(3)(x) for x in tensors(tup)], 2)


@implements("append")
def append(arr: Array, values: Array, axis: int | None = None) -> Tensor:
    return concatenate((arr, values), axis)


@implements("pad")
def pad(array: Array, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Tensor:
    return ops.pad(tensor(array), pad_width, mode, constant_values=constant_values)


@implements("repeat")
def repeat(a: Array, repeats: Any, axis: int | None = None) -> Tensor:
    return ops.repeat(tensor(a), repeats, axis=axis)


@implements("take")
def take(a: Array, indices: Any, axis: int | None = None) -> Tensor:
    a, axis = flat(tensor(a), axis)
    indices = ops.asarray(indices, device=a.device)
    out = ops.take(a, ops.reshape(indices, (-1,)), axis=axis)
    axis %= a.ndim
    return ops.reshape(out, a.shape[:axis] + indices.shape + a.shape[axis + 1 :])


@implements("fliplr")
def fliplr(m: Array) -> Tensor:
    return ops.flip(tensor(m), axis=1)


@implements("flipud")
def flipud(m: Array) -> Tensor:
    return ops.flip(tensor(m), axis=0)


@implements("empty_like")
def empty_like(prototype: Array, /, dtype: Any = None, *, device: Any = None) -> Tensor:
    return ops.empty_like(tensor(prototype), dtype=dtype, device=device)


@implements("shape")
def shape(a: Any) -> tuple[int, ...]:
    return tensor(a).shape


@implements("ndim")
def ndim(a: Any) -> int:
    return tensor(a).ndim


@implements("size")
def size(a: Any, axis: int | None = None) -> int:
    return tensor(a).size if axis is None else tensor(a).shape[axis]
