"""CUDA: on a GPU where there is one (marker `cuda`), and everywhere on NumPy dressed as CuPy.

The stand-in shows the logic of the backend and of devices; only a GPU shows the rest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cupy_stand_in import ABSENT, installed, replaced

import anygrad as ag
import anygrad.cuda
from anygrad import _backends


def on_both(function: Callable[..., Any], *arrays: np.ndarray) -> None:
    """The function's value and gradients are the same on both devices."""
    results = []
    for where in ("cpu", "cuda"):
        leaves = [ag.tensor(a, device=where, requires_grad=a.dtype.kind in "fc") for a in arrays]
        out = function(*leaves)
        assert out.device == ag.device(where)
        tracked = [leaf for leaf in leaves if leaf.requires_grad]
        grads = ag.autograd.grad(ag.real(out * 1.0).sum(), tracked)
        assert all(g.device == ag.device(where) and g.dtype == t.dtype for g, t in zip(grads, tracked, strict=True))
        results.append([t.numpy(force=True) for t in (out, *grads)])
    for on_cpu, on_cuda in zip(*results, strict=True):
        tolerance = 2e-3 if on_cpu.dtype == np.float16 else 1e-5
        np.testing.assert_allclose(on_cuda, on_cpu, rtol=tolerance, atol=tolerance)


A = np.random.default_rng(0).uniform(0.5, 2.0, (3, 4)).astype(np.float32)
B = np.random.default_rng(1).uniform(0.5, 2.0, (4, 2)).astype(np.float32)
REPEATS = np.array([2, 0, 2, -1, 2])

# ---------------------------------------------------------------------------
# computing and differentiating
# ---------------------------------------------------------------------------


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize(
    "function",
    [
        lambda x: ag.exp(x) * 2 - x / 3 + 1,
        lambda x: ag.tanh(x) ** 2 + ag.sqrt(x),
        lambda x: x.sum(axis=0) + x.mean(),
        lambda x: x.max(axis=1),
        lambda x: x.var() + x.std(axis=0),
        lambda x: ag.cumulative_sum(x, axis=1),
        lambda x: ag.prod(x, axis=1),
        lambda x: ag.where(x > 1, x, -x),
        lambda x: ag.clip(x, 0.7, 1.5) + ag.abs(x - 1),
        lambda x: ag.sort(x, axis=1),
        lambda x: ag.concat([x, x * 2]).T.reshape(2, -1),
        lambda x: ag.stack(ag.unstack(x))[::2, 1:],
    ],
)
def test_values_and_gradients_are_those_of_numpy(function: Callable[..., Any]) -> None:
    on_both(function, A)


@pytest.mark.usefixtures("cuda")
def test_matmul() -> None:
    on_both(ag.matmul, A, B)
    on_both(ag.matmul, np.stack([A, A]), B)
    on_both(ag.matmul, np.stack([A, A]), np.stack([B, B]))
    on_both(ag.matmul, A[0], B[:, 0])


@pytest.mark.usefixtures("cuda")
def test_half_precision_is_summed_in_single() -> None:
    x = ag.full((5000,), 1.0, dtype=ag.float16, device="cuda")
    assert x.sum().item() == 5000.0
    assert x.mean().item() == 1.0
    assert ag.sum(ag.astype(x, ag.float32), dtype=ag.float16).item() == 5000.0
    one = ag.ones((), dtype=ag.float16, device="cuda", requires_grad=True)
    ag.broadcast_to(one, (5000,)).backward(x)
    assert one.grad.item() == 5000.0


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(
    "key",
    [
        REPEATS, (slice(1), REPEATS), (..., REPEATS), (REPEATS, 1), (REPEATS, np.array([[0], [0]])),
        (np.array([True, False, True]), np.array([1, 1])), REPEATS[:0],
    ],
    ids=["rows", "columns", "ellipsis", "int", "pairs", "mask", "empty"],
)  # fmt: skip
def test_repeated_indices_add_up(key: Any, dtype: str, deterministic: bool) -> None:
    anygrad.cuda.use_deterministic_algorithms(deterministic)
    try:
        x = (A if np.dtype(dtype).kind == "f" else A + 2j * A).astype(dtype)
        on_both(lambda t: t[key] * t[key], x)
        on_both(lambda t: ag.take(t, ag.asarray(REPEATS, device=t.device), axis=0), x)
    finally:
        anygrad.cuda.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("dtype", ["bool", "int8", "int64"])
