"""Writing in place: gradients through views and bases, and saved values that survive.

NumPy's arrays have the same views, so a program of writes runs on NumPy as it stands: its
finite differences are what the gradients are compared with.
"""

import functools
import operator

import numeric
import numpy as np
import pytest

import anygrad as ag

pytestmark = pytest.mark.usefixtures("everywhere")


def leaf(*values):
    return ag.tensor(list(values), dtype=ag.float64, requires_grad=True)


def data(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


def permuted(x, axes):
    return ag.permute_dims(x, axes) if isinstance(x, ag.Tensor) else np.transpose(x, axes)


def expanded(x, shape):
    return ag.broadcast_to(x, shape) if isinstance(x, ag.Tensor) else np.broadcast_to(x, shape)


# ---------------------------------------------------------------------------
# gradients through writes, against finite differences of the same program on NumPy
# ---------------------------------------------------------------------------


def write_row(x, w):
    b = x * 1
    b[1] = w[0] * 2
    return b * b


def write_through_a_view(x, w):
    b = x * 1
    v = b[1:]
    v *= w[1:]
    return b * v.sum()


def base_then_view(x, w):
    b = x * 1
    v = b[0]
    b *= w
    return v * v


def view_of_a_view(x, w):
    b = x * 1
    v = b.reshape(-1)[1:]
    u = v[::2]
    u += w.reshape(-1)[1::2]
    return b * v.sum() + u.sum()


def siblings(x, w):
    b = x * 1
    first, second = b[:, :2], b[:, 1:]
    first *= w[:, 1:]
    second += first[:, :1]
    return first.sum() * b * second.sum()


def transposed(x, w):
    b = x * w
    t = b.T
    t[0] = 3.0
    t *= t.sum()
    return b + w


def permuted_view(x, w):
    b = (x * w).reshape(1, *x.shape)
    p = permuted(b, (2, 0, 1))
    p[1, 0] *= 5.0
    return b * p.sum()


def overlapping_read_and_write(x, w):
    b = x * w
    b[1:] += b[:-1]
    return b


def write_twice_to_one_place(x, w):
    b = x * 1
    b[0] = w[0]
    b[0] = w[1] * b[1]
    return b


def value_from_its_own_base(x, w):
    b = x * w
    b[0] = b[1] * b[0]
    return b


def number_everywhere(x, w):
    b = x * 1
    v = b[0]
    v[...] = 4.0
    return b * w + v.sum()


def operators(x, w):
    b = x * 1
    b += w
    b -= x * 0.5
    b *= w
    b /= w + x
    b **= 2
    return b


def matmul_in_place(x, w):
    b = x * 1
    b @= w
    return b


def by_mask(x, w):
    b = x * 1
    b[w > 1] *= 3.0
    return b * w


def by_integer_arrays(x, w):
    b = x * 1
    b[[0, 2], [1, 1]] = w[0, :2] * 2
    return b


def one_value_to_many_places(x, w):
    b = x * 1
    b[:, 1:] = w[0, 0]
    return b


def with_new_axes_and_ellipsis(x, w):
    b = x * 1
    b[None, ..., 0] = w[1]
    b[..., None, 2] *= w[0, 0]
    return b


def backwards(x, w):
    b = x * 1
    v = b[::-1, ::-2]
    v *= w[:, :2]
    return b * v.sum()


def zero_sized(x, w):
    b = x * w
    b[3:] *= 2.0
    b[:0] = 1.0
    return b


def saved_before_the_write(x, w):
    b = x * w
    y = b * b
    b *= 3.0
    return y + b


def saved_output_overwritten(x, w):
    e = ag.exp(x) if isinstance(x, ag.Tensor) else np.exp(x)
    y = e * w
    e[0] = 0.0
    return y + e


def a_view_saved(x, w):
    b = x * w
    v = b[0]
    y = v * v
    b += 1.0
    return y * b


def a_loop(x, w):
    h = x * 1
    for i in range(3):
        h *= w
        h[i] += h[(i + 1) % 3] * x[0]
    return h


def expanded_reads(x, w):
    b = x * 1
    e = expanded(b[0], (3, 3))
    b[0] *= w[0]
    return e * w


PROGRAMS = [
    write_row, write_through_a_view, base_then_view, view_of_a_view, siblings, transposed, permuted_view, overlapping_read_and_write,
    write_twice_to_one_place, value_from_its_own_base, number_everywhere, operators, matmul_in_place, by_mask, by_integer_arrays,
    one_value_to_many_places, with_new_axes_and_ellipsis, backwards, zero_sized, saved_before_the_write, saved_output_overwritten,
    a_view_saved, a_loop, expanded_reads,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_gradients_through_writes(program, make):
    if program in (by_integer_arrays, with_new_axes_and_ellipsis) and make(1.0).device.type == "array_api_strict":
        pytest.skip("array_api_strict does not write at such keys")
    arrays = [data(3, 3), data(3, 3, seed=1)]
    tensors = [make(a, requires_grad=True) for a in arrays]
    y = program(*tensors)
    expected = np.asarray(program(*[a.copy() for a in arrays]))
    np.testing.assert_allclose(y.numpy(force=True), expected, rtol=1e-12)
    assert [t.tolist() for t in tensors] == [a.tolist() for a in arrays]

    seed = data(*expected.shape, seed=2)
    wanted = numeric.gradient(lambda *xs: [np.asarray(program(*[x.copy() for x in xs]))], arrays, [0, 1], [seed])
    y.backward(make(seed), retain_graph=True)
    for t, g in zip(tensors, wanted, strict=True):
        found = np.zeros_like(g) if t.grad is None else t.grad.numpy(force=True)
        np.testing.assert_allclose(found, g, rtol=1e-6, atol=1e-9)
        t.grad = None
    y.backward(make(seed))  # once more: the saved values are still there
    found = np.zeros((3, 3)) if tensors[0].grad is None else tensors[0].grad.numpy(force=True)
    np.testing.assert_allclose(found, wanted[0], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p is not by_mask], ids=lambda p: p.__name__)
def test_second_derivatives_through_writes(program, make):
    arrays, seed, v = [data(3, 3), data(3, 3, seed=1)], None, [data(3, 3, seed=3), data(3, 3, seed=4)]
    seed = data(*np.asarray(program(*[a.copy() for a in arrays])).shape, seed=2)

    def first(*xs):
        ts = [make(x, requires_grad=True) for x in xs]
        return [g.numpy(force=True) for g in ag.autograd.grad(program(*ts), ts, make(seed), materialize_grads=True)]

    ts = [make(a, requires_grad=True) for a in arrays]
    gs = ag.autograd.grad(program(*ts), ts, make(seed), create_graph=True, materialize_grads=True)
    total = sum((g * make(u)).sum() for g, u in zip(gs, v, strict=True) if g.requires_grad)
    wanted = numeric.gradient(first, arrays, [0, 1], v)
    if isinstance(total, int) or not total.requires_grad:
        np.testing.assert_allclose(wanted, 0, atol=1e-8)
        return
    for g, w in zip(ag.autograd.grad(total, ts, materialize_grads=True), wanted, strict=True):
        np.testing.assert_allclose(g.numpy(force=True), w, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("write", "gradient"),
    [
        (lambda b: b.add_(5), 1.0),
        (lambda b: b.sub_(5), 1.0),
        (lambda b: b.mul_(5), 5.0),
        (lambda b: b.div_(5), 0.2),
        (lambda b: b.fill_(5), 0.0),
        (lambda b: b.zero_(), 0.0),
        (lambda b: b.copy_(ag.ones(2)), 0.0),
        (lambda b: operator.ipow(b, 2), 4.0),
    ],
)
def test_methods_that_write_return_the_tensor_itself(write, gradient):
    x = leaf(2.0, 2.0)
    b = x * 1
    assert write(b) is b
    assert b._version == 1
    b.sum().backward()
    assert x.grad.tolist() == pytest.approx([gradient] * 2)


def test_copy_casts_broadcasts_and_passes_the_gradient_on():
    x, c = leaf(1.0, 2.0), ag.tensor(5.0, requires_grad=True)
    b = x * 1
    b.copy_(c)
    b.sum().backward()
    assert (x.grad.tolist(), c.grad.tolist(), c.grad.dtype) == ([0.0, 0.0], 2.0, ag.float32)


def test_a_buffer_that_starts_to_require_grad(make):
    buffer = make([0.0, 0.0, 0.0])
    view = buffer[1:]
    x = make(2.0, requires_grad=True)
    buffer[1] = x * x
    assert (buffer.requires_grad, view.requires_grad) == (True, True)
    buffer[2] = x * 3
    (view * view).sum().backward()
    assert x.grad.item() == 2 * 4 * 4 + 2 * 6 * 3
    assert view.tolist() == [4.0, 6.0]


def test_a_view_that_starts_to_require_grad():
    buffer, x = ag.zeros(3, dtype=ag.float64), leaf(2.0)
    row = buffer[:1]
    row += x
    assert (row.grad_fn is not None, buffer.requires_grad) == (True, True)
    buffer.sum().backward()
    assert x.grad.tolist() == [1.0]


def test_the_history_of_views_follows_writes():
    x = leaf(1.0, 2.0)
    b = x * 1
    v = b[0]
    before = v.grad_fn
    b *= 3
    assert (b.grad_fn.name(), v.grad_fn is not before) == ("MulBackward0", True)
    assert (v._base is b, v._is_view(), b._base) == (True, True, None)
    assert v._version == b._version == 1
    v.backward()
    assert x.grad.tolist() == [3.0, 0.0]


def test_hooks_and_retained_gradients_of_a_tensor_that_is_written():
    x = leaf(2.0)
    b, seen = x * 1, []
    b.register_hook(lambda g: seen.append(("before", g.tolist())))
    b.retain_grad()
    b *= 3
    b.register_hook(lambda g: seen.append(("after", g.tolist())))
    (b * 5).backward()
    assert seen == [("after", [5.0]), ("before", [15.0])]
    assert b.grad.tolist() == [5.0]


def test_a_view_goes_on_retaining_its_gradient_when_its_base_is_written():
    x = leaf(2.0, 3.0)
    b = x * 1
    v = b[0]
    v.retain_grad()
    b *= 10
    (v * 2).backward()
    assert v.retains_grad
    assert (v.grad.item(), x.grad.tolist()) == (2.0, [20.0, 0.0])


def test_fill_takes_one_number():
    b = leaf(2.0, 3.0) * 1
    b.fill_(ag.tensor(5.0))
    assert b.tolist() == [5.0, 5.0]
    for value in (ag.ones(2), ag.ones(1), np.ones(2)):
        with pytest.raises(RuntimeError, match="fill_ takes one number"):
            b.fill_(value)


def test_a_write_that_fails_changes_nothing():
    x = leaf(1.0, 2.0)
    b = x * 1
    node = b.grad_fn
    for attempt in (
        lambda: b.add_(ag.ones(3)),
        lambda: b.add_(ag.ones((2, 2))),
        lambda: operator.setitem(b, 5, 1.0),
        lambda: b.mul_(1j),
        lambda: operator.setitem(b, slice(None), ag.ones(3)),
    ):
        with pytest.raises((ValueError, IndexError, TypeError)):
            attempt()
    assert b.tolist() == [1.0, 2.0]
    assert (b.grad_fn is node, b._version) == (True, 0)


# ---------------------------------------------------------------------------
# dtypes: as NumPy's same-kind casting
# ---------------------------------------------------------------------------


def test_writes_keep_the_dtype():
    x = ag.ones(2)
    x += ag.ones(2, dtype=ag.float64)
    x[0] = ag.tensor(3, dtype=ag.int64)
    assert (x.dtype, x.tolist()) == (ag.float32, [3.0, 2.0])
    n = ag.ones(2, dtype=ag.int32)
    n += ag.ones(2, dtype=ag.int64)
    n *= 3
    assert (n.dtype, n.tolist()) == (ag.int32, [6, 6])


@pytest.mark.parametrize(
    "write",
    [
        lambda: ag.ones(2, dtype=ag.int64).add_(ag.ones(2)),
        lambda: ag.ones(2, dtype=ag.int64).div_(2),
        lambda: ag.ones(2, dtype=ag.int64).div_(ag.ones(2, dtype=ag.int64)),
        lambda: ag.ones(2, dtype=ag.int64).add_(1.5),
        lambda: ag.ones(2, dtype=ag.bool).sub_(0.5),
        lambda: ag.ones(2).mul_(1j),
        lambda: ag.ones(2).add_(ag.ones(2, dtype=ag.complex64)),
        lambda: operator.setitem(ag.ones(2), 0, ag.tensor(1j)),
    ],
)
def test_writes_that_would_lose_values(write):
    with pytest.raises(TypeError, match=r"int64|float32|complex"):
        write()


# ---------------------------------------------------------------------------
# keys
# ---------------------------------------------------------------------------

KEYS = [
    0, -1, (1, 2), slice(None), slice(0, 2), slice(None, None, -1), (slice(None), 1), (slice(None), slice(None, None, 2)), Ellipsis, (Ellipsis, 0),
    None, (None, 1), (slice(None), None, 2), (), [0, 2], ((0, 2),), ((0, 2), (1, 0)), ([0, 2], [1, 0]), ([0, 2], slice(1, 3)), np.array([0, 2]), (np.array([2, 0]), 1),
    np.array([[True, False, True]] * 3), np.array([True, False, True]), (np.array([True, False, True]), 0), np.int64(1), True, slice(3, 3), np.zeros((0,), dtype=int),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=repr)
@pytest.mark.parametrize("tracked", ["base", "value", "both"])
def test_keys(key, tracked):
    base, value = data(3, 3), data(*data(3, 3)[key].shape, seed=1)
    x, v = ag.tensor(base, requires_grad=tracked != "value"), ag.tensor(value, requires_grad=tracked != "base")
    b = x * 1 if x.requires_grad else x
    b[key] = v
    expected = base.copy()
    expected[key] = value
    assert b.numpy(force=True).tolist() == expected.tolist()
    weights = data(3, 3, seed=2)
    b.backward(ag.tensor(weights))
    if tracked != "value":
        kept = weights.copy()
        kept[key] = 0
        assert x.grad.tolist() == kept.tolist()
    if tracked != "base":
        assert v.grad.tolist() == weights[key].tolist()


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (5, IndexError),
        ((0, 0, 0), IndexError),
        (1.5, IndexError),
        ("a", IndexError),
        (ag.tensor([0.5]), IndexError),
        pytest.param(np.array([9]), IndexError, marks=pytest.mark.not_on("cupy", reason="its index arrays wrap around")),
    ],
    ids=repr,
)
def test_keys_that_are_none(key, error):
    x = ag.zeros(3, 3)
    with pytest.raises(error):
        x[key] = 1.0
    assert x.tolist() == [[0.0] * 3] * 3
    assert x._version == 0


