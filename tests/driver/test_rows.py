"""Every row of the tables of functions through CuPy's own code: shapes, dtypes, devices, launches and what waits.

On NumPy dressed as CuPy (test_cuda_tables.py) values are checked; here it is whether CuPy accepts each call, compiles its
kernels, gives arrays as NumPy does, and launches on the device that the arrays are on. No kernel computes here.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence

import cuda_stand_in
import cupy
import ml_dtypes
import pytest
from tables import Row
from test_cuda_tables import FIXED, SMOOTH, THERE, call, on, seeds_for, waits

import anygrad as ag
from anygrad import Tensor

DEVICE = int(os.environ["ANYGRAD_STAND_IN"]) - 1  # the last one; the first is current
WHERE = f"cuda:{DEVICE}"

# Rows whose results have a shape, or whose code takes a way, that depends on values.
BY_VALUE = ("nonzero", "unique_", "arange", "repeat each")


# NumPy computes in bfloat16 what ml_dtypes has for it: not SciPy's functions, nor matrices.
NARROW = list(
    {row.name: row for row in SMOOTH if not row.name.startswith(("special", "linalg", "fft")) and all(a.dtype.kind != "c" for a in row.arrays)}.values()
)


@pytest.fixture(autouse=True)
def _memory_is_zero() -> Iterator[None]:
    """Arrays that no kernel fills are zero: without CuPy's pool each comes from the stand-in, which fills them."""
    cupy.cuda.set_allocator(None)
    yield
    cupy.cuda.set_allocator(cupy.get_default_memory_pool().malloc)


def by_value(row: Row) -> bool:
    return row.id.startswith(BY_VALUE) or (row.id.startswith("x[") and any(a.dtype == bool for a in row.arrays))


def results(row: Row, device: str) -> tuple[list[Tensor | None], cuda_stand_in.Journal]:
    """Values, gradients, gradients on the record and their gradients, and the journal of what happened for them."""
    xs = on(device, row)
    with cuda_stand_in.journal() as forward:
        ys = call(row, xs)
    smooth = [y for y in ys if y.requires_grad]
    if not smooth:
        return list(ys), forward
    tracked, seeds = [xs[i] for i in row.live], [s.requires_grad_() for s in seeds_for(smooth)]
    with cuda_stand_in.journal() as backward:
        plain = ag.autograd.grad(smooth, tracked, seeds, retain_graph=True, allow_unused=True)
        recorded = ag.autograd.grad(smooth, tracked, seeds, create_graph=True, allow_unused=True)
        again = [g for g in recorded if g is not None and g.requires_grad]
        second = ag.autograd.grad(again, [*tracked, *seeds], [ag.ones_like(g) for g in again], allow_unused=True) if again else ()
    return [*ys, *plain, *recorded, *second], cuda_stand_in.Journal(forward.lines + backward.lines)


def described(tensors: Sequence[Tensor | None]) -> list[tuple[tuple[int, ...], str] | None]:
    return [None if t is None else (t.shape, str(t.dtype)) for t in tensors]


@pytest.mark.parametrize("row", [row for row in (*THERE, *FIXED) if not by_value(row)], ids=repr)
def test_rows(row: Row) -> None:
    found, happened = results(row, WHERE)
    assert described(found) == described(results(row, "cpu")[0])
    assert {t.device for t in found if t is not None} <= {ag.device(WHERE)}
    assert {line.rpartition(" ")[2] for line in happened.of("launch", "fill", "allocate")} <= {str(DEVICE), "pinned"}
    assert "missing function" not in happened.lines
    assert bool(happened.waits) == waits(row), set(happened.lines)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of ml_dtypes, about NaN
@pytest.mark.parametrize("row", [row for row in NARROW if not by_value(row)], ids=repr)
def test_bfloat16(row: Row) -> None:
    """One row of each function: it is there, and has the dtypes that it has on NumPy."""
    row = dataclasses.replace(row, arrays=tuple(a.astype(ml_dtypes.bfloat16) if a.dtype.kind == "f" else a for a in row.arrays))
    assert described(results(row, WHERE)[0]) == described(results(row, "cpu")[0])


BESIDE = {
    "maximum": ag.maximum,
    "remainder": ag.remainder,
    "hypot": ag.hypot,
    "logical_and": ag.logical_and,
    "where": lambda x, number: ag.where(x == x, x, number),
    "clip": lambda x, number: ag.clip(x, 0, number),
    "times": lambda x, number: x * number,
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, about what overflows
@pytest.mark.parametrize("dtype", "float16 float32 float64 int8 uint8 int64 bool".split())
@pytest.mark.parametrize("name", BESIDE)
def test_a_number_beside_an_array(name: str, dtype: str) -> None:
    """CuPy is given the number as it is: the dtype, or the error, is NumPy's."""

    def outcome(device: str, number: float) -> str:
        try:
            return str(BESIDE[name](ag.ones(3, dtype=dtype, device=device), number).dtype)
        except (OverflowError, TypeError) as error:
            return type(error).__name__

    for number in (True, 2, -1, 300, 1.5, 1e10, 10**400):
        assert outcome(WHERE, number) == outcome("cpu", number), number
