"""What an operation costs beside its arithmetic, counted and not timed: an increase fails here on any machine.

Each program is counted for k and for 2k repetitions: the difference, divided by k, is what one repetition costs,
exactly, whatever happens once. It is counted twice, on NumPy's arrays and on arrays of a class that counts what is done
with them. What has become smaller is written down here, so that it stays so.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
import pytest
from tables import ROWS, Row

import anygrad as ag
import anygrad_numpy
from anygrad import _backends
from anygrad._graph import sequence
from anygrad._primitive import registry

K = 8
FOLDERS = tuple(str(Path(module.__file__).parent) for module in (ag, anygrad_numpy))


class Cost(NamedTuple):
    """Of one repetition, forward and backward."""

    nodes: int  # of the graph
    functions: int  # Python functions of anygrad that are entered, at most
    calls: int  # of the array library: operators, functions, reads and writes by a key
    arrays: int  # that it returns in memory of their own


# ---------------------------------------------------------------------------
# counting
# ---------------------------------------------------------------------------

calls: Counter[str] = Counter()


class Counted(np.ndarray):
    """NumPy's array; what is done with it is counted in `calls`, and new memory as "array"."""

    @property
    def base(self) -> Any:
        base = super().base
        return None if type(base) is np.ndarray and base.base is None else base  # it is our cover of an array that NumPy made

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **kwargs: Any) -> Any:
        calls[ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"] += 1
        if out:
            getattr(ufunc, method)(*map(plain, inputs), out=tuple(map(plain, out)), **kwargs)
            return out[0]
        return counted(getattr(ufunc, method)(*map(plain, inputs), **kwargs))

    def __getitem__(self, key: Any) -> Any:
        calls["getitem"] += 1
        return counted(plain(self)[plain(key)], self)

    def __setitem__(self, key: Any, value: Any) -> None:
        calls["setitem"] += 1
        plain(self)[plain(key)] = plain(value)


def plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    return value.view(np.ndarray) if type(value) is Counted else value


def counted(value: Any, source: Any = None) -> Any:
    """What NumPy returned, as an array that counts: a view of the source, or new."""
    if isinstance(value, (list, tuple)):
        return type(value)(counted(v, source) for v in value)
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    value = np.asarray(value)
    if value.base is None:
        calls["array"] += 1
        return value.view(Counted)
    view = value.view(Counted)
    assert source is None or np.may_share_memory(view, source)
    return view


class CountingBackend:
    """anygrad_numpy for such arrays: each function that takes or returns arrays is a call."""

    name, array_type, scalar_types = "counting", Counted, ()
    _QUESTIONS = frozenset("device_of device_guard shares_memory owns_memory raw_dtype isdtype result_type finfo".split())

    def __getattr__(self, name: str) -> Any:
        value = getattr(anygrad_numpy, name)
        if not callable(value) or isinstance(value, type) or name in self._QUESTIONS:
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            return counted(value(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()}))

        setattr(self, name, call)
        return call


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_backends._loaded, "counting", CountingBackend())
    monkeypatch.setitem(_backends._by_type, Counted, _backends._loaded["counting"])


def leaf(kind: type, *shape: int, requires_grad: bool = True) -> ag.Tensor:
    """Some numbers in an array of that class."""
    x = ag.asarray(np.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape).view(kind))
    return x.requires_grad_(requires_grad)


def functions_entered(program: Callable[..., Any], n: int) -> int:
    """Frames of anygrad; comprehensions are not counted, which have frames of their own in Python 3.11 alone."""
    found = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal found
        if event == "call":
            code = frame.f_code
            ours = code.co_filename.startswith(FOLDERS) or code.co_filename == "<anygrad primitive>"
            found += ours and (code.co_name == "<lambda>" or code.co_name[0] != "<")

    sys.setprofile(note)
    try:
        program(np.ndarray, n)
    finally:
        sys.setprofile(None)
    return found


def nodes_made(program: Callable[..., Any], n: int) -> int:
    before = next(sequence)
    program(np.ndarray, n)
    return next(sequence) - before


def calls_made(program: Callable[..., Any], n: int) -> Counter[str]:
    calls.clear()
    program(Counted, n)
    return calls.copy()


def of_one_repetition(count: Callable[..., int], program: Callable[..., Any]) -> int:
    one, two = count(program, K), count(program, 2 * K)
    assert (two - one) % K == 0, f"{count.__name__}: {one} for {K} repetitions, {two} for {2 * K}"
    return (two - one) // K


# ---------------------------------------------------------------------------
# the programs
# ---------------------------------------------------------------------------


def small_chain(kind: type, n: int) -> None:
    x, w, b = leaf(kind, 10), leaf(kind, 10), leaf(kind, 10)
    for _ in range(n):
        x = x * w + b
    x.backward(leaf(kind, 10, requires_grad=False))


