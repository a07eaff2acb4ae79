"""Tensor: leaf rules, gradients, hooks, conversions, copies, and how it prints."""

import copy
import io
import pickle
import warnings

import numpy as np
import pytest

import anygrad as ag


def leaf(*values):
    return ag.tensor(list(values), dtype=ag.float64, requires_grad=True)


# ---------------------------------------------------------------------------
# leaves
# ---------------------------------------------------------------------------


def test_what_is_a_leaf():
    x, c = leaf(1.0), ag.ones(1)
    y = x * 2
    with ag.no_grad():
        z = x * 2
    made = {"x": x, "c": c, "c*2": c * 2, "y": y, "z": z, "detached": y.detach(), "data": y.data}
    assert {name: (t.is_leaf, t.requires_grad) for name, t in made.items()} == {
        "x": (True, True),
        "c": (True, False),
        "c*2": (True, False),
        "y": (False, True),
        "z": (True, False),
        "detached": (True, False),
        "data": (True, False),
    }
    assert all(t.grad_fn is None for name, t in made.items() if name != "y")


def test_what_is_computed_from_leaves_is_none():
    x = ag.ones(2, requires_grad=True)
    for y in (x.to(ag.float64), x.clone(), x[0], x.reshape(2, 1), ag.asarray(x, dtype=ag.float64)):
        assert not y.is_leaf
    for same in (x.to(ag.float32), x.to("cpu"), x.cpu(), ag.asarray(x), x.requires_grad_()):
        assert same is x


@pytest.mark.parametrize("constructor", [ag.zeros, ag.ones, ag.empty])
def test_constructors_take_requires_grad(constructor):
    assert constructor(2, requires_grad=True).requires_grad
    assert not constructor(2).requires_grad


def test_requires_grad_can_be_switched_on_a_leaf():
    x = ag.ones(2)
    x.requires_grad = True
    assert x.requires_grad
    assert x.requires_grad_(False) is x
    assert not x.requires_grad
    x.requires_grad_().requires_grad_()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_requires_grad_of_a_result():
    y = leaf(1.0) * 2
    assert y.requires_grad_() is y  # it does
    with pytest.raises(RuntimeError, match=r"only .* leaf .*detach"):
        y.requires_grad = False
    assert y.grad_fn is not None


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "uint8"])
def test_integers_cannot_require_grad(dtype):
    x = ag.ones(2, dtype=getattr(ag, dtype))
    for attempt in (lambda: x.requires_grad_(), lambda: setattr(x, "requires_grad", True), lambda: ag.ones(2, dtype=getattr(ag, dtype), requires_grad=True)):
        with pytest.raises(RuntimeError, match=f"only floating and complex tensors.*{dtype}"):
            attempt()
    assert not x.requires_grad
    x.requires_grad_(False)
    assert not (x * 2).requires_grad


def test_requires_grad_takes_a_bool():
    with pytest.raises(RuntimeError, match="must be a bool, not int"):
        ag.ones(2).requires_grad = 1


def test_detach_shares_memory_and_stands_outside_of_the_graph():
    x = leaf(1.0, 2.0)
    y = x * 2
    d = y.detach()
    assert (d.requires_grad, d.grad_fn) == (False, None)
    d[0] = 7.0
    assert y.tolist() == [7.0, 4.0]
    assert y._version == d._version == 1
    d.requires_grad_()
    assert y.grad_fn.name() == "MulBackward0"


def test_detach_in_place():
    x = leaf(1.0)
    y = x * 2
    assert y.detach_() is y
    assert (y.requires_grad, y.is_leaf, y.grad_fn) == (False, True, None)
    view = (x * 2)[0]
    with pytest.raises(RuntimeError, match="view.*detach"):
        view.detach_()


def test_data_is_the_same_memory():
    x = leaf(1.0, 2.0)
    x.data *= 10
    x.data[0] = 5.0
    assert x.tolist() == [5.0, 20.0]
    assert x.requires_grad
    x.data = ag.tensor([7.0], dtype=ag.float64)
    (x * 3).backward()
    assert (x.tolist(), x.grad.tolist()) == ([7.0], [3.0])
    with pytest.raises(TypeError, match=r"\.data takes a Tensor, not ndarray"):
        x.data = np.ones(1)


