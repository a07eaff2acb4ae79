"""Nodes and what can be attached to them: names, edges, metadata, hooks, saved values."""

import pytest

import anygrad as ag
from anygrad.autograd import grad
from anygrad.autograd.graph import (
    Node,
    disable_saved_tensors_hooks,
    increment_version,
    register_multi_grad_hook,
    save_on_cpu,
    saved_tensors_hooks,
)

pytestmark = pytest.mark.usefixtures("everywhere")


def leaf(*values):
    return ag.tensor(list(values), dtype=ag.float64, requires_grad=True)


def values(ts):
    return [None if t is None else t.tolist() for t in ts]


# ---------------------------------------------------------------------------
# grad_fn
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: x + 1, "AddBackward0"),
        (lambda x: 1 + x, "AddBackward0"),
        (lambda x: x - 1, "SubBackward0"),
        (lambda x: x * 2, "MulBackward0"),
        (lambda x: x / 2, "DivBackward0"),
        (lambda x: -x, "NegBackward0"),
        (lambda x: x**2, "PowBackward0"),
        (lambda x: x.sum(), "SumBackward0"),
        (lambda x: x.mean(), "MeanBackward0"),
        (ag.exp, "ExpBackward0"),
        (ag.log, "LogBackward0"),
        (ag.sin, "SinBackward0"),
        (ag.sqrt, "SqrtBackward0"),
        (lambda x: x.clone(), "CloneBackward0"),
        (lambda x: ag.concat([x, x]), "CatBackward0"),
        (lambda x: ag.stack([x, x]), "StackBackward0"),
        (lambda x: ag.where(x > 1, x, 2 * x), "WhereBackward0"),
        (lambda x: x.to(ag.float32), "ToCopyBackward0"),
    ],
)
def test_names_of_nodes(function, name):
    node = function(leaf(1.0, 2.0)).grad_fn
    assert node.name() == type(node).__name__ == name
    assert repr(node).startswith(f"<{name} object at 0x")
    assert isinstance(node, Node)


def test_next_functions_lead_to_the_leaves():
    x, w, c = leaf(2.0), leaf(3.0), ag.tensor([4.0], dtype=ag.float64)
    h = x * w
    y = h + c
    assert [(f and f.name(), i) for f, i in y.grad_fn.next_functions] == [("MulBackward0", 0), (None, 0)]
    assert y.grad_fn.next_functions[0][0] is h.grad_fn
    (fx, _), (fw, _) = h.grad_fn.next_functions
    assert fx.name() == fw.name() == "AccumulateGrad"
    assert (fx.variable is x, fw.variable is w) == (True, True)
    assert fx.next_functions == ()


def test_one_node_per_leaf():
    x = leaf(2.0)
    assert (x * 2).grad_fn.next_functions[0][0] is (x + 1).grad_fn.next_functions[0][0]
    assert x.grad_fn is None


def test_the_node_of_a_leaf_that_is_gone_still_has_it():
    y = leaf(2.0) * 3
    node = y.grad_fn.next_functions[0][0]
    assert node.variable is not None
    assert node.variable.tolist() == [2.0]
    y.backward()


def test_outputs_of_one_node():
    a, b = ag.unstack(leaf(1.0, 2.0) * 1)
    assert a.grad_fn is b.grad_fn
    assert (a.output_nr, b.output_nr) == (0, 1)
    assert (a * b).grad_fn.next_functions == ((a.grad_fn, 0), (a.grad_fn, 1))
    assert leaf(1.0).output_nr == 0


def test_metadata_is_the_users():
    y = leaf(1.0) * 2
    assert y.grad_fn.metadata == {}
    y.grad_fn.metadata["note"] = 7
    assert y.grad_fn.metadata == {"note": 7}


def test_calling_a_node():
    x, w = leaf(2.0), leaf(5.0)
    y = x * w
    one = ag.ones(1, dtype=ag.float64)
    assert values(y.grad_fn(one)) == [[5.0], [2.0]]
    assert values((x * 3, y)[0].grad_fn(one)) == [[3.0], None]
    assert ag.exp(x * 0).grad_fn(one).tolist() == [1.0]
    with pytest.raises(TypeError, match=r"takes 1 gradient.*got 2"):
        y.grad_fn(one, one)
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.grad_fn(one)


# ---------------------------------------------------------------------------
# hooks on nodes
# ---------------------------------------------------------------------------


