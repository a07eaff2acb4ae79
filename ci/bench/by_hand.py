"""The workloads in NumPy by hand: forward and backward, with buffers that are reused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], Any]


class Draw:
    """Random numbers, the same for every library."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)

    def __call__(self, *shape: int, dtype: Any = np.float32, scale: float = 1.0) -> np.ndarray:
        return (scale * self._rng.standard_normal(shape)).astype(dtype)

    def integers(self, below: int, *shape: int) -> np.ndarray:
        return self._rng.integers(0, below, shape)


def chain(draw: Draw, xp: Any = np, steps: int = 1000) -> Step:
    """In NumPy, or with CuPy for `xp`."""
    x, w, b, seed = map(xp.asarray, (draw(10), np.full(10, 0.999, np.float32), draw(10, scale=0.01), draw(10)))
    states = list(xp.empty((steps + 1, 10), np.float32))
    states[0][:] = x
    g, gw, gb, product = (xp.empty_like(x) for _ in range(4))

    def step() -> Any:
        for i in range(steps):
            xp.multiply(states[i], w, out=product)
            xp.add(product, b, out=states[i + 1])
        g[:], gw[:], gb[:] = seed, 0, 0
        for i in reversed(range(steps)):
            xp.add(gb, g, out=gb)
            xp.multiply(g, states[i], out=product)
            xp.add(gw, product, out=gw)
            xp.multiply(g, w, out=g)
        return g, gw, gb

    return step


def mlp(draw: Draw) -> Step:
    x, labels = draw(128, 784), np.eye(10, dtype=np.float32)[draw.integers(10, 128)]
    parameters = [draw(784, 256, scale=0.03), draw(256, scale=0.03), draw(256, 10, scale=0.06), draw(10, scale=0.06)]
    w1, b1, w2, b2 = parameters
    h, gh, p = np.empty((128, 256), np.float32), np.empty((128, 256), np.float32), np.empty((128, 10), np.float32)
    grads = [np.empty_like(a) for a in parameters]
    scaled = [np.empty_like(a) for a in parameters]

    def step() -> Any:
        np.matmul(x, w1, out=h)
        np.add(h, b1, out=h)
        np.tanh(h, out=h)
        np.matmul(h, w2, out=p)
        np.add(p, b2, out=p)
        np.subtract(p, p.max(axis=1, keepdims=True), out=p)
        np.exp(p, out=p)
        np.divide(p, p.sum(axis=1, keepdims=True), out=p)
        np.subtract(p, labels, out=p)  # now the gradient of the scores
        np.divide(p, 128, out=p)
        np.matmul(h.T, p, out=grads[2])
        np.sum(p, axis=0, out=grads[3])
        np.matmul(p, w2.T, out=gh)
        np.multiply(h, h, out=h)
        np.subtract(1, h, out=h)
        np.multiply(gh, h, out=gh)
        np.matmul(x.T, gh, out=grads[0])
        np.sum(gh, axis=0, out=grads[1])
        for parameter, grad, change in zip(parameters, grads, scaled, strict=True):
            np.multiply(grad, 1e-3, out=change)
            np.subtract(parameter, change, out=parameter)
        return grads

    return step


def elementwise(draw: Draw) -> Step:
    x, seed = draw(4_000_000), draw(4_000_000)
    inputs, sines, powers, outs = ([np.empty_like(x) for _ in range(2)] for _ in range(4))
    g, factor = np.empty_like(x), np.empty_like(x)

    def step() -> Any:
        inputs[0] = x
        for i, (u, s, e, out) in enumerate(zip(inputs, sines, powers, outs, strict=True)):
            np.sin(u, out=s)
            np.multiply(u, -0.5, out=e)
            np.exp(e, out=e)
            np.multiply(s, e, out=out)
            np.tanh(out, out=out)
            if i == 0:
                inputs[1] = out
        g[:] = seed
        for u, s, e, out in reversed(list(zip(inputs, sines, powers, outs, strict=True))):
            np.multiply(out, out, out=factor)
            np.subtract(1, factor, out=factor)
            np.multiply(g, factor, out=g)
            np.cos(u, out=factor)  # the derivative of sin(u) exp(-u / 2) is (cos(u) - sin(u) / 2) exp(-u / 2)
            np.multiply(s, 0.5, out=s)
            np.subtract(factor, s, out=factor)
            np.multiply(factor, e, out=factor)
            np.multiply(g, factor, out=g)
        return (g,)

    return step


def softmax(draw: Draw) -> Step:
    x, g = draw(2048, 2048), draw(2048, 2048)
    y, gx = np.empty_like(x), np.empty_like(x)

    def step() -> Any:
        _softmax(x, y)
        _softmax_backward(g, y, gx)
        return (gx,)

    return step