# ---------------------------------------------------------------------------
# grad
# ---------------------------------------------------------------------------


def test_grad_can_be_set_and_deleted():
    x = leaf(1.0, 2.0)
    assert x.grad is None
    x.grad = ag.zeros(2, dtype=ag.float64)
    assert x.grad.tolist() == [0.0, 0.0]
    x.grad = None
    assert x.grad is None
    x.grad = ag.ones(2, dtype=ag.float64)
    del x.grad
    assert x.grad is None


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (lambda x: ag.ones(3, dtype=ag.float64), RuntimeError, r"shape \(3,\), the tensor \(2,\)"),
        (lambda x: ag.ones((1, 2), dtype=ag.float64), ValueError, r"shape \(1, 2\)"),
        (lambda x: ag.ones(2), RuntimeError, "float32, the tensor float64"),
        (lambda x: np.ones(2), TypeError, "ndarray"),
        (lambda x: 0, TypeError, "not int"),
        (lambda x: x, RuntimeError, "its own grad"),
    ],
)
def test_grad_that_does_not_fit(value, error, said):
    x = leaf(1.0, 2.0)
    with pytest.raises(error, match=said):
        x.grad = value(x)
    assert x.grad is None


def test_the_grad_of_a_result_warns_and_says_why():
    x = leaf(1.0)
    y = x * 2
    y.backward()
    with pytest.warns(UserWarning, match=r"not a leaf.*`MulBackward0`.*retain_grad"):
        assert y.grad is None


@pytest.mark.parametrize("quiet", [repr, str, lambda t: f"{t}", lambda t: t.shape, lambda t: hash(t), lambda t: t.detach(), lambda t: t.clone(), dir])
def test_nothing_else_warns_of_it(quiet):
    quiet(leaf(1.0) * 2)
    assert leaf(1.0).grad is None
    assert ag.ones(1).grad is None


def test_retain_grad():
    x = leaf(3.0)
    y = x * 2
    assert not y.retains_grad
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    z = y * y
    z.backward(retain_graph=True)
    g = y.grad
    assert g.tolist() == [12.0]
    z.backward()
    assert y.grad.tolist() == [24.0]
    assert (x.grad.tolist(), y.is_leaf) == ([48.0], False)
    x.retain_grad()  # nothing to do
    assert not x.retains_grad
    with pytest.raises(RuntimeError, match="requires_grad=False"):
        ag.ones(1).retain_grad()


# ---------------------------------------------------------------------------
# hooks
# ---------------------------------------------------------------------------


def test_hooks_replace_the_gradient_in_order():
    x = leaf(1.0)
    seen = []
    x.register_hook(lambda g: g * 2)
    x.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: g + 1)
    (x * 3).backward()
    assert (seen, x.grad.tolist()) == ([[6.0]], [7.0])


def test_a_removed_hook_is_gone():
    x = leaf(1.0)
    first, second = x.register_hook(lambda g: g * 10), x.register_hook(lambda g: g + 1)
    first.remove()
    (x * 3).backward()
    second.remove()
    (x * 3).backward()
    assert x.grad.tolist() == [7.0]


def test_a_hook_may_remove_itself():
    x = leaf(1.0)

    def once(g):
        handle.remove()
        return g * 10

    handle = x.register_hook(once)
    (x * 3).backward()
    (x * 3).backward()
    assert x.grad.tolist() == [33.0]


@pytest.mark.parametrize(
    ("hook", "error", "said"),
    [
        (lambda g: 5, TypeError, "returned int"),
        (lambda g: ag.ones(3, dtype=ag.float64), RuntimeError, r"\(2,\) to \(3,\)"),
    ],
)
def test_hooks_that_return_what_does_not_fit(hook, error, said):
    x = leaf(1.0, 2.0)
    x.register_hook(hook)
    with pytest.raises(error, match=said):
        (x * 3).sum().backward()
    assert x.grad is None


