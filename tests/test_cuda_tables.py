"""Every row of the tables of functions on NumPy dressed as CuPy, against NumPy; and what in them waits for the GPU.

Each row runs twice: on the second of two devices while the first is current, and on the only device, where the functions
that `_primitive.py` writes are not bypassed. The stand-in refuses to compute away from the current device and to mix with
NumPy's arrays, so a rule that creates an array somewhere else is found here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import cupy_stand_in
import numeric
import numpy as np
import pytest
from cupy_stand_in import ABSENT_FROM_SPECIAL
from derivatives import host, outputs
from op_cases import NOT_DIFFERENTIABLE
from tables import ROWS, Row

import anygrad as ag
from anygrad import Tensor
from anygrad.func import jvp, vmap

FIXED = [Row(case.id, "", functools.partial(case.function, **case.kwargs), case.arrays) for case in NOT_DIFFERENTIABLE]
ABSENT = [row for row in ROWS if row.name.removeprefix("special.") in ABSENT_FROM_SPECIAL]
THERE = [row for row in ROWS if row not in ABSENT]
SMOOTH = [row for row in THERE if row.live]

# What waits for the GPU, by the beginning of the row's id, and why.
WAITS = {
    **dict.fromkeys("nonzero unique_all unique_counts unique_inverse unique_values arange".split(), "the shape of the result depends on values"),
    "repeat each": "the same",
    **dict.fromkeys("cholesky eig eigh eigvals eigvalsh inv matrix_power_-2 pinv solve svd svdvals".split(), "linalg raises for what cannot be computed"),
    **dict.fromkeys("det matrix_norm_nuc matrix_norm_2 matrix_norm_-2 slogdet qr".split(), "they, or their gradients, are made of those"),
}
NOT_BATCHED = ("arange", "unique_")  # the shape of the result would differ within a batch


def waits(row: Row) -> bool:
    name = row.id.removeprefix("linalg.")
    masked = name.startswith("x[") and any(a.dtype == bool for a in row.arrays)
    return masked or any(name == known or name.startswith((f"{known}-", f"{known}_")) for known in WAITS)


@pytest.fixture(scope="module", params=["cuda:0", "cuda:1"], autouse=True)
def where(request: pytest.FixtureRequest) -> Iterator[str]:
    """A device: the only one, or the one of two that is not current."""
    with pytest.MonkeyPatch.context() as patch, cupy_stand_in.installed(patch, devices=1 + (request.param == "cuda:1")):
        yield request.param


def on(device: str, row: Row, tracked: bool = True) -> list[Tensor]:
    return [ag.tensor(a, device=device, requires_grad=tracked and i in row.live) for i, a in enumerate(row.arrays)]


def call(row: Row, xs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return outputs(row.function(*xs))


def seeds_for(ys: Sequence[Tensor]) -> list[Tensor]:
    return [ag.asarray(numeric.weights_like([host(y)], seed=i)[0], device=y.device) for i, y in enumerate(ys)]


def assert_same(found: Sequence[Tensor | None], wanted: Sequence[Tensor | None], where: str) -> None:
    for a, b in zip(found, wanted, strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert type(a._data) is cupy_stand_in.ndarray
            assert a.device == where
            np.testing.assert_allclose(host(a), host(b), rtol=1e-9, atol=1e-11, strict=True)


def values_and_gradients(row: Row, device: str, waited: list[str]) -> Sequence[Tensor | None]:
    """Values, gradients, gradients on the record, and their gradients; and what in them waits."""
    xs = on(device, row)
    cupy_stand_in.waits.clear()
    ys = call(row, xs)
    waited += cupy_stand_in.waits
    smooth = [y for y in ys if y.requires_grad]
    if not smooth:
        return ys
    tracked, seeds = [xs[i] for i in row.live], [s.requires_grad_() for s in seeds_for(smooth)]
    cupy_stand_in.waits.clear()
    plain = ag.autograd.grad(smooth, tracked, seeds, retain_graph=True, allow_unused=True)
    recorded = ag.autograd.grad(smooth, tracked, seeds, create_graph=True, allow_unused=True)
    again = [g for g in recorded if g is not None and g.requires_grad]
    second = ag.autograd.grad(again, [*tracked, *seeds], [ag.ones_like(g) for g in again], allow_unused=True) if again else ()
    waited += cupy_stand_in.waits
    return [*ys, *plain, *recorded, *second]


def values_and_tangents(row: Row, device: str) -> Sequence[Tensor | None]:
    xs = on(device, row, tracked=False)
    chosen = [xs[i] for i in row.live]

    def of_live(*live: Tensor) -> tuple[Tensor, ...]:
        remaining = iter(live)
        return tuple(y for y in call(row, [next(remaining) if i in row.live else x for i, x in enumerate(xs)]) if y.dtype.kind in "fc")

    values, tangents = jvp(of_live, tuple(chosen), tuple(seeds_for(chosen)))
    return [*values, *tangents]


def batches(row: Row, device: str) -> Sequence[Tensor | None]:
    """Values and gradients of a batch of the first argument that is differentiated."""
    xs, first = on(device, row, tracked=False), row.live[0]
    xs[first] = ag.stack([xs[first], xs[first]]).requires_grad_()
    ys = vmap(lambda *xs: call(row, xs), in_dims=tuple(0 if i == first else None for i in range(len(xs))), randomness="same")(*xs)
    smooth = [y for y in ys if y.requires_grad]
    return [*ys, *ag.autograd.grad(smooth, xs[first], seeds_for(smooth))] if smooth else ys


@pytest.mark.parametrize("row", [*THERE, *FIXED], ids=repr)
def test_values_and_gradients(row: Row, where: str) -> None:
    waited: list[str] = []
    assert_same(values_and_gradients(row, where, waited), values_and_gradients(row, "cpu", []), where)
    assert bool(waited) == waits(row), set(waited)


@pytest.mark.parametrize("row", SMOOTH, ids=repr)
def test_tangents(row: Row, where: str) -> None:
    assert_same(values_and_tangents(row, where), values_and_tangents(row, "cpu"), where)


@pytest.mark.parametrize("row", [row for row in SMOOTH if not row.id.startswith(NOT_BATCHED)], ids=repr)
def test_batches(row: Row, where: str) -> None:
    assert_same(batches(row, where), batches(row, "cpu"), where)


@pytest.mark.parametrize("row", ABSENT, ids=repr)
def test_what_cupy_lacks_says_so(row: Row, where: str) -> None:
    with pytest.raises(NotImplementedError, match=r"the cupy backend has no such function.*`\.to\(\"cpu\"\)`"):
        call(row, on(where, row))


def test_a_training_step_does_not_wait(where: str) -> None:
    w = ag.tensor(np.ones((4, 2)), device=where, requires_grad=True)
    b = ag.zeros(2, dtype=ag.float64, device=where, requires_grad=True)
    x = ag.tensor(np.arange(12.0).reshape(3, 4), device=where)
    rows = ag.tensor(np.array([0, 2, 0]), device=where)
    w.register_hook(lambda g: ag.clip(g, -1.0, 1.0))
    cupy_stand_in.waits.clear()
    for _ in range(2):
        h = ag.tanh(x[rows] @ w + b)
        h[0] = 0.5
        view = h[:, 1:]
        view *= 2.0
        loss = ag.sum((h - ag.where(h > 0, h, 0.1)) ** 2) + ag.logsumexp(ag.maximum(h, 0.0)) + ag.max(ag.var(h, axis=0))
        loss.backward(retain_graph=True)
        loss.backward(inputs=[w, b])
        with ag.no_grad():
            for p in (w, b):
                p -= 0.1 * p.grad
                p.grad.zero_()
    assert cupy_stand_in.waits == []
    assert w.grad.device == b.grad.device == where


def test_a_move_to_the_host_copies_once(where: str) -> None:
    x = ag.ones(3, device=where, requires_grad=True)
    cupy_stand_in.waits.clear()
    x.to("cpu")
    assert len(cupy_stand_in.waits) == 1
