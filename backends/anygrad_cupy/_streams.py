"""Streams and events: CuPy's own, under names of one's choice. What is current in CuPy is current here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import cupy as cp

from ._devices import device_guard

_OLD = cp.__version__.startswith("13.")

Stream = Any  # cupy.cuda.Stream or ExternalStream
Event = cp.cuda.Event


def new_stream(where: int, priority: int = 0) -> Stream:
    """A stream that does not wait for the default stream, as PyTorch's."""
    if priority and _OLD:
        raise NotImplementedError(f"CuPy {cp.__version__} makes no streams with a priority. Update it, or leave `priority` out.")
    options = {"priority": priority} if priority else {}
    with device_guard(where):
        return cp.cuda.Stream(non_blocking=True, **options)


def stream_from(obj: Any, where: int) -> Stream:
    """CuPy's stream over that of another library (which says where it is by `__cuda_stream__`) or at an address."""
    if isinstance(obj, (cp.cuda.Stream, cp.cuda.ExternalStream)):
        return obj
    if not isinstance(obj, int) and not hasattr(obj, "__cuda_stream__"):
        raise TypeError(f"a stream is an address or has __cuda_stream__, and {type(obj).__name__} is neither")
    if _OLD:
        stream = cp.cuda.ExternalStream(obj if isinstance(obj, int) else obj.__cuda_stream__()[1], where)
        stream.owner = obj  # keeps it alive
        return stream
    from_external = getattr(cp.cuda.Stream, "from_external")  # noqa: B009  (CuPy 13 has none)
    return from_external(_At(obj) if isinstance(obj, int) else obj)


class _At:
    """An address, in the protocol of streams."""

    def __init__(self, address: int) -> None:
        self._address = address

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self._address


def current_stream(where: int) -> Stream:
    return cp.cuda.get_current_stream(where)


def default_stream() -> Stream:
    """The stream in which everything runs where no other is current."""
    of_each_thread = int(os.environ.get("CUPY_CUDA_PER_THREAD_DEFAULT_STREAM", "0")) != 0  # where CuPy looks, too
    return cp.cuda.Stream.ptds if of_each_thread else cp.cuda.Stream.null


def use_stream(stream: Stream, where: int) -> None:
    """Make a stream the current one of its device, until told otherwise."""
    with device_guard(where):
        stream.use()


@contextlib.contextmanager
def in_stream(stream: Stream, where: int) -> Iterator[None]:
    """A context in which a stream and its device are current."""
    with cp.cuda.Device(where), stream:
        yield


def elapsed_time(start: Any, end: Any) -> float:
    """Milliseconds between two events."""
    return cp.cuda.get_elapsed_time(start, end)