def numbers(kind: type, n: int) -> None:
    x = leaf(kind, 10)
    for _ in range(n):
        x = 1.0 - x * 0.5
    x.backward(leaf(kind, 10, requires_grad=False))


def constants(kind: type, n: int) -> None:
    """What needs no gradient makes no node and no gradient."""
    x, data = leaf(kind, 10), leaf(kind, 10, requires_grad=False)
    for _ in range(n):
        x = x * (data * data)
    x.backward(leaf(kind, 10, requires_grad=False))


def functions(kind: type, n: int) -> None:
    x = leaf(kind, 10)
    for _ in range(n):
        x = ag.tanh(ag.exp(ag.sin(x)))
    x.backward(leaf(kind, 10, requires_grad=False))


def broadcasting(kind: type, n: int) -> None:
    x, b = leaf(kind, 4, 10), leaf(kind, 10)
    for _ in range(n):
        x = x + b
    x.backward(leaf(kind, 4, 10, requires_grad=False))


def mlp_step(kind: type, n: int) -> None:
    data, target = leaf(kind, 4, 3, requires_grad=False), leaf(kind, 4, 2, requires_grad=False)
    parameters = leaf(kind, 3, 5), leaf(kind, 5), leaf(kind, 5, 2), leaf(kind, 2)
    w1, b1, w2, b2 = parameters
    for _ in range(n):
        loss = ag.sum((ag.tanh(data @ w1 + b1) @ w2 + b2 - target) ** 2)
        loss.backward()
        with ag.no_grad():
            for p in parameters:
                p -= 0.01 * p.grad  # type: ignore[operator]
                p.grad = None


def update_in_place(kind: type, n: int) -> None:
    """A step with momentum: no write makes a copy, since no graph is left."""
    w, velocity = leaf(kind, 10), leaf(kind, 10, requires_grad=False)
    for _ in range(n):
        ag.sum(w * w).backward()
        with ag.no_grad():
            velocity *= 0.9
            velocity += w.grad  # type: ignore[arg-type]
            w -= 0.1 * velocity
            w.grad.zero_()  # type: ignore[union-attr]


def softmax(kind: type, n: int) -> None:
    x = leaf(kind, 4, 10)
    for _ in range(n):
        x = ag.softmax(x, axis=-1)
    x.backward(leaf(kind, 4, 10, requires_grad=False))


def softmax_written_out(kind: type, n: int) -> None:
    x = leaf(kind, 4, 10)
    for _ in range(n):
        e = ag.exp(x - ag.max(x, axis=-1, keepdims=True))
        x = e / ag.sum(e, axis=-1, keepdims=True)
    x.backward(leaf(kind, 4, 10, requires_grad=False))


def layer_norm(kind: type, n: int) -> None:
    x, scale, shift = leaf(kind, 4, 10), leaf(kind, 10), leaf(kind, 10)
    for _ in range(n):
        centred = x - ag.mean(x, axis=-1, keepdims=True)
        variance = ag.mean(centred * centred, axis=-1, keepdims=True)
        x = centred / ag.sqrt(variance + 1e-5) * scale + shift
    x.backward(leaf(kind, 4, 10, requires_grad=False))


def matmul(kind: type, n: int) -> None:
    x, w = leaf(kind, 4, 4), leaf(kind, 4, 4)
    for _ in range(n):
        x = x @ w
    x.backward(leaf(kind, 4, 4, requires_grad=False))


def matrix_times_vector(kind: type, n: int) -> None:
    w, x = leaf(kind, 4, 4), leaf(kind, 4)
    for _ in range(n):
        x = w @ x
    x.backward(leaf(kind, 4, requires_grad=False))


def reading_rows(kind: type, n: int) -> None:
    x, total = leaf(kind, 20, 3), leaf(kind, 3)
    for i in range(n):
        total = total + x[i]
    total.backward(leaf(kind, 3, requires_grad=False))


def writing_rows(kind: type, n: int) -> None:
    x, rows = leaf(kind, 3), leaf(kind, 20, 3, requires_grad=False)
    for i in range(n):
        rows[i] = x * 2.0
    rows.backward(leaf(kind, 20, 3, requires_grad=False))


def second_derivative(kind: type, n: int) -> None:
    x = leaf(kind, 10)
    for _ in range(n):
        (g,) = ag.autograd.grad(ag.sum(x * x), x, create_graph=True)
        ag.autograd.grad(ag.sum(g), x)


COSTS: dict[Callable[..., None], Cost] = {
    small_chain: Cost(2, 4, 6, 4),
    numbers: Cost(2, 6, 4, 4),
    constants: Cost(1, 3, 3, 3),
    functions: Cost(3, 19, 9, 8),
    broadcasting: Cost(1, 5, 3, 2),
    mlp_step: Cost(8, 177, 32, 22),
    update_in_place: Cost(2, 153, 15, 8),
    softmax: Cost(1, 26, 12, 10),
    softmax_written_out: Cost(5, 67, 28, 22),
    layer_norm: Cost(9, 81, 37, 27),
    matmul: Cost(1, 17, 6, 3),
    matrix_times_vector: Cost(1, 14, 5, 3),
    reading_rows: Cost(2, 19, 4, 2),
    writing_rows: Cost(2, 64, 7, 3),
    second_derivative: Cost(6, 127, 13, 11),
}