def test_a_node_hook_sees_and_replaces_the_gradients_of_the_inputs():
    x, w = leaf(2.0), leaf(5.0)
    y = x * w
    seen = []

    def hook(grad_inputs, grad_outputs):
        seen.append((values(grad_inputs), values(grad_outputs)))
        return grad_inputs[0] * 10, None

    handle = y.grad_fn.register_hook(hook)
    y.backward(retain_graph=True)
    assert seen == [([[5.0], [2.0]], [[1.0]])]
    assert values([x.grad, w.grad]) == [[50.0], None]
    handle.remove()
    handle.remove()
    y.backward()
    assert values([x.grad, w.grad]) == [[55.0], [2.0]]
    assert len(seen) == 1


def test_a_prehook_replaces_the_gradients_of_the_outputs():
    x = leaf(2.0)
    y = x * 3
    y.grad_fn.register_prehook(lambda grad_outputs: (grad_outputs[0] * 10,))
    y.grad_fn.register_prehook(lambda grad_outputs: None)
    y.backward()
    assert x.grad.tolist() == [30.0]


def test_hooks_chain_in_the_order_of_registration():
    x = leaf(2.0)
    y = x * 3
    y.grad_fn.register_hook(lambda gi, go: (gi[0] + 1, None))
    y.grad_fn.register_hook(lambda gi, go: (gi[0] * 10, None))
    y.backward()
    assert x.grad.tolist() == [40.0]


def test_hooks_on_a_leafs_node():
    x = leaf(2.0)
    node = (x * 1).grad_fn.next_functions[0][0]
    node.register_prehook(lambda gs: (gs[0] * 2,))
    (x * 3).backward()
    assert x.grad.tolist() == [6.0]


def test_every_hook_on_a_leafs_node():
    x = leaf(2.0)
    node = (x * 1).grad_fn.next_functions[0][0]
    log = []
    node.register_hook(lambda gi, go: log.append(("after", gi, values(go), x.grad.tolist())))
    node.register_prehook(lambda gs: log.append(("before", values(gs), x.grad)))
    (x * 3).backward()
    assert log == [("before", [[3.0]], None), ("after", (), [[3.0]], [3.0])]
    (x * 3).backward(inputs=[x])
    assert log[2:] == [("before", [[3.0]], x.grad), ("after", (), [[3.0]], [6.0])]


def test_hooks_of_a_node_that_does_not_run():
    """The gradient of y is known before y's own node, which is not asked for anything."""
    x = leaf(2.0)
    y = x.exp()
    log = []
    y.register_hook(lambda g: log.append("tensor"))
    y.grad_fn.register_prehook(lambda gs: log.append("before") or (gs[0] * 10,))
    y.grad_fn.register_hook(lambda gi, go: log.append("after"))
    assert values(grad(y * 2, y)) == [[2.0]]
    assert log == ["tensor"]
    assert values(grad(y * 2, y)) == [[2.0]]  # and what it saved is still there
    y.backward()
    assert log == ["tensor", "tensor", "tensor", "before", "after"]


def test_a_prehook_that_takes_the_gradient_away():
    x, w = leaf(2.0), leaf(3.0)
    y = x.exp()
    y.grad_fn.register_prehook(lambda gs: (None,))
    w_node = (w * 1).grad_fn.next_functions[0][0]
    w_node.register_prehook(lambda gs: (None,))
    (y * w).backward()
    assert values([x.grad, w.grad]) == [None, None]


@pytest.mark.parametrize(
    ("returned", "error", "words"),
    [
        (1.0, TypeError, "returned float"),
        ([1.0], TypeError, "returned list"),
        ((1.0,), TypeError, "returned float"),
        ((), RuntimeError, "incorrect number of gradients"),
        ((ag.ones((1, 2), dtype=ag.float64),), RuntimeError, "size"),
        ((ag.ones(2, dtype=ag.float32),), RuntimeError, "type"),
        ((ag.ones(2, dtype=ag.complex128),), RuntimeError, "type"),
    ],
)
def test_what_a_node_hook_must_not_return(returned, error, words):
    for register in (lambda node: node.register_hook(lambda gi, go: returned), lambda node: node.register_prehook(lambda go: returned)):
        x = leaf(2.0, 3.0)
        y = x.exp()
        register(y.grad_fn)
        with pytest.raises(error, match=words):
            y.sum().backward()
        assert x.grad is None


def test_a_node_hook_sees_gradients_of_the_shape_and_dtype_of_the_inputs():
    x, w = leaf(2.0), ag.ones((3, 1), dtype=ag.float32, requires_grad=True)
    y = x * w
    seen = []
    y.grad_fn.register_hook(lambda gi, go: seen.extend((g.shape, g.dtype) for g in gi))
    y.sum().backward()
    assert seen == [((1,), ag.float64), ((3, 1), ag.float32)]


