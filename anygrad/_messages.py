"""An array library's error, in our words: which function, which arguments, what to do.

The library's own error stays chained underneath.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _errors
from ._backends import device_of, is_array
from ._dtypes import as_dtype
from ._errors import AxisError, DeviceError, DTypeError, LinAlgError, ReadOnlyError, ShapeError
from ._out_of_memory import is_out_of_memory, out_of_memory

_said: set[str] = set()


def warn_once(text: str) -> None:
    """A UserWarning that is given once in a process."""
    if text not in _said:
        _said.add(text)
        warnings.warn(text, UserWarning, stacklevel=4)


_OURS = (_errors.ShapeError, _errors.DTypeError, _errors.DeviceError, _errors.AxisError, _errors.LinAlgError, _errors.OutOfMemoryError, _errors.ReadOnlyError)


# Primitives that are one case of a function
_CALLED = {
    "clip_both": "clip",
    "clip_low": "clip",
    "clip_high": "clip",
    "clip_numbers": "clip",
    "pow_number": "pow",
    "where_or": "where",
    "where_not": "where",
    "index": "getitem",
    "copied in place": "copy_",
    "dot": "matmul",
    "matrix_vector": "matmul",
    "vector_matrix": "matmul",
}
# What CuPy and CUDA say, where CuPy is not the one for this driver, these libraries of CUDA or this GPU
_INSTALLATION = {
    "DynamicLibNotFoundError": "a library of the CUDA that CuPy is built for is not installed",
    "CuPy failed to load": "a library of the CUDA that CuPy is built for is not installed",
    "cannot open shared object file": "a library of the CUDA that CuPy is built for is not installed",
    "cudaErrorNoKernelImageForDevice": "CuPy has no code for this GPU",
    "CUDA_ERROR_NO_BINARY_FOR_GPU": "CuPy has no code for this GPU",
    "invalid value for --gpu-architecture": "the CUDA that CuPy is built for does not know this GPU",
    "cudaErrorInsufficientDriver": "the driver is too old for the CUDA that CuPy is built for",
}
# How libraries say that a function is not for these dtypes
_WRONG_KIND = (
    "ufunc",
    "dtypes are allowed",
    "promoted",
    "not supported",
    "did not contain a loop",
    "Wrong type",
    "boolean subtract",
    "no instance of overloaded function",
)


def called(primitive: str) -> str:
    """The name of the function that a user called."""
    return _CALLED.get(primitive, primitive)


def describe(name: str, value: Any) -> str:
    """An argument in a message: name, shape, dtype, device."""
    if is_array(value):
        return f"`{name}` of shape {tuple(value.shape)}, {as_dtype(value.dtype)}, on {device_of(value)}"
    text = repr(value)
    return f"`{name}` = {text if len(text) <= 40 else text[:37] + '...'}"


def unfit(value: int, dtype: np.dtype) -> str:
    """Why an integer dtype cannot take a number."""
    info = np.iinfo(dtype)
    return f"{value} does not fit in {dtype}, which has {info.min} to {info.max}. Use `.astype(...)`, or a smaller number"


def translate(error: Exception, function: str, names: Sequence[str], raws: Sequence[Any], params: dict[str, Any]) -> Exception:
    """The error to raise in place of what the array library raised."""
    if isinstance(error, _OURS) or error.__cause__ is not None:
        return error
    function = called(function)
    labels = names if len(names) == len(raws) else [f"{names[0]}[{i}]" for i in range(len(raws))]
    listed = "; ".join([describe(n, r) for n, r in zip(labels, raws, strict=True)] + [describe(k, v) for k, v in params.items()])
    said = str(error).partition("\n")[0].rstrip(".")
    arrays = [r for r in raws if is_array(r)]
    text = f"{function}: {said}. Arguments: {listed}."
    if isinstance(error, OverflowError):
        dtypes = [as_dtype(d) for d in (params.get("dtype"), *(a.dtype for a in arrays)) if d is not None and as_dtype(d).kind in "iu"]
        numbers = [n for n in (*raws, *params.values()) if isinstance(n, int)]
        return OverflowError(f"{function}: {unfit(max(numbers, key=abs), (dtypes or [np.dtype(np.int64)])[0])}." if numbers else text)
    if trouble := next((what for words, what in _INSTALLATION.items() if words in f"{type(error).__name__}: {error}"), ""):
        return DeviceError(
            f"{function}: {trouble} ({said}). `nvidia-smi` shows the driver's CUDA: `pip uninstall` every cupy-cuda... package, "
            'then `pip install "anygrad[cuda13]"` for CUDA 13, or "anygrad[cuda12]" for CUDA 12. Until then `.to("cpu")`.'
        )
    if is_out_of_memory(error):
        return out_of_memory(error, function, [*params.values(), *arrays], f"Arguments: {listed}.")
    if isinstance(error, IndexError) and "index" in said.lower():
        return IndexError(text)
    if isinstance(error, np.exceptions.AxisError) or "axis" in said.lower() and "out of" in said.lower():
        return AxisError(f"{function}: axis out of range: {said}. Arguments: {listed}.")
    if isinstance(error, np.linalg.LinAlgError):
        return LinAlgError(text)
    if isinstance(error, IndexError):
        return IndexError(text)
    if (isinstance(error, TypeError) or type(error).__name__ == "CompileException") and arrays and any(words in said for words in _WRONG_KIND):
        return DTypeError(f"{function}: not defined for {' and '.join(str(as_dtype(a.dtype)) for a in arrays)}. Arguments: {listed}.")
    if isinstance(error, TypeError):
        return DTypeError(text)
    if isinstance(error, ValueError) and "read-only" in said:
        return ReadOnlyError(
            f"{function}: the memory of this tensor is read-only (an expanded view, or an array that was given as such). Write to a `.clone()`. Arguments: {listed}."
        )
    if isinstance(error, ValueError) and "dtype" in said:
        return DTypeError(text)
    if isinstance(error, ValueError):
        shapes = " and ".join(str(tuple(a.shape)) for a in arrays)
        if "broadcast" in said:
            return ShapeError(f"{function}: shapes {shapes} do not broadcast: sizes must match or be 1, counted from the last axis. Arguments: {listed}.")
        return ShapeError(text)
    return error
