"""func.vmap: its arguments, nesting, gradients through it and inside of it, writes, what it refuses. The rules are in test_batching.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import anygrad as ag
from anygrad import Tensor, _engine
from anygrad._batched import Batched
from anygrad.autograd import Function
from anygrad.func import grad, grad_and_value, hessian, jacrev, vjp, vmap
from anygrad.utils.checkpoint import checkpoint

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
Make = Callable[..., Tensor]


def x23(requires_grad: bool = False) -> Tensor:
    return ag.tensor(X, requires_grad=requires_grad)


def assert_equal(found: Any, wanted: Any) -> None:
    """Of Tensors, and of trees of them."""
    if isinstance(found, Tensor):
        np.testing.assert_allclose(found.numpy(force=True), wanted.numpy(force=True) if isinstance(wanted, Tensor) else wanted, rtol=1e-12, atol=1e-13)
        return
    assert type(found) is type(wanted)
    assert len(found) == len(wanted)
    keys = found if isinstance(found, dict) else range(len(found))
    for key in keys:
        assert_equal(found[key], wanted[key])


# ---------------------------------------------------------------------------
# arguments and results
# ---------------------------------------------------------------------------


def test_the_axis_of_the_batch_is_hidden() -> None:
    seen = []

    def function(x: Tensor) -> Tensor:
        seen.append((x.shape, x.ndim, x.size, len(x), x.dtype, x.device.type))
        return x.sum()

    assert_equal(vmap(function)(x23()), [6.0, 15.0])
    assert seen == [((3,), 1, 3, 3, ag.float64, "cpu")]


@pytest.mark.parametrize(("dim", "wanted"), [(0, [6.0, 15.0]), (1, [5.0, 7.0, 9.0]), (-1, [5.0, 7.0, 9.0]), (-2, [6.0, 15.0]), ((1,), [5.0, 7.0, 9.0])])
def test_in_dims(dim: Any, wanted: list[float]) -> None:
    assert_equal(vmap(lambda x: x.sum(), in_dims=dim)(x23()), wanted)


def test_in_dims_are_trees_like_the_arguments() -> None:
    def function(tree: dict[str, Any], pair: tuple[Tensor, float]) -> Tensor:
        return tree["a"] + tree["b"][0] * pair[0] + pair[1]

    found = vmap(function, in_dims=({"a": 0, "b": [None]}, (1, None)))({"a": x23(), "b": [ag.tensor(10.0)]}, (x23().mT, 0.5))
    assert_equal(found, X * 11 + 0.5)
    assert_equal(vmap(lambda pair: pair[0] - pair[1])((x23(), x23())), X * 0)


def test_keyword_arguments_are_the_same_for_all() -> None:
    assert_equal(vmap(lambda x, k: x * k)(x23(), k=ag.asarray(X[0])), X * X[0])


@pytest.mark.parametrize(("dim", "shape"), [(0, (2, 3, 3)), (1, (3, 2, 3)), (2, (3, 3, 2)), (-1, (3, 3, 2)), (-3, (2, 3, 3))])
@pytest.mark.parametrize("batched", [True, False])
def test_out_dims(dim: int, shape: tuple[int, ...], batched: bool) -> None:
    found = vmap(lambda x: ag.linalg.outer(x, x) if batched else ag.ones(3, 3), out_dims=dim)(x23())
    wanted = np.stack([np.outer(row, row) if batched else np.ones((3, 3)) for row in X], axis=dim)
    assert found.shape == shape
    assert_equal(found, wanted)


def test_out_dims_are_trees_like_the_results() -> None:
    found = vmap(lambda x: [x, (x.sum(), {"k": x})], out_dims=[1, (0, {"k": 1})])(x23())
    assert_equal(found, [ag.asarray(X.T), (ag.asarray(X.sum(1)), {"k": ag.asarray(X.T)})])
    constant = ag.ones(2)
    assert vmap(lambda x: (x, constant), out_dims=(0, None))(x23())[1] is constant
    assert_equal(vmap(lambda x: x, out_dims=(1,))(x23()), X.T)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9])
def test_chunks_give_the_same(size: int) -> None:
    x = ag.asarray(np.arange(10.0).reshape(5, 2))
    seen = []

    def function(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        assert isinstance(x, Batched)
        seen.append(x.batch.size)
        return x * y.sum(), x.sum()

    plain = vmap(function, in_dims=(0, 1), out_dims=(1, 0))(x, x.mT)
    seen.clear()
    assert_equal(vmap(function, in_dims=(0, 1), out_dims=(1, 0), chunk_size=size)(x, x.mT), plain)
    assert max(seen) == min(size, 5)
    assert sum(seen) == 5


def test_lists_of_batched_tensors_are_stacked() -> None:
    assert_equal(vmap(lambda x: ag.asarray([x.sum(), x[0]]))(x23()), np.stack([X.sum(1), X[:, 0]], axis=1))


def test_nested() -> None:
    def outer(x: Tensor, y: Tensor) -> Tensor:
        return vmap(lambda a: vmap(lambda b: a * b + y.sum())(y))(x)

    wanted = [np.outer(row, row) + row.sum() for row in X]
    assert_equal(vmap(outer)(x23(), x23()), wanted)
    assert_equal(vmap(vmap(lambda a, b: (a * b).sum(), in_dims=(0, None)), in_dims=(None, 0))(x23(), x23()), X @ X.T)


def test_a_batch_of_none() -> None:
    found = vmap(lambda x: (x * 2, ag.linalg.vecdot(x, x), x[1:]))(ag.zeros(0, 3))
    assert [y.shape for y in found] == [(0, 3), (0,), (0, 2)]


def test_inside_of_every_library(make: Make) -> None:
    def function(x: Tensor, i: Tensor) -> Tensor:
        y = ag.zeros_like(x)
        y[1:] = x[i] * 3
        return ag.take(x, i) @ y[:2] + ag.max(x) * y

    x, i = make(X, requires_grad=True), make(np.array([[2, 0], [1, 2]]))
    found = vmap(function)(x, i)
    wanted = ag.stack([function(x[k], i[k]) for k in range(2)])
    assert found.device == x.device
    assert_equal(found, wanted)
    assert_equal(ag.autograd.grad(found.sum(), x)[0], ag.autograd.grad(wanted.sum(), x)[0])


BAD: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    ("sizes", lambda: vmap(lambda a, b: a + b)(x23(), ag.ones(3)), ValueError, "one size in all arguments"),
    ("no arguments", lambda: vmap(lambda: ag.ones(2))(), ValueError, "without positional arguments"),
    ("all None", lambda: vmap(lambda a: a, in_dims=(None,))(x23()), ValueError, "nothing to batch"),
    ("in_dims None", lambda: vmap(lambda a: a, in_dims=None)(x23()), ValueError, "must be an int, or a tuple"),
    ("in_dims list", lambda: vmap(lambda a: a, in_dims=[0])(x23()), ValueError, "must be an int, or a tuple"),
    ("in_dims long", lambda: vmap(lambda a: a, in_dims=(0, 1))(x23()), ValueError, "structure of the arguments"),
    ("in_dims float", lambda: vmap(lambda a: a, in_dims=(0.5,))(x23()), ValueError, "an int or None"),
    ("in_dims far", lambda: vmap(lambda a: a, in_dims=2)(x23()), ValueError, "-2 to 1"),
    ("0-d", lambda: vmap(lambda a: a)(ag.tensor(1.0)), ValueError, "0-d Tensor"),
    ("not a Tensor", lambda: vmap(lambda a, b: a)(x23(), 3), ValueError, "argument that is int"),
    ("returns None", lambda: vmap(lambda a: None)(x23()), ValueError, "must only return Tensors"),
    ("returns a number", lambda: vmap(lambda a: (a, 1.0))(x23()), ValueError, "returned float"),
    ("out_dims None", lambda: vmap(lambda a: a, out_dims=None)(x23()), ValueError, "differs from one entry"),
    ("out_dims long", lambda: vmap(lambda a: (a, a), out_dims=(0, 1, 0))(x23()), ValueError, "structure of the outputs"),
    ("out_dims text", lambda: vmap(lambda a: a, out_dims="a")(x23()), ValueError, "out_dims must be"),
    ("out_dims far", lambda: vmap(lambda a: a, out_dims=2)(x23()), IndexError, "-2 to 1"),
    ("chunk_size", lambda: vmap(lambda a: a, chunk_size=0), ValueError, "greater than 0"),
    ("chunk_size of jacrev", lambda: jacrev(lambda a: a, chunk_size=0), ValueError, "greater than 0"),
    ("randomness", lambda: vmap(lambda a: a, randomness="some"), RuntimeError, "'error', 'different' or 'same'"),
    ("item", lambda: vmap(lambda a: a.sum().item())(x23()), RuntimeError, r"item\(\) needs the values.*anygrad.where"),
    ("float", lambda: vmap(lambda a: a * float(a.sum()))(x23()), RuntimeError, r"item\(\) needs the values"),
    ("if", lambda: vmap(lambda a: a if a.sum() > 3 else -a)(x23()), RuntimeError, "`if`.*needs the values"),
    ("numpy", lambda: vmap(lambda a: ag.asarray(a.numpy()))(x23()), RuntimeError, r"numpy\(\) needs the values"),
    ("asarray", lambda: vmap(lambda a: ag.asarray(np.asarray(a)))(x23()), RuntimeError, "needs the values"),
    ("tolist", lambda: vmap(lambda a: a.tolist())(x23()), RuntimeError, r"tolist\(\) needs the values"),
    ("tensor", lambda: vmap(lambda a: ag.tensor([a.sum()]))(x23()), RuntimeError, "needs the values"),
    ("tolerance", lambda: vmap(lambda a: ag.linalg.pinv(ag.ones(2, 2), rtol=a.sum()))(x23()), RuntimeError, "a tolerance needs the values"),
    ("slice", lambda: vmap(lambda a: a[: ag.argmax(a)])(x23()), RuntimeError, "needs the values"),
    ("mask", lambda: vmap(lambda a: a[a > 2])(x23()), RuntimeError, "where"),
    ("nonzero", lambda: vmap(lambda a: ag.nonzero(a)[0])(x23()), RuntimeError, "nonzero cannot be batched"),
    ("unique", lambda: vmap(lambda a: ag.unique_values(a))(x23()), RuntimeError, "unique_all cannot be batched"),
    ("write", lambda: vmap(lambda a: ag.zeros(3, dtype=ag.float64).add_(a))(x23()), RuntimeError, "the same for all 2 entries.*zeros_like"),
    ("write at", lambda: vmap(lambda a: ag.zeros(3).__setitem__(0, a[0]))(x23()), RuntimeError, "the same for all 2 entries"),
    ("write wide", lambda: vmap(lambda a: (a * 1).add_(ag.ones(2, 3)))(x23()), RuntimeError, "does not broadcast to the shape"),
    ("backward", lambda: vmap(lambda a: a.sum().backward())(x23(True)), RuntimeError, r"backward\(\) inside"),
]


@pytest.mark.parametrize(("call", "error", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
@pytest.mark.filterwarnings("ignore:tensor\\(")
def test_what_is_refused_says_why(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_tensor_that_escapes_says_so() -> None:
    kept = []
    vmap(lambda x: (kept.append(x), x)[1])(x23())
    with pytest.raises(RuntimeError, match="escaped"):
        kept[0] + 1
    with pytest.raises(RuntimeError, match="escaped"):
        vmap(lambda x: (vmap(lambda e: (kept.append(e), e)[1])(x), kept[-1])[1])(x23())
    assert "one of 2" in repr(kept[0])


# ---------------------------------------------------------------------------
# gradients
# ---------------------------------------------------------------------------


def test_gradients_flow_through() -> None:
    x, w = x23(True), ag.tensor(np.array([1.0, -1.0, 2.0]), requires_grad=True)
    y = vmap(lambda row: ag.sin(row @ w) * row.sum())(x)
    again = ag.stack([ag.sin(row @ w) * row.sum() for row in x])
    assert_equal(ag.autograd.grad(y.sum(), (x, w)), ag.autograd.grad(again.sum(), (x, w)))


def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    return ((ag.tanh(x @ parameters["w"] + parameters["b"]) - y) ** 2).sum()


def test_gradients_of_each_sample() -> None:
    rng = np.random.default_rng(0)
    parameters = {"w": ag.asarray(rng.normal(size=(3, 4))), "b": ag.asarray(rng.normal(size=4))}
    xs, ys = ag.asarray(rng.normal(size=(5, 3))), ag.asarray(rng.normal(size=(5, 4)))
    found, values = vmap(grad_and_value(loss), in_dims=(None, 0, 0))(parameters, xs, ys)
    rows = [grad_and_value(loss)(parameters, xs[k], ys[k]) for k in range(5)]
    assert_equal(found, {key: ag.stack([g[key] for g, _ in rows]) for key in parameters})
    assert_equal(values, ag.stack([v for _, v in rows]))
    assert not found["w"].requires_grad


def test_gradients_of_each_sample_can_be_differentiated() -> None:
    w, xs = ag.tensor([1.0, 2.0, 3.0], requires_grad=True), x23()

    def norms(w: Tensor) -> Tensor:
        return vmap(lambda w, x: (grad(lambda w: ag.sin((w * x).sum()))(w) ** 2).sum(), in_dims=(None, 0))(w, xs)

    def looped(w: Tensor) -> Tensor:
        return ag.stack([(grad(lambda w, x=x: ag.sin((w * x).sum()))(w) ** 2).sum() for x in xs])

    assert_equal(ag.autograd.grad(norms(w).sum(), w), ag.autograd.grad(looped(w).sum(), w))


def cubes(x: Tensor) -> Tensor:
    return x**3 * x.sum()


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: jacrev(f),
        lambda f: jacrev(jacrev(f)),
        lambda f: jacrev(f, chunk_size=2),
        lambda f: hessian(lambda x: f(x).sum()),
        lambda f: lambda x: vjp(f, x)[1](ag.ones_like(x))[0],
        lambda f: lambda x: vmap(vjp(f, x)[1])(ag.eye(3, dtype=ag.float64))[0],
        lambda f: lambda x: vmap(lambda v: vjp(grad(lambda x: f(x).sum()), x)[1](v)[0])(ag.eye(3, dtype=ag.float64)),
        lambda f: lambda x: ag.autograd.functional.jacobian(f, x),
        lambda f: lambda x: ag.autograd.functional.jacobian(f, x, vectorize=True),
        lambda f: lambda x: ag.autograd.functional.hvp(lambda x: f(x).sum(), x, x * 2)[1],
    ],
)
def test_derivatives_inside(transform: Any) -> None:
    x = x23()
    assert_equal(vmap(transform(cubes))(x), ag.stack([transform(cubes)(row) for row in x]))
    assert_equal(vmap(transform(cubes), in_dims=1)(x.mT), ag.stack([transform(cubes)(row) for row in x]))


def test_the_gradient_of_what_is_the_same_for_all_is_refused() -> None:
    w = ag.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with pytest.raises(RuntimeError, match=r"would be the sum over the 2 entries.*func\.grad"):
        vmap(lambda x: ag.autograd.grad((x * w).sum(), w)[0])(x23())
    found = vmap(lambda x: ag.autograd.grad((x * w).sum(), x)[0])(x23(True))
    assert_equal(found, np.stack([[1.0, 2.0, 3.0]] * 2))


def test_an_argument_is_not_changed_by_what_the_function_asks_of_it() -> None:
    x = x23()
    vmap(lambda row: row.requires_grad_() * 2)(x)
    assert not x.requires_grad


# ---------------------------------------------------------------------------
# writes
# ---------------------------------------------------------------------------


def in_place_rows(x: Tensor) -> Tensor:
    y = x * 1
    z = y[1:]
    z *= x[0]
    y[0] = x[2] ** 2
    y[ag.argmax(x)] += 1
    y -= 0.5
    y[...] = y + z.sum()
    return y


def test_writes_and_their_gradients() -> None:
    x = ag.tensor([[3.0, 1.0, 2.0], [4.0, 5.0, 6.0]], requires_grad=True)
    found, wanted = vmap(in_place_rows)(x), ag.stack([in_place_rows(row) for row in x])
    assert_equal(found, wanted)
    assert_equal(ag.autograd.grad((found**2).sum(), x), ag.autograd.grad((wanted**2).sum(), x))
    assert_equal(vmap(jacrev(in_place_rows))(x.detach()), ag.stack([jacrev(in_place_rows, chunk_size=1)(row) for row in x.detach()]))


@pytest.mark.parametrize("key", ["i", "..., i", "1:, i", "i, :, 0", "None, i, 1", "j, 1", "0, i, j", ":, i, j", "k, 0"])
@pytest.mark.parametrize("value", ["number", "same", "each", "each with an axis more"])
def test_writes_at_index_arrays(key: str, value: str) -> None:
    x = ag.asarray(np.arange(54.0).reshape(2, 3, 3, 3))
    i, j, k = ag.asarray(np.array([[0, 2], [2, 1]])), ag.asarray(np.array([1, 0])), ag.asarray(np.array([[[0], [1]], [[2], [0]]]))

    def write(x: Tensor, i: Tensor, j: Tensor, k: Tensor) -> Tensor:
        places = eval(f"np.index_exp[{key}]", {"np": np, "i": i, "j": j, "k": k})
        y = x * 1
        y[places] = {
            "number": -1.0,
            "same": ag.asarray(-1.0 - np.arange(y[places].shape[-1])),
            "each": y[places] * -2,
            "each with an axis more": y[places][None] * -2,
        }[value]
        return y

    assert_equal(vmap(write, in_dims=(0, 0, None, 0))(x, i, j, k), ag.stack([write(x[n], i[n], j, k[n]) for n in range(2)]))


def test_writes_to_an_argument_reach_the_caller() -> None:
    x = x23()

    def function(row: Tensor) -> Tensor:
        row *= 2
        return row

    vmap(function, in_dims=1)(x)
    assert_equal(x, X * 2)
    with pytest.raises(RuntimeError, match="a leaf that requires grad"):
        vmap(function)(x23(True))


# ---------------------------------------------------------------------------
# beside other parts
# ---------------------------------------------------------------------------


def test_checkpoints_inside_run_again_with_the_batch() -> None:
    runs = []

    def function(x: Tensor, w: Tensor) -> Tensor:
        runs.append(x.shape)
        return (ag.sin(x * w) * x.sum()).sum()

    def kept(x: Tensor, w: Tensor) -> Tensor:
        return checkpoint(function, x, w)

    x, w = x23(True), ag.tensor(X[0], requires_grad=True)
    y = vmap(kept, in_dims=(0, None))(x, w)
    found = ag.autograd.grad(y.sum(), (x, w))
    assert runs == [(3,), (3,)]
    assert_equal(found, ag.autograd.grad(vmap(function, in_dims=(0, None))(x, w).sum(), (x, w)))
    assert_equal(vmap(grad(kept), in_dims=(0, None))(x, w), vmap(grad(function), in_dims=(0, None))(x, w))


def test_subclasses_of_tensor() -> None:
    class Marked(Tensor):
        pass

    w, x = ag.asarray(X[0]).as_subclass(Marked), x23().as_subclass(Marked)
    for xs in (x, x23()):
        found = vmap(lambda row: (row * w)[ag.argsort(row)] + ag.zeros_like(row) + row.as_subclass(Marked).detach())(xs)
        assert_equal(found, X * X[0] + X)


def test_numpy_functions_and_texts() -> None:
    texts: list[str] = []
    found = vmap(lambda x: (texts.append(f"{x.sum()}"), np.sin(x) + np.ones(3) * x)[1])(x23())  # type: ignore[call-overload]
    assert_equal(found, np.sin(X) + X)
    assert "one of 2" in texts[0]


# ---------------------------------------------------------------------------
# one backward for many gradients
# ---------------------------------------------------------------------------


def rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def test_a_hessian_takes_one_backward_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []
    original = _engine.run
    monkeypatch.setattr(_engine, "run", lambda *args: (runs.append(1), original(*args))[1])

    def count(function: Callable[[Tensor], Any], n: int) -> tuple[int, Any]:
        runs.clear()
        found = function(ag.asarray(np.linspace(0.1, 1.0, n)))
        return len(runs), found

    for whole in (hessian(rosenbrock), lambda x: ag.autograd.functional.hessian(rosenbrock, x, vectorize=True)):
        assert [count(whole, n)[0] for n in (5, 200)] == [2, 2]
    n, by_rows = count(lambda x: ag.autograd.functional.hessian(rosenbrock, x), 50)
    assert n == 51
    assert_equal(count(hessian(rosenbrock), 50)[1], by_rows)
    assert count(jacrev(cubes, chunk_size=20), 50)[0] == 3
    assert count(jacrev(cubes, chunk_size=1), 50)[0] == 50


def test_grads_batched_over_several_outputs() -> None:
    x, w = ag.tensor([1.0, 2.0, 3.0], requires_grad=True), ag.tensor(2.0, requires_grad=True)
    y, z = x**2 * w, x.sum()
    gy, gz = ag.eye(3), ag.tensor([1.0, 0.0, 2.0])
    found = ag.autograd.grad((y, z), (x, w), (gy, gz), is_grads_batched=True, retain_graph=True)
    rows = [ag.autograd.grad((y, z), (x, w), (gy[k], gz[k]), retain_graph=True) for k in range(3)]
    assert_equal(found, tuple(ag.stack(column) for column in zip(*rows, strict=True)))
    assert not found[0].requires_grad
    unused = ag.tensor(1.0, requires_grad=True)
    assert ag.autograd.grad(y, (x, unused), gy, allow_unused=True, is_grads_batched=True, retain_graph=True)[1] is None
    zeros = ag.autograd.grad(y, (x, unused), gy, materialize_grads=True, is_grads_batched=True, retain_graph=True)[1]
    assert zeros is not None
    assert_equal(zeros, np.zeros(3))


def test_grads_batched_can_be_differentiated_and_frees_the_graph() -> None:
    x = ag.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x**3
    (g,) = ag.autograd.grad(y, x, ag.eye(3), is_grads_batched=True, create_graph=True)
    assert g is not None
    assert_equal(ag.autograd.grad((g**2).sum(), x, retain_graph=True)[0], 36 * x.detach() ** 3)
    ag.autograd.grad(y, x, ag.eye(3), is_grads_batched=True)
    with pytest.raises(RuntimeError, match="already used and freed"):
        ag.autograd.grad(y, x, ag.eye(3), is_grads_batched=True)


@pytest.mark.parametrize("seeds", [None, ag.tensor(1.0), ag.ones(3, 2)])
def test_grads_batched_need_their_axis(seeds: Any) -> None:
    x = ag.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with pytest.raises(ValueError, match="batch axis|shape"):
        ag.autograd.grad(x**2, x, seeds, is_grads_batched=True)


def test_grads_batched_of_raw_arrays_and_edges() -> None:
    x = ag.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x**2
    edge = ag.autograd.graph.get_gradient_edge(y)
    for outputs in (y, edge):
        (g,) = ag.autograd.grad(outputs, x, [np.eye(3)], is_grads_batched=True, retain_graph=True)
        assert g is not None
        assert g.dtype == ag.float32
        assert_equal(g, np.diag([2.0, 4.0, 6.0]))


def test_hooks_see_one_entry() -> None:
    x = ag.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y, shapes = x**2, []
    y.register_hook(lambda g: shapes.append(g.shape) or g * 2)
    (g,) = ag.autograd.grad(y * 3, x, ag.eye(3), is_grads_batched=True)
    assert shapes == [(3,)]
    assert g is not None
    assert_equal(g, np.diag([12.0, 24.0, 36.0]))


# ---------------------------------------------------------------------------
# autograd.Function
# ---------------------------------------------------------------------------


class Scaled(Function):
    """sum(x * w), with everything that a context can keep."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, factor: float) -> Tensor:
        assert x.ndim == w.ndim == 1
        out = (x * w).sum() * factor
        ctx.save_for_backward(x, w, out)
        ctx.factor, ctx.beside = factor, x * 0
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w, out = ctx.saved_tensors
        assert g.ndim == out.ndim == 0
        assert x.ndim == 1
        return g * w * ctx.factor + ctx.beside, g * x * ctx.factor + 0 * out, None


