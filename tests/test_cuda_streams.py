"""Streams, events, devices and the memory peak of anygrad.cuda: on a GPU (marker `cuda`) and on the stand-in.

The stand-in knows what may run in which order: a test that ends with `no_races()` would have had a race on a GPU otherwise.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import stand_in_device
from test_cuda import A, B

import anygrad as ag
from anygrad import _backends
from anygrad.cuda import Event, Stream


def no_races() -> None:
    assert stand_in_device.races == []


def cupy() -> Any:
    import cupy

    return cupy


def step(x: ag.Tensor, w: ag.Tensor) -> ag.Tensor:
    loss = (ag.tanh(x @ w) ** 2).mean()
    loss.backward()
    return loss


# ---------------------------------------------------------------------------
# the current stream
# ---------------------------------------------------------------------------


@pytest.mark.usefixtures("cuda")
def test_the_current_stream_is_cupys() -> None:
    default = ag.cuda.current_stream()
    assert default == ag.cuda.default_stream()
    assert default.device == "cuda:0"
    with cupy().cuda.Stream() as theirs:
        assert ag.cuda.current_stream() == Stream.from_external(theirs)
        assert ag.cuda.current_stream().cuda_stream == theirs.ptr
        assert ag.cuda.current_stream() != default
    ours = Stream()
    with ag.cuda.stream(ours):
        assert cupy().cuda.get_current_stream().ptr == ours.cuda_stream
        with ag.cuda.stream(None), ag.cuda.stream(default):
            assert ag.cuda.current_stream() == default
        assert ag.cuda.current_stream() == ours
    with ag.cuda.stream(theirs):
        assert ag.cuda.current_stream().cuda_stream == theirs.ptr
    assert ag.cuda.current_stream() == default
    ag.cuda.set_stream(ours)
    assert ag.cuda.current_stream() == ours
    ag.cuda.set_stream(default)
    assert ag.cuda.current_stream() == default
    assert hash(ours) == hash(Stream.from_external(ours))
    assert f"{ours.cuda_stream:#x}" in repr(ours)


@pytest.mark.usefixtures("cuda")
def test_streams_of_other_libraries() -> None:
    ours = Stream(priority=-1)
    again = Stream.from_external(cupy().cuda.Stream.from_external(ours)) if hasattr(cupy().cuda.Stream, "from_external") else ours
    assert again == Stream.from_external(ours.cuda_stream) == ours
    with ag.cuda.stream(again):
        assert ag.cuda.current_stream() == ours
    with pytest.raises(ag.DeviceError, match="not a CUDA device"):
        Stream("cpu")


@pytest.mark.usefixtures("cuda", "on_the_stand_in")
@pytest.mark.parametrize("enter", [lambda s: ag.cuda.stream(s), lambda s: s._stream], ids=["anygrad", "cupy"])
def test_forward_and_backward_run_in_the_current_stream(enter: Any) -> None:
    x, w = ag.tensor(A, device="cuda"), ag.tensor(B, device="cuda", requires_grad=True)
    side = Stream()
    side.wait_stream(ag.cuda.current_stream())
    for recorded in (step, lambda x, w: ag.autograd.grad((x @ w).sum(), w, create_graph=True)[0].sum().item()):
        stand_in_device.streams_used.clear()
        with enter(side):
            recorded(x, w)
        assert {stream for _, stream in stand_in_device.streams_used} == {side.cuda_stream}
    no_races()


@pytest.mark.usefixtures("cuda")
def test_backward_runs_where_it_is_called_which_has_to_wait_for_the_forward() -> None:
    x, w = ag.tensor(A, device="cuda"), ag.tensor(B, device="cuda", requires_grad=True)
    here, side = ag.cuda.current_stream(), Stream()
    loss = (ag.tanh(x @ w) ** 2).mean()
    side.wait_stream(here)
    with ag.cuda.stream(side):
        loss.backward()
    here.wait_stream(side)
    on_cpu = ag.tensor(B, requires_grad=True)
    step(ag.tensor(A), on_cpu)
    np.testing.assert_allclose(w.grad.numpy(force=True), on_cpu.grad.numpy(), rtol=1e-5)
    with ag.no_grad():
        w -= w.grad
    no_races()


@pytest.mark.usefixtures("cuda", "on_the_stand_in")
@pytest.mark.parametrize("forgotten", ["before", "after"])
def test_the_stand_in_sees_who_did_not_wait(forgotten: str) -> None:
    w = ag.tensor(B, device="cuda", requires_grad=True)
    here, side = ag.cuda.current_stream(), Stream()
    loss = (w * w).sum()
    if forgotten != "before":
        side.wait_stream(here)
    with ag.cuda.stream(side):
        loss.backward()
    if forgotten != "after":
        here.wait_stream(side)
    (w.grad * 2).sum()
    assert any("not written yet" in race for race in stand_in_device.races)


@pytest.mark.usefixtures("cuda")
def test_each_thread_has_its_own_current_stream() -> None:
    seen = []
    with ag.cuda.stream(Stream()):
        thread = threading.Thread(target=lambda: seen.append(ag.cuda.default_stream()))
        thread.start()
        thread.join()
        assert ag.cuda.current_stream() not in seen


@pytest.mark.usefixtures("cuda", "two_devices")
def test_a_stream_brings_its_device() -> None:
    there = Stream("cuda:1")
    assert there.device == "cuda:1"
    with ag.cuda.stream(there):
        assert ag.cuda.current_device() == 1
        assert ag.cuda.current_stream() == there
        assert ag.zeros(2, device="cuda").device == "cuda:1"
    assert ag.cuda.current_device() == 0
    assert ag.cuda.current_stream("cuda:1") == ag.cuda.default_stream(1) != ag.cuda.default_stream(0)
    ag.cuda.set_stream(there)
    assert ag.cuda.current_stream(1) == there
    ag.cuda.set_stream(ag.cuda.default_stream(1))
    there.wait_stream(ag.cuda.current_stream())
    ag.cuda.current_stream().wait_stream(there)


@pytest.mark.usefixtures("cuda", "two_devices")
def test_copies_between_devices_wait_for_both_streams() -> None:
    x = ag.tensor(A, device="cuda:1", requires_grad=True)
    ((x * 2).to("cuda:0") ** 2).sum().backward()
    side = Stream("cuda:1")
    side.wait_stream(ag.cuda.current_stream(1))
    with ag.cuda.stream(side):
        y = (x * 3).to("cuda:0")
        ((y * y).sum()).backward()
    ag.cuda.current_stream(1).wait_stream(side)
    np.testing.assert_allclose(x.grad.numpy(force=True), (8 + 18) * A, rtol=1e-6)
    no_races()


# ---------------------------------------------------------------------------
# events
# ---------------------------------------------------------------------------


@pytest.mark.usefixtures("cuda")
def test_events() -> None:
    x = ag.tensor(A, device="cuda")
    start, end = Event(enable_timing=True), Event(enable_timing=True)
    assert start.query()
    start.wait()
    start.synchronize()
    side = Stream()
    start.record()
    side.wait_event(start)
    with ag.cuda.stream(side):
        y = x * 2
        end.record()
    end.wait()
    y.sum()
    end.synchronize()
    assert end.query()
    assert start.elapsed_time(end) >= 0
    side.synchronize()
    assert side.query()
    side.record_event(end)
    ag.cuda.current_stream().wait_event(side.record_event())
    no_races()


@pytest.mark.usefixtures("cuda")
def test_events_that_take_no_time() -> None:
    timed, untimed = Event(enable_timing=True), Event()
    timed.record()
    untimed.record()
    for first, second, said in ((timed, untimed, "the second event takes no time"), (timed, Event(enable_timing=True), "the second event was not recorded")):
        with pytest.raises(RuntimeError, match=said):
            first.elapsed_time(second)
    with pytest.raises(RuntimeError, match=r"the first event takes no time.*enable_timing=True"):
        untimed.elapsed_time(timed)
    with pytest.raises(ValueError, match="enable_timing or interprocess"):
        Event(enable_timing=True, interprocess=True)


@pytest.mark.usefixtures("cuda", "two_devices")
def test_an_event_is_on_the_device_of_its_stream() -> None:
    event = Event()
    event.record(Stream("cuda:1"))
    event.wait()
    ag.cuda.current_stream(1).wait_event(event)
    assert ag.cuda.current_device() == 0


# ---------------------------------------------------------------------------
# devices
# ---------------------------------------------------------------------------


@pytest.mark.usefixtures("cuda")
def test_what_a_device_is() -> None:
    found = ag.cuda.get_device_properties("cuda:0")
    assert found.name == ag.cuda.get_device_name() == ag.cuda.get_device_name(0)
    assert (found.major, found.minor) == ag.cuda.get_device_capability()
    assert isinstance(found.name, str)
    assert found.total_memory == ag.cuda.mem_get_info()[1] or found.total_memory > 0
    assert found.multi_processor_count > 0


@pytest.mark.usefixtures("cuda", "two_devices")
def test_which_device_cuda_stands_for() -> None:
    with ag.cuda.device(1) as nothing:
        assert nothing is None
        assert ag.device("cuda") == "cuda:1"
        assert ag.ones(2, device="cuda").device == "cuda:1"
        assert ag.ones(2).device == "cpu"
        with ag.cuda.device("cuda:0"), ag.cuda.device(None):
            assert ag.cuda.current_device() == 0
        assert ag.cuda.current_device() == 1
        x = ag.ones(2, device="cuda:0", requires_grad=True)
        (x * x).sum().backward()
        assert x.grad.device == "cuda:0"
    assert ag.cuda.current_device() == 0
    try:
        ag.cuda.set_device(1)
        assert ag.device("cuda") == "cuda:1"
    finally:
        ag.cuda.set_device("cuda:0")
    again = ag.cuda.device(1)
    with again, again:
        assert ag.cuda.current_device() == 1
    assert ag.cuda.current_device() == 0
    with pytest.raises(ZeroDivisionError), ag.cuda.device(1):
        raise ZeroDivisionError
    assert ag.cuda.current_device() == 0


WITHOUT = [
    lambda: Stream(),
    lambda: ag.cuda.current_stream(),
    lambda: ag.cuda.default_stream(),
    lambda: Event().record(),
    lambda: ag.cuda.set_device(0),
    lambda: ag.cuda.device(0),
    lambda: ag.cuda.get_device_name(),
    lambda: ag.cuda.max_memory_allocated(),
    lambda: ag.cuda.memory_reserved(),
    lambda: Stream.from_external(1),
]


@pytest.mark.skipif(any(d.type == "cuda" for d in _backends.all_devices()), reason="there is CUDA")
@pytest.mark.parametrize("ask", WITHOUT)
def test_without_cuda_the_error_says_what_is_missing(ask: Any) -> None:
    with pytest.raises(ag.DeviceError, match=r"(?i)cupy|driver"):
        ask()


# ---------------------------------------------------------------------------
# memory
# ---------------------------------------------------------------------------


@pytest.mark.usefixtures("cuda")
def test_the_most_memory_in_use() -> None:
    ag.cuda.reset_peak_memory_stats()
    before = ag.cuda.max_memory_allocated()
    assert before == ag.cuda.memory_allocated() <= ag.cuda.memory_reserved() or before == 0
    x = ag.ones(1 << 20, device="cuda")
    y = x + 1
    del y
    assert ag.cuda.memory_allocated() == before + (4 << 20)
    assert ag.cuda.max_memory_allocated() == before + (8 << 20)
    assert ag.cuda.memory_reserved() >= before + (8 << 20)
    ag.cuda.reset_peak_memory_stats(0)
    assert ag.cuda.max_memory_allocated("cuda:0") == before + (4 << 20)
    ag.cuda.empty_cache()
    assert ag.cuda.memory_reserved() >= ag.cuda.memory_allocated()
    del x
    assert ag.cuda.memory_allocated() == before


@pytest.mark.usefixtures("cuda", "on_the_stand_in")
def test_nothing_watches_allocations_before_the_peak_is_asked_for() -> None:
    assert not stand_in_device._hooks
    ag.cuda.memory_allocated()
    assert not stand_in_device._hooks
    ag.cuda.max_memory_allocated()
    ag.cuda.reset_peak_memory_stats()
    assert len(stand_in_device._hooks) == 1


@pytest.mark.usefixtures("cuda", "two_devices")
def test_each_device_has_its_own_peak() -> None:
    ag.cuda.reset_peak_memory_stats(0)
    ag.cuda.reset_peak_memory_stats(1)
    before = ag.cuda.max_memory_allocated(0)
    ag.ones(1 << 20, device="cuda:1")
    assert ag.cuda.max_memory_allocated(0) == before
    assert ag.cuda.max_memory_allocated(1) >= 4 << 20


@pytest.mark.usefixtures("cuda")
def test_training_does_not_grow() -> None:
    x, w = ag.tensor(A, device="cuda"), ag.tensor(B, device="cuda", requires_grad=True)
    held = set()
    for _ in range(20):
        step(x, w)
        with ag.no_grad():
            w -= 0.1 * w.grad
        held.add(ag.cuda.memory_allocated())
    assert len(held) == 1
