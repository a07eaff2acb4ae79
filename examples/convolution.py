"""A convolutional network learns to read handwritten digits: python examples/convolution.py --plot digits.png

The images are the 1,797 of scikit-learn, 8 by 8 pixels; a quarter of them is held out. Nothing here knows about
convolutions: the neighbourhoods of all pixels are cut out by slices, and one matrix product applies all filters to all of
them. The same lines run on a CPU and on a GPU: where the images are is where everything happens.
"""

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import anygrad as ag
from anygrad import Tensor
from anygrad.random import Generator, randn, randperm


class Result(NamedTuple):
    """What training leaves behind, as NumPy arrays."""

    losses: np.ndarray  # for each epoch, on the training images
    accuracies: np.ndarray  # for each epoch, on the held-out images
    images: np.ndarray  # held out, (n, 8, 8)
    labels: np.ndarray  # what they are
    scores: np.ndarray  # how much each looks like each digit, (n, 10)
    filters: np.ndarray  # of the first layer, (16, 3, 3)


def load(generator: Generator, device: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images (n, 8, 8, 1) between 0 and 1 and their labels: those to train on, and those of a quarter that is held out."""
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    images, labels = ag.asarray(pixels.reshape(-1, 8, 8, 1) / 16, dtype=ag.float32, device=device), ag.asarray(digits, device=device)
    order = randperm(len(images), device=device, generator=generator)
    test, train = order[: len(order) // 4], order[len(order) // 4 :]
    return images[train], labels[train], images[test], labels[test]


def patches(x: Tensor, size: int = 3) -> Tensor:
    """The neighbourhood of each pixel, beyond the borders zeros: (n, height, width, channels) to (n, height, width, size * size * channels)."""
    _, height, width, _ = x.shape
    x = ag.pad(x, ((0, 0), (size // 2, size // 2), (size // 2, size // 2), (0, 0)))
    return ag.concat([x[:, i : i + height, j : j + width] for i in range(size) for j in range(size)], axis=-1)


def halve(x: Tensor) -> Tensor:
    """The largest of each two by two pixels."""
    n, height, width, channels = x.shape
    return ag.max(ag.reshape(x, (n, height // 2, 2, width // 2, 2, channels)), axis=(2, 4))


def network(params: Sequence[Tensor], images: Tensor) -> Tensor:
    """How much each image looks like each digit, (n, 10): two convolutions, then a linear layer."""
    filters1, bias1, filters2, bias2, weight, bias3 = params
    x = ag.maximum(patches(images) @ filters1 + bias1, 0.0)
    x = ag.maximum(halve(patches(x) @ filters2 + bias2), 0.0)
    return ag.reshape(x, (len(images), -1)) @ weight + bias3


def parameters(generator: Generator, device: str) -> list[Tensor]:
    """Filters and biases of three layers; the variance of the weights keeps that of the signal through the layers."""
    params = []
    for n, m in ((9, 16), (9 * 16, 32), (4 * 4 * 32, 10)):
        weight = randn(n, m, device=device, generator=generator) * (2 / n) ** 0.5
        params += [weight.requires_grad_(), ag.zeros(m, device=device, requires_grad=True)]
    return params


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """The mean of -log softmax(scores)[label]."""
    return -ag.mean(ag.take_along_axis(ag.log_softmax(scores, axis=1), labels[:, None], axis=1))


class Adam:
    """Steps along the mean of recent gradients, divided by their root mean square (Kingma and Ba, 2015)."""

    def __init__(self, params: Sequence[Tensor], rate: float) -> None:
        self.params, self.rate, self.count = params, rate, 0
        self.means = [ag.zeros_like(p) for p in params]
        self.squares = [ag.zeros_like(p) for p in params]

    @ag.no_grad()
    def step(self, grads: Sequence[Tensor]) -> None:
        self.count += 1
        rate = self.rate * (1 - 0.999**self.count) ** 0.5 / (1 - 0.9**self.count)
        for p, g, mean, square in zip(self.params, grads, self.means, self.squares, strict=True):
            mean += 0.1 * (g - mean)  # in place, as are the next two
            square += 0.001 * (g * g - square)
            p -= rate * mean / (ag.sqrt(square) + 1e-8)


def train(device: str, epochs: int = 30, seed: int = 0, batch: int = 32, rate: float = 0.003) -> Result:
    """Train with Adam on mini-batches; the same seed begins with the same weights on every device."""
    generator = Generator(seed)
    images, labels, test_images, test_labels = load(generator, device)
    params = parameters(generator, device)
    optimizer = Adam(params, rate)

    losses, accuracies = [], []
    for epoch in range(epochs):
        order = randperm(len(images), device=device, generator=generator)
        total = ag.zeros((), device=device)  # stays on the device: a number in Python would have to wait for it
        for start in range(0, len(images), batch):
            chosen = order[start : start + batch]
            loss = cross_entropy(network(params, images[chosen]), labels[chosen])
            optimizer.step(ag.autograd.grad(loss, params))
            total += loss.detach() * len(chosen)
        with ag.no_grad():
            scores = network(params, test_images)
            read = ag.argmax(scores, axis=1)
        losses.append(float(total) / len(images))
        accuracies.append(float(ag.mean(ag.astype(read == test_labels, ag.float32))))
        print(f"epoch {epoch + 1}: loss {losses[-1]:.4f}, {accuracies[-1]:.1%} of the held-out digits are read right")

    shown = (t.numpy(force=True) for t in (test_images[..., 0], test_labels, scores, params[0].T.reshape(-1, 3, 3)))
    return Result(np.array(losses), np.array(accuracies), *shown)


def plot(result: Result, path: str) -> None:
    """The course of the training, the digits that were hardest to read, and the filters of its first layer."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(11, 3.6), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=(4, 3, 3))

    epochs = np.arange(1, len(result.losses) + 1)
    axes = left.subplots()
    axes.semilogy(epochs, result.losses, color="tab:blue", label="loss, training images")
    axes.semilogy(epochs, 1 - result.accuracies, color="tab:red", label="share read wrong, held-out images")
    axes.set(xlabel="epoch", title=f"{result.accuracies[-1]:.1%} of the held-out digits are read right")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)

    middle.suptitle("held out, and hardest")
    other = np.where(result.labels[:, None] == np.arange(10), -np.inf, result.scores).max(axis=1)
    margins = np.take_along_axis(result.scores, result.labels[:, None], axis=1)[:, 0] - other
    for axes, i in zip(middle.subplots(3, 3).flat, np.argsort(margins), strict=False):
        axes.imshow(result.images[i], cmap="gray_r")
        axes.axis("off")
        read = result.scores[i].argmax()
        wrong = read != result.labels[i]
        axes.set_title(f"{result.labels[i]}, read as {read}", fontsize=9, color="tab:red" if wrong else "black")

    right.suptitle("filters of the first layer")
    limit = np.abs(result.filters).max()
    grid = right.subplots(4, 4)
    for axes, weights in zip(grid.flat, result.filters, strict=True):
        shown = axes.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.axis("off")
    right.colorbar(shown, ax=grid, label="weight", shrink=0.8)
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a convolutional network that reads handwritten digits.")
    parser.add_argument("--device", default="cuda" if ag.cuda.is_available() else "cpu", help="cpu, cuda or cuda:N (default here: %(default)s)")
    parser.add_argument("--epochs", type=int, default=30, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--plot", metavar="FILE", help="draw the result into a file (needs matplotlib)")
    options = parser.parse_args()
    result = train(options.device, options.epochs, options.seed)
    if options.plot:
        plot(result, options.plot)


if __name__ == "__main__":
    main()