def plainly(x: Tensor, w: Tensor, factor: float) -> Tensor:
    return (x * w).sum() * factor


@pytest.mark.parametrize("dims", [(0, None), (None, 0), (0, 0)])
def test_functions_of_ones_own(dims: tuple[Any, ...]) -> None:
    x, w = x23(True) if dims[0] == 0 else ag.tensor(X[0], requires_grad=True), x23(True) if dims[1] == 0 else ag.tensor(X[1], requires_grad=True)

    def results(function: Any) -> list[Any]:
        y = vmap(function, in_dims=(*dims, None))(x, w, 2.0)
        return [
            y,
            ag.autograd.grad(y, (x, w), ag.tensor([1.0, 10.0], dtype=ag.float64), retain_graph=True),
            ag.autograd.grad(y, (x, w), ag.eye(2, dtype=ag.float64), is_grads_batched=True, retain_graph=True),
            vmap(grad(function, argnums=(0, 1)), in_dims=(*dims, None))(x, w, 2.0),
            vmap(vmap(grad(function), in_dims=(None, 0, None)), in_dims=(*dims, None))(x, ag.stack([w, w], axis=-2), 2.0),
            jacrev(lambda x: vmap(function, in_dims=(*dims, None))(x, w.detach(), 2.0))(x.detach()),
        ]

    assert_equal(results(Scaled.apply), results(plainly))


