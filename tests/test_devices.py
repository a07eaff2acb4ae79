"""Devices without a GPU: array_api_strict has several, and NumPy is one more."""

import threading

import array_api_strict as xps
import numpy as np
import pytest

import anygrad as ag
from anygrad import DeviceError

NAMES = ["cpu", "array_api_strict", "array_api_strict:device1", "array_api_strict:device2"]
STRICT = "array_api_strict:CPU_DEVICE"


@pytest.fixture
def places():
    return [ag.device(name) for name in NAMES]


def leaf(device, *values):
    return ag.tensor(list(values), dtype=ag.float64, device=device, requires_grad=True)


# ---------------------------------------------------------------------------
# devices themselves
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "kind", "index"),
    [
        ("cpu", "cpu", "cpu", None),
        ("cpu:0", "cpu", "cpu", None),
        ("array_api_strict", STRICT, "array_api_strict", None),
        (STRICT, STRICT, "array_api_strict", None),
        ("array_api_strict:device1", "array_api_strict:device1", "array_api_strict", None),
    ],
)
def test_names(name, text, kind, index):
    device = ag.device(name)
    assert (str(device), device.type, device.index) == (text, kind, index)
    assert device == ag.device(text) == text
    assert hash(device) == hash(ag.device(text))
    assert ag.device(device) is device
    assert device != ag.device("array_api_strict:device2")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "no backend 'nowhere'.*Known devices"),
        ("array_api_strict:device9", "no device 'device9'; it has CPU_DEVICE, device1, device2"),
        ("", "is not a device"),
        ("a b", "is not a device"),
        (5, "named by a string.*int"),
        (None, "named by a string"),
    ],
)
def test_devices_that_are_not_there(name, said):
    with pytest.raises(DeviceError, match=said) as caught:
        ag.device(name)
    assert isinstance(caught.value, (ValueError, RuntimeError))


@pytest.mark.parametrize("where", ["nowhere", "array_api_strict:device9"])
def test_moving_to_where_there_is_nothing(where):
    x = leaf("cpu", 1.0)
    for attempt in (lambda: x.to(where), lambda: ag.zeros(2, device=where), lambda: ag.asarray([1.0], device=where)):
        with pytest.raises(DeviceError):
            attempt()
    assert x.grad is None


# ---------------------------------------------------------------------------
# .to()
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_moving_is_recorded_and_the_gradient_moves_back(source, target):
    x = leaf(source, 1.0, 2.0)
    y = x.to(target)
    if source == target:
        assert y is x
        return
    assert (y.device, y.dtype, y.tolist()) == (ag.device(target), ag.float64, [1.0, 2.0])
    assert (y.is_leaf, y.grad_fn.name()) == (False, "ToBackward0")
    (y * y).sum().backward()
    assert (x.grad.tolist(), x.grad.device) == ([2.0, 4.0], ag.device(source))
    assert x.device == ag.device(source)
    assert x.is_leaf


@pytest.mark.parametrize("device", NAMES)
def test_moving_to_where_it_is_changes_nothing(device):
    x = leaf(device, 1.0)
    for same in (x.to(device), x.to(ag.device(device)), x.to(x.device), x.to(x), x.to(x.device, x.dtype), x.to_device(x.device), ag.asarray(x, device=device)):
        assert same is x
    assert x.to(device, copy=True).grad_fn.name() == "CloneBackward0"


def test_a_moved_constant_is_a_leaf(strict_devices):
    _, one, two = strict_devices
    y = ag.ones(2, device=one).to(two)
    assert (y.is_leaf, y.requires_grad) == (True, False)


def test_dtype_and_device_at_once(strict_devices):
    x = leaf("cpu", 1.0, 2.0)
    y = x.to(strict_devices[1], ag.float32)
    assert (y.device, y.dtype) == (strict_devices[1], ag.float32)
    z = x.to(y)
    assert (z.device, z.dtype) == (strict_devices[1], ag.float32)
    (y + z).sum().backward()
    assert (x.grad.tolist(), x.grad.dtype, x.grad.device.type) == ([2.0, 2.0], ag.float64, "cpu")


