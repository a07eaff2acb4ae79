"""Ultrasound tomography: how fast sound is at each place of a body: python examples/ultrasound.py --plot ultrasound.png

Transducers stand in a ring around a body in water. Some of them, one after the other, send a pulse, and all of them record
the pressure. Where sound is slower or faster than in water the pulses bend, and come late or early. The map of the speed is
found by gradient descent on the difference between what was recorded and what a simulation says, and the gradient comes
through all time steps of the wave equation. Seismology calls this full waveform inversion.

Lengths are in mm, times in µs, and so speeds in mm/µs: water has 1.48. The same lines run on a CPU and on a GPU.
"""

import argparse
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize

import anygrad as ag
from anygrad import Tensor
from anygrad.random import Generator, randn
from anygrad.utils.checkpoint import checkpoint

WATER = 1.48  # mm/µs
SIDE = 72  # mm, of the square that is simulated
RING = 24  # mm, the radius of the ring of transducers
DURATION = 45  # µs
TIME_STEP = 0.3  # µs, between two samples of a recording
WIDTH = 1.5  # mm, of a pulse and of the finest detail in the map


class Result(NamedTuple):
    """What is to be found, what was found, and how, as NumPy arrays."""

    truth: np.ndarray  # speeds on the grid
    found: np.ndarray
    recordings: np.ndarray  # (pulses, transducers, times)
    ring: np.ndarray  # the transducers' places, (2, n): y and x
    misfits: np.ndarray  # for each iteration; noise alone makes 1
    errors: np.ndarray  # for each iteration; relative to how far the truth is from water


def circulant(response: np.ndarray) -> np.ndarray:
    """The matrix that multiplies the Fourier components of a periodic function on a grid by these numbers."""
    return np.fft.ifft(response[:, None] * np.fft.fft(np.eye(len(response)), axis=0), axis=0).real