# ---------------------------------------------------------------------------
# saved values survive; copies are made only where a live graph needs one
# ---------------------------------------------------------------------------


@pytest.fixture
def copies(monkeypatch, backend):
    """A list that grows with each copy that the backend makes."""
    made, original = [], backend.copy
    monkeypatch.setattr(backend, "copy", lambda x: made.append(x.shape) or original(x))
    return made


def test_a_saved_input_survives(copies):
    x = leaf(1.0, 2.0)
    h = x * 3
    y = h * h
    h.zero_()
    assert copies == [(2,)]
    y.sum().backward()
    assert x.grad.tolist() == [18.0, 36.0]
    assert h.tolist() == [0.0, 0.0]


def test_a_saved_output_survives(copies):
    x = leaf(0.0, 1.0)
    y = ag.exp(x)
    z = y * 2
    y += 100
    assert copies == [(2,)]
    z.sum().backward()
    assert x.grad.tolist() == pytest.approx([2.0, 2 * np.e])


def test_a_saved_constant_survives(copies):
    x, c = leaf(1.0, 2.0), ag.tensor([3.0, 4.0], dtype=ag.float64)
    y = x * c
    c += 100
    assert copies == [(2,)]
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 4.0]


def test_a_saved_leaf_survives_an_update(copies):
    w, x = leaf(1.0, 2.0), leaf(5.0, 6.0)
    y = w * x
    with ag.no_grad():
        w -= 100
    assert copies == [(2,)]
    assert w.tolist() == [-99.0, -98.0]
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]
    assert w.grad.tolist() == [5.0, 6.0]


