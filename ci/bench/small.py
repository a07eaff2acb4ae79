"""What an operation costs on arrays of ten numbers, where nearly all of it is Python's and the engine's share: beside PyTorch,
in one process and in turn.

    python ci/bench small
    python ci/bench small "x[2:5]" network     # some of the rows
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import report

ROUNDS, CALLS = 11, 200

# Both libraries read the same lines. x, m (4 x 10), a (4 x 4) and s (a number) require grad, w, p and c do not.
FUNCTIONS = """
x + w | x * 2.0 | 1.0 - x | -x | x ** 2 | x / w | s * x | m + x
xp.exp(x) | xp.tanh(x) | xp.sqrt(x) | xp.maximum(x, w) | xp.where(mask, x, w) | xp.clip(x, 0.0, 1.0)
x.sum() | m.sum(1) | x.mean() | m.mean(0) | x.max() | x.prod() | x.cumsum(0) | xp.linalg.vector_norm(x)
xp.softmax(x, -1) | xp.log_softmax(x, -1) | m.logsumexp(-1)
x @ w | m @ x | m @ m.T | xp.einsum('ij,j->i', m, x) | xp.linalg.solve(a, c) | xp.linalg.inv(a) | xp.linalg.det(a) | xp.linalg.cholesky(c + a)
x[0] | x[2:5] | m[:, 1] | x[None] | x[index] | x[mask] | xp.take(x, index)
x.reshape(2, 5) | m.T | xp.permute(m, (1, 0)) | xp.broadcast_to(x, (4, 10)) | xp.cat([x, w, x]) | xp.stack([x, w, x]) | xp.roll(x, 1) | x.clone()
"""
OTHERS = """
x > 0 | xp.argmax(x) | mask.all() | x.detach() | x.detach().numpy() | s.item() | x.shape | x.to(xp.float64)
xp.zeros(10) | xp.ones((4, 10)) | xp.zeros_like(x) | xp.full((10,), 3.0) | xp.arange(10) | xp.eye(4) | xp.tensor(numbers) | xp.from_numpy(array)
p += w | p.add_(w) | p[0] = 1.0 | p[2:5] = w[2:5] | with xp.no_grad(): pass
xp.autograd.grad((x * w).sum(), x) | (g,) = xp.autograd.grad((x * x * x).sum(), x, create_graph=True); xp.autograd.grad(g.sum(), x)
"""


def lines(text: str) -> list[str]:
    return [line.strip() for row in text.strip().splitlines() for line in row.split(" | ")]


def values(xp: Any) -> dict[str, Any]:
    """What the lines use, in one library."""
    import numpy as np

    array = np.linspace(0.5, 1.5, 10, dtype=np.float32)
    square = 4 * np.eye(4, dtype=np.float32) + 1
    known = {"xp": xp, "array": array, "numbers": array.tolist(), "index": xp.tensor([0, 3, 3]), "w": xp.tensor(array), "p": xp.tensor(array)}
    known |= {
        "x": xp.tensor(array, requires_grad=True),
        "m": xp.tensor(np.outer(array[:4], array), requires_grad=True),
        "s": xp.tensor(2.0, requires_grad=True),
    }
    known |= {"a": xp.tensor(square, requires_grad=True), "c": xp.tensor(square)}
    return known | {"mask": known["w"] > 0.8}


def program(line: str, known: dict[str, Any]) -> Callable[[], Any]:
    """A function that runs a line, and returns its value if it has one."""
    try:
        compile(line, line, "eval")
        line = f"return {line}"
    except SyntaxError:
        pass
    scope = dict(known)
    exec(f"def run({', '.join(f'{name}={name}' for name in known if name != 'xp')}):\n    {line}", scope)  # they are local variables
    return scope["run"]


def with_backward(forward: Callable[[], Any], known: dict[str, Any]) -> Callable[[], None]:
    leaves = [known[name] for name in "xmas"]
    gradient = known["xp"].ones_like(forward().detach())

    def run() -> None:
        for leaf in leaves:
            leaf.grad = None
        forward().backward(gradient)

    return run


def network(xp: Any) -> Callable[[], None]:
    """a step of an MLP 3-5-2, batch 4"""
    import numpy as np

    numbers = np.random.default_rng(0).standard_normal
    data, labels = xp.tensor(numbers((4, 3), np.float32)), xp.tensor(np.eye(2, dtype=np.float32)[[0, 1, 1, 0]])
    parameters = [xp.tensor(numbers(shape, np.float32), requires_grad=True) for shape in ((3, 5), 5, (5, 2), 2)]
    w1, b1, w2, b2 = parameters

    def run() -> None:
        scores = xp.tanh(data @ w1 + b1) @ w2 + b2
        (-xp.sum(xp.log_softmax(scores, -1) * labels)).backward()
        with xp.no_grad():
            for p in parameters:
                p -= 1e-3 * p.grad
                p.grad = None

    return run


def rosenbrock(xp: Any) -> Callable[[], None]:
    """the gradient of Rosenbrock's function of 10 numbers"""
    x = values(xp)["x"]

    def run() -> None:
        x.grad = None
        (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum().backward()

    return run


def compared(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float, float]:
    """Nanoseconds of both, and the median over the rounds of their ratio."""
    times: list[list[float]] = [[], []]
    for round_ in range(ROUNDS + 1):
        for function, column in ((ours, times[0]), (theirs, times[1])):
            start = time.perf_counter()
            for _ in range(CALLS):
                function()
            if round_:  # the first is not counted
                column.append((time.perf_counter() - start) / CALLS * 1e9)
    return statistics.median(times[0]), statistics.median(times[1]), statistics.median(a / b for a, b in zip(*times, strict=True))


def small(chosen: Sequence[str] = ()) -> str:
    """The table: forward, recorded where something requires grad, and forward with backward."""
    import torch

    import anygrad

    torch.set_num_threads(1)
    ours, theirs = values(anygrad), values(torch)
    rows: list[list[str]] = []
    ratios: list[list[float]] = [[], []]
    for line in lines(FUNCTIONS) + lines(OTHERS):
        if chosen and line not in chosen:
            continue
        one, other = program(line, ours), program(line, theirs)
        found = [compared(one, other)]
        if line in lines(FUNCTIONS):
            found.append(compared(with_backward(one, ours), with_backward(other, theirs)))
        for column, (_, _, ratio) in zip(ratios, found, strict=False):
            column.append(ratio)
        cells = [report.figure(v) for times in found for v in times]
        rows.append([f"`{line.replace('|', chr(92) + '|')}`", *cells, *["-"] * (6 - len(cells))])
    for made in (network, rosenbrock):
        if not chosen or made.__name__ in chosen:
            times = compared(made(anygrad), made(torch))
            ratios[1].append(times[2])
            rows.append([f"{made.__doc__}", "-", "-", "-", *map(report.figure, times)])
    means = [report.figure(math.exp(statistics.fmean(map(math.log, column)))) if column else "-" for column in ratios]
    rows.append(["geometric mean", "", "", means[0], "", "", means[1]])
    heading = ["ns", "anygrad", "torch", "ratio", "with backward: anygrad", "torch", "ratio"]
    return report.table(heading, rows)