def test_a_copy_on_another_device_shares_nothing(strict_devices):
    a = np.array([1.0, 2.0])
    x = ag.from_numpy(a)
    y = x.to(strict_devices[0])
    y += 1
    assert a.tolist() == [1.0, 2.0]
    back = y.cpu()
    back += 1
    assert y.tolist() == [2.0, 3.0]


def test_a_constructor_copies_across_libraries(strict_devices):
    a = np.array([1.0, 2.0])
    x = ag.tensor(a, device=strict_devices[0])
    x += 1
    assert a.tolist() == [1.0, 2.0]


def test_there_and_back(strict_devices):
    host, one, two = strict_devices
    x = leaf("cpu", 1.0, 2.0)
    y = (x.to(one) * 2).to(two)
    z = (y * y).to(host).cpu()
    assert type(z._data) is np.ndarray
    (z * x).sum().backward()
    assert x.grad.tolist() == [3 * 4 * 1.0, 3 * 4 * 4.0]
    assert x.grad.device == "cpu"


def test_second_derivatives_across_devices(strict_devices):
    _, one, two = strict_devices
    x = leaf(one, 2.0)
    y = x.to(two) ** 3
    (g,) = ag.autograd.grad(y, x, ag.ones_like(y), create_graph=True)
    assert (g.tolist(), g.device) == ([12.0], one)
    (h,) = ag.autograd.grad(g, x, ag.ones_like(g))
    assert (h.tolist(), h.device) == ([12.0], one)


def test_leaves_on_several_devices_in_one_graph(strict_devices):
    leaves = [leaf(d, 1.0, 2.0) for d in (*strict_devices, "cpu")]
    total = ag.zeros(2, dtype=ag.float64)
    for i, x in enumerate(leaves):
        total = total + (x * (i + 1)).to("cpu")
    total.sum().backward()
    assert [x.grad.tolist() for x in leaves] == [[i + 1.0] * 2 for i in range(4)]
    assert [x.grad.device for x in leaves] == [x.device for x in leaves]


# ---------------------------------------------------------------------------
# where constructors create
# ---------------------------------------------------------------------------

CONSTRUCTORS = [
    lambda **k: ag.zeros(2, **k),
    lambda **k: ag.ones((2, 2), **k),
    lambda **k: ag.empty(2, **k),
    lambda **k: ag.full((2,), 3.0, **k),
    lambda **k: ag.eye(2, **k),
    lambda **k: ag.arange(3, **k),
    lambda **k: ag.linspace(0.0, 1.0, 3, **k),
    lambda **k: ag.tensor([1.0, 2.0], **k),
    lambda **k: ag.asarray([1.0, 2.0], **k),
    lambda **k: ag.asarray(3.0, **k),
]


@pytest.mark.parametrize("construct", CONSTRUCTORS)
def test_constructors(construct, places):
    assert construct().device == "cpu"
    for place in places:
        assert construct(device=place).device == construct(device=str(place)).device == place
        with place as inside:
            assert inside is place
            assert construct().device == ag.get_default_device() == place
            assert construct(device="cpu").device == "cpu"
    assert construct().device == "cpu"


@pytest.mark.parametrize("like", [ag.zeros_like, ag.ones_like, ag.empty_like, lambda x, **k: ag.full_like(x, 3.0, **k)])
def test_constructors_from_another_tensor(like, strict_devices):
    _, one, two = strict_devices
    x = ag.ones(2, device=one, dtype=ag.int32)
    with two:
        assert (like(x).device, like(x).dtype) == (one, ag.int32)
    assert like(x, device=two).device == two
    assert ag.tensor(x._data).device == ag.asarray(x._data).device == one


def test_default_devices_nest_and_end_with_exceptions(strict_devices):
    _, one, two = strict_devices
    with one:
        with pytest.raises(ZeroDivisionError), two:
            assert ag.zeros(1).device == two
            raise ZeroDivisionError
        with one:
            assert ag.zeros(1).device == one
        assert ag.zeros(1).device == one
    assert ag.zeros(1).device == "cpu"