@pytest.mark.parametrize("read", [lambda x, i: x[i], lambda x, i: ag.take(x, i), lambda x, i: ag.take_along_axis(x, i)])
def test_saved_indices_survive(read):
    x, i = leaf(1.0, 2.0, 3.0), ag.tensor([0, 0, 2])
    y = read(x, i)
    i.zero_()
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 1.0]


@pytest.mark.parametrize("read", [lambda x, m: x[m], lambda x, m: ag.where(m, x, 0.0)])
def test_saved_masks_survive(read):
    x, m = leaf(1.0, 2.0, 3.0), ag.tensor([True, False, True])
    y = read(x, m)
    m.fill_(False)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 1.0]


def test_an_index_saved_by_a_write_survives():
    x, i, v = leaf(1.0, 2.0, 3.0), ag.tensor([0]), leaf(7.0)
    b = x * 1
    b[i] = v
    i.fill_(2)
    b.sum().backward()
    assert (x.grad.tolist(), v.grad.tolist()) == ([0.0, 1.0, 1.0], [1.0])


@pytest.mark.parametrize(
    "write",
    [
        lambda h: h[0].fill_(100),
        lambda h: h.reshape(-1).fill_(100),
        lambda h: h[:].reshape(2, 1)[0].fill_(100),
        lambda h: h.data.fill_(100),
        lambda h: h.detach().fill_(100),
        lambda h: h.detach()[1:].fill_(100),
        lambda h: operator.setitem(h, slice(None), 100.0),
        lambda h: ag.asarray(h).mul_(100),
    ],
)
def test_saved_values_survive_writes_through_aliases(write, copies):
    x = leaf(1.0, 2.0)
    h = x * 3
    y = h * h
    write(h)
    assert copies == [(2,)]
    assert h.tolist() != [3.0, 6.0]
    y.sum().backward()
    assert x.grad.tolist() == [18.0, 36.0]


