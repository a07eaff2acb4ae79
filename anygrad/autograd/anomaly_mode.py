"""Anomaly mode: where in the forward a NaN or an error of backward comes from.

While it is on, every node keeps the lines of the caller's code that it was made on; nodes that
a backward makes (`create_graph`) also name the node that was running. Operations take the
general path then, and backward looks at every gradient: it is for finding mistakes.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _engine, _modes
from .._backends import namespace
from .._dtypes import is_inexact
from .._graph import Node, Output

if TYPE_CHECKING:
    from traceback import StackSummary

__all__ = ["detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_detect_anomaly"]

_OUR_FILES = (os.path.dirname(os.path.dirname(__file__)) + os.sep, "<anygrad")  # the package, and the code that it writes


class _Trace(NamedTuple):
    """Where a node was made; and if a backward made it, the name and the trace of the node that was running."""

    stack: StackSummary
    running: tuple[str, _Trace | None] | None


class _Anomalies:
    """What the engine calls in anomaly mode."""

    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan

    def note_forward(self, node: Node) -> None:
        """Keep where a node is made."""
        running = getattr(_modes.local.backward_nodes, "running", None)
        node.extra.forward_trace = _Trace(_callers(), None if running is None else _name_and_trace(running))

    def inspect_gradients(self, node: Node, grads: Sequence[Any]) -> None:
        """Raise if a gradient that a node made has a NaN."""
        if not self.check_nan:
            return
        for i, grad in enumerate(grads):
            array = getattr(grad, "_data", grad)
            if array is not None and is_inexact(array) and _has_nan(array):
                raise RuntimeError(
                    f"Function '{node.name()}' returned nan values in its {i}th output, a gradient of shape {tuple(array.shape)}. {_place(node)} "
                    "Usually its derivative is infinite or undefined at some value, and a gradient of 0 does not hide that: replace such values before the function, not after it."
                )

    def explain_error(self, node: Node) -> None:
        """Warn with the forward of a node in which something raised."""
        name, trace = _name_and_trace(node)
        message = f"Error detected in {name}{f', of a leaf of shape {tuple(node.shape or ())}' if node.is_leaf else ''}."
        if trace is None and not node.is_leaf:
            message += " No forward pass information available. Enable detect anomaly during forward pass for more information."
        elif trace is not None:
            message += f" Traceback of forward call that caused the error:\n{_text(trace)}"
        while trace is not None and trace.running is not None:
            name, trace = trace.running
            message += f"\nPrevious calculation was induced by {name}."
            if trace is not None:
                message += f" Traceback of forward call that induced the previous calculation:\n{_text(trace)}"
        caller = _callers()[-1]
        warnings.warn_explicit(message, UserWarning, caller.filename, caller.lineno or 0)


def _has_nan(array: Any) -> bool:
    xp = namespace(array)
    with xp.device_guard(array):
        return bool(xp.any(xp.isnan(array)))


def _callers() -> StackSummary:
    """The stack without anygrad's own frames, the outermost first."""
    import traceback  # not before it is needed: its import is a fortieth of anygrad's

    frames = [(f, line) for f, line in traceback.walk_stack(sys._getframe()) if not f.f_code.co_filename.startswith(_OUR_FILES)]
    return traceback.StackSummary.extract(reversed(frames), lookup_lines=False)


def _name_and_trace(node: Node) -> tuple[str, _Trace | None]:
    node = node.node if isinstance(node, Output) else node
    return node.name(), None if node._extra is None else node._extra.forward_trace


def _text(trace: _Trace) -> str:
    return "".join(trace.stack.format())


def _place(node: Node) -> str:
    """A sentence on where in the forward a node was made."""
    _, trace = _name_and_trace(node)
    if trace is None:
        return "Run the forward in anomaly mode too, to see where it was called."
    frame = trace.stack[-1]
    backward = "" if trace.running is None else f", in the backward of {trace.running[0]}"
    return f"It was called at {frame.filename}:{frame.lineno}, in {frame.name}{backward}: `{frame.line}`."


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return _engine.watcher is not None


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode looks for NaN, if it is on."""
    return _state[1]


_state = (False, True)  # whether it is on, whether it looks for NaN


def _switch(enabled: bool, check_nan: bool) -> tuple[bool, bool]:
    """Switch anomaly mode for all threads; returns the state before."""
    global _state
    before, _state = _state, (bool(enabled), bool(check_nan))
    _engine.watcher = _Anomalies(check_nan) if enabled else None
    _modes.count_unusual(_state[0] - before[0])  # the written paths of primitives keep no traces
    return before


class detect_anomaly:
    """Find where a NaN or an error of backward comes from, inside a `with`.

    Run forward and backward in it. An error in backward comes with a warning that shows where
    in the forward the function was called; a NaN in a gradient is an error that names the
    function and the line. It holds for all threads, and is slow.

    Parameters
    ----------
    check_nan : bool, default True
        Look for NaN.

    Examples
    --------
    >>> with anygrad.autograd.detect_anomaly():
    ...     loss = compute()
    ...     loss.backward()
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        self._before: list[tuple[bool, bool]] = []
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging.", UserWarning, stacklevel=2
        )

    def __enter__(self) -> None:
        self._before.append(_switch(True, self.check_nan))

    def __exit__(self, *exc: object) -> None:
        _switch(*self._before.pop())


class set_detect_anomaly:
    """Switch anomaly mode on or off: at once when called, and back at the end of a `with`.

    Parameters
    ----------
    mode : bool
        Whether it is on from now on.
    check_nan : bool, default True
        Look for NaN.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"set_detect_anomaly: mode must be a bool, not {type(mode).__name__}")
        self._before = _switch(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _switch(*self._before)
