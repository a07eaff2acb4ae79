"""The sources of CUDA kernels without a GPU: compiled by NVRTC for a GPU, and by g++ to be run on the CPU.

`HostKernel` stands for cupy.RawKernel: what it is given is compiled with g++ behind cuda_shim.h and called through ctypes.
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
from typing import Any

import numpy as np
import pytest

_SHIM = Path(__file__).with_name("cuda_shim.h")
_BUILT = Path(__file__).with_name("__pycache__") / "kernels"  # what was compiled before is found here
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
