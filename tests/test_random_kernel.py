"""kernels/philox.cu: its values, by a build of the same source for the processor, and that NVRTC compiles it."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cupy_stand_in
import numpy as np
import pytest

import anygrad as ag
from anygrad import _backends
from anygrad_numpy import _random as reference

SOURCE = Path(__file__).parent.parent / "backends" / "anygrad_cupy" / "kernels" / "philox.cu"
SHIM = """
#include <cmath>
#define __device__
#define __global__
struct Place { unsigned x; };
static Place blockIdx, blockDim, threadIdx, gridDim;
"""
KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(([^)]*)\)')
TYPES = {"i64": ctypes.c_int64, "u64": ctypes.c_uint64, "int": ctypes.c_int32, "float": ctypes.c_float, "double": ctypes.c_double}


def signatures() -> dict[str, list[tuple[str, str]]]:
    """(type, name) of the parameters of each kernel."""
    return {name: [tuple(p.rsplit(" ", 1)) for p in parameters.split(", ")] for name, parameters in KERNEL.findall(SOURCE.read_text())}


class Built:
    """In the place of cupy.RawModule: the source built by g++, whose kernels are run for one thread after the other."""

    library: ctypes.CDLL

    def __init__(self, code: str, options: tuple[str, ...]) -> None:
        assert code == SOURCE.read_text()

    def get_function(self, name: str) -> Callable[..., None]:
        function, types = getattr(self.library, f"run_{name}"), [kind for kind, _ in signatures()[name]]

        def launch(grid: tuple[int], block: tuple[int], args: tuple[Any, ...]) -> None:
            assert len(args) == len(types)
            raw = []
            for kind, value in zip(types, args, strict=True):
                if kind.endswith("*"):
                    assert kind.removeprefix("const ") == {"b": "bool*", "f": "float*", "d": "double*", "l": "i64*", "?": "bool*"}[value.dtype.char]
                    assert value.flags.c_contiguous
                    raw.append(ctypes.c_void_p(value.ctypes.data))
                else:
                    assert ctypes.sizeof(TYPES[kind]) == value.dtype.itemsize, f"{name}: {kind} is given {value.dtype}"
                    raw.append(TYPES[kind](value.item()))
            function(ctypes.c_uint(grid[0]), ctypes.c_uint(block[0]), *raw)

        return launch


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ to build the kernels with")
    loops = []
    for name, parameters in signatures().items():
        declared, given = ", ".join(f"{kind} {word}" for kind, word in parameters), ", ".join(word for _, word in parameters)
        loops.append(
            f'extern "C" void run_{name}(unsigned blocks, unsigned threads, {declared}) {{ gridDim.x = blocks; blockDim.x = threads;\n'
            f"for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) {name}({given}); }}"
        )
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "philox.cpp").write_text(f"{SHIM}{SOURCE.read_text()}\n" + "\n".join(loops))
    subprocess.run([compiler, "-std=c++17", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "philox.cpp", "-o", "philox.so"], cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "philox.so"))


@pytest.fixture
def cuda(library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The CuPy backend over NumPy dressed as CuPy, with the kernels that g++ built."""
    monkeypatch.setattr(Built, "library", library, raising=False)
    with cupy_stand_in.installed(monkeypatch) as cupy:
        cupy.RawModule = Built
        yield _backends.load("cupy")


SEED = 0xFEDC_BA98_7654_3210
POSITIONS = [0, 1, 2, 3, 4, 2**34 - 4, 2**66 - 8]  # the last two: the counter's lower word overflows, and the counter itself
SIZES = [1, 2, 3, 4, 5, 63, 1000, 40_000]  # the last has more threads than one block
HALF = np.dtype(np.float16)


def host(x: Any) -> np.ndarray:
    return np.asarray(x).view(np.ndarray)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("position", POSITIONS)
