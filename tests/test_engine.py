"""Backward: order, several roots and targets, what is kept and freed, and accumulation."""

import threading

import numpy as np
import pytest

import anygrad as ag
from anygrad.autograd import grad
from anygrad.autograd.graph import get_gradient_edge

pytestmark = pytest.mark.usefixtures("everywhere")


def leaf(*values, dtype=ag.float64):
    return ag.tensor(list(values), dtype=dtype, requires_grad=True)


def number(value):
    return ag.tensor(value, dtype=ag.float64, requires_grad=True)


def values(*tensors):
    return [None if t is None else t.tolist() for t in tensors]


def note(log, name):
    def hook(_):
        log.append(name)

    return hook


# ---------------------------------------------------------------------------
# order
# ---------------------------------------------------------------------------


def test_nodes_run_from_the_youngest_to_the_oldest():
    log = []
    x = leaf(2.0)
    a = x * 2
    b = x * 3
    c = a * b
    d = b * 5  # younger than c, and not of its history
    y = c + d
    for name, t in {"a": a, "b": b, "c": c, "d": d, "y": y, "x": x}.items():
        t.register_hook(note(log, name))
    y.backward()
    assert log == ["y", "d", "c", "b", "a", "x"]
    assert x.grad.tolist() == [2 * 12 + 15]


def test_a_hook_sees_the_summed_gradient_once(make):
    seen = []
    x = make([1.0, 2.0], requires_grad=True)
    a = x * 2
    a.register_hook(lambda g: seen.append(g.tolist()))
    (a * 3 + a * a + a).sum().backward()
    assert seen == [[8.0, 12.0]]
    assert x.grad.tolist() == [16.0, 24.0]


def test_a_leaf_accumulates_as_soon_as_its_gradient_is_complete():
    log = []
    early, late = leaf(1.0), leaf(2.0)
    h = late * 3
    h.register_hook(lambda g: log.append(("h", early.grad is not None, late.grad is not None)))
    early.register_post_accumulate_grad_hook(note(log, "early"))
    late.register_post_accumulate_grad_hook(note(log, "late"))
    (h * early).backward()
    assert log == ["early", ("h", True, False), "late"]


def test_the_order_of_hooks_of_one_tensor():
    log = []
    x = leaf(3.0)
    y = x * 2
    y.register_hook(note(log, "first"))
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.grad_fn.register_prehook(lambda gs: log.append(("before", gs[0].tolist())))
    y.grad_fn.register_hook(lambda gi, go: log.append(("after", gi[0].tolist(), go[0].tolist())))
    x.register_hook(lambda g: log.append(("x", x.grad)))
    x.register_post_accumulate_grad_hook(lambda t: log.append(("post", t.grad.tolist())))
    y.backward()
    assert log == ["first", ("before", [10.0]), ("after", [20.0], [10.0]), ("x", None), ("post", [20.0])]
    assert y.grad.tolist() == [10.0]


def test_several_outputs_run_their_node_once():
    runs = []
    x = leaf(1.0, 2.0, 3.0)
    a, b, _ = ag.unstack(x)
    a.grad_fn.register_hook(lambda gi, go: runs.append(values(*go)))
    (a * b).backward()
    assert a.grad_fn is b.grad_fn
    assert runs == [[2.0, 1.0, None]] or runs == [[2.0, 1.0, 0.0]]
    assert x.grad.tolist() == [2.0, 1.0, 0.0]


# ---------------------------------------------------------------------------
# retain_graph, freed graphs
# ---------------------------------------------------------------------------


