"""The CUDA sources of the CuPy backend: each compiles for GPUs with NVRTC, and gives on the CPU what NumPy gives.

Neither needs a GPU or CuPy; NVRTC comes with `pip install nvidia-cuda-nvrtc`. What only a GPU can show is in the tests marked `cuda`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cuda_on_host
import cupy_stand_in
import ml_dtypes
import numpy as np
import pytest
from test_scatter_add import KEYS

FOLDER = Path(__file__).parents[1] / "backends" / "anygrad_cupy" / "kernels"
SOURCES = sorted(path.stem for path in FOLDER.glob("*.cu"))


def variants(names: str, *rows: str) -> list[dict[str, str]]:
    return [dict(zip(names.split(), row.split(), strict=True)) for row in rows]


# The types with which each source is used (of index arrays and of sizes not each with each).
VARIANTS: dict[str, list[dict[str, str]]] = {
    "indexing": variants(
        "X A Y I N",
        *(f"{x} {a} {x} i64 i32" for x, a in {"f16": "f32", "bf16": "f32", "f32": "f32", "f64": "f64"}.items()),
        *(f"{sign}{bits} i{max(bits, 32)} {sign}{bits} i32 i64" for sign in "iu" for bits in (8, 16, 32, 64)),
        "b8 i32 b8 i64 i64",
    ),
    "philox": variants("T W", "f16 u32", "bf16 u32", "f32 u32", "f64 u32", "f64 u64", "i64 u64", "u8 u32"),
    "sums": variants("X A Y", "f16 f32 f32", "bf16 f32 f32", "f32 f32 f32", "f64 f64 f64", "f32 f32 f16", "f32 f32 bf16"),
}
rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def kernels() -> Iterator[Any]:
    """The loader of the CuPy backend, with kernels that the CPU runs."""
    with pytest.MonkeyPatch.context() as patch, cupy_stand_in.installed(patch):
        from anygrad_cupy import _kernels

        yield _kernels


@pytest.fixture
def backend(kernels: Any) -> Iterator[Any]:
    """The CuPy backend on the stand-in."""
    import anygrad_cupy

    yield anygrad_cupy
    anygrad_cupy.use_deterministic_algorithms(False)


def run(kernels: Any, file: str, name: str, types: dict[str, str], n: int, *arguments: Any) -> None:
    """Launch a kernel on NumPy's arrays, in which it writes."""
    kernels.launch(kernels.kernel(file, name, **types), n, *(a.view(cupy_stand_in.ndarray) if type(a) is np.ndarray else a for a in arguments))


def test_every_source_is_in_the_table() -> None:
    assert sorted(VARIANTS) == SOURCES


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize(("file", "types"), [(file, types) for file, variants in VARIANTS.items() for types in variants])
def test_compiles_for_gpus(kernels: Any, file: str, types: dict[str, str], architecture: str) -> None:
    if cuda_on_host.nvrtc() is None:
        pytest.skip("NVRTC is missing: pip install nvidia-cuda-nvrtc")
    text = kernels.source(file, **types)
    binary = cuda_on_host.compiled(text, kernels.OPTIONS, architecture)
    assert binary[:4] == b"\x7fELF"
    names = cuda_on_host.kernels_of(text)
    assert names
    assert all(f".text.{name}".encode() in binary for name in names)


def test_an_error_in_a_source_is_told(kernels: Any) -> None:
    if cuda_on_host.nvrtc() is None:
        pytest.skip("NVRTC is missing: pip install nvidia-cuda-nvrtc")
    with pytest.raises(RuntimeError, match=r'sums\.cu.*identifier "A" is undefined'):
        cuda_on_host.compiled(kernels.source("sums", X="f32", Y="f32"), kernels.OPTIONS, "sm_90")


# ---------------------------------------------------------------------------
# values
# ---------------------------------------------------------------------------


def exact(dtype: str, *shape: int) -> np.ndarray:
    """Small integers in a dtype: their sums are exact in any order."""
    return rng.integers(-3, 4, shape).astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


