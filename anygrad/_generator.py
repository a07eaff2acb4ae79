"""Where streams of random numbers stand, and how the draws of a function are repeated.

The numbers themselves are a function of a seed and a position: word i of the stream of a seed is word i % 4 of
Philox 4x32-10 with the seed for a key and i // 4 for a counter. The backends compute them. So a generator is two
integers, which tell where the next draw begins, and a draw is repeated by asking for the same position again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ._scalars import as_integer

_SEEDS = 1 << 64
_WORDS = 1 << 66  # in a stream: a counter has 64 bits
Draw = tuple[int, int, int]  # the seed, the position of the first word, the number of words


class _Local(threading.local):
    """What each thread has for itself."""

    recording: tuple[list[Draw], ...] = ()  # where draws are noted
    repeated: Iterator[Draw] | None = None  # what draws are taken from, in place of generators
    error: type[Exception] = RuntimeError


_local = _Local()


class Generator:
    """A stream of random numbers, the same on every device and with every array library.

    Parameters
    ----------
    seed : int, optional
        From -2**63 to 2**64 - 1; negative seeds count from 2**64 down. Default: a fresh one from the operating system.
    device : optional
        For programs that come from PyTorch, without effect: a generator serves all devices.

    Notes
    -----
    It may be used by several threads: no number is drawn twice. It can be copied (`copy.deepcopy`) and pickled.

    Raises
    ------
    TypeError, ValueError
        If the seed is no integer, or out of range.
    """

    __slots__ = ("__weakref__", "_lock", "_position", "_seed")

    def __init__(self, seed: int | None = None, device: Any = None) -> None:
        self._lock = threading.Lock()
        self._seed, self._position = _fresh_seed() if seed is None else _checked_seed(seed), 0

    def manual_seed(self, seed: int) -> Generator:
        """Begin the stream of this seed; returns the generator."""
        return self._go_to(_checked_seed(seed), 0)

    def seed(self) -> int:
        """Begin a stream with a fresh seed from the operating system; returns the seed."""
        seed = _fresh_seed()
        self._go_to(seed, 0)
        return seed

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return self._seed

    def get_state(self) -> dict[str, int]:
        """Where the stream stands: `{"seed": ..., "position": ...}`, the position in words of 32 bits."""
        with self._lock:
            return {"seed": self._seed, "position": self._position}

    def set_state(self, state: Mapping[str, int]) -> Generator:
        """Go back, or on, to where a stream stood; returns the generator.

        Raises
        ------
        TypeError, ValueError
            If the state is not one that `get_state` returns.
        """
        if not isinstance(state, Mapping) or set(state) != {"seed", "position"}:
            raise TypeError(f"set_state: expected what get_state() returns, {{'seed': ..., 'position': ...}}, not {state!r}")
        position = as_integer("set_state: the position", state["position"])
        if not 0 <= position < _WORDS:
            raise ValueError(f"set_state: the position must be at least 0 and below 2**66, not {position}")
        return self._go_to(_checked_seed(state["seed"]), position)

    def _go_to(self, seed: int, position: int) -> Generator:
        if _local.repeated is None:  # a function that is repeated has its numbers, and leaves the streams where they are
            with self._lock:
                self._seed, self._position = seed, position
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.get_state(),)

    def __deepcopy__(self, memo: dict[int, Any]) -> Generator:
        return _restored(self.get_state())

    def __repr__(self) -> str:
        state = self.get_state()
        return f"Generator(seed={state['seed']}, position={state['position']})"


def _restored(state: dict[str, int]) -> Generator:
    generator = Generator(state["seed"])
    generator._position = state["position"]
    return generator


def _fresh_seed() -> int:
    return int.from_bytes(os.urandom(8), "little")


def _checked_seed(seed: Any) -> int:
    seed = as_integer("a seed", seed)
    if not -_SEEDS // 2 <= seed < _SEEDS:
        raise ValueError(f"a seed must be at least -2**63 and below 2**64, not {seed}")
    return seed % _SEEDS


default_generator = Generator()


# ---------------------------------------------------------------------------
# draws
# ---------------------------------------------------------------------------


def draw(generator: Generator, words: int, align: int) -> tuple[int, int]:
    """Take so many words from a stream.

    Parameters
    ----------
    generator : Generator
    words : int
    align : int
        1, 2 or 4: the first word is the next one whose number is a multiple of it.

    Returns
    -------
    (seed, position)
        Of the first word.
    """
    if _local.repeated is None:
        with generator._lock:
            seed, position = generator._seed, -(-generator._position // align) * align % _WORDS
            generator._position = (position + words) % _WORDS
    else:
        seed, position, count = next(_local.repeated, (0, 0, -1))
        if count != words:
            raise _local.error(
                "the function draws other random numbers now than when it ran first. It must do the same each time, so that its draws can be repeated."
            )
    for noted in _local.recording:
        noted.append((seed, position, words))
    return seed, position


@contextmanager
def recorded() -> Iterator[list[Draw]]:
    """A context in which the draws of this thread are noted; gives the list of them."""
    noted: list[Draw] = []
    before, _local.recording = _local.recording, (*_local.recording, noted)
    try:
        yield noted
    finally:
        _local.recording = before


@contextmanager
def repeated(draws: list[Draw], error: type[Exception] = RuntimeError) -> Iterator[None]:
    """A context in which the draws of this thread are those that were noted, whatever the generators; these stay where they are.

    A draw of another size raises `error`.
    """
    before = _local.repeated, _local.error
    _local.repeated, _local.error = iter(draws), error
    try:
        yield
    finally:
        _local.repeated, _local.error = before