def test_integers_add_up(dtype: str, deterministic: bool) -> None:
    backend = _backends.load("cupy")
    backend.use_deterministic_algorithms(deterministic)
    try:
        g, key = np.ones(5, dtype=dtype), backend.from_host(REPEATS, 0)
        out = backend.scatter_add((4,), key, backend.from_host(g, 0))
        expected = _backends.load("numpy").scatter_add((4,), REPEATS, g)
    finally:
        backend.use_deterministic_algorithms(False)
    assert out.dtype == dtype
    np.testing.assert_array_equal(backend.to_host(out), expected)


@pytest.mark.usefixtures("cuda")
def test_masks() -> None:
    on_both(lambda x: x[x > 1], A)


@pytest.mark.usefixtures("cuda")
def test_0d() -> None:
    x = ag.tensor(3.0, device="cuda", requires_grad=True)
    y = x * x + 1
    assert y.shape == ()
    assert y.item() == 10.0
    y.backward()
    assert x.grad.shape == ()
    assert x.grad.item() == 6.0
    assert x.grad.device == x.device
    rows = ag.tensor([1.0, 2.0], device="cuda", requires_grad=True)
    rows[1].backward()
    assert rows.grad.tolist() == [0.0, 1.0]


@pytest.mark.usefixtures("cuda")
def test_in_place_and_views() -> None:
    def function(x: Any) -> Any:
        y = x * 2
        view = y[1:]
        view *= x[1:]
        y[0, 1] = 5.0
        y += 1
        return y * view.sum()

    on_both(function, A)


@pytest.mark.usefixtures("cuda")
def test_writes_are_seen_through_views_and_not_by_saved_values() -> None:
    x = ag.tensor(A, device="cuda", requires_grad=True)
    y = x * 1
    z = ag.exp(y)
    y[...] = 0.0
    assert y[0].tolist() == [0.0] * 4
    z.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(force=True), np.exp(A), rtol=1e-5)


