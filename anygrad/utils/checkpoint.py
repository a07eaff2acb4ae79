"""Checkpoints: memory for time. What a function saves for backward is dropped, and computed again when backward needs it.

The graph itself is kept; only the arrays in it are not. Each value that the function saves
becomes an empty place (by way of `saved_tensors_hooks`); the first place that backward asks
for runs the function once more, and the values that this run saves fill the places in the same
order. So everything that works without a checkpoint works with one: gradients of tensors that
the function captures, `autograd.grad`, derivatives of derivatives, checkpoints in checkpoints.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import _modes
from .._alias import cell_of
from .._batched import entered, running
from .._generator import Draw, recorded, repeated
from .._graph import Cell
from .._recording import save
from .._tensor import Tensor, wrap
from .._transform import Transformed, everywhere
from ..autograd.graph import saved_tensors_hooks

__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential"]


class CheckpointError(RuntimeError):
    """The function did something else when it ran again."""


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool = False,
    preserve_rng_state: bool = True,
    determinism_check: str = "default",
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Call `function(*args, **kwargs)` without keeping what it saves for backward.

    Backward runs the function again to have these values. A chain of n steps in about sqrt(n)
    checkpoints needs memory for about 2 sqrt(n) steps, and one more forward.

    Parameters
    ----------
    function : function
        Of Tensors and anything else. It has to compute the same each time.
    *args, **kwargs
        Its arguments. Tensors among them are kept as any saved value is: writes in place are
        not seen by the second run.
    use_reentrant : bool
        For programs that come from PyTorch. Both values do the same here.
    preserve_rng_state : bool
        Run again with the same random numbers: of all generators of `anygrad.random`, and, by their states, of NumPy's
        global generator and Python's `random`. Others of your own are to be made inside of the function. None of
        anygrad's is moved by the second run, and other threads may draw from them.
    determinism_check : {"default", "none"}
        Whether to check that the second run saves values of the same shapes, dtypes and devices.
    early_stop : bool
        End the second run as soon as all the values are there.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    CheckpointError
        In backward, if the second run saves other values than the first did.
    """
    if determinism_check not in ("default", "none"):
        raise ValueError(f"checkpoint(): determinism_check must be 'default' or 'none', not {determinism_check!r}")
    if not _modes.local.grad_enabled:
        return function(*args, **kwargs)  # it saves nothing, and takes the fast paths
    run = _Run(function, args, kwargs, preserve_rng_state, determinism_check == "default", early_stop)
    with saved_tensors_hooks(run.pack, run.unpack), recorded() as run.draws:
        return function(*args, **kwargs)


def checkpoint_sequential(functions: Sequence[Callable[..., Any]], segments: int, input: Any, use_reentrant: bool = False, **kwargs: Any) -> Any:
    """Apply functions one after the other, in checkpoints of about equal length.

    Parameters
    ----------
    functions : sequence of functions
        Each takes what the one before returned.
    segments : int
        The number of checkpoints; the last one's values are kept, since backward needs them at once.
    input
        For the first function.
    use_reentrant : bool
        See `checkpoint`, which has the other parameters, too.
    """
    functions = tuple(functions)
    if not 0 < segments <= max(len(functions), 1):
        raise ValueError(f"checkpoint_sequential(): segments must be 1 to {len(functions)}, the number of functions; got {segments}")
    size = len(functions) // segments
    for start in range(0, size * (segments - 1), size):
        input = checkpoint(_chained(functions[start : start + size]), input, use_reentrant=use_reentrant, **kwargs)
    return _chained(functions[size * (segments - 1) :])(input)


def _chained(functions: Sequence[Callable[..., Any]]) -> Callable[[Any], Any]:
    def chain(x: Any) -> Any:
        for function in functions:
            x = function(x)
        return x

    return chain


# ---------------------------------------------------------------------------
# the second run
# ---------------------------------------------------------------------------


class _Place:
    """Where a saved value was. It keeps the run alive, and the run knows it weakly."""

    __slots__ = ("__weakref__", "index", "kind", "run")

    def __init__(self, run: _Run, index: int, kind: Any) -> None:
        self.run, self.index, self.kind = run, index, kind


_Values = weakref.WeakKeyDictionary[_Place, Cell]


class _Done(BaseException):
    """Ends the second run early; no `except Exception` of the function's own catches it."""


