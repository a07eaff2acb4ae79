"""Dtypes: casting, promotion, limits."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np

from .._dtypes import as_dtype
from .._errors import DTypeError
from .._primitive import linear as primitive
from .._scalars import NUMBERS, dtype_of, weak_dtype
from .._tensor import Tensor
from ._axes import as_tensor
from .devices import to

bool = np.dtype(np.bool_)
int8, int16, int32, int64 = (np.dtype(f"int{n}") for n in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (np.dtype(f"uint{n}") for n in (8, 16, 32, 64))
float16, float32, float64 = (np.dtype(f"float{n}") for n in (16, 32, 64))
complex64, complex128 = np.dtype("complex64"), np.dtype("complex128")


@primitive("ToCopy", holomorphic=False, x=lambda g, x_dtype, xp: xp.astype(g, x_dtype))
def _astype(xp: Any, x: Any, *, dtype: Any) -> Any:
    return xp.astype(x, xp.raw_dtype(dtype))


def astype(x: Tensor, dtype: Any, /, *, copy: Any = True, device: Any = None) -> Tensor:
    """x in another dtype. The gradient comes back in x's own; integers end the graph.

    Parameters
    ----------
    x : Tensor
    dtype : dtype
    copy : bool
        False returns x itself where the dtype is the same already.
    device : device, optional
        Where the result is to be.
    """
    x = as_tensor(x)
    wanted = as_dtype(dtype)
    out = x if not copy and x.dtype == wanted else _astype(x, dtype=wanted)
    return out if device is None else to(out, device)


def _dtypes(values: tuple[Any, ...]) -> list[np.dtype]:
    return [v.dtype if isinstance(v, Tensor) else as_dtype(v.dtype) if hasattr(v, "dtype") and not isinstance(v, type) else as_dtype(v) for v in values]


def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """The dtype of an operation on these: Tensors, arrays, dtypes and Python numbers (which alone are of the default dtypes)."""
    numbers = [v for v in arrays_and_dtypes if isinstance(v, NUMBERS)]
    strong = _dtypes(tuple(v for v in arrays_and_dtypes if not isinstance(v, NUMBERS)))
    if not arrays_and_dtypes:
        raise ValueError("result_type: give at least one array, dtype or number")
    dtype = np.result_type(*strong) if strong else dtype_of(numbers[0])
    for value in numbers:
        dtype = weak_dtype(value, [dtype])
    return dtype


def can_cast(from_: Any, to: Any, /) -> Any:
    """Whether one dtype can become another by the promotion rules of the standard."""
    return np.can_cast(_dtypes((from_,))[0], as_dtype(to))


def isdtype(dtype: Any, kind: Any) -> Any:
    """Whether a dtype is of a kind: "real floating", "integral", another dtype, or a tuple of these."""
    return np.isdtype(
        as_dtype(dtype),
        tuple(k if isinstance(k, str) else as_dtype(k) for k in kind) if isinstance(kind, tuple) else kind if isinstance(kind, str) else as_dtype(kind),
    )


class FloatInfo(NamedTuple):
    """The limits of a floating dtype, as Python numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype

    @property
    def tiny(self) -> float:
        """`smallest_normal`, by its name in PyTorch."""
        return self.smallest_normal


def finfo(type: Any, /) -> FloatInfo:
    """The limits of a floating or complex dtype."""
    dtype = _dtypes((type,))[0]
    if dtype.kind in "biu":
        raise DTypeError(f"finfo: {dtype} is not a floating dtype. Use iinfo for integers.")
    info = np.finfo(dtype) if dtype.kind in "fc" else importlib.import_module("ml_dtypes").finfo(dtype)
    return FloatInfo(info.bits, float(info.eps), float(info.max), float(info.min), float(info.smallest_normal), info.dtype)


def iinfo(type: Any, /) -> Any:
    """The limits of an integer dtype."""
    dtype = _dtypes((type,))[0]
    if dtype.kind not in "iu":
        raise DTypeError(f"iinfo: {dtype} is not an integer dtype. Use finfo for floats.")
    return np.iinfo(dtype)


__all__ = [
    "astype", "bool", "can_cast", "complex64", "complex128", "finfo", "float16", "float32", "float64", "iinfo", "int8",
    "int16", "int32", "int64", "isdtype", "result_type", "uint8", "uint16", "uint32", "uint64",
]  # fmt: skip
