"""func: transforms of functions, nested, over trees, and how they stand in the graph around them."""

import gc
import weakref
from collections import namedtuple

import numpy as np
import pytest

import anygrad as ag
from anygrad.func import grad, grad_and_value, hessian, jacrev, value_and_grad, vjp

Pair = namedtuple("Pair", ["a", "b"])


def f64(*values):
    return ag.tensor(list(values) if len(values) > 1 else values[0], dtype=ag.float64)


def host(t):
    return t.numpy(force=True)


def close(found, wanted):
    np.testing.assert_allclose(host(found), wanted, rtol=1e-12, atol=1e-12)


# -- grad


def test_gradient_on_every_library(make):
    x, y = make(np.array([1.0, 2.0])), make(np.array([3.0, 4.0]))
    gx, gy = grad(lambda a, b: ag.sum(a * b**2), argnums=(0, 1))(x, y)
    close(gx, [9, 16])
    close(gy, [6, 16])
    assert gx.device == x.device


def test_argnums():
    f, a, b = (lambda a, b: ag.sum(a * b**2)), f64(1.0, 2.0), f64(3.0, 4.0)
    close(grad(f)(a, b), [9, 16])
    close(grad(f, argnums=1)(a, b), [6, 16])
    close(grad(f, argnums=-1)(a, b), [6, 16])
    (only,) = grad(f, argnums=(1,))(a, b)
    close(only, [6, 16])
    second, first = grad(f, argnums=(1, 0))(a, b)
    close(second, [6, 16])
    close(first, [9, 16])


def test_values_and_aux():
    def f(x, scale=1.0):
        return ag.sum(x**2) * scale, {"twice": x * 2, "note": "kept"}

    def total(x):
        return ag.sum(x**2)

    x = f64(1.0, 2.0)
    g, value = grad_and_value(total)(x)
    close(g, [2, 4])
    close(value, 5)
    value, g = value_and_grad(total)(x)
    close(g, [2, 4])
    close(value, 5)
    g, aux = grad(f, has_aux=True)(x, scale=3.0)
    close(g, [6, 12])
    close(aux["twice"], [2, 4])
    assert aux["note"] == "kept"
    assert not aux["twice"].requires_grad
    g, (value, aux) = grad_and_value(f, has_aux=True)(x)
    (value2, aux2), g2 = value_and_grad(f, has_aux=True)(x)
    close(value, host(value2))
    close(g, host(g2))
    assert aux.keys() == aux2.keys()


def test_name_and_documentation_are_those_of_the_function():
    def f(x):
        """A square."""
        return x**2

    assert grad(f).__name__ == "f"
    assert jacrev(f).__doc__ == "A square."
    close(grad(ag.sin)(f64(0.0)), 1)


def test_unused_argument_and_constant_function():
    close(grad(lambda a, b: ag.sum(a), argnums=1)(f64(1.0, 1.0), f64(2.0, 3.0)), [0, 0])
    close(grad(lambda a: ag.tensor(1.0))(f64(2.0, 3.0)), [0, 0])
    close(grad(lambda a: ag.sum(a > 1))(f64(2.0, 3.0)), [0, 0])


def test_trees():
    def f(parameters, x):
        return ag.sum(parameters["w"] * x) + ag.sum(parameters["rest"][0] ** 2) + parameters["pair"].b * 3

    parameters = {"w": f64(1.0, 2.0), "rest": [f64(3.0, 4.0)], "pair": Pair(f64(5.0), f64(6.0))}
    found = grad(f)(parameters, f64(7.0, 8.0))
    close(found["w"], [7, 8])
    close(found["rest"][0], [6, 8])
    assert type(found["pair"]) is Pair
    close(found["pair"].a, 0)
    close(found["pair"].b, 3)


def test_complex_argument():
    z = ag.tensor(1 + 2j)
    close(grad(lambda v: ag.abs(v) ** 2)(z), 2 + 4j)


# -- nesting


def test_third_derivative():
    f = grad(grad(grad(lambda x: x**4)))
    close(f(f64(2.0)), 48)
    assert not f(f64(2.0)).requires_grad


def test_perturbations_are_not_confused():
    close(grad(lambda x: x * grad(lambda y: x + y)(f64(1.0)))(f64(1.0)), 1)
    close(grad(lambda x: x * grad(lambda y: x * y)(f64(1.0)))(f64(3.0)), 6)
    close(grad(lambda x: grad(lambda y: x * y**2)(x))(f64(3.0)), 12)


def test_hessian_is_the_jacobian_of_the_jacobian():
    def f(x):
        return ag.sum(x**3) + x[0] * x[1]

    x = f64(1.0, 2.0)
    close(hessian(f)(x), [[6, 1], [1, 12]])
    close(jacrev(grad(f))(x), [[6, 1], [1, 12]])
    close(hessian(lambda x: x**2)(x)[1], [[0, 0], [0, 2]])
    rows = hessian(lambda a, b: ag.sum(a * a * b), argnums=(0, 1))(x, f64(3.0, 4.0))
    close(rows[0][0], np.diag([6, 8]))
    close(rows[0][1], np.diag([2, 4]))
    close(rows[1][1], np.zeros((2, 2)))


