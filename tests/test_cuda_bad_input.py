"""Mistakes about CUDA devices, on a GPU (marker `cuda`) and on the stand-in: each error says what is wrong and what mends it,
and leaves every value, every `.grad` and the current device as they were. Where there is no CUDA: test_cuda.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_bad_input import MIXED

import anygrad as ag
from anygrad import DeviceError, Tensor

HOST = np.full((2, 2), 2.0, np.float32)


def unchanged(*tensors: Tensor) -> None:
    for t in tensors:
        assert t.grad is None
        assert t.requires_grad
        assert t.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert ag.cuda.current_device() == 0
    assert HOST.tolist() == [[2.0, 2.0], [2.0, 2.0]]
    for t in tensors:
        (t * t).sum().backward()
        assert t.grad.tolist() == [[2.0, 2.0], [2.0, 2.0]]


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize(("here", "there"), [("cpu", "cuda:0"), ("cuda:0", "cpu"), ("cuda:0", "cuda:1"), ("cuda:1", "cuda:0")])
@pytest.mark.parametrize("name", [name for name in MIXED if "array" not in name])
def test_mixed_devices(name: str, here: str, there: str, cuda: Any) -> None:
    if "cuda:1" in (here, there) and len(cuda.devices()) < 2:
        pytest.skip("one CUDA device")
    a, b = (ag.ones((2, 2), device=where, requires_grad=True) for where in (here, there))
    with pytest.raises(DeviceError, match=rf"^{name}: .*\.to\('{here}'\)") as caught:
        MIXED[name](a, b)
    for word in (here, there, "(2, 2)" if name != "take" else "(2,)"):
        assert word in str(caught.value)
    unchanged(a, b)


# A NumPy array where a tensor on a GPU is: (call, what the message names as the cure)
MEETINGS: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "t + a": (lambda t: t + HOST, r"anygrad\.asarray\(x2\)\.to\('cuda:0'\)"),
    "a + t": (lambda t: HOST + t, r"anygrad\.asarray\(x1\)\.to\('cuda:0'\)"),
    "a @ t": (lambda t: HOST @ t, r"`x1` of shape \(2, 2\) on cpu.*\.to\('"),
    "t == a": (lambda t: t == HOST, r"anygrad\.asarray\(x2\)\.to\('cuda:0'\)"),
    "np.add": (lambda t: np.add(HOST, t), r"anygrad\.asarray\(x1\)\.to\('cuda:0'\)"),
    "a += t": (lambda t: HOST.__iadd__(t), r"anygrad\.asarray\(x1\)\.to\('cuda:0'\)"),
    "concat": (lambda t: ag.concat([HOST, t]), r"`arrays\[0\]` of shape \(2, 2\) on cpu.*\.to\('"),
    "clip": (lambda t: ag.clip(t, HOST, None), r"^clip: .*anygrad\.asarray\(low\)\.to\('cuda:0'\)"),
    "t += a": (lambda t: (t * 1).__iadd__(HOST), r"anygrad\.asarray\(x2\)\.to\('cuda:0'\)"),
    "t[0] = a": (lambda t: (t * 1).__setitem__(0, HOST[0]), r"anygrad\.asarray\(value\)\.to\('cuda:0'\)"),
    "t.copy_(a)": (lambda t: (t * 1).copy_(HOST), r"anygrad\.asarray\(array\)\.to\('cuda:0'\)"),
    "backward(a)": (lambda t: (t * 1).backward(HOST), r"gradient\.to\('cuda:0'\)"),
    "grad": (lambda t: setattr(t, "grad", ag.asarray(HOST)), r"\.to\('cuda:0'\)"),
}


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("name", MEETINGS)
def test_a_numpy_array_met_by_a_tensor_on_a_gpu(name: str) -> None:
    meet, cure = MEETINGS[name]
    t = ag.ones((2, 2), device="cuda", requires_grad=True)
    with pytest.raises(DeviceError, match=cure):
        meet(t)
    unchanged(t)


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("convert", [lambda t: t.numpy(), np.asarray, lambda t: np.array([t, t]), lambda t: HOST.__setitem__(0, t[0])])
def test_numpy_does_not_get_the_values_by_itself(convert: Callable[[Tensor], Any]) -> None:
    t = ag.ones((2, 2), device="cuda", requires_grad=True)
    with pytest.raises(TypeError, match=r"not in host memory.*numpy\(force=True\).*\.cpu\(\)"):
        convert(t.detach())
    unchanged(t)


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize(
    "ask",
    [
        lambda t, where: ag.ones(2, device=where),
        lambda t, where: t.to(where),
        lambda t, where: t.cuda(where),
        lambda t, where: t.cuda(int(where.removeprefix("cuda:"))),
        lambda t, where: ag.set_default_device(where),
        lambda t, where: ag.cuda.set_device(where),
        lambda t, where: ag.cuda.device(where),
        lambda t, where: ag.cuda.Stream(where),
        lambda t, where: ag.cuda.memory_allocated(where),
        lambda t, where: ag.cuda.get_device_name(int(where.removeprefix("cuda:"))),
    ],
)
@pytest.mark.parametrize("index", [7, 1000, -1])
def test_a_wrong_index(ask: Callable[[Tensor, str], Any], index: int) -> None:
    t = ag.ones((2, 2), device="cuda", requires_grad=True)
    with pytest.raises(DeviceError, match=rf"no device 'cuda:{index}'; there (is|are) cuda:0"):
        ask(t, f"cuda:{index}")
    assert ag.get_default_device() == "cpu"
    unchanged(t)


# What CuPy says where it is not the CuPy of this driver, of these libraries of CUDA, or of this GPU
TROUBLE = {
    'DynamicLibNotFoundError: Failure finding "libnvrtc.so.12"': "a library of the CUDA that CuPy is built for is not installed",
    "CuPy failed to load libnvrtc.so.12: OSError: libnvrtc.so.12: cannot open shared object file": "a library of the CUDA that CuPy is built for is not installed",
    "cudaErrorNoKernelImageForDevice: no kernel image is available for execution on the device": "CuPy has no code for this GPU",
    "nvrtc: error: invalid value for --gpu-architecture (-arch)": "the CUDA that CuPy is built for does not know this GPU",
    "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version": "the driver is too old",
}


@pytest.mark.parametrize("said", TROUBLE)
def test_a_cupy_for_another_cuda(said: str) -> None:
    def fail(xp: Any, x: Any) -> Any:
        kind, _, text = said.rpartition("Error: Failure")
        raise type(f"{kind}Error", (RuntimeError,), {})(f"Failure{text}") if kind else RuntimeError(said)

    function = ag.primitive("Failing", x=lambda g: g)(fail)
    x = ag.ones((2, 2), requires_grad=True)
    with pytest.raises(DeviceError, match=rf"(?s)^fail: {TROUBLE[said]}.*anygrad\[cuda13\].*anygrad\[cuda12\]") as caught:
        function(x)
    assert re.search(r"nvrtc|kernel|driver", str(caught.value))
    assert x.grad is None
