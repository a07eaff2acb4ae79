"""Checkpoints: the same gradients, without what the function saved."""

from __future__ import annotations

import random
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anygrad as ag
from anygrad import _modes
from anygrad.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential


def host(t: ag.Tensor | None) -> np.ndarray:
    assert t is not None
    return t.numpy(force=True)


def block(x: ag.Tensor, calls: list[int] | None = None) -> ag.Tensor:
    if calls is not None:
        calls.append(1)
    return ag.exp(ag.sin(x) * x)


def leaf(*values: float) -> ag.Tensor:
    return ag.tensor(list(values), dtype=ag.float64, requires_grad=True)


def test_gradients_are_the_same_and_the_function_runs_again(make: Any) -> None:
    calls: list[int] = []
    x, x0 = make(np.array([1.0, 2.0]), requires_grad=True), make(np.array([1.0, 2.0]), requires_grad=True)
    y = checkpoint(block, x, calls)
    assert calls == [1]
    ag.sum(y).backward()
    assert calls == [1, 1]
    ag.sum(block(x0)).backward()
    np.testing.assert_array_equal(host(x.grad), host(x0.grad))


def test_under_no_grad_it_is_the_function_alone() -> None:
    seen = []
    with ag.no_grad():
        y = checkpoint(lambda v: seen.append(_modes.unusual) or block(v), leaf(1.0, 2.0))
    assert seen == [_modes.unusual]  # no hooks on saved values, which would make every operation slower
    np.testing.assert_array_equal(host(y), host(block(leaf(1.0, 2.0))))
    assert not y.requires_grad


def test_captured_tensors_get_their_gradients() -> None:
    w = leaf(3.0)
    checkpoint(lambda v: ag.exp(v * w), ag.asarray([2.0])).backward()
    np.testing.assert_allclose(host(w.grad), 2 * np.exp(6))


def test_several_arguments_and_outputs() -> None:
    a, b = leaf(2.0), leaf(3.0)
    p, q = checkpoint(lambda u, v, k, scale: (u * v * k, ag.exp(u) * scale), a, b, 5, scale=2.0)
    (p + q).backward()
    np.testing.assert_allclose([host(a.grad)[0], host(b.grad)[0]], [15 + 2 * np.exp(2), 10])


@pytest.mark.parametrize("order", [2, 3])
def test_higher_derivatives(order: int) -> None:
    x = leaf(2.0)
    y = checkpoint(lambda v: v**4, x)
    for _ in range(order):
        (y,) = ag.autograd.grad(y, x, create_graph=True)
    np.testing.assert_allclose(host(y), [{2: 48.0, 3: 48.0}[order]])


def test_a_retained_graph_runs_the_function_for_each_backward() -> None:
    calls: list[int] = []
    x = leaf(1.0)
    y = checkpoint(block, x, calls)
    (first,) = ag.autograd.grad(y, x, retain_graph=True)
    (second,) = ag.autograd.grad(y, x)
    assert len(calls) == 3
    np.testing.assert_array_equal(host(first), host(second))
    with pytest.raises(RuntimeError, match="already used and freed"):
        y.backward()


@pytest.mark.parametrize("depth", [2, 3])
def test_checkpoints_in_checkpoints(depth: int) -> None:
    def nested(x: ag.Tensor, level: int) -> ag.Tensor:
        return checkpoint(nested, block(x), level - 1) if level else block(x)

    x, x0 = leaf(0.3, 0.5), leaf(0.3, 0.5)
    ag.sum(checkpoint(nested, x, depth)).backward()
    y = x0
    for _ in range(depth + 1):
        y = block(y)
    ag.sum(y).backward()
    np.testing.assert_array_equal(host(x.grad), host(x0.grad))


def test_what_the_function_saves_is_not_kept() -> None:
    seen: list[weakref.ref[Any]] = []

    def function(x: ag.Tensor) -> ag.Tensor:
        for _ in range(5):
            x = ag.sin(x)
            seen.append(weakref.ref(x._data))
        return x

    x = leaf(1.0)
    y = checkpoint(function, x)
    assert [ref() is not None for ref in seen] == [False] * 4 + [True]
    y.backward()
    assert [ref() is not None for ref in seen if ref() is not y._data] == [False] * (len(seen) - 1)


def test_hooks_outside_see_the_arguments_alone() -> None:
    packed: list[ag.Tensor] = []
    with ag.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t) or t, lambda t: t):
        checkpoint(lambda v: ag.exp(ag.sin(v)), leaf(1.0))
    assert len(packed) == 1


def test_writes_in_place_change_nothing() -> None:
    """To an argument after the forward, and inside of the function to a value that was saved."""

    def function(h: ag.Tensor) -> ag.Tensor:
        h = h * 1
        y = ag.sin(h)
        h.zero_()
        return ag.exp(y)

    x = leaf(2.0)
    argument = x * 1
    y = checkpoint(function, argument)
    argument.zero_()
    y.backward()
    np.testing.assert_allclose(host(x.grad), np.exp(np.sin(2.0)) * np.cos(2.0))