PEAKS = [
    pytest.param(lambda h, w: h + w, 2, 4, id="h + w"),
    pytest.param(lambda h, w: h * w, 20, 24, id="h * w"),
    pytest.param(lambda h, w: h / w, 20, 25, id="h / w"),
    pytest.param(lambda h, w: ag.exp(-h), 21, 23, id="exp(-h)"),
    pytest.param(lambda h, w: ag.sin(h), 20, 22, id="sin"),
    pytest.param(lambda h, w: ag.tanh(h), 20, 23, id="tanh"),
    pytest.param(lambda h, w: ag.sqrt(h), 20, 23, id="sqrt"),
    pytest.param(lambda h, w: ag.reshape(h, (100, 1000))[:, ::-1].reshape(-1), 2, 4, id="views"),
    pytest.param(lambda h, w: ag.softmax(h), 20, 23, id="softmax"),
]


@pytest.mark.usefixtures("counting")
@pytest.mark.parametrize("program", COSTS, ids=lambda f: f.__name__)
def test_what_one_repetition_costs(program: Callable[..., None]) -> None:
    for kind in (np.ndarray, Counted):
        program(kind, 1)  # the first call of a function writes it
    found = Cost(
        nodes=of_one_repetition(nodes_made, program),
        functions=of_one_repetition(functions_entered, program),
        calls=of_one_repetition(lambda p, n: sum(c for name, c in calls_made(p, n).items() if name != "array"), program),
        arrays=of_one_repetition(lambda p, n: calls_made(p, n)["array"], program),
    )
    one, two = calls_made(program, K), calls_made(program, 2 * K)
    details = {name: (two[name] - one[name]) // K for name in two if two[name] != one[name]}
    wanted = COSTS[program]
    assert found.functions <= wanted.functions, f"{program.__name__}: Cost{tuple(found)}: more functions are entered than the {wanted.functions} so far"
    assert found._replace(functions=wanted.functions) == wanted, f"{program.__name__}: Cost{tuple(found)}: {details}"


FORWARDS = {made.forward.__code__: made.name for made in registry.values()}


def computed_twice(row: Row) -> list[str]:
    """The primitives whose forward runs more than once on the same arguments."""
    xs = [ag.asarray(a, copy=True) for a in row.arrays]
    for i in row.live:
        xs[i].requires_grad_()
    done: Counter[tuple[Any, ...]] = Counter()
    running: list[list[Any]] = []
    kept: list[list[Any]] = []  # so that no other array gets the place of one of these

    def note(frame: FrameType, event: str, result: Any) -> None:
        if frame.f_code in FORWARDS and event == "call":
            running.append([v for local in frame.f_locals.values() for v in (local if isinstance(local, tuple) else (local,))])
        elif frame.f_code in FORWARDS and event == "return":
            values = running.pop()
            kept.append(values)
            if all(result is not v for v in values):  # there was something to do
                done[FORWARDS[frame.f_code], *(id(v) if isinstance(v, np.ndarray) else repr(v) for v in values)] += 1

    sys.setprofile(note)
    try:
        row.function(*xs)
    finally:
        sys.setprofile(None)
    return [f"{row}: {name}" for (name, *_), times in done.items() if times > 1 and name != "getitem"]  # padding reads one piece again and again


def test_nothing_is_computed_twice() -> None:
    """Also where the written code hands over to the general path."""
    assert [found for row in ROWS for found in computed_twice(row)] == []


@pytest.mark.parametrize(("step", "forward", "backward"), PEAKS)
def test_the_most_memory_at_once(step: Callable[[Any, Any], Any], forward: float, backward: float) -> None:
    """Of 20 steps, beside the leaves, in arrays of 100,000 float64.

    Backward may need what forward has left, the gradient that is given, one that comes in and one that goes out, those of
    the leaves, and what the rule itself makes on the way.
    """
    x, w = (ag.full((100_000,), 0.5, dtype=ag.float64, requires_grad=True) for _ in range(2))
    tracemalloc.start()
    try:
        h = x
        for _ in range(20):
            h = step(h, w)
        peaks = [tracemalloc.get_traced_memory()[1] / x.nbytes]
        tracemalloc.reset_peak()
        h.backward(ag.ones_like(h))
        peaks.append(tracemalloc.get_traced_memory()[1] / x.nbytes)
    finally:
        tracemalloc.stop()
    assert peaks == pytest.approx([forward, backward], abs=0.1)
