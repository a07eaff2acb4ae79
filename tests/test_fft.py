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


ALL = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn"]


def sample(name: str, *shape: int) -> np.ndarray:
    return (real if name in ("rfft", "ihfft", "rfftn") else complex_)(*shape)


@pytest.mark.parametrize("form", ["last", "others"])
@pytest.mark.parametrize("name", ALL)
def test_every_library(name: str, form: str, make: Any, device: Any) -> None:
    x = sample(name, 3, 4, 2)
    others: dict[str, Any] = {"axes": (1, 0), "s": (3, 5)} if name.endswith("n") else {"axis": 1, "n": 5}
    kwargs = {} if form == "last" else others
    assert getattr(fft, name)(make(x), **kwargs).device == device
    check(lambda t: ag.abs(getattr(fft, name)(t, **kwargs)) ** 3, x, make=make)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kind", ["float32", "complex64"])
def test_single_precision_is_kept(name: str, kind: str) -> None:
    """In the result, the gradient and the second derivative; of real x both are real."""
    if kind == "complex64" and name in ("rfft", "ihfft", "rfftn"):
        pytest.skip("of real x only")
    x = ag.tensor(real(3, 4).astype(kind), requires_grad=True)
    y = getattr(fft, name)(x)
    assert y.dtype == (ag.float32 if name in ("irfft", "hfft", "irfftn") else ag.complex64)
    (g,) = ag.autograd.grad(ag.sum(ag.abs(y) ** 3), x, create_graph=True)
    (h,) = ag.autograd.grad(ag.sum(ag.abs(g)), x)
    assert g.dtype == h.dtype == x.dtype


@pytest.mark.parametrize("name", ALL)
def test_lengths_of_one_and_of_none(name: str, make: Any) -> None:
    """An axis of one element, and one of none that is filled up with zeros."""
    more: dict[str, Any] = {"s": (3,), "axes": (1,)} if name.endswith("n") else {"n": 3}
    for size, kwargs in ((1, more), (0, more), *([] if name in ("irfft", "hfft", "irfftn") else [(1, {})])):
        x = sample(name, 2, size)
        found = getattr(fft, name)(make(x, requires_grad=True), **kwargs)
        wanted = getattr(np.fft, name)(np.concat([x, np.zeros((2, 1 - size))], axis=1), **kwargs)
        np.testing.assert_allclose(host(found), wanted, rtol=1e-13, atol=1e-15, strict=True)
        check(getattr(fft, name) if not kwargs else lambda t, kwargs=kwargs: getattr(fft, name)(t, **kwargs), x, make=make)


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
@pytest.mark.parametrize("s", [(2, -1), (None, 3), (-1, None)], ids=str)
def test_lengths_that_are_left_open(name: str, s: Any) -> None:
    """-1 and None leave an axis as it is; of the half of a spectrum that irfftn ends with they make the whole, as in PyTorch."""
    x = sample(name, 3, 4)
    whole = (3, 6 if name == "irfftn" else 4)
    filled = tuple(n if n not in (-1, None) else m for n, m in zip(s, whole, strict=True))
    np.testing.assert_allclose(host(getattr(fft, name)(ag.asarray(x), s=s)), getattr(np.fft, name)(x, s=filled, axes=(0, 1)), rtol=1e-13, atol=1e-14)
    check(lambda t: getattr(fft, name)(t, s=s), x)


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
