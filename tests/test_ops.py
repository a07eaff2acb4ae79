"""Every row of op_cases.py: value, first and second derivative, both interpreters, dtypes, layouts, libraries."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numeric
import numpy as np
import pytest
from op_cases import CASES, NOT_DIFFERENTIABLE, Case

import anygrad as ag
from anygrad import Tensor

Make = Callable[..., Tensor]
every_case = pytest.mark.parametrize("case", CASES, ids=repr)
every_complex_case = pytest.mark.parametrize("case", [c for c in CASES if c.complex], ids=repr)


def as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def inexact(case: Case) -> list[int]:
    """The inputs that are differentiated."""
    return [i for i, a in enumerate(case.arrays) if a.dtype.kind in "fc"]


def expected(case: Case, *arrays: np.ndarray) -> list[np.ndarray]:
    return [np.asarray(y) for y in as_tuple(case.reference(*arrays, **case.kwargs))]


def inputs(case: Case, make: Make, only: Sequence[int] | None = None) -> list[Tensor]:
    return [make(a, requires_grad=i in (inexact(case) if only is None else only)) for i, a in enumerate(case.arrays)]


def outputs(case: Case, tensors: Sequence[Tensor]) -> list[Tensor]:
    return list(as_tuple(case.function(*tensors, **case.kwargs)))


def seeds_of(case: Case) -> list[np.ndarray]:
    return numeric.weights_like(expected(case, *case.arrays), seed=1)


def host(t: Tensor | None) -> np.ndarray:
    assert t is not None
    return t.numpy(force=True)


def gradients(case: Case, make: Make, create_graph: bool = False) -> list[Tensor]:
    """The first gradients of a case, all in one backward."""
    xs, seeds = inputs(case, make), [make(a) for a in seeds_of(case)]
    return list(ag.autograd.grad(outputs(case, xs), [xs[i] for i in inexact(case)], seeds, create_graph=create_graph))


@functools.cache
def numeric_gradients(case: Case) -> list[np.ndarray]:
    return numeric.gradient(functools.partial(expected, case), case.arrays, inexact(case), seeds_of(case))


def assert_close(actual: Tensor, wanted: np.ndarray, rtol: float = 1e-6, atol: float = 1e-8) -> None:
    np.testing.assert_allclose(host(actual), wanted, rtol=rtol, atol=atol, strict=True)


@pytest.fixture(autouse=True)
def _within_the_standard(request: pytest.FixtureRequest) -> None:
    """array_api_strict refuses what the standard does not have."""
    spec = getattr(request.node, "callspec", None)
    case = spec.params.get("case") if spec else None
    if case and not case.standard and spec.params.get("library") == "array_api_strict":
        pytest.skip("not in the Array API standard")


# ---------------------------------------------------------------------------
# values
# ---------------------------------------------------------------------------


@every_case
def test_value(case: Case, make: Make, device: Any) -> None:
    found, wanted = outputs(case, inputs(case, make)), expected(case, *case.arrays)
    assert len(found) == len(wanted)
    for y, y0 in zip(found, wanted, strict=True):
        assert isinstance(y, Tensor)
        assert y.requires_grad
        assert y.device == device
        assert_close(y, y0, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("case", NOT_DIFFERENTIABLE, ids=repr)
def test_value_without_derivative(case: Case, make: Make, device: Any) -> None:
    found, wanted = outputs(case, inputs(case, make)), expected(case, *case.arrays)
    assert len(found) == len(wanted)
    for y, y0 in zip(found, wanted, strict=True):
        assert y.device == device
        assert not y.requires_grad
        assert y.grad_fn is None
        assert_close(y, y0, rtol=0, atol=0)


# ---------------------------------------------------------------------------
# derivatives
# ---------------------------------------------------------------------------


@every_case
def test_gradient(case: Case, make: Make, device: Any) -> None:
    xs = inputs(case, make)
    ag.autograd.backward(outputs(case, xs), [make(a) for a in seeds_of(case)])
    for i, x in enumerate(xs):
        if i not in inexact(case):
            assert x.grad is None
    for i, wanted in zip(inexact(case), numeric_gradients(case), strict=True):
        assert xs[i].grad.device == device
        assert_close(xs[i].grad, wanted)


@every_case
def test_second_derivative(case: Case, make: Make) -> None:
    check_second(case, make)


def check_second(case: Case, make: Make) -> None:
    """Differentiate inner(v, first gradients), with respect to the inputs and to the seeds."""
    live, xs, seeds = inexact(case), inputs(case, make), [make(a, requires_grad=True) for a in seeds_of(case)]
    wrt = [xs[i] for i in live] + seeds
    first = ag.autograd.grad(outputs(case, xs), wrt[: len(live)], seeds, create_graph=True)
    vs = numeric.weights_like([host(g) for g in first], seed=2)
    recorded = [(g, make(v)) for g, v in zip(first, vs, strict=True) if g.requires_grad]
    if recorded:
        gs, weights = zip(*recorded, strict=True)
        found = ag.autograd.grad(gs, wrt, weights, materialize_grads=True)
    else:
        found = tuple(ag.zeros_like(x) for x in wrt)
    for g, wanted in zip(found, numeric_second(case), strict=True):
        assert_close(g, wanted)


@functools.cache
def numeric_second(case: Case) -> list[np.ndarray]:
    """By differences of the first gradients, which test_gradient has checked; computed by NumPy."""
    live = inexact(case)

    def first(*arrays: np.ndarray) -> list[np.ndarray]:
        moved = Case(case.id, case.function, case.reference, arrays, case.kwargs)
        xs, seeds = inputs(moved, ag.tensor), [ag.asarray(a) for a in seeds_of(case)]
        return [host(g) for g in ag.autograd.grad(outputs(moved, xs), [xs[i] for i in live], seeds)]

    vs = numeric.weights_like([case.arrays[i] for i in live], seed=2)
    seeds = numeric.push(functools.partial(expected, case), case.arrays, live, vs)
    return numeric.gradient(first, case.arrays, live, vs) + seeds


@every_case
def test_both_interpreters_agree(case: Case, make: Make) -> None:
    for raw, recorded in zip(gradients(case, make), gradients(case, make, create_graph=True), strict=True):
        np.testing.assert_array_equal(host(raw), host(recorded), strict=True)


@every_case
def test_one_input_at_a_time(case: Case, make: Make) -> None:
    """Inputs that do not require grad get none, and change nothing for the others."""
    if len(inexact(case)) < 2:
        pytest.skip("one input")
    together = dict(zip(inexact(case), gradients(case, make), strict=True))
    for i, wanted in together.items():
        xs = inputs(case, make, only=[i])
        ys = outputs(case, xs)
        pairs = [(y, make(a)) for y, a in zip(ys, seeds_of(case), strict=True) if y.requires_grad]
        ag.autograd.backward([y for y, _ in pairs], [g for _, g in pairs])
        for j, x in enumerate(xs):
            if j == i:
                np.testing.assert_array_equal(host(x.grad), host(wanted), strict=True)
            else:
                assert x.grad is None


# ---------------------------------------------------------------------------
# dtypes
# ---------------------------------------------------------------------------


@functools.cache
def complex_of(case: Case) -> Case:
    return case.as_complex()


@every_complex_case
def test_complex_value_and_gradient(case: Case, make: Make) -> None:
    case = complex_of(case)
    for y, y0 in zip(outputs(case, inputs(case, make)), expected(case, *case.arrays), strict=True):
        assert_close(y, y0, rtol=1e-13, atol=1e-14)
    for g, wanted in zip(gradients(case, make), numeric_gradients(case), strict=True):
        assert_close(g, wanted)


@every_complex_case
def test_complex_second_derivative(case: Case, make: Make) -> None:
    check_second(complex_of(case), make)


@every_case
def test_float32_stays_float32(case: Case, make: Make) -> None:
    single = replace(case, arrays=tuple(a.astype({"f": np.float32, "c": np.complex64}.get(a.dtype.kind, a.dtype)) for a in case.arrays))
    xs = inputs(single, make)
    ys = outputs(single, xs)
    wanted = expected(single, *single.arrays)
    assert [y.dtype for y in ys] == [y0.dtype for y0 in wanted]
    seeds = [make(a) for a in seeds_of(single)]
    for g, wanted, i in zip(ag.autograd.grad(ys, [xs[i] for i in inexact(single)], seeds), numeric_gradients(case), inexact(single), strict=True):
        assert g.dtype == single.arrays[i].dtype
        np.testing.assert_allclose(host(g), wanted, rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------------------
# memory layouts
# ---------------------------------------------------------------------------


def read_only(a: np.ndarray) -> np.ndarray:
    out = a.copy()
    out.flags.writeable = False
    return out


def strided(a: np.ndarray) -> np.ndarray:
    """The same values with gaps between them, backwards in memory, the axes in the other order."""
    wide = np.zeros(tuple(2 * n for n in reversed(a.shape)), a.dtype)
    out = wide[(*(slice(None, None, -2),) * a.ndim, ...)].T
    out[...] = a
    return out


@pytest.mark.parametrize("layout", [read_only, strided])
@every_case
def test_layout(case: Case, layout: Callable[[np.ndarray], np.ndarray]) -> None:
    """NumPy arrays as they are, without a copy: results and gradients do not depend on the layout."""

    def over(a: np.ndarray, requires_grad: bool = False) -> Tensor:
        return ag.asarray(layout(a), requires_grad=requires_grad)

    for y, y0 in zip(outputs(case, inputs(case, over)), expected(case, *case.arrays), strict=True):
        assert_close(y, y0, rtol=1e-13, atol=1e-14)
    for g, wanted in zip(gradients(case, over), gradients(case, ag.tensor), strict=True):
        assert_close(g, host(wanted), rtol=1e-13, atol=1e-14)


# ---------------------------------------------------------------------------
# what is saved
# ---------------------------------------------------------------------------

SAVED = {
    "w * data": (lambda w, data: w * data, "data"),
    "data * w": (lambda w, data: data * w, "data"),
    "w / data": (lambda w, data: w / data, "data"),
    "w + data": (lambda w, data: w + data, ""),
    "w @ data": (lambda w, data: w @ data, "data"),
    "w * 2": (lambda w, data: w * 2, ""),
    "sum": (lambda w, data: ag.sum(w), ""),
    "sin": (lambda w, data: ag.sin(w), "w"),
    "exp": (lambda w, data: ag.exp(w), ""),
    "square": (lambda w, data: w * w, "w"),
    "where": (lambda w, data: ag.where(data > 0, w, data), ""),
    "astype": (lambda w, data: ag.astype(w, ag.float32), ""),
    "index": (lambda w, data: w[ag.asarray([0, 0])], ""),
}


@pytest.mark.parametrize("name", SAVED)
def test_saves_nothing_needless(name: str) -> None:
    """Intermediate values that no rule wants are freed as soon as their Tensor is."""
    function, kept = SAVED[name]
    leaf = ag.tensor(np.ones((2, 2)), requires_grad=True)
    w, data = leaf + 1.0, ag.tensor(np.ones((2, 2)))
    arrays = {"w": weakref.ref(w._data), "data": weakref.ref(data._data)}
    y = function(w, data)
    del w, data
    assert [key for key, array in arrays.items() if array() is not None] == kept.split()
    ag.sum(y).backward()
    assert leaf.grad is not None
    assert [key for key, array in arrays.items() if array() is not None] == []  # released by backward


def test_nothing_is_recorded_without_grad(make: Make) -> None:
    x = make(np.ones(2), requires_grad=True)
    with ag.no_grad():
        y = ag.exp(x) * x
    assert y.grad_fn is None
    assert not y.requires_grad
