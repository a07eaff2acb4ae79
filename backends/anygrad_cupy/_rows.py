"""Functions of rows that one kernel of ours computes, where CuPy's own functions would be three to six launches.

A launch takes the CPU longer than a small array takes the GPU, and each pass over a large one is as long as all of this.
"""

from __future__ import annotations

import math

import cupy as cp
import numpy as np

from ._kernels import kernel, start, type_name

_LONGEST = 1 << 16  # of a row for one block of threads, where there are few rows
_MANY = 256  # rows, which keep a GPU busy however long they are
_OF_ROW = frozenset(("logsumexp", "var"))  # what has one number of each row for its result


def fused(name: str, arrays: tuple[cp.ndarray, ...], axes: tuple[int, ...], *numbers: float) -> cp.ndarray | None:
    """What a kernel of kernels/rows.cu makes of arrays, of which the last has rows along `axes`.

    Returns
    -------
    array or None
        With the axes kept, of size 1, if there is one number for each row. None where the kernels do not serve: for other
        axes than the last ones, complex numbers, arrays of several dtypes or out of order, rows of nothing, and few long rows.
    """
    x = arrays[-1]
    dtype, shape, first = x.dtype, x.shape, x.ndim - len(axes)
    if not axes or axes != tuple(range(first, x.ndim)) or not x.size or not x.flags.c_contiguous:
        return None
    rows, n = math.prod(shape[:first]), math.prod(shape[first:])
    if dtype.kind not in "fV" or any(a.dtype != dtype for a in arrays) or n > _LONGEST and rows < _MANY:
        return None
    out = cp.empty(shape[:first] + (1,) * len(axes) if name in _OF_ROW else shape, dtype)
    function = kernel("rows", name, X=type_name(dtype), A="f64" if dtype == np.float64 else "f32")
    threads = min(1024, max(32, 1 << (n // 4).bit_length()))
    start(function, rows, threads, *map(_in_order, arrays), *map(float, numbers), rows, n, out)
    return out


def _in_order(a: cp.ndarray) -> cp.ndarray:
    return a if a.flags.c_contiguous else cp.ascontiguousarray(a)
