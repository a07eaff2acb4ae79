"""What Python and C++ cost on the host, without a GPU: anygrad on CuPy beside the same by hand in CuPy.

    python ci/bench/cupy_host.py

It runs the real CuPy over the stand-in for CUDA of tests/cuda_stand_in.py, in which kernels take no time. So these are
microseconds of the host, which is what small tensors cost; nothing here is the time of a GPU.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import cuda_stand_in
import measure

STEPS = 20


def microseconds(function: Callable[[], object]) -> float:
    function()
    return 1e6 * measure.best(function, rounds=15, n=50)


def main() -> None:
    import cupy as cp
    import numpy as np

    import anygrad as ag
    from anygrad import special

    rng = np.random.default_rng(0)
    w, b, x, m, table = (
        ag.tensor(rng.normal(size=shape).astype(np.float32), device="cuda", requires_grad=True) for shape in ((8,), (8,), (8,), (64, 64), (100, 16))
    )
    ids = ag.tensor(rng.integers(0, 100, 32), device="cuda")
    w_, b_, x_, m_, table_, ids_ = (t._data for t in (w, b, x, m, table, ids))

    def chain() -> object:
        y = x
        for _ in range(STEPS):
            y = y * w + b
        return y

    def chain_by_hand() -> object:
        y = x_
        for _ in range(STEPS):
            y = y * w_ + b_
        return y

    def chain_back() -> object:
        return ag.autograd.grad(chain(), [w, b, x], [seed])

    def chain_back_by_hand() -> object:
        y, kept, g = x_, [], seed_
        for _ in range(STEPS):
            kept.append(y)
            y = y * w_ + b_
        gw = gb = None
        for y in reversed(kept):
            gb = g if gb is None else gb + g
            gw = g * y if gw is None else gw + g * y
            g = g * w_
        return gw, gb, g

    def softmax_by_hand() -> object:
        e = cp.exp(m_ - m_.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    sizes = [(64, 64), (64,), (64, 64), (64,), (64, 10), (10,)]
    parameters = [ag.tensor(rng.normal(size=shape).astype(np.float32) / 8, device="cuda", requires_grad=True) for shape in sizes]
    images, labels, rows_ = m.detach(), ag.tensor(rng.integers(0, 10, 64), device="cuda"), ag.arange(64, device="cuda")
    images_, labels_, row_numbers = images._data, labels._data, rows_._data

    def step() -> None:
        w1, b1, w2, b2, w3, b3 = parameters
        h = ag.maximum(images @ w1 + b1, 0.0)
        h = ag.maximum(h @ w2 + b2, 0.0)
        (-ag.mean(special.log_softmax(h @ w3 + b3, axis=1)[rows_, labels])).backward()
        with ag.no_grad():
            for p in parameters:
                p -= 0.1 * p.grad
                p.grad = None

    def step_by_hand() -> None:
        w1, b1, w2, b2, w3, b3 = arrays = [p._data for p in parameters]
        a1 = images_ @ w1 + b1
        h1 = cp.maximum(a1, 0)
        a2 = h1 @ w2 + b2
        h2 = cp.maximum(a2, 0)
        z = h2 @ w3 + b3
        z = z - z.max(axis=1, keepdims=True)
        p = z - cp.log(cp.exp(z).sum(axis=1, keepdims=True))
        g = cp.exp(p)
        g[row_numbers, labels_] -= 1
        g /= len(labels_)
        grads = [g.sum(axis=0), h2.T @ g]
        g = (g @ w3.T) * (a2 > 0)
        grads += [g.sum(axis=0), h1.T @ g]
        g = (g @ w2.T) * (a1 > 0)
        grads += [g.sum(axis=0), images_.T @ g]
        for array, gradient in zip(arrays, reversed(grads), strict=True):
            array -= 0.1 * gradient

    seed = ag.ones(8, device="cuda", dtype=ag.float32)
    seed_ = seed._data
    rows: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        f"{2 * STEPS} of y * w + b": (chain, chain_by_hand),
        f"{2 * STEPS} of y * w + b, and back": (chain_back, chain_back_by_hand),
        "matmul": (lambda: m @ m, lambda: m_ @ m_),
        "times 2.0": (lambda: m * 2.0, lambda: m_ * 2.0),
        "tanh": (lambda: ag.tanh(m), lambda: cp.tanh(m_)),
        "sum over an axis": (lambda: ag.sum(m, axis=1), lambda: m_.sum(axis=1)),
        "softmax": (lambda: special.softmax(m, axis=1), softmax_by_hand),
        "maximum with 0": (lambda: ag.maximum(m, 0.0), lambda: cp.maximum(m_, 0)),
        "rows of a table": (lambda: table[ids], lambda: table_[ids_]),
        "a training step of an MLP": (step, step_by_hand),
    }
    print("| host time, no GPU | anygrad, µs | CuPy by hand, µs | ratio |\n|---|---|---|---|")
    for name, (ours, by_hand) in rows.items():
        a, c = microseconds(ours), microseconds(by_hand)
        print(f"| {name} | {a:.1f} | {c:.1f} | {a / c:.2f} |")
    if "--profile" in sys.argv:
        with cProfile.Profile() as profile:
            for _ in range(200):
                chain_back()
        pstats.Stats(profile).sort_stats("tottime").print_stats(12)


if __name__ == "__main__":
    if reason := cuda_stand_in.missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as build:
        cuda_stand_in.start(Path(build))
        main()
