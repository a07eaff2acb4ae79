"""The devices of the stand-in for CuPy: streams, events, memory on the device and pinned memory, with CuPy's rules.

What runs in different streams is in no order, unless one waited for the other: each stream knows up to where it has seen the
others. What is computed from memory that its stream has not seen written goes into `races`, and so does memory that is
given out again before its stream has seen the last read. Copies to pinned memory arrive when they are waited for. The
memory pool counts, has a limit, and can be told to fail at some allocation.
"""

from __future__ import annotations

import gc
import itertools
import types
import weakref
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

current = [0]  # the current device
waits: list[str] = []  # what would have waited for the GPU; for tests to clear and read
races: list[str] = []
streams_used: list[tuple[int, int]] = []  # (device, stream) of each computation; for tests to clear and read

Queue = tuple[int, int]  # a device, and the address of a stream on it
_seen: defaultdict[Queue, dict[Queue, int]] = defaultdict(dict)  # up to where each stream has seen the others
_host: dict[Queue, int] = {}  # up to where the host has waited
_pending: defaultdict[Queue, list[Callable[[], None]]] = defaultdict(list)  # copies to the host that have not arrived
_current_streams: dict[int, list[Any]] = {}
_blocking: set[Queue] = set()  # streams that wait for the default stream, and it for them
_addresses = itertools.count(0x1000, 0x10)


def reset() -> None:
    """As at the start of a process."""
    for state in (waits, races, streams_used, _seen, _host, _pending, _current_streams, _blocking, _blocks, _freed, _hooks):
        state.clear()  # type: ignore[attr-defined]
    current[0] = 0
    pool.__init__()  # type: ignore[misc]


def _merge(into: dict[Queue, int], other: dict[Queue, int]) -> None:
    for queue, time in other.items():
        into[queue] = max(into.get(queue, 0), time)


def _wait(queue: Queue) -> None:
    """The host waits for a stream."""
    for arrive in _pending.pop(queue, []):
        arrive()
    _merge(_host, _seen[queue])


def synchronize() -> None:
    """The host waits for the current device."""
    waits.append("synchronize")
    for queue in [q for q in {*_seen, *_pending} if q[0] == current[0]]:
        _wait(queue)


# ---------------------------------------------------------------------------
# streams and events
# ---------------------------------------------------------------------------


class CUDARuntimeError(RuntimeError):
    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class Stream:
    null: ClassVar[Stream]
    ptds: ClassVar[Stream]

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: int | None = None) -> None:
        default = null or ptds
        self.ptr, self.device_id, self.priority = (0 if null else 2, -1, 0) if default else (next(_addresses), current[0], priority or 0)
        if not (default or non_blocking):
            _blocking.add(self.queue)

    @classmethod
    def from_external(cls, obj: Any) -> Stream:
        stream = cls.__new__(cls)
        stream.ptr, stream.device_id, stream._foreign_stream_ref = obj.__cuda_stream__()[1], -1, obj  # type: ignore[attr-defined]
        return stream

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.ptr

    @property
    def queue(self) -> Queue:
        return (current[0] if self.device_id < 0 else self.device_id), self.ptr

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self.ptr == other.ptr

    def __hash__(self) -> int:
        return self.ptr

    def _check(self) -> None:
        if self.queue[0] != current[0]:
            raise RuntimeError(f"The device that the stream is created on ({self.queue[0]}) does not match with the current device ({current[0]})")

    def __enter__(self) -> Stream:
        self._check()
        _current_streams.setdefault(current[0], [Stream.null]).append(self)
        self._entered = [*getattr(self, "_entered", ()), current[0]]
        return self

    def __exit__(self, *exc: object) -> None:
        _current_streams[self._entered.pop()].pop()

    def use(self) -> Stream:
        self._check()
        _current_streams.setdefault(current[0], [Stream.null])[-1] = self
        return self

    @property
    def done(self) -> bool:
        return not _pending[self.queue]

    def synchronize(self) -> None:
        waits.append("stream.synchronize")
        _wait(self.queue)

    def record(self, event: Event | None = None) -> Event:
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        _merge(_seen[self.queue], event.seen)


Stream.null, Stream.ptds = Stream(null=True), Stream(ptds=True)


class Event:
    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.device, self.timing = current[0], not disable_timing
        self.seen: dict[Queue, int] = {}
        self._before: tuple[Queue, list[Callable[[], None]]] | None = None

    def record(self, stream: Stream | None = None) -> None:
        queue = (get_current_stream() if stream is None else stream).queue
        if queue[0] != self.device:
            raise CUDARuntimeError(400)  # cudaErrorInvalidResourceHandle
        self.seen, self._before = dict(_seen[queue]), (queue, list(_pending[queue]))

    @property
    def done(self) -> bool:
        return self._before is None or not any(copy in _pending[self._before[0]] for copy in self._before[1])

    def synchronize(self) -> None:
        waits.append("event.synchronize")
        if self._before is not None:
            _wait(self._before[0])


def get_current_stream(device_id: int = -1) -> Stream:
    return _current_streams.get(current[0] if device_id < 0 else device_id, [Stream.null])[-1]


def get_elapsed_time(start: Event, end: Event) -> float:
    if not (start.timing and end.timing):
        raise CUDARuntimeError(400)
    return 1.0