def test_hooks_need_a_graph():
    for register in (ag.ones(1).register_hook, ag.ones(1).register_post_accumulate_grad_hook):
        with pytest.raises(RuntimeError, match="doesn't require grad"):
            register(print)
    with pytest.raises(RuntimeError, match="non-leaf.*register_hook"):
        (leaf(1.0) * 2).register_post_accumulate_grad_hook(print)


def test_hooks_under_grad_and_create_graph():
    x = leaf(2.0)
    y = x * x
    y.register_hook(lambda g: g * x)
    assert ag.autograd.grad(y, x, retain_graph=True)[0].tolist() == [8.0]
    (g,) = ag.autograd.grad(y, x, create_graph=True)
    assert ag.autograd.grad(g, x)[0].tolist() == [8.0]


def test_post_accumulate_hooks():
    x, log = leaf(2.0), []

    def step(t):
        log.append((t is x, t.grad.tolist()))
        t -= 0.5 * t.grad
        t.grad = None

    handle = x.register_post_accumulate_grad_hook(step)
    (x * 4).backward()
    assert (log, x.tolist(), x.grad) == ([(True, [4.0])], [0.0], None)
    assert ag.autograd.grad(x * 4, x)[0].tolist() == [4.0]  # accumulates nothing
    handle.remove()
    (x * 4).backward()
    assert len(log) == 1


# ---------------------------------------------------------------------------
# attributes and conversions
# ---------------------------------------------------------------------------


def test_attributes(make, device):
    x = make(np.zeros((2, 3), dtype=np.float32))
    assert (x.shape, x.ndim, x.size, x.dtype, x.itemsize, x.nbytes) == ((2, 3), 2, 6, ag.float32, 4, 24)
    assert isinstance(x.dtype, np.dtype)
    assert x.device == device
    assert type(x.shape) is tuple
    assert make(np.zeros(())).shape == ()


@pytest.mark.parametrize(("value", "kind"), [(1.5, float), (3, int), (True, bool), (1 + 2j, complex)])
def test_item_is_a_python_number(make, value, kind):
    for shape in ((), (1,), (1, 1)):
        item = make(np.full(shape, value)).item()
        assert type(item) is kind
        assert item == value


def test_item_needs_one_element():
    for x in (ag.ones(2), ag.ones(0)):
        with pytest.raises(RuntimeError, match=f"{x.size} elements cannot be converted to Scalar"):
            x.item()


