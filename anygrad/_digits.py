"""Handwritten digits, read by a small network: a training loop in nothing but anygrad.

The same code trains on a CPU and on a GPU: the arrays say where. `examples/digits.py` runs it from the
command line, `python -m anygrad` runs it at the end of the tour.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

import anygrad as ag
from anygrad import Tensor

__all__ = ["train"]


def load(rng: np.random.Generator, device: ag.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """scikit-learn's 1,797 images of 8 by 8 pixels: training images and labels, and those of a held-out quarter."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = rng.permutation(len(images))
    images, labels = images[order].astype(np.float32) / 16, labels[order].astype(np.int64)
    quarter = len(images) // 4
    parts = images[quarter:], labels[quarter:], images[:quarter], labels[:quarter]
    return tuple(ag.asarray(part, device=device) for part in parts)  # type: ignore[return-value]


def parameters(rng: np.random.Generator, device: ag.device, sizes: Sequence[int]) -> list[Tensor]:
    """A weight matrix and a bias for each layer."""
    out = []
    for n, m in pairwise(sizes):
        weight = rng.standard_normal((n, m)) * np.sqrt(2 / n)
        out += [ag.tensor(weight, dtype=ag.float32, device=device, requires_grad=True), ag.zeros(m, dtype=ag.float32, device=device, requires_grad=True)]
    return out


def scores(params: Sequence[Tensor], images: Tensor) -> Tensor:
    """How much each image looks like each digit."""
    w1, b1, w2, b2 = params
    hidden = ag.maximum(images @ w1 + b1, 0.0)
    return hidden @ w2 + b2


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """The mean of -log softmax(scores)[label]."""
    return -ag.mean(ag.take_along_axis(ag.special.log_softmax(scores, axis=1), labels[:, None], axis=1))


def accuracy(params: Sequence[Tensor], images: Tensor, labels: Tensor) -> float:
    """The share of images that are read right."""
    with ag.no_grad():
        right = ag.argmax(scores(params, images), axis=1) == labels
    return float(ag.mean(ag.astype(right, ag.float32)))


def train(device: str | ag.device = "cpu", epochs: int = 20, seed: int = 0, batch: int = 32, rate: float = 0.5) -> tuple[float, float]:
    """Train by gradient descent on mini-batches.

    Parameters
    ----------
    device : str or device
        Where to compute.
    epochs : int
        How many times to go through the training images.
    seed : int
        The same seed gives the same result on the same machine.
    batch : int
        Images per step.
    rate : float
        The size of a step.

    Returns
    -------
    tuple of float
        The mean loss of the last epoch, and the accuracy on images that were not trained on.

    Raises
    ------
    ModuleNotFoundError
        If scikit-learn or tqdm is not installed.
    """
    if epochs < 1:
        raise ValueError(f"train: epochs is {epochs}; it must be at least 1")
    try:
        import sklearn.datasets  # noqa: F401
        from tqdm import tqdm
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError('The digits need scikit-learn and tqdm: pip install "anygrad[examples]"') from error

    device = ag.device(device)
    rng = np.random.default_rng(seed)
    images, labels, test_images, test_labels = load(rng, device)
    params = parameters(rng, device, (64, 64, 10))

    bar = tqdm(range(epochs), desc=f"digits on {device}", unit="epoch", disable=None, leave=False)
    for _ in bar:
        total = ag.zeros((), device=device)
        order = ag.asarray(rng.permutation(len(images)), device=device)
        for start in range(0, len(images), batch):
            chosen = order[start : start + batch]
            loss = cross_entropy(scores(params, images[chosen]), labels[chosen])
            loss.backward()
            with ag.no_grad():
                for p in params:
                    p -= rate * p.grad  # type: ignore[operator]
                    p.grad = None
            total += loss.detach() * len(chosen)
        mean_loss, share = float(total) / len(images), accuracy(params, test_images, test_labels)
        bar.set_postfix(loss=f"{mean_loss:.3f}", accuracy=f"{share:.1%}")
    return mean_loss, share
