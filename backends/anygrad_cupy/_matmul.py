"""Products of stacks of matrices by cuBLAS.

CuPy's `@` of more than two dimensions copies what is transposed, computes half precision in single, and refuses bfloat16.
Here cuBLAS is told what is transposed (as `q @ k.mT` and every gradient of a product have it), and what is broadcast. Two
dimensions CuPy does well.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import cupy as cp
import numpy as np

_SINGLE, _DOUBLE = 68, 70  # CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_64F: half precision is added up in single
# cudaDataType of each dtype (of which CuPy 13 lacks the one of bfloat16), what to compute in, and the dtype of factors.
_KNOWN: dict[str, tuple[int, int, Any]] = {
    "float16": (2, _SINGLE, np.float32),
    "bfloat16": (14, _SINGLE, np.float32),
    "float32": (0, _SINGLE, np.float32),
    "float64": (1, _DOUBLE, np.float64),
    "complex64": (4, _SINGLE, np.complex64),
    "complex128": (5, _DOUBLE, np.complex128),
}
_LARGEST = 2**31 - 1  # sizes that cuBLAS takes


@functools.cache
def _types(dtype: np.dtype) -> tuple[int, int, np.ndarray, np.ndarray] | None:
    """cuBLAS's names of a dtype and of the one to compute in, and 1 and 0 in the latter; None if it has none."""
    if dtype.name not in _KNOWN:
        return None
    named, computed, scalar = _KNOWN[dtype.name]
    return named, computed, np.ones(1, scalar), np.zeros(1, scalar)


def matmul(x1: cp.ndarray, x2: cp.ndarray, /) -> cp.ndarray:
    """The matrix product over the last two axes."""
    if x1.ndim < 3 and x2.ndim < 3 or x1.ndim < 2 or x2.ndim < 2:
        return x1 @ x2  # cp.matmul does the same after looking at its keyword arguments
    types = _types(x1.dtype) if x1.dtype == x2.dtype else None
    if types is None or not x1.size or not x2.size:
        return x1 @ x2
    stack = x1.shape[:-2]
    if x2.shape[:-2] != stack:
        stack = np.broadcast_shapes(stack, x2.shape[:-2])
        x1, x2 = (x if x.shape[:-2] == stack else cp.broadcast_to(x, stack + x.shape[-2:]) for x in (x1, x2))
    m, k, n, batch = x1.shape[-2], x1.shape[-1], x2.shape[-1], math.prod(stack)
    x1, *first = _as_blas(x1)
    x2, *second = _as_blas(x2)
    if x2.shape[-2] != k or max(m, n, k, batch, first[1], second[1]) > _LARGEST:
        return x1 @ x2
    out = cp.empty((*stack, m, n), x1.dtype)
    named, computed, one, zero = types
    # cuBLAS goes by columns, and so sees the transposes: out.T = x2.T @ x1.T.
    cp.cuda.cublas.gemmStridedBatchedEx(
        cp.cuda.device.get_cublas_handle(), second[0], first[0], n, m, k, one.ctypes.data,
        x2.data.ptr, named, second[1], second[2], x1.data.ptr, named, first[1], first[2],
        zero.ctypes.data, out.data.ptr, named, n, m * n, batch, computed, -1,
    )  # fmt: skip
    return out


def _as_blas(x: cp.ndarray) -> tuple[cp.ndarray, int, int, int]:
    """A stack of matrices as cuBLAS takes it.

    Returns
    -------
    (array, transposed, leading, stride)
        The array, or a copy in order where it has to be; 1 if its columns are what lies in memory one after the other,
        else 0; how far it is from one row (or column) to the next, and from one matrix to the next, in elements.
    """
    if not x.flags.c_contiguous:
        found = _strided(x)
        if found is not None:
            return x, *found
        x = cp.ascontiguousarray(x)
    rows, columns = x.shape[-2:]
    return x, 0, columns, rows * columns


def _strided(x: cp.ndarray) -> tuple[int, int, int] | None:
    """The last three of `_as_blas` for an array that is not in order; None if it has to be copied."""
    size, shape, strides = x.itemsize, x.shape, x.strides
    stack, steps = shape[:-2], strides[:-2]
    if any(s % size or s < 0 for s in strides):
        return None
    for i in range(len(stack) - 1):  # the matrices have to be as far from each other throughout
        if steps[i] != steps[i + 1] * stack[i + 1]:
            return None
    stride = steps[-1] // size
    rows, columns = shape[-2:]
    if strides[-1] == size and strides[-2] >= columns * size:
        return 0, strides[-2] // size, stride
    if strides[-2] == size and strides[-1] >= rows * size:
        return 1, strides[-1] // size, stride
    return None
