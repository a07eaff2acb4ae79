"""Nanoseconds for each random number on the CPU, beside NumPy and PyTorch: `python ci/bench/random_numbers.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import measure
import numpy as np
import torch

import anygrad as ag

N = 1 << 20


def nanoseconds(function: Callable[[], Any]) -> float:
    return 1e9 * measure.best(function, rounds=9) / N


def main() -> None:
    torch.set_num_threads(1)
    philox, pcg = np.random.Generator(np.random.Philox(0)), np.random.default_rng(0)
    x, tx = ag.ones(N), torch.ones(N)
    rows: dict[str, tuple[Callable[[], Any] | None, ...]] = {
        "rand float32": (lambda: ag.rand(N), lambda: pcg.random(N, np.float32), lambda: philox.random(N, np.float32), lambda: torch.rand(N)),
        "rand float64": (
            lambda: ag.rand(N, dtype="float64"),
            lambda: pcg.random(N),
            lambda: philox.random(N),
            lambda: torch.rand(N, dtype=torch.float64),
        ),
        "randn float32": (
            lambda: ag.randn(N),
            lambda: pcg.standard_normal(N, np.float32),
            lambda: philox.standard_normal(N, np.float32),
            lambda: torch.randn(N),
        ),
        "randn float64": (
            lambda: ag.randn(N, dtype="float64"),
            lambda: pcg.standard_normal(N),
            lambda: philox.standard_normal(N),
            lambda: torch.randn(N, dtype=torch.float64),
        ),
        "randint(10)": (lambda: ag.randint(10, (N,)), lambda: pcg.integers(10, size=N), lambda: philox.integers(10, size=N), lambda: torch.randint(10, (N,))),
        "randperm": (lambda: ag.randperm(N), lambda: pcg.permutation(N), lambda: philox.permutation(N), lambda: torch.randperm(N)),
        "dropout(0.5) float32": (lambda: ag.dropout(x), None, None, lambda: torch.nn.functional.dropout(tx)),
    }
    print("| numbers | anygrad | NumPy, PCG64 | NumPy, Philox | PyTorch |\n|---|---|---|---|---|")
    for name, functions in rows.items():
        print(f"| {name} |", " | ".join("" if f is None else f"{nanoseconds(f):.1f}" for f in functions), "|")


if __name__ == "__main__":
    main()
