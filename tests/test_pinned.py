"""Moves between host and device that wait or do not, pinned memory: on a GPU (marker `cuda`) and on the stand-in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import stand_in_device
from test_cuda import A
from test_cuda_streams import no_races

import anygrad as ag
from anygrad import _backends


def waited() -> list[str]:
    """What has waited for the device since the last call."""
    found = list(stand_in_device.waits)
    stand_in_device.waits.clear()
    return found


@pytest.mark.usefixtures("cuda")
def test_pinning_is_recorded() -> None:
    x = ag.tensor(A, requires_grad=True)
    assert not x.is_pinned()
    y = x.pin_memory()
    assert y.is_pinned()
    assert y.pin_memory() is y
    assert (y.device, y.is_leaf, y.grad_fn.name(), y.tolist()) == (ag.device("cpu"), False, "PinMemoryBackward0", x.tolist())
    (y.to("cuda", non_blocking=True) ** 2).sum().backward()
    assert x.grad.device == "cpu"
    np.testing.assert_allclose(x.grad.numpy(), 2 * A, rtol=1e-6)
    assert y[1:].is_pinned()
    assert not (y + 1).is_pinned()


@pytest.mark.usefixtures("cuda")
def test_pinned_memory_keeps_layout_and_dtype() -> None:
    for array in (A.T, np.asarray(1.5), np.zeros((0, 3)), np.array([1, 2], dtype=np.int8)):
        pinned = ag.from_numpy(array).pin_memory()
        np.testing.assert_array_equal(pinned.numpy(), array)
        assert (pinned.numpy().dtype, pinned.numpy().strides) == (array.dtype, array.strides)
        np.testing.assert_array_equal(pinned.cuda(non_blocking=True).numpy(force=True), array)


@pytest.mark.usefixtures("cuda")
def test_only_the_cpus_tensors_are_pinned(strict_devices: list[Any]) -> None:
    for x in (ag.ones(2, device="cuda"), ag.ones(2, device=strict_devices[1])):
        assert not x.is_pinned()
        with pytest.raises(ag.DeviceError, match=r"only tensors on the CPU.*\.cpu\(\)\.pin_memory\(\)"):
            x.pin_memory()


@pytest.mark.skipif(any(d.type == "cuda" for d in _backends.all_devices()), reason="there is CUDA")
def test_without_cuda() -> None:
    x = ag.ones(2)
    assert not x.is_pinned()
    with pytest.raises(ag.DeviceError, match=r"(?i)cupy|driver"):
        x.pin_memory()


@pytest.mark.usefixtures("cuda", "on_the_stand_in")
def test_what_waits() -> None:
    host = ag.tensor(A)
    pinned, there = host.pin_memory(), host.cuda()
    target, ordinary = ag.zeros_like(host).pin_memory(), ag.zeros_like(host)
    rows: list[tuple[Any, bool]] = [
        (lambda: host.cuda(), False),  # staged
        (lambda: host.to("cuda", non_blocking=True), False),
        (lambda: pinned.cuda(), True),
        (lambda: pinned.to("cuda"), True),
        (lambda: ag.tensor(pinned.numpy(), device="cuda"), True),
        (lambda: pinned.cuda(non_blocking=True), False),
        (lambda: pinned.to("cuda", non_blocking=True), False),
        (lambda: pinned.to("cuda", ag.float32, True), False),
        (lambda: pinned.to(there, True), False),
        (lambda: there.cpu(), True),
        (lambda: there.to("cpu", non_blocking=True), False),
        (lambda: there.clone().copy_(pinned), True),
        (lambda: there.clone().copy_(pinned, non_blocking=True), False),
        (lambda: target.copy_(there), True),
        (lambda: target.copy_(there, non_blocking=True), False),
        (lambda: ordinary.copy_(there, non_blocking=True), True),
        (lambda: target.T.copy_(there.T, non_blocking=True), True),
    ]
    for i, (move, waits) in enumerate(rows):
        waited()
        move()
        assert bool(waited()) is waits, f"row {i}"
    no_races()


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("wait", [lambda: ag.cuda.synchronize(), lambda: ag.cuda.current_stream().synchronize()])
def test_a_copy_to_the_host_is_there_after_waiting(wait: Any) -> None:
    x = ag.tensor(A, device="cuda", requires_grad=True)
    y = (x * 2).to("cpu", non_blocking=True)
    wait()
    assert y.is_pinned()
    np.testing.assert_array_equal(y.numpy(force=True), 2 * A)
    (y * y).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(force=True), 8 * A, rtol=1e-6)


@pytest.mark.usefixtures("cuda", "on_the_stand_in")
def test_a_copy_to_the_host_arrives_later_and_its_memory_lives_until_then(cuda: Any) -> None:
    x = ag.tensor(A, device="cuda")
    event = ag.cuda.Event()
    y = x.to("cpu", non_blocking=True)
    event.record()
    assert not event.query()
    assert not np.array_equal(y.numpy(), A)
    del y
    assert len(cuda._memory._copied) == 1
    event.synchronize()
    assert event.query()
    x.to("cpu", non_blocking=True)
    assert len(cuda._memory._copied) == 1
    ag.cuda.synchronize()
    ag.cuda.empty_cache()
    assert cuda._memory._copied == []


@pytest.mark.usefixtures("cuda")
def test_copying_into_pinned_memory() -> None:
    x = ag.tensor(A, device="cuda")
    target = ag.zeros(3, 4).pin_memory()
    saved = ag.tensor(A, requires_grad=True)
    product = (saved * target).sum()  # saves target, of zeros
    version = target._version
    assert target.copy_(x, non_blocking=True) is target
    ag.cuda.synchronize()
    np.testing.assert_array_equal(target.numpy(), A)
    assert target._version == version + 1
    product.backward()
    np.testing.assert_array_equal(saved.grad.numpy(), 0 * A)
    tracked = ag.tensor(A, device="cuda", requires_grad=True)
    target.copy_(tracked, non_blocking=True)  # recorded, so it waits
    (target * 3).sum().backward()
    np.testing.assert_array_equal(tracked.grad.numpy(force=True), np.full_like(A, 3))


@pytest.mark.usefixtures("cuda")
def test_arguments_of_to() -> None:
    x = ag.tensor(A, device="cuda", requires_grad=True)
    assert x.to("cuda", ag.float32, False, False) is x
    for copied in (x.to("cuda", ag.float32, False, True), x.to(ag.float32, False, True), x.to(x, False, True), x.to("cuda", copy=True)):
        assert copied is not x
        assert copied.grad_fn.name() == "CloneBackward0"
    assert x.cuda(0) is x.cuda("cuda") is x.cuda(ag.device("cuda:0")) is x
    assert ag.tensor(A).cuda("cuda:0", True).device == "cuda:0"
    side = ag.cuda.Stream()
    side.wait_stream(ag.cuda.current_stream())
    y = x.detach().to_device("cpu", stream=side)
    np.testing.assert_array_equal(y.numpy(), A)
    no_races()


@pytest.mark.usefixtures("cuda", "on_the_stand_in")
def test_dlpack_says_which_stream_waits() -> None:
    x = ag.tensor(A, device="cuda:1")
    assert x.__dlpack__(stream=2, max_version=(1, 0)).asked == {"stream": 2, "max_version": (1, 0)}
    copied = x.__dlpack__(stream=1, copy=True)
    assert copied.asked == {"stream": 1}
    assert copied.array is not x._data
    assert copied.array._device == 1
    assert x.__dlpack__(dl_device=(1, 0), copy=True).asked == {"dl_device": (1, 0), "copy": True}