def test_no_grad_inside_makes_constants_and_outside_only_detaches():
    f = grad(lambda x: x**2)

    def g(x):
        with ag.no_grad():
            c = f(x)
        return x * c

    close(grad(g)(f64(3.0)), 6)
    x = f64(3.0).requires_grad_()
    with ag.no_grad():
        found = grad(f)(x)
    close(found, 2)
    assert not found.requires_grad


def test_inference_mode():
    with ag.inference_mode():
        close(grad(lambda x: ag.sum(x**2))(f64(1.0, 2.0)), [2, 4])
    x = f64(1.0, 2.0)
    with ag.inference_mode():
        close(grad(grad(lambda x: x**3))(x[1]), 12)


# -- the graph around


def test_results_are_tracked_only_through_what_is_outside():
    x, w = f64(2.0), f64(3.0).requires_grad_()
    g, value = grad_and_value(lambda v: v**3)(x)
    assert not g.requires_grad
    assert not value.requires_grad
    g, value = grad_and_value(lambda v: v**3 + w)(x)  # the value depends on w, its derivative does not
    assert not g.requires_grad
    assert value.requires_grad
    g = grad(lambda v: w * v**2)(x)
    g.backward()
    close(g, 12)
    close(w.grad, 4)
    assert x.grad is None


def test_aux_keeps_its_own_graph():
    w = f64(3.0).requires_grad_()

    def f(v):
        h = v**2
        return h, h * w

    g, aux = grad(f, has_aux=True)(f64(2.0))
    assert not g.requires_grad
    aux.backward()
    close(w.grad, 4)


def test_derivatives_lead_back_to_tracked_arguments():
    x, y = f64(1.0, 2.0).requires_grad_(), f64(3.0, 4.0).requires_grad_()
    g = grad(lambda v, w: ag.sum(v**3 * w))(x, y)
    assert g.requires_grad
    ag.sum(g).backward()
    close(x.grad, 6 * host(x) * host(y))
    close(y.grad, 3 * host(x) ** 2)


def test_a_captured_argument_is_a_constant():
    x = f64(1.0, 2.0).requires_grad_()
    close(grad(lambda v: ag.sum(v * x))(x), [1, 2])
    close(grad(lambda a, b: ag.sum(a * b**2))(x, x), [1, 4])


def test_arguments_look_like_leaves_and_are_not_written_to():
    x = f64(1.0, 2.0)
    seen = []

    def f(v):
        seen.append((v is x, v.requires_grad, v.is_leaf))
        v *= 2
        return ag.sum(v)

    with pytest.raises(RuntimeError, match="in-place"):
        grad(f)(x)
    assert seen == [(False, True, True)]
    assert not x.requires_grad
    with pytest.raises(RuntimeError, match=r"argument of a function that anygrad.func differentiates. Write to its base, or to a `.clone\(\)`"):
        grad(f)(x.clone().requires_grad_() * 1)
    close(x, [1, 2])


def test_in_place_inside():
    def f(x):
        y = x * 1
        y *= 3
        y[0] = x[1]
        return ag.sum(y * y)

    close(grad(f)(f64(1.0, 2.0)), [0, 4 + 36])
    close(hessian(f)(f64(1.0, 2.0)), [[0, 0], [0, 20]])


def test_no_graph_is_left_behind():
    kept = []

    def f(x):
        y = x**2
        kept.append(weakref.ref(y))
        return ag.sum(y * y)

    x, w = f64(1.0, 2.0), f64(1.0, 2.0).requires_grad_()
    gc.disable()
    try:
        results = [grad_and_value(f)(x), jacrev(f)(x), hessian(f)(x), grad_and_value(f)(w)]
        nodes = [weakref.ref(results[3][0].grad_fn)]
        del results[3]
        assert not any(r() for r in kept + nodes)
    finally:
        gc.enable()