class Tank:
    """The square as a grid of `refine` points a mm, and the waves on it.

    A field is (pulses, y, x). Derivatives are those of the trigonometric polynomial through the points, so that few points
    are enough, and they are matrix products. The field would come in again on the other side; a sponge swallows it there.
    """

    def __init__(self, device: str, dtype: Any = ag.float32, refine: int = 1, transducers: int = 32, pulses: int = 8) -> None:
        place = np.arange(SIDE * refine) / refine - SIDE / 2
        self.y, self.x = place[:, None], place
        self.time_step, self.refine = TIME_STEP / refine, refine
        angle = 2 * np.pi * np.arange(transducers) / transducers
        self.ring = np.round(RING * np.stack([np.sin(angle), np.cos(angle)]))  # on points of every grid

        def put(array: np.ndarray) -> Tensor:
            return ag.asarray(array.astype(dtype), device=device)

        wave_numbers = 2 * np.pi * np.fft.fftfreq(len(place), 1 / refine)
        self.second = put(circulant(-((self.time_step * wave_numbers) ** 2)))  # the second derivative, times dt^2
        self.blur = put(circulant(np.exp(-((WIDTH * wave_numbers) ** 2) / 2)))
        self.unknown = put(np.hypot(self.y, self.x) < RING - 3)
        depth = np.maximum(0, np.abs(place) - RING) / (SIDE / 2 - RING)
        self.sponge = put(np.exp(-self.time_step * (depth[:, None] ** 3 + depth**3)))
        y, x = self.ring[:, :: transducers // pulses, None, None]
        squares = ((self.y - y) ** 2 + (self.x - x) ** 2) / (2 * WIDTH**2)
        self.pulses = put((1 - squares) * np.exp(-squares))
        self.rows, self.columns = ag.asarray(((self.ring + SIDE / 2) * refine).astype(np.int64), device=device)

    def speed(self, parameters: Tensor) -> Tensor:
        """The map that parameters of order 1 stand for: smooth, and water where the transducers are."""
        return WATER + 0.05 * self.unknown * (self.blur @ parameters @ self.blur)

    def record(self, speed: Tensor, segments: int = 12) -> Tensor:
        """What each transducer hears of each pulse, (pulses, transducers, times).

        Of each segment of time only the first two fields are kept for backward, which computes the others again: with about
        the square root of the number of steps, memory grows as this root does.
        """
        squared = speed**2

        def laplacian(u: Tensor) -> Tensor:
            return squared * (u @ self.second + self.second @ u)  # dt^2 u_tt

        def change(u: Tensor) -> Tensor:
            """u(t + dt) - 2 u(t) + u(t - dt), to fourth order."""
            v = laplacian(u)
            return v + laplacian(v) / 12

        def advance(before: Tensor, u: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
            heard = []
            for _ in range(steps):
                before, u = u, self.sponge * (2 * u - self.sponge * before + change(u))
                heard.append(u[:, self.rows, self.columns])
            return before, u, ag.stack(heard, axis=-1)

        u = self.pulses
        before = u + change(u) / 2  # at rest: one step back is as one step on
        parts = []
        for steps in map(len, np.array_split(np.arange(round(DURATION / self.time_step)), segments)):
            before, u, heard = checkpoint(advance, before, u, steps)
            parts.append(heard)
        return ag.concat(parts, axis=-1)[..., self.refine - 1 :: self.refine]


def body(tank: Tank) -> np.ndarray:
    """The truth: tissue with fat, a tumour and a small cyst in it."""
    speed = np.full((tank.y * tank.x).shape, WATER)
    for value, y, x, height, width in ((1.52, 0, 0, 17, 19), (1.44, 4, -8, 7, 5), (1.57, -5, 7, 4.5, 4.5), (1.48, 8, 7, 2.5, 2.5)):
        distance = (np.hypot((tank.y - y) / height, (tank.x - x) / width) - 1) * min(height, width)
        speed += (value - speed) / (1 + np.exp(4 * distance))
    return speed


def misfit(tank: Tank, parameters: Tensor, recordings: Tensor, noise: float) -> Tensor:
    return ag.mean((tank.record(tank.speed(parameters)) - recordings) ** 2) / noise**2


def recover(device: str, iterations: int = 40, pulses: int = 8, noise: float = 5e-4, seed: int = 0) -> Result:
    """Record the body, then find it again.

    The recordings come from a grid twice as fine, in space and time, so that the simulation is not asked to explain its own
    errors; and noise is added to them. A pulse begins with the height 1.
    """
    tank, fine = Tank(device, pulses=pulses), Tank(device, refine=2, pulses=pulses)
    with ag.no_grad():
        clean = fine.record(ag.asarray(body(fine), dtype=ag.float32, device=device))
    recordings = clean + noise * randn(*clean.shape, device=device, generator=Generator(seed))

    truth = body(tank)
    objective = ag.optimize.scipy_objective(lambda x: misfit(tank, x, recordings, noise), ag.zeros_like(tank.sponge))
    misfits, errors = [], []

    def report(intermediate_result: Any) -> None:
        found = tank.speed(objective.unpack(intermediate_result.x)).numpy(force=True)
        misfits.append(intermediate_result.fun)
        errors.append(np.linalg.norm(found - truth) / np.linalg.norm(truth - WATER))
        print(f"iteration {len(misfits)}: misfit {misfits[-1]:.3f}, error {errors[-1]:.1%}")

    # SciPy works in host memory: parameters go to the device and their gradient comes back, once for each evaluation.
    result = scipy.optimize.minimize(objective, objective.x0, jac=True, method="L-BFGS-B", callback=report, options={"maxiter": iterations})
    found = tank.speed(objective.unpack(result.x)).numpy(force=True)
    return Result(truth, found, recordings.numpy(force=True), tank.ring, np.array(misfits), np.array(errors))


def plot(result: Result, path: str) -> None:
    """The truth, what was recorded, what was found, and the course of the search."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(9.5, 7), layout="constrained")
    (truth, data), (found, course) = figure.subplots(2, 2)
    places = result.ring[::-1]
    for axes, speed, title in ((truth, result.truth, "truth"), (found, result.found, f"found (error {result.errors[-1]:.0%})")):
        shown = axes.imshow(1000 * speed, extent=2 * (-SIDE / 2, SIDE / 2), origin="lower", cmap="viridis", vmin=1430, vmax=1580)
        axes.plot(*places, "o", color="white", markersize=3, label="transducers")
        axes.plot(*places[:, :: places.shape[1] // len(result.recordings)], "o", color="tab:red", markersize=4, label="those that send, too")
        axes.set(title=title, xlabel="x (mm)", ylabel="y (mm)")
        figure.colorbar(shown, ax=axes, label="speed of sound (m/s)")
    truth.legend(loc="lower center", ncols=2, fontsize=8, frameon=False, labelcolor="white", handletextpad=0, columnspacing=1)

    shown = data.imshow(
        result.recordings[0].T, extent=(-0.5, places.shape[1] - 0.5, DURATION, 0), aspect="auto", cmap="RdBu_r", vmin=-0.1, vmax=0.1, interpolation="nearest"
    )
    data.set(title="recorded of the first pulse", xlabel="transducer", ylabel="time (µs)")
    figure.colorbar(shown, ax=data, label="pressure (a pulse begins with 1)")

    iterations = np.arange(1, len(result.misfits) + 1)
    course.semilogy(iterations, result.misfits, color="tab:blue", label="misfit of the recordings")
    course.axhline(1, color="tab:blue", linewidth=1, linestyle=":", label="that of the noise alone")
    course.semilogy(iterations, result.errors, color="tab:red", label="error of the map")
    course.set(title="course of the search", xlabel="iteration")
    course.grid(alpha=0.3)
    course.legend(frameon=False)
    figure.savefig(path, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description="Recover the speed of sound in a body from ultrasound around it.")
    parser.add_argument("--device", default="cuda" if ag.cuda.is_available() else "cpu", help="cpu, cuda or cuda:N (default here: %(default)s)")
    parser.add_argument("--iterations", type=int, default=40, help="of L-BFGS (default: %(default)s)")
    parser.add_argument("--noise", type=float, default=5e-4, help="standard deviation, where a pulse begins with 1 (default: %(default)s)")
    parser.add_argument("--plot", metavar="FILE", help="draw the result into a file (needs matplotlib)")
    options = parser.parse_args()
    result = recover(options.device, options.iterations, noise=options.noise)
    if options.plot:
        plot(result, options.plot)


if __name__ == "__main__":
    main()
