"""What there is of CUDA, in PyTorch's spelling. CuPy is imported when a function here is called.

`device` arguments are None (the current device), a number, a name such as "cuda:1", or a
device. Apart from `is_available`, `device_count`, `use_deterministic_algorithms` and
`check_indices`, the functions raise `DeviceError` where there is no CUDA; its message says what is missing.
"""

from __future__ import annotations

import contextlib
from typing import Any

from ._backends import device as _device
from ._backends import load
from ._errors import DeviceError


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


def synchronize(device: Any = None) -> None:
    """Wait until a device has done everything asked of it."""
    place = _place(device)
    place.backend.synchronize(place.raw)


def memory_allocated(device: Any = None) -> int:
    """Bytes in use by arrays, of CuPy's memory pool."""
    place = _place(device)
    return place.backend.memory_stats(place.raw)["allocated"]


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Bytes free on a device, and its bytes in all, as the driver sees it."""
    place = _place(device)
    stats = place.backend.memory_stats(place.raw)
    return stats["free"], stats["total"]


def empty_cache() -> None:
    """Give memory that no array uses back to the driver, on every device."""
    _place(None).backend.empty_cache()


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


def _place(device: Any) -> _device:
    place = _device("cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device)
    if place.type != "cuda":
        raise DeviceError(f"{str(place)!r} is not a CUDA device; pass a number, 'cuda' or 'cuda:N'")
    return place
