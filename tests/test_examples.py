"""The scripts in examples/: each learns or finds what it says, its gradients are right, and a GPU gives the same."""

from __future__ import annotations

import importlib.util
import re
import runpy
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cupy_stand_in
import numpy as np
import pytest

import anygrad as ag
from anygrad import Tensor

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name: str) -> ModuleType:
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def convolution() -> ModuleType:
    pytest.importorskip("sklearn", reason="the digits are scikit-learn's")
    return example("convolution")


@pytest.fixture(scope="module")
def ultrasound() -> ModuleType:
    pytest.importorskip("scipy", reason="the optimizer is SciPy's")
    return example("ultrasound")


@pytest.fixture(scope="module")
def ptychography() -> ModuleType:
    pytest.importorskip("sklearn", reason="the photographs are scikit-learn's")
    pytest.importorskip("PIL", reason="it opens them with Pillow")
    return example("ptychography")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The matrices are small, and the tests run beside others: threads would wait for each other."""
    limits = pytest.importorskip("threadpoolctl", reason="scikit-learn brings it").threadpool_limits(1)
    with limits:
        yield


@pytest.fixture(params=["stand-in", pytest.param("gpu", marks=pytest.mark.cuda)])
def cuda(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The device "cuda": a GPU, and NumPy dressed as CuPy."""
    if request.param == "stand-in":
        with cupy_stand_in.installed(monkeypatch):
            yield "cuda"
    elif ag.cuda.is_available():
        yield "cuda"
    else:
        with pytest.raises(ag.DeviceError) as caught:
            ag.device("cuda")
        pytest.skip(str(caught.value))


def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, name: str, *arguments: str) -> None:
    request.getfixturevalue(name)  # skips where something that it needs is missing
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")


# ---------------------------------------------------------------------------
# convolution.py
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 5])
def test_patches_times_filters_are_a_convolution(convolution, size):
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(0)
    x, filters = rng.standard_normal((2, 6, 5, 3)), rng.standard_normal((size, size, 3, 4))
    found = convolution.patches(ag.asarray(x), size) @ ag.asarray(filters.reshape(-1, 4))
    expected = sum(
        ndimage.correlate(x[..., c][..., None], filters[:, :, c, o].reshape(1, size, size, 1), mode="constant") * (np.arange(4) == o)
        for c in range(3)
        for o in range(4)
    )
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)


def test_gradients_of_the_network(convolution):
    rng = np.random.default_rng(1)
    params = [ag.asarray(rng.standard_normal(p.shape) * 0.3).requires_grad_() for p in convolution.parameters(convolution.Generator(1), "cpu")]
    images, labels = ag.asarray(rng.uniform(size=(3, 8, 8, 1))), ag.asarray(rng.integers(10, size=3))
    direction = [ag.asarray(rng.standard_normal(p.shape)) for p in params]

    def loss(step: float) -> Tensor:
        moved = [p + step * d for p, d in zip(params, direction, strict=True)]
        return convolution.cross_entropy(convolution.network(moved, images), labels)

    grads = ag.autograd.grad(loss(0.0), params)
    slope = float(sum(ag.sum(g * d) for g, d in zip(grads, direction, strict=True)))
    with ag.no_grad():
        difference = float(loss(1e-6) - loss(-1e-6)) / 2e-6
    assert slope == pytest.approx(difference, rel=1e-6)


def test_the_first_step_of_adam_is_the_rate_against_the_sign(convolution):
    p = ag.tensor([1.0, 2.0, 3.0], requires_grad=True)
    convolution.Adam([p], rate=0.1).step([ag.tensor([5.0, -0.01, 2e-4])])
    np.testing.assert_allclose(p.numpy(force=True), [0.9, 2.1, 2.9], rtol=1e-4)
    assert p.requires_grad
    assert p.is_leaf


def test_the_network_learns_to_read(convolution):
    result = convolution.train("cpu", epochs=8)
    assert result.accuracies[-1] >= 0.97  # ten seeds have 0.973 to 0.996; thirty epochs bring them to 0.982 and more
    assert result.losses[-1] < 0.03
    assert np.mean(result.scores.argmax(axis=1) == result.labels) == pytest.approx(result.accuracies[-1])
    assert len(result.labels) == 449


