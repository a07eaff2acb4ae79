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

FOLDER = Path(__file__).parents[1] / "backends" / "anygrad_cupy" / "kernels"
SOURCES = sorted(path.stem for path in FOLDER.glob("*.cu"))

# The types with which each source is used.
VARIANTS: dict[str, list[dict[str, str]]] = {
    "sums": [
        {"X": x, "A": a, "Y": y} for x, a, y in map(str.split, ("f16 f32 f32", "bf16 f32 f32", "f32 f32 f32", "f64 f64 f64", "f32 f32 f16", "f32 f32 bf16"))
    ],
}
rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def kernels() -> Iterator[Any]:
    """The loader of the CuPy backend, with kernels that the CPU runs."""
    with pytest.MonkeyPatch.context() as patch, cupy_stand_in.installed(patch):
        from anygrad_cupy import _kernels

        yield _kernels


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
