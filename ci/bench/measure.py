"""Times in rounds, and the peak of memory."""

from __future__ import annotations

import ctypes
import gc
import re
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class Times:
    """Seconds of several steps, round by round; None where a step had no turn."""

    def __init__(self, names: list[str]) -> None:
        self.rounds: dict[str, list[float | None]] = {name: [] for name in names}

    def __contains__(self, name: str) -> bool:
        return name in self.rounds

    def median(self, name: str) -> float:
        return statistics.median(t for t in self.rounds[name] if t is not None)

    def ratio(self, name: str, other: str) -> float:
        """The median over the rounds of one step's time to another's: what slows both down at a time is not in it."""
        pairs = zip(self.rounds[name], self.rounds[other], strict=True)
        return statistics.median(a / b for a, b in pairs if a is not None and b is not None)


def take_turns(steps: Mapping[str, Callable[[], Any]], rounds: int = 31, seconds: float = 15.0) -> Times:
    """Time the steps in turn, round by round; who begins changes from round to round.

    There are fewer rounds, but at least five, where they would take longer than `seconds`. A step that takes ten times
    as long as the fastest has a turn in every fifth round only.
    """
    names = list(steps)
    times = Times(names)
    last = dict.fromkeys(names, 0.0)
    for step in steps.values():
        step()
    gc.collect()
    gc.freeze()  # what the libraries hold is not looked at again
    end = time.perf_counter() + seconds
    for i in range(rounds):
        if i >= 5 and time.perf_counter() > end:
            break
        for name in names[i % len(names) :] + names[: i % len(names)]:
            if i % 5 and last[name] > 10 * min(last.values()):
                times.rounds[name].append(None)
                continue
            gc.collect()  # what others have left behind is not this step's
            start = time.perf_counter()
            steps[name]()
            last[name] = time.perf_counter() - start
            times.rounds[name].append(last[name])
    gc.unfreeze()
    return times


def best(function: Callable[[], Any], rounds: int, n: int = 1) -> float:
    """Seconds of one call, of n in a row, in the quickest of some rounds."""
    least = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(n):
            function()
        least = min(least, time.perf_counter() - start)
    return least / n


def peak(step: Callable[[], Any]) -> int:
    """Bytes that a step needs at most beside what is there before, as Linux counts them; what allocators keep is given back first."""
    step()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = _status("VmRSS")
    step()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    (found,) = re.findall(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found) * 1024