@pytest.mark.usefixtures("cuda")
def test_a_training_step_is_that_of_numpy() -> None:
    after = []
    for where in ("cpu", "cuda"):
        w = ag.tensor(B, device=where, requires_grad=True)
        b = ag.zeros(2, device=where, requires_grad=True)
        x = ag.tensor(A, device=where)
        for _ in range(2):
            w.grad = b.grad = None
            loss = ((ag.tanh(x @ w + b) - 0.5) ** 2).mean()
            loss.backward()
            with ag.no_grad():
                w -= 0.1 * w.grad
                b -= 0.1 * b.grad
        after.append([t.numpy(force=True) for t in (w, b, loss)])
    for on_cpu, on_cuda in zip(*after, strict=True):
        np.testing.assert_allclose(on_cuda, on_cpu, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("cuda")
def test_second_derivatives() -> None:
    x = ag.tensor([1.0, 2.0], device="cuda", requires_grad=True)
    (first,) = ag.autograd.grad((x**3).sum(), x, create_graph=True)
    (second,) = ag.autograd.grad(first.sum(), x)
    assert (second.tolist(), second.device) == ([6.0, 12.0], x.device)


# ---------------------------------------------------------------------------
# devices
# ---------------------------------------------------------------------------


@pytest.mark.usefixtures("cuda")
def test_what_to_returns_is_no_leaf_and_its_gradient_moves_back() -> None:
    x = ag.tensor(A, requires_grad=True)
    moved = x.to("cuda")
    assert moved.device.type == "cuda"
    assert not moved.is_leaf
    assert moved.grad_fn.name() == "ToBackward0"
    assert moved.to("cuda") is moved
    assert moved.cuda() is moved
    assert x.cpu() is x
    back = (moved * moved).to("cpu")
    assert back.device == "cpu"
    assert back.tolist() == (A * A).tolist()
    back.sum().backward()
    assert x.grad.device == "cpu"
    np.testing.assert_allclose(x.grad.numpy(), 2 * A, rtol=1e-6)


@pytest.mark.usefixtures("cuda")
def test_a_leaf_made_on_the_device() -> None:
    x = ag.ones(3, device="cuda", requires_grad=True)
    assert x.is_leaf
    assert x.grad_fn is None
    assert x.device.type == "cuda"
    (x * 2).sum().backward()
    assert x.grad.device == x.device
    assert x.grad.tolist() == [2.0] * 3
    with pytest.raises(TypeError, match="force=True"):
        x.detach().numpy()


@pytest.mark.usefixtures("cuda")
def test_mixed_devices_raise() -> None:
    x, y = ag.ones(3), ag.ones(3, device="cuda")
    for operation in (lambda: x + y, lambda: y * x, lambda: ag.where(x > 0, y, y), lambda: y + np.ones(3, dtype=np.float32)):
        with pytest.raises(ag.DeviceError, match=r"(?s)on cpu.*\.to\(|on cuda:0.*\.to\("):
            operation()


@pytest.mark.usefixtures("cuda")
def test_default_device() -> None:
    with ag.device("cuda"):
        assert ag.zeros(2).device.type == "cuda"
        assert ag.tensor([1.0]).device.type == "cuda"
    assert ag.zeros(2).device == "cpu"


def test_no_such_device(cuda: Any) -> None:
    for name in (f"cuda:{len(cuda.devices())}", "cuda:x", "cuda:-1"):
        with pytest.raises(ag.DeviceError, match="there is no device"):
            ag.device(name)


@pytest.mark.usefixtures("two_devices")
def test_the_second_device(cuda: Any) -> None:
    x = ag.tensor(A, device="cuda:1", requires_grad=True)
    assert x.device == "cuda:1"
    assert ag.zeros_like(x).device == "cuda:1"
    assert ag.arange(3, device="cuda:1").device == "cuda:1"
    y = x.to("cuda:0")
    assert y.device == "cuda:0"
    assert not y.is_leaf
    (y * y).sum().backward()
    assert x.grad.device == "cuda:1"
    np.testing.assert_allclose(x.grad.numpy(force=True), 2 * A, rtol=1e-6)
    assert cuda.device_of(cuda.copy(x._data)) == cuda.device_of(cuda.asarray(2.0, device=1)) == cuda.device_of(cuda.asarray(y._data, device=1)) == 1
    assert anygrad.cuda.current_device() == 0


@pytest.mark.usefixtures("two_devices")
def test_gradients_add_up_on_their_own_device() -> None:
    x = ag.tensor(A, device="cuda:1", requires_grad=True)
    h = x * 2
    total = (h.to("cuda:0") ** 2).sum() + (h * h).sum().to("cuda:0") + h.cpu().sum().to("cuda:0")
    total.backward(retain_graph=True)
    total.backward()
    np.testing.assert_allclose(x.grad.numpy(force=True), 2 * (16 * A + 2), rtol=1e-6)
    y = (x * x).sum()
    y.backward(inputs=[x], retain_graph=True)
    assert x.grad.device == "cuda:1"
    (twice,) = ag.autograd.grad([y, y], x, [ag.ones_like(y), ag.ones_like(y)], retain_graph=True)
    np.testing.assert_allclose(twice.numpy(force=True), 4 * A, rtol=1e-6)
    (edge,) = ag.autograd.grad(ag.autograd.graph.get_gradient_edge(y), x, retain_graph=True)
    np.testing.assert_allclose(edge.numpy(force=True), 2 * A, rtol=1e-6)
    assert y.grad_fn(ag.ones_like(y)).device == "cuda:1"


@pytest.mark.usefixtures("two_devices")
def test_indices_of_the_host_go_where_the_tensor_is() -> None:
    x = ag.tensor(A, device="cuda:1", requires_grad=True)
    y = x * 1
    y[[0, 0]] += x[[1, 2]]
    y[np.array([True, False, True])] = 0.0
    y[..., range(2)].sum().backward()
    assert x.grad.device == "cuda:1"
    assert x.grad.tolist() == [[0.0] * 4, [1.0, 1.0, 0.0, 0.0], [0.0] * 4]
    assert x[True].device == "cuda:1"


@pytest.mark.usefixtures("two_devices")
def test_anomalies_are_looked_for_on_the_gradients_device() -> None:
    x = ag.tensor(A, device="cuda:1", requires_grad=True)
    with pytest.warns(UserWarning, match="Anomaly Detection"):
        mode = ag.autograd.detect_anomaly()
    with mode:
        (ag.sqrt(x).to("cuda:0") * 2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(force=True), 1 / np.sqrt(A), rtol=1e-6)


@pytest.mark.usefixtures("two_devices")
def test_a_number_on_the_left_is_no_device() -> None:
    assert (1 - ag.zeros(2, device="cuda:0")).device == "cuda:0"
    assert (2.0 / ag.ones(2, device="cuda:1")).device == "cuda:1"


@pytest.mark.usefixtures("two_devices")
def test_mixed_cuda_devices_raise() -> None:
    with pytest.raises(ag.DeviceError, match=r"cuda:1"):
        ag.ones(3, device="cuda:0") + ag.ones(3, device="cuda:1")


# ---------------------------------------------------------------------------
# the backend and anygrad.cuda
# ---------------------------------------------------------------------------


def test_memory_is_shared_where_ranges_overlap(cuda: Any) -> None:
    x = cuda.zeros((4, 4))
    assert cuda.owns_memory(x)
    assert not cuda.owns_memory(x[1:])
    assert cuda.shares_memory(x, x[2:, ::-1])
    assert cuda.shares_memory(x[::-1], x[0])
    assert cuda.shares_memory(x.T, x)
    assert not cuda.shares_memory(x[:2], x[2:])
    assert not cuda.shares_memory(x, x[:0])
    assert not cuda.shares_memory(x, cuda.copy(x))


def test_clip_and_sign_keep_nan(cuda: Any) -> None:
    x = cuda.asarray([-2.0, 0.0, 3.0, float("nan")])
    np.testing.assert_array_equal(cuda.to_host(cuda.sign(x)), [-1.0, 0.0, 1.0, np.nan])
    np.testing.assert_array_equal(cuda.to_host(cuda.clip(x, -1.0, 2.0)), [-1.0, 0.0, 2.0, np.nan])
    assert not cuda.shares_memory(cuda.clip(x), x)


def test_complex_to_real_keeps_the_real_part(cuda: Any) -> None:
    assert cuda.to_host(cuda.astype(cuda.asarray([1 + 2j]), np.float32)).tolist() == [1.0]


def test_a_singular_matrix_raises(cuda: Any) -> None:
    with pytest.raises(np.linalg.LinAlgError):
        cuda.linalg.solve(cuda.zeros((2, 2)), cuda.ones((2, 1)))


def test_solving_broadcasts_stacks(cuda: Any) -> None:
    a, b = np.eye(2) * np.array([2.0, 4.0])[:, None, None], np.ones((3, 1, 2, 1))
    np.testing.assert_allclose(cuda.to_host(cuda.linalg.solve(cuda.from_host(a, 0), cuda.from_host(b, 0))), np.linalg.solve(a, b))


def test_asarray_without_a_copy(cuda: Any) -> None:
    x = cuda.zeros(3)
    assert cuda.asarray(x) is x
    assert cuda.asarray(x, device=0) is x
    assert cuda.asarray(x, copy=True) is not x


def test_unknown_functions_are_attribute_errors(cuda: Any) -> None:
    assert not hasattr(cuda, "nonsense")


@pytest.mark.usefixtures("cuda")
def test_anygrad_cuda() -> None:
    assert anygrad.cuda.is_available()
    assert anygrad.cuda.device_count() >= 1
    assert anygrad.cuda.current_device() == 0
    x = ag.ones(1000, device="cuda")
    assert anygrad.cuda.memory_allocated() > 0
    assert x.device in _backends.all_devices()
    free, total = anygrad.cuda.mem_get_info("cuda:0")
    assert 0 < free <= total
    anygrad.cuda.synchronize(0)
    anygrad.cuda.empty_cache()
    with pytest.raises(ag.DeviceError, match="not a CUDA device"):
        anygrad.cuda.synchronize("cpu")


OUT_OF_RANGE = {
    "x[i]": lambda x, i: x[i],
    "x[:, i]": lambda x, i: x[:, i],
    "x[..., i]": lambda x, i: x[..., i],
    "x[None, i]": lambda x, i: x[None, i],
    "x[i] = 1": lambda x, i: x.__setitem__(i, 1.0),
    "take": lambda x, i: ag.take(x, i, axis=0),
    "take_along_axis": lambda x, i: ag.take_along_axis(x, ag.reshape(i, (-1, 1)), axis=0),
}


@pytest.mark.parametrize("name", OUT_OF_RANGE)
@pytest.mark.parametrize("wrong", [3, -4])
def test_indices_are_checked_where_that_is_asked_for(cuda: Any, name: str, wrong: int) -> None:
    use = OUT_OF_RANGE[name]
    x, inside, outside = (ag.tensor(a, device="cuda") for a in (np.arange(9.0).reshape(3, 3), np.array([0, 2, -3]), np.array([0, wrong])))
    if "None" not in name and "..." not in name:  # which keys the stand-in understands
        use(x, outside)  # CuPy wraps around
    anygrad.cuda.check_indices(True)
    try:
        use(x, inside)
        use(x, inside[:0])
        with pytest.raises(IndexError, match=f"{wrong} is out of range for an axis of size 3"):
            use(x, outside)
    finally:
        anygrad.cuda.check_indices(False)


# ---------------------------------------------------------------------------
# without CUDA
# ---------------------------------------------------------------------------


def expect_no_cuda(part: str) -> None:
    assert not anygrad.cuda.is_available()
    assert anygrad.cuda.device_count() == 0
    assert [d.type for d in _backends.all_devices()] == ["cpu"]
    x = ag.ones(3)
    for asking in (lambda: ag.device("cuda"), lambda: x.to("cuda:0"), x.cuda, lambda: ag.zeros(2, device="cuda"), anygrad.cuda.current_device):
        with pytest.raises(ag.DeviceError, match=part) as caught:
            asking()
        assert "pip install" in str(caught.value)


def test_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    with replaced(monkeypatch, None):
        expect_no_cuda("package CuPy is missing")
        anygrad.cuda.use_deterministic_algorithms(True)


@pytest.mark.parametrize(
    ("status", "driver", "part"),
    [(35, 0, "driver is missing"), (35, 12040, "driver is too old: it is of CUDA 12"), (100, 13000, "no CUDA device")],
)
def test_no_driver_no_device(monkeypatch: pytest.MonkeyPatch, status: int, driver: int, part: str) -> None:
    with installed(monkeypatch, status=status, driver=driver):
        expect_no_cuda(part)


def test_an_old_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """What CuPy 13 lacks comes from array_api_compat, or says so."""
    monkeypatch.setitem(ABSENT, "cupy", ABSENT["cupy"] | {"atan"})
    with installed(monkeypatch, version="13.6.0"):
        import array_api_compat.cupy

        backend = _backends.load("cupy")
        assert backend.atan is array_api_compat.cupy.atan
        assert backend.sign.__wrapped__ is array_api_compat.cupy.sign
        monkeypatch.delattr(array_api_compat.cupy.linalg, "eig")
        with pytest.raises(NotImplementedError, match=r"CuPy 13\.6\.0 has no linalg\.eig\. .*`\.to\(\"cpu\"\)`"):
            ag.linalg.eig(ag.eye(2, device="cuda"))


@pytest.mark.parametrize("function", [ag.linalg.eig, ag.linalg.eigvals])
def test_what_an_old_cuda_lacks(monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any]) -> None:
    with installed(monkeypatch, geev=False), pytest.raises(NotImplementedError, match=rf"no {function.__name__} .*`\.to\(\"cpu\"\)`"):
        function(ag.eye(2, device="cuda"))


def test_importing_anygrad_does_not_import_cupy() -> None:
    program = "import sys, anygrad, anygrad.cuda; anygrad.ones(2).sum(); print({'cupy', 'cupyx', 'anygrad_cupy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize(
    "function",
    [
        lambda t: ag.tanh(t) * ag.sqrt(t) * t**3,
        lambda t: ag.special.softmax(t, axis=-1) * t,
        lambda t: ag.special.log_softmax(t, axis=0) * t,
        lambda t: ag.special.logsumexp(t, axis=1) ** 2,
        lambda t: ag.var(t, axis=-1) * ag.std(t, axis=-1),
        lambda t: (ag.ones((20, 30, 3, 4), device=t.device) + t) ** 2,
    ],
)
def test_rules_that_write_over_their_own_arrays(function: Callable[..., Any]) -> None:
    before = A.copy()
    on_both(function, A)
    np.testing.assert_array_equal(A, before)
