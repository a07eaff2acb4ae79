"""Forward mode: dual numbers, `func.jvp` and its like; every row of op_cases.py against backward."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivatives import check_tangents, host
from op_cases import CASES, Case

import anygrad as ag
from anygrad import _primitive
from anygrad.autograd import forward_ad, functional, gradcheck, gradgradcheck
from anygrad.autograd.forward_ad import dual_level, make_dual, unpack_dual
from anygrad.func import grad, hessian, jacfwd, jacrev, jvp, linearize, vjp


def f64(*values: Any) -> ag.Tensor:
    return ag.tensor(values[0] if len(values) == 1 else values, dtype=ag.float64)


def assert_dual(x: ag.Tensor, value: Any, tangent: Any) -> None:
    found = unpack_dual(x)
    np.testing.assert_allclose(host(found.primal), value, rtol=1e-12)
    assert (found.tangent is None) == (tangent is None)
    if tangent is not None:
        np.testing.assert_allclose(host(found.tangent), tangent, rtol=1e-12)


# ---------------------------------------------------------------------------
# the tables
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_tangents(case: Case, make: Any, library: str) -> None:
    if library == "array_api_strict" and not case.standard:
        pytest.skip("not in the Array API standard")
    check_case(case, make)


@pytest.mark.parametrize("case", [c for c in CASES if c.complex], ids=repr)
def test_complex_tangents(case: Case) -> None:
    check_case(case.as_complex(), ag.tensor)


def check_case(case: Case, make: Any) -> None:
    live = [i for i, a in enumerate(case.arrays) if a.dtype.kind in "fc"]
    check_tangents(functools.partial(case.function, **case.kwargs), [make(a) for a in case.arrays], live)


def test_which_primitives_transpose_their_rules() -> None:
    """They have no jvp of their own; to compute with matrices takes longer than to transpose a rule."""
    slow = {name for name, made in _primitive.registry.items() if made.differentiable and made.jvp is None and made.forward.__module__.startswith("anygrad.")}
    assert slow == {"eig", "qr", "slogdet", "svd"}


def test_a_word_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="jvp is"):
        ag.primitive("Odd", jvp="odd", x=lambda g: g)(lambda xp, x: x)
    with pytest.raises(TypeError, match="asks for 'y'"):
        ag.primitive("Odd", jvp=lambda t, y: t, x=lambda g: g)(lambda xp, x: x)


def test_a_primitive_without_jvp() -> None:
    """The rules are transposed; where there is none the primitive is named."""

    def weighted(xp: Any, x: Any, y: Any) -> Any:
        return xp.exp(x) * y

    function = ag.primitive("Weighted", x=lambda g, out: g * out)(weighted)
    x, y, t = f64(1.0, 2.0), f64(3.0, -1.0), f64(1.0, 10.0)
    value, change = jvp(lambda x: function(x, y), (x,), (t,))
    np.testing.assert_allclose(host(change), host(value) * host(t))
    assert not change.requires_grad
    with pytest.raises(NotImplementedError, match="weighted: the derivative with respect to `y`"):
        jvp(lambda y: function(x, y), (y,), (t,))
    del _primitive.registry["weighted"]


# ---------------------------------------------------------------------------
# nesting
# ---------------------------------------------------------------------------

X, V = f64(1.0, 2.0), f64(1.0, 0.5)


def cubic(x: ag.Tensor) -> ag.Tensor:
    return ag.sum(x**3) * x[0] + x[1]


def test_perturbations_are_not_confused() -> None:
    one, two = f64(1.0), f64(2.0)
    assert jvp(lambda x: x * jvp(lambda y: x + y, (one,), (one,))[1], (one,), (one,))[1].item() == 1
    assert jvp(lambda x: x * grad(lambda y: x + y)(one), (one,), (one,))[1].item() == 1
    assert grad(lambda x: x * jvp(lambda y: x * y, (one,), (one,))[1])(two).item() == 4
    assert jvp(lambda x: grad(lambda y: x * x * x)(x), (two,), (one,))[1].item() == 0
    with dual_level():
        x = make_dual(two, one)
        assert_dual(jvp(lambda y: x * y, (x,), (one,))[1], 2, 1)


SECOND: dict[str, Callable[[Any], Any]] = {
    "jvp of grad": lambda f: jvp(grad(f), (X,), (V,))[1],
    "grad of jvp": lambda f: grad(lambda x: jvp(f, (x,), (V,))[1])(X),
    "jvp of vjp": lambda f: jvp(lambda x: vjp(f, x)[1](f64(1.0))[0], (X,), (V,))[1],
    "jacfwd of grad": lambda f: jacfwd(grad(f))(X) @ V,
    "jacfwd of jacfwd": lambda f: jacfwd(jacfwd(f))(X) @ V,
    "jacrev of jacfwd": lambda f: jacrev(jacfwd(f))(X) @ V,
    "jacfwd of jacrev": lambda f: jacfwd(jacrev(f))(X) @ V,
    "linearize of grad": lambda f: linearize(grad(f), X)[1](V),
    "jvp of linearize": lambda f: jvp(lambda x: linearize(f, x)[1](V), (X,), (V,))[1],
    "hvp": lambda f: functional.hvp(f, X, V)[1],
    "forward hessian": lambda f: functional.hessian(f, X, outer_jacobian_strategy="forward-mode") @ V,
    "recorded": lambda f: _through_the_tape(f),
}


def _through_the_tape(f: Any) -> ag.Tensor:
    x = X.clone().requires_grad_()
    jvp(f, (x,), (V,))[1].backward()
    return x.grad  # type: ignore[return-value]


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives(name: str) -> None:
    product = host(hessian(cubic)(X)) @ host(V)
    wanted = host(V) @ product if name == "jvp of linearize" else product
    np.testing.assert_allclose(host(SECOND[name](cubic)), wanted, rtol=1e-13)


THIRD: dict[str, Callable[[Any], Any]] = {
    "fff": lambda f: jvp(lambda x: jvp(lambda x: jvp(f, (x,), (V,))[1], (x,), (V,))[1], (X,), (V,))[1],
    "ffr": lambda f: jvp(lambda x: jvp(grad(f), (x,), (V,))[1], (X,), (V,))[1] @ V,
    "frf": lambda f: jvp(grad(lambda x: jvp(f, (x,), (V,))[1]), (X,), (V,))[1] @ V,
    "rff": lambda f: grad(lambda x: jvp(lambda x: jvp(f, (x,), (V,))[1], (x,), (V,))[1])(X) @ V,
    "frr": lambda f: jvp(grad(lambda x: grad(f)(x) @ V), (X,), (V,))[1] @ V,
    "rfr": lambda f: grad(lambda x: jvp(grad(f), (x,), (V,))[1] @ V)(X) @ V,
    "rrf": lambda f: grad(lambda x: grad(lambda x: jvp(f, (x,), (V,))[1])(x) @ V)(X) @ V,
}


@pytest.mark.parametrize("order", THIRD)
@pytest.mark.parametrize(
    "f", [cubic, lambda x: ag.special.logsumexp(x * x * x), lambda x: ag.prod(ag.sin(x)), lambda x: ag.linalg.det(x[:, None] * x + ag.exp(x))]
)
def test_third_derivatives(order: str, f: Any) -> None:
    wanted = grad(lambda x: grad(lambda x: grad(f)(x) @ V)(x) @ V)(X) @ V
    np.testing.assert_allclose(THIRD[order](f).item(), wanted.item(), rtol=1e-11)


def test_part_of_the_surrounding_graph() -> None:
    w, x, v = f64(3.0, 4.0).requires_grad_(), X.clone().requires_grad_(), V.clone().requires_grad_()
    value, change = jvp(lambda x: w * x**2, (x,), (v,))
    ag.sum(change).backward()
    np.testing.assert_array_equal(host(w.grad), host(2 * X * V))
    np.testing.assert_array_equal(host(x.grad), host(2 * w * V))
    np.testing.assert_array_equal(host(v.grad), host(2 * w * X))
    value, change = jvp(lambda x: x**2, (X,), (V,))
    assert not value.requires_grad
    assert not change.requires_grad


# ---------------------------------------------------------------------------
# gradients of dual numbers
# ---------------------------------------------------------------------------


def test_gradients_carry_tangents() -> None:
    w = f64(1.0, 2.0).requires_grad_()
    with dual_level():
        x = make_dual(w, f64(1.0, 10.0))
        for create_graph in (False, True):
            (g,) = ag.autograd.grad(ag.sum(x**3), w, create_graph=create_graph)
            assert_dual(g, [3, 12], [6, 120])
            assert g.requires_grad is create_graph
        z = ag.exp(x)  # its tangent is computed from z itself, which is not a way to z
        g, h = ag.autograd.grad(ag.sum(z**3), [z, x])
        e = np.exp(host(w))
        assert_dual(g, 3 * e**2, 6 * e * e * [1, 10])
        assert_dual(h, 3 * e**3, 9 * e**3 * [1, 10])
        (g,) = ag.autograd.grad(x * x, w, make_dual(f64(1.0, 1.0), f64(5.0, 7.0)))
        assert_dual(g, [2, 4], [2 + 10, 20 + 28])
        (g,) = ag.autograd.grad(w * w, w, make_dual(f64(1.0, 1.0), f64(5.0, 7.0)))
        assert_dual(g, [2, 4], [10, 28])
        ag.sum(x**3).backward()
    np.testing.assert_array_equal(host(w.grad), [3, 12])
    assert type(w.grad) is ag.Tensor


def test_gradient_of_what_has_no_tangent() -> None:
    w = f64(1.0, 2.0).requires_grad_()
    with dual_level():
        x = make_dual(f64(3.0, 4.0), f64(1.0, 10.0))
        (g,) = ag.autograd.grad(ag.sum(w * x * w), w)
        assert_dual(g, [6, 16], [2, 40])
        y, unused = f64(1.0).requires_grad_(), f64(1.0).requires_grad_()
        found = ag.autograd.grad(ag.sum(x * y), [y, unused], allow_unused=True)
        assert_dual(found[0], 7, 11)
        assert found[1] is None
        with pytest.raises(RuntimeError, match="input 0 .* not have been used"):
            ag.autograd.grad(ag.sum(x * y), unused)


# ---------------------------------------------------------------------------
# levels
# ---------------------------------------------------------------------------


def test_a_level_and_its_end() -> None:
    x, t = f64(3.0, 4.0), f64(1.0, 10.0)
    with dual_level() as level:
        assert level == 0
        d = make_dual(x, t)
        y = d * d
        assert_dual(y, [9, 16], [6, 80])
        assert "tangent=" in repr(y)
        assert_dual(x, [3, 4], None)
        assert (d.shape, d.ndim, d.size, d.dtype, d.device, d.tolist()) == ((2,), 1, 2, np.float64, x.device, [3, 4])
    assert unpack_dual(y).tangent is None
    assert "tangent=" not in repr(y)
    assert type(y * 2) is ag.Tensor
    with dual_level():
        assert_dual(y * make_dual(x, t), [27, 64], [9, 160])
    with pytest.raises(RuntimeError, match="no level exists"):
        make_dual(x, t)
    with pytest.raises(RuntimeError, match="no such level"):
        forward_ad.exit_dual_level()
    forward_ad.enter_dual_level()
    with pytest.raises(RuntimeError, match="Nested forward mode AD is not supported"):
        forward_ad.enter_dual_level()
    forward_ad.exit_dual_level(level=0)


def test_each_thread_has_its_level() -> None:
    seen = []
    with dual_level():
        thread = threading.Thread(target=lambda: seen.append(forward_ad.enter_dual_level()))
        thread.start()
        thread.join()
    assert seen == [0]


def test_what_ends_a_tangent() -> None:
    with dual_level():
        x = make_dual(f64(1.0, 2.0), f64(1.0, 3.0))
        for y in (x.detach(), x.data, ag.astype(x, ag.int64), x > 1, ag.argmax(x), ag.asarray(x.numpy())):
            assert unpack_dual(y).tangent is None
        with ag.no_grad():
            assert_dual(x * x, [1, 4], [2, 12])
        with ag.inference_mode():
            assert_dual(x * x, [1, 4], None)


def test_infinite_tangents_do_not_warn() -> None:
    x = f64(0.0, 1.0)
    np.testing.assert_array_equal(host(jvp(ag.sqrt, (x,), (V,))[1]), [np.inf, 0.25])
    np.testing.assert_array_equal(host(jvp(lambda x: ag.where(x > 0, ag.sqrt(x), 0.0), (x,), (V,))[1]), [0, 0.25])


def test_subclasses() -> None:
    class Length(ag.Tensor):
        pass

    x = X.as_subclass(Length)
    value, change = jvp(lambda y: x * y, (X,), (V,))
    assert type(value) is Length
    np.testing.assert_array_equal(host(change), host(X * V))
    value, change = jvp(lambda x: x * x, (x,), (V,))
    np.testing.assert_array_equal(host(change), host(2 * X * V))
    with pytest.raises(NotImplementedError, match="cannot be written into a Length"):
        jvp(lambda y: x.copy_(y), (X,), (V,))


def test_a_dual_of_a_leaf() -> None:
    w = f64(1.0, 2.0).requires_grad_()
    with dual_level():
        x = make_dual(w, f64(1.0, 3.0))
        assert x.requires_grad
        assert not x.is_leaf
        with pytest.raises(RuntimeError, match="a view of a leaf"):
            x *= 2


# ---------------------------------------------------------------------------
# writes and views
# ---------------------------------------------------------------------------


def test_writes() -> None:
    with dual_level():
        given = f64(1.0, 10.0)
        x = make_dual(f64(3.0, 4.0), given)
        b = f64(0.0, 0.0)
        b[0] = x[0] * x[1]
        b.add_(x)
        assert_dual(b, [15, 4], [35, 10])
        x *= x
        assert_dual(x, [9, 16], [6, 80])
        assert given.tolist() == [1, 10]
        x[1] = 5.0
        assert_dual(x, [9, 5], [6, 0])
        x /= 3
        x **= 2
        assert_dual(x, [9, 25 / 9], [12, 0])
        x.copy_(f64(1.0, 2.0))
        assert_dual(x, [1, 2], [0, 0])
        y = f64(1.0, 2.0)
        y += make_dual(f64(1.0), f64(7.0))
        assert_dual(y, [2, 3], [7, 7])


def test_views_share_the_tangent() -> None:
    with dual_level():
        x = make_dual(f64(3.0, 4.0), f64(1.0, 10.0))
        base = ag.zeros(4, dtype=ag.float64)
        square, before = ag.reshape(base, (2, 2)), base[1:3]
        square[1].copy_(x)
        assert_dual(base, [0, 0, 3, 4], [0, 0, 1, 10])
        assert_dual(square, [[0, 0], [3, 4]], [[0, 0], [1, 10]])
        assert_dual(before, [0, 3], [0, 1])
        before *= 2
        assert_dual(square.T * 1, [[0, 6], [0, 4]], [[0, 2], [0, 10]])
        base *= base
        assert_dual(before, [0, 36], [0, 24])
        for row in square:
            row += 1
        assert_dual(base, [1, 1, 37, 17], [0, 0, 24, 80])


def filled(x: ag.Tensor) -> ag.Tensor:
    y = ag.zeros(3, dtype=ag.float64)
    y[0] = x[1] * x[0]
    y[1:] += x
    part = y[:2]
    part *= x
    return y * y


def test_derivatives_of_functions_that_write() -> None:
    for found in (jacfwd(filled)(X), ag.stack([jvp(filled, (X,), (row,))[1] for row in ag.eye(2, dtype=ag.float64)], axis=1)):
        np.testing.assert_allclose(host(found), host(jacrev(filled)(X)))
    total = lambda x: ag.sum(filled(x))  # noqa: E731
    wanted = host(jacrev(jacrev(total))(X))
    for second in (jacfwd(grad(total), chunk_size=1), jacrev(jacfwd(total)), jacfwd(jacfwd(total))):
        np.testing.assert_allclose(host(second(X)), wanted)


def test_what_a_write_has_turned_is_turned_back() -> None:
    base, w = ag.zeros(4, dtype=ag.float64), f64(1.0, 2.0).requires_grad_()
    view, product = base[1:3], w * w
    with dual_level():
        x = make_dual(f64(3.0, 4.0), f64(1.0, 10.0))
        view.copy_(x)
        product += x
        with ag.no_grad():
            w += x
        later = base[2:]
        assert_dual(later, [4, 0], [10, 0])
    value, _ = jvp(lambda x: base[:2].copy_(x), (X,), (V,))
    for t in (base, view, w, product):
        assert type(t) is ag.Tensor
        assert unpack_dual(t).tangent is None
    base += 1
    for t, wanted in ((base, [2, 3, 5, 1]), (view, [3, 5]), (later, [5, 1]), (value, [2, 3]), (w, [4, 6])):
        np.testing.assert_array_equal(host(t), wanted)
    ag.sum(product).backward()
    np.testing.assert_array_equal(host(w.grad), [2, 4])
    view.copy_(w)
    ag.sum(base * base).backward()
    np.testing.assert_array_equal(host(w.grad), [2 + 8, 4 + 12])


def test_a_write_of_an_inner_level_reaches_views_of_an_outer_one() -> None:
    def outer(x: ag.Tensor) -> ag.Tensor:
        y = x * x
        part = y[:1]
        jvp(lambda v: part.copy_(v[1:] * x[0]), (x,), (V,))
        return y * 1

    for found in (jacfwd(outer)(X), jacrev(outer)(X)):
        np.testing.assert_allclose(host(found), [[2, 1], [0, 4]])


# ---------------------------------------------------------------------------
# functions
# ---------------------------------------------------------------------------


def test_jvp_of_trees() -> None:
    value, change, aux = jvp(
        lambda d, y: ({"product": d["a"] * d["b"], "same": (y,), "other": X}, (d["a"] * 2, "text")),
        ({"a": X, "b": X * 2}, V),
        ({"a": V, "b": V * 3}, V),
        has_aux=True,
    )
    assert [list(tree) for tree in (value, change)] == [["product", "same", "other"]] * 2
    np.testing.assert_array_equal(host(change["product"]), host(2 * X * V + X * 3 * V))
    np.testing.assert_array_equal(host(change["same"][0]), host(V))
    np.testing.assert_array_equal(host(change["other"]), [0, 0])
    assert type(aux[0]) is ag.Tensor
    assert aux[1] == "text"


def test_jacfwd_is_jacrev() -> None:
    def f(a: Any, b: dict[str, ag.Tensor]) -> Any:
        return {"x": a * b["k"], "y": (ag.sum(a), b["k"][0] ** 2)}

    args = (X, {"k": V})
    for argnums in (0, 1, (1, 0), -1):
        forward, backward = jacfwd(f, argnums)(*args), jacrev(f, argnums)(*args)
        assert ag.func.forward.structure(forward) == ag.func.forward.structure(backward)
        for a, b in zip(ag.func.forward.leaves(forward), ag.func.forward.leaves(backward), strict=True):
            np.testing.assert_allclose(host(a), host(b), strict=True)
    _, aux = jacfwd(lambda a: (a * a, a + 1), has_aux=True)(X)
    assert type(aux) is ag.Tensor
    assert jacfwd(lambda a: a * 2)(ag.zeros((0,))).shape == (0, 0)
    assert jacfwd(lambda a: X)(V).tolist() == [[0, 0], [0, 0]]


def test_linearize_runs_the_function_once() -> None:
    calls = []

    def f(x: ag.Tensor, y: ag.Tensor) -> Any:
        calls.append(1)
        return {"p": ag.sin(x) * y, "q": ag.sum(x), "constant": V}

    value, push = linearize(f, X, V)
    for tangents in ((V, X), (X * 0, V)):
        for name, wanted in jvp(f, (X, V), tangents)[1].items():
            np.testing.assert_allclose(host(push(*tangents)[name]), host(wanted))
    assert len(calls) == 3
    assert not value["p"].requires_grad


def test_functional() -> None:
    def f(x: ag.Tensor, y: ag.Tensor) -> Any:
        return x * y, ag.sum(x**2)

    for strict in (False, True):
        _, product = functional.jvp(lambda x, y: x * y, (X, V), (V, X), strict=strict)
        np.testing.assert_allclose(host(product), host(V * V + X * X))
    for create_graph in (False, True):
        found = functional.jacobian(f, (X, V), create_graph, strategy="forward-mode")
        for row, wanted in zip(found, functional.jacobian(f, (X, V), create_graph), strict=True):
            for a, b in zip(row, wanted, strict=True):
                np.testing.assert_allclose(host(a), host(b), strict=True)
    with pytest.raises(RuntimeError, match="output 1 .* independent of input 1"):
        functional.jacobian(f, (X, V), strict=True, strategy="forward-mode")
    for call in (lambda: functional.jacobian(f, (X, V), strategy="sideways"), lambda: functional.hessian(cubic, X, outer_jacobian_strategy="sideways")):
        with pytest.raises(ValueError, match="not 'sideways'"):
            call()


# ---------------------------------------------------------------------------
# autograd.Function
# ---------------------------------------------------------------------------


class Scaled(ag.autograd.Function):
    """x * y * k, with contexts in the old style."""

    @staticmethod
    def forward(ctx: Any, x: ag.Tensor, y: ag.Tensor, k: int) -> ag.Tensor:
        ctx.save_for_backward(x, y)
        ctx.save_for_forward(x, y)
        ctx.k = k
        return x * y * k

    @staticmethod
    def backward(ctx: Any, g: ag.Tensor) -> Any:
        x, y = ctx.saved_tensors
        return g * y * ctx.k, g * x * ctx.k, None

    @staticmethod
    def jvp(ctx: Any, tx: ag.Tensor, ty: ag.Tensor, tk: None) -> ag.Tensor:
        assert tk is None
        x, y = ctx.saved_tensors
        return (tx * y + x * ty) * ctx.k


class Squared(ag.autograd.Function):
    """x * x, with a separate context."""

    @staticmethod
    def forward(x: ag.Tensor) -> ag.Tensor:
        return x * x

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: ag.Tensor) -> ag.Tensor:
        return g * 2 * ctx.saved_tensors[0]

    @staticmethod
    def jvp(ctx: Any, t: ag.Tensor) -> ag.Tensor:
        return t * 2 * ctx.saved_tensors[0]


@pytest.mark.parametrize("f", [Squared.apply, lambda x: Scaled.apply(x, x, 1)])
def test_function(f: Any) -> None:
    total = lambda x: ag.sum(f(f(x)) * f(x))  # noqa: E731, x**6
    np.testing.assert_allclose(host(jvp(total, (X,), (V,))[1]), host(ag.sum(6 * X**5 * V)))
    np.testing.assert_allclose(host(jvp(grad(total), (X,), (V,))[1]), host(30 * X**4 * V))
    np.testing.assert_allclose(host(grad(lambda x: jvp(total, (x,), (V,))[1])(X)), host(30 * X**4 * V))
    np.testing.assert_allclose(host(jvp(lambda x: jvp(total, (x,), (V,))[1], (X,), (V,))[1]), host(ag.sum(30 * X**4 * V**2)))


def test_function_with_one_tangent() -> None:
    with dual_level():
        assert_dual(Scaled.apply(make_dual(X, V), V, 2), host(X * V * 2), host(V * V * 2))
        assert_dual(Scaled.apply(X, V, 2), host(X * V * 2), None)


def test_function_that_writes() -> None:
    class Doubled(ag.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: ag.Tensor) -> ag.Tensor:
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx: Any, g: ag.Tensor) -> ag.Tensor:
            return g * 2

        @staticmethod
        def jvp(ctx: Any, t: ag.Tensor) -> ag.Tensor:
            return t.mul_(2)

    with dual_level():
        x = make_dual(X, V)
        y = x + 0
        assert Doubled.apply(y) is y
        assert_dual(y, host(2 * X), host(2 * V))
        assert_dual(x, host(X), host(V))


def test_function_that_writes_at_two_levels() -> None:
    class Powered(ag.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: ag.Tensor) -> ag.Tensor:
            ctx.save_for_forward(x.clone())
            ctx.mark_dirty(x)
            return x.mul_(x)

        @staticmethod
        def jvp(ctx: Any, t: ag.Tensor) -> ag.Tensor:
            return t * 2 * ctx.saved_tensors[0]

    def f(x: ag.Tensor) -> ag.Tensor:
        y = x + 0
        Powered.apply(y)
        return y

    np.testing.assert_array_equal(host(f(X)), host(X**2))
    value, change = jvp(lambda x: jvp(f, (x,), (V,))[1], (X,), (V,))
    np.testing.assert_array_equal(host(value), host(2 * X * V))
    np.testing.assert_array_equal(host(change), host(2 * V * V))


def test_function_with_an_output_that_has_no_gradient() -> None:
    class Parts(ag.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: ag.Tensor, k: int) -> Any:
            ctx.k, other = k, x + 1
            ctx.mark_non_differentiable(other)
            return x * 2, other

        @staticmethod
        def jvp(ctx: Any, t: ag.Tensor, k: None) -> Any:
            return t * 2, t if ctx.k else None

    with dual_level():
        x = make_dual(X, V)
        value, other = Parts.apply(x, 0)
        assert_dual(value, host(2 * X), host(2 * V))
        assert_dual(other, host(X + 1), None)
        with pytest.raises(RuntimeError, match="a gradient at position 1, but the corresponding forward output is not a differentiable"):
            Parts.apply(x, 1)


WRONG_JVP: list[tuple[Any, type[Exception], str]] = [
    (lambda ctx, t: (t, t), RuntimeError, r"invalid number of forward gradients \(expected 1 but got 2\)"),
    (lambda ctx, t: 3, RuntimeError, "returned int as the forward gradient at index 0"),
    (lambda ctx, t: t[:1], ag.ShapeError, r"shape \(1,\) at index 0; the output has shape \(2,\)"),
]


@pytest.mark.parametrize(("rule", "error", "match"), WRONG_JVP)
def test_wrong_jvp(rule: Any, error: type[Exception], match: str) -> None:
    class Wrong(Squared):
        jvp = staticmethod(rule)

    with pytest.raises(error, match=match):
        jvp(Wrong.apply, (X,), (V,))


def test_function_without_jvp() -> None:
    class Without(ag.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: ag.Tensor) -> ag.Tensor:
            return x * 2

    with pytest.raises(NotImplementedError, match="must implement the jvp function"):
        jvp(Without.apply, (X,), (V,))


# ---------------------------------------------------------------------------
# gradcheck
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("fast_mode", [False, True])
def test_gradcheck(fast_mode: bool) -> None:
    x, w = f64(1.0, 2.0).requires_grad_(), f64(0.3, 2.0).requires_grad_()
    z = ag.tensor([1 + 2j, 0.5 - 0.3j], dtype=ag.complex128, requires_grad=True)
    assert gradcheck(lambda a, b, k: (ag.sin(a) * b * k, ag.sum(a / b)), (x, w, 2), check_forward_ad=True, check_batched_forward_grad=True, fast_mode=fast_mode)
    assert gradcheck(lambda z: (ag.exp(z), ag.abs(z)), z, check_forward_ad=True, check_backward_ad=False, fast_mode=fast_mode)
    assert gradgradcheck(lambda a, b: ag.sin(a) / b, (x, w), check_fwd_over_rev=True, fast_mode=fast_mode)
    assert gradgradcheck(lambda z: z * z * z, z, check_fwd_over_rev=True, check_rev_over_rev=False, fast_mode=fast_mode)

    class Wrong(Squared):
        @staticmethod
        def jvp(ctx: Any, t: ag.Tensor) -> ag.Tensor:
            return t * 3 * ctx.saved_tensors[0]

    assert gradcheck(Wrong.apply, x, fast_mode=fast_mode)
    with pytest.raises(RuntimeError, match="forward mode mismatch for output 0 with respect to input 0"):
        gradcheck(Wrong.apply, x, check_forward_ad=True, fast_mode=fast_mode)
    assert not gradcheck(Wrong.apply, x, check_forward_ad=True, check_backward_ad=False, raise_exception=False, fast_mode=fast_mode)


# ---------------------------------------------------------------------------
# bad input
# ---------------------------------------------------------------------------

MISUSE: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: make_dual(X, f64(1.0)), ag.ShapeError, r"has shape \(\), the tensor \(2,\)"),
    (lambda: make_dual(ag.asarray([1, 2]), V), ValueError, "Expected primal to be floating point or complex, but got: int64"),
    (lambda: make_dual(X, ag.asarray([1, 2])), ValueError, "Expected tangent to be floating point"),
    (lambda: make_dual(X, V + 1j), ag.DTypeError, "a real tensor has a real tangent"),
    (lambda: make_dual(X, 3.0), TypeError, "the tangent must be a Tensor, not float"),
    (lambda: make_dual(np.ones(2), V), TypeError, "the primal must be a Tensor, not ndarray"),
    (lambda: make_dual(make_dual(X, V), V), RuntimeError, "already has a forward gradient"),
    (lambda: unpack_dual(3.0), TypeError, "expected a Tensor, not float"),
    (lambda: jvp(ag.sin, X, V), RuntimeError, "Expected primals to be a tuple"),
    (lambda: jvp(ag.sin, (X,), V), RuntimeError, "must have the same structure"),
    (lambda: jvp(ag.sin, (X,), (V, V)), RuntimeError, "must have the same structure"),
    (lambda: jvp(ag.sin, (), ()), RuntimeError, "at least one Tensor"),
    (lambda: jvp(ag.sin, (3.0,), (V,)), RuntimeError, "Expected primals to only contain Tensors, got float"),
    (lambda: jvp(ag.sin, (X,), (3.0,)), RuntimeError, "Expected tangents to only contain Tensors, got float"),
    (lambda: jvp(ag.sin, (X,), (f64(1.0),)), ag.ShapeError, "a tangent has the shape"),
    (lambda: jvp(lambda x: 3, (X,), (V,)), RuntimeError, "must return only Tensors .*; it returned int"),
    (lambda: jvp(lambda x: V, (X,), (V,), strict=True), RuntimeError, "independent of the inputs"),
    (lambda: jvp(lambda x: x, (X,), (V,), has_aux=True), RuntimeError, r"tuple \(output, aux\)"),
    (lambda: jacfwd(ag.sin)(3.0), RuntimeError, "must be Tensors or trees of Tensors, got float"),
    (lambda: jacfwd(lambda x: 3)(X), RuntimeError, "must return only Tensors"),
    (lambda: jacfwd(lambda x: x * 1j)(X), RuntimeError, "must be real, and one is complex128"),
    (lambda: jacfwd(ag.abs)(X + 0j), RuntimeError, "must be real"),
    (lambda: jacfwd(ag.sin, argnums=1)(X), RuntimeError, "only 1 positional"),
    (lambda: linearize(ag.sin, X)[1](V, V), RuntimeError, "must have the structure of the arguments"),
    (lambda: linearize(ag.sin, X)[1](f64(1.0)), ag.ShapeError, "a tangent has the shape"),
    (lambda: functional.jvp(ag.sin, X, f64(1.0)), RuntimeError, "invalid size"),
]


@pytest.mark.parametrize("i", range(len(MISUSE)))
def test_misuse(i: int) -> None:
    call, error, match = MISUSE[i]
    with dual_level(), pytest.raises(error, match=match):
        call()


def test_a_tangent_on_another_device() -> None:
    strict = pytest.importorskip("array_api_strict")
    there = ag.asarray(strict.ones(2))
    with dual_level(), pytest.raises(ag.DeviceError, match="this one is on array_api_strict"):
        make_dual(ag.ones(2), there)


def test_a_tangent_takes_the_dtype_of_its_tensor() -> None:
    with dual_level():
        x = make_dual(ag.ones(2, dtype=ag.float32), V)
        assert unpack_dual(x).tangent.dtype == ag.float32  # type: ignore[union-attr]
        z = make_dual(ag.ones(2, dtype=ag.complex128), V)
        assert unpack_dual(z * x).tangent.dtype == ag.complex128  # type: ignore[union-attr]