def draw_numpy() -> float:
    return float(np.random.rand())  # noqa: NPY002  (the global generator is what is tested)


@pytest.mark.parametrize("draw", [draw_numpy, random.random])
def test_random_numbers_are_drawn_again(draw: Callable[[], float]) -> None:
    drawn: list[float] = []

    def function(x: ag.Tensor) -> ag.Tensor:
        drawn.append(draw())
        return ag.exp(x * drawn[-1])

    x = leaf(1.0)
    y = checkpoint(function, x)
    following = draw()
    y.backward()
    assert drawn[0] == drawn[1] != following
    np.testing.assert_allclose(host(x.grad), host(y) * drawn[0])
    assert draw() not in (*drawn, following)  # and the generators go on where they were


def test_a_function_that_does_something_else() -> None:
    sizes = iter([2, 3])
    y = checkpoint(lambda x: ag.exp(ag.sum(x * ag.ones(next(sizes)))), leaf(1.0), determinism_check="default")
    with pytest.raises(CheckpointError, match=r"of shape \(2,\).* is of shape \(3,\)"):
        y.backward()
    counts = iter([2, 1])

    def fewer(x: ag.Tensor) -> ag.Tensor:
        for _ in range(next(counts)):
            x = ag.sin(x)
        return x

    y = checkpoint(fewer, leaf(1.0))
    with pytest.raises(CheckpointError, match="saved 2 values in the forward, and 1 now"):
        y.backward()


@pytest.mark.parametrize(("early_stop", "ends"), [(True, 1), (False, 2)])
def test_early_stop(early_stop: bool, ends: int) -> None:
    reached: list[int] = []

    def function(x: ag.Tensor) -> ag.Tensor:
        y = ag.sin(x) + 1
        reached.append(1)
        return y

    checkpoint(function, leaf(1.0), early_stop=early_stop).backward()
    assert len(reached) == ends


def test_without_grad_nothing_is_recorded() -> None:
    with ag.no_grad():
        y = checkpoint(block, leaf(1.0))
    assert y.grad_fn is None


def test_sequential() -> None:
    calls: list[str] = []

    def step(name: str) -> Callable[[ag.Tensor], ag.Tensor]:
        def function(x: ag.Tensor) -> ag.Tensor:
            calls.append(name)
            return ag.sin(x)

        return function

    x, x0 = leaf(0.5), leaf(0.5)
    checkpoint_sequential([step(name) for name in "abcde"], 2, x).backward()
    assert "".join(calls) == "abcdeab"
    ag.sin(ag.sin(ag.sin(ag.sin(ag.sin(x0))))).backward()
    np.testing.assert_array_equal(host(x.grad), host(x0.grad))
    for segments in (0, 6):
        with pytest.raises(ValueError, match="segments must be 1 to 5"):
            checkpoint_sequential([ag.sin] * 5, segments, x)


def peak_of_a_chain(steps: int, segments: int) -> float:
    """The most memory at once, in arrays of one step."""
    x = ag.zeros(20_000, dtype=ag.float64, requires_grad=True)
    tracemalloc.start()
    try:
        ag.sum(checkpoint_sequential([ag.sin] * steps, segments, x)).backward()
        return tracemalloc.get_traced_memory()[1] / x.nbytes
    finally:
        tracemalloc.stop()


def test_memory_of_a_chain_grows_as_its_square_root() -> None:
    assert peak_of_a_chain(100, 1) > 100
    assert peak_of_a_chain(100, 10) < 28
    assert peak_of_a_chain(400, 20) < 48


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="determinism_check must be 'default' or 'none'"):
        checkpoint(block, leaf(1.0), determinism_check="maybe")


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_forward_mode(use_reentrant: bool) -> None:
    """The second run has the tangents of the first, also after their level has ended."""

    def f(x: ag.Tensor) -> ag.Tensor:
        return ag.sum(ag.sin(x) * x)

    def checked(x: ag.Tensor) -> ag.Tensor:
        return checkpoint(f, x, use_reentrant=use_reentrant)

    x, v = ag.tensor([1.0, 2.0], dtype=ag.float64), ag.tensor([1.0, 0.5], dtype=ag.float64)
    jvp, grad = ag.func.jvp, ag.func.grad
    for program in (lambda f: jvp(f, (x,), (v,))[1], lambda f: jvp(grad(f), (x,), (v,))[1], lambda f: grad(lambda x: jvp(f, (x,), (v,))[1])(x)):
        np.testing.assert_allclose(program(checked).numpy(), program(f).numpy(), rtol=1e-14)