@pytest.mark.parametrize("alias", [lambda h: h[:1], lambda h: h.detach(), lambda h: h.reshape(2, 1), lambda h: h.data[0]])
def test_what_an_alias_saved_survives_a_write_to_the_base(alias):
    h, w = ag.tensor([3.0, 6.0], dtype=ag.float64), leaf(1.0)
    v = alias(h)
    y = v * w
    del v
    h.zero_()
    y.sum().backward()
    assert w.grad.tolist() in ([3.0], [9.0])


def test_a_write_elsewhere_in_the_base_copies_nothing(copies):
    x = leaf(1.0, 2.0)
    b = x * 1
    first, second = b[:1], b[1:]
    y = first * first
    second *= 10
    assert copies == []
    y.backward()
    assert x.grad.tolist() == [2.0, 0.0]


def test_a_value_saved_in_a_derivative_survives():
    x = leaf(2.0)
    h = x * 3
    (g,) = ag.autograd.grad(h * h * h, h, create_graph=True)  # its graph saved what the first one had saved
    h.detach().zero_()
    assert ag.autograd.grad(g, h)[0].tolist() == [6 * 6.0]


def test_the_copy_is_made_once(copies):
    x = leaf(1.0, 2.0)
    h = x * 3
    y, z = h * h, h * h * h
    for _ in range(3):
        h.detach().add_(1)
    assert len(copies) == 1
    (y + z).sum().backward()
    assert x.grad.tolist() == [2 * 9 + 3 * 27, 4 * 9 + 12 * 27]


