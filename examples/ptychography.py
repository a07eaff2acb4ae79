"""Ptychography, microscopy without a lens: python examples/ptychography.py --plot ptychography.png

A beam lights one spot of a specimen after the other, and a detector far behind counts the photons of each diffraction pattern:
the squared modulus of a Fourier transform. The phases are lost, but neighbouring spots overlap, and only one specimen
explains all patterns at once. It is a complex number for each pixel: its modulus says how much light passes, its phase by
how much the light is held up. Gradient descent finds it.

The two photographs that play the specimen come with scikit-learn. The same lines run on a CPU and on a GPU.
"""

import argparse
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize

import anygrad as ag
from anygrad import Tensor

SIZE = 128  # pixels, the side of the specimen
SPOT = 32  # pixels, the side of the window around a spot, and of a pattern


class Result(NamedTuple):
    """What was lit, what was counted, what was found, as NumPy arrays."""

    truth: np.ndarray  # complex
    found: np.ndarray
    lit: np.ndarray  # where the light was
    counts: np.ndarray  # (spots, SPOT, SPOT)
    noise: float  # the misfit of the truth
    misfits: np.ndarray  # for each iteration
    errors: np.ndarray  # for each iteration, relative to the truth where the light was


def specimen() -> np.ndarray:
    """Moduli from 0.4 to 1 and phases from 0 to 2, out of two photographs."""
    from sklearn.datasets import load_sample_image

    def photograph(name: str) -> np.ndarray:
        grey = load_sample_image(name)[:384, 128:512].mean(axis=-1)
        small = grey.reshape(SIZE, 3, SIZE, 3).mean(axis=(1, 3))
        return (small - small.min()) / np.ptp(small)

    return (0.4 + 0.6 * photograph("china.jpg")) * np.exp(2j * photograph("flower.jpg"))


class Microscope:
    """A beam, and where it lights the specimen: every seventh pixel, give or take one (a strict grid would leave a trace)."""

    def __init__(self, device: str, rng: np.random.Generator, photons: float, dtype: Any = ag.complex64) -> None:
        y, x = (np.arange(SPOT) - SPOT / 2)[:, None], np.arange(SPOT) - SPOT / 2
        beam = np.exp((-1 / 72 + 0.02j) * (y**2 + x**2))
        beam *= np.sqrt(photons / np.sum(np.abs(beam) ** 2))
        self.beam = ag.asarray(beam.astype(dtype), device=device)
        corners = np.stack(np.meshgrid(*2 * [np.arange(1, SIZE - SPOT, 7)]), axis=-1).reshape(-1, 2)
        corners += rng.integers(-1, 2, corners.shape)
        self.rows = ag.asarray(corners[:, 0, None, None] + np.arange(SPOT)[:, None], device=device)
        self.columns = ag.asarray(corners[:, 1, None, None] + np.arange(SPOT), device=device)

    def diffract(self, specimen: Tensor) -> Tensor:
        """The complex waves on the detector, (spots, SPOT, SPOT); as many photons arrive as leave the specimen."""
        return ag.fft.fftn(self.beam * specimen[self.rows, self.columns], axes=(-2, -1), norm="ortho")

    def light(self) -> Tensor:
        """How much light each pixel gets from all spots together: by so much the total changes with its transparency."""
        transparency = ag.ones((SIZE, SIZE), device=self.beam.device, requires_grad=True)
        photons = ag.sum(ag.abs(self.beam) ** 2 * transparency[self.rows, self.columns])
        return ag.autograd.grad(photons, transparency)[0]


def misfit(microscope: Microscope, specimen: Tensor, counts: Tensor) -> Tensor:
    """The mean square difference of roots: whatever the count is, its root has nearly the same noise, 1/2."""
    photons = ag.abs(microscope.diffract(specimen)) ** 2
    return 4 * ag.mean((ag.sqrt(photons + 0.25) - ag.sqrt(counts + 0.25)) ** 2)