def test_a_graph_is_freed_by_backward_unless_it_is_retained():
    x = number(3.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 18.0
    with pytest.raises(RuntimeError, match="MulBackward0.*second time.*retain_graph=True"):
        y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        grad(y, x)
    assert x.grad.item() == 18.0


def test_create_graph_retains_by_default():
    x = number(3.0)
    y = x * x * x
    (g,) = grad(y, x, create_graph=True)
    (again,) = grad(y, x)
    assert g.item() == again.item() == 27.0
    (h,) = grad(x * x * x, x, create_graph=True, retain_graph=True)
    assert grad(h, x)[0].item() == 18.0


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 1,
        lambda x: -x,
        lambda x: 3 - x,
        lambda x: x + x,
        lambda x: x.sum(),
        lambda x: x.reshape(2, 2).sum(),
        lambda x: ag.permute_dims(x.reshape(2, 2), (1, 0)).sum(),
        lambda x: ag.concat([x, x]).sum(),
        lambda x: ag.stack([x, x]).sum(),
        lambda x: ag.broadcast_to(x, (3, 4)).sum(),
        lambda x: ag.expand_dims(x, axis=0).sum(),
        lambda x: x[1:].sum(),
        lambda x: x.mean(),
    ],
)
def test_what_saved_no_arrays_may_run_again(function):
    x = leaf(1.0, 2.0, 3.0, 4.0)
    y = function(x)
    ones = ag.ones_like(y)
    y.backward(ones)
    first = x.grad.tolist()
    y.backward(ones)
    assert x.grad.tolist() == [2 * v for v in first]


def test_only_the_used_part_of_a_shared_graph_is_freed():
    x = leaf(2.0)
    shared = x + 1  # saves nothing
    first, second = shared * shared, shared * 3
    first.backward()
    second.backward()
    assert x.grad.tolist() == [9.0]

    shared = x * x
    first, second = shared * 2, shared * 3
    first.backward()
    with pytest.raises(RuntimeError, match="second time"):
        second.backward()


# ---------------------------------------------------------------------------
# create_graph
# ---------------------------------------------------------------------------


def test_derivatives_to_third_order(make):
    x = make([0.5, 2.0], requires_grad=True)
    y = (x**4 + ag.exp(x)).sum()
    found = []
    for _ in range(3):
        (y,) = grad(y.sum(), x, create_graph=True)
        found.append(y)
    a = np.array([0.5, 2.0])
    for g, power in zip(found, (4 * a**3, 12 * a**2, 24 * a), strict=True):
        np.testing.assert_allclose(np.asarray(g.tolist()), power + np.exp(a), rtol=1e-12)
        assert g.requires_grad
        assert not g.is_leaf


def test_mixed_second_derivatives():
    x, y = number(2.0), number(5.0)
    gx, gy = grad(x * x * y, (x, y), create_graph=True)
    assert values(*grad(gx, (x, y))) == [10.0, 4.0]
    assert values(*grad(gy, (x, y), allow_unused=True)) == [4.0, None]


def test_backward_with_create_graph_leaves_differentiable_gradients():
    x = number(3.0)
    with pytest.warns(UserWarning, match=r"create_graph=True.*cycle"):
        (x * x * x).backward(create_graph=True)
    g = x.grad
    assert (g.item(), g.requires_grad) == (27.0, True)
    x.grad = None
    g.backward()
    assert x.grad.item() == 18.0


def test_accumulation_under_create_graph_makes_a_new_tensor():
    x = number(3.0)
    (x * 2).backward()
    first = x.grad
    with pytest.warns(UserWarning, match="create_graph"):
        (x * x).backward(create_graph=True)
    assert x.grad is not first
    assert (first.item(), x.grad.item()) == (2.0, 8.0)
    x.grad = None


def test_gradient_of_a_gradient_with_respect_to_grad_outputs():
    x, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (g,) = grad(x * x, x, v, create_graph=True)
    assert g.tolist() == [6.0, 16.0]
    assert grad(g.sum(), v)[0].tolist() == [2.0, 4.0]


# ---------------------------------------------------------------------------
# roots and targets
# ---------------------------------------------------------------------------


def test_inputs_alone_accumulate():
    x, w = leaf(2.0), leaf(5.0)
    h = x * w
    (h * h).backward(inputs=[x], retain_graph=True)
    assert values(x.grad, w.grad) == [[100.0], None]
    h.retain_grad()
    (h * h).backward(inputs=[h, w])
    assert values(x.grad, h.grad, w.grad) == [[100.0], [20.0], [40.0]]


def test_inputs_may_be_one_tensor_but_not_none_of_them():
    x = number(2.0)
    (x * x).backward(inputs=x)
    assert x.grad.item() == 4.0
    with pytest.raises(RuntimeError, match=r"inputs=\[\]"):
        (x * x).backward(inputs=[])


