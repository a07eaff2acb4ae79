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

import anygrad_numpy

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
    "rows": variants("X A", "f16 f32", "bf16 f32", "f32 f32", "f64 f64"),
    "sums": variants("X A Y", "f16 f32 f32", "bf16 f32 f32", "f32 f32 f32", "f64 f64 f64", "f32 f32 f16", "f32 f32 bf16", "f16 f32 f16", "bf16 f32 bf16"),
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


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
@pytest.mark.parametrize(
    ("shape", "axis", "grid"), [((7,), 0, (9,)), ((3, 7), 1, (3, 2)), ((7, 3), 0, (2, 1)), ((2, 7, 5), 1, (4, 5)), ((2, 7, 0), 1, (2, 4, 0))]
)
def test_places_along_an_axis(backend: Any, shape: tuple[int, ...], axis: int, grid: tuple[int, ...], dtype: str) -> None:
    indices = rng.integers(-100 if dtype.startswith("i") else 0, 100, grid).astype(dtype)  # they wrap around
    found = np.asarray(backend.places_along(shape, on_device(indices), axis))
    wrapped = np.broadcast_to(indices % 7, (*shape[:axis], indices.shape[axis - len(shape)], *shape[axis + 1 :]))
    numbers = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(found, np.take_along_axis(numbers, wrapped.astype(np.int64), axis).astype(np.int32), strict=True)


def test_which_places_our_kernel_finds(backend: Any) -> None:
    """Those of arrays that do not broadcast themselves; along an axis of no elements there is none."""
    one = on_device(np.zeros((2, 3), int))
    assert backend.places_along((1, 5), one, 1) is None
    assert backend.places_along((2, 0), one[:, :0], 1).shape == (2, 0)
    with pytest.raises(IndexError, match="axis 1 of size 0"):
        backend.places_along((2, 0), one, 1)


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


SHAPES = {"one pass": (100, 7), "two passes": (130, 7), "three": (64 * 200, 3), "wide": (200, 1 << 16), "one column": (999, 1), "matrices": (300, 2, 5)}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64", "complex128"])
def test_sums_over_the_first_axis(backend: Any, dtype: str, shape: tuple[int, ...]) -> None:
    x = exact(dtype, *shape)
    wide = x.astype(complex if x.dtype.kind == "c" else float)
    found = backend.sum(on_device(x), axis=0)
    np.testing.assert_array_equal(np.asarray(found), wide.sum(0).astype(x.dtype), strict=True)
    found = backend.mean(on_device(x), axis=(0,), keepdims=True)
    np.testing.assert_allclose(np.asarray(found).astype(wide.dtype), wide.mean(0, keepdims=True), rtol=2 * float(ml_dtypes.finfo(x.real.dtype).eps), atol=1e-7)
    assert found.dtype == x.dtype


def test_sums_over_the_first_axis_are_accurate(backend: Any) -> None:
    """Many running sums of few numbers each: the errors are far below those of one after the other."""
    x = rng.random((100_000, 2)).astype(np.float32)
    exactly = x.astype(float).sum(0)
    found = np.asarray(backend.sum(on_device(x), axis=0))
    assert np.max(np.abs(found - exactly) / exactly) < 1e-6 < np.max(np.abs(np.add.accumulate(x)[-1] - exactly) / exactly)


@pytest.mark.parametrize("axes", [(0,), (0, 1)])
def test_which_sums_our_kernel_makes(backend: Any, axes: tuple[int, ...]) -> None:
    """Those of floating dtypes over leading axes of arrays that are in order; others are CuPy's and come out the same."""
    x = exact("float32", 6, 5, 4)
    for array, dtype in ((x, None), (x[:, ::2], None), (x.T, None), (x, np.float64), (x.astype(np.int8), None), (x[:0], None), (x[..., :0], None)):
        for keepdims in (False, True):
            found = backend.sum(on_device(array), axis=axes, dtype=dtype, keepdims=keepdims)
            expected = array.sum(axis=axes, dtype=dtype or array.dtype, keepdims=keepdims)
            np.testing.assert_array_equal(np.asarray(found), expected, strict=True)


# Of each function of rows the value in plain NumPy, and how many arrays beside x it has: of x's shape, or of one number a row.
def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def total(x: np.ndarray) -> np.ndarray:
    return x.sum(-1, keepdims=True)