def test_two_values_of_one_tensor_saved_between_writes(copies):
    x, w = leaf(1.0, 2.0), ag.ones(2, dtype=ag.float64)
    y = x * w
    w += 1
    z = x * w
    w += 1
    assert len(copies) == 2
    (y + 10 * z).sum().backward()
    assert x.grad.tolist() == [21.0, 21.0]
    assert w.tolist() == [3.0, 3.0]


@pytest.mark.not_on("array_api_strict", reason="it does not say who holds an array's memory: copies are made to be safe")
def test_an_update_after_backward_copies_nothing(copies):
    w, x = leaf(1.0, 2.0), ag.tensor([3.0, 4.0], dtype=ag.float64)
    for step in range(4):
        loss = ((w * x) ** 2).sum()
        loss.backward()
        first = w.grad
        with ag.no_grad():
            w -= 0.01 * w.grad
        first.zero_()
        assert copies == []
        assert w._version == step + 1
        assert w.grad is first


def test_an_update_with_a_live_graph_copies_what_it_saved(copies):
    w, x = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = w * x
    y.sum().backward(retain_graph=True)
    copies.clear()
    with ag.no_grad():
        w -= w.grad
        assert copies == [(2,)]
        w -= w.grad
    assert copies == [(2,)]
    x.grad = None
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "build", [lambda x, h: h + 1, lambda x, h: h * 2.0, lambda x, h: h.sum(), lambda x, h: h.reshape(2, 1), lambda x, h: -h, lambda x, h: h > 0]
)
def test_a_write_that_no_graph_cares_about_copies_nothing(build, copies):
    x = leaf(1.0, 2.0)
    h = x * 3
    y = build(x, h)
    h += 1
    assert copies == []
    assert y is not None