def test_several_roots():
    x = leaf(1.0, 2.0)
    a, b = x * 2, (x * x).sum()
    ag.autograd.backward([a, b], [ag.tensor([1.0, 10.0], dtype=ag.float64), None])
    assert x.grad.tolist() == [2.0 + 2.0, 20.0 + 4.0]


def test_a_root_given_twice_counts_twice():
    x = number(3.0)
    y = x * x
    ag.autograd.backward([y, y], [ag.tensor(1.0, dtype=ag.float64), ag.tensor(10.0, dtype=ag.float64)])
    assert x.grad.item() == 66.0
    y = x * x
    assert grad([y, y], x)[0].item() == 12.0


def test_a_root_inside_the_graph_of_another():
    x = number(3.0)
    h = x * x
    y = h * 2
    ag.autograd.backward([y, h])
    assert x.grad.item() == 18.0


def test_a_leaf_is_its_own_root():
    x = leaf(1.0, 2.0)
    x.backward(ag.tensor([5.0, 6.0], dtype=ag.float64))
    assert x.grad.tolist() == [5.0, 6.0]
    assert grad(x, x, ag.ones_like(x))[0].tolist() == [1.0, 1.0]


def test_grad_with_respect_to_the_middle_touches_no_grad():
    x, w = number(2.0), number(5.0)
    h = x * w
    y = h * h
    assert values(*grad(y, (h, x))) == [20.0, 100.0]
    assert values(x.grad, w.grad) == [None, None]


def test_grad_with_respect_to_the_output_itself():
    x = number(2.0)
    y = x * x
    assert values(*grad(y, (y, x))) == [1.0, 4.0]


def test_unused_inputs():
    x, other = number(2.0), leaf(1.0, 2.0)
    y = x * x
    with pytest.raises(RuntimeError, match=r"input 1 .*shape \(2,\).*not have been used.*allow_unused=True.*materialize_grads=True"):
        grad(y, (x, other), retain_graph=True)
    assert values(*grad(y, (x, other), retain_graph=True, allow_unused=True)) == [4.0, None]
    g, zeros = grad(y, (x, other), materialize_grads=True)
    assert values(g, zeros) == [4.0, [0.0, 0.0]]
    assert zeros.dtype == ag.float64
    with pytest.raises(ValueError, match="allow_unused cannot be False"):
        grad(x * x, other, allow_unused=False, materialize_grads=True)


def test_an_input_cut_off_by_detach_is_unused():
    x = number(2.0)
    h = x * x
    assert grad(h.detach() * x, h, allow_unused=True) == (None,)


def test_batched_grad_outputs():
    x = leaf(1.0, 2.0)
    y = x * x
    (rows,) = grad(y, x, ag.eye(2, dtype=ag.float64), is_grads_batched=True)
    assert rows.tolist() == [[2.0, 0.0], [0.0, 4.0]]


@pytest.mark.parametrize("seeds", [None, (None,), (None, ag.ones(1))])
def test_batched_grad_outputs_are_needed(seeds):
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="leading batch axis, one for each output"):
        grad(x.sum(), x, seeds, is_grads_batched=True)


def test_gradient_edges():
    x = number(3.0)
    y = x * x
    edge = get_gradient_edge(y)
    assert (edge.node, edge.output_nr) == (y.grad_fn, 0)
    z = y * 2
    del y
    assert grad(z, edge, retain_graph=True)[0].item() == 2.0
    assert grad(z, get_gradient_edge(x))[0].item() == 12.0
    a, b = ag.unstack(leaf(1.0, 2.0) * 2)
    edge = get_gradient_edge(b)
    assert (edge.node, edge.output_nr) == (a.grad_fn, 1)
    assert grad(a * b, edge)[0].item() == 2.0
    with pytest.raises(RuntimeError, match="does not require grad"):
        get_gradient_edge(ag.ones(2))


def test_backward_from_a_gradient_edge():
    x = number(3.0)
    ag.autograd.backward(get_gradient_edge(x * x), ag.tensor(1.0, dtype=ag.float64))
    assert x.grad.item() == 6.0


# ---------------------------------------------------------------------------
# accumulation
# ---------------------------------------------------------------------------


