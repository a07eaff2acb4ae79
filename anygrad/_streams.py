"""CUDA streams and events in PyTorch's spelling, over CuPy's.

Everything runs in the current stream of CuPy, forward and backward alike, whether it was made current here or with
`with cupy.cuda.Stream():`. `anygrad.cuda` has what is here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ._backends import device as _device
from ._backends import load
from ._errors import DeviceError


def place(device: Any) -> _device:
    """A `device=` argument of CUDA functions: None (the current device), a number, a name or a device."""
    where = _device("cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device)
    if where.type != "cuda":
        raise DeviceError(f"{str(where)!r} is not a CUDA device; pass a number, 'cuda' or 'cuda:N'")
    return where


class Stream:
    """A queue of work on a CUDA device: what is in one stream runs in order, and beside what is in others.

    Work that needs what another stream computes has to wait for it, with `wait_stream` or `wait_event`: nobody else
    sees to that.

    Parameters
    ----------
    device : optional
        Default: the current one.
    priority : int
        Lower numbers go first. Default: 0.

    Attributes
    ----------
    device : device
    cuda_stream : int
        The address of the CUDA stream.

    Raises
    ------
    DeviceError
        If there is no CUDA.
    """

    __slots__ = ("_stream", "device")

    def __init__(self, device: Any = None, priority: int = 0) -> None:
        self.device = place(device)
        self._stream = self.device.backend.new_stream(self.device.raw, priority)

    @classmethod
    def from_external(cls, stream: Any, device: Any = None) -> Stream:
        """A stream that CuPy, PyTorch or another library made, kept alive: any object with `__cuda_stream__`, or an address.

        `device` says where it is; default: where CuPy's own say, else the current one.
        """
        if isinstance(stream, Stream):
            return stream
        known = getattr(stream, "device_id", -1)
        where = place(known if device is None and known >= 0 else device)
        return cls._of(where.backend.stream_from(stream, where.raw), where)

    @classmethod
    def _of(cls, stream: Any, where: _device) -> Stream:
        self = object.__new__(cls)
        self._stream, self.device = stream, where
        return self

    @property
    def cuda_stream(self) -> int:
        return self._stream.ptr

    def __cuda_stream__(self) -> tuple[int, int]:
        """The protocol by which other libraries take it: `cupy.cuda.Stream.from_external(stream)`."""
        return 0, self.cuda_stream

    def wait_stream(self, stream: Stream) -> None:
        """Have what comes next in this stream wait for what is now in another."""
        self.wait_event(Stream.from_external(stream).record_event())

    def wait_event(self, event: Event) -> None:
        """Have what comes next in this stream wait for an event."""
        event.wait(self)

    def record_event(self, event: Event | None = None) -> Event:
        """Mark in an event (default: a new one) what is now in this stream."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def query(self) -> bool:
        """Whether everything in this stream is done."""
        return self._stream.done

    def synchronize(self) -> None:
        """Wait until everything in this stream is done."""
        self._stream.synchronize()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and (self.cuda_stream, self.device) == (other.cuda_stream, other.device)

    def __hash__(self) -> int:
        return hash((self.cuda_stream, self.device))

    def __repr__(self) -> str:
        return f"<anygrad.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


class Event:
    """A mark in a stream, to wait for or to take the time with. It is made when it is first recorded.

    Parameters
    ----------
    enable_timing : bool
        Whether `elapsed_time` can be asked.
    blocking : bool
        Whether `synchronize` lets the processor sleep.
    interprocess : bool
        Whether other processes may use it.
    """

    __slots__ = ("_event", "_flags")

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        if enable_timing and interprocess:
            raise ValueError("Event: an event for several processes has no time; pass enable_timing or interprocess, not both")
        self._flags = {"block": blocking, "disable_timing": not enable_timing, "interprocess": interprocess}
        self._event: Any = None

    def record(self, stream: Stream | None = None) -> None:
        """Mark what is now in a stream (default: the current one)."""
        stream = current_stream() if stream is None else Stream.from_external(stream)
        backend = stream.device.backend
        with backend.device_guard(stream.device.raw):
            if self._event is None:
                self._event = backend.Event(**self._flags)
            self._event.record(stream._stream)

    def wait(self, stream: Stream | None = None) -> None:
        """Have what comes next in a stream (default: the current one) wait for this; not at all before it was recorded."""
        if self._event is not None:
            stream = current_stream() if stream is None else Stream.from_external(stream)
            with stream.device.backend.device_guard(stream.device.raw):
                stream._stream.wait_event(self._event)

    def query(self) -> bool:
        """Whether what it marks is done; also before it was recorded."""
        return self._event is None or self._event.done

    def synchronize(self) -> None:
        """Wait until what it marks is done."""
        if self._event is not None:
            self._event.synchronize()

    def elapsed_time(self, end: Event) -> float:
        """Milliseconds from this event to another. Both have to be done: `end.synchronize()`.

        Raises
        ------
        RuntimeError
            If one of them was not recorded, or takes no time.
        """
        for event, name in ((self, "the first"), (end, "the second")):
            if event._flags["disable_timing"]:
                raise RuntimeError(f"elapsed_time: {name} event takes no time. Make both with `Event(enable_timing=True)`.")
            if event._event is None:
                raise RuntimeError(f"elapsed_time: {name} event was not recorded. Call `.record()` on it.")
        return load("cupy").elapsed_time(self._event, end._event)


def current_stream(device: Any = None) -> Stream:
    """The stream in which work on a device goes in this thread: CuPy's current one."""
    where = place(device)
    return Stream._of(where.backend.current_stream(where.raw), where)


def default_stream(device: Any = None) -> Stream:
    """The stream in which work on a device goes where no other was chosen."""
    where = place(device)
    return Stream._of(where.backend.default_stream(), where)


def set_stream(stream: Any) -> None:
    """Make a stream current in this thread. `with stream(...)` goes back at its end."""
    chosen = Stream.from_external(stream)
    chosen.device.backend.use_stream(chosen._stream, chosen.device.raw)


@contextlib.contextmanager
def stream(stream: Any) -> Iterator[None]:
    """A context in which a stream, of anygrad or of others, and its device are current. None changes nothing.

    Examples
    --------
    >>> side = anygrad.cuda.Stream()
    >>> side.wait_stream(anygrad.cuda.current_stream())
    >>> with anygrad.cuda.stream(side):
    ...     loss = model(x)
    ...     loss.backward()
    >>> anygrad.cuda.current_stream().wait_stream(side)
    """
    if stream is None:
        yield
        return
    chosen = Stream.from_external(stream)
    with chosen.device.backend.in_stream(chosen._stream, chosen.device.raw):
        yield
