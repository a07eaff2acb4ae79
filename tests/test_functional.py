"""autograd.functional: Jacobians, Hessians and their products, against differences, by hand, and strict."""

import numeric
import numpy as np
import pytest

import anygrad as ag
from anygrad.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp

A, B = np.array([0.5, 1.5, 2.0]), np.array([[1.0, 0.7]])


def f64(*values):
    return ag.tensor(list(values), dtype=ag.float64)


def pair(p, q):
    """Two outputs of two inputs, of shapes (1, 2) and ()."""
    return ag.exp(q) * ag.sum(p * p), ag.sum(p[0] * q) * p[2]


def number(p, q):
    return ag.sum(p**3) * ag.sum(ag.sin(q)) + p[0] * q[0, 1]


def host(t):
    return t.numpy(force=True)


def columns(function, arrays):
    """The Jacobian by differences: [output][input], each of the output's shape followed by the input's."""

    def values(*moved):
        ys = function(*[ag.asarray(m) for m in moved])
        return [host(y) for y in (ys if isinstance(ys, tuple) else (ys,))]

    found = [[np.zeros(y.shape + x.shape) for x in arrays] for y in values(*arrays)]
    for j, x in enumerate(arrays):
        for place in np.ndindex(x.shape):
            unit = np.zeros_like(x)
            unit[place] = 1
            for row, column in zip(found, numeric.push(values, arrays, [j], [unit]), strict=True):
                row[j][(..., *place)] = column
    return found


def close(found, wanted):
    np.testing.assert_allclose(host(found), np.asarray(wanted, dtype=np.float64), rtol=1e-7, atol=1e-8, strict=True)


# -- jacobian and hessian


@pytest.mark.parametrize("vectorize", [False, True])
def test_jacobian_of_several_against_differences(make, vectorize):
    found = jacobian(pair, (make(A), make(B)), vectorize=vectorize)
    assert isinstance(found, tuple)
    assert all(isinstance(row, tuple) for row in found)
    for row, wanted in zip(found, columns(pair, [A, B]), strict=True):
        for block, expected in zip(row, wanted, strict=True):
            close(block, expected)


def test_jacobian_structure():
    x, y = f64(1.0, 2.0), f64(3.0)
    assert jacobian(lambda p: p * 2, x).shape == (2, 2)
    assert [t.shape for t in jacobian(lambda p: (p * 2, p[0]), x)] == [(2, 2), (2,)]
    assert [t.shape for t in jacobian(lambda p, q: p * q, (x, y))] == [(2, 2), (2, 1)]
    assert [[t.shape for t in row] for row in jacobian(lambda p: (p * 2,), (x,))] == [[(2, 2)]]


def test_jacobian_of_what_does_not_depend_is_zero():
    x, y = f64(1.0, 2.0), f64(3.0)
    first, second = jacobian(lambda p, q: p * 2, (x, y))
    close(first, 2 * np.eye(2))
    close(second, np.zeros((2, 1)))
    close(jacobian(lambda p: p.detach(), x), np.zeros((2, 2)))


def test_jacobian_of_nothing():
    assert jacobian(lambda p: p[:0], f64(1.0, 2.0)).shape == (0, 2)
    assert jacobian(lambda p: p, ag.zeros((0, 3))).shape == (0, 3, 0, 3)


def test_jacobian_dtype_is_that_of_the_input():
    found = jacobian(lambda p: ag.astype(p, ag.float64), ag.tensor([1.0, 2.0], dtype=ag.float32))
    assert found.dtype == ag.float32


def test_jacobian_of_a_complex_function():
    z = ag.tensor([1 + 2j, 3 - 1j])
    np.testing.assert_allclose(host(jacobian(lambda v: v * v, z)), np.diag(np.conj(2 * host(z))))


def test_hessian_against_differences(make):
    found = hessian(number, (make(A), make(B)))
    wanted = columns(lambda p, q: jacobian(number, (p, q)), [A, B])
    for row, expected in zip(found, wanted, strict=True):
        for block, e in zip(row, expected, strict=True):
            close(block, e)


def test_hessian_of_one():
    close(hessian(lambda v: ag.sum(v**3) + v[0] * v[1], f64(1.0, 2.0)), [[6, 1], [1, 12]])
    close(hessian(lambda v: ag.sum(2 * v), f64(1.0, 2.0)), np.zeros((2, 2)))
    close(hessian(lambda v: ag.sum(v**2, keepdims=True), f64(1.0)), [[2.0]])


def test_third_derivatives_of_a_hessian():
    x = f64(1.0, 2.0).requires_grad_()
    found = hessian(lambda v: ag.sum(v**4), x, create_graph=True)
    (third,) = ag.autograd.grad(ag.sum(found), x)
    close(third, 24 * host(x))


# -- products


