"""Two devices under the real CuPy: everything is launched where the arrays are, and copies go by way of peers."""

from __future__ import annotations

import os

import cupy as cp
import numpy as np
import pytest
from cuda_stand_in import journal

import anygrad as ag

pytestmark = pytest.mark.skipif(os.environ["ANYGRAD_STAND_IN"] == "1", reason="there is one device")


def places(lines: list[str]) -> set[str]:
    return {line.rpartition(" on ")[2] for line in lines}


def test_results_are_where_the_arrays_are() -> None:
    w = ag.tensor(np.ones((3, 3)), device="cuda:1", requires_grad=True)
    with journal() as happened:
        loss = ag.sum(ag.tanh(w @ w + 1.0) ** 2)
        loss.backward()
        with ag.no_grad():
            w -= 0.1 * w.grad
    assert cp.cuda.runtime.getDevice() == 0
    assert w.grad.device == loss.device == ag.device("cuda:1")
    assert places(happened.of("launch", "fill")) == {"1"}
    assert not happened.waits


def test_to_copies_between_peers_and_the_gradient_comes_back() -> None:
    x = ag.tensor(np.arange(4.0), device="cuda:1", requires_grad=True)
    with journal() as there:
        y = x.to("cuda:0")
    with journal() as back:
        (g,) = ag.autograd.grad(y, [x], [ag.ones_like(y)])
    assert there.of("copy") == ["peer to 0: 32"]
    assert back.of("copy") == ["peer to 1: 32"]
    assert not there.waits + back.waits
    assert g.device == ag.device("cuda:1")
    np.testing.assert_array_equal(y.detach().to("cpu").numpy(), np.arange(4.0))  # copies are true


def test_the_stand_in_refuses_a_kernel_of_another_device() -> None:
    kernel = cp.RawKernel('extern "C" __global__ void nothing() {}', "nothing").kernel
    with cp.cuda.Device(1), pytest.raises(cp.cuda.driver.CUDADriverError):
        cp.cuda.driver.launchKernel(kernel.ptr, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0)
