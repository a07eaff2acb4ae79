"""What there is of CUDA, in PyTorch's spelling. CuPy is imported when a function here is called.

`device` arguments are None (the current device), a number, a name such as "cuda:1", or a
device. Apart from `is_available`, `device_count`, `use_deterministic_algorithms` and
`check_indices`, the functions raise `DeviceError` where there is no CUDA; its message says what is missing.
"""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

from ._backends import load
from ._errors import OutOfMemoryError
from ._streams import Event, Stream, current_stream, default_stream, set_stream, stream
from ._streams import place as _place

__all__ = [
    "DeviceProperties",
    "Event",
    "OutOfMemoryError",
    "Stream",
    "check_indices",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "empty_cache",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "is_available",
    "max_memory_allocated",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "reset_peak_memory_stats",
    "set_device",
    "set_stream",
    "stream",
    "synchronize",
    "use_deterministic_algorithms",
]

# ---------------------------------------------------------------------------
# devices
# ---------------------------------------------------------------------------


def is_available() -> bool:
    """Whether there are CuPy, a driver and a device. Never raises: a broken installation is none."""
    try:
        return load("cupy").unavailable() is None
    except Exception:
        return False


def device_count() -> int:
    """How many devices there are; 0 without CUDA."""
    return len(load("cupy").devices()) if is_available() else 0


def current_device() -> int:
    """The number of the device that "cuda" stands for in this thread."""
    return _place(None).raw


def set_device(device: Any) -> None:
    """Have "cuda" stand for a device in this thread. `with device(...)` goes back at its end."""
    place = _place(device)
    place.backend.set_device(place.raw)


class device:
    """A context in which "cuda" stands for a device (see `anygrad.device` for where constructors create). None changes nothing.

    Parameters
    ----------
    device : int, str, device or None
    """

    def __init__(self, device: Any) -> None:
        self._place = None if device is None else _place(device)
        self._before: list[Any] = []

    def __enter__(self) -> None:
        if self._place is not None:
            self._before.append(_place(None))
            self._place.backend.set_device(self._place.raw)

    def __exit__(self, *exc: object) -> None:
        if self._place is not None:
            self._place.backend.set_device(self._before.pop().raw)


class DeviceProperties(NamedTuple):
    """What a device is."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int


def get_device_properties(device: Any = None) -> DeviceProperties:
    """The name of a device, its compute capability (`major`, `minor`), bytes of memory and number of multiprocessors."""
    place = _place(device)
    found = place.backend.properties(place.raw)
    return DeviceProperties(found["name"], found["major"], found["minor"], found["totalGlobalMem"], found["multiProcessorCount"])


def get_device_name(device: Any = None) -> str:
    """The name of a device, as "NVIDIA H100 80GB HBM3"."""
    return get_device_properties(device).name


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability of a device: (9, 0) for Hopper."""
    found = get_device_properties(device)
    return found.major, found.minor


def synchronize(device: Any = None) -> None:
    """Wait until a device has done everything asked of it."""
    place = _place(device)
    place.backend.synchronize(place.raw)


# ---------------------------------------------------------------------------
# memory: of CuPy's default pool, which arrays come from unless another allocator was set
# ---------------------------------------------------------------------------


def memory_allocated(device: Any = None) -> int:
    """Bytes in use by arrays, of CuPy's memory pool."""
    place = _place(device)
    return place.backend.memory_stats(place.raw)["allocated"]


def memory_reserved(device: Any = None) -> int:
    """Bytes that CuPy's memory pool holds, in arrays or for the next ones."""
    place = _place(device)
    return place.backend.memory_stats(place.raw)["reserved"]


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that were in use by arrays at once, since `reset_peak_memory_stats`.

    CuPy keeps no such number. The first call of either function in a thread installs a `cupy.cuda.MemoryHook` there, which
    runs at each allocation of that thread from then on; before, nothing is watched and nothing is spent. So reset first,
    then compute, then ask.
    """
    place = _place(device)
    return place.backend.peak(place.raw)


def reset_peak_memory_stats(device: Any = None) -> None:
    """Have `max_memory_allocated` begin with what is in use now."""
    place = _place(device)
    place.backend.peak(place.raw, reset=True)


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Bytes free on a device, and its bytes in all, as the driver sees it."""
    place = _place(device)
    stats = place.backend.memory_stats(place.raw)
    return stats["free"], stats["total"]


def empty_cache() -> None:
    """Give memory that no array uses back to the driver, on every device."""
    _place(None).backend.empty_cache()


# ---------------------------------------------------------------------------
# switches
# ---------------------------------------------------------------------------


def use_deterministic_algorithms(mode: bool) -> None:
    """Whether gradients of indexing with repeats add up in a fixed order: slower, and the same bits in every run.

    Without CuPy there is nothing to set: everything else is deterministic.
    """
    with contextlib.suppress(ImportError):
        load("cupy").use_deterministic_algorithms(mode)


def check_indices(mode: bool) -> None:
    """Whether reading and writing at index arrays, `take` and `take_along_axis` raise IndexError for indices out of range.

    CuPy wraps them around. To look at them takes two reductions and waits for the GPU each time, so this is for
    finding a mistake. Without CuPy there is nothing to set: other libraries raise by themselves.
    """
    with contextlib.suppress(ImportError):
        load("cupy").checks_indices = bool(mode)
