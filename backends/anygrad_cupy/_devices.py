"""CUDA devices: which there are, which one is current, and the way from one to another.

A device is its number. CuPy computes on the thread's current device wherever the arrays
are, so what allocates memory for an array of another device stands under `device_guard`.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import cupy as cp

_INSUFFICIENT_DRIVER = 35  # cudaErrorInsufficientDriver: also what the runtime says where there is no driver
_NO_GUARD = contextlib.nullcontext()


def unavailable() -> str | None:
    """Which part of CUDA is missing, the driver or the device, and what mends it; None if nothing is."""
    runtime = cp.cuda.runtime
    said = "there is none"
    try:
        if runtime.getDeviceCount() > 0:
            return None
    except runtime.CUDARuntimeError as error:
        said = str(error)
        driver = runtime.driverGetVersion()
        if not driver:
            return (
                f"CuPy {cp.__version__} is installed, but the NVIDIA driver is missing. Install it from https://www.nvidia.com/drivers "
                "(on Ubuntu: `sudo ubuntu-drivers install`); start a container with `docker run --gpus all`. "
                'CuPy itself comes with `pip install "anygrad[cuda13]"`.'
            )
        if error.status == _INSUFFICIENT_DRIVER:
            return (
                f"the NVIDIA driver is too old: it is of CUDA {driver // 1000}, and CuPy {cp.__version__} is built for CUDA {runtime.runtimeGetVersion() // 1000}. "
                'Update the driver, or for a driver of CUDA 12: `pip uninstall cupy-cuda13x`, then `pip install "anygrad[cuda12]"`.'
            )
    return (
        f"CuPy {cp.__version__} and the NVIDIA driver are installed, but no CUDA device can be used ({said}). `nvidia-smi` lists what the driver sees; "
        'check CUDA_VISIBLE_DEVICES, and whether the CuPy installed is of the driver\'s CUDA: `pip install "anygrad[cuda13]"` or "anygrad[cuda12]".'
    )


def devices() -> list[int]:
    """The numbers of the devices that are there; none without CUDA."""
    return [] if unavailable() else list(range(_count()))


@functools.cache
def _count() -> int:
    return cp.cuda.runtime.getDeviceCount()


def parse_device(text: str) -> int:
    """The device that "cuda:TEXT" names; without a number the current one.

    Raises
    ------
    RuntimeError
        If there is no CUDA; the message says which part is missing.
    ValueError
        If there is no such device.
    """
    reason = unavailable()
    if reason:
        raise RuntimeError(reason)
    if not text:
        return cp.cuda.runtime.getDevice()
    if not text.isdecimal() or int(text) >= _count():
        raise ValueError(f"there is no device 'cuda:{text}'; there {'is' if _count() == 1 else 'are'} {', '.join(f'cuda:{i}' for i in devices())}")
    return int(text)


def device_name(where: int) -> str:
    return str(where)


def device_of(array: cp.ndarray) -> int:
    """The number of the device that the array's memory is on."""
    return array.data.device_id


def device_guard(where: Any) -> contextlib.AbstractContextManager[object]:
    """A context in which the device of an array (or a device, or None for the current one) is current."""
    if where is None or _count() == 1:
        return _NO_GUARD
    index = where if isinstance(where, int) else where.data.device_id
    return _NO_GUARD if index == cp.cuda.runtime.getDevice() else cp.cuda.Device(index)


def to_device(array: cp.ndarray, where: int) -> cp.ndarray:
    """The array on another device; itself if it is there already."""
    source = array.data.device_id
    if source == where:
        return array
    # CuPy's streams of two devices do not wait for each other: the copy has to wait for what computes
    # the array, and what next uses the memory of `here` (it is freed on return) for the copy.
    with cp.cuda.Device(source):
        here = cp.ascontiguousarray(array)
        giving = cp.cuda.get_current_stream()
        computed = giving.record()
    with cp.cuda.Device(where):
        taking = cp.cuda.get_current_stream()
        taking.wait_event(computed)
        there = here.copy()
        copied = taking.record()
    with cp.cuda.Device(source):
        giving.wait_event(copied)
    return there


def synchronize(where: int | None = None) -> None:
    """Wait until a device (None: the current one) has done everything asked of it."""
    cp.cuda.Device(where).synchronize()


def set_device(where: int) -> None:
    """Make a device the current one of this thread."""
    cp.cuda.Device(where).use()


def properties(where: int) -> dict[str, Any]:
    """What the runtime says of a device: name, major and minor (its compute capability), totalGlobalMem, multiProcessorCount, ..."""
    found = cp.cuda.runtime.getDeviceProperties(where)
    return {**found, "name": found["name"].decode()}
