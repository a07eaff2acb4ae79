"""`anygrad.fft` against NumPy, and its derivatives against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from derivatives import check, host

import anygrad as ag
from anygrad import fft

NORMS = ["backward", "ortho", "forward"]


def real(*shape: int) -> np.ndarray:
    return np.random.default_rng(list(shape)).standard_normal(shape)


def complex_(*shape: int) -> np.ndarray:
    return real(*shape) + 1j * real(*shape, 2)[..., 0]


# name, kinds of input, keyword arguments
ONE: list[dict[str, Any]] = [{}, {"n": 3}, {"n": 8}, {"n": 5, "axis": 0}, {"axis": 0}, {"n": 1}, {"n": 2}]
MANY: list[dict[str, Any]] = [{}, {"axes": (0,)}, {"s": (3, 6), "axes": (1, 0)}, {"s": (2, 7), "axes": (0, 1)}, {"axes": (-1, -2)}]
ROWS = [
    *[(name, kind, kwargs) for name in ("fft", "ifft") for kind in (real, complex_) for kwargs in ONE],
    *[(name, real, kwargs) for name in ("rfft", "ihfft") for kwargs in ONE],
    *[(name, complex_, kwargs) for name in ("irfft", "hfft") for kwargs in ONE],
    *[(name, complex_, kwargs) for name in ("fftn", "ifftn", "irfftn") for kwargs in MANY],
    *[("rfftn", real, kwargs) for kwargs in MANY],
]


@pytest.mark.parametrize(("name", "kind", "kwargs"), ROWS, ids=[f"{name}-{kind.__name__}-{kwargs}" for name, kind, kwargs in ROWS])
@pytest.mark.parametrize("norm", NORMS)
def test_transforms(name: str, kind: Any, kwargs: dict[str, Any], norm: str) -> None:
    x = kind(4, 5)
    found = getattr(fft, name)(ag.asarray(x), norm=norm, **kwargs)
    np.testing.assert_allclose(host(found), getattr(np.fft, name)(x, norm=norm, **kwargs), rtol=1e-12, atol=1e-13, strict=True)
    check(lambda t: getattr(fft, name)(t, norm=norm, **kwargs), x)
    if not kwargs:
        check(lambda t: ag.abs(getattr(fft, name)(t, norm=norm)) ** 3, x)  # a second derivative that is not 0


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
@pytest.mark.parametrize("axes", [None, 0, (0, -1)])
def test_shifts(name: str, axes: Any) -> None:
    x = complex_(4, 5)
    np.testing.assert_array_equal(host(getattr(fft, name)(ag.asarray(x), axes=axes)), getattr(np.fft, name)(x, axes=axes), strict=True)
    check(lambda t: getattr(fft, name)(t, axes=axes), x)


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_frequencies(name: str, n: int, device: Any) -> None:
    found = getattr(fft, name)(n, d=0.3, dtype=ag.float64, device=device)
    assert found.device == device
    np.testing.assert_allclose(host(found), getattr(np.fft, name)(n, d=0.3), rtol=1e-15, strict=True)
    assert getattr(fft, name)(n).dtype == ag.get_default_dtype()


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn"])
def test_every_library(name: str, make: Any, device: Any) -> None:
    x = (real if name in ("rfft", "ihfft", "rfftn") else complex_)(3, 4)
    assert getattr(fft, name)(make(x)).device == device
    check(lambda t: ag.abs(getattr(fft, name)(t)) ** 3, x, make=make)


@pytest.mark.parametrize("name", ["fft", "rfft", "irfft", "fftn"])
def test_single_precision_is_kept(name: str) -> None:
    x = ag.tensor(real(6), dtype=ag.float32, requires_grad=True)
    y = getattr(fft, name)(x)
    assert y.dtype == (ag.float32 if name == "irfft" else ag.complex64)
    (g,) = ag.autograd.grad(ag.sum(ag.abs(y)), x)
    assert g.dtype == ag.float32


def test_integers_are_transformed_in_the_default_dtype() -> None:
    assert fft.fft(ag.asarray([1, 2, 3])).dtype == ag.complex64
    assert fft.rfft(ag.asarray([1, 2, 3])).tolist()[0] == 6


def test_empty_batch() -> None:
    x = ag.tensor(np.zeros((0, 4)), requires_grad=True)
    y = fft.rfft(x)
    assert y.shape == (0, 3)
    assert ag.autograd.grad(ag.sum(ag.abs(y)), x)[0].shape == (0, 4)


def test_errors() -> None:
    x = ag.zeros((2, 0))
    with pytest.raises(ag.ShapeError, match="0 elements"):
        fft.fft(x)
    with pytest.raises(ag.ShapeError, match="give n"):
        fft.irfft(ag.zeros(1))
    with pytest.raises(ag.AxisError, match="out of range"):
        fft.fft(ag.zeros(3), axis=1)
    with pytest.raises(ag.DTypeError, match="real"):
        fft.rfft(ag.zeros(3, dtype=ag.complex64))
    with pytest.raises(ValueError, match="norm"):
        fft.fft(ag.zeros(3), norm="none")
    with pytest.raises(ag.ShapeError, match="lengths"):
        fft.fftn(ag.zeros((3, 3)), s=(2,), axes=(0, 1))
