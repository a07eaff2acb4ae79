"""Fixtures: library -> backend -> device, and `make`, which brings NumPy data there.

A test that asks for any of them runs once for every array library. `cupy` skips itself,
with the reason, where there is no CUDA; `pytest --cuda=stand-in` runs it on NumPy dressed as CuPy instead, and
`pytest --cuda=emulated` on CuPy over an emulated GPU.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import cupy_stand_in
import numpy as np
import pytest

import anygrad
import anygrad.cuda
from anygrad import _backends

os.environ["SCIPY_ARRAY_API"] = "1"  # before SciPy is imported: it then works with other arrays than NumPy's

LIBRARIES = ["numpy", "array_api_strict", pytest.param("cupy", marks=pytest.mark.cuda)]
DEVICES = {"numpy": "cpu", "array_api_strict": "array_api_strict", "cupy": "cuda"}

Make = Callable[..., anygrad.Tensor]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cuda",
        choices=["gpu", "stand-in", "emulated"],
        default="gpu",
        help="what `cupy` is: CuPy on a GPU, NumPy with CuPy's rules, or CuPy on an emulated GPU",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "not_on(*libraries, reason): array libraries that cannot pass the test")
    if config.getoption("cuda") == "emulated":
        importlib.import_module("emulated_gpu")


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of an array library that is there, and that the test is for."""
    for mark in request.node.iter_markers("not_on"):
        if request.param in mark.args:
            pytest.skip(f"not on {request.param}: {mark.kwargs['reason']}")
    if request.param == "cupy" and request.config.getoption("cuda") == "stand-in":
        with pytest.MonkeyPatch.context() as patch, cupy_stand_in.installed(patch, devices=1):
            yield request.param
        return
    if request.param == "cupy" and (missing := _missing_cuda()):
        pytest.skip(missing)
    yield request.param


@functools.cache
def _missing_cuda() -> str:
    """Why there is no CUDA; empty if there is."""
    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        return f"no CUDA: {error}"
    return ""


@pytest.fixture
def backend(library: str) -> Any:
    """The backend that serves the library."""
    return _backends.load(library)


@pytest.fixture
def device(library: str) -> Any:
    """The library's default device."""
    return anygrad.device(DEVICES[library])


@pytest.fixture
def make(device: Any) -> Make:
    """`make(array, requires_grad=False, device=None)`: a leaf with a copy of a NumPy array."""
    default = device

    def make(array: Any, requires_grad: bool = False, device: Any = None) -> anygrad.Tensor:
        where = default if device is None else anygrad.device(device)
        return anygrad.tensor(np.asarray(array), device=where, requires_grad=requires_grad)

    return make


@pytest.fixture
def everywhere(device: Any) -> Iterator[None]:
    """Runs a test once for every array library: what it creates without `device=`, it creates there."""
    with device:
        yield


@pytest.fixture
def strict_devices() -> list[Any]:
    """Three devices of one library, for what happens between devices where there is no GPU."""
    return [anygrad.device(f"array_api_strict:{name}") for name in ("CPU_DEVICE", "device1", "device2")]


@pytest.fixture(params=["stand-in", pytest.param("gpu", marks=pytest.mark.cuda)])
def cuda(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The backend over CuPy."""
    if request.param == "stand-in":
        from cupy_stand_in import installed

        with installed(monkeypatch):
            yield _backends.load("cupy")
    elif anygrad.cuda.is_available():
        yield _backends.load("cupy")
    else:
        with pytest.raises(anygrad.DeviceError) as caught:
            anygrad.device("cuda")
        pytest.skip(str(caught.value))


@pytest.fixture
def two_devices(cuda: Any) -> None:
    if len(cuda.devices()) < 2:
        pytest.skip("one CUDA device")


@pytest.fixture
def on_the_stand_in(request: pytest.FixtureRequest, cuda: Any) -> None:
    """For what only the stand-in for CuPy can be asked."""
    if request.node.callspec.params["cuda"] != "stand-in":
        pytest.skip("this is asked of the stand-in")


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    """Each test starts and ends with the default dtype and device."""
    yield
    anygrad.set_default_dtype(anygrad.float32)
    anygrad.set_default_device(None)
