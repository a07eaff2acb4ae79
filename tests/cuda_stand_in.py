"""The real CuPy without a GPU: a stand-in for CUDA, compiled by gcc, which counts what happens, and can compute.

`start` compiles `driver/cuda.c` (the CUDA driver and runtime) and `driver/libraries.c` (cuBLAS, cuSOLVER, ...), loads
them under the names that CuPy asks for, and imports CuPy. NVRTC is NVIDIA's own, so kernels are really compiled. CuPy's
wheels carry the CUDA runtime inside their extension modules; the functions `cudaNAME` in there are led to ours by a jump
written over their beginning, before any has been called.

What is real: Python and C++ code of CuPy, launches, copies, memory, dtypes, shapes, devices and errors. Values are where
`start` has a folder for kernels: then those are translated to C, and run (driver/emulation.py); without, they do nothing.
Time on the device is not real. A process that has called `start` cannot use a GPU.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

SOURCES = Path(__file__).parent / "driver"
# The modules of CuPy with the CUDA runtime inside, and those that link to NVIDIA's libraries.
WITH_RUNTIME = ("cupy_backends.cuda.api.runtime", "cupy.cuda.cub", "cupy.cuda.thrust", "cupy.random._generator_api")
LINKED = {
    "cublas": "cupy_backends/cuda/libs/cublas",
    "cusolver": "cupy_backends/cuda/libs/cusolver",
    "cusparse": "cupy_backends/cuda/libs/cusparse",
    "curand": "cupy_backends/cuda/libs/curand",
    "cufft": "cupy/cuda/cufft",
}
LOOKED_UP = {"cusolver": [f"cusolverDnX{name}{what}" for name in ("geev", "syevBatched") for what in ("", "_bufferSize")]}  # by name, at run time
ALSO_LOADED = ("libcublasLt.so.13", "libnvJitLink.so.13")  # CuPy loads them first, and calls nothing of them
RUNTIME_FUNCTION = re.compile(r"cuda[A-Z]\w+|__cuda(Push|Pop)CallConfiguration|__cudaGetKernel|__cudaLaunchKernel")
JUMP = b"\xff\x25\x00\x00\x00\x00"  # of x86-64, to the address in the next 8 bytes
FUNCTION, SYMBOLS, READ_WRITE_EXECUTE = 2, 2, 7

_cuda: ctypes.CDLL | None = None


def missing() -> str:
    """Why `start` cannot work here; empty if it can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "the stand-in for CUDA is written for Linux on x86-64"
    for tool in ("gcc", "nm"):
        if not shutil.which(tool):
            return f"the stand-in for CUDA needs {tool}"
    if not find_spec("cupy"):
        return "CuPy is not installed"
    if not _nvrtc():
        return "NVRTC is not installed (pip install nvidia-cuda-nvrtc nvidia-cuda-runtime)"
    if Path("/proc/driver/nvidia/version").exists():
        return "there is a real driver"
    return ""


def _nvrtc() -> Path | None:
    """NVRTC from NVIDIA's wheels."""
    return next((f for folder in sys.path for f in Path(folder).glob("nvidia/*/lib/libnvrtc.so.*")), None)


def start(build: Path, devices: int = 1, kernels: Path | None = None) -> None:
    """Load the stand-in, with so many devices, and CuPy on top of it. `build` is a folder for what is compiled.

    With a folder for `kernels`, they compute; it may be shared between processes, and kept.
    """
    global _cuda
    assert "cupy" not in sys.modules, "CuPy was imported before"
    os.environ["ANYGRAD_DEVICES"] = str(devices)
    if kernels:
        os.environ["CUPY_COMPILE_WITH_PTX"] = "1"
        os.environ["CUPY_CACHE_DIR"] = str(kernels / "cupy")
    folder = Path(find_spec("cupy").submodule_search_locations[0]).parent
    _cuda = _compiled(build, "libcuda.so.1", [SOURCES / "cuda.c", SOURCES / "threads.c"])
    _cuda.anygrad_journal.restype = ctypes.c_char_p
    _cuda.anygrad_memory.argtypes = [ctypes.c_size_t]
    for library, path in LINKED.items():
        module = next(folder.glob(f"{path}.*.so"))
        linked = subprocess.run(["nm", "-D", "--undefined-only", str(module)], capture_output=True, text=True, check=True).stdout
        names = sorted({*re.findall(rf"\bU ({library}\w+)", linked), *LOOKED_UP.get(library, ())})
        needed = subprocess.run(["readelf", "-d", str(module)], capture_output=True, text=True, check=True).stdout
        (build / f"{library}.names").write_text("".join(f"FUNCTION({name})\n" for name in names))
        soname = re.search(rf"\[(lib{library}\.so[.\d]*)\]", needed)[1]
        version = build / f"{library}.map"
        version.write_text(f"{soname} {{ global: *; }};\n")
        _compiled(
            build, soname, [SOURCES / "libraries.c"], f'-DNAMES="{build / library}.names"', f"-Wl,--version-script={version}", str(build / "libcuda.so.1")
        )
    for soname in ALSO_LOADED:
        _compiled(build, soname, [])
    ctypes.CDLL(str(_nvrtc()), mode=ctypes.RTLD_GLOBAL)
    replaced = {}
    if kernels:
        from driver import emulation

        replaced = emulation.connect(_cuda, kernels)
    for name in WITH_RUNTIME:
        _lead_to_ours(importlib.import_module(name), replaced)