def test_the_network_on_cuda_is_that_of_the_cpu(convolution, cuda):
    expected = convolution.train("cpu", epochs=2)
    cupy_stand_in.waits.clear()
    result = convolution.train(cuda, epochs=2)
    # Not bit by bit: a GPU adds up in another order, and Adam divides by small numbers.
    np.testing.assert_allclose(result.losses, expected.losses, rtol=0.02)
    assert result.accuracies == pytest.approx(expected.accuracies, abs=0.02)
    # Two numbers an epoch, and at the end images, labels, scores and filters; no step of the training waits.
    assert len(cupy_stand_in.waits) <= 2 * 2 + 4, cupy_stand_in.waits


# ---------------------------------------------------------------------------
# ultrasound.py
# ---------------------------------------------------------------------------


def in_water(ultrasound: ModuleType, tank: Any) -> np.ndarray:
    """What the transducers hear of a pulse in water, (transducers, times)."""
    with ag.no_grad():
        return tank.record(ag.full_like(tank.sponge, ultrasound.WATER)).numpy()[0]


def test_a_pulse_arrives_when_it_should(ultrasound):
    tank = ultrasound.Tank("cpu", pulses=1)
    times = ultrasound.TIME_STEP * (1 + in_water(ultrasound, tank).argmax(axis=1))
    distances = np.hypot(*(tank.ring - tank.ring[:, :1]))
    far = distances > 15
    assert far.sum() == 25
    # In two dimensions the peak is ahead of the middle of the pulse, but not by more than its width; a sample is 0.44 mm.
    assert np.all(np.abs(times[far] * ultrasound.WATER - distances[far]) < ultrasound.WIDTH)


def test_the_sponge_swallows_what_leaves(ultrasound, monkeypatch):
    heard = in_water(ultrasound, ultrasound.Tank("cpu", pulses=1))
    monkeypatch.setattr(ultrasound, "SIDE", 128)  # a deep sponge: hardly anything comes back
    assert np.std(heard - in_water(ultrasound, ultrasound.Tank("cpu", pulses=1))) < 0.02 * np.std(heard)


def test_a_finer_grid_hears_the_same(ultrasound):
    tanks = [ultrasound.Tank("cpu", refine=refine, pulses=1) for refine in (1, 2)]
    with ag.no_grad():
        coarse, fine = (tank.record(ag.asarray(ultrasound.body(tank), dtype=ag.float32)).numpy() for tank in tanks)
    assert coarse.shape == fine.shape == (1, 32, 150)
    effect = np.std(coarse - in_water(ultrasound, tanks[0]))  # of the body on the recordings
    assert np.std(coarse - fine) < 0.03 * effect


def test_gradient_of_the_misfit_is_that_of_finite_differences(ultrasound):
    tank = ultrasound.Tank("cpu", ag.float64, pulses=2)
    rng = np.random.default_rng(0)
    recordings, x, direction = (ag.asarray(rng.standard_normal(shape)) for shape in ((2, 32, 150), (ultrasound.SIDE,) * 2, (ultrasound.SIDE,) * 2))
    x.requires_grad_()
    (gradient,) = ag.autograd.grad(ultrasound.misfit(tank, x, recordings, 1.0), x)

    def value(step: float) -> float:
        with ag.no_grad():
            return float(ultrasound.misfit(tank, x + step * direction, recordings, 1.0))

    assert float(ag.sum(gradient * direction)) == pytest.approx((value(1e-4) - value(-1e-4)) / 2e-4, rel=1e-5)


def test_checkpoints_change_memory_and_nothing_else(ultrasound, monkeypatch):
    tank = ultrasound.Tank("cpu", pulses=2)

    def gradient() -> tuple[np.ndarray, float]:
        x = ag.zeros_like(tank.sponge, requires_grad=True)
        tracemalloc.start()
        try:
            (g,) = ag.autograd.grad(ultrasound.misfit(tank, x, ag.zeros(2, 32, 150), 1.0), x)
            return g.numpy(), tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    in_segments, less = gradient()
    monkeypatch.setattr(ultrasound, "checkpoint", lambda function, *args: function(*args))
    at_once, more = gradient()
    np.testing.assert_array_equal(in_segments, at_once)
    assert less < more / 2


def test_the_body_is_found(ultrasound):
    result = ultrasound.recover("cpu", iterations=15, pulses=4)
    assert result.misfits[-1] < 1.5
    assert result.errors[-1] < 0.25
    difference = result.found - result.truth
    assert np.sqrt(np.mean(difference**2)) < 0.005  # of up to 0.13 mm/µs between fat and tumour
    assert np.all(np.diff(result.misfits) < 0)


