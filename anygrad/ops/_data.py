"""Numbers, nested lists of them and arrays as new raw arrays: what the constructors make of data."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._backends import as_device, device, is_array, move, namespace
from .._dtypes import as_dtype, check_numeric
from .._errors import DTypeError, ShapeError
from .._messages import unfit
from .._out_of_memory import explained
from .._scalars import NUMBERS, default_complex, get_default_dtype
from .._tensor import Tensor
from .._transform import Transformed


def _from_python(name: str, data: Any, dtype: Any) -> np.ndarray:
    """A new NumPy array from numbers and nested sequences of them."""
    if data is None or isinstance(data, (str, bytes, dict, set)):
        raise TypeError(f"{name}: data must be numbers, a nested list of numbers or an array, not {type(data).__name__}")
    values = _plain(data)
    try:
        array = np.array(values)
    except ValueError as error:
        raise ShapeError(f"{name}: the nested lists do not have one common shape. Rows must be of equal length.") from error
    if array.dtype.kind == "O" and all(isinstance(v, NUMBERS) for v in array.flat):
        array = _of_large_integers(name, array, dtype)
    if array.dtype.kind not in "biufc" and array.dtype.name != "bfloat16":
        raise DTypeError(f"{name}: data must be numbers; this makes an array of dtype {array.dtype}")
    if dtype is not None:
        wanted = as_dtype(dtype)
        if wanted.kind in "iu" and array.dtype.kind == "f":  # NumPy makes floats of integers beside ones beyond int64
            exact = np.array(values, dtype=object)
            if all(isinstance(v, int) for v in exact.flat):
                if not all(np.iinfo(wanted).min <= v <= np.iinfo(wanted).max for v in exact.flat):
                    raise OverflowError(f"{name}: {unfit(max(exact.flat, key=abs), wanted)}.")
                array = exact.astype(wanted)
        if array.dtype.kind == "c" and wanted.kind not in "cb":
            raise DTypeError(f"{name}: complex data cannot become {wanted}. Take the real part first.")
        if (
            wanted.kind in "iu"
            and array.dtype.kind in "iu"
            and array.size
            and not (np.iinfo(wanted).min <= array.min() and array.max() <= np.iinfo(wanted).max)
        ):
            raise OverflowError(f"{name}: {unfit(max(array.flat, key=abs), wanted)}.")
        if wanted.kind in "iu" and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name}: NaN and infinities cannot become {wanted}")
        return array.astype(wanted)
    if not has_numpy_floats(data):
        if array.dtype.kind == "f":
            array = array.astype(get_default_dtype())
        elif array.dtype.kind == "c":
            array = array.astype(default_complex())
    return array


def _of_large_integers(name: str, array: np.ndarray, dtype: Any) -> np.ndarray:
    """Numbers of which some are integers that no dtype has: floats, unless integers are wanted."""
    kind = "i" if all(isinstance(v, int) for v in array.flat) else "c" if any(isinstance(v, complex) for v in array.flat) else "f"
    kind = kind if dtype is None else as_dtype(dtype).kind
    if kind in "iu":
        raise OverflowError(f"{name}: {unfit(max(array.flat, key=abs), np.dtype(np.int64) if dtype is None else as_dtype(dtype))}.")
    return array.astype(np.complex128 if kind == "c" else np.float64)


def _plain(data: Any) -> Any:
    """Nested sequences with the Tensors in them made NumPy arrays."""
    if isinstance(data, Tensor):
        return data.numpy(force=True)
    if isinstance(data, (list, tuple)):
        return [_plain(v) for v in data]
    return data


def has_numpy_floats(data: Any) -> bool:
    """Whether numbers in the data have a dtype of their own, so that the default does not apply."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (np.generic, np.ndarray, Tensor))


def nests_tracked(data: Any) -> bool:
    """Whether there is a Tensor with a history of its own in the data."""
    if isinstance(data, Tensor):
        return data.requires_grad or isinstance(data, Transformed)
    return isinstance(data, (list, tuple)) and any(nests_tracked(v) for v in data)


def copied(name: str, data: Any, dtype: Any, where: Any) -> Any:
    """A raw array with a copy of the data, on a device."""
    with explained(name, data if where is None else device(where)):
        return _copied(name, data, dtype, where)


def _copied(name: str, data: Any, dtype: Any, where: Any) -> Any:
    if not is_array(data):
        place = as_device(where)
        return move(_from_python(name, data, dtype), place) if place.type != "cpu" else _from_python(name, data, dtype)
    if isinstance(data, np.generic):
        data = np.asarray(data)
    check_numeric(name, data)
    xp = namespace(data)
    array = data if dtype is None or as_dtype(data.dtype) == as_dtype(dtype) else xp.astype(data, xp.raw_dtype(as_dtype(dtype)))
    if where is not None:
        array = move(array, device(where))
    return xp.copy(array) if array is data or namespace(array) is xp and xp.shares_memory(array, data) else array
