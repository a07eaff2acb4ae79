"""What a user passes, as raw arrays to compute with: one backend, one device, Python numbers made arrays.

Which dtype operands of different kinds have in common is here, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _upper
from ._backends import Backend, device_of, is_array, namespace
from ._dtypes import as_dtype, check_numeric
from ._errors import DeviceError, DTypeError
from ._graph import Node
from ._messages import called, translate
from ._scalars import NUMBERS, get_default_dtype, python_number, strengthen, weak_dtype
from ._tensor import Tensor, wrap

if TYPE_CHECKING:
    from ._primitive import Primitive


_OPERANDS = (Tensor, *NUMBERS)


def unwrap(made: Primitive, inputs: Sequence[Any]) -> tuple[list[Any], list[Node | None], Backend]:
    """Raw arrays and nodes of the inputs, and their common backend; Python numbers made arrays."""
    raws: list[Any] = []
    nodes: list[Node | None] = []
    numbers: list[int] = []
    first = None
    for i, x in enumerate(inputs):
        node = None
        if isinstance(x, Tensor):
            node, x = x._node, x._data
            first = x if first is None or isinstance(first, np.generic) else first
        elif hasattr(x, "cells"):  # a Key
            x = x.array
        elif isinstance(x, NUMBERS) and not isinstance(x, np.generic):  # np.float64 is a float, and not weak
            x = python_number(x)
            numbers.append(i)
        elif is_array(x):
            check_numeric(made.name, x)
            first = x if first is None or isinstance(first, np.generic) else first
        else:
            raise DTypeError(
                f"{made.name}: argument `{_name(made, i)}` is {type(x).__name__}; expected a Tensor, an array or a number. Write anygrad.asarray(...)."
            )
        raws.append(x)
        nodes.append(node)
    if first is None:
        raise DTypeError(f"{made.name}: none of the arguments is a Tensor or an array. Write anygrad.asarray(...).")
    xp = namespace(first)
    if xp.name != "numpy":
        raws = [xp.number(x.item(), x.dtype, first) if isinstance(x, np.generic) else x for x in raws]
    if made.floats and all(as_dtype(x.dtype).kind in "biu" if is_array(x) else isinstance(x, int) for x in raws):
        raws = [xp.astype(x, xp.raw_dtype(get_default_dtype())) if is_array(x) else float(x) for x in raws]
    if len(raws) > 1:
        _check_devices(made, inputs, raws, first, xp)
        if numbers and (not made.numbers or _widens(raws, numbers)):
            try:
                raws = strengthen(raws, numbers, made.operands(raws), xp)
            except (OverflowError, MemoryError) as error:
                raise translate(error, made.name, made.inputs, raws, {}) from error
    return raws, nodes, xp


def beside(value: bool | int | float | complex, x: Tensor) -> Tensor | None:
    """A Python number as a 0-d tensor of x's dtype; None where the result would be of another."""
    a = x._data
    dtype = as_dtype(a.dtype)
    try:
        return wrap(namespace(a).number(python_number(value), dtype, a)) if weak_dtype(value, [dtype]) == dtype else None
    except (OverflowError, MemoryError):
        return None  # `apply` says which function


def is_plain(value: Any, x: Tensor) -> bool:
    """Whether every library takes a value beside x as it stands: a Python number beside floats or complex numbers of its own."""
    return (type(value) is float or type(value) is int) and x.dtype.kind in "fc"


def _widens(raws: list[Any], numbers: list[int]) -> bool:
    """Whether a number beside an array changes the kind of the result: then the array library's
    own rule (float64 for a float among integers) is not ours. Nor is it beside bfloat16 (float32, or float64)."""
    dtypes = [as_dtype(x.dtype) for x in raws if is_array(x)]
    return any(d.kind == "V" for d in dtypes) or any(weak_dtype(raws[i], dtypes) != dtypes[0] for i in numbers)


def common_dtype(operands: list[Any]) -> np.dtype | None:
    """NumPy's dtype for operands of kinds that the standard does not mix; None if they are not mixed."""
    dtypes = {as_dtype(x.dtype) for x in operands if is_array(x)}
    kinds = {d.kind.replace("V", "f") for d in dtypes} | {"b" for x in operands if isinstance(x, bool)}
    if len(kinds) < 2 or kinds == {"f", "c"} or kinds == {"i", "u"} and np.dtype(np.uint64) not in dtypes:
        return None
    return np.result_type(*dtypes)


def in_dtype(x: Any, dtype: np.dtype) -> Any:
    """An operand in another dtype, on the record; a Python number as one of the dtype's kind."""
    if isinstance(x, NUMBERS):
        return {"b": bool, "i": int, "u": int, "c": complex}.get(dtype.kind, float)(x)
    if isinstance(x, Tensor):
        return _upper.recorded_namespace.astype(x, dtype, copy=False)
    xp = namespace(x)
    return xp.astype(x, xp.raw_dtype(dtype), copy=False)


def _name(made: Primitive, position: int) -> str:
    return f"{made.inputs[0]}[{position}]" if made.variadic else made.inputs[position]


def _check_devices(made: Primitive, inputs: Sequence[Any], raws: list[Any], first: Any, xp: Backend) -> None:
    where = xp.device_of(first)
    for x in raws:
        if x is not first and is_array(x) and (namespace(x) is not xp or xp.device_of(x) != where):
            raise DeviceError(_mixed(made, inputs, raws, first))


def _mixed(made: Primitive, inputs: Sequence[Any], raws: list[Any], first: Any) -> str:
    """Which arguments are where, and how one gets where the first Tensor is."""
    arrays = [i for i, a in enumerate(raws) if is_array(a)]
    listed = "; ".join(f"`{_name(made, i)}` of shape {tuple(raws[i].shape)} on {device_of(raws[i])}" for i in arrays)
    where = device_of(next((x._data for x in inputs if isinstance(x, Tensor)), first))
    strangers = [_name(made, i) for i in arrays if not isinstance(inputs[i], Tensor) and device_of(raws[i]) != where]
    moved = f"anygrad.asarray({strangers[0]})" if strangers else ""
    return f"{called(made.name)}: arguments are on different devices: {listed}. Move one of them: `{moved}.to({str(where)!r})`."


def is_operand(value: object) -> bool:
    """Whether operators work with it: a Tensor, a number or an array."""
    return isinstance(value, _OPERANDS) or is_array(value)