def test_set_default_device(strict_devices):
    _, one, two = strict_devices
    ag.set_default_device(one)
    assert ag.zeros(1).device == one
    with two:
        assert ag.zeros(1).device == two
    assert ag.zeros(1).device == one
    ag.set_default_device("array_api_strict:device2")
    assert ag.get_default_device() == two
    ag.set_default_device(None)
    assert ag.zeros(1).device == "cpu"
    with pytest.raises(DeviceError):
        ag.set_default_device("nowhere")
    assert ag.zeros(1).device == "cpu"


def test_the_default_device_is_the_threads_own(strict_devices):
    seen = []
    with strict_devices[1]:
        thread = threading.Thread(target=lambda: seen.append(ag.zeros(1).device))
        thread.start()
        thread.join()
    assert seen == ["cpu"]


def test_the_default_device_moves_no_data(strict_devices):
    a = np.ones(2)
    with strict_devices[1]:
        assert ag.from_numpy(a).device == ag.asarray(a).device == ag.tensor(a).device == "cpu"
        x = leaf("cpu", 1.0, 2.0)
        (x * x).sum().backward()
        assert x.grad.device == "cpu"
        assert ag.zeros_like(x).device == "cpu"


# ---------------------------------------------------------------------------
# mixing
# ---------------------------------------------------------------------------


def both(a, b):
    """The two-input functions in which devices must agree."""
    return {
        "add": lambda: a + b,
        "multiply": lambda: a * b,
        "matmul": lambda: a @ b,
        "greater": lambda: a > b,
        "where": lambda: ag.where(a > 0, a, b),
        "concat": lambda: ag.concat([a, b]),
        "stack": lambda: ag.stack([a, b]),
        "iadd": lambda: a.__iadd__(b),
        "setitem": lambda: a.__setitem__(slice(None), b),
    }


@pytest.mark.parametrize("name", sorted(both(None, None)))
@pytest.mark.parametrize(("first", "second"), [(1, 2), (0, 1), (1, 0)])
def test_mixed_devices_raise(name, first, second, places):
    a, b = ag.ones((2, 2), device=places[first]), ag.zeros((2, 2), device=places[second])
    with pytest.raises(DeviceError, match="on different devices") as caught:
        both(a, b)[name]()
    said = str(caught.value)
    assert f"of shape (2, 2) on {places[first]}" in said
    assert f"of shape (2, 2) on {places[second]}" in said
    assert f".to({str(places[first])!r})" in said
    assert (a.tolist(), a._version) == ([[1.0, 1.0]] * 2, 0)


def test_the_error_names_the_positions(strict_devices):
    host, one, _ = strict_devices
    with pytest.raises(DeviceError, match=r"multiply: .*`x1` of shape \(2,\) on .*CPU_DEVICE; `x2` of shape \(3,\) on .*device1.*Move one of them"):
        ag.ones(2, device=host) * ag.ones(3, device=one)
    with pytest.raises(DeviceError, match=r"concat: .*\[0\]` of shape .*\[1\]` of shape .*\[2\]` of shape"):
        ag.concat([ag.ones(2), ag.ones(2), ag.ones(2, device=one)])


def test_a_gradient_on_another_device(strict_devices):
    _, one, two = strict_devices
    x = leaf(one, 1.0, 2.0)
    y = x * x
    with pytest.raises(DeviceError, match=r"the gradient is on .*device2, the tensor on .*device1.*gradient\.to\("):
        y.backward(ag.ones(2, dtype=ag.float64, device=two))
    with pytest.raises(DeviceError, match="a gradient is on its tensor's device"):
        x.grad = ag.ones(2, dtype=ag.float64)
    assert x.grad is None
    y.backward(ag.ones(2, dtype=ag.float64, device=one))
    assert x.grad.device == one


def test_python_numbers_mix_with_everything(places):
    for place in places:
        x = leaf(place, 1.0, 2.0)
        y = 2 * x + 1.0 - x / 4 + 3**x
        assert (y.device, y.dtype) == (place, ag.float64)
        y.sum().backward()
        assert x.grad.device == place


