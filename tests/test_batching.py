"""Batching rules: every row of the tables of functions under vmap, against a loop over the batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from op_cases import NOT_DIFFERENTIABLE
from tables import ROWS, Row

import anygrad as ag
from anygrad import Tensor, ops
from anygrad._batching import RULES, one_by_one, rule_of
from anygrad._primitive import registry
from anygrad.func import vjp, vmap

B = 3

_I, _J = np.array([[1, 0], [1, 1]]), np.array([2, 0])
OWN = [
    Row("x[i2, :, j]", "", lambda x: x[ag.asarray(_I), :, ag.asarray(_J)], (np.arange(12.0).reshape(2, 2, 3),)),
    Row("scatter_add at the back", "", lambda g, i: ops.scatter_add((2, 2, 3), (..., i), g), (np.arange(16.0).reshape(2, 2, 2, 2), _I)),
    Row("scatter_add apart", "", lambda g, i, j: ops.scatter_add((2, 2, 3), (i, slice(None), j), g), (np.arange(8.0).reshape(2, 2, 2), _I, _J)),
    Row("zero_at the back", "", lambda x, i: ops.zero_at(x, (..., i)), (np.arange(12.0).reshape(2, 2, 3), _I)),
    Row("cross", "", lambda x, y: ag.linalg.cross(x, y), (np.arange(1.0, 4.0), np.arange(6.0).reshape(2, 3) ** 2)),
    Row("softmax", "", lambda x: ag.special.softmax(x, axis=(0, 1)), (np.arange(12.0).reshape(2, 2, 3) / 9,)),
    Row("matmul of wide matrices", "", ag.matmul, (np.arange(6.0).reshape(2, 3), np.arange(27.0).reshape(3, 9))),
    Row("norm 0-d", "", ag.linalg.vector_norm, (np.array(2.0),)),
]
FIXED = [Row(case.id, "", functools.partial(case.function, **case.kwargs), case.arrays) for case in NOT_DIFFERENTIABLE]

# What cannot differ from one entry to the next: it decides the shape of the result.
UNIFORM = {"arange": (0, 1), "repeat each": (1,), "nonzero": (0,), "unique_values": (0,), "unique_all": (0,), "unique_counts": (0,), "unique_inverse": (0,)}


def as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def call(row: Row) -> Callable[..., tuple[Tensor, ...]]:
    return lambda *xs: as_tuple(row.function(*xs))


def uniform(row: Row) -> tuple[int, ...]:
    """The inputs that have to be the same for all entries."""
    masks = tuple(i for i, a in enumerate(row.arrays) if a.dtype.kind == "b") if row.id.startswith("x[") else ()
    name = next((n for n in UNIFORM if row.id.startswith(n + "-")), "")
    return masks + UNIFORM.get(name, ())


def entries(row: Row, a: np.ndarray) -> list[np.ndarray]:
    """Values for each entry of a batch: the same numbers in other places, so that they stay in their domain; matrices stay regular."""
    if row.name.startswith("linalg"):
        return [a * (1 + k / 8) for k in range(B)]
    return [np.roll(a.ravel(), k).reshape(a.shape) for k in range(B)]


def combinations(row: Row) -> list[tuple[int, ...]]:
    """Which inputs to batch: all that can be, and each of several alone."""
    possible = [i for i in range(len(row.arrays)) if i not in uniform(row)]
    return [tuple(possible), *[(i,) for i in possible if len(possible) > 1]] if possible else []


def arguments(row: Row, batched: Sequence[int], dim: int, tracked: bool = False) -> tuple[list[Tensor], tuple[int | None, ...]]:
    xs = [np.stack(entries(row, a), axis=dim if dim <= a.ndim else 0) if i in batched else a for i, a in enumerate(row.arrays)]
    dims = tuple((dim if dim <= a.ndim else 0) if i in batched else None for i, a in enumerate(row.arrays))
    return [ag.tensor(x, requires_grad=tracked and x.dtype.kind in "fc") for x in xs], dims


def looped(function: Callable[..., tuple[Tensor, ...]], xs: Sequence[Tensor], dims: Sequence[int | None]) -> tuple[Tensor, ...]:
    """What vmap amounts to."""
    rows = [function(*[x if d is None else x[(slice(None),) * d + (k,)] for x, d in zip(xs, dims, strict=True)]) for k in range(B)]
    return tuple(ag.stack(column) for column in zip(*rows, strict=True))


def assert_equal(found: Sequence[Tensor | None], wanted: Sequence[Tensor | None]) -> None:
    """Up to the rounding of sums in another order."""
    for a, b in zip(found, wanted, strict=True):
        assert a is not None
        assert b is not None
        np.testing.assert_allclose(a.numpy(force=True), b.numpy(force=True), rtol=1e-10, atol=1e-12, strict=True)


def test_every_primitive_has_a_rule() -> None:
    own = {name: made for name, made in registry.items() if made.forward.__module__.startswith("anygrad.")}
    assert sorted(name for name, made in own.items() if rule_of(made) is one_by_one) == ["set_view", "setitem"]
    assert not set(RULES) - set(own), "rules for primitives that are not there"


def test_somebody_elses_elementwise_primitive_is_computed_at_once() -> None:
    shapes = []

    @ag.primitive("Cube", jvp="elementwise", x=lambda g, x: g * 3 * x * x)
    def my_cube(xp: Any, x: Any) -> Any:
        shapes.append(x.shape)
        return x * x * x

    registry.pop("my_cube")
    assert vmap(my_cube)(ag.tensor([1.0, 2.0])).tolist() == [1.0, 8.0]
    assert shapes == [(2,)]


def test_somebody_elses_primitive_is_computed_entry_by_entry() -> None:
    @ag.primitive("Total", x=lambda g, x_shape, xp: xp.broadcast_to(g, x_shape))
    def my_total(xp: Any, x: Any) -> Any:
        assert x.ndim == 1
        return xp.sum(x)

    registry.pop("my_total")
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = vmap(my_total)(x)
    assert y.tolist() == [3.0, 7.0]
    (y * ag.tensor([1.0, 10.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1.0, 1.0], [10.0, 10.0]]


@pytest.mark.parametrize("row", ROWS + OWN + FIXED, ids=repr)
@pytest.mark.parametrize("dim", [0, 1])
def test_values_and_gradients_are_those_of_a_loop(row: Row, dim: int) -> None:
    for batched in combinations(row):
        xs, dims = arguments(row, batched, dim, tracked=True)
        found, wanted = vmap(call(row), in_dims=dims, randomness="same")(*xs), looped(call(row), xs, dims)
        assert_equal(found, wanted)
        live = [(a, b) for a, b in zip(found, wanted, strict=True) if b.requires_grad]
        assert all(a.requires_grad == b.requires_grad for a, b in zip(found, wanted, strict=True))
        if live:
            leaves = [x for x in xs if x.requires_grad]
            rng = np.random.default_rng(0)
            seeds = [ag.asarray(rng.uniform(0.5, 1.5, a.shape).astype(a.dtype)) for a, _ in live]
            gs = [ag.autograd.grad([y[k] for y in live], leaves, seeds, materialize_grads=True) for k in (0, 1)]
            assert_equal(*gs)


@pytest.mark.parametrize("row", ROWS + OWN, ids=repr)
def test_one_backward_for_many_gradients_is_that_of_a_loop(row: Row) -> None:
    xs, _ = arguments(row, (), 0, tracked=True)
    ys = [y for y in call(row)(*xs) if y.requires_grad]
    leaves = [x for x in xs if x.requires_grad]
    rng = np.random.default_rng(0)
    seeds = [ag.asarray(rng.uniform(0.5, 1.5, (B, *y.shape)).astype(y.dtype)) for y in ys]
    rows = [ag.autograd.grad(ys, leaves, [s[k] for s in seeds], retain_graph=True, materialize_grads=True) for k in range(B)]
    wanted = [ag.stack(column) for column in zip(*rows, strict=True)]
    assert_equal(ag.autograd.grad(ys, leaves, seeds, retain_graph=True, materialize_grads=True, is_grads_batched=True), wanted)


@pytest.mark.parametrize("row", ROWS + OWN, ids=repr)
def test_derivatives_inside_of_vmap_are_those_of_each_entry(row: Row) -> None:

    def gradients(*xs: Tensor) -> tuple[Tensor, ...]:
        def function(*floats: Tensor) -> tuple[Tensor, ...]:
            given = iter(floats)
            return call(row)(*[next(given) if i in row.live else x for i, x in enumerate(xs)])

        ys, pull_back = vjp(function, *[xs[i] for i in row.live])
        return pull_back(tuple(ag.ones_like(y) for y in ys))

    for batched in combinations(row):
        xs, dims = arguments(row, batched, 0)
        assert_equal(vmap(gradients, in_dims=dims, randomness="same")(*xs), looped(gradients, xs, dims))