def test_a_graph_that_is_gone_cares_no_more(copies):
    x = leaf(1.0, 2.0)
    h = x * 3
    y = h * h
    del y
    h += 1
    assert copies == []


def test_a_constant_that_only_a_constant_multiplied_is_not_saved(copies):
    w, x = ag.ones(2), ag.ones(2, requires_grad=True)
    y = w * x  # saves w for x, and x for nobody
    with ag.no_grad():
        x += 1
    assert copies == []
    w += 1
    assert copies == [(2,)]
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


@pytest.mark.not_on("array_api_strict", "cupy", reason="NumPy's memory is shared")
def test_every_alias_sees_a_write_that_set_a_value_aside():
    a = np.array([1.0, 2.0])
    h = ag.from_numpy(a)
    d, v, n = h.detach(), h[:1], h.numpy()
    y = leaf(1.0, 1.0) * h
    h += 10
    assert a.tolist() == h.tolist() == d.tolist() == n.tolist() == [11.0, 12.0]
    assert v.tolist() == [11.0]
    assert y.grad_fn(ag.ones(2, dtype=ag.float64))[0].tolist() == [1.0, 2.0]


def test_under_create_graph_too():
    x = leaf(2.0)
    h = x * 3
    y = h * h * h
    (g,) = ag.autograd.grad(y, x, create_graph=True)
    h.detach().zero_()
    assert ag.autograd.grad(g, x)[0].tolist() == [6 * 2.0 * 27]


# ---------------------------------------------------------------------------
# versions
# ---------------------------------------------------------------------------


def test_versions_count_writes_per_storage():
    x = ag.zeros(4)
    v, d, c = x[1:], x.detach(), x.clone()
    counts = []
    for write in (lambda: x.add_(1), lambda: v.mul_(2), lambda: d.zero_(), lambda: operator.setitem(x, 0, 1.0), lambda: x.data.fill_(1)):
        write()
        counts.append((x._version, v._version, d._version, c._version))
    assert counts == [(n, n, n, 0) for n in range(1, 6)]
    x + 1
    assert x._version == 5


