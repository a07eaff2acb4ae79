"""kernels/philox.cu, built for the CPU: the numbers are those of NumPy. (That NVRTC compiles it is in test_kernels.py.)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cupy_stand_in
import ml_dtypes
import numpy as np
import pytest

import anygrad as ag
from anygrad import _backends
from anygrad_numpy import _random as reference


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The CuPy backend over NumPy dressed as CuPy, whose kernels g++ builds."""
    with cupy_stand_in.installed(monkeypatch):
        yield _backends.load("cupy")


SEED = 0xFEDC_BA98_7654_3210
POSITIONS = [0, 1, 2, 3, 4, 2**34 - 4, 2**66 - 8]  # the last two: the counter's lower word overflows, and the counter itself
SIZES = [1, 2, 3, 4, 5, 63, 1000, 40_000]  # the last has more threads than one block
HALF = np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)


def host(x: Any) -> np.ndarray:
    return np.asarray(x).view(np.ndarray)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("position", POSITIONS)
def test_the_same_bits_as_numpy(cuda: Any, n: int, position: int) -> None:
    for dtype in (np.dtype(np.float32), *HALF):
        given = {"dtype": dtype, "seed": SEED, "position": position}
        np.testing.assert_array_equal(host(cuda.random_uniform((n,), **given, device=0)), reference.random_uniform((n,), **given))
    where = {"seed": SEED, "position": position}
    x = np.linspace(-1.0, 1.0, n)
    for dtype in (np.float32, np.float64, np.complex64, *HALF):
        drop = {"shared": (), "threshold": 2**30, "scale": 4 / 3, **where}
        found = cuda.random_dropout(cuda.asarray(x.astype(dtype), device=0), **drop)
        np.testing.assert_array_equal(host(found), reference.random_dropout(x.astype(dtype), **drop))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("position", [p for p in POSITIONS if p % 2 == 0])
def test_numbers_of_two_words(cuda: Any, n: int, position: int) -> None:
    given = {"dtype": np.dtype(np.float64), "seed": SEED, "position": position}
    np.testing.assert_array_equal(host(cuda.random_uniform((n,), **given, device=0)), reference.random_uniform((n,), **given))
    for low, span in ((0, 10), (-5, 1), (-(2**63), 2**64), (3, 2**40 + 7), (0, 2**32)):
        given = {"low": low, "span": span, "seed": SEED, "position": position}
        np.testing.assert_array_equal(host(cuda.random_integers((n,), **given, device=0)), reference.random_integers((n,), **given))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("dtype", "position", "tolerance"), [("f4", 0, 1e-6), ("f4", 2, 1e-6), ("f4", 2**66 - 8, 1e-6), ("f8", 0, 2e-15), ("f8", 8, 2e-15)])
def test_normal_numbers_to_rounding(cuda: Any, n: int, dtype: str, position: int, tolerance: float) -> None:
    """The angle has the same bits; what differs is the last bit of log, sin and cos, of radii up to about 5."""
    given = {"dtype": np.dtype(dtype), "seed": SEED, "position": position}
    found, expected = host(cuda.random_normal((n,), **given, device=0)), reference.random_normal((n,), **given)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("cuda")
def test_the_public_functions_on_the_second_device() -> None:
    for function in (ag.rand, ag.randn, ag.randperm, lambda n, **given: ag.dropout(ag.ones(n, device=given["device"]), 0.3, generator=given["generator"])):
        found = [function(100, generator=ag.Generator(5), device=where) for where in ("cpu", "cuda:1")]
        assert found[1].device == ag.device("cuda:1")
        np.testing.assert_allclose(found[1].numpy(force=True), found[0].numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.usefixtures("cuda")
def test_nothing_waits_for_the_device() -> None:
    del cupy_stand_in.waits[:]
    x = ag.ones(3, 4, device="cuda", requires_grad=True)
    for function in (lambda: ag.rand(3, device="cuda"), lambda: ag.dropout(x).sum().backward(), lambda: ag.normal(x, x), lambda: ag.bernoulli(x / 2)):
        function()
    ag.randperm(9, device="cuda"), ag.random.choice(x, 2), ag.random.choice(x, 2, replace=False), ag.randint(9, (3,), device="cuda")
    assert cupy_stand_in.waits == []