def test_custom_functions():
    class Square(ag.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            ctx.save_for_backward(a)
            return a * a

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

    close(grad(lambda x: ag.sum(Square.apply(x)))(f64(3.0, 4.0)), [6, 8])
    close(grad(grad(Square.apply))(f64(3.0)), 2)


# -- vjp


def test_a_gradient_for_vjp_is_a_tensor():
    _, pull = vjp(lambda x: x**2, f64(1.0))
    with pytest.raises(TypeError, match="must be a Tensor, not float"):
        pull(3.0)


def test_pull_back_can_be_called_again():
    out, pull = vjp(lambda x: x**2, f64(1.0, 2.0))
    close(out, [1, 4])
    assert not out.requires_grad
    (first,) = pull(f64(1.0, 10.0))
    (second,) = pull(f64(0.0, 1.0))
    close(first, [2, 40])
    close(second, [0, 4])
    assert not first.requires_grad


def test_pull_back_of_trees():
    (out, pull, aux) = vjp(lambda a, b: ({"y": a["u"] * b, "z": [b]}, b), {"u": f64(1.0, 2.0)}, f64(3.0, 4.0), has_aux=True)
    close(out["y"], [3, 8])
    close(aux, [3, 4])
    ga, gb = pull({"z": [f64(1.0, 1.0)], "y": f64(1.0, 10.0)})
    close(ga["u"], [3, 40])
    close(gb, [2, 21])


def test_pull_back_is_linear_in_tracked_gradients():
    x = f64(2.0)
    _, pull = vjp(lambda v: v**3, x)
    close(grad(lambda c: pull(c)[0] ** 2)(f64(5.0)), 2 * 60 * 12)
    c = f64(5.0).requires_grad_()
    pull(c)[0].backward()
    close(c.grad, 12)


def test_vjp_inside_of_grad():
    def f(x):
        y, pull = vjp(ag.sin, x)
        return ag.sum(y * pull(ag.ones_like(y))[0])

    x = f64(0.3, 0.7)
    close(grad(f)(x), np.cos(2 * host(x)))


def test_vjp_survives_a_write_to_its_argument():
    x = f64(1.0, 2.0)
    _, pull = vjp(lambda v: v**2, x)
    x *= 100
    close(pull(f64(1.0, 1.0))[0], [2, 4])


def test_vjp_refuses():
    x = f64(1.0, 2.0)
    with pytest.raises(RuntimeError, match="returned float"):
        vjp(lambda v: (v, 3.0), x)
    with pytest.raises(RuntimeError, match="empty tuple"):
        vjp(lambda v: (), x)
    with pytest.raises(RuntimeError, match="one is bool. Return it as aux"):
        vjp(lambda v: v > 1, x)
    _, pull = vjp(lambda v: [v, v], x)
    with pytest.raises(RuntimeError, match=r"The gradients: \(\*, \*\), the outputs: \[\*, \*\]"):
        pull((x, x))
    with pytest.raises(ag.ShapeError, match="Mismatch in shape"):
        pull([f64(1.0), x])


# -- jacrev


def test_jacobian_of_trees(make):
    x, y = make(np.array([1.0, 2.0])), make(np.array([[3.0], [4.0]]))
    found = jacrev(lambda p: {"o": p["x"] * 2, "s": [ag.sum(p["y"] ** 2)]})({"x": x, "y": y})
    close(found["o"]["x"], 2 * np.eye(2))
    close(found["o"]["y"], np.zeros((2, 2, 1)))
    close(found["s"][0]["x"], [0, 0])
    close(found["s"][0]["y"], [[6], [8]])


def test_jacobian_argnums_aux_and_keywords():
    x = f64(1.0, 2.0)
    (only,) = jacrev(lambda a, b: a * b, argnums=(1,))(x, x)
    close(only, np.diag([1, 2]))
    found, aux = jacrev(lambda a, k=1: (a * k, a), has_aux=True)(x, k=3)
    close(found, 3 * np.eye(2))
    close(aux, [1, 2])
    assert not aux.requires_grad
    assert jacrev(lambda a: a[:0])(x).shape == (0, 2)


def test_jacobian_is_tracked_through_what_is_outside():
    x, w = f64(1.0, 2.0), f64(3.0).requires_grad_()
    assert not jacrev(lambda v: v**2)(x).requires_grad
    ag.sum(jacrev(lambda v: w * v**2)(x)).backward()
    close(w.grad, 6)


def test_jacobian_refuses_complex():
    with pytest.raises(RuntimeError, match="must be real, and one is complex"):
        jacrev(lambda v: v)(ag.tensor([1j]))
    with pytest.raises(RuntimeError, match="must be real, and one is complex"):
        jacrev(lambda v: v * 1j)(f64(1.0, 2.0))


# -- what is refused


@pytest.mark.parametrize(
    ("argnums", "message"),
    [
        (2, "asks for argument 2, but there are only 1"),
        (-2, "asks for argument -2"),
        ((), "empty tuple"),
        ((0, -1), "must be unique"),
        ([0], "int or a tuple of ints, got list"),
    ],
)
def test_argnums_are_checked(argnums, message):
    with pytest.raises(RuntimeError, match=message):
        grad(ag.sum, argnums=argnums)(f64(1.0, 2.0))


def test_arguments_and_results_are_checked():
    x = f64(1.0, 2.0)
    with pytest.raises(ValueError, match="must be Tensors, got float"):
        grad(lambda v: v * 2)(3.0)
    with pytest.raises(ValueError, match="got NoneType"):
        grad(lambda d: ag.sum(d["a"]))({"a": x, "b": None})
    with pytest.raises(TypeError, match="floating"):
        grad(ag.sum)(ag.tensor([1, 2]))
    with pytest.raises(RuntimeError, match=r"scalar Tensor.*shape \(2,\)"):
        grad(lambda v: v)(x)
    with pytest.raises(RuntimeError, match="returned tuple"):
        grad(lambda v: (ag.sum(v),))(x)
    with pytest.raises(RuntimeError, match="tuple \\(output, aux\\); it returned Tensor"):
        grad_and_value(ag.sum, has_aux=True)(x)
    with pytest.raises(RuntimeError, match="real scalar outputs"):
        grad(lambda v: ag.sum(v) * 1j)(x)
