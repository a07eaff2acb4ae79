"""The CuPy backend's products of stacks of matrices, on a cuBLAS that is NumPy: what it is told of memory, dtypes and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cupy_stand_in
import ml_dtypes
import numpy as np
import pytest

rng = np.random.default_rng(0)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with cupy_stand_in.installed(monkeypatch):
        import anygrad_cupy

        yield anygrad_cupy


def stack(dtype: Any, *shape: int) -> np.ndarray:
    """Small integers, whose products every dtype has exactly."""
    return rng.integers(-2, 3, shape).astype(dtype)


LAYOUTS = {
    "in order": lambda a: a,
    "transposed": lambda a: a.mT.copy().mT,
    "every other matrix": lambda a: np.repeat(a, 2, axis=0)[::2],
    "part of each row": lambda a: np.pad(a, ((0, 0), (0, 0), (0, 3)))[..., :-3],
    "part of each column, transposed": lambda a: np.pad(a.mT, ((0, 0), (0, 0), (1, 2))).mT[:, 1:-2],
    "heads": lambda a: a.swapaxes(0, 1).copy().swapaxes(0, 1),
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "backwards": lambda a: a[:, ::-1],
    "every other column": lambda a: np.repeat(a, 2, axis=2)[..., ::2],
}
COPIED = {"backwards", "every other column"}
DTYPES = [np.float16, ml_dtypes.bfloat16, np.float32, np.float64, np.complex64, np.complex128]


@pytest.mark.parametrize("left", LAYOUTS)
@pytest.mark.parametrize("right", LAYOUTS)
def test_layouts(backend: Any, left: str, right: str) -> None:
    for dtype in DTYPES:
        a, b = LAYOUTS[left](stack(dtype, 4, 3, 5)), LAYOUTS[right](stack(dtype, 4, 5, 2))
        found = backend.matmul(a.view(cupy_stand_in.ndarray), b.view(cupy_stand_in.ndarray))
        wide = complex if a.dtype.kind == "c" else float
        np.testing.assert_array_equal(np.asarray(found), (a.astype(wide) @ b.astype(wide)).astype(dtype), strict=True)
        assert found.flags.c_contiguous


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_copied(backend: Any, name: str) -> None:
    """Only what cuBLAS has no words for."""
    from anygrad_cupy._matmul import _as_blas

    a = LAYOUTS[name](stack(np.float32, 4, 3, 5)).view(cupy_stand_in.ndarray)
    assert (_as_blas(a)[0] is not a) == (name in COPIED)


SHAPES = [
    ((2, 3, 4, 5), (2, 3, 5, 6)), ((3, 4, 5), (2, 3, 5, 6)), ((2, 1, 4, 5), (1, 3, 5, 6)), ((4, 5), (2, 5, 6)), ((2, 4, 1), (2, 1, 6)),
    ((2, 1, 5), (2, 5, 1)), ((1, 1, 1), (1, 1, 1)), ((2, 4, 0), (2, 0, 6)), ((0, 4, 5), (0, 5, 6)), ((4, 5), (5, 6)), ((5,), (2, 5, 6)), ((2, 4, 5), (5,)),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_shapes(backend: Any, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = stack(np.float64, *left), stack(np.float64, *right)
    found = backend.matmul(a.view(cupy_stand_in.ndarray), b.view(cupy_stand_in.ndarray))
    np.testing.assert_array_equal(np.asarray(found), a @ b, strict=True)


def test_integers_and_mixed_dtypes_are_left_to_cupy(backend: Any) -> None:
    for one, two in ((np.int64, np.int64), (np.float32, np.float64)):
        a, b = stack(one, 2, 3, 4), stack(two, 2, 4, 5)
        found = backend.matmul(a.view(cupy_stand_in.ndarray), b.view(cupy_stand_in.ndarray))
        np.testing.assert_array_equal(np.asarray(found), a @ b, strict=True)
