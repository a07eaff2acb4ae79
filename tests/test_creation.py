"""Constructors that are given Tensors: what they make of them is recorded."""

from __future__ import annotations

import numpy as np
import pytest

import anygrad as ag


@pytest.mark.parametrize("dtype", [None, ag.float32])
def test_full_of_a_tensor(make, dtype):
    x = make(1.5, requires_grad=True)
    for y in (ag.full((2, 3), x, dtype=dtype, device=x.device), ag.full_like(make(np.ones((2, 3))), x, dtype=dtype)):
        assert y.tolist() == [[1.5] * 3] * 2
        assert (y.dtype, y.device) == (dtype or ag.float64, x.device)
        (g,) = ag.autograd.grad(y.sum(), x)
        assert g.item() == 6.0
        y[0] = 0.0  # memory of its own, which can be written
        assert x.item() == 1.5


def test_full_of_a_tensor_that_is_not_tracked():
    y = ag.full(2, ag.tensor([3]), requires_grad=False)
    assert (y.tolist(), y.dtype, y.is_leaf) == ([3, 3], ag.int64, True)
    assert ag.full(2, ag.tensor(3.0), requires_grad=True).is_leaf


def test_linspace_between_tensors():
    start, stop = ag.tensor(1.0, requires_grad=True), ag.tensor(3.0, requires_grad=True)
    y = ag.linspace(start, stop, 5)
    assert y.tolist() == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert y.dtype == ag.float32
    (y * ag.asarray([1.0, 0.0, 0.0, 4.0, 0.0])).sum().backward()
    assert (start.grad.item(), stop.grad.item()) == (2.0, 3.0)
    assert ag.linspace(start, 3, 4, endpoint=False, dtype=ag.float64).dtype == ag.float64


def test_arange_from_a_tensor():
    start, step = ag.tensor(1.0, requires_grad=True), ag.tensor(0.5, requires_grad=True)
    y = ag.arange(start, 3.0, step)
    assert (y.tolist(), y.dtype) == ([1.0, 1.5, 2.0, 2.5], ag.float32)
    y.sum().backward()
    assert (start.grad.item(), step.grad.item()) == (4.0, 6.0)
    assert ag.arange(ag.tensor(3)).tolist() == [0, 1, 2]


def test_result_type_of_numbers_alone():
    assert ag.result_type(1.0) == ag.float32
    assert ag.result_type(True, 1) == ag.int64
    assert ag.result_type(2, 1j) == ag.complex64
    with pytest.raises(ValueError, match="at least one"):
        ag.result_type()
