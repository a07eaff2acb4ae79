"""The sources of CUDA kernels without a GPU: compiled by NVRTC for a GPU, and by g++ to be run on the CPU.

`HostKernel` stands for cupy.RawKernel: what it is given is compiled with g++ behind cuda_shim.h and called through ctypes.
`HostElementwiseKernel` stands for cupy.ElementwiseKernel, as far as the backend uses it.
"""

from __future__ import annotations

import ctypes
import functools
import glob
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

_SHIM = Path(__file__).with_name("cuda_shim.h")
_BUILT = Path(__file__).with_name("__pycache__") / "kernels"  # what was compiled before is found here
_TYPES = Path(__file__).parents[1] / "backends" / "anygrad_cupy" / "kernels" / "types.cuh"
_DEFINED = re.compile(r"__global__\s+void\s+(\w+)\s*\(")


def kernels_of(source: str) -> list[str]:
    """The names of the kernels in a source."""
    return _DEFINED.findall(source)


# ---------------------------------------------------------------------------
# g++
# ---------------------------------------------------------------------------


@functools.cache
def without_compiler() -> str:
    """Why no kernel can be built for the CPU; empty if one can."""
    return "" if shutil.which("g++") and os.uname().sysname == "Linux" else "the CUDA sources are built for the CPU with g++ on Linux, which is not here"


@functools.cache
def _library(source: str, options: tuple[str, ...]) -> ctypes.CDLL:
    launchers = "".join(
        f'extern "C" void launch_{name}(unsigned blocks, unsigned size, void** arguments) {{ shim::launch({name}, blocks, size, arguments); }}\n'
        for name in kernels_of(source)
    )
    text = f'#include "{_SHIM}"\n{source}\n{launchers}'
    flags = ["-O1", "-fPIC", "-shared", "-ffp-contract=off", "-Wall", "-Werror", *options]
    key = hashlib.sha256(f"{flags}{_SHIM.read_text()}{text}".encode()).hexdigest()[:32]
    built = _BUILT / f"{key}.so"
    if not built.exists():
        _BUILT.mkdir(parents=True, exist_ok=True)
        partial = _BUILT / f"{key}.{os.getpid()}"
        done = subprocess.run(["g++", *flags, "-x", "c++", "-", "-o", partial], input=text, text=True, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        partial.replace(built)  # tests of several processes may build it at once
    return ctypes.CDLL(str(built))


class HostKernel:
    """cupy.RawKernel, run by the CPU."""

    def __init__(self, code: str, name: str, options: tuple[str, ...] = ()) -> None:
        self.code, self.name, self.options = code, name, options

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: Any) -> None:
        if why := without_compiler():
            pytest.skip(why)
        values = [_passed(a) for a in args]
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values))
        getattr(_library(self.code, self.options), f"launch_{self.name}")(ctypes.c_uint(grid[0]), ctypes.c_uint(block[0]), pointers)


def _passed(argument: Any) -> Any:
    """An argument as CuPy passes it: arrays as pointers, integers in 64 bits, a NumPy scalar in its own size."""
    if argument is None:
        return ctypes.c_void_p(0)
    if isinstance(argument, np.ndarray):
        assert argument.flags.c_contiguous, "a kernel reads memory, not strides"
        return ctypes.c_void_p(argument.ctypes.data)
    if isinstance(argument, np.generic):
        return (ctypes.c_char * argument.nbytes).from_buffer_copy(argument.tobytes())
    return ctypes.c_double(argument) if isinstance(argument, float) else ctypes.c_longlong(argument)


class HostElementwiseKernel:
    """cupy.ElementwiseKernel, run by the CPU: of arrays of one dtype T, booleans (bool) and Python numbers, with one result of T."""

    _NAMES: ClassVar = {"bfloat16": "bf16", "bool": "b8", "complex64": "float _Complex", "complex128": "double _Complex"}

    def __init__(self, in_params: str, out_params: str, operation: str, name: str) -> None:
        self.name, self.inputs = name, [tuple(p.split()) for p in in_params.split(",")]
        assert out_params == "T out"
        assert {kind for kind, _ in self.inputs} <= {"T", "bool"}
        loads = "".join(f"const {kind} {x} = {x}_[i]; " for kind, x in self.inputs)
        pointers = "".join(f"const {kind}* {x}_, " for kind, x in self.inputs)
        self.code = f'extern "C" __global__ void {name}({pointers}i64 size, T* out_) {{ for (EACH(i, size)) {{ {loads}T out; {operation}; out_[i] = out; }} }}'

    def __call__(self, *args: Any) -> np.ndarray:
        kinds = {a.dtype for (kind, _), a in zip(self.inputs, args, strict=True) if kind == "T" and isinstance(a, np.ndarray)}
        assert len(kinds) == 1, "a type of the kernel has several dtypes"
        (dtype,) = kinds
        given = [np.asarray(a, dtype if kind == "T" else None) for (kind, _), a in zip(self.inputs, args, strict=True)]
        assert all(a.dtype == bool for (kind, _), a in zip(self.inputs, given, strict=True) if kind == "bool")
        arrays = [np.ascontiguousarray(a) for a in np.broadcast_arrays(*given)]
        shape = np.broadcast_shapes(*(a.shape for a in given))
        out = np.empty(shape, dtype)
        type_name = self._NAMES.get(dtype.name, f"{dtype.kind}{8 * dtype.itemsize}")
        HostKernel(f"{_TYPES.read_text()}using T = {type_name};\n{self.code}", self.name, ("-std=c++17",))((1,), (32,), (*arrays, out.size, out))
        return out


# ---------------------------------------------------------------------------
# NVRTC
# ---------------------------------------------------------------------------


@functools.cache
def nvrtc() -> ctypes.CDLL | None:
    """NVRTC, from NVIDIA's wheel or wherever the system has it; it needs no driver and no GPU."""
    package = importlib.util.find_spec("nvidia")
    found = [path for root in (package.submodule_search_locations if package else ()) or () for path in glob.glob(f"{root}/*/lib/libnvrtc.so.*")]
    for path in (*sorted(found, reverse=True), "libnvrtc.so.13", "libnvrtc.so.12"):
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    return None


def compiled(source: str, options: tuple[str, ...], architecture: str) -> bytes:
    """The machine code that NVRTC makes of a source, for "sm_90" or the like.

    Raises
    ------
    RuntimeError
        With what the compiler says, if it does not take the source.
    """
    library = nvrtc()
    assert library is not None
    program = ctypes.c_void_p()
    _done(library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None))
    try:
        # -ftz=true is what CuPy adds by itself
        given = [o.encode() for o in (*options, "-ftz=true", "--device-as-default-execution-space", f"-arch={architecture}")]
        result = library.nvrtcCompileProgram(program, len(given), (ctypes.c_char_p * len(given))(*given))
        if result:
            raise RuntimeError(_text(library, program, "ProgramLog").decode(errors="replace"))
        return _text(library, program, "CUBIN")
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _text(library: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _done(getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    text = ctypes.create_string_buffer(size.value)
    _done(getattr(library, f"nvrtcGet{what}")(program, text))
    return text.raw


def _done(status: int) -> None:
    assert status == 0, f"NVRTC says {status}"