def test_accumulation_adds_in_place_to_the_same_grad(make):
    x = make([1.0, 2.0], requires_grad=True)
    (x * 3).sum().backward()
    g, alias = x.grad, x.grad.detach()
    (x * x).sum().backward()
    assert x.grad is g
    assert g.tolist() == alias.tolist() == [5.0, 7.0]


def test_accumulation_into_a_gradient_that_the_user_set():
    x = leaf(1.0, 2.0)
    mine = ag.tensor([10.0, 20.0], dtype=ag.float64)
    x.grad = mine
    (x * 3).sum().backward()
    assert x.grad is mine
    assert mine.tolist() == [13.0, 23.0]


def test_a_gradient_that_a_graph_saved_keeps_its_value_there():
    x, w = leaf(1.0, 2.0), leaf(1.0, 1.0)
    (x * 3).sum().backward()
    y = x.grad * w  # saves x.grad
    (x * 4).sum().backward()
    y.sum().backward()
    assert x.grad.tolist() == [7.0, 7.0]
    assert w.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 0,
        lambda x: x.reshape(2, 1).reshape(2),
        lambda x: ag.permute_dims(x, (0,)),
        lambda x: ag.positive(x),
        lambda x: x.clone(),
        lambda x: x[...],
        lambda x: x,
    ],
)
def test_a_gradient_is_never_the_callers_array(make, function):
    x = make([1.0, 2.0], requires_grad=True)
    seed = make([3.0, 4.0])
    function(x).backward(seed)
    assert x.grad is not seed
    x.grad.zero_()
    assert seed.tolist() == [3.0, 4.0]
    seed += 1
    assert x.grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("function", [lambda a, b: a + b, lambda a, b: ag.concat([a, b]), lambda a, b: ag.stack([a, b]), lambda a, b: ag.where(a > 0, a, b)])
def test_gradients_of_two_leaves_are_two_arrays(make, function):
    a, b = make([1.0, 2.0], requires_grad=True), make([3.0, 4.0], requires_grad=True)
    y = function(a, b)
    y.backward(ag.ones_like(y))
    before = b.grad.tolist()
    a.grad += 7
    assert b.grad.tolist() == before


def test_a_gradient_is_never_a_saved_value(make):
    x, w = make([1.0, 2.0], requires_grad=True), make([5.0, 6.0], requires_grad=True)
    y = x * w
    y.backward(make([1.0, 1.0]), retain_graph=True)
    x.grad.zero_()
    w.grad.zero_()
    y.backward(make([1.0, 1.0]))
    assert values(x, w, x.grad, w.grad) == [[1.0, 2.0], [5.0, 6.0], [5.0, 6.0], [1.0, 2.0]]


@pytest.mark.not_on("array_api_strict", reason="it does not say who holds an array's memory: copies are made to be safe")
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x, w: x * w, 0),  # arrays that the rules made
        (lambda x, w: ag.exp(x) * 2 + ag.sin(w) * 3, 0),
        (lambda x, w: x * w + x * 3 + w * w, 0),  # sums of several
        (lambda x, w: x - w, 1),  # x gets the seed itself, w its negative
        (lambda x, w: x + w, 2),
    ],
)
def test_gradients_are_copied_only_where_somebody_else_holds_them(monkeypatch, backend, function, expected):
    x, w, seed = leaf(1.0, 2.0), leaf(3.0, 4.0), ag.ones(2, dtype=ag.float64)
    y = function(x, w)
    made, original = [], backend.copy
    monkeypatch.setattr(backend, "copy", lambda a: made.append(a) or original(a))
    y.backward(seed)
    assert len(made) == expected
    assert seed.tolist() == [1.0, 1.0]


class NoGradient(ag.autograd.Function):
    """Passes on no gradient."""

    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return None


def test_a_gradient_is_never_the_callers_array_when_nothing_is_added_to_it():
    x, seed = leaf(1.0, 2.0), ag.tensor([3.0, 4.0], dtype=ag.float64)
    y = NoGradient.apply(x)
    (x + y).backward(seed)  # x gets the seed first, then nothing
    x.grad.zero_()
    assert seed.tolist() == [3.0, 4.0]


