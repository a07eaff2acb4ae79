"""What transforms cost: a jvp beside the function itself at a million elements, and a Hessian in one
batch beside row by row. Ratios of medians, in one process.

    python ci/bench transforms
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import anygrad as ag
from anygrad.func import hessian, jacfwd, jacrev, jvp

ROUNDS = 15


def medians(*functions: Callable[[], Any]) -> list[float]:
    """Milliseconds of each, the functions in turn, round by round."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(ROUNDS + 2):
        for function, column in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            column.append((time.perf_counter() - start) * 1e3)
    return [statistics.median(column[2:]) for column in times]


def chain(x: ag.Tensor) -> ag.Tensor:
    for _ in range(3):
        x = ag.tanh(ag.sin(x) * ag.exp(-x) + x / 3.0)
    return x


def rosenbrock(x: ag.Tensor) -> ag.Tensor:
    return ag.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def main() -> None:
    rng = np.random.default_rng(0)
    vector, square = ag.asarray(rng.uniform(0.5, 1.5, 1_000_000)), ag.asarray(rng.uniform(0.5, 1.5, (1000, 1000)))
    weights = ag.asarray(rng.uniform(0.5, 1.5, (1000, 1000)))
    rows: dict[str, tuple[Callable[[ag.Tensor], ag.Tensor], ag.Tensor]] = {
        "chain of 15 operations": (chain, vector),
        "sin": (ag.sin, vector),
        "x * x": (lambda x: x * x, vector),
        "sum": (ag.sum, vector),
        "softmax over rows": (lambda x: ag.softmax(x, -1), square),
        "x @ w": (lambda x: x @ weights, square),
        "layer: sum(tanh(x @ w))": (lambda x: ag.sum(ag.tanh(x @ weights)), square),
        "solve": (lambda x: ag.linalg.solve(x + 1000 * ag.eye(1000, dtype=ag.float64), weights), square),
    }
    print(f"{'function of 1,000,000 numbers':32} {'function':>10} {'jvp':>10}  ratio")
    for name, (function, x) in rows.items():
        tangent = ag.ones_like(x)
        alone, both = medians(lambda f=function, x=x: f(x), lambda f=function, x=x, t=tangent: jvp(f, (x,), (t,)))  # type: ignore[misc]
        print(f"{name:32} {alone:7.2f} ms {both:7.2f} ms  {both / alone:5.2f}")
    x = ag.asarray(rng.uniform(0.5, 1.5, 200))
    by_rows = jacrev(jacrev(rosenbrock), chunk_size=1)
    batch, forward, alone = medians(lambda: hessian(rosenbrock)(x), lambda: jacfwd(jacrev(rosenbrock))(x), lambda: by_rows(x))
    np.testing.assert_allclose(hessian(rosenbrock)(x).numpy(), by_rows(x).numpy(), rtol=1e-10, atol=1e-10)
    print(
        f"Hessian of Rosenbrock's function of 200 variables: row by row {alone:.1f} ms; one batch {batch:.2f} ms, {alone / batch:.1f} times as fast; ", end=""
    )
    print(f"forward over reverse {forward:.2f} ms, {alone / forward:.1f} times")


if __name__ == "__main__":
    main()
