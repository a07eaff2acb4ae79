"""NumPy against CuPy: values, gradients and second derivatives of every row of the tables, in every dtype.

On a GPU (marker `cuda`, skipped with the reason where there is none); and the narrow dtypes on NumPy dressed as CuPy,
where it is the backend's own arithmetic that is compared: dtypes, half precision that is summed in another way,
additions at indices. The wide ones are compared there by test_cuda_tables.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import cupy_stand_in
import ml_dtypes
import numpy as np
import pytest
from derivatives import host
from tables import Row
from test_cuda_tables import NOT_BATCHED, SMOOTH, batches, values_and_gradients, values_and_tangents

import anygrad.cuda

# How far the two may be apart, and why: relative to each number, and to the largest one of the row's values and
# derivatives, since what is a small difference of large numbers has their errors.
TOLERANCES = {
    "float16": 2e-2,  # 20 roundings: NumPy rounds after each operation, while a kernel computes in single and rounds at the end
    "bfloat16": 1.6e-1,  # 20 roundings, of its own
    "float32": 1e-4,  # 1000 roundings: sums in another order, CUDA's functions to a few units in the last place, cancellation in second derivatives
    "float64": 1e-10,  # special functions are other approximations, of 1e-12 or so, and second derivatives multiply their differences
    "complex64": 1e-4,  # as its parts
    "complex128": 1e-10,
}

# What is determined up to signs, phases or order only, which cuSOLVER and LAPACK choose differently. On the GPU
# test_linalg.py checks these by what they are for, and their gradients by differences.
FREE = ("linalg.eig-", "linalg.eigvals-", "linalg.eigh", "linalg.svd-", "linalg.svd_", "linalg.qr")

# What SciPy and NumPy do not compute in bfloat16, or by way of other dtypes.
NOT_IN_BFLOAT16 = ("special.", "fft.")


def in_dtype(row: Row, dtype: str) -> Row:
    kind = "c" if dtype.startswith("c") else "f"
    wanted = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    return dataclasses.replace(row, arrays=tuple(a.astype(wanted) if a.dtype.kind == kind else _as_narrow(a, dtype) for a in row.arrays))


def _as_narrow(a: np.ndarray, dtype: str) -> np.ndarray:
    """A real array beside complex ones, or integers, which stay."""
    return a.astype(np.finfo(dtype).dtype) if a.dtype.kind == "f" else a


def cases() -> Iterator[object]:
    for row in SMOOTH:
        kinds = {a.dtype.kind for a in row.arrays}
        for dtype in TOLERANCES:
            if ("c" in kinds) == dtype.startswith("c") and not (dtype == "bfloat16" and row.id.startswith(NOT_IN_BFLOAT16)):
                yield pytest.param("gpu", row, dtype, id=f"gpu-{row.id}-{dtype}", marks=pytest.mark.cuda)
                if dtype in ("float16", "bfloat16", "float32", "complex64"):
                    yield pytest.param("stand-in", row, dtype, id=f"stand-in-{row.id}-{dtype}")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # what overflows in half precision is to do so in both
@pytest.mark.parametrize(("cuda", "row", "dtype"), list(cases()), indirect=["cuda"])
def test_values_gradients_and_second_derivatives(row: Row, dtype: str, cuda: Any) -> None:
    if cupy_stand_in.ndarray is not cuda.array_type and row.id.startswith(FREE):
        pytest.skip("determined up to signs, phases or order")
    row = in_dtype(row, dtype)
    try:
        wanted = values_and_gradients(row, "cpu", [])
    except (TypeError, ValueError) as refused:
        with pytest.raises(type(refused)):
            values_and_gradients(row, "cuda", [])
        return
    found = values_and_gradients(row, "cuda", [])
    assert [t is None for t in found] == [t is None for t in wanted]
    pairs = [(a, host(b)) for a, b in zip(found, wanted, strict=True) if a is not None and b is not None]
    tolerance = TOLERANCES[dtype]
    scale = max(float(np.max(np.abs(b[np.isfinite(b)]), initial=0)) for _, b in pairs)
    for a, b in pairs:
        assert a.device.type == "cuda"
        np.testing.assert_allclose(host(a), b, rtol=tolerance, atol=tolerance * scale, strict=True)


@pytest.mark.cuda
@pytest.mark.parametrize("function", [values_and_tangents, batches], ids=["tangents", "batches"])
@pytest.mark.parametrize("row", [row for row in SMOOTH if not row.id.startswith(FREE)], ids=repr)
def test_tangents_and_batches(row: Row, function: Any) -> None:
    if not anygrad.cuda.is_available():
        pytest.skip("no CUDA")
    if function is batches and row.id.startswith(NOT_BATCHED):
        pytest.skip("the shape of the result would differ within a batch")
    for a, b in zip(function(row, "cuda"), function(row, "cpu"), strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert a.device.type == "cuda"
            np.testing.assert_allclose(host(a), host(b), rtol=1e-9, atol=1e-11, strict=True)