@pytest.mark.parametrize("dtype", [ag.float32, ag.complex128, ag.int64])
def test_a_tensor_hook_must_not_change_the_dtype(dtype):
    for x in (leaf(2.0), leaf(2.0) * 1):
        x.register_hook(lambda g: g.astype(dtype) if dtype.kind != "c" else g * 1j)
        with pytest.raises(RuntimeError, match="type from float64"):
            (x * 3).backward()


def test_a_post_accumulate_hook_returns_nothing():
    x = leaf(2.0)
    x.register_post_accumulate_grad_hook(lambda t: t.grad)
    with pytest.raises(RuntimeError, match="must return None"):
        (x * 3).backward()


def test_a_hook_that_returns_too_few_gradients():
    x, w = leaf(2.0), leaf(5.0)
    y = x * w
    y.grad_fn.register_hook(lambda gi, go: (gi[0],))
    with pytest.raises(RuntimeError, match="incorrect number of gradients"):
        y.backward()
    assert values([x.grad, w.grad]) == [None, None]


def test_a_hook_is_callable():
    with pytest.raises(TypeError, match="a hook is a function"):
        (leaf(1.0) * 2).grad_fn.register_hook(5)


def test_a_handle_is_a_context():
    x = leaf(2.0)
    y = x * 3
    with y.register_hook(lambda g: g * 0):
        y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [3.0]


def test_node_hooks_under_create_graph_are_recorded():
    x = leaf(2.0)
    y = x * x
    y.grad_fn.register_hook(lambda gi, go: tuple(g * x for g in gi))
    (g,) = grad(y, x, create_graph=True)
    assert g.tolist() == [8.0]  # 2 x * x
    assert grad(g, x)[0].tolist() == [8.0]


# ---------------------------------------------------------------------------
# multi-grad hooks
# ---------------------------------------------------------------------------


def test_a_multi_grad_hook_runs_once_with_all_gradients():
    x, w, unused = leaf(2.0), leaf(5.0), leaf(1.0)
    seen = []
    handle = register_multi_grad_hook([x, w, unused], lambda gs: seen.append(values(gs)))
    (x * w).backward()
    assert seen == [[[5.0], [2.0], None]]
    (x * 3).backward()
    assert seen[1:] == [[[3.0], None, None]]
    handle.remove()
    (x * w).backward()
    assert len(seen) == 2


def test_a_multi_grad_hook_on_tensors_in_the_middle():
    x = leaf(2.0)
    a, b = x * 3, x * 4
    seen = []
    with register_multi_grad_hook((a, b), lambda gs: seen.append(values(gs))):
        (a * b).backward()
    assert seen == [[[8.0], [6.0]]]


def test_a_multi_grad_hook_after_a_backward_that_failed():
    x, w, fails, seen = leaf(2.0), leaf(5.0), [], []

    def fail(_):
        if fails:
            raise ZeroDivisionError

    w.register_hook(fail)
    register_multi_grad_hook([x, w], lambda gs: seen.append(values(gs)))
    for _ in range(50):
        fails.append(1)
        with pytest.raises(ZeroDivisionError):
            (x * w).backward()
        fails.clear()
        seen.clear()
        (x * w * 3).backward()
        assert seen == [[[15.0], [6.0]]]


def test_a_multi_grad_hook_on_any():
    x = leaf(2.0)
    a, b = x * 3, x * 4
    seen = []
    register_multi_grad_hook((a, b), lambda g: seen.append(g.tolist()), mode="any")
    (a * b).backward()
    assert seen == [[6.0]]  # b is the younger
    with pytest.raises(ValueError, match="'all' or 'any'"):
        register_multi_grad_hook((a, b), print, mode="some")


# ---------------------------------------------------------------------------
# hooks on saved values
# ---------------------------------------------------------------------------


def test_saved_values_go_through_the_hooks():
    x, w = leaf(2.0, 3.0), leaf(5.0, 7.0)
    store = []

    def pack(t):
        assert not t.requires_grad
        store.append(t.clone())
        return len(store) - 1

    used = []

    def unpack(i):
        used.append(i)
        return store[i]

    with saved_tensors_hooks(pack, unpack):
        y = x * w
    ag.exp(x)  # outside: not packed
    assert sorted(values(store)) == [[2.0, 3.0], [5.0, 7.0]]
    assert used == []
    y.backward(ag.ones_like(y))
    assert sorted(used) == [0, 1]
    assert values([x.grad, w.grad]) == [[5.0, 7.0], [2.0, 3.0]]


def test_what_unpack_returns_is_what_the_rule_uses():
    x = leaf(2.0)
    with saved_tensors_hooks(lambda t: t * 10, lambda t: t):
        y = x * x
    y.backward()
    assert x.grad.tolist() == [40.0]


