"""The profiler: what is counted, how times and bytes add up, and the trace file."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anygrad as ag
from anygrad import _modes
from anygrad.autograd.profiler import Row, profile, record_function


def row(prof: profile, name: str) -> Row:
    (found,) = [r for r in prof.rows() if r.name == name]
    return found


def step() -> None:
    x = ag.ones(10, 20, dtype=ag.float64, requires_grad=True)
    y = ag.sum(ag.exp(x) * ag.exp(x))
    y.backward()


def test_each_function_is_counted_forward_and_backward() -> None:
    with profile() as prof:
        step()
        step()
    assert {r.name: r.calls for r in prof.rows()} == {"exp": 4, "multiply": 2, "sum": 2}
    assert sorted((e.name, e.kind) for e in prof.events) == sorted(
        2 * [("exp", "forward"), ("exp", "forward"), ("multiply", "forward"), ("sum", "forward")]
        + 2 * [("exp", "backward"), ("exp", "backward"), ("multiply", "backward"), ("sum", "backward")]
    )
    assert all(r.forward > 0 and r.backward > 0 for r in prof.rows())
    assert row(prof, "exp").total == row(prof, "exp").forward + row(prof, "exp").backward


def test_bytes_of_new_arrays() -> None:
    x = ag.ones(10, 20, dtype=ag.float64)
    with profile() as prof:
        ag.exp(x)
        ag.reshape(x, (200,))
    assert row(prof, "exp").allocated == 1600
    assert row(prof, "reshape").allocated == 0


def test_own_time_is_without_the_calls_inside() -> None:
    with profile() as prof, record_function("outer"):
        time.sleep(0.02)
        with record_function("inner"):
            time.sleep(0.05)
    outer, inner = (next(e for e in prof.events if e.name == name) for name in ("outer", "inner"))
    assert outer.duration >= 70_000_000
    assert outer.own == outer.duration - inner.duration
    assert outer.start <= inner.start
    assert {e.kind for e in prof.events} == {"user"}


def test_derivatives_of_derivatives_and_custom_functions() -> None:
    class Double(ag.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: ag.Tensor) -> ag.Tensor:
            return 2 * x

        @staticmethod
        def backward(ctx: Any, g: ag.Tensor) -> ag.Tensor:
            return 2 * g

    x = ag.ones(2, requires_grad=True)
    with profile() as prof:
        (g,) = ag.autograd.grad(ag.sum(Double.apply(x) ** 3), x, create_graph=True)
        ag.sum(g).backward()
    assert row(prof, "Double").backward > 0
    assert row(prof, "multiply").calls > 2  # the derivative of the power, computed by recorded functions


def test_nothing_is_measured_outside() -> None:
    unusual = _modes.unusual
    with pytest.raises(ZeroDivisionError), profile() as prof:
        ag.exp(ag.ones(1))
        1 / 0  # noqa: B018
    ag.exp(ag.ones(1))
    with record_function("nobody listens"):
        pass
    assert len(prof.events) == 1
    assert _modes.unusual == unusual


def test_an_error_in_a_function_is_noted_and_passed_on() -> None:
    with profile() as prof, pytest.raises(ag.ShapeError):
        ag.ones(2) * ag.ones(3)
    assert [e.name for e in prof.events] == ["multiply"]


def test_threads() -> None:
    with profile() as prof:
        together = threading.Barrier(2)
        threads = [threading.Thread(target=lambda: (together.wait(), step(), together.wait())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert row(prof, "exp").calls == 4
    assert len({e.thread for e in prof.events}) == 2


def test_a_profile_may_be_used_again() -> None:
    prof = profile(synchronize=True)
    for _ in range(2):
        with prof:
            step()
    assert row(prof, "exp").calls == 2


def test_every_library(make: Any) -> None:
    x = make(np.ones(3), requires_grad=True)
    with profile(synchronize=True) as prof:
        ag.sum(ag.exp(x)).backward()
    assert {r.name: r.calls for r in prof.rows("name")} == {"exp": 1, "sum": 1}


def test_table() -> None:
    with profile() as prof:
        step()
    lines = prof.table(sort_by="calls").splitlines()
    assert lines[0].split() == ["function", "calls", "forward", "ms", "backward", "ms", "allocated"]
    assert lines[1].split()[:2] == ["exp", "2"]
    assert lines[-1].split()[:2] == ["all", "4"]
    assert len(prof.table(row_limit=1).splitlines()) == 3
    assert str(prof) == prof.table()
    with pytest.raises(ValueError, match="sort_by must be one of"):
        prof.table(sort_by="size")


def test_an_empty_table() -> None:
    assert len(profile().table().splitlines()) == 1


def test_trace_file(tmp_path: Path) -> None:
    with profile() as prof:
        step()
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [e["name"] for e in events] == [e.name for e in prof.events]
    assert all(e["ph"] == "X" and e["ts"] >= 0 and e["dur"] >= 0 for e in events)


def test_one_profile_at_a_time() -> None:
    with profile(), pytest.raises(RuntimeError, match="a profile is running already"), profile():
        pass
