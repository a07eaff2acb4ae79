"""Batching rules: every row of op_cases.py under vmap, against a loop over the batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from op_cases import CASES, NOT_DIFFERENTIABLE, Case

import anygrad as ag
from anygrad import Tensor, ops
from anygrad._batching import RULES, one_by_one, rule_of
from anygrad._primitive import registry
from anygrad.func import vjp, vmap

B = 3

# ---------------------------------------------------------------------------
# what is not in op_cases.py: the extensions
# ---------------------------------------------------------------------------


def extension(name: str, function: Callable[..., Any], *shapes: tuple[int, ...], complex: bool = False) -> Case:
    """Random inputs in (0.2, 0.8), matrices made regular."""
    rng = np.random.default_rng(len(name))
    arrays = []
    for shape in shapes:
        a = rng.uniform(0.2, 0.8, shape) + (1j * rng.uniform(0.2, 0.8, shape) if complex else 0)
        arrays.append(a + 2 * np.eye(*shape[-2:]) * np.arange(1, shape[-1] + 1) if len(shape) > 1 and name.startswith("linalg") else a)
    return Case(f"{name}-{'-'.join(map(str, shapes))}{'-complex' * complex}", function, function, tuple(arrays))


def definite(x: Tensor) -> Tensor:
    return x @ ag.conj(ag.matrix_transpose(x))


la, ft, sp = ag.linalg, ag.fft, ag.special
SQUARE = {
    "cholesky": lambda x: la.cholesky(definite(x)),
    "cholesky upper": lambda x: la.cholesky(definite(x), upper=True),
    "det": la.det,
    "slogdet": lambda x: la.slogdet(x)[1],
    "inv": la.inv,
    "pinv": la.pinv,
    "qr": lambda x: tuple(la.qr(x)),
    "eigvalsh": lambda x: la.eigvalsh(definite(x)),
    "eigh": lambda x: (la.eigh(definite(x))[0], ag.abs(la.eigh(definite(x))[1])),
    "eigvals": lambda x: ag.sum(la.eigvals(x) ** 2, axis=-1),
    "svdvals": la.svdvals,
    "svd": lambda x: ag.abs(la.svd(x, full_matrices=False)[0]),
    "matrix_power": lambda x: la.matrix_power(x, 3),
    "matrix_norm": la.matrix_norm,
    "trace": la.trace,
    "diagonal": lambda x: la.diagonal(x, offset=1),
}
EXTENSIONS = [extension(f"linalg.{name}", f, shape, complex=c) for name, f in SQUARE.items() for shape in ((3, 3), (2, 3, 3)) for c in (False, True)]
EXTENSIONS += [extension("linalg.solve", la.solve, *shapes) for shapes in (((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3,)), ((2, 3, 3), (2, 3, 1)))]
EXTENSIONS += [extension("outer", la.outer, (3,), (2,)), extension("cross", la.cross, (3,), (2, 3))]
EXTENSIONS += [extension(f"norm {n}", lambda x, n=n: la.vector_norm(x, ord=n, axis=0), (3, 2)) for n in (0.5, 1, 2, 3, np.inf)]
EXTENSIONS += [extension("norm of all", la.vector_norm, (2, 2)), extension("norm 0-d", la.vector_norm, ())]
EXTENSIONS += [
    extension(f"fft.{name}", functools.partial(getattr(ft, name), **kwargs), (3, 4), complex=name not in ("rfft", "rfftn", "ihfft"))
    for name in ("fft", "ifft", "rfft", "irfft", "fftn", "ifftn", "rfftn", "irfftn", "hfft", "ihfft", "fftshift", "ifftshift")
    for kwargs in ({}, {"axes": (0,)} if name.endswith("n") or "shift" in name else {"axis": 0})
]
EXTENSIONS += [extension(f"special.{name}", getattr(sp, name), (2, 3)) for name in "erf erfinv gammaln digamma i0 j1 expit logit entr sinc".split()]
EXTENSIONS += [extension(f"special.{name}", getattr(sp, name), (2, 1), (3,)) for name in "xlogy betaln rel_entr huber".split()]
EXTENSIONS += [
    extension(f"special.{name}", functools.partial(getattr(sp, name), **kwargs), (2, 3))
    for name in ("logsumexp", "softmax", "log_softmax")
    for kwargs in ({}, {"axis": 0}, {"axis": (0, 1)})
]
_I, _J = np.array([[1, 0], [1, 1]]), np.array([2, 0])
EXTENSIONS += [
    extension("x[i2, :, j]", lambda x: x[ag.asarray(_I), :, ag.asarray(_J)], (2, 2, 3)),
    Case("scatter_add at the back", *[lambda g, i: ops.scatter_add((2, 2, 3), (..., i), g)] * 2, (np.arange(16.0).reshape(2, 2, 2, 2), _I)),
    Case("scatter_add apart", *[lambda g, i, j: ops.scatter_add((2, 2, 3), (i, slice(None), j), g)] * 2, (np.arange(8.0).reshape(2, 2, 2), _I, _J)),
    Case("zero_at the back", *[lambda x, i: ops.zero_at(x, (..., i))] * 2, (np.arange(12.0).reshape(2, 2, 3), _I)),
]
EXTENSIONS += [extension("special.polygamma", lambda x: sp.polygamma(1, x), (3,)), extension("special.logsumexp 0-d", sp.logsumexp, ())]
# What cannot differ from one entry to the next: it decides the shape of the result.
UNIFORM = {"repeat each": (1,), "nonzero": (0,), "unique_values": (0,), "unique_all": (0,), "unique_counts": (0,), "unique_inverse": (0,)}


def as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def call(case: Case) -> Callable[..., tuple[Tensor, ...]]:
    return lambda *xs: as_tuple(case.function(*xs, **case.kwargs))


def uniform(case: Case) -> tuple[int, ...]:
    """The inputs that have to be the same for all entries."""
    masks = tuple(i for i, a in enumerate(case.arrays) if a.dtype.kind == "b") if case.id.startswith("x[") else ()
    name = next((n for n in UNIFORM if case.id.startswith(n + "-")), "")
    return masks + UNIFORM.get(name, ())


def entries(a: np.ndarray) -> list[np.ndarray]:
    """Values for each entry of a batch: the same numbers in other places, so that they stay in their domain."""
    return [np.roll(a.ravel(), k).reshape(a.shape) for k in range(B)]


def combinations(case: Case) -> list[tuple[int, ...]]:
    """Which inputs to batch: all that can be, and each of several alone."""
    possible = [i for i in range(len(case.arrays)) if i not in uniform(case)]
    return [tuple(possible), *[(i,) for i in possible if len(possible) > 1]] if possible else []


def arguments(case: Case, batched: Sequence[int], dim: int, tracked: bool = False) -> tuple[list[Tensor], tuple[int | None, ...]]:
    xs = [np.stack(entries(a), axis=dim if dim <= a.ndim else 0) if i in batched else a for i, a in enumerate(case.arrays)]
    dims = tuple((dim if dim <= a.ndim else 0) if i in batched else None for i, a in enumerate(case.arrays))
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


@pytest.mark.parametrize("case", CASES + EXTENSIONS + NOT_DIFFERENTIABLE, ids=repr)
@pytest.mark.parametrize("dim", [0, 1])
def test_values_and_gradients_are_those_of_a_loop(case: Case, dim: int) -> None:
    for batched in combinations(case):
        xs, dims = arguments(case, batched, dim, tracked=True)
        found, wanted = vmap(call(case), in_dims=dims)(*xs), looped(call(case), xs, dims)
        assert_equal(found, wanted)
        live = [(a, b) for a, b in zip(found, wanted, strict=True) if b.requires_grad]
        assert all(a.requires_grad == b.requires_grad for a, b in zip(found, wanted, strict=True))
        if live:
            leaves = [x for x in xs if x.requires_grad]
            rng = np.random.default_rng(0)
            seeds = [ag.asarray(rng.uniform(0.5, 1.5, a.shape).astype(a.dtype)) for a, _ in live]
            gs = [ag.autograd.grad([y[k] for y in live], leaves, seeds, materialize_grads=True) for k in (0, 1)]
            assert_equal(*gs)


@pytest.mark.parametrize("case", CASES + EXTENSIONS, ids=repr)
def test_one_backward_for_many_gradients_is_that_of_a_loop(case: Case) -> None:
    xs, _ = arguments(case, (), 0, tracked=True)
    ys = [y for y in call(case)(*xs) if y.requires_grad]
    leaves = [x for x in xs if x.requires_grad]
    rng = np.random.default_rng(0)
    seeds = [ag.asarray(rng.uniform(0.5, 1.5, (B, *y.shape)).astype(y.dtype)) for y in ys]
    rows = [ag.autograd.grad(ys, leaves, [s[k] for s in seeds], retain_graph=True, materialize_grads=True) for k in range(B)]
    wanted = [ag.stack(column) for column in zip(*rows, strict=True)]
    assert_equal(ag.autograd.grad(ys, leaves, seeds, retain_graph=True, materialize_grads=True, is_grads_batched=True), wanted)


@pytest.mark.parametrize("case", CASES + EXTENSIONS, ids=repr)
def test_derivatives_inside_of_vmap_are_those_of_each_entry(case: Case) -> None:
    inexact = [i for i, a in enumerate(case.arrays) if a.dtype.kind in "fc"]

    def gradients(*xs: Tensor) -> tuple[Tensor, ...]:
        def function(*floats: Tensor) -> tuple[Tensor, ...]:
            given = iter(floats)
            return call(case)(*[next(given) if i in inexact else x for i, x in enumerate(xs)])

        ys, pull_back = vjp(function, *[xs[i] for i in inexact])
        return pull_back(tuple(ag.ones_like(y) for y in ys))

    for batched in combinations(case):
        xs, dims = arguments(case, batched, 0)
        assert_equal(vmap(gradients, in_dims=dims)(*xs), looped(gradients, xs, dims))
