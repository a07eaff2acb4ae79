"""Custom functions: PyTorch's protocol, and what it refuses."""

import gc
import math
import weakref

import numpy as np
import pytest

import anygrad as ag
from anygrad.autograd import Function, grad
from anygrad.autograd.function import once_differentiable

pytestmark = pytest.mark.usefixtures("everywhere")


def leaf(*values):
    return ag.tensor(list(values), dtype=ag.float64, requires_grad=True)


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


class CubeApart(Function):
    @staticmethod
    def forward(x):
        return x * x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    backward = Cube.backward


class Exp(Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx, x):
        y = ag.exp(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class Scale(Function):
    """Takes a number, which has no gradient."""

    @staticmethod
    def forward(ctx, x, factor, offset=0.0):
        ctx.factor = factor
        return x * factor + offset

    @staticmethod
    def backward(ctx, g):
        return g * ctx.factor, None, None


class Halves(Function):
    """Two outputs."""

    seen = None

    @staticmethod
    def forward(ctx, x, materialize=True):
        ctx.set_materialize_grads(materialize)
        return x * 2, x * 3

    @staticmethod
    def backward(ctx, g1, g2):
        Halves.seen = [None if g is None else g.tolist() for g in (g1, g2)]
        return sum(g * k for g, k in ((g1, 2), (g2, 3)) if g is not None), None


def made(forward=lambda ctx, x: x * 1, backward=lambda ctx, g: g):
    """A Function of these two."""
    return type("Made", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


# ---------------------------------------------------------------------------
# the protocol
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("function", [Cube, CubeApart])
def test_a_function(make, function):
    x = make([1.0, 2.0], requires_grad=True)
    y = function.apply(x)
    assert (y.requires_grad, y.is_leaf, y.grad_fn.name()) == (True, False, f"{function.__name__}Backward")
    assert repr(y).endswith(f"grad_fn=<{function.__name__}Backward>)")
    assert y.grad_fn.next_functions[0][0].variable is x
    y.sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([1.0, 8.0], [3.0, 12.0])


@pytest.mark.parametrize("function", [Cube, CubeApart, Exp])
def test_derivatives_of_higher_order(make, function):
    x = make([1.5, 2.0], requires_grad=True)
    g = function.apply(x)
    a = np.array([1.5, 2.0])
    for expected in [3 * a**2, 6 * a, np.full(2, 6.0)] if function is not Exp else [np.exp(a)] * 3:
        (g,) = grad(g.sum(), x, create_graph=True)
        np.testing.assert_allclose(np.asarray(g.tolist()), expected)


def test_forward_is_not_recorded_and_backward_only_under_create_graph():
    modes = []

    def forward(ctx, x):
        modes.append(ag.is_grad_enabled())
        assert (x * 2).requires_grad is False
        assert x.requires_grad
        return x * 1

    def backward(ctx, g):
        modes.append(ag.is_grad_enabled())
        return g

    x = leaf(1.0)
    function = made(forward, backward)
    function.apply(x).backward()
    grad(function.apply(x), x, create_graph=True)
    assert modes == [False, False, False, True]
    assert ag.is_grad_enabled()


def test_arguments_that_are_no_tensors():
    x = leaf(1.0, 2.0)
    y = Scale.apply(x, 5, 1.0)
    assert (y.tolist(), y.grad_fn.factor) == ([6.0, 11.0], 5)
    y.sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]
    assert Scale.apply(x, 5).tolist() == [5.0, 10.0]


def test_needs_input_grad():
    seen = []

    def forward(ctx, a, b, k):
        seen.append(ctx.needs_input_grad)
        return a * b * k

    def backward(ctx, g):
        seen.append(ctx.needs_input_grad)
        return g, None, None

    made(forward, backward).apply(leaf(1.0), ag.ones(1), 3).backward()
    assert seen == [(True, False, False)] * 2


def test_several_outputs():
    x = leaf(1.0, 2.0)
    a, b = Halves.apply(x)
    assert (a.grad_fn is b.grad_fn, a.output_nr, b.output_nr) == (True, 0, 1)
    (a * 10 + b).sum().backward()
    assert Halves.seen == [[10.0, 10.0], [1.0, 1.0]]
    assert x.grad.tolist() == [23.0, 23.0]


@pytest.mark.parametrize(("materialize", "missing"), [(True, [0.0, 0.0]), (False, None)])
@pytest.mark.parametrize("used", [0, 1])
def test_outputs_without_a_gradient(materialize, missing, used):
    x = leaf(1.0, 2.0)
    Halves.apply(x, materialize)[used].sum().backward()
    expected = [missing, missing]
    expected[used] = [1.0, 1.0]
    assert Halves.seen == expected
    assert x.grad.tolist() == [[2.0, 2.0], [3.0, 3.0]][used]


def test_lists_and_single_outputs_come_back_as_such():
    x = leaf(1.0)
    assert isinstance(made(lambda ctx, x: (x * 1,)).apply(x), tuple)
    assert isinstance(made(lambda ctx, x: x * 1).apply(x), ag.Tensor)
    y, text = made(lambda ctx, x: (x * 1, "text")).apply(x)
    assert (y.requires_grad, text) == (True, "text")


@pytest.mark.parametrize("context", [ag.no_grad, ag.inference_mode])
def test_without_recording(context):
    with context():
        y = Cube.apply(leaf(2.0))
    assert (y.requires_grad, y.grad_fn, y.tolist()) == (False, None, [8.0])
    assert not Cube.apply(ag.ones(2)).requires_grad


def test_none_for_an_input():
    a, b = leaf(1.0), leaf(2.0)
    made(lambda ctx, a, b: a + b, lambda ctx, g: (g, None)).apply(a, b).backward()
    assert (a.grad.tolist(), b.grad) == ([1.0], None)


def test_trailing_nones_may_be_too_many():
    x = leaf(1.0)
    made(backward=lambda ctx, g: (g, None, None)).apply(x).backward()
    assert x.grad.tolist() == [1.0]


def test_a_gradient_that_broadcasts_is_summed():
    x = leaf(1.0)
    made(lambda ctx, x: ag.broadcast_to(x, (3,)).clone()).apply(x).sum().backward()
    assert x.grad.tolist() == [3.0]


def test_gradients_take_the_dtype_of_their_input():
    x = leaf(1.0, 2.0)
    made(lambda ctx, x: x.to(ag.float32)).apply(x).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (ag.float64, [1.0, 1.0])


def test_functions_inside_functions():
    def forward(ctx, x):
        with ag.enable_grad():
            inner = x.detach().requires_grad_()
            ctx.inner, ctx.y = inner, Cube.apply(inner)
        return ctx.y.detach()

    def backward(ctx, g):
        with ag.enable_grad():
            return grad(ctx.y, ctx.inner, g)[0]

    x = leaf(2.0)
    (made(forward, backward).apply(x) * 10).backward()
    assert x.grad.tolist() == [120.0]


def test_values_that_numpy_computed():
    class Erf(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return ag.from_numpy(np.vectorize(math.erf)(x.numpy(force=True))).to(x.device)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 / math.sqrt(math.pi) * ag.exp(-x * x)

    x = leaf(0.0, 1.0)
    y = Erf.apply(x)
    y.sum().backward()
    assert y.tolist() == [0.0, math.erf(1)]
    np.testing.assert_allclose(x.grad.numpy(force=True), 2 / math.sqrt(math.pi) * np.exp([0.0, -1.0]))


# ---------------------------------------------------------------------------
# what is saved
# ---------------------------------------------------------------------------


def test_saved_tensors_have_their_history():
    x = leaf(2.0)
    h = x * 1
    y = Cube.apply(h)
    (saved,) = y.grad_fn.saved_tensors
    assert (saved.tolist(), saved.grad_fn) == ([2.0], h.grad_fn)
    (out,) = Exp.apply(x).grad_fn.saved_tensors
    assert out.requires_grad


def test_none_and_constants_can_be_saved():
    def forward(ctx, x, c):
        ctx.save_for_backward(None, c, x)
        return x * c

    def backward(ctx, g):
        nothing, c, x = ctx.saved_tensors
        assert nothing is None
        assert (c.requires_grad, x.requires_grad) == (False, True)
        return g * c, None

    x = leaf(2.0)
    made(forward, backward).apply(x, ag.tensor([5.0], dtype=ag.float64)).backward()
    assert x.grad.tolist() == [5.0]


def test_saving_again_replaces():
    def forward(ctx, x):
        ctx.save_for_backward(x, x)
        ctx.save_for_backward(x)
        return x * 1

    (saved,) = made(forward).apply(leaf(2.0)).grad_fn.saved_tensors
    assert saved.tolist() == [2.0]


def test_saved_tensors_are_freed_by_backward():
    x = leaf(2.0)
    y = Cube.apply(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [24.0]
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
    with pytest.raises(RuntimeError, match="already been freed"):
        _ = y.grad_fn.saved_tensors


def test_saved_values_survive_writes():
    x = leaf(2.0, 3.0)
    h = x * 1
    y = Cube.apply(h)
    h.zero_()
    e = Exp.apply(x)
    z = e * 1
    e.zero_()
    (y + z).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(force=True), 3 * np.array([4.0, 9.0]) + np.exp([2.0, 3.0]))


def test_only_tensors_are_saved():
    with pytest.raises(TypeError, match=r"can only save variables .*not int.*attributes of ctx"):
        made(lambda ctx, x: ctx.save_for_backward(x, 3)).apply(leaf(1.0))


# ---------------------------------------------------------------------------
# errors
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backward", "error", "said"),
    [
        (lambda ctx, g: (g, g), RuntimeError, r"incorrect number of gradients \(expected 1, got 2\)"),
        (lambda ctx, g: (), RuntimeError, r"expected 1, got 0"),
        (lambda ctx, g: ag.ones(3), RuntimeError, r"invalid gradient at index 0 - got \[3\] .* \[2\]"),
        (lambda ctx, g: 1.0, RuntimeError, "float as the gradient at index 0"),
        (lambda ctx, g: 1 / 0, ZeroDivisionError, "division"),
    ],
)
def test_wrong_backwards(backward, error, said):
    x = leaf(1.0, 2.0)
    with pytest.raises(error, match=said):
        made(backward=backward).apply(x).sum().backward()
    assert x.grad is None
    assert ag.is_grad_enabled()


def test_a_forward_that_fails():
    with pytest.raises(ZeroDivisionError):
        made(lambda ctx, x: 1 / 0).apply(leaf(1.0))
    assert ag.is_grad_enabled()


def test_what_is_not_defined():
    x = leaf(1.0)
    with pytest.raises(NotImplementedError, match="must define forward"):
        type("F", (Function,), {}).apply(x)
    y = type("F", (Function,), {"forward": staticmethod(lambda ctx, x: x * 1)}).apply(x)
    with pytest.raises(NotImplementedError, match="must define backward"):
        y.backward()


def test_functions_are_not_instantiated():
    with pytest.raises(RuntimeError, match=r"Cube\.apply"):
        Cube()


# ---------------------------------------------------------------------------
# once_differentiable
# ---------------------------------------------------------------------------


def test_once_differentiable():
    modes = []

    @once_differentiable
    def backward(ctx, g):
        modes.append(ag.is_grad_enabled())
        return g * 2

    x = leaf(3.0)
    function = made(lambda ctx, x: x * 2, backward)
    assert grad(function.apply(x), x)[0].tolist() == [2.0]
    (g,) = grad(function.apply(x) * x, x, create_graph=True)
    assert g.tolist() == [12.0]
    with pytest.raises(RuntimeError, match="twice.*once_differentiable"):
        grad(g, x)
    assert modes == [False, False]


# ---------------------------------------------------------------------------
# mark_dirty, mark_non_differentiable
# ---------------------------------------------------------------------------


class DoubleInPlace(Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_an_input_that_was_written_is_returned_itself():
    x = leaf(1.0, 2.0)
    h = x * 3
    y = DoubleInPlace.apply(h)
    assert y is h
    assert (h.tolist(), h.grad_fn.name()) == ([6.0, 12.0], "DoubleInPlaceBackward")
    assert h._version > 0
    h.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_a_view_that_was_written_takes_its_base_with_it():
    x = leaf(1.0, 2.0)
    b = x * 1
    v, other = b[:1], b[:]
    assert DoubleInPlace.apply(v) is v
    assert (b.tolist(), other.tolist(), b.requires_grad) == ([2.0, 2.0], [2.0, 2.0], True)
    (b * other + v).sum().backward()
    assert x.grad.tolist() == [2 * (2 * 2.0 + 2), 4.0]


def test_a_leaf_is_not_written_by_a_function_either():
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="wrote in place to a leaf that requires grad"):
        DoubleInPlace.apply(x)
    assert x.is_leaf
    with ag.no_grad():
        DoubleInPlace.apply(x)
    assert x.is_leaf


def test_an_input_that_is_returned_unwritten_becomes_another_tensor():
    x = leaf(1.0)
    y = made(lambda ctx, x: x).apply(x)
    assert y is not x
    assert (y.grad_fn.name(), x.is_leaf) == ("MadeBackward", True)
    y.backward()
    assert x.grad.tolist() == [1.0]


def test_outputs_without_a_derivative():
    def forward(ctx, x):
        order = ag.argsort(x)
        sign = x * 0 + 1
        ctx.mark_non_differentiable(sign)
        return x * 2, sign, order

    def backward(ctx, g, g_sign, g_order):
        assert g_sign.tolist() == [0.0, 0.0]
        return g * 2

    x = leaf(2.0, 1.0)
    y, sign, order = made(forward, backward).apply(x)
    assert [t.requires_grad for t in (y, sign, order)] == [True, False, False]
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


# ---------------------------------------------------------------------------
# what backward may return, and what forward may do
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [
        (lambda g: g.astype(ag.float32), [2.0, 2.0]),
        (lambda g: ag.ones(2, dtype=ag.int64), [1.0, 1.0]),
        (lambda g: ag.broadcast_to(g, (3, 2)), [6.0, 6.0]),
    ],
)
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_gets_the_shape_and_dtype_of_its_input(gradient, expected, create_graph):
    """Also where the output has those of the input, and the engine need not look."""
    x = leaf(1.0, 2.0)
    y = made(lambda ctx, x: x * 1, lambda ctx, g: gradient(g)).apply(x)
    (g,) = grad(y, x, ag.tensor([2.0, 2.0], dtype=ag.float64), create_graph=create_graph)
    assert (g.dtype, g.tolist()) == (ag.float64, expected)


