"""The workloads: each prepares a step for a library, which computes a function and its gradients once.

The same numbers in by_hand.py are written out in NumPy, forward and backward, with buffers that are reused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import by_hand
import numpy as np
from by_hand import Draw, Step


def chain(lib: Any, draw: Draw) -> Step:
    """1000 `x * w + b` of shape (10,)"""
    x, w, b, g = draw(10), np.full(10, 0.999, np.float32), draw(10, scale=0.01), draw(10)

    def program(x: Any, w: Any, b: Any) -> Any:
        for _ in range(1000):
            x = x * w + b
        return x

    return lib.gradients(program, [x, w, b], g)


def mlp(lib: Any, draw: Draw) -> Step:
    """MLP 784-256-10, batch 128, with its update"""
    x, labels = lib.constant(draw(128, 784)), lib.constant(np.eye(10, dtype=np.float32)[draw.integers(10, 128)])
    parameters = [draw(784, 256, scale=0.03), draw(256, scale=0.03), draw(256, 10, scale=0.06), draw(10, scale=0.06)]

    def loss(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        scores = lib.tanh(x @ w1 + b1) @ w2 + b2
        return lib.sum(lib.log_softmax(scores, -1) * labels) / -128

    return lib.gradients(loss, parameters, np.float32(1), rate=1e-3)


def elementwise(lib: Any, draw: Draw) -> Step:
    """10 elementwise functions of 4,000,000 float32"""
    x, g = draw(4_000_000), draw(4_000_000)

    def program(x: Any) -> Any:
        for _ in range(2):
            x = lib.tanh(lib.sin(x) * lib.exp(-0.5 * x))
        return x

    return lib.gradients(program, [x], g)


def softmax(lib: Any, draw: Draw) -> Step:
    """softmax of 2048 x 2048"""
    x, g = draw(2048, 2048), draw(2048, 2048)
    return lib.gradients(lambda x: lib.softmax(x, -1), [x], g)


def embedding(lib: Any, draw: Draw) -> Step:
    """embedding, 100,000 rows out of 50,000 x 64"""
    weight, g, index = draw(50_000, 64), draw(100_000, 64), lib.constant(draw.integers(50_000, 100_000))
    return lib.gradients(lambda weight: lib.rows(weight, index), [weight], g)


def solve(lib: Any, draw: Draw) -> Step:
    """solve, 500 times 8 x 8, float64"""
    a, b, g = draw(500, 8, 8, dtype=float) + 8 * np.eye(8), draw(500, 8, 8, dtype=float), draw(500, 8, 8, dtype=float)
    return lib.gradients(lib.solve, [a, b], g)


def attention(lib: Any, draw: Draw) -> Step:
    """attention (8, 4, 128, 64)"""
    q, k, v, g = (draw(8, 4, 128, 64) for _ in range(4))
    return lib.gradients(lambda q, k, v: lib.softmax(q @ lib.transposed(k) * 0.125, -1) @ v, [q, k, v], g)


def convolution(lib: Any, draw: Draw) -> Step:
    """convolution 3 x 3 by im2col, (16, 32, 32, 16) to 32"""
    x, w, g = draw(16, 32, 32, 16), draw(144, 32, scale=0.1), draw(16, 30, 30, 32)

    def program(x: Any, w: Any) -> Any:
        return lib.concat([x[:, i : i + 30, j : j + 30, :] for i in range(3) for j in range(3)], axis=-1) @ w

    return lib.gradients(program, [x, w], g)


def hessian(lib: Any, draw: Draw) -> Step:
    """Hessian times vector, sum(exp(sin(A x))), 256 x 256"""
    matrix, x, v = lib.constant(draw(256, 256, dtype=float, scale=0.06)), draw(256, dtype=float), draw(256, dtype=float)
    return lib.hessian_product(lambda x: lib.sum(lib.exp(lib.sin(matrix @ x))), x, v)


def ode(lib: Any, draw: Draw) -> Step:
    """ODE, 2000 steps y + dt * tanh(W y), all states kept"""
    w, y0 = draw(10, 10, dtype=float), draw(10, dtype=float)

    def loss(w: Any, y: Any) -> Any:
        states = [y]
        for _ in range(2000):
            y = y + 0.005 * lib.tanh(w @ y)
            states.append(y)
        states = lib.stack(states)
        return lib.sum(states * states)

    return lib.gradients(loss, [w, y0], np.float64(1))


WORKLOADS: dict[str, Callable[[Any, Draw], Step]] = {
    f.__name__: f for f in (chain, mlp, elementwise, softmax, embedding, solve, attention, convolution, hessian, ode)
}

# The times that anygrad's should not exceed: relative to torch, and to NumPy by hand.
GOALS = {
    "chain": (0.45, 2.5),
    "mlp": (1.0, 1.1),
    "elementwise": (0.8, 1.35),
    "softmax": (1.2, 1.15),
    "embedding": (1.3, 0.6),
    "solve": (1.2, 1.2),
    "attention": (1.0, 1.2),
}

# Loops are unrolled: what an engine written in Python does 2000 times in a blink takes a compiler minutes.
LEFT_OUT = {("chain", "jax.jit"), ("ode", "jax"), ("ode", "jax.jit")}


def prepared(name: str, libraries: Iterable[Any]) -> dict[str, Step]:
    """The steps of a workload by hand and in each library that has what it needs, once their gradients agree."""
    steps = {"by hand": getattr(by_hand, name)(Draw())}
    wanted = [np.array(g) for g in steps["by hand"]()]
    for library in libraries:
        if (name, library.name) not in LEFT_OUT:
            try:
                step = WORKLOADS[name](library, Draw())
            except (AttributeError, NotImplementedError):
                continue
            for got, by in zip(step(), wanted, strict=True):
                np.testing.assert_allclose(np.asarray(got), by, rtol=1e-3, atol=1e-3 * np.abs(by).max(), err_msg=f"{name} in {library.name}")
            steps[library.name] = step
    return steps