ROWS = {
    "softmax": lambda x: softmax(x),
    "softmax_gradient": lambda g, x: x * (g - total(g * x)),
    "log_softmax": lambda x: np.log(softmax(x)),
    "log_softmax_gradient": lambda g, x: g - np.exp(-np.abs(x)) * total(g),  # x are logarithms of probabilities: see below
    "logsumexp": lambda x: np.log(total(np.exp(x))),
    "logsumexp_gradient": lambda g, y, x: g * np.exp(x - y),
    "var": lambda x: x.var(-1, keepdims=True),
    "centred_times": lambda g, x: (x - x.mean(-1, keepdims=True)) * g,
}
ONE_A_ROW = {"logsumexp_gradient", "centred_times"}


@pytest.mark.parametrize("n", [1, 3, 129, 500, 5000], ids="{} long".format)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", ROWS)
def test_rows(backend: Any, name: str, dtype: str, n: int) -> None:
    """In blocks of 32 to 1024 threads, whose turns the shim takes: values as of NumPy in double precision.

    There are sums of n numbers of about 1 in them, so the errors are in proportion to n; a float16 may be denormal.
    """
    function = ROWS[name]
    count = function.__code__.co_argcount
    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    arrays = [rng.standard_normal((3, 1 if name in ONE_A_ROW and i < count - 1 else n)).astype(kind) for i in range(count)]
    if name == "log_softmax_gradient":
        arrays[-1] = -np.abs(arrays[-1])
    numbers = (float(n),) if name == "var" else ()
    found = np.asarray(backend.fused(name, tuple(map(on_device, arrays)), (1,), *numbers))
    expected = function(*(a.astype(np.float64) for a in arrays))
    eps = float(ml_dtypes.finfo(kind).eps)
    work = eps if dtype == "float64" else 2.0**-23
    np.testing.assert_allclose(found.astype(np.float64), expected, rtol=eps + 64 * work, atol=max(n, 64) * work + (2.0**-24 if dtype == "float16" else 0))
    assert found.dtype == kind


def test_rows_of_what_is_not_finite(backend: Any) -> None:
    inf, nan = np.inf, np.nan
    x = np.array([[0, 1, inf], [0, 1, -inf], [-inf, -inf, -inf], [0, nan, 1], [1e4, -1e4, 0]], np.float32)
    found = {name: np.asarray(backend.fused(name, (on_device(x),), (1,))) for name in ("softmax", "log_softmax", "logsumexp")}
    e = np.e
    np.testing.assert_allclose(found["softmax"], [[nan] * 3, [1 / (1 + e), e / (1 + e), 0], [nan] * 3, [nan] * 3, [1, 0, 0]], rtol=1e-6)
    np.testing.assert_allclose(found["log_softmax"][[1, 4]], [[-np.log1p(e), 1 - np.log1p(e), -inf], [0, -2e4, -1e4]], rtol=1e-6)
    assert np.all(np.isnan(found["log_softmax"][[0, 2, 3]]))
    np.testing.assert_allclose(found["logsumexp"][:, 0], [inf, np.log1p(e), -inf, nan, 1e4], rtol=1e-6)


def test_which_rows_our_kernels_take(backend: Any) -> None:
    x = on_device(np.ones((4, 3, 2)))
    assert [backend.fused("softmax", (x,), axes) is None for axes in ((2,), (1, 2), (0, 1, 2), (1,), (0, 2), ())] == [False] * 3 + [True] * 3
    refused = (x.mT, x[:0], x.astype(np.complex64), x.astype(np.int32), on_device(np.ones((2, 1 << 17))))
    assert all(backend.fused("softmax", (a,), (a.ndim - 1,)) is None for a in refused)
    assert backend.fused("softmax_gradient", (x.astype(np.float32), x), (2,)) is None
    many = on_device(np.broadcast_to(np.float16(1), (256, (1 << 16) + 1)).copy())
    assert backend.fused("var", (many,), (1,), 1.0) is not None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.filterwarnings("ignore:invalid value encountered in less:RuntimeWarning")  # of ml_dtypes, about NaN
def test_share(backend: Any, dtype: str) -> None:
    """All, half and nothing are exact in every dtype: the same bits as NumPy's, also beside a number and where shapes broadcast."""
    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    x = np.array([[-1.0, 0.0, 1.0], [np.nan, np.inf, -np.inf]], kind)
    g = rng.standard_normal((4, 2, 3)).astype(kind)
    for x1, x2 in ((x, x[0]), (x[0], x), (x, 0.0), (0.0, x), (x, x), (x, x[:1, 1].reshape(()).astype(np.float64))):
        found = backend.share(*(on_device(np.asarray(a)) if isinstance(a, np.ndarray) else a for a in (g, x1, x2)))
        np.testing.assert_array_equal(np.asarray(found), anygrad_numpy.share(g, x1, x2), strict=True)