# ---------------------------------------------------------------------------
# refusals
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write", [lambda x: x.add_(1), lambda x: operator.setitem(x, 0, 1.0), lambda x: x.zero_(), lambda x: x.copy_(leaf(1.0, 2.0)), lambda x: operator.ipow(x, 2)]
)
def test_a_leaf_is_not_written(write):
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"leaf that requires grad.*no_grad"):
        write(x)
    with pytest.raises(RuntimeError, match=r"view of a leaf that requires grad.*no_grad"):
        write(x[0:])
    assert (x.tolist(), x._version, x.is_leaf) == ([1.0, 2.0], 0, True)
    with ag.no_grad():
        write(x)
        write(x[0:])
    assert (x._version, x.is_leaf, x.requires_grad) == (2, True, True)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_views_are_known_on_every_device_of_a_library(strict_devices, which):
    x = ag.tensor([1.0, 2.0, 3.0], device=strict_devices[which], requires_grad=True)
    y = x * 1
    view, other = y[1:], ag.reshape(y, (1, 3))
    view *= 10
    assert other.tolist() == [[1.0, 20.0, 30.0]]
    copied = ag.reshape(ag.matrix_transpose(ag.reshape(ag.concat([y, y]), (2, 3))), (6,))
    copied += y[0]
    (g,) = ag.autograd.grad(y.sum() + other.sum(), x)
    assert g.tolist() == [2.0, 20.0, 20.0]


def test_a_number_is_written_at_index_arrays():
    x = ag.zeros(3)
    x[ag.tensor([0, 2])] = 2.5
    x[ag.tensor([False, True, False])] = 1
    assert x.tolist() == [2.5, 1.0, 2.5]


@pytest.mark.parametrize("rows", [ag.unstack, list], ids=["unstack", "iteration"])
def test_one_of_several_views_is_written(rows):
    x = leaf([1.0, 2.0], [3.0, 4.0], [5.0, 6.0])
    y = x * 2
    first, _, third = rows(y)
    first *= 10
    y[2] = 7.0
    third += first
    assert y.tolist() == [[20.0, 40.0], [6.0, 8.0], [27.0, 47.0]]
    (g,) = ag.autograd.grad((y * y).sum(), x, retain_graph=True)
    assert g.tolist() == [[20 * 2 * (20 + 27), 20 * 2 * (40 + 47)], [24.0, 32.0], [0.0, 0.0]]
    (g,) = ag.autograd.grad(third.sum(), x)
    assert g.tolist() == [[20.0, 20.0], [0.0, 0.0], [0.0, 0.0]]


def test_views_made_under_no_grad_are_not_written_on_the_record():
    x = leaf(1.0, 2.0)
    b = x * 1
    with ag.no_grad():
        v = b[:1]
    with pytest.raises(RuntimeError, match="made under `no_grad`"):
        v *= x[:1]
    assert b.tolist() == [1.0, 2.0]


def test_random_programs_of_writes(make):
    """Twenty programs of eight random writes through random views, as NumPy does them."""
    views = [
        lambda a: a,
        lambda a: a[0],
        lambda a: a[:, 1:],
        lambda a: a[::-1],
        lambda a: a.T,
        lambda a: a.reshape(-1)[::2],
        lambda a: a[1][None],
        lambda a: a[..., 2],
    ]
    writes = [operator.iadd, operator.imul, operator.isub, operator.itruediv]

    def program(choices, x, w):
        base = x * 1
        alive = [base]
        for v, source, write, at in choices:
            view = views[v](base)
            alive.append(view)
            other = alive[source % len(alive)]
            write(view, (other * w[0, 0]).sum() * 0.1 + w.reshape(-1)[at])
        return functools.reduce(operator.add, [(a * a).sum() for a in alive]) * base

    rng = np.random.default_rng(0)
    for _ in range(20):
        choices = [(int(rng.integers(len(views))), int(rng.integers(100)), writes[rng.integers(4)], int(rng.integers(9))) for _ in range(8)]
        run = functools.partial(program, choices)
        arrays, seed = [data(3, 3), data(3, 3, seed=1)], data(3, 3, seed=2)
        tensors = [make(a, requires_grad=True) for a in arrays]
        y = run(*tensors)
        np.testing.assert_allclose(y.numpy(force=True), run(*[a.copy() for a in arrays]), rtol=1e-9)
        y.backward(make(seed))
        wanted = numeric.gradient(lambda *xs, run=run: [run(*[x.copy() for x in xs])], arrays, [0, 1], [seed])
        for t, g in zip(tensors, wanted, strict=True):
            np.testing.assert_allclose(t.grad.numpy(force=True), g, rtol=1e-4, atol=1e-6 * np.abs(g).max())
