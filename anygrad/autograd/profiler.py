"""Where the time goes: `with profile() as prof: ...` measures each function, forward and backward.

While it runs, operations take the general path and backward stops at every node, so that the
times are a little longer than they are without; what they are good for is to be compared.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple, Self

from .. import _modes
from .._backends import is_array, namespace
from .._tensor import Tensor
from .._tree import as_tuple

__all__ = ["Event", "Row", "profile", "record_function"]


class Event(NamedTuple):
    """One call: of a function ("forward"), of its derivative ("backward"), or of a block ("user")."""

    name: str
    kind: str
    start: int  # nanoseconds after the profile began
    duration: int  # nanoseconds
    own: int  # nanoseconds, without the calls inside of it
    allocated: int  # bytes
    thread: int


class Row(NamedTuple):
    """All calls of one function; times in nanoseconds, without those of calls inside."""

    name: str
    calls: int
    forward: int
    backward: int
    allocated: int  # bytes

    @property
    def total(self) -> int:
        return self.forward + self.backward


class profile:
    """Measure the functions called inside, in all threads.

    Parameters
    ----------
    synchronize : bool
        Wait for the device after every call. Without it the times on a GPU are those that the
        host takes to start the work.

    Attributes
    ----------
    events : list of Event
        In the order in which the calls ended.

    Examples
    --------
    >>> with anygrad.autograd.profiler.profile() as prof:
    ...     loss(w).backward()
    >>> print(prof.table())
    >>> prof.export_chrome_trace("trace.json")  # for https://ui.perfetto.dev
    """

    def __init__(self, *, synchronize: bool = False) -> None:
        self.synchronize = synchronize
        self.events: list[Event] = []
        self._began = 0
        self._inside = threading.local()

    def __enter__(self) -> Self:
        if _modes.profiler is not None:
            raise RuntimeError("a profile is running already, and there is one at a time. Leave the outer one, or name blocks with record_function(...).")
        self.events.clear()
        self._began = time.perf_counter_ns()
        _modes.profiler = self
        _modes.count_unusual(1)
        return self

    def __exit__(self, *exc: object) -> None:
        _modes.profiler = None
        _modes.count_unusual(-1)

    def measure(self, name: str, kind: str, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function and note how long it took and how large what it returned is."""
        result = None
        with self.span(name, kind) as sizes:
            result = function(*args)
            if self.synchronize:
                _wait_for(result)
            sizes.extend(map(_allocated, _arrays(result)))
        return result

    @contextmanager
    def span(self, name: str, kind: str) -> Iterator[list[int]]:
        """Measure a block; the bytes that it allocates are to be put into the list."""
        sizes: list[int] = []
        inside = self._inside
        outer, inside.time = getattr(inside, "time", 0), 0  # the time of calls within the surrounding block, and within this one
        start = time.perf_counter_ns()
        try:
            yield sizes
        finally:
            duration = time.perf_counter_ns() - start
            own, inside.time = duration - inside.time, outer + duration
            self.events.append(Event(name, kind, start - self._began, duration, own, sum(sizes), threading.get_ident()))

    def rows(self, sort_by: str = "total") -> list[Row]:
        """One row for each function, those with most first.

        Parameters
        ----------
        sort_by : {"total", "forward", "backward", "calls", "allocated", "name"}
        """
        if sort_by not in (*Row._fields, "total"):
            raise ValueError(f"sort_by must be one of {', '.join(map(repr, ('total', *Row._fields)))}, not {sort_by!r}")
        found: dict[str, list[int]] = {}
        for event in self.events:
            row = found.setdefault(event.name, [0, 0, 0, 0])
            row[0] += event.kind != "backward"
            row[2 if event.kind == "backward" else 1] += event.own
            row[3] += event.allocated
        rows = [Row(name, *numbers) for name, numbers in found.items()]
        return sorted(rows, key=lambda row: getattr(row, sort_by), reverse=sort_by != "name")

    def table(self, sort_by: str = "total", row_limit: int = 50) -> str:
        """`rows` as text."""
        rows = self.rows(sort_by)
        lines = [f"{'function':<24} {'calls':>8} {'forward ms':>12} {'backward ms':>12} {'allocated':>12}"]
        for row in [*rows[:row_limit], Row("all", *(sum(column) for column in list(zip(*rows, strict=True))[1:]))] if rows else []:
            lines.append(f"{row.name:<24} {row.calls:>8} {row.forward / 1e6:>12.3f} {row.backward / 1e6:>12.3f} {_size(row.allocated):>12}")
        return "\n".join(lines)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a trace file, which https://ui.perfetto.dev and chrome://tracing open."""
        import json

        events = [
            {
                "name": e.name,
                "cat": e.kind,
                "ph": "X",
                "ts": e.start / 1000,
                "dur": e.duration / 1000,
                "pid": 1,
                "tid": e.thread,
                "args": {"bytes": e.allocated},
            }
            for e in self.events
        ]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events, "displayTimeUnit": "ns"}, file)

    def __str__(self) -> str:
        return self.table()


@contextmanager
def record_function(name: str) -> Iterator[None]:
    """Name a block (as a decorator: a function), so that a profile shows it; its row has the time outside of anygrad's functions."""
    with nullcontext() if _modes.profiler is None else _modes.profiler.span(name, "user"):
        yield


def _arrays(result: Any) -> Iterable[Any]:
    return (value for value in as_tuple(result) if value is not None)


def _allocated(value: Any) -> int:
    """The bytes of a new array; a view has none, and neither has what a library does not tell us that it owns."""
    array = value._data if isinstance(value, Tensor) else value
    return array.nbytes if is_array(array) and namespace(array).owns_memory(array) else 0


def _wait_for(result: Any) -> None:
    for value in _arrays(result):
        array = value._data if isinstance(value, Tensor) else value
        if is_array(array):
            xp = namespace(array)
            xp.synchronize(xp.device_of(array))


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