@pytest.mark.parametrize("size", [1, 7, 300])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_fold(kernels: Any, dtype: str, size: int) -> None:
    """Sums of whole columns in one pass; and in threes of rows, of which a second pass makes them."""
    x = exact(dtype, size, 5)
    wide = np.dtype(np.float64 if dtype == "float64" else np.float32)
    types = {"X": kernels.type_name(x.dtype), "A": kernels.type_name(wide), "Y": kernels.type_name(wide)}
    out, parts = np.full(5, np.nan, wide), np.full((3, 5), np.nan, wide)
    run(kernels, "sums", "fold", types, 5, x, x.size, 5, out)
    np.testing.assert_array_equal(out, x.astype(float).sum(0))
    run(kernels, "sums", "fold", types, 15, x, x.size, 15, parts)
    np.testing.assert_array_equal(parts, [x[i::3].astype(float).sum(0) for i in range(3)])
    again, narrow = np.full(5, np.nan, x.dtype), {"X": types["A"], "A": types["A"], "Y": types["X"]}
    run(kernels, "sums", "fold", narrow, 5, parts, parts.size, 5, again)
    np.testing.assert_array_equal(again, out.astype(x.dtype))


LARGE_ENOUGH = {name: (shape, key) for name, (shape, key) in KEYS.items() if "block" not in name}
DTYPES = "float16 bfloat16 float32 float64 complex64 complex128 int8 uint8 int16 int32 uint32 int64 uint64 bool".split()


def on_device(key: Any) -> Any:
    """A key with its arrays as the stand-in's."""
    if isinstance(key, tuple):
        return tuple(map(on_device, key))
    return key.view(cupy_stand_in.ndarray) if isinstance(key, np.ndarray) else key


@pytest.mark.parametrize("name", LARGE_ENOUGH)
def test_reading(backend: Any, name: str) -> None:
    shape, key = LARGE_ENOUGH[name]
    for dtype in DTYPES:
        x = exact(dtype, *shape)
        found = backend.gather(on_device(x), on_device(key))
        np.testing.assert_array_equal(np.asarray(found), x[key], strict=True)


@pytest.mark.parametrize("name", LARGE_ENOUGH)
@pytest.mark.parametrize("in_order", [False, True])
def test_adding_up(backend: Any, name: str, in_order: bool) -> None:
    shape, key = LARGE_ENOUGH[name]
    backend.use_deterministic_algorithms(in_order)
    for dtype in DTYPES:
        g = exact(dtype, *np.zeros(shape)[key].shape)
        expected = np.zeros(shape, complex if g.dtype.kind == "c" else np.int64)
        np.add.at(expected, key, g.astype(expected.dtype))
        found = backend.scatter_add(shape, on_device(key), on_device(g))
        np.testing.assert_array_equal(np.asarray(found), expected.astype(g.dtype), strict=True)


@pytest.mark.parametrize("name", LARGE_ENOUGH)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_adding_up_in_order_gives_the_bits_of_numpy(backend: Any, name: str, dtype: str) -> None:
    shape, key = LARGE_ENOUGH[name]
    backend.use_deterministic_algorithms(True)
    g = rng.standard_normal(np.zeros(shape)[key].shape).astype(dtype)
    expected = np.zeros(shape, dtype)
    np.add.at(expected, key, g)
    np.testing.assert_array_equal(np.asarray(backend.scatter_add(shape, on_device(key), on_device(g))), expected)


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8"])
def test_indices_out_of_range_wrap_around(backend: Any, dtype: str) -> None:
    indices = np.array([7, -8, 100, -100, 6], dtype)
    x, key = exact("float32", 7, 2), on_device(indices)
    np.testing.assert_array_equal(np.asarray(backend.gather(on_device(x), key)), x[indices % 7])
    expected = np.zeros((7, 2))
    np.add.at(expected, indices % 7, 1.0)
    np.testing.assert_array_equal(np.asarray(backend.scatter_add((7, 2), key, on_device(np.ones((5, 2))))), expected)


def test_nothing_to_read_from(backend: Any) -> None:
    empty, one = on_device(np.zeros((0, 2))), on_device(np.zeros(1, int))
    with pytest.raises(IndexError, match="size 0"):
        backend.gather(empty, one)
    assert backend.gather(empty, one[:0]).shape == (0, 2)


def test_which_keys_our_kernels_read(backend: Any) -> None:
    """Those of one index array, or of two side by side."""
    from anygrad_cupy._indexing import _rows

    others = {name for name, (shape, key) in LARGE_ENOUGH.items() if _rows(shape, on_device(key)) is None}
    assert others == {"integer beside", "a column", "apart", "part of an axis", "new axis", "mask beside", "masks alone"}
