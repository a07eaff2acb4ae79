"""The engine's share: a chain of 1000 `x * w + b` on shape (10,), recorded and backward, against
PyTorch in the same process where torch is installed. One thread each; the ratio is of medians.

    python ci/bench engine
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import anygrad

STEPS, ROUNDS = 1000, 200


def chain(library: Any) -> tuple[float, float]:
    """Nanoseconds for each `x * w + b`: recorded, and backward."""
    x = library.ones(10, requires_grad=True)
    w = library.tensor([0.999] * 10, requires_grad=True)
    b = library.zeros(10, requires_grad=True)
    start = time.perf_counter()
    y = x
    for _ in range(STEPS):
        y = y * w + b
    middle = time.perf_counter()
    y.backward(library.ones(10))
    end = time.perf_counter()
    assert w.grad is not None
    return (middle - start) / STEPS * 1e9, (end - middle) / STEPS * 1e9


def main() -> None:
    libraries: list[Any] = [anygrad]
    try:
        import torch

        torch.set_num_threads(1)
        libraries.append(torch)
    except ImportError:
        print("torch is not installed: no comparison")
    times: dict[str, list[tuple[float, float]]] = {library.__name__: [] for library in libraries}
    for _ in range(ROUNDS):
        for library in libraries:
            times[library.__name__].append(chain(library))
    for name, rows in times.items():
        forward, backward = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{name:8} forward {forward:6.0f} ns, backward {backward:6.0f} ns, both {forward + backward:6.0f} ns")
    if len(libraries) == 2:
        ours, theirs = (statistics.median(map(sum, times[library.__name__])) for library in libraries)
        print(f"ratio {ours / theirs:.3f}")


if __name__ == "__main__":
    main()