def test_an_output_is_packed_too():
    x = leaf(0.0)
    packed = []
    with saved_tensors_hooks(lambda t: packed.append(t.tolist()) or t, lambda t: t):
        y = ag.exp(x)
    y.backward()
    assert packed == [[1.0]]
    assert x.grad.tolist() == [1.0]


def test_the_innermost_hooks_are_used():
    x, log = leaf(2.0), []

    def hooks(name):
        return saved_tensors_hooks(lambda t: log.append(name) or t, lambda t: t)

    with hooks("outer"):
        with hooks("inner"):
            x * x
        assert set(log) == {"inner"}
        log.clear()
        ag.exp(x)
    assert log == ["outer"]
    log.clear()
    ag.exp(x)
    assert log == []


def test_higher_derivatives_through_hooks():
    x = leaf(2.0)
    with saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = x * x * x
    (g,) = grad(y, x, create_graph=True)
    assert grad(g, x)[0].tolist() == [12.0]


def test_errors_in_the_hooks():
    x = leaf(2.0)

    class Oops(Exception):
        pass

    def fail(_):
        raise Oops

    with pytest.raises(Oops), saved_tensors_hooks(fail, lambda t: t):
        x * x
    with saved_tensors_hooks(lambda t: t, fail):
        y = x * x
    with pytest.raises(Oops):
        y.backward()
    with saved_tensors_hooks(lambda t: t, lambda t: 5):
        y = x * x
    with pytest.raises(TypeError, match="unpack hook.*Tensor, not int"):
        y.backward()
    assert x.grad is None
    (x * x).backward()
    assert x.grad.tolist() == [4.0]


def test_disabled_hooks():
    x = leaf(2.0)
    with disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"), saved_tensors_hooks(lambda t: t, lambda t: t):
            pass
        x * x
    with saved_tensors_hooks(lambda t: t, lambda t: t):
        x * x


def test_save_on_cpu(make):
    x = make([1.0, 2.0], requires_grad=True)
    with save_on_cpu():
        y = (ag.exp(x) * x).sum()
    y.backward()
    expected = make([1.0, 2.0])
    assert ag.all(x.grad == ag.exp(expected) * expected + ag.exp(expected))
    assert x.grad.device == x.device


def test_increment_version():
    x, y = ag.ones(2), ag.ones(2)
    increment_version(x)
    increment_version((x, y))
    assert (x._version, y._version) == (2, 1)


@pytest.mark.parametrize(
    ("pack", "unpack"),
    [
        (lambda t: t, lambda t: t),
        (lambda t: ("kept", t), lambda pair: pair[1]),
        (lambda t: t.tolist(), ag.tensor),
    ],
)
def test_a_write_does_not_break_what_hooks_keep(pack, unpack):
    """Hooks that keep the tensor they are given see its memory change; the graph does not."""
    x = ag.tensor([2.0, 3.0], requires_grad=True)
    h = x * 1
    with ag.autograd.graph.saved_tensors_hooks(pack, unpack):
        y = ag.square(h)
    h.add_(100)
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 6.0]


# ---------------------------------------------------------------------------
# saved values, as attributes of nodes
# ---------------------------------------------------------------------------


def test_saved_values_of_a_node():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    node = (x * x).grad_fn
    assert node._saved_self is x
    assert node._saved_other is x
    y = ag.exp(x)
    saved = y.grad_fn._saved_result
    assert saved is not y
    assert (saved.tolist(), saved.grad_fn) == (y.tolist(), y.grad_fn)
    inner = (y * x).grad_fn._saved_self
    assert (inner.tolist(), inner.grad_fn) == (y.tolist(), y.grad_fn)
    scaled = (x * 3).grad_fn
    assert (scaled._saved_self, scaled._saved_other) == (None, 3)
    assert ag.sum(x, axis=0).grad_fn._saved_axes == (0,)
    assert not hasattr(scaled, "_saved_result")


def test_saved_values_show_what_was_saved():
    """Not what was written to the memory since."""
    x = ag.tensor([1.0], requires_grad=True)
    node = (x * x).grad_fn
    with ag.no_grad():
        x.zero_()
    assert node._saved_self.tolist() == [1.0]
    assert node._saved_self is not x


def test_saved_values_are_gone_after_backward():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = ag.exp(x)
    y.sum().backward(retain_graph=True)
    assert y.grad_fn._saved_result.tolist() == y.tolist()
    y.sum().backward()
    with pytest.raises(RuntimeError, match=r"`ExpBackward0` saved was freed.*retain_graph=True"):
        y.grad_fn._saved_result  # noqa: B018
