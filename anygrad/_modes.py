"""Grad mode and inference mode: per thread, nested, as contexts and as decorators.

Two counts over all threads tell an operation when it has to look further; while they are
zero it reads these and no thread-local storage. `off` counts threads that have switched
recording off, `unusual` what takes the general path: inference mode, hooks on saved
values, several CUDA devices, a profile.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Container
from typing import Any, Self, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

off = 0
unusual = 0
profiler: Any = None  # what measures every call; see autograd/profiler.py
_lock = threading.Lock()


class _Local(threading.local):
    """What each thread has for itself."""

    grad_enabled = True
    inference = False
    saved_tensors_hooks: tuple[tuple[Callable[..., Any], Callable[..., Any]], ...] = ()
    strict = False
    hooks_disabled: str | None = None  # the message of disable_saved_tensors_hooks
    backward_nodes: Container[Any] = ()  # the nodes that the running backward visits


local = _Local()


def count_unusual(n: int) -> None:
    """Add `n` to the number of reasons to take the general path."""
    global unusual
    with _lock:
        unusual += n


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread."""
    return local.grad_enabled


def is_inference_mode_enabled() -> bool:
    """Whether this thread is in `inference_mode`."""
    return local.inference


def switch_grad(enabled: bool) -> bool:
    """Switch recording in this thread; returns what it was before."""
    global off
    before = local.grad_enabled
    if before is not enabled:
        local.grad_enabled = enabled
        with _lock:
            off += -1 if enabled else 1
    return before


def _switch_inference(enabled: bool) -> bool:
    before = local.inference
    if before is not enabled:
        local.inference = enabled
        count_unusual(1 if enabled else -1)
    return before


class _Mode:
    """A context that is also a decorator. One object may be entered again while it
    is entered: what to go back to is kept on a stack."""

    def __init__(self) -> None:
        self._before: list[Any] = []

    def _enter(self) -> Any:
        raise NotImplementedError

    def _exit(self, before: Any) -> None:
        switch_grad(before)

    def __enter__(self) -> Self:
        self._before.append(self._enter())
        return self

    def __exit__(self, *exc: object) -> None:
        self._exit(self._before.pop())

    def _fresh(self) -> _Mode:
        return type(self)()

    def __call__(self, function: F) -> F:
        if inspect.isclass(function):
            raise TypeError(f"{type(self).__name__} decorates functions; decorate the methods of {function.__name__} instead")
        if inspect.isgeneratorfunction(function):
            return cast(F, self._wrap_generator(function))

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return cast(F, wrapper)

    def _wrap_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The mode holds while the generator's own code runs, never in its consumer."""

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            step, value = generator.send, None
            try:
                while True:
                    try:
                        with self._fresh():
                            item = step(value)
                    except StopIteration as stop:
                        return stop.value
                    try:
                        step, value = generator.send, (yield item)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step, value = generator.throw, error
            finally:
                with self._fresh():
                    generator.close()

        return wrapper


class no_grad(_Mode):
    """Operations inside are not recorded: their results do not require grad.

    For parameter updates and for evaluation. A context manager and a decorator;
    it acts on the calling thread only.

    Examples
    --------
    >>> with anygrad.no_grad():
    ...     w -= lr * w.grad
    """

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        self = super().__new__(cls)
        if function is None:
            return self
        self.__init__()  # type: ignore[misc]
        return self(function)  # @no_grad without parentheses

    def __init__(self) -> None:
        super().__init__()

    def _enter(self) -> bool:
        return switch_grad(False)


class enable_grad(_Mode):
    """Operations inside are recorded, also within `no_grad`."""

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        self = super().__new__(cls)
        if function is None:
            return self
        self.__init__()  # type: ignore[misc]
        return self(function)

    def __init__(self) -> None:
        super().__init__()

    def _enter(self) -> bool:
        return switch_grad(True)


class set_grad_enabled(_Mode):
    """Switch recording on or off: at once when called, and back at the end of a `with`.

    Parameters
    ----------
    mode : bool
        Whether operations are recorded from now on.
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.mode = bool(mode)
        self._first: list[bool] = [switch_grad(self.mode)]

    def _enter(self) -> bool:
        # The mode was switched when the object was made; the first `with` goes back to before that.
        return self._first.pop() if self._first else switch_grad(self.mode)

    def _fresh(self) -> _Mode:
        return set_grad_enabled(self.mode)

    def __call__(self, function: F) -> F:
        if self._first:
            switch_grad(self._first.pop())  # as a decorator it acts on the function alone
        return super().__call__(function)


class inference_mode(_Mode):
    """`no_grad`, and what is made inside never takes part in a graph afterwards.

    Parameters
    ----------
    mode : bool, default True
        False switches inference mode off within it.
    """

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        self = super().__new__(cls)
        if not callable(mode):
            return self
        self.__init__()  # type: ignore[misc]
        return self(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = bool(mode)

    def _enter(self) -> tuple[bool, bool]:
        return _switch_inference(self.mode), switch_grad(not self.mode)

    def _exit(self, before: tuple[bool, bool]) -> None:
        _switch_inference(before[0])
        switch_grad(before[1])

    def _fresh(self) -> _Mode:
        return inference_mode(self.mode)


class set_strict:
    """Set whether it is an error in this thread if a graph ends unnoticed.

    `float(t)`, `int(t)` and `complex(t)` of a tensor that requires grad end its graph: normally
    that warns, once in a process. `copy.deepcopy(t)` of a leaf makes another leaf, to which
    gradients then go. In strict mode these raise. `t.item()`, `t.detach()` and `t.clone()` say
    what is meant, and are always allowed.

    Parameters
    ----------
    strict : bool

    It takes effect at once; as a context manager it is undone at the end.
    """

    def __init__(self, strict: bool) -> None:
        if not isinstance(strict, bool):
            raise TypeError(f"set_strict: strict must be a bool, not {type(strict).__name__}")
        self._before, local.strict = local.strict, strict

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        local.strict = self._before