def test_functions_of_ones_own_in_two_batches() -> None:
    xs, ws = x23(True), ag.tensor(X + 0.5, requires_grad=True)

    def results(function: Any) -> Any:
        y = vmap(lambda x: vmap(lambda w: function(x, w, 2.0))(ws))(xs)
        return y, ag.autograd.grad(y, (xs, ws), ag.asarray(np.array([[1.0, 10.0], [100.0, 1000.0]])))

    assert_equal(results(Scaled.apply), results(plainly))


def test_a_function_with_an_output_that_is_the_same_for_all() -> None:
    class Both(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
            return x * 2, w * 3

        @staticmethod
        def backward(ctx: Any, gx: Tensor, gw: Tensor) -> tuple[Tensor, Tensor]:
            return gx * 2, gw * 3

    x, w = x23(True), ag.tensor(X[0], requires_grad=True)
    y, z = vmap(Both.apply, in_dims=(0, None))(x, w)
    assert_equal(z, np.stack([X[0] * 3] * 2))
    assert_equal(ag.autograd.grad((y, z), (x, w), (ag.asarray(X), ag.asarray(X))), (ag.asarray(2 * X), ag.asarray(3 * X.sum(0))))


def test_an_output_that_is_the_same_for_all_may_be_saved_or_have_no_gradient() -> None:
    class Power(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            y, constant = w**2, w * 0
            ctx.save_for_backward(w, y)
            ctx.mark_non_differentiable(constant)
            return x * 1, y, constant

        @staticmethod
        def backward(ctx: Any, gx: Tensor, gy: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
            w, y = ctx.saved_tensors
            return gx, gy * 2 * y / w

    x, w = x23(), ag.tensor(X[0], requires_grad=True)
    _, y, constant = vmap(Power.apply, in_dims=(0, None))(x, w)
    assert not constant.requires_grad
    (g,) = ag.autograd.grad(y.sum(), w, create_graph=True)
    assert_equal(g, 2 * 2 * X[0])
    assert_equal(ag.autograd.grad(g.sum(), w)[0], np.full(3, 4.0))


def test_a_backward_leaves_the_batch_as_it_was() -> None:
    w = ag.tensor(X[0])

    def function(x: Tensor) -> Tensor:
        first = grad(Scaled.apply)(x, x, 1.0)
        return first + grad(lambda w: (w * x).sum())(w)  # w is the same for all: it needs the batch to be known

    assert_equal(vmap(function)(x23()), X * 2)


def test_a_function_with_a_rule_of_its_own() -> None:
    class Doubled(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
            return x * 2, k * 1

        @staticmethod
        def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, k: Tensor) -> Any:
            assert (info.batch_size, info.randomness, in_dims, x.shape) == (3, "error", (0, None), (3, 2))
            return (ag.matrix_transpose(x) * 3, k), (1, None)

    found = vmap(Doubled.apply, in_dims=(1, None))(x23(), ag.ones(2))
    assert_equal(found, (ag.asarray(X.T * 3), ag.ones(3, 2)))


def test_jacobians_row_by_row_need_no_rule() -> None:
    class OnHost(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return ag.asarray(x.numpy(force=True) * 2)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            return ag.asarray(g.numpy(force=True) * 2)

    x = ag.tensor([1.0, 2.0])
    assert_equal(jacrev(OnHost.apply, chunk_size=1)(x), 2 * np.eye(2))
    assert_equal(ag.autograd.functional.jacobian(OnHost.apply, x), 2 * np.eye(2))
    with pytest.raises(RuntimeError, match=r"numpy\(\) needs the values"):
        jacrev(OnHost.apply)(x)