def _softmax(x: np.ndarray, out: np.ndarray) -> None:
    np.subtract(x, x.max(axis=-1, keepdims=True), out=out)
    np.exp(out, out=out)
    np.divide(out, out.sum(axis=-1, keepdims=True), out=out)


def _softmax_backward(g: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
    np.multiply(g, y, out=out)
    inner = out.sum(axis=-1, keepdims=True)
    np.subtract(g, inner, out=out)
    np.multiply(out, y, out=out)


def embedding(draw: Draw) -> Step:
    weight, g, index = draw(50_000, 64), draw(100_000, 64), draw.integers(50_000, 100_000)
    rows, gw = np.empty_like(g), np.empty_like(weight)

    def step() -> Any:
        np.take(weight, index, axis=0, out=rows, mode="clip")  # other modes make a copy
        gw.fill(0)
        np.add.at(gw, index, g)
        return (gw,)

    return step


def solve(draw: Draw) -> Step:
    a, b, g = draw(500, 8, 8, dtype=float) + 8 * np.eye(8), draw(500, 8, 8, dtype=float), draw(500, 8, 8, dtype=float)
    ga = np.empty_like(a)

    def step() -> Any:
        x = np.linalg.solve(a, b)
        gb = np.linalg.solve(a.mT, g)
        np.matmul(gb, x.mT, out=ga)
        np.negative(ga, out=ga)
        return ga, gb

    return step


def attention(draw: Draw) -> Step:
    q, k, v, g = (draw(8, 4, 128, 64) for _ in range(4))
    p, gp = np.empty((8, 4, 128, 128), np.float32), np.empty((8, 4, 128, 128), np.float32)
    out, gq, gk, gv = (np.empty_like(q) for _ in range(4))

    def step() -> Any:
        np.matmul(q, k.mT, out=p)
        np.multiply(p, 0.125, out=p)
        _softmax(p, p)
        np.matmul(p, v, out=out)
        np.matmul(p.mT, g, out=gv)
        np.matmul(g, v.mT, out=gp)
        np.subtract(gp, np.multiply(gp, p).sum(axis=-1, keepdims=True), out=gp)
        np.multiply(gp, p, out=gp)
        np.multiply(gp, 0.125, out=gp)
        np.matmul(gp, k, out=gq)
        np.matmul(gp.mT, q, out=gk)
        return gq, gk, gv

    return step


def convolution(draw: Draw) -> Step:
    x, w, g = draw(16, 32, 32, 16), draw(144, 32, scale=0.1), draw(16, 30, 30, 32)
    columns, gx, gw = np.empty((16 * 900, 144), np.float32), np.empty_like(x), np.empty_like(w)
    patches, flat, y = columns.reshape(16, 30, 30, 9, 16), g.reshape(16 * 900, 32), np.empty((16 * 900, 32), np.float32)
    places = [(i, j) for i in range(3) for j in range(3)]

    def step() -> Any:
        for n, (i, j) in enumerate(places):
            patches[:, :, :, n] = x[:, i : i + 30, j : j + 30]
        np.matmul(columns, w, out=y)
        np.matmul(columns.T, flat, out=gw)
        np.matmul(flat, w.T, out=columns)
        gx.fill(0)
        for n, (i, j) in enumerate(places):
            gx[:, i : i + 30, j : j + 30] += patches[:, :, :, n]
        return gx, gw

    return step


def hessian(draw: Draw) -> Step:
    matrix, x, v = draw(256, 256, dtype=float, scale=0.06), draw(256, dtype=float), draw(256, dtype=float)

    def step() -> Any:
        u = matrix @ x
        s = np.sin(u)
        return ((np.exp(s) * (np.cos(u) ** 2 - s) * (matrix @ v)) @ matrix,)

    return step


def ode(draw: Draw) -> Step:
    w, y0 = draw(10, 10, dtype=float), draw(10, dtype=float)
    all_states, all_slopes, all_grads = np.empty((2001, 10)), np.empty((2000, 10)), np.empty((2000, 10))
    states, slopes, grads = list(all_states), list(all_slopes), list(all_grads)
    product, g = np.empty(10), np.empty(10)
    states[0][:] = y0

    def step() -> Any:
        for i in range(2000):
            np.matmul(w, states[i], out=product)
            np.tanh(product, out=slopes[i])
            np.multiply(slopes[i], 0.005, out=product)
            np.add(states[i], product, out=states[i + 1])
        np.multiply(all_slopes, all_slopes, out=all_slopes)
        np.subtract(0.005, 0.005 * all_slopes, out=all_slopes)  # dt times the derivative of tanh
        twice = 2 * all_states
        g[:] = twice[-1]
        for i in reversed(range(2000)):
            np.multiply(g, slopes[i], out=grads[i])
            np.matmul(grads[i], w, out=product)
            np.add(g, product, out=g)
            np.add(g, twice[i], out=g)
        return all_grads.T @ all_states[:-1], g

    return step
