"""Python numbers beside arrays: they change the kind of the result, never its width.

A float among integers takes the default dtype, which is float32 unless set."""

from __future__ import annotations

import operator
from typing import Any, Self

import numpy as np

from ._backends import Backend, is_array
from ._dtypes import as_dtype
from ._errors import DTypeError

Scalar = bool | int | float | complex
NUMBERS = (bool, int, float, complex)
_ORDER = "biufc"
_default = np.dtype(np.float32)


def as_integer(what: str, value: Any) -> int:
    """A Python int out of anything that is one, but for booleans; `what` names the argument in the error."""
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise TypeError(f"{what} must be an integer, not {type(value).__name__}")


class set_default_dtype:
    """Set the dtype of Python floats and of constructors without `dtype=`.

    Parameters
    ----------
    dtype : dtype
        float16, float32 or float64. The default complex dtype follows it.

    It takes effect at once; as a context manager it is undone at the end.
    """

    def __init__(self, dtype: Any) -> None:
        global _default
        dtype = as_dtype(dtype)
        if dtype.kind != "f":
            raise DTypeError(f"the default dtype must be a floating one, not {dtype}")
        self._before, _default = _default, dtype

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        global _default
        _default = self._before


def get_default_dtype() -> np.dtype:
    """The dtype of Python floats and of constructors without `dtype=`."""
    return _default


def default_complex() -> np.dtype:
    return np.dtype(np.complex128 if _default == np.float64 else np.complex64)


def python_number(value: Any) -> Any:
    """A number of a subclass, as an IntEnum's, as Python's own: CuPy takes no other."""
    return value if type(value) in NUMBERS else next(kind for kind in NUMBERS if isinstance(value, kind))(value)


def dtype_of(value: Scalar) -> np.dtype:
    """The dtype of a Python number alone."""
    if isinstance(value, bool):
        return np.dtype(np.bool_)
    if isinstance(value, int):
        return np.dtype(np.int64)
    return _default if isinstance(value, float) else default_complex()


def weak_dtype(value: Scalar, others: list[np.dtype]) -> np.dtype:
    """The dtype that a Python number takes beside arrays of these dtypes."""
    alone = dtype_of(value)
    widest = np.result_type(*others) if len(others) > 1 else others[0]
    kind = "f" if widest.kind == "V" else widest.kind
    if kind == "u":
        kind = "i"
    if _ORDER.index(alone.kind) <= _ORDER.index(kind):
        return widest
    if alone.kind == "c" and kind == "f":
        return np.result_type(widest, np.complex64)
    return alone


def strengthen(raws: list[Any], numbers: list[int], operands: list[int], xp: Backend) -> list[Any]:
    """The inputs of an operation with its Python numbers (at these positions) as 0-d arrays.

    Only the operands count, not a condition and not index arrays. Integers beside a float become
    floats of the dtype that the number takes: left to the array library, int32 and float32 would
    make float64.
    """
    arrays = [raws[i] for i in operands if is_array(raws[i])] or [a for a in raws if is_array(a)]
    dtypes = [as_dtype(a.dtype) for a in arrays]
    taken = {i: weak_dtype(raws[i], dtypes) for i in numbers}
    floats = [d for d in taken.values() if d.kind in "fc"]
    out = []
    for i, x in enumerate(raws):
        if i in taken:
            out.append(xp.number(x, taken[i], arrays[0]))
        elif floats and i in operands and is_array(x) and as_dtype(x.dtype).kind in "iu":
            out.append(xp.astype(x, xp.raw_dtype(floats[0])))
        else:
            out.append(x)
    return out
