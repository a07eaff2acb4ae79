"""Memory of CuPy's own pool: graphs give it back with their last Tensor, without the garbage collector, and keep no more than rules need.

The graphs are those of ../test_memory.py, which counts objects; here it is bytes.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from test_memory import BUILDERS, leaf

import anygrad as ag
from anygrad import Tensor
from anygrad.autograd import grad

ARRAY = 1 << 20  # bytes: the pool gives out multiples of 512


@pytest.fixture(autouse=True)
def _on_cuda_without_the_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    with ag.device("cuda"):
        yield
    gc.enable()


def parameter() -> Tensor:
    return ag.zeros(ARRAY // 8, dtype=ag.float64, requires_grad=True)


def arrays_more_than(before: int) -> float:
    return (ag.cuda.memory_allocated() - before) / ARRAY


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("use", ["dropped", "backward", "two derivatives"])
def test_graphs_give_everything_back(build: Callable[[Tensor], Tensor], use: str) -> None:
    x = leaf(1.0, 2.0)
    build(x)  # what a first call keeps for good
    before = ag.cuda.memory_allocated()
    y = build(x)
    if use == "backward":
        y.backward(ag.ones_like(y))
        x.grad = None
    elif use == "two derivatives":
        (g,) = grad(y, x, ag.ones_like(y), create_graph=True)
        if g.requires_grad:
            grad(g.sum(), x, allow_unused=True)
        del g
    assert ag.cuda.memory_allocated() > before
    del y
    assert ag.cuda.memory_allocated() == before


def test_an_exception_in_backward_holds_nothing() -> None:
    def fail(_: Tensor) -> None:
        raise ZeroDivisionError

    x = leaf(1.0, 2.0)
    before = ag.cuda.memory_allocated()
    h = x * x
    h.register_hook(fail)
    y = ag.exp(h).sum()
    with contextlib.suppress(ZeroDivisionError):
        y.backward()
    del h, y
    assert ag.cuda.memory_allocated() == before


def test_what_no_rule_needs_is_not_kept() -> None:
    x = parameter()
    before = ag.cuda.memory_allocated()
    y = x
    for _ in range(50):
        y = (y + 1.0).reshape(-1, 256).reshape(-1) * 2.0
    assert arrays_more_than(before) == 1  # the result alone


def test_the_peak_of_a_long_chain() -> None:
    """20 steps of h = h * w + b: why it is 24 arrays is said in ../test_memory.py."""
    x, w, b = parameter(), parameter(), parameter()
    h = x * w + b
    h.sum().backward()
    x.grad = w.grad = b.grad = None
    del h
    ag.cuda.reset_peak_memory_stats()
    before = ag.cuda.memory_allocated()
    h = x
    for _ in range(20):
        h = h * w + b
    assert arrays_more_than(before) == 20
    h.sum().backward()
    assert (ag.cuda.max_memory_allocated() - before) / ARRAY == pytest.approx(24, abs=0.01)
    del h
    assert arrays_more_than(before) == 3  # the three gradients


def test_a_loop_of_writes_into_a_buffer_holds_the_same() -> None:
    buffer, x = ag.zeros(4), ag.ones(4, requires_grad=True)
    numbers = itertools.count()

    def step() -> None:
        y, i = x * buffer, next(numbers)
        buffer[i % 4] = float(i)  # y has saved the buffer
        view = buffer[1:]
        view += 1
        y.sum().backward()

    held: list[Any] = []
    for n in (60, 300):
        for _ in range(n):
            step()
        held.append((ag.cuda.memory_allocated(), len(gc.get_objects())))
    assert held[1][0] == held[0][0]
    assert held[1][1] - held[0][1] <= 16  # entries of dead views are swept now and then


def test_moving_to_the_host_and_back_holds_nothing() -> None:
    x = parameter()
    before = ag.cuda.memory_allocated()
    y = x.to("cpu").to("cuda") * 2.0
    (g,) = grad(y.sum(), [x])
    assert g.shape == x.shape
    del y, g
    assert ag.cuda.memory_allocated() == before
