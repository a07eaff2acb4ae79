"""Batches of tangents and tangents of batches: `vmap` and forward mode in each other, for every row of op_cases.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivatives import host
from op_cases import CASES, Case
from test_forward import Squared

import anygrad as ag
from anygrad.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

Tensors = tuple[ag.Tensor, ...]


class Sample:
    """Two entries of a batch for one case: a function of its live inputs, values, directions."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.live = [i for i, a in enumerate(case.arrays) if a.dtype.kind in "fc"]
        self.fixed = [ag.asarray(a) for a in case.arrays]
        rng = np.random.default_rng(0)
        self.xs = tuple(ag.asarray(np.stack([case.arrays[i], case.arrays[i] * 1.01])) for i in self.live)
        self.vs = tuple(ag.asarray(rng.uniform(0.5, 1.5, x.shape)) for x in self.xs)

    def f(self, *xs: ag.Tensor) -> Tensors:
        remaining = iter(xs)
        y = self.case.function(*[next(remaining) if i in self.live else x for i, x in enumerate(self.fixed)], **self.case.kwargs)
        return tuple(t for t in (y if isinstance(y, (tuple, list)) else (y,)) if t.dtype.kind in "fc")

    def total(self, *xs: ag.Tensor) -> ag.Tensor:
        return sum((ag.sum(ag.real(y * ag.conj(y)) if y.dtype.kind == "c" else y * y) for y in self.f(*xs)), ag.asarray(0.0, dtype=ag.float64))  # type: ignore[return-value]

    def gradient(self, *xs: ag.Tensor) -> Tensors:
        return grad(self.total, tuple(range(len(xs))))(*xs)

    def along(self, f: Callable[..., Any], *both: ag.Tensor) -> Any:
        """The tangent of f for values and directions."""
        n = len(self.live)
        return jvp(f, both[:n], both[n:])[1]

    def each(self, f: Callable[..., Any]) -> list[np.ndarray]:
        """The tangent of f for each entry on its own."""
        rows = [self.along(f, *[x[k] for x in (*self.xs, *self.vs)]) for k in range(2)]
        return [np.stack([host(t) for t in column]) for column in zip(*rows, strict=True)]


PROGRAMS: dict[str, tuple[str, Callable[[Sample], Any]]] = {
    "vmap of jvp": ("f", lambda s: vmap(lambda *both: s.along(s.f, *both))(*s.xs, *s.vs)),
    "jvp of vmap": ("f", lambda s: jvp(vmap(s.f), s.xs, s.vs)[1]),
    "vmap of jvp of grad": ("gradient", lambda s: vmap(lambda *both: s.along(s.gradient, *both))(*s.xs, *s.vs)),
    "jvp of vmap of grad": ("gradient", lambda s: jvp(vmap(s.gradient), s.xs, s.vs)[1]),
    "vmap of grad of jvp": (
        "gradient",
        lambda s: vmap(
            lambda *both: grad(lambda *xs: jvp(s.total, xs, both[len(xs) :])[1], tuple(range(len(s.live))))(*both[: len(s.live)])
        )(*s.xs, *s.vs),
    ),
}  # fmt: skip


# Without those whose number of results depends on the values, which cannot be batched.
BATCHABLE = [case for case in CASES if not case.id.startswith(("unique_", "arange-"))]


@pytest.mark.parametrize("case", BATCHABLE, ids=repr)
def test_every_function(case: Case) -> None:
    sample = Sample(case)
    wanted = {name: sample.each(getattr(sample, name)) for name in ("f", "gradient")}
    for name, (what, program) in PROGRAMS.items():
        for found, expected in zip(program(sample), wanted[what], strict=True):
            np.testing.assert_allclose(host(found), expected, rtol=1e-9, atol=1e-11, err_msg=name)


X = ag.asarray(np.linspace(0.3, 1.7, 6).reshape(3, 2))


def cubic(x: ag.Tensor) -> ag.Tensor:
    return ag.sum(x**3) * x[0] + ag.exp(x[1])


JACOBIANS: dict[str, Callable[[Any], Any]] = {
    "vmap of hessian": lambda f: vmap(hessian(f))(X),
    "vmap of jacfwd of jacfwd": lambda f: vmap(jacfwd(jacfwd(f)))(X),
    "vmap of jacfwd of grad": lambda f: vmap(jacfwd(grad(f)))(X),
    "vmap of jacrev of jacfwd": lambda f: vmap(jacrev(jacfwd(f)))(X),
    "jacfwd in chunks": lambda f: ag.stack([jacfwd(jacrev(f), chunk_size=1)(x) for x in X]),
    "diagonal of jacfwd of vmap": lambda f: ag.stack([block[i, :, i] for i, block in enumerate([jacfwd(vmap(grad(f)))(X)] * 3)]),
}


@pytest.mark.parametrize("name", JACOBIANS)
def test_jacobians(name: str) -> None:
    wanted = np.stack([host(jacrev(jacrev(cubic))(x)) for x in X])
    np.testing.assert_allclose(host(JACOBIANS[name](cubic)), wanted, rtol=1e-12)


def curve(x: ag.Tensor) -> ag.Tensor:
    return ag.stack([x[0] * x[1], ag.sin(x[1]), x[0] ** 3])


SECOND = {f"{outer.__name__} of {inner.__name__}": (outer, inner) for outer in (jacfwd, jacrev) for inner in (jacfwd, jacrev)}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives_of_vectors(name: str) -> None:
    outer, inner = SECOND[name]
    wanted = np.stack([host(jacrev(jacrev(curve, chunk_size=1), chunk_size=1)(x)) for x in X])
    np.testing.assert_allclose(np.stack([host(outer(inner(curve))(x)) for x in X]), wanted, rtol=1e-12)
    np.testing.assert_allclose(host(vmap(outer(inner(curve)))(X)), wanted, rtol=1e-12)
    third = np.stack([host(jacrev(outer(inner(curve)), chunk_size=1)(x)) for x in X])
    np.testing.assert_allclose(host(vmap(jacfwd(outer(inner(curve))))(X)), third, rtol=1e-12)


def test_tangents_of_gradients_in_a_batch() -> None:
    def products(x: ag.Tensor, each: Callable[..., Any]) -> ag.Tensor:
        """x times the Jacobian, scaled; what goes into pull_back has a tangent of its own."""
        _, pull_back = vjp(curve, x)
        return each(lambda v: pull_back(v * x[0])[0])(ag.eye(3, dtype=ag.float64))

    def looped(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda rows: ag.stack([f(row) for row in rows])

    for x in X:
        found, wanted = (host(jacfwd(lambda x, each=each: products(x, each), chunk_size=1)(x)) for each in (vmap, looped))
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        np.testing.assert_allclose(host(jacfwd(lambda x: products(x, vmap))(x)), wanted, rtol=1e-12)


def test_functions_of_ones_own() -> None:
    def f(x: ag.Tensor) -> ag.Tensor:
        return ag.sum(Squared.apply(x) * x)

    v = ag.ones_like(X[0])
    np.testing.assert_allclose(host(vmap(lambda x: jvp(Squared.apply, (x,), (v,))[1])(X)), host(2 * X))
    np.testing.assert_allclose(host(jvp(vmap(Squared.apply), (X,), (ag.ones_like(X),))[1]), host(2 * X))
    np.testing.assert_allclose(host(vmap(lambda x: jvp(grad(f), (x,), (v,))[1])(X)), host(6 * X))
    np.testing.assert_allclose(host(jacfwd(grad(f))(X[0])), np.diag(host(6 * X[0])))