def later(copy: Callable[[], None]) -> None:
    """Something that the host sees when it has waited for the current stream."""
    _pending[get_current_stream().queue].append(copy)


# ---------------------------------------------------------------------------
# computing: what a stream reads and writes
# ---------------------------------------------------------------------------


class _Block:
    """The memory of one array: of which stream it is, and who wrote and read it last."""

    def __init__(self, owner: Any) -> None:
        self.device, self.nbytes = current[0], -(-owner.nbytes // 512) * 512
        pool.take(self.nbytes)
        self.arena = get_current_stream().queue
        self.written: tuple[Queue, int] | None = None
        self.reads: dict[Queue, int] = {}
        key = id(owner)
        self.owner = weakref.ref(owner, lambda _: _blocks.pop(key).release())

    def release(self) -> None:
        pool.give_back(self.device, self.nbytes)
        _merge(_freed[self.arena], self.reads)


_blocks: dict[int, _Block] = {}
_freed: defaultdict[Queue, dict[Queue, int]] = defaultdict(dict)  # the last reads of memory that can be given out again


def launch(sources: Any, out: Any = None) -> None:
    """In the current stream `sources` are read and `out` is written (arrays that own their memory)."""
    queue = get_current_stream().queue
    seen = _seen[queue]
    _merge(seen, _host)
    if queue[1] == 0:
        for other in [q for q in _blocking if q[0] == queue[0]]:
            _merge(seen, _seen[other])
    elif queue in _blocking:
        _merge(seen, _seen[queue[0], 0])
    streams_used.append(queue)
    now = seen[queue] = seen.get(queue, 0) + 1
    if out is not None and id(out) not in _blocks:
        _blocks[id(out)] = _Block(out)
        if any(seen.get(q, 0) < time for q, time in _freed.pop(queue, {}).items()):
            races.append(f"stream {queue} takes memory that another still reads")
    for block in [_blocks[id(source)] for source in sources if id(source) in _blocks]:
        if block.written is not None and seen.get(block.written[0], 0) < block.written[1]:
            races.append(f"stream {queue} reads what {block.written[0]} has perhaps not written yet")
        block.reads[queue] = now
    if out is not None:
        _blocks[id(out)].written = (queue, now)


# ---------------------------------------------------------------------------
# memory
# ---------------------------------------------------------------------------


class OutOfMemoryError(MemoryError):
    def __init__(self, size: int, total: int, limit: int = 0) -> None:
        super().__init__(f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes, limit set to: {limit:,} bytes).")


OutOfMemoryError.__module__ = "cupy.cuda.memory"

_hooks: OrderedDict[str, Any] = OrderedDict()


class MemoryHook:
    name = "MemoryHook"

    def __enter__(self) -> MemoryHook:
        if self.name in _hooks:
            raise KeyError(f"memory hook {self.name} already exists")
        _hooks[self.name] = self
        return self

    def __exit__(self, *exc: object) -> None:
        del _hooks[self.name]

    def malloc_postprocess(self, **kwargs: Any) -> None:
        pass


class MemoryPool:
    def __init__(self) -> None:
        self._used: defaultdict[int, int] = defaultdict(int)
        self._total: defaultdict[int, int] = defaultdict(int)
        self._limit = 0
        self.allocations = 0
        self.fail_at = 0  # the number of the allocation that fails

    def take(self, nbytes: int) -> None:
        where = current[0]
        if not nbytes:
            return
        self.allocations += 1
        if self._limit and self._used[where] + nbytes > self._limit:
            gc.collect()
        if self.allocations == self.fail_at or self._limit and self._used[where] + nbytes > self._limit:
            raise OutOfMemoryError(nbytes, self._total[where], self._limit)
        self._used[where] += nbytes
        self._total[where] = max(self._total[where], self._used[where])
        for hook in list(_hooks.values()):
            hook.malloc_postprocess(device_id=where, size=nbytes, mem_size=nbytes, mem_ptr=1, pmem_id=1)

    def give_back(self, device: int, nbytes: int) -> None:
        self._used[device] -= nbytes

    def used_bytes(self) -> int:
        return self._used[current[0]]

    def total_bytes(self) -> int:
        return self._total[current[0]]

    def free_all_blocks(self) -> None:
        self._total[current[0]] = self._used[current[0]]

    def set_limit(self, size: int) -> None:
        self._limit = size


pool = MemoryPool()
pinned_pool = types.SimpleNamespace(free_all_blocks=lambda: None)
_pinned: dict[int, weakref.ref[np.ndarray]] = {}


def empty_like_pinned(array: np.ndarray) -> np.ndarray:
    out = np.empty_like(array, subok=False)
    out[...] = 77  # what it was before
    key = id(out)
    _pinned[key] = weakref.ref(out, lambda _: _pinned.pop(key))
    return out


def empty_pinned(shape: Any, dtype: Any = float) -> np.ndarray:
    return empty_like_pinned(np.empty(shape, dtype))


def is_memory_pinned(address: int) -> bool:
    arrays = [a for ref in list(_pinned.values()) if (a := ref()) is not None]
    return any(a.ctypes.data <= address < a.ctypes.data + max(a.nbytes, 1) for a in arrays)