def test_raw_arrays_are_constants_on_either_side(strict_devices):
    places = [("cpu", np.asarray([3.0, 4.0])), *[(d, xps.asarray([3.0, 4.0], dtype=xps.float64, device=d.raw)) for d in strict_devices]]
    for place, raw in places:
        x = leaf(place, 1.0, 2.0)
        results = [x * raw, x - raw, ag.multiply(raw, x), ag.subtract(raw, x), ag.concat([raw, x])]
        if place == "cpu":  # array_api_strict raises before Python asks the other operand
            results += [raw * x, raw - x]
        for y in results:
            assert (type(y), y.device) == (ag.Tensor, ag.device(place))
            x.grad = None
            y.sum().backward()
            assert x.grad.device == place
        assert [y.tolist() for y in results[:5]] == [[3.0, 8.0], [-2.0, -2.0], [3.0, 8.0], [2.0, 2.0], [3.0, 4.0, 1.0, 2.0]]


@pytest.mark.parametrize("operate", [lambda x, raw: x * raw, lambda x, raw: ag.multiply(raw, x)])
def test_raw_arrays_of_another_device_raise(operate, strict_devices):
    raw = xps.asarray([3.0, 4.0], dtype=xps.float64, device=strict_devices[1].raw)
    for x in (leaf("cpu", 1.0, 2.0), leaf(strict_devices[2], 1.0, 2.0)):
        with pytest.raises(DeviceError, match="different devices"):
            operate(x, raw)


# ---------------------------------------------------------------------------
# the rest of the engine on such a device
# ---------------------------------------------------------------------------


def test_writes_stay_on_the_device(strict_devices):
    _, one, _ = strict_devices
    x = leaf(one, 1.0, 2.0)
    b = x * 1
    b *= 3
    b[0] = 5.0
    b.copy_(b * 2)
    b.sum().backward()
    assert (b.device, x.grad.device, x.grad.tolist()) == (one, one, [0.0, 6.0])
    target = ag.zeros(2, device=one)
    target.copy_(ag.ones(2))  # copies across devices, as PyTorch's
    assert (target.tolist(), target.device) == ([1.0, 1.0], one)


def test_indexing_with_numpy_indices(strict_devices):
    x = leaf(strict_devices[0], 1.0, 2.0, 3.0)
    y = x[np.array([0, 0, 2])]
    assert y.device == strict_devices[0]
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 1.0]


def test_out_of_the_library(strict_devices):
    x = ag.ones(2, device=strict_devices[1])
    assert x.tolist() == [1.0, 1.0]
    assert isinstance(x.numpy(), np.ndarray)
    assert x.sum().item() == 2.0
    assert x.device.type == "array_api_strict"
    namespace = x.__array_namespace__()
    assert namespace is ag
    assert namespace.zeros(3, device=x.device).device == x.device


@pytest.mark.skipif(any(d.type == "cuda" for d in ag._backends.all_devices()), reason="there is CUDA")
@pytest.mark.parametrize("attempt", [lambda: ag.device("cuda"), lambda: ag.ones(1).cuda(), lambda: ag.ones(1).to("cuda:0"), lambda: ag.zeros(1, device="cuda")])
def test_without_cuda_the_error_says_what_is_missing(attempt):
    with pytest.raises(DeviceError, match=r"(?i)cupy|driver|device"):
        attempt()


def test_scalars_of_numpy_are_on_every_device(strict_devices):
    x = ag.tensor([1.0, 2.0], device=strict_devices[1], requires_grad=True)
    for scalar in (np.float32(2), np.float64(2)):
        y = ag.where(x > 1, x * scalar, scalar)
        assert (y.device, y.tolist()) == (x.device, [2.0, 4.0])
        assert ag.maximum(x, np.float32(1.5)).tolist() == [1.5, 2.0]
    x = ag.tensor([1, 2], device=strict_devices[1])
    assert (x * np.int64(3)).tolist() == [3, 6]
    assert (np.int64(3) - x).device == x.device