def recover(device: str, iterations: int = 80, photons: float = 1e5, seed: int = 0) -> Result:
    """Count the photons of all patterns, some `photons` in each, then find the specimen again."""
    rng = np.random.default_rng(seed)
    microscope = Microscope(device, rng, photons)
    truth = ag.asarray(specimen().astype(np.complex64), device=device)
    counts = rng.poisson(ag.abs(microscope.diffract(truth)).numpy(force=True) ** 2)
    counted = ag.asarray(counts.astype(np.float32), device=device)

    objective = ag.optimize.scipy_objective(lambda x: misfit(microscope, x, counted), ag.ones_like(truth))
    lit = microscope.light()
    lit = lit > 0.1 * ag.max(lit)
    misfits, errors = [], []

    def report(intermediate_result: Any) -> None:
        misfits.append(intermediate_result.fun)
        difference = aligned(objective.unpack(intermediate_result.x), truth, lit) - truth
        errors.append(float(ag.linalg.vector_norm(difference * lit) / ag.linalg.vector_norm(truth * lit)))
        print(f"iteration {len(misfits)}: misfit {misfits[-1]:.4f}, error {errors[-1]:.1%}")

    # SciPy works in host memory: the specimen goes to the device and its gradient comes back, once for each evaluation.
    result = scipy.optimize.minimize(objective, objective.x0, jac=True, method="L-BFGS-B", callback=report, options={"maxiter": iterations})
    found = aligned(objective.unpack(result.x), truth, lit)
    noise = float(misfit(microscope, truth, counted))
    images = truth.numpy(force=True), found.numpy(force=True), lit.numpy(force=True)
    return Result(*images, counts, noise, np.array(misfits), np.array(errors))


def aligned(found: Tensor, truth: Tensor, lit: Tensor) -> Tensor:
    """A factor of modulus 1 changes no pattern: the one that brings `found` closest to the truth."""
    product = ag.sum(ag.conj(found) * truth * lit)
    return found * (product / ag.abs(product))


def plot(result: Result, path: str) -> None:
    """Modulus and phase of the truth and of what was found, a pattern, and the course of the search."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(10, 5.6), layout="constrained")
    grid = figure.subplots(2, 3)
    dark = np.where(result.lit, 1, np.nan)
    edge = np.flatnonzero(result.lit.any(axis=0))[[0, -1]]
    for column, name, part, limits in ((0, "modulus", np.abs, (0.4, 1)), (1, "phase", np.angle, (-0.2, 2.2))):
        for axes, values, title in ((grid[0, column], result.truth, "truth"), (grid[1, column], result.found, "found")):
            shown = axes.imshow(dark * part(values), cmap=("gray", "viridis")[column], vmin=limits[0], vmax=limits[1])
            axes.set(title=f"{name}, {title}", xticks=[], yticks=[], xlim=edge, ylim=edge[::-1], frame_on=False)
        figure.colorbar(shown, ax=grid[:, column], shrink=0.6, label=("modulus", "phase (radians)")[column])

    pattern, course = grid[:, 2]
    counts = np.fft.fftshift(result.counts[len(result.counts) // 2])
    shown = pattern.imshow(np.log10(np.where(counts, counts, np.nan)), cmap="magma")
    pattern.set(title=f"one of {len(result.counts)} patterns", xticks=[], yticks=[])
    figure.colorbar(shown, ax=pattern, label="photons (log10)")

    iterations = np.arange(1, len(result.misfits) + 1)
    course.semilogy(iterations, result.misfits, color="tab:blue", label="misfit of the patterns")
    course.axhline(result.noise, color="tab:blue", linewidth=1, linestyle=":", label="that of the truth: noise")
    course.semilogy(iterations, result.errors, color="tab:red", label="error of the specimen")
    course.set(title=f"error at last {result.errors[-1]:.1%}", xlabel="iteration")
    course.grid(alpha=0.3)
    course.legend(frameon=False)
    figure.savefig(path, dpi=72)


def main() -> None:
    parser = argparse.ArgumentParser(description="Recover a complex image from the intensities of diffraction patterns.")
    parser.add_argument("--device", default="cuda" if ag.cuda.is_available() else "cpu", help="cpu, cuda or cuda:N (default here: %(default)s)")
    parser.add_argument("--iterations", type=int, default=80, help="of L-BFGS (default: %(default)s)")
    parser.add_argument("--photons", type=float, default=1e5, help="of each pattern, about (default: %(default)s)")
    parser.add_argument("--plot", metavar="FILE", help="draw the result into a file (needs matplotlib)")
    options = parser.parse_args()
    result = recover(options.device, options.iterations, options.photons)
    if options.plot:
        plot(result, options.plot)


if __name__ == "__main__":
    main()