def test_the_same_bits_as_numpy(cuda: Any, n: int, position: int) -> None:
    for dtype in (np.dtype(np.float32), HALF):
        given = {"dtype": dtype, "seed": SEED, "position": position}
        np.testing.assert_array_equal(host(cuda.random_uniform((n,), **given, device=0)), reference.random_uniform((n,), **given))
    where = {"seed": SEED, "position": position}
    x = np.linspace(-1.0, 1.0, n)
    for dtype in (np.float32, np.float64, np.float16, np.complex64):
        drop = {"shared": (), "threshold": 2**30, "scale": 4 / 3, **where}
        found = cuda.random_dropout(cuda.asarray(x.astype(dtype), device=0), **drop)
        np.testing.assert_array_equal(host(found), reference.random_dropout(x.astype(dtype), **drop))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("position", [p for p in POSITIONS if p % 2 == 0])
def test_numbers_of_two_words(cuda: Any, n: int, position: int) -> None:
    given = {"dtype": np.dtype(np.float64), "seed": SEED, "position": position}
    np.testing.assert_array_equal(host(cuda.random_uniform((n,), **given, device=0)), reference.random_uniform((n,), **given))
    for low, span in ((0, 10), (-5, 1), (-(2**63), 2**64), (3, 2**40 + 7), (0, 2**32)):
        given = {"low": low, "span": span, "seed": SEED, "position": position}
        np.testing.assert_array_equal(host(cuda.random_integers((n,), **given, device=0)), reference.random_integers((n,), **given))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("dtype", "position", "tolerance"), [("f4", 0, 1e-6), ("f4", 2, 1e-6), ("f4", 2**66 - 8, 1e-6), ("f8", 0, 2e-15), ("f8", 8, 2e-15)])
def test_normal_numbers_to_rounding(cuda: Any, n: int, dtype: str, position: int, tolerance: float) -> None:
    """The angle has the same bits; what differs is the last bit of log, sin and cos, of radii up to about 5."""
    given = {"dtype": np.dtype(dtype), "seed": SEED, "position": position}
    found, expected = host(cuda.random_normal((n,), **given, device=0)), reference.random_normal((n,), **given)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("cuda")
def test_the_public_functions_on_the_second_device() -> None:
    for function in (ag.rand, ag.randn, ag.randperm, lambda n, **given: ag.dropout(ag.ones(n, device=given["device"]), 0.3, generator=given["generator"])):
        found = [function(100, generator=ag.Generator(5), device=where) for where in ("cpu", "cuda:1")]
        assert found[1].device == ag.device("cuda:1")
        np.testing.assert_allclose(found[1].numpy(force=True), found[0].numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.usefixtures("cuda")
def test_nothing_waits_for_the_device() -> None:
    del cupy_stand_in.waits[:]
    x = ag.ones(3, 4, device="cuda", requires_grad=True)
    for function in (lambda: ag.rand(3, device="cuda"), lambda: ag.dropout(x).sum().backward(), lambda: ag.normal(x, x), lambda: ag.bernoulli(x / 2)):
        function()
    ag.randperm(9, device="cuda"), ag.random.choice(x, 2), ag.random.choice(x, 2, replace=False), ag.randint(9, (3,), device="cuda")
    assert cupy_stand_in.waits == []


# ---------------------------------------------------------------------------
# NVRTC
# ---------------------------------------------------------------------------


@functools.cache
def nvrtc() -> ctypes.CDLL | None:
    """The library of the wheel nvidia-cuda-nvrtc, or the one that the system has."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    found = [str(path) for folder in folders for path in sorted(folder.glob("*/lib/libnvrtc.so.*"))]
    for path in [*found, "libnvrtc.so.13", "libnvrtc.so.12"]:
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    return None


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_nvrtc_compiles_it(architecture: str) -> None:
    library = nvrtc()
    if library is None:
        pytest.skip("no NVRTC (pip install nvidia-cuda-nvrtc)")
    program = ctypes.c_void_p()
    assert library.nvrtcCreateProgram(ctypes.byref(program), SOURCE.read_bytes(), b"philox.cu", 0, None, None) == 0
    options = [f"--gpu-architecture={architecture}".encode(), b"-std=c++17", b"-ftz=true"]
    failed = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    assert not failed, log.value.decode()
    assert b"warning" not in log.value, log.value.decode()
    library.nvrtcDestroyProgram(ctypes.byref(program))