def test_products_agree_with_the_jacobian(make):
    x, y = make(A), make(B)
    blocks = [[host(b) for b in row] for row in jacobian(pair, (x, y))]
    u, v = numeric.weights_like([host(t) for t in pair(x, y)], 1), numeric.weights_like([A, B], 2)
    outputs, pulled = vjp(pair, (x, y), tuple(make(w) for w in u))
    for found, wanted in zip(outputs, pair(x, y), strict=True):
        close(found, host(wanted))
    for j, found in enumerate(pulled):
        close(found, sum(np.tensordot(w, row[j], w.ndim) for w, row in zip(u, blocks, strict=True)))
    outputs, pushed = jvp(pair, (x, y), tuple(make(w) for w in v))
    assert len(outputs) == 2
    for row, found in zip(blocks, pushed, strict=True):
        close(found, sum(np.tensordot(block, w, w.ndim) for block, w in zip(row, v, strict=True)))


@pytest.mark.parametrize("product", [vhp, hvp])
def test_products_agree_with_the_hessian(make, product):
    x, y = make(A), make(B)
    blocks = hessian(number, (x, y))
    v = numeric.weights_like([A, B], 3)
    value, found = product(number, (x, y), tuple(make(w) for w in v))
    close(value, host(number(x, y)))
    for i, t in enumerate(found):
        close(t, sum(np.tensordot(host(blocks[i][j]), w, w.ndim) for j, w in enumerate(v)))


def test_one_element_needs_no_v():
    x = ag.tensor(3.0, dtype=ag.float64)
    assert vjp(lambda v: ag.sum(v**2), f64(1.0, 2.0))[1].tolist() == [2.0, 4.0]
    assert jvp(lambda v: f64(1.0, 2.0) * v**2, x)[1].tolist() == [6.0, 12.0]
    assert vhp(lambda v: v**3, x)[1].item() == 18.0
    assert hvp(lambda v: v**3, x)[1].item() == 18.0


def test_products_where_nothing_depends_are_zero():
    x, v = f64(1.0, 2.0), f64(1.0, 1.0)
    assert vjp(lambda p: p.detach(), x, v)[1].tolist() == [0.0, 0.0]
    outputs, pushed = jvp(lambda p: (p * 2, p.detach(), p > 0), x, v)
    assert outputs[2].tolist() == [True, True]
    assert [t.tolist() for t in pushed[:2]] == [[2.0, 2.0], [0.0, 0.0]]
    for product in (vhp, hvp):
        assert product(lambda p: ag.sum(p * 2), x, v)[1].tolist() == [0.0, 0.0]
        assert product(lambda p: ag.sum(p.detach()), x, v)[1].tolist() == [0.0, 0.0]


# -- the graph around


def everything(x, **kwargs):
    """Each function, of a cubic."""
    one = ag.ones_like(x)

    def total(v):
        return ag.sum(v**3)

    return {
        "jacobian": jacobian(lambda v: v**3, x, **kwargs),
        "hessian": hessian(total, x, **kwargs),
        "vjp": vjp(lambda v: v**3, x, one, **kwargs),
        "jvp": jvp(lambda v: v**3, x, one, **kwargs),
        "vhp": vhp(total, x, one, **kwargs),
        "hvp": hvp(total, x, one, **kwargs),
    }


def test_results_have_no_graph_unless_asked_for():
    x = f64(1.0, 2.0).requires_grad_()
    for result in everything(x).values():
        assert not any(t.requires_grad for t in (result if isinstance(result, tuple) else (result,)))
    for result in everything(x, create_graph=True).values():
        assert all(t.requires_grad for t in (result if isinstance(result, tuple) else (result,)))
    assert x.grad is None


def test_create_graph_leads_to_inputs_and_captured_tensors():
    x, w = f64(1.0, 2.0).requires_grad_(), f64(3.0).requires_grad_()
    for derivative, wanted in ((jacobian(lambda v: w * v**2, x, create_graph=True), 2), (jvp(lambda v: w * v**2, x, ag.ones_like(x), create_graph=True)[1], 2)):
        gx, gw = ag.autograd.grad(ag.sum(derivative), [x, w])
        close(gx, 3.0 * wanted * np.ones(2))
        close(gw, [wanted * 3.0])


@pytest.mark.parametrize("name", ["jacobian", "hessian", "vjp", "jvp", "vhp", "hvp"])
@pytest.mark.parametrize("create_graph", [False, True])
def test_grad_mode_does_not_matter(name, create_graph):
    x = f64(1.0, 2.0).requires_grad_()
    inside = everything(x, create_graph=create_graph)[name]
    with ag.no_grad():
        outside = everything(x, create_graph=create_graph)[name]
    for a, b in zip(*[r if isinstance(r, tuple) else (r,) for r in (inside, outside)], strict=True):
        close(a, host(b))
        assert a.requires_grad is b.requires_grad