def test_the_body_on_cuda_is_that_of_the_cpu(ultrasound, cuda):
    expected = ultrasound.recover("cpu", iterations=3, pulses=2)
    result = ultrasound.recover(cuda, iterations=3, pulses=2)
    np.testing.assert_allclose(result.misfits, expected.misfits, rtol=1e-2)
    np.testing.assert_allclose(result.found, expected.found, atol=2e-3)


def test_no_time_step_on_cuda_waits(ultrasound, cuda):
    tank = ultrasound.Tank(cuda, pulses=2)
    recordings = ag.zeros((2, 32, 150), device=cuda)
    objective = ag.optimize.scipy_objective(lambda x: ultrasound.misfit(tank, x, recordings, 1.0), ag.zeros_like(tank.sponge))
    cupy_stand_in.waits.clear()
    objective(objective.x0)
    assert len(cupy_stand_in.waits) <= 2, cupy_stand_in.waits  # the value and the gradient, for SciPy


# ---------------------------------------------------------------------------
# ptychography.py
# ---------------------------------------------------------------------------


def test_patterns_keep_the_photons_and_lose_the_phase(ptychography):
    microscope = ptychography.Microscope("cpu", np.random.default_rng(0), photons=1000.0)
    patterns = [ag.abs(microscope.diffract(ag.full((128, 128), value, dtype=ag.complex64))).numpy() ** 2 for value in (1, 1j, 0.5)]
    np.testing.assert_allclose(patterns[0].sum(axis=(1, 2)), 1000.0, rtol=1e-4)
    np.testing.assert_allclose(patterns[1], patterns[0], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(patterns[2].sum(axis=(1, 2)), 250.0, rtol=1e-4)
    assert float(ag.sum(microscope.light())) == pytest.approx(1000.0 * len(patterns[0]), rel=1e-4)


def test_gradient_with_respect_to_a_complex_specimen(ptychography):
    rng = np.random.default_rng(0)
    microscope = ptychography.Microscope("cpu", rng, 1e4, ag.complex128)
    x, direction = (ag.asarray(rng.standard_normal((128, 128)) + 1j * rng.standard_normal((128, 128))) for _ in range(2))
    counts = ag.asarray(rng.poisson(10.0, microscope.diffract(x).shape).astype(float))
    x.requires_grad_()
    (gradient,) = ag.autograd.grad(ptychography.misfit(microscope, x, counts), x)
    with ag.no_grad():
        ends = [ptychography.misfit(microscope, x + step * direction, counts) for step in (1e-5, -1e-5)]
        slope = float(ag.sum(ag.real(ag.conj(gradient) * direction)))
    assert slope == pytest.approx(float(ends[0] - ends[1]) / 2e-5, rel=1e-6)


def test_the_specimen_is_found(ptychography):
    result = ptychography.recover("cpu", iterations=50)
    assert result.errors[-1] < 0.06
    assert result.misfits[-1] < result.noise  # explained as well as by the truth; the search fits some of the noise, too
    assert np.all(np.diff(result.misfits) < 0)
    assert 0.6 < result.lit.mean() < 0.8


def test_the_specimen_on_cuda_is_that_of_the_cpu(ptychography, cuda):
    expected = ptychography.recover("cpu", iterations=5)
    result = ptychography.recover(cuda, iterations=5)
    # Where the last bit of an expected count differs, so may all the photons after it: the patterns agree in their statistics.
    np.testing.assert_allclose(result.misfits, expected.misfits, rtol=2e-2)
    np.testing.assert_allclose(result.errors, expected.errors, rtol=2e-2)


# ---------------------------------------------------------------------------
# as scripts
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "printed"),
    [
        pytest.param("convolution", ("--epochs", "1"), r"epoch 1: loss \d\.\d{4}, \d\d\.\d% of the held-out digits are read right\n", id="convolution"),
        pytest.param("ultrasound", ("--iterations", "1"), r"iteration 1: misfit \d+\.\d{3}, error \d\d\.\d%\n", id="ultrasound"),
        pytest.param("ptychography", ("--iterations", "1"), r"iteration 1: misfit \d+\.\d{4}, error \d\d\.\d%\n", id="ptychography"),
    ],
)
def test_the_scripts_print_and_draw(
    request: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path, name: str, arguments: tuple[str, ...], printed: str
):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "picture.png"
    run(request, monkeypatch, name, *arguments, "--plot", str(picture))
    assert re.fullmatch(printed, capsys.readouterr().out)
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["convolution", "ultrasound", "ptychography"])
def test_the_scripts_say_what_is_wrong_with_a_device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, name: str):
    with pytest.raises(ag.DeviceError, match="there is no backend 'tpu'"):
        run(request, monkeypatch, name, "--device", "tpu")