def test_a_gradient_is_never_the_tensor_that_a_hook_returned():
    mine = ag.tensor([3.0, 4.0], dtype=ag.float64)
    x, z = leaf(1.0, 2.0), leaf(1.0, 2.0)
    x.register_hook(lambda g: mine)
    y = z * 1
    y.register_hook(lambda g: mine)
    (x + (y + 0)).sum().backward()
    x.grad.zero_()
    z.grad.zero_()
    assert mine.tolist() == [3.0, 4.0]


def test_calling_a_leafs_node_accumulates_a_copy():
    x, seed = leaf(1.0, 2.0), ag.tensor([3.0, 4.0], dtype=ag.float64)
    node = (x + 1).grad_fn.next_functions[0][0]
    assert node(seed) is None
    node(seed)
    assert x.grad.tolist() == [6.0, 8.0]
    assert seed.tolist() == [3.0, 4.0]


@pytest.mark.filterwarnings("ignore:backward.create_graph")
def test_gradients_under_create_graph_are_no_aliases_either():
    a, b, seed = leaf(1.0, 2.0), leaf(1.0, 2.0), ag.tensor([3.0, 4.0], dtype=ag.float64)
    h = a + b
    h.retain_grad()
    h.backward(seed, create_graph=True)
    a.grad.zero_()
    assert values(a.grad, b.grad, h.grad, seed) == [[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [3.0, 4.0]]


def test_a_gradient_of_broadcasting_can_be_written():
    x = leaf(1.0, 2.0)
    x.sum().backward()  # a broadcast view inside the engine
    x.grad[0] = 5.0
    assert x.grad.tolist() == [5.0, 1.0]


@pytest.mark.parametrize("retained", [False, True])
def test_a_retained_gradient_is_no_alias(retained):
    x = leaf(1.0, 2.0)
    h = x + 0
    if retained:
        h.retain_grad()
    y = h + 0
    y.retain_grad()
    y.backward(ag.ones_like(y))
    y.grad.zero_()
    assert x.grad.tolist() == [1.0, 1.0]
    if retained:
        assert h.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("x_shape", "other_shape"),
    [((), (2, 3)), ((1,), (2, 3)), ((3,), (2, 3)), ((2, 1), (2, 3)), ((1, 1), (2, 3)), ((2, 3), ()), ((0,), (2, 0)), ((3, 1), (2, 1, 4))],
)
def test_gradients_have_the_shape_of_their_leaf(make, x_shape, other_shape):
    x, w = make(np.ones(x_shape), requires_grad=True), make(np.full(other_shape, 2.0), requires_grad=True)
    y = x * w
    y.backward(ag.ones_like(y))
    times = y.size / max(x.size, 1)
    assert (x.grad.shape, w.grad.shape) == (x_shape, other_shape)
    assert x.grad.tolist() == np.full(x_shape, 2.0 * times).tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_gradients_have_the_dtype_of_their_leaf(make, dtype):
    x = make(np.array([1.0, 2.0], dtype=dtype), requires_grad=True)
    y = x * make(np.array([3.0, 4.0]))
    y.backward(ag.ones_like(y))
    assert x.grad.dtype == dtype
    assert x.grad.tolist() == [3.0, 4.0]


@pytest.mark.not_on("array_api_strict", reason="it has no float16")
def test_half_precision_leaves():
    x = leaf(1.0, 2.0, dtype=ag.float16)
    (x * ag.tensor([3.0, 4.0])).sum().backward()
    assert x.grad.dtype == ag.float16
    assert x.grad.tolist() == [3.0, 4.0]


def test_a_complex_gradient_keeps_its_real_part_in_a_real_leaf():
    x = leaf(1.0, 2.0)
    y = x * ag.tensor([1 + 2j, 3 - 4j], dtype=ag.complex128)
    y.backward(ag.ones_like(y))
    assert x.grad.dtype == ag.float64
    assert x.grad.tolist() == [1.0, 3.0]


# ---------------------------------------------------------------------------
# errors and re-entrance
# ---------------------------------------------------------------------------


class Oops(Exception):
    pass