def test_a_captured_tensor_is_not_an_input():
    x = f64(1.0, 2.0).requires_grad_()
    close(jacobian(lambda v: v * x, x), np.diag(host(x)))
    first, second = jacobian(lambda a, b: a * b**2, (x, x))
    close(first, np.diag(host(x) ** 2))
    close(second, np.diag(2 * host(x) ** 2))


# -- strict


@pytest.mark.parametrize("function", [jacobian, lambda f, x, **k: vjp(f, x, ag.ones((2,), dtype=ag.float64), **k), lambda f, x, **k: jvp(f, x, x, **k)])
def test_strict_refuses_outputs_without_grad(function):
    with pytest.raises(RuntimeError, match="output 0 of the function does not require grad"):
        function(lambda v: v.detach(), (f64(1.0, 2.0),) if function is jacobian else f64(1.0, 2.0), strict=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda f, xs: jacobian(f, xs, strict=True),
        lambda f, xs: hessian(lambda *v: ag.sum(f(*v)), xs, strict=True),
        lambda f, xs: vjp(f, xs, xs[0], strict=True),
        lambda f, xs: jvp(f, xs, xs, strict=True),
        lambda f, xs: vhp(lambda *v: ag.sum(f(*v)), xs, xs, strict=True),
        lambda f, xs: hvp(lambda *v: ag.sum(f(*v)), xs, xs, strict=True),
    ],
    ids=["jacobian", "hessian", "vjp", "jvp", "vhp", "hvp"],
)
def test_strict_names_the_input_without_influence(call):
    with pytest.raises(RuntimeError, match=r"independent of input 1, which|input 1 is independent of the inputs"):
        call(lambda p, q: p**2, (f64(1.0, 2.0), f64(3.0)))


@pytest.mark.parametrize(
    "call",
    [
        lambda f, x: hessian(f, x, strict=True),
        lambda f, x: vhp(f, x, x, strict=True),
        lambda f, x: hvp(f, x, x, strict=True),
    ],
    ids=["hessian", "vhp", "hvp"],
)
def test_strict_second_derivatives_of_a_linear_function(call):
    with pytest.raises(RuntimeError, match="first derivative .* input 0 is independent of the inputs"):
        call(lambda v: ag.sum(2 * v), f64(1.0, 2.0))


def test_strict_with_create_graph_refuses_constant_derivatives():
    x = f64(1.0, 2.0).requires_grad_()
    for call in (jacobian, lambda f, x, **k: vjp(f, x, ag.ones_like(x), **k)):
        with pytest.raises(RuntimeError, match="independent of the inputs, which strict=True with create_graph=True"):
            call(lambda v: 2 * v, x, create_graph=True, strict=True)


def test_strict_is_silent_where_all_depends():
    everything(f64(1.0, 2.0), strict=True)
    everything(f64(1.0, 2.0).requires_grad_(), strict=True, create_graph=True)


# -- what is refused


def test_arguments_must_be_tensors():
    with pytest.raises(TypeError, match=r"jacobian\(\): the inputs must be a Tensor or a tuple of Tensors; this is float"):
        jacobian(lambda v: v, 3.0)
    with pytest.raises(TypeError, match="item 1 is ndarray"):
        hessian(lambda v, w: v, (f64(1.0), np.ones(2)))
    with pytest.raises(TypeError, match="outputs of the function .* this is list"):
        vjp(lambda v: [v], f64(1.0))
    with pytest.raises(TypeError, match="vector v .* this is float"):
        jvp(lambda v: v, f64(1.0), 1.0)
    with pytest.raises(RuntimeError, match="no inputs"):
        jacobian(lambda: f64(1.0), ())
    with pytest.raises(TypeError, match="floating"):
        jacobian(lambda v: v, ag.tensor([1, 2]))


def test_v_must_fit():
    x = f64(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"vjp\(\): v can be None only for one output"):
        vjp(lambda v: v, x)
    for product in (jvp, vhp, hvp):
        with pytest.raises(RuntimeError, match="v can be None only for one input"):
            product(ag.sum, x)
    with pytest.raises(RuntimeError, match=r"item 0 has shape \(3,\), and output 0 has shape \(2,\)"):
        vjp(lambda v: v, x, f64(1.0, 2.0, 3.0))
    with pytest.raises(RuntimeError, match="v holds 1 Tensors .* 2 outputs"):
        vjp(lambda v: (v, v), x, x)


@pytest.mark.parametrize("function", [hessian, lambda f, x: vhp(f, x, x), lambda f, x: hvp(f, x, x)])
def test_second_derivatives_are_of_one_number(function):
    with pytest.raises(RuntimeError, match="single element; this one has shape"):
        function(lambda v: v * v, f64(1.0, 2.0))
    with pytest.raises(RuntimeError, match="single Tensor; this one returned a tuple"):
        function(lambda v: (ag.sum(v), ag.sum(v)), f64(1.0, 2.0))
