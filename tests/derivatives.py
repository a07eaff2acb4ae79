"""First and second derivatives of a function, checked against differences: for the tests of the extensions.

Forward mode is checked against backward: <g, J v> = <J^T g, v>.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numeric
import numpy as np

import anygrad as ag


def host(t: ag.Tensor) -> np.ndarray:
    return t.numpy(force=True)


def outputs(value: Any) -> tuple[ag.Tensor, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def check_tangents(
    function: Callable[..., Any], xs: Sequence[ag.Tensor], live: Sequence[int], second: bool = True, rtol: float = 1e-9, atol: float = 1e-11
) -> None:
    """Compare tangents with gradients, each input alone and all together; and tangents of gradients with gradients of gradients."""
    rng = np.random.default_rng(3)

    def random_like(t: ag.Tensor) -> ag.Tensor:
        return ag.asarray(numeric.weights_like([host(t)], seed=int(rng.integers(99)))[0], device=t.device)

    def of_live(*chosen: ag.Tensor) -> tuple[ag.Tensor, ...]:
        remaining = iter(chosen)
        ys = outputs(function(*[next(remaining) if i in live else x for i, x in enumerate(xs)]))
        return tuple(y for y in ys if y.dtype.kind in "fc")

    def inner(a: Sequence[ag.Tensor], b: Sequence[ag.Tensor]) -> float:
        return numeric.inner([host(t) for t in a], [host(t) for t in b])

    primals = tuple(xs[i].detach() for i in live)
    tangents = tuple(random_like(x) for x in primals)
    ys, pull = ag.func.vjp(of_live, *primals)
    seeds = tuple(random_like(y) for y in ys)
    grads = pull(seeds)
    for only in (None, *range(len(live))) if len(live) > 1 else (None,):
        vs = tuple(t if only in (None, i) else ag.zeros_like(t) for i, t in enumerate(tangents))
        with ag.autograd.forward_ad.dual_level():
            duals = [ag.autograd.forward_ad.make_dual(x, v) if only in (None, i) else x for i, (x, v) in enumerate(zip(primals, vs, strict=True))]
            pairs = [ag.autograd.forward_ad.unpack_dual(y) for y in of_live(*duals)]
        for (value, change), y in zip(pairs, ys, strict=True):
            np.testing.assert_array_equal(host(value), host(y), strict=True)
            assert change is None or (change.shape, change.dtype, change.device) == (y.shape, y.dtype, y.device)
        pushed = [ag.zeros_like(y) if change is None else change for (_, change), y in zip(pairs, ys, strict=True)]
        np.testing.assert_allclose(inner(seeds, pushed), inner(grads, vs), rtol=rtol, atol=atol)
    if second:
        _check_tangents_of_gradients(of_live, primals, tangents, seeds, inner, rtol, atol)


def _check_tangents_of_gradients(f: Any, primals: Any, tangents: Any, seeds: Any, inner: Any, rtol: float, atol: float) -> None:
    def gradients(*xs: ag.Tensor) -> Any:
        return ag.func.vjp(f, *xs)[1](seeds)

    found, changes = ag.func.jvp(gradients, primals, tangents)
    for g in found:
        assert not g.requires_grad
    xs = [x.clone().requires_grad_() for x in primals]
    first = ag.autograd.grad(f(*xs), xs, seeds, create_graph=True)
    live = [(g, t) for g, t in zip(first, tangents, strict=True) if g.requires_grad]
    wanted = ag.autograd.grad([g for g, _ in live], xs, [t for _, t in live], materialize_grads=True) if live else [ag.zeros_like(x) for x in xs]
    for a, b in zip(changes, wanted, strict=True):
        np.testing.assert_allclose(host(a), host(b), rtol=rtol, atol=atol + rtol * float(np.max(np.abs(host(b)), initial=0)))


def check(function: Callable[..., Any], *arrays: np.ndarray, make: Any = ag.tensor, second: bool = True, rtol: float = 1e-6, atol: float = 1e-8) -> None:
    """Compare gradients with differences of values, and second ones with differences of gradients.

    `function` gives a Tensor or several; the gradients are those with respect to all `arrays`,
    float64 or complex128, once from the rules on raw arrays and once from those on Tensors.
    """
    wrt = range(len(arrays))

    def values(*moved: np.ndarray) -> list[np.ndarray]:
        return [host(y) for y in outputs(function(*map(ag.asarray, moved)))]

    seeds = numeric.weights_like(values(*arrays), seed=1)

    def first(*moved: np.ndarray, make: Any = ag.tensor, recorded: bool = False) -> Any:
        xs = [make(a, requires_grad=True) for a in moved]
        grads = ag.autograd.grad(outputs(function(*xs)), xs, [make(a) for a in seeds], create_graph=recorded)
        return (xs, grads) if recorded else [host(g) for g in grads]

    check_tangents(function, [make(a) for a in arrays], wrt, second)
    raw = first(*arrays, make=make)
    for found, wanted in zip(raw, numeric.gradient(values, arrays, wrt, seeds), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol, strict=True)
    xs, recorded = first(*arrays, make=make, recorded=True)
    for a, b in zip(raw, recorded, strict=True):
        np.testing.assert_allclose(host(b), a, rtol=1e-12, atol=1e-13, strict=True)
    if not second:
        return
    vs = numeric.weights_like(raw, seed=2)
    live = [(g, make(v)) for g, v in zip(recorded, vs, strict=True) if g.requires_grad]
    found2 = ag.autograd.grad([g for g, _ in live], xs, [v for _, v in live], materialize_grads=True) if live else [ag.zeros_like(x) for x in xs]
    for found, wanted in zip(found2, numeric.gradient(first, arrays, wrt, vs), strict=True):
        np.testing.assert_allclose(host(found), wanted, rtol=rtol, atol=atol, strict=True)