def test_tolist(make):
    assert make([[1.0, 2.0], [3.0, 4.0]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert make(2.0).tolist() == 2.0
    assert make(np.zeros((2, 0))).tolist() == [[], []]
    assert leaf(1.0).tolist() == [1.0]


def test_python_numbers(make):
    x = make(2.5)
    assert (float(x), int(x), complex(x), bool(x)) == (2.5, 2, 2.5 + 0j, True)
    assert bool(make([0.0])) is False
    assert [10, 20, 30][make(np.int64(1))] == 20


@pytest.mark.parametrize(
    ("convert", "error", "said"),
    [
        (lambda: bool(ag.ones(2)), RuntimeError, "truth value.*ambiguous"),
        (lambda: float(ag.ones(2)), RuntimeError, "2 elements"),
        (lambda: [1, 2][ag.tensor(1.0)], TypeError, "index"),
        (lambda: len(ag.tensor(1.0)), TypeError, "0-d"),
        (lambda: iter(ag.tensor(1.0)), TypeError, "0-d"),
        (lambda: f"{ag.ones(2):.2f}", TypeError, "unsupported format string"),
    ],
)
def test_conversions_that_make_no_sense(convert, error, said):
    with pytest.raises(error, match=said):
        convert()


def test_a_tracked_tensor_as_a_number_warns_once():
    x = ag.tensor(2.0, requires_grad=True)
    ag._messages._said.clear()
    with pytest.warns(UserWarning, match="ends its graph.*detach"):
        float(x)
    assert float(x) == 2.0
    assert x.item() == 2.0
    assert int(x) == 2


def test_numpy_shares_memory():
    x = ag.ones(2)
    x.numpy()[0] = 5
    assert x.tolist() == [5.0, 1.0]
    assert np.asarray(x).tolist() == [5.0, 1.0]
    copied = np.array(x)
    copied[0] = 9
    assert x.tolist() == [5.0, 1.0]
    assert np.asarray(x, dtype=np.int64).dtype == np.int64


def test_numpy_of_a_tracked_tensor():
    x = leaf(1.0, 2.0)
    for attempt in (x.numpy, lambda: np.asarray(x), (x * 2).numpy):
        with pytest.raises(RuntimeError, match=r"force=True"):
            attempt()
    assert x.numpy(force=True).tolist() == x.detach().numpy().tolist() == [1.0, 2.0]
    with ag.no_grad():
        assert np.asarray(x).tolist() == [1.0, 2.0]


def test_from_numpy_shares_memory_in_both_directions():
    a = np.array([1.0, 2.0])
    x = ag.from_numpy(a)
    a[0] = 5.0
    x[1] = 7.0
    assert a.tolist() == x.tolist() == [5.0, 7.0]
    assert x.numpy() is a or np.shares_memory(x.numpy(), a)
    view = ag.from_numpy(a[::-1])
    assert view.tolist() == [7.0, 5.0]
    assert ag.tensor(a).numpy() is not a
    with pytest.raises(TypeError, match="expected a numpy.ndarray, not list"):
        ag.from_numpy([1.0])


def test_len_and_iteration(make):
    x = make([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert len(x) == 2
    first, second = x
    (first * second).sum().backward()
    assert x.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]
    assert [t.item() for t in make([1.0, 2.0])] == [1.0, 2.0]
    assert 2.0 in make([1.0, 2.0])
    assert 3.0 not in make([1.0, 2.0])


def test_format():
    assert f"{ag.tensor(2.5):.3f} {ag.tensor(3)} {ag.tensor(2.5, requires_grad=True):6.2f}" == "2.500 3   2.50"
    assert f"{ag.ones(2)}" == "tensor([1., 1.])"


def test_tensors_are_hashed_by_identity_and_compared_by_value():
    x, y = ag.ones(2), ag.ones(2)
    assert len({x, y, x}) == 2
    assert (x == y).tolist() == [True, True]
    assert (x != 2.0).tolist() == [True, True]
    assert (x == "text") is False
    assert x is not None


@pytest.mark.parametrize("alias", ["float", "double", "half", "int", "long", "short", "char", "byte", "cfloat", "cdouble"])
def test_dtype_aliases(alias):
    names = {"float": "float32", "double": "float64", "half": "float16", "int": "int32", "long": "int64", "short": "int16", "char": "int8", "byte": "uint8"}
    names |= {"cfloat": "complex64", "cdouble": "complex128"}
    assert getattr(ag, alias) is getattr(ag, names[alias])
    assert ag.zeros(1, dtype=getattr(ag, alias)).dtype == names[alias]


# ---------------------------------------------------------------------------
# copies
# ---------------------------------------------------------------------------


def test_clone_is_recorded_and_copies():
    x = leaf(1.0, 2.0)
    y = x.clone()
    assert y.grad_fn.name() == "CloneBackward0"
    y.detach().zero_()
    assert x.tolist() == [1.0, 2.0]
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_deepcopy_of_a_leaf(make):
    x = make([1.0, 2.0], requires_grad=True)
    (x * 3).sum().backward()
    y = copy.deepcopy([x, x, {"c": make([5.0])}])
    assert y[0] is y[1]
    assert y[0] is not x
    assert (y[0].requires_grad, y[0].is_leaf, y[0].device) == (True, True, x.device)
    y[0].grad.zero_()
    with ag.no_grad():
        y[0].zero_()
    assert (x.tolist(), x.grad.tolist()) == ([1.0, 2.0], [3.0, 3.0])
    assert not y[2]["c"].requires_grad


def test_deepcopy_of_a_result():
    with pytest.raises(RuntimeError, match=r"only leaf.*detach\(\)\.clone\(\)"):
        copy.deepcopy(leaf(1.0) * 2)


def test_a_shallow_copy_is_a_leaf_too():
    x = leaf(1.0)
    y = copy.copy(x)
    assert (y.tolist(), y.requires_grad) == ([1.0], True)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(make, protocol):
    x, c = make([1.0, 2.0], requires_grad=True), make(np.ones((2, 0), dtype=np.int64))
    y, d = pickle.loads(pickle.dumps((x, c), protocol))
    assert (y.tolist(), y.requires_grad, y.dtype, y.device) == ([1.0, 2.0], True, x.dtype, x.device)
    assert (d.shape, d.requires_grad, d.dtype) == ((2, 0), False, ag.int64)
    with pytest.raises(RuntimeError, match="only leaf"):
        pickle.dumps(x * 2, protocol)


def test_pickle_of_a_view_stores_only_the_view():
    stored = io.BytesIO()
    pickle.dump(ag.zeros(100_000)[:2], stored)
    assert stored.tell() < 1000


# ---------------------------------------------------------------------------
# how it prints (checked against PyTorch 2.13)
# ---------------------------------------------------------------------------


def t(data, dtype=None, **kwargs):
    return ag.tensor(data, dtype=dtype, **kwargs)


REPRS = [
    # floats
    (lambda: t([1.5, 2.25]), "tensor([1.5000, 2.2500])"),
    (lambda: t([1.0, -2.0, 30.0]), "tensor([ 1., -2., 30.])"),
    (lambda: t([0.5, -1.0]), "tensor([ 0.5000, -1.0000])"),
    (lambda: t([0.1, 1000.0]), "tensor([1.0000e-01, 1.0000e+03])"),
    (lambda: t([0.1, 99.0]), "tensor([ 0.1000, 99.0000])"),
    (lambda: t([1e-5]), "tensor([1.0000e-05])"),
    (lambda: t([1e9]), "tensor([1.0000e+09])"),
    (lambda: t([1.0, 1e8]), "tensor([1.0000e+00, 1.0000e+08])"),
    (lambda: t([-1e-5, 1.0]), "tensor([-1.0000e-05,  1.0000e+00])"),
    (lambda: t([0.0, 0.0]), "tensor([0., 0.])"),
    (lambda: t([-0.0]), "tensor([-0.])"),
    (lambda: t(3.14159), "tensor(3.1416)"),
    (lambda: t(2.0), "tensor(2.)"),
    (lambda: t([100000.0, 1.5]), "tensor([1.0000e+05, 1.5000e+00])"),
    (lambda: t([1234567.0]), "tensor([1234567.])"),
    # nan and inf
    (lambda: t([float("nan"), 1.0]), "tensor([nan, 1.])"),
    (lambda: t([float("inf"), -float("inf"), 1.5]), "tensor([   inf,   -inf, 1.5000])"),
    (lambda: t([float("nan")]), "tensor([nan])"),
    (lambda: t([float("nan"), float("inf")]), "tensor([nan, inf])"),
    # integers, booleans, complex
    (lambda: t([1, -2, 30]), "tensor([ 1, -2, 30])"),
    (lambda: t(7), "tensor(7)"),
    (lambda: t([True, False]), "tensor([ True, False])"),
    (lambda: t([1 + 2j, -3.5 - 4j]), "tensor([ 1.0000+2.j, -3.5000-4.j])"),
    (lambda: t([1 + 2j, 3 - 4j]), "tensor([1.+2.j, 3.-4.j])"),
    (lambda: t(1j), "tensor(0.+1.j)"),
    # matrices and beyond
    (lambda: t([[1.0, 2.0], [3.0, 4.0]]), "tensor([[1., 2.],\n        [3., 4.]])"),
    (lambda: ag.zeros(2, 1, 2), "tensor([[[0., 0.]],\n\n        [[0., 0.]]])"),
    (lambda: ag.zeros(1, 2, 1, 1), "tensor([[[[0.]],\n\n         [[0.]]]])"),
    # empty
    (lambda: t([]), "tensor([])"),
    (lambda: ag.zeros(0, 3), "tensor([], size=(0, 3))"),
    (lambda: ag.zeros(0, dtype=ag.int64), "tensor([], dtype=anygrad.int64)"),
    (lambda: ag.zeros(2, 0, dtype=ag.float64), "tensor([], size=(2, 0), dtype=anygrad.float64)"),
    # dtypes
    (lambda: t([1.0], ag.float64), "tensor([1.], dtype=anygrad.float64)"),
    (lambda: t([1.0], ag.float16), "tensor([1.], dtype=anygrad.float16)"),
    (lambda: t([1], ag.int32), "tensor([1], dtype=anygrad.int32)"),
    (lambda: t([200], ag.uint8), "tensor([200], dtype=anygrad.uint8)"),
    (lambda: t([1j], ag.complex128), "tensor([0.+1.j], dtype=anygrad.complex128)"),
    # graph
    (lambda: t([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
    (lambda: t([1.0], ag.float64, requires_grad=True), "tensor([1.], dtype=anygrad.float64, requires_grad=True)"),
    (lambda: t(2.0, requires_grad=True) * 3, "tensor(6., grad_fn=<MulBackward0>)"),
    (lambda: t([1.0, 2.0], requires_grad=True).sum(), "tensor(3., grad_fn=<SumBackward0>)"),
    # long rows, long suffixes, summaries
    (
        lambda: ag.arange(30),
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])",
    ),
    (
        lambda: ag.arange(9, dtype=ag.float32) / 7,
        "tensor([0.0000, 0.1429, 0.2857, 0.4286, 0.5714, 0.7143, 0.8571, 1.0000, 1.1429])",
    ),
    (
        lambda: t([0.5] * 8, ag.float64, requires_grad=True),
        "tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000],\n       dtype=anygrad.float64, requires_grad=True)",
    ),
    (lambda: ag.arange(1000).reshape(10, 100)[:1, :3], "tensor([[0, 1, 2]])"),
    (lambda: ag.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (lambda: ag.arange(1001, dtype=ag.float32), "tensor([   0.,    1.,    2.,  ...,  998.,  999., 1000.])"),
    (
        lambda: ag.arange(1001, dtype=ag.float32) + 0.5,
        "tensor([5.0000e-01, 1.5000e+00, 2.5000e+00,  ..., 9.9850e+02, 9.9950e+02,\n        1.0005e+03])",
    ),
    (lambda: ag.zeros(2000, requires_grad=True) * 2, "tensor([0., 0., 0.,  ..., 0., 0., 0.], grad_fn=<MulBackward0>)"),
    (
        lambda: ag.zeros(40, 30),
        "tensor([[0., 0., 0.,  ..., 0., 0., 0.],\n        [0., 0., 0.,  ..., 0., 0., 0.],\n        [0., 0., 0.,  ..., 0., 0., 0.],\n        ...,\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n        [0., 0., 0.,  ..., 0., 0., 0.],\n        [0., 0., 0.,  ..., 0., 0., 0.]])",
    ),
]


@pytest.mark.parametrize(("make_tensor", "expected"), REPRS, ids=[e.split("\n")[0] for _, e in REPRS])
def test_repr(make_tensor, expected):
    x = make_tensor()
    assert repr(x) == str(x) == expected


def test_repr_with_another_default_dtype():
    with ag.set_default_dtype(ag.float64):
        assert repr(ag.tensor([1.0])) == "tensor([1.])"
        assert repr(ag.tensor([1.0], dtype=ag.float32)) == "tensor([1.], dtype=anygrad.float32)"


def test_repr_names_the_device(strict_devices):
    _, one, _ = strict_devices
    x = ag.ones(2, device=one, requires_grad=True)
    assert repr(x) == "tensor([1., 1.], device='array_api_strict:device1', requires_grad=True)"
    assert repr(ag.ones(2, device=one, dtype=ag.int32)) == "tensor([1, 1], device='array_api_strict:device1', dtype=anygrad.int32)"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"precision": 2}, "tensor([0.33, 2.00])"),
        ({"sci_mode": True}, "tensor([3.3333e-01, 2.0000e+00])"),
        ({"threshold": 1, "edgeitems": 1}, "tensor([0.3333, 2.0000])"),
        ({"linewidth": 12}, "tensor([0.3333,\n        2.0000])"),
    ],
)
def test_print_options(options, expected):
    ag.set_printoptions(**options)
    try:
        assert repr(ag.tensor([1 / 3, 2.0])) == expected
    finally:
        ag.set_printoptions(profile="default")


def test_printing_records_nothing_and_warns_of_nothing():
    x = leaf(1.0, 2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        repr(x * 2)
    assert x._version == 0
