"""CUDA kernels of our own: their sources are in `kernels/`, one file for each matter.

They are few: CuPy's own functions do where there is one that is quick. A source names its dtypes (`X`, `A`, ...) and
does not say what they are; `kernel` puts that in front of it. So one source serves every dtype, and compiles with NVRTC
on a machine with a GPU and with g++ in the tests.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import cupy as cp
import numpy as np

_FOLDER = Path(__file__).with_name("kernels")
_THREADS = 256  # of a block: a multiple of 32, of which several blocks fit on any GPU
_BLOCKS = 1 << 20  # at most; the threads then go on to further elements
OPTIONS = ("-std=c++17",)


@functools.cache
def type_name(dtype: np.dtype) -> str:
    """What a dtype is called in kernels/types.cuh: "f32", "i64", "b8"; "bf16" for that of ml_dtypes."""
    return "bf16" if dtype.kind == "V" else f"{dtype.kind}{8 * dtype.itemsize}"


def source(file: str, **types: str) -> str:
    """The text of kernels/FILE.cu with these names for its types, as it is compiled."""
    names = "".join(f"using {name} = {meant};\n" for name, meant in types.items())
    return f'{(_FOLDER / "types.cuh").read_text()}{names}#line 1 "{file}.cu"\n{(_FOLDER / f"{file}.cu").read_text()}'


@functools.cache
def kernel(file: str, name: str, **types: str) -> Any:
    """A kernel of kernels/FILE.cu; CuPy compiles it when it is first launched on a device, and keeps it on disk."""
    return cp.RawKernel(source(file, **types), name, OPTIONS)


def launch(function: Any, n: int, *arguments: Any) -> None:
    """Start a kernel for n pieces of work on the current device, where its arrays have to be.

    It reads memory, not arrays: they have to be C-contiguous. An int arrives as an `i64`, a float as an `f64`.
    """
    if n:
        start(function, -(-n // _THREADS), _THREADS, *arguments)


def start(function: Any, blocks: int, threads: int, *arguments: Any) -> None:
    """The same with blocks of so many threads; there may be fewer blocks than asked for."""
    function((min(blocks, _BLOCKS),), (threads,), arguments)
