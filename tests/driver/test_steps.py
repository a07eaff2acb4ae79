"""What a training step and shorter programs launch, copy and wait for on the real CuPy, beside the same by hand in CuPy.

The numbers are exact, of CuPy 14.2: a change that launches less lowers them here, one that launches more has to say why.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from typing import Any

import cuda_stand_in
import cupy as cp
import numpy as np
import pytest
from cuda_stand_in import Journal, journal

import anygrad as ag
from anygrad import Tensor, special

BATCH, SIZES = 64, (784, 1024, 1024, 10)  # no count depends on the batch
RNG = np.random.default_rng(0)


def leaf(*shape: int) -> Tensor:
    return ag.tensor(RNG.normal(size=shape).astype(np.float32), device="cuda", requires_grad=True)


def settled(function: Callable[[], Any]) -> Journal:
    """What the third run does: by then kernels are loaded and the pool has the memory."""
    for _ in range(3):
        with journal() as happened:
            result = function()  # noqa: F841  is held until the journal ends
    return happened


def counts(*journals: Journal) -> list[int]:
    return [len(j.launches) for j in journals]


def assert_flows(*journals: Journal) -> None:
    """Nothing waits, nothing is copied between host and device, and no memory comes from the driver."""
    for happened in journals:
        assert not happened.of("sync", "copy", "allocate", "free", "load", "record", "wait")


class MLP:
    """A step of training, in three parts: forward, backward and update."""

    def __init__(self) -> None:
        self.parameters = [leaf(*shape) for n, m in itertools.pairwise(SIZES) for shape in ((n, m), (m,))]
        self.x = ag.tensor(RNG.normal(size=(BATCH, SIZES[0])).astype(np.float32), device="cuda")
        self.y = ag.tensor(RNG.integers(0, SIZES[-1], BATCH), device="cuda")
        self.rows = ag.arange(BATCH, device="cuda")

    def forward(self) -> Tensor:
        w1, b1, w2, b2, w3, b3 = self.parameters
        h = ag.maximum(self.x @ w1 + b1, 0.0)
        h = ag.maximum(h @ w2 + b2, 0.0)
        return -ag.mean(special.log_softmax(h @ w3 + b3, axis=1)[self.rows, self.y])

    def update(self) -> None:
        with ag.no_grad():
            for p in self.parameters:
                p -= 0.1 * p.grad
                p.grad = None

    def step(self) -> tuple[Tensor, list[Journal]]:
        with journal() as forward:
            loss = self.forward()
        with journal() as backward:
            loss.backward()
        with journal() as update:
            self.update()
        return loss, [forward, backward, update]


def by_hand(model: MLP) -> list[Journal]:
    """The same step as one would write it for CuPy alone."""
    w1, b1, w2, b2, w3, b3 = parameters = [p._data for p in model.parameters]
    x, y, rows = model.x._data, model.y._data, model.rows._data
    with journal() as forward:
        a1 = x @ w1 + b1
        h1 = cp.maximum(a1, 0)
        a2 = h1 @ w2 + b2
        h2 = cp.maximum(a2, 0)
        z = h2 @ w3 + b3
        z = z - z.max(axis=1, keepdims=True)
        p = z - cp.log(cp.exp(z).sum(axis=1, keepdims=True))
        loss = -p[rows, y].mean()  # noqa: F841
    with journal() as backward:
        g = cp.exp(p)
        g[rows, y] -= 1
        g /= len(y)
        g3, gb3 = h2.T @ g, g.sum(axis=0)
        g = (g @ w3.T) * (a2 > 0)
        g2, gb2 = h1.T @ g, g.sum(axis=0)
        g = (g @ w2.T) * (a1 > 0)
        g1, gb1 = x.T @ g, g.sum(axis=0)
    with journal() as update:
        for parameter, gradient in zip(parameters, (g1, gb1, g2, gb2, g3, gb3), strict=True):
            parameter -= 0.1 * gradient
    return [forward, backward, update]


def test_a_training_step() -> None:
    model = MLP()
    for _ in range(3):
        loss, ours = model.step()
        hand = by_hand(model)
    assert_flows(*ours)
    assert (counts(*ours), counts(*hand)) == ([13, 16, 12], [20, 21, 12])
    assert [j.launches.count("cublasGemmEx") for j in ours] == [j.launches.count("cublasGemmEx") for j in hand] == [3, 5, 0]
    with journal() as reading:
        loss.item()
    assert reading.waits == ["copy to host: 4", "stream"]  # the only ones: the user's own


def programs() -> dict[str, Callable[[], Any]]:
    """Short programs, each forward and backward."""
    w, b, x, m, table = leaf(8), leaf(8), leaf(8), leaf(8, 8), leaf(100, 16)
    ids = ag.tensor(RNG.integers(0, 100, 32), device="cuda")

    def chain() -> None:
        y = x
        for _ in range(10):
            y = y * w + b
        ag.autograd.grad(ag.sum(y), [w, b, x])

    def in_place() -> None:
        y = m * 2.0
        y[0] = 0.0
        y *= m
        y[:, 1:] += 1.0
        ag.autograd.grad(ag.sum(y), [m])

    return {
        "chain": chain,
        "softmax": lambda: ag.autograd.grad(ag.sum(special.softmax(m, axis=1) * m), [m]),
        "embedding": lambda: ag.autograd.grad(ag.sum(table[ids]), [table]),
        "in place": in_place,
        "one of each row": lambda: ag.autograd.grad(ag.sum(ag.take_along_axis(m, ids[:8, None], axis=1)), [m]),
        "sort": lambda: ag.autograd.grad(ag.sum(ag.sort(m, axis=1)), [m]),
        "relu": lambda: ag.autograd.grad(ag.sum(ag.maximum(m, 0.0)), [m]),
        "standardized": lambda: ag.autograd.grad(ag.sum((m - ag.mean(m, axis=0)) / (ag.var(m, axis=0) + 1e-5) ** 0.5), [m]),
    }


# Of the chain: 20 forward, 2 products for each step back, and the additions of the gradients of w and b: none more than by hand.
LAUNCHES = {"chain": 60, "softmax": 8, "embedding": 5, "in place": 23, "one of each row": 7, "sort": 11, "relu": 4, "standardized": 32}


@pytest.mark.parametrize("name", LAUNCHES)
def test_programs(name: str) -> None:
    happened = settled(programs()[name])
    assert_flows(happened)
    assert len(happened.launches) == LAUNCHES[name], happened.launches


def test_moves() -> None:
    x = leaf(8)
    assert settled(lambda: x.to("cpu")).of("copy", "sync") == ["copy to host: 32", "stream"]
    array = np.ones(8, np.float32)
    assert settled(lambda: ag.tensor(array, device="cuda")).waits == []
    assert settled(lambda: x.to("cuda")).lines == []
    assert len(settled(lambda: x.to(ag.float64)).launches) == 1


def test_memory_does_not_grow() -> None:
    """Over a thousand small steps, with CuPy's own pool."""
    w, x = leaf(8, 8), leaf(8, 8).detach()

    def step() -> None:
        y = ag.tanh(x @ w)
        y[0] = 0.0
        ag.sum(special.log_softmax(y, axis=1) ** 2).backward()
        with ag.no_grad():
            w.sub_(0.1 * w.grad)
        w.grad = None

    for _ in range(3):
        step()
    allocated, (free, _) = ag.cuda.memory_allocated(), ag.cuda.mem_get_info()
    with journal() as happened:
        for _ in range(1000):
            step()
            assert ag.cuda.memory_allocated() == allocated
    assert ag.cuda.mem_get_info()[0] == free
    assert_flows(happened)


def test_out_of_memory() -> None:
    """CuPy's own error, from the driver's refusal, becomes anygrad's; what was held is given back."""
    gc.collect()
    ag.cuda.empty_cache()
    x = ag.ones(1 << 18, device="cuda", requires_grad=True)
    before = ag.cuda.memory_allocated()
    with cuda_stand_in.memory(5 << 20):
        with pytest.raises(ag.OutOfMemoryError, match=r"MiB|bytes"):
            y = x * 2.0
            for _ in range(10):
                y = ag.exp(y) * y
        del y
        assert ag.cuda.memory_allocated() == before
        ag.sum(x * 2.0).backward()  # still works
        assert x.grad is not None
