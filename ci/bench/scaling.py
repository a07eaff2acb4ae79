"""How time and memory grow with the graph."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable
from typing import Any

import measure
import numpy as np

import anygrad as ag
from anygrad.utils.checkpoint import checkpoint_sequential

NODES = (100, 1_000, 10_000, 100_000, 1_000_000)


def cost_of_a_node(libraries: list[Any]) -> dict[str, list[float | None]]:
    """Nanoseconds for each node of a chain of `x * w + b` on shape (10,), forward and backward, for each length in NODES.

    None where the library gives up, and where it would take more than ten seconds.
    """
    costs: dict[str, list[float | None]] = {library.name: [] for library in libraries}
    arrays = [np.full(10, v, np.float32) for v in (1.0, 0.999, 0.01)]
    for nodes in NODES:

        def chain(x: Any, w: Any, b: Any, pairs: int = nodes // 2) -> Any:
            for _ in range(pairs):
                x = x * w + b
            return x

        steps = {}
        for library in libraries:
            before = costs[library.name]
            if not before or before[-1] and before[-1] * nodes < 10e9:
                step = library.gradients(chain, arrays, np.ones(10, np.float32))
                with contextlib.suppress(RecursionError):
                    step()
                    steps[library.name] = step
        times = measure.take_turns(steps, rounds=21, seconds=8)
        for name, column in costs.items():
            column.append(times.median(name) / nodes * 1e9 if name in times else None)
    return costs


def peaks_of_chains() -> dict[str, tuple[float, float]]:
    """The most memory at once in forward and in backward, beside the leaves and counted in arrays of a million float64.

    The gradient given to backward is one of these.
    """
    x, w, b = (ag.full((1_000_000,), v, dtype=ag.float64, requires_grad=True) for v in (1.0, 0.5, 0.5))
    programs: dict[str, Callable[[ag.Tensor], ag.Tensor]] = {
        "`x * w + b`": lambda h: h * w + b,
        "`tanh(x)`": ag.tanh,
        "`exp(sin(x))`": lambda h: ag.exp(ag.sin(h)),
        "`x / w`": lambda h: h / w,
    }
    return {name: _peaks(program, x) for name, program in programs.items()}


def _peaks(program: Callable[[ag.Tensor], ag.Tensor], x: ag.Tensor) -> tuple[float, float]:
    tracemalloc.start()
    try:
        h = x
        for _ in range(20):
            h = program(h)
        forward = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        h.backward(ag.ones_like(h))
        return forward / x.nbytes, tracemalloc.get_traced_memory()[1] / x.nbytes
    finally:
        tracemalloc.stop()


def peaks_of_checkpoints(lengths: tuple[int, ...] = (16, 64, 256, 1024)) -> dict[int, tuple[float, float]]:
    """The most memory at once of a chain of so many `sin`, plain and in about sqrt(n) checkpoints, in arrays of one step."""
    return {n: (_peak_in_segments(n, 1), _peak_in_segments(n, round(n**0.5))) for n in lengths}


def _peak_in_segments(n: int, segments: int) -> float:
    x = ag.zeros(20_000, dtype=ag.float64, requires_grad=True)
    tracemalloc.start()
    try:
        ag.sum(checkpoint_sequential([ag.sin] * n, segments, x)).backward()
        return tracemalloc.get_traced_memory()[1] / x.nbytes
    finally:
        tracemalloc.stop()
