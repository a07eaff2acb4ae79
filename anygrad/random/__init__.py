"""Random numbers: the same on every device and with every array library, from a seed and a position.

The names are PyTorch's, and NumPy's for what PyTorch lacks. Each function takes the next words of a stream (see
`Generator`); docs/random.md says how many, and what it makes of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .._generator import Generator, default_generator
from .dropping import dropout
from .numbers import bernoulli, normal, rand, rand_like, randint, randn, randn_like, uniform
from .order import choice, permutation, randperm

__all__ = [
    "Generator",
    "bernoulli",
    "choice",
    "default_generator",
    "dropout",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "normal",
    "permutation",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "seed",
    "set_rng_state",
    "uniform",
]


# The generator that is used where none is given.


def manual_seed(seed: int) -> Generator:
    """Begin the stream of this seed on the default generator, for all devices; returns the generator."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Begin a stream with a fresh seed from the operating system on the default generator; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator's stream."""
    return default_generator.initial_seed()


def get_rng_state() -> dict[str, int]:
    """Where the default generator's stream stands (see `Generator.get_state`)."""
    return default_generator.get_state()


def set_rng_state(state: Mapping[str, int]) -> None:
    """Go back, or on, to where the default generator's stream stood."""
    default_generator.set_state(state)


@contextmanager
def fork_rng() -> Iterator[None]:
    """A context after which the default generator's stream stands where it did before."""
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