def _compiled(build: Path, soname: str, sources: list[Path], *more: str) -> ctypes.CDLL:
    target = build / soname
    if not target.exists():
        command = ["gcc", "-std=gnu11", "-O1", "-fPIC", "-shared", f"-Wl,-soname,{soname}", "-o", str(target), *map(str, sources), *more]
        subprocess.run(command, check=True)
    return ctypes.CDLL(str(target), mode=ctypes.RTLD_GLOBAL)


def _lead_to_ours(module: types.ModuleType, replaced: dict[str, int]) -> None:
    """Write a jump to our function of the same name over each function of the CUDA runtime in an extension module."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    base = min(int(line.partition("-")[0], 16) for line in maps if line.endswith(module.__file__))
    mprotect = ctypes.CDLL(None, use_errno=True).mprotect
    mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    page = os.sysconf("SC_PAGESIZE")
    for name, offset in _functions(Path(module.__file__).read_bytes()):
        if name in replaced or RUNTIME_FUNCTION.fullmatch(name):
            ours = replaced.get(name) or ctypes.cast(getattr(_cuda, name, _cuda.anygrad_missing), ctypes.c_void_p).value
            code = JUMP + struct.pack("<Q", ours)
            at = base + offset
            if mprotect(at // page * page, 2 * page, READ_WRITE_EXECUTE):
                raise OSError(ctypes.get_errno(), "the code of CuPy cannot be written to")
            ctypes.memmove(at, code, len(code))  # functions begin at multiples of 16 bytes, so it is not longer than any


def _functions(elf: bytes) -> Iterator[tuple[str, int]]:
    """Name and offset of the functions in a shared object's table of symbols."""
    (at,), (size, count) = struct.unpack_from("<Q", elf, 0x28), struct.unpack_from("<HH", elf, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, at + i * size) for i in range(count)]
    for _, kind, _, _, start, length, link, *_ in sections:
        if kind == SYMBOLS:
            for symbol in range(start, start + length, 24):
                name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", elf, symbol)
                if info & 15 == FUNCTION and section:
                    begin = sections[link][4] + name
                    yield elf[begin : elf.index(0, begin)].decode(), value


# ---------------------------------------------------------------------------
# the journal
# ---------------------------------------------------------------------------


@dataclass
class Journal:
    """What happened on the devices: lines as "launch NAME on DEVICE", "copy from host to DEVICE: BYTES", "sync stream"."""

    lines: list[str] = field(default_factory=list)

    def of(self, *kinds: str) -> list[str]:
        """The lines of these kinds, without the kind."""
        return [rest for kind, _, rest in (line.partition(" ") for line in self.lines) if kind in kinds]

    @property
    def launches(self) -> list[str]:
        """The names of the kernels and of the computing functions of libraries, in order."""
        return [line.partition(" on ")[0] for line in self.of("launch")]

    @property
    def waits(self) -> list[str]:
        """What the host waited for."""
        return self.of("sync")

    @property
    def counts(self) -> dict[str, int]:
        """How many lines there are of each kind."""
        return dict(Counter(line.partition(" ")[0] for line in self.lines))


@contextlib.contextmanager
def journal() -> Iterator[Journal]:
    """A journal of what happens in the context; filled at its end."""
    found = Journal()
    _cuda.anygrad_begin()
    try:
        yield found
    finally:
        _cuda.anygrad_end()
        found.lines += _cuda.anygrad_journal().decode().splitlines()


@contextlib.contextmanager
def memory(total: int) -> Iterator[None]:
    """Let each device have so many bytes."""
    _cuda.anygrad_memory(total)
    try:
        yield
    finally:
        _cuda.anygrad_memory(2 << 30)
