"""Memory on the device: how much there is, how much was in use at once; host memory that is pinned."""

from __future__ import annotations

from typing import Any

import cupy as cp
import cupyx
import numpy as np

from ._devices import device_guard, devices
from ._extra import zero_dimensional


def memory_stats(where: int | None = None) -> dict[str, int]:
    """Bytes on a device: in arrays, held by CuPy's memory pool, free on the device, and of the device in all."""
    with device_guard(where):
        pool = cp.get_default_memory_pool()
        free, total = cp.cuda.runtime.memGetInfo()
        return {"allocated": pool.used_bytes(), "reserved": pool.total_bytes(), "free": free, "total": total}


def empty_cache() -> None:
    """Give the blocks that no array uses, of every device's pool, back to the driver."""
    for index in devices():
        with device_guard(index):
            cp.get_default_memory_pool().free_all_blocks()
    _release_copied()
    cp.get_default_pinned_memory_pool().free_all_blocks()


# ---------------------------------------------------------------------------
# the most that was in use at once
# ---------------------------------------------------------------------------


class _Peak(cp.cuda.MemoryHook):
    """Notes the most bytes that arrays had at once on each device. CuPy's pool does not.

    CuPy calls it at each allocation of a thread in which it was entered. It asks the pool, so what other threads hold is
    in the number. The device is the current one: CuPy's `device_id` is that on which it made its pools.
    """

    name = "anygrad: the most memory in use"

    def __init__(self) -> None:
        self.of_device: dict[int, int] = {}

    def malloc_postprocess(self, **_: Any) -> None:
        used, device = cp.get_default_memory_pool().used_bytes(), cp.cuda.runtime.getDevice()
        if used > self.of_device.get(device, 0):
            self.of_device[device] = used


_peak = _Peak()


def peak(where: int, reset: bool = False) -> int:
    """The most bytes that were in arrays at once since the last reset, as far as it was watched.

    The first call in a thread has CuPy call `_Peak` at each allocation and release of that thread. Before, nothing is called.
    """
    if _Peak.name not in cp.cuda.memory_hook.get_memory_hooks():
        _peak.__enter__()  # to the end of the thread
    with device_guard(where):
        used = cp.get_default_memory_pool().used_bytes()
    _peak.of_device[where] = used if reset else max(used, _peak.of_device.get(where, 0))
    return _peak.of_device[where]


# ---------------------------------------------------------------------------
# pinned memory: host memory that cannot be moved, so that a device copies from it and to it by itself
# ---------------------------------------------------------------------------

_copied: list[tuple[Any, np.ndarray]] = []  # host memory that a device may still be writing to, until the event


def _release_copied() -> None:
    _copied[:] = [(event, array) for event, array in _copied if not event.done]


def pinned(array: np.ndarray) -> np.ndarray:
    """A copy in pinned memory, with the same order of axes."""
    out = cupyx.empty_like_pinned(array)
    out[...] = array
    return out


def is_pinned(array: np.ndarray) -> bool:
    """Whether the memory is pinned, by CuPy or others."""
    return bool(array.size) and bool(cp.cuda.pinned_memory.is_memory_pinned(array.ctypes.data))


def to_host(array: cp.ndarray, out: np.ndarray | None = None, non_blocking: bool = False) -> np.ndarray:
    """A copy in host memory. It waits for the device, unless told not to: then it is in pinned memory, `out` or new, and
    not to be looked at before the current stream has come so far.
    """
    with device_guard(array):  # CuPy would copy in the stream of the current device
        if not non_blocking:
            return cp.asnumpy(array, out=out)
        _release_copied()
        out = cupyx.empty_pinned(array.shape, array.dtype) if out is None else out
        array.get(out=out, blocking=False)
        _copied.append((cp.cuda.get_current_stream().record(), out))
    return out


def from_host(array: np.ndarray, where: int, non_blocking: bool = False) -> cp.ndarray:
    """A copy on a device; `array` may be written to at once.

    CuPy stages ordinary memory and does not wait. From pinned memory the device copies by itself: this waits, unless told
    not to (then `array` has to be left alone until the current stream has come so far; CuPy keeps it alive).
    """
    with device_guard(where):
        if not array.ndim:
            return zero_dimensional(array.item(), array.dtype)
        return cp.array(array, blocking=not non_blocking and is_pinned(array))