def test_an_exception_leaves_what_was_accumulated_and_a_working_engine():
    def fail(_):
        raise Oops

    early, late = leaf(1.0), leaf(2.0)
    h = late * 3
    h.register_hook(fail)
    with pytest.raises(Oops):
        (h * early).backward()
    assert values(early.grad, late.grad) == [[6.0], None]
    assert ag.is_grad_enabled()
    (late * late).backward()
    assert late.grad.tolist() == [4.0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_grad_mode_in_hooks_and_after_exceptions(create_graph):
    seen = []

    def hook(g):
        seen.append((ag.is_grad_enabled(), g.requires_grad))
        raise Oops

    x = number(2.0)
    y = x * x
    y.register_hook(hook)
    with ag.no_grad():
        with pytest.raises(Oops):
            grad(y, x, create_graph=create_graph)
        assert not ag.is_grad_enabled()
    assert seen == [(create_graph, False)]
    assert ag.is_grad_enabled()


def test_backward_works_under_no_grad():
    x = number(3.0)
    y = x * x
    with ag.no_grad():
        y.backward()
    assert x.grad.item() == 6.0


def test_backward_inside_a_hook():
    x, w = number(3.0), number(5.0)

    def hook(g):
        with ag.enable_grad():
            (w * w * g.item()).backward()

    y = x * x
    y.register_hook(hook)
    (y * 2).backward()
    assert values(x.grad, w.grad) == [12.0, 20.0]


def test_backward_inside_a_hook_on_the_same_leaf():
    x = number(3.0)
    h = x * x
    h.register_hook(lambda g: grad_inside())

    def grad_inside():
        with ag.enable_grad():
            (x * 10).backward()

    h.backward()
    assert x.grad.item() == 16.0


def in_threads(n, work):
    """Run `work(i)` in n threads at once; what they raised."""
    errors, ready = [], threading.Barrier(n)

    def run(i):
        ready.wait()
        try:
            work(i)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return errors


def test_threads_on_a_shared_leaf():
    x = ag.zeros(100, dtype=ag.float64, requires_grad=True)

    def work(i):
        for _ in range(50):
            (x * 2 + x).sum().backward()

    assert in_threads(8, work) == []
    assert x.grad.tolist() == [1200.0] * 100


def test_threads_on_a_shared_graph():
    """Each thread differentiates the same graph, which is retained."""
    x = ag.ones(1000, dtype=ag.float64, requires_grad=True)
    y = x
    for _ in range(50):
        y = y * 1.01 + ag.sin(x)
    total = y.sum()
    (wanted,) = grad(total, x, retain_graph=True)
    found = [None] * 8

    def work(i):
        (found[i],) = grad(total, x, retain_graph=True)
        total.backward(retain_graph=True)

    assert in_threads(8, work) == []
    for g in found:
        np.testing.assert_array_equal(g.numpy(force=True), wanted.numpy(force=True))
    np.testing.assert_allclose(x.grad.numpy(force=True), 8 * wanted.numpy(force=True), rtol=1e-14)


def test_threads_with_heads_of_their_own_on_a_shared_trunk():
    x = number(3.0)
    trunk = x * x
    heads = [trunk * float(i) for i in range(1, 9)]
    assert in_threads(8, lambda i: heads[i].backward(retain_graph=True)) == []
    assert x.grad.item() == 6.0 * sum(range(1, 9))


def test_threads_that_free_a_shared_graph_fail_with_its_message():
    """As in a single thread, the second backward finds the graph freed; what was accumulated stays a multiple of the gradient."""
    for _ in range(20):
        x = number(2.0)
        y = x
        for _ in range(20):
            y = y * x
        errors = in_threads(4, lambda i, y=y: y.backward())
        assert all(isinstance(e, RuntimeError) and "already used and freed" in str(e) for e in errors)
        assert len(errors) < 4


def test_requires_grad_switched_off_after_the_forward():
    x, w = leaf(2.0), leaf(5.0)
    y = x * w
    x.requires_grad_(False)
    y.backward()
    assert values(x.grad, w.grad) == [None, [2.0]]


# ---------------------------------------------------------------------------
# bad arguments change nothing
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gradient", "error", "said"),
    [
        (ag.ones(3), RuntimeError, r"grad_output\[0\] has shape \(3,\) and output\[0\] has shape \(2,\)"),
        (ag.ones((1, 2)), ValueError, r"shape \(1, 2\)"),
        (ag.ones(2, dtype=ag.complex64), TypeError, "complex64.*float64"),
        ([1.0, 1.0], TypeError, "must be a Tensor or None, not"),
        ("ones", TypeError, "str"),
        (None, RuntimeError, r"shape \(2,\)"),
    ],
)
def test_wrong_gradients(gradient, error, said):
    x = leaf(1.0, 2.0)
    y = x * x
    if isinstance(gradient, ag.Tensor):
        gradient = gradient.to(x.device)
    with pytest.raises(error, match=said):
        y.backward(gradient)
    assert x.grad is None
    y.backward(ag.ones(2, dtype=ag.float64))
    assert x.grad.tolist() == [2.0, 4.0]


