"""NumPy's ufuncs that the standard lacks; choices, comparisons and questions about arrays."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from .._backends import namespace
from .._tensor import Tensor
from ..ops.beyond import around
from .arguments import FUNCTIONS, Array, floating, implements, tensor


def fmax(x1: Array, x2: Array) -> Tensor:
    """The larger one; where one is NaN, the other."""
    return ops.where(ops.isnan(x1), x2, ops.where(ops.isnan(x2), x1, ops.maximum(x1, x2)))


def fmin(x1: Array, x2: Array) -> Tensor:
    """The smaller one; where one is NaN, the other."""
    return ops.where(ops.isnan(x1), x2, ops.where(ops.isnan(x2), x1, ops.minimum(x1, x2)))


UFUNCS: dict[str, Callable[..., Any]] = {
    "deg2rad": lambda x: ops.multiply(x, math.pi / 180),
    "degrees": lambda x: ops.multiply(x, 180 / math.pi),
    "divmod": lambda x1, x2: (ops.floor_divide(x1, x2), ops.remainder(x1, x2)),
    "exp2": lambda x: ops.pow(2, x),
    "float_power": lambda x1, x2: ops.pow(floating(x1), floating(x2)),
    "fmax": fmax,
    "fmin": fmin,
    "fmod": lambda x1, x2: ops.subtract(x1, ops.multiply(ops.trunc(ops.divide(x1, x2)), x2)),
    "logaddexp2": lambda x1, x2: ops.logaddexp(ops.multiply(x1, math.log(2)), ops.multiply(x2, math.log(2))) / math.log(2),
    "modf": lambda x: (ops.subtract(x, ops.trunc(x)), ops.trunc(x)),
    "rad2deg": lambda x: ops.multiply(x, 180 / math.pi),
    "radians": lambda x: ops.multiply(x, math.pi / 180),
}


@implements("where")
def where(condition: Array, x: Array = None, y: Array = None, /) -> Any:
    condition = tensor(condition)
    condition = condition if condition.dtype.kind == "b" else condition != 0
    return ops.nonzero(condition) if x is None and y is None else ops.where(condition, _operand(x), _operand(y))


def _operand(x: Any) -> Any:
    """Python numbers stay weak."""
    return x if isinstance(x, (bool, int, float, complex)) else tensor(x)


FUNCTIONS.update(dict.fromkeys(("around", "round"), around))


@implements("clip")
def clip(a: Array, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Tensor:
    return ops.clip(tensor(a), a_min if min is None else min, a_max if max is None else max)


@implements("array_equal")
def array_equal(a1: Array, a2: Array, equal_nan: bool = False) -> bool:
    a1, a2 = tensor(a1), tensor(a2)
    if a1.shape != a2.shape:
        return False
    same = a1 == a2
    return builtins.bool(ops.all(same | (ops.isnan(a1) & ops.isnan(a2)) if equal_nan else same))


@implements("unique")
def unique(ar: Array) -> Tensor:
    return ops.unique_values(tensor(ar))


@implements("iscomplexobj")
def iscomplexobj(x: Any) -> bool:
    return tensor(x).dtype.kind == "c"


@implements("isrealobj")
def isrealobj(x: Any) -> bool:
    return tensor(x).dtype.kind != "c"


@implements("result_type")
def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    return ops.result_type(*arrays_and_dtypes)


@implements("copyto")
def copyto(dst: Any, src: Array, casting: str = "same_kind", where: Any = True) -> None:
    if not isinstance(dst, Tensor):
        raise TypeError("np.copyto: a Tensor is not copied into an array of NumPy's, where it would lose its graph. Use `t.numpy()`.")
    ops.copy_(dst, src if where is True else ops.where(tensor(where), tensor(src), dst))


@implements("shares_memory", "may_share_memory")
def shares_memory(a: Any, b: Any, max_work: Any = None) -> bool:
    a, b = tensor(a), tensor(b)
    return a.device == b.device and namespace(a._data).shares_memory(a._data, b._data)


@implements("array_repr")
def array_repr(arr: Tensor, *_: Any, **__: Any) -> str:
    return repr(arr)


@implements("array_str", "array2string")
def array_str(a: Tensor, *_: Any, **__: Any) -> str:
    return str(a)