class _Run:
    """One call of a function, and how to repeat it."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, random_state: bool, check: bool, early_stop: bool) -> None:
        self.function, self.check, self.early_stop = function, check, early_stop
        self.args = [_kept(x) for x in args]
        self.kwargs = {name: _kept(x) for name, x in kwargs.items()}
        self.batches = running()
        self.random_state = _random_state() if random_state else None
        self.draws: list[Draw] = []
        self.places: list[weakref.ref[_Place]] = []
        # The values of a second run, for the backward that asked for it and as long as that runs.
        self.values: weakref.WeakKeyDictionary[Any, _Values] = weakref.WeakKeyDictionary()

    def pack(self, value: Tensor) -> _Place:
        place = _Place(self, len(self.places), _kind(value))
        self.places.append(weakref.ref(place))
        return place

    def unpack(self, place: _Place) -> Tensor:
        backward = _modes.local.backward_nodes
        if not backward:  # somebody looks at a saved value
            return wrap(self.repeat()[place].array)
        if place not in self.values.get(backward, ()):
            self.values[backward] = self.repeat()
        return wrap(self.values[backward][place].array)

    def repeat(self) -> _Values:
        """Run the function again; what it saves this time, by the places of the first time."""
        found: _Values = weakref.WeakKeyDictionary()
        count = 0

        def pack(value: Tensor) -> Tensor:
            nonlocal count
            if count < len(self.places) and (place := self.places[count]()) is not None:
                if self.check and _kind(value) != place.kind:
                    raise CheckpointError(
                        f"checkpoint(): value {count} that the function saves was {_words(place.kind)} in the forward, and is {_words(_kind(value))} now. "
                        "The function must compute the same each time; random numbers and outside state must be the same, too."
                    )
                found[place] = cell_of(value)  # the function may write to it in place later
            count += 1
            if self.early_stop and count == len(self.places):
                raise _Done
            return value

        args = [_revived(x) for x in self.args]
        kwargs = {name: _revived(x) for name, x in self.kwargs.items()}
        with (
            entered(self.batches),
            self._levels(),
            _modes.enable_grad(),
            self._randomness(),
            saved_tensors_hooks(pack, lambda value: value),
            contextlib.suppress(_Done),
        ):
            self.function(*args, **kwargs)
        if count != len(self.places):
            raise CheckpointError(
                f"checkpoint(): the function saved {len(self.places)} values in the forward, and {count} now. It must compute the same each time."
            )
        return found

    @contextlib.contextmanager
    def _levels(self) -> Iterator[None]:
        """The levels of transformed arguments, which may have ended."""
        with contextlib.ExitStack() as stack:
            for x in (*self.args, *self.kwargs.values()):
                for scope in _scopes(x):
                    stack.enter_context(scope)
            yield

    @contextlib.contextmanager
    def _randomness(self) -> Iterator[None]:
        if self.random_state is None:
            yield
            return
        now = _random_state()
        try:
            _set_random_state(self.random_state)
            with repeated(self.draws, CheckpointError):
                yield
        finally:
            _set_random_state(now)


def _random_state() -> tuple[Any, Any]:
    import random  # not at the top: importing it takes a millisecond, and checkpoints are rare

    return np.random.get_state(), random.getstate()  # noqa: NPY002  (programs use the global generator)


def _set_random_state(state: tuple[Any, Any]) -> None:
    import random

    np.random.set_state(state[0])  # noqa: NPY002
    random.setstate(state[1])


class _Kept(NamedTuple):
    """A Tensor among the arguments, as the second run needs it."""

    saved: Any
    requires_grad: bool


class _KeptParts(NamedTuple):
    """The same for a dual number or another transformed tensor."""

    like: Transformed
    parts: list[Any]


def _kept(x: Any) -> Any:
    if isinstance(x, Transformed):
        return _KeptParts(everywhere(Tensor.detach, x), [_kept(part) for part in x.parts()])  # type: ignore[arg-type]
    return _Kept(save(x, x._data), x.requires_grad) if isinstance(x, Tensor) else x


def _revived(x: Any) -> Any:
    if isinstance(x, _KeptParts):
        return x.like.of_parts([_revived(part) for part in x.parts])
    if not isinstance(x, _Kept):
        return x
    out = wrap(x.saved.array)
    out.requires_grad = x.requires_grad
    return out


def _scopes(x: Any) -> Iterator[contextlib.AbstractContextManager[Any]]:
    if isinstance(x, _KeptParts):
        yield x.like.scope
        for part in x.parts:
            yield from _scopes(part)


def _kind(value: Tensor) -> Any:
    return value.shape, value.dtype, value.device


def _words(kind: Any) -> str:
    return f"of shape {kind[0]} and {kind[1]} on {kind[2]}"