def test_a_complex_gradient_of_a_real_input():
    with pytest.raises(TypeError, match="complex128 for a real input"):
        made(lambda ctx, x: x * 1, lambda ctx, g: g * 1j).apply(leaf(1.0)).backward()


def test_a_gradient_for_what_is_not_a_tensor():
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="gradient at index 1, where the argument of forward is not a Tensor"):
        made(lambda ctx, x, k: x * k, lambda ctx, g: (g, g)).apply(x, 3).backward()
    assert x.grad is None


def test_what_is_marked_dirty():
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x * 1

    with pytest.raises(RuntimeError, match="did not return"):
        made(forward, lambda ctx, g: g).apply(leaf(1.0) * 1)
    with pytest.raises(RuntimeError, match="mark_dirty takes"):
        made(lambda ctx, x: ctx.mark_dirty(3), lambda ctx, g: g).apply(leaf(1.0))


def test_an_input_that_was_returned_is_not_written_to():
    h = leaf(1.0) * 1
    y = made(lambda ctx, x: x, lambda ctx, g: g * 10).apply(h)
    with pytest.raises(RuntimeError, match=r"custom Function.*clone"):
        y.mul_(2)
    with ag.no_grad():
        y.mul_(2)
    assert h.tolist() == [2.0]


def test_setup_context_and_backward_know_the_default_arguments():
    class Scaled(Function):
        @staticmethod
        def forward(x, k=3.0, n=2):
            return x * k * n

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.factors = inputs[1:]

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factors[0] * ctx.factors[1], None, None

    for arguments, expected in (((), 6.0), ((5.0,), 10.0), ((5.0, 1), 5.0)):
        x = leaf(1.0)
        Scaled.apply(x, *arguments).backward()
        assert x.grad.tolist() == [expected]


# ---------------------------------------------------------------------------
# memory
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("function", [Cube, CubeApart, Exp, lambda x: Halves.apply(x)[1], DoubleInPlace])
@pytest.mark.parametrize("run", [False, True])
def test_functions_make_no_cycles(function, run):
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        h = x * 1
        y = getattr(function, "apply", function)(h)
        node, output = weakref.ref(y.grad_fn), weakref.ref(y)
        if run:
            y.sum().backward()
        del y, h
        assert (node(), output()) == (None, None)
    finally:
        gc.enable()


def test_hooks_on_a_functions_node():
    x = leaf(2.0)
    y = Cube.apply(x)
    seen = []
    y.grad_fn.register_hook(lambda gi, go: seen.append((gi[0].tolist(), go[0].tolist())))
    y.backward()
    assert seen == [([12.0], [1.0])]
