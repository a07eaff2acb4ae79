"""Has the stand-in for CUDA compute: kernels are translated from PTX to C (ptx.py), libraries' functions are libraries.py's."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import traceback
from pathlib import Path
from typing import Any

from . import libraries, ptx

FOLDER = Path(__file__).parent
READS_PTX = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_char_p)
COMPUTES = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(ctypes.c_size_t))
MOST_ARGUMENTS = 23  # that a function of a library has: see libraries.c
# CuPy's functions for Thrust and CUB, as C++ spells them, and how many arguments they have. Their kernels come compiled.
COMPILED = {
    "thrust_sort": ("_Z11thrust_sortiPvPmRKSt6vectorIlSaIlEElS_", 6),
    "thrust_argsort": ("_Z14thrust_argsortiPmPvS0_RKSt6vectorIlSaIlEElS0_", 7),
    "thrust_lexsort": ("_Z14thrust_lexsortiPmPvmmlS0_", 7),
    "cub_device_reduce": ("_Z17cub_device_reducePvRmS_S_iP11CUstream_stii", 8),
    "cub_device_segmented_reduce": ("_Z27cub_device_segmented_reducePvRmS_S_iiP11CUstream_stii", 9),
    "cub_device_scan": ("_Z15cub_device_scanPvRmS_S_iP11CUstream_stii", 8),
}
# Without contraction: where a GPU fuses a product and a sum, PTX says so.
OPTIONS = ["-std=gnu11", "-w", "-O1", "-ffp-contract=off", "-fPIC", "-shared"]
OPTIONS += [f"-m{name}" for name in ("fma", "f16c") if f" {name} " in Path("/proc/cpuinfo").read_text()]
TRANSLATOR = b"".join((FOLDER / name).read_bytes() for name in ("ptx.py", "instructions.py", "operands.py", "gpu.h"))

_called_by_c: list[Any] = []


def connect(cuda: ctypes.CDLL, kernels: Path) -> dict[str, int]:
    """Give the stand-in what computes. Returns the functions of CuPy that are to be replaced, and the addresses by what.

    `kernels` is a folder for what is compiled; several processes may use it, and later ones find it there.
    """
    paths: dict[str, Any] = {}

    @READS_PTX
    def translated(text: bytes) -> int:
        try:
            path = compiled(text, kernels)
        except Exception:  # C cannot pass it on; CuPy raises for a module that is not there
            traceback.print_exc()
            return 0
        return ctypes.addressof(paths.setdefault(path, ctypes.create_string_buffer(path.encode())))

    @COMPUTES
    def computed(name: bytes, arguments: Any) -> int:
        try:
            return libraries.compute(name.decode(), arguments[:MOST_ARGUMENTS])
        except Exception:
            traceback.print_exc()
            return 0

    cuda.anygrad_compute(translated, computed)
    _called_by_c.extend([translated, computed])
    return {symbol: _function(cuda, name, count) for name, (symbol, count) in COMPILED.items()}


def compiled(text: bytes, kernels: Path) -> str:
    """The path of a library with the kernels of a module of PTX."""
    library = kernels / f"{hashlib.sha256(TRANSLATOR + text).hexdigest()[:32]}.so"
    if not library.exists():
        source, unfinished = (library.with_suffix(f".{os.getpid()}.{end}") for end in ("c", "so"))
        source.write_text(ptx.translate(text.decode()))
        subprocess.run(["gcc", *OPTIONS, f"-I{FOLDER}", "-o", str(unfinished), str(source), "-lm"], check=True)
        source.unlink()
        unfinished.rename(library)
    return str(library)


def _function(cuda: ctypes.CDLL, name: str, count: int) -> int:
    """The address of a function that does what CuPy's of this name does."""

    def call(*arguments: int) -> None:
        if name.startswith("cub") and not arguments[0]:  # asks how large a work space has to be
            ctypes.c_size_t.from_address(arguments[1]).value = 1
            return
        device = ctypes.c_int()
        cuda.cudaGetDevice(ctypes.byref(device))
        cuda.journal(b"launch", b"%s on %d", name.partition("_")[0].encode(), device)
        libraries.compute(name, list(arguments))

    function = ctypes.CFUNCTYPE(None, *[ctypes.c_size_t] * count)(call)
    _called_by_c.append(function)
    return ctypes.cast(function, ctypes.c_void_p).value or 0