def test_a_gradient_of_another_real_dtype_is_cast():
    x = leaf(1.0, 2.0)
    (x * x).backward(ag.tensor([1, 2]))
    assert (x.grad.dtype, x.grad.tolist()) == (ag.float64, [2.0, 8.0])


def test_a_raw_array_is_a_gradient_too():
    x = leaf(1.0, 2.0)
    seed = ag.ones(2, dtype=ag.float64)
    (x + 0).backward(seed._data)
    x.grad.zero_()
    assert seed.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: ag.ones(2).sum().backward(), RuntimeError, "does not require grad and has no grad_fn"),
        (lambda: ag.tensor([1, 2]).sum().backward(), RuntimeError, "dtype is int64"),
        (lambda: ag.autograd.backward([]), RuntimeError, "no tensors"),
        (lambda: ag.autograd.backward(5), TypeError, "got int"),
        (lambda: ag.autograd.backward([np.ones(1)]), TypeError, "ndarray"),
        (lambda: ag.autograd.backward([number(1.0)], [None, None]), RuntimeError, "1 tensors and 2 gradients"),
        (lambda: grad(number(1.0) * 2, ag.ones(1)), RuntimeError, r"item 0 \(shape \(1,\)\) does not require grad"),
        (lambda: grad(number(1.0) * 2, "x"), TypeError, "str"),
        (lambda: (number(1.0) * 1j).backward(), RuntimeError, "only for real scalar outputs"),
    ],
)
def test_wrong_calls(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_a_target_that_has_not_run_keeps_what_it_saved():
    x = ag.tensor([2.0], dtype=ag.float64, requires_grad=True)
    h = x * x
    y = h * h
    assert ag.autograd.grad(y, h)[0].tolist() == [8.0]
    h.backward()  # y's node is used up, h's is not
    assert x.grad.tolist() == [4.0]
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


@pytest.mark.parametrize(
    "dtype",
    [pytest.param("float16", marks=pytest.mark.not_on("array_api_strict", reason="it has no float16")), "float32", "float64", "complex64", "complex128"],
)
@pytest.mark.parametrize(
    ("shape", "tall"), [((3,), (700, 3)), ((3, 2), (20, 30, 3, 2)), ((1, 4), (400, 4)), ((1,), (2000,)), ((1, 3), (2, 700, 3)), ((3, 1), (3, 700))]
)
@pytest.mark.parametrize("layout", ["C", "F"])
def test_gradients_of_broadcast_values_are_sums(shape: tuple[int, ...], tall: tuple[int, ...], dtype: str, layout: str) -> None:
    rng = np.random.default_rng(0)
    g = rng.integers(-9, 9, tall).astype(dtype, order=layout)  # whose sums are exact
    b = ag.zeros(shape, dtype=dtype, requires_grad=True)
    (ag.zeros(tall, dtype=dtype) + b).backward(ag.asarray(g, device=b.device))
    axes = tuple(i for i in range(len(tall)) if i < len(tall) - len(shape) or shape[i - len(tall)] == 1 != tall[i])
    np.testing.assert_array_equal(b.grad.numpy(force=True), g.sum(axis=axes, keepdims=True).reshape(shape), strict=True)


def test_infinities_and_nan_in_sums_stay_in_their_columns() -> None:
    g = np.ones((700, 4))
    g[5, 1], g[6, 2], g[7, 3], g[8, 3] = np.inf, np.nan, np.inf, -np.inf
    b = ag.zeros(4, dtype="float64", requires_grad=True)
    (ag.zeros((700, 4)) + b).backward(ag.asarray(g, device=b.device))
    np.testing.assert_array_equal(b.grad.numpy(force=True), [700, np.inf, np.nan, np.nan])
