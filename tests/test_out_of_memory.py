"""Out of memory: the error says what was asked and what is held, nothing is half-written, and everything goes on afterwards.

On the stand-in every single allocation of a program fails once. (CuPy itself gives back what its pool keeps, collects garbage
and tries again before it raises, so there is no more to try.)
"""

from __future__ import annotations

import re
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import stand_in_device
from cupy_stand_in import installed
from test_cuda import A, B

import anygrad as ag
from anygrad import OutOfMemoryError

PETA = 1 << 50  # numbers


def leaves() -> tuple[ag.Tensor, ag.Tensor]:
    return ag.tensor(A, device="cuda", requires_grad=True), ag.tensor(B, device="cuda", requires_grad=True)


class Square(ag.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: ag.Tensor) -> ag.Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: ag.Tensor) -> ag.Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x * g


def in_place(x: ag.Tensor, w: ag.Tensor) -> ag.Tensor:
    y = x * 2
    z = (y * y).sum()
    y[0] = 3.0
    y += x
    y[1:, ::2] *= 2
    y.copy_(y * y)
    return z + y.sum()


def saved_then_written(x: ag.Tensor, w: ag.Tensor) -> ag.Tensor:
    a = ag.tensor(A, device="cuda")
    y = x * a
    a += a
    return (y * a).sum()


PROGRAMS: dict[str, Callable[[ag.Tensor, ag.Tensor], ag.Tensor]] = {
    "a layer": lambda x, w: (ag.tanh(x @ w + 1) ** 2).mean(),
    "numbers": lambda x, w: (2 - x / 3).sum() + ag.maximum(w, 1.0).sum() + ag.where(w > 1, w, 0.0).sum() + (np.float32(2) * w).sum(),
    "indices": lambda x, w: x[[0, 0, 2]].sum() + w[1:, 0].sum() + ag.take(w, ag.asarray([1, 1], device="cuda"), axis=0).sum(),
    "shapes": lambda x, w: ag.concat([x.T, w], axis=1).sum() + ag.stack(ag.unstack(x)).max() + ag.sort(w, axis=0)[0].sum(),
    "there and back": lambda x, w: (x.cpu() * 2).cuda().sum() + w.to(ag.float64).sum(),
    "constructors": lambda x, w: (x * ag.ones_like(x) * ag.tensor(A, device="cuda")).sum() + (w @ ag.eye(2, device="cuda")).sum() + ag.linspace(0, 1, 3, device="cuda").sum() + ag.arange(3, device="cuda").sum() + ag.full((2,), 2.0, device="cuda").sum() + w.clone().sum(),
    "in place": in_place,
    "in place, not recorded": saved_then_written,
    "linear algebra": lambda x, w: ag.linalg.inv(x @ x.T + ag.eye(3, device="cuda")).sum() + ag.linalg.svd(w)[1].sum(),
    "a Function": lambda x, w: (Square.apply(x) @ w).sum(),
    "second derivatives": lambda x, w: (ag.autograd.grad((ag.sin(x) @ w).sum(), x, create_graph=True)[0] ** 2).sum(),
    "a checkpoint": lambda x, w: ag.utils.checkpoint.checkpoint(lambda a, b: ag.exp(-(a @ b)), x, w, use_reentrant=False).sum(),
    "statistics": lambda x, w: ag.var(x, axis=0).sum() + ag.special.logsumexp(w, axis=1).sum() + ag.special.softmax(w, axis=0).max(),
}  # fmt: skip


def allocations(run: Callable[[], Any]) -> int:
    before = stand_in_device.pool.allocations
    run()
    return stand_in_device.pool.allocations - before


def fail_at(n: int) -> None:
    """The n-th allocation from now on fails."""
    stand_in_device.pool.fail_at = stand_in_device.pool.allocations + n


def attempt(run: Callable[[], Any]) -> OutOfMemoryError | None:
    try:
        run()
    except OutOfMemoryError as error:
        return error
    return None


def grads(*tensors: ag.Tensor) -> list[Any]:
    return [None if t.grad is None else t.grad.tolist() for t in tensors]


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_allocation_of_a_program_may_fail(name: str, devices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with installed(monkeypatch, devices=devices):
        check_program(PROGRAMS[name])


def check_program(program: Callable[[ag.Tensor, ag.Tensor], ag.Tensor]) -> None:
    x, w = leaves()
    program(x, w).backward()
    expected = grads(x, w)
    values = [t.tolist() for t in (x, w)]

    def step() -> None:
        program(x, w).backward()

    n = allocations(step)
    assert n > 5
    failed = 0
    for i in range(1, n + 1):
        x.grad = w.grad = None
        used = stand_in_device.pool.used_bytes()
        fail_at(i)
        caught = attempt(step)
        if caught is None:  # an operation that was tried again by the general path
            assert grads(x, w) == expected
            x.grad = w.grad = None
        else:
            failed += 1
            assert re.search(r"Out of memory allocating [\d,]+ bytes.*On cuda:0, arrays hold", str(caught))
            assert caught.__cause__ is not None
            assert grads(x, w) == [None, None]
            del caught
        assert stand_in_device.pool.used_bytes() == used, f"allocation {i} of {n}: memory was not given back"
        assert [t.tolist() for t in (x, w)] == values
    assert failed > n // 4
    step()
    assert grads(x, w) == expected


# ---------------------------------------------------------------------------
# gradients
# ---------------------------------------------------------------------------


def every_failure_of(run: Callable[[], Any], reset: Callable[[], Any]) -> Iterator[OutOfMemoryError]:
    """Each error that `run` ends with as one allocation after the other fails; `reset` is called before each."""
    reset()
    for i in range(1, allocations(run) + 1):
        reset()
        fail_at(i)
        if (caught := attempt(run)) is not None:
            yield caught


@pytest.mark.usefixtures("cuda", "on_the_stand_in")
def test_a_graph_that_was_kept_can_be_run_again() -> None:
    x, w = leaves()
    loss = PROGRAMS["a layer"](x, w)
    loss.backward(retain_graph=True)
    expected = grads(x, w)

    def reset() -> None:
        x.grad = w.grad = None

    failures = 0
    for _ in every_failure_of(lambda: loss.backward(retain_graph=True), reset):
        failures += 1
        assert grads(x, w) == [None, None]
        loss.backward(retain_graph=True)
        assert grads(x, w) == expected
    assert failures > 5


@pytest.mark.usefixtures("cuda", "on_the_stand_in")
@pytest.mark.parametrize("arguments", [lambda x, w: {}, lambda x, w: {"inputs": [x, w]}], ids=["all", "inputs"])
def test_what_was_added_to_older_gradients_stays_and_the_error_says_so(arguments: Any) -> None:
    x, w = leaves()
    loss = (x * x).sum() + (w**3).sum()
    old = [np.ones_like(A).tolist(), np.ones_like(B).tolist()]
    whole = [(1 + 2 * A).tolist(), (1 + 3 * B**2).tolist()]

    def reset() -> None:
        x.grad, w.grad = ag.ones_like(x), ag.ones_like(w)

    told = set()
    for error in every_failure_of(lambda: loss.backward(retain_graph=True, **arguments(x, w)), reset):
        added = 0
        for found, before, after in zip(grads(x, w), old, whole, strict=True):
            assert found == before or np.allclose(found, after, rtol=1e-6)
            added += found != before
        told.add(added)
        assert (f"{added} of the leaves" in str(error)) is (added > 0)
        assert ("Every .grad is as it was before" in str(error)) is (added == 0 and not str(error).startswith("backward: "))  # before it has begun
    assert told == ({0} if arguments(x, w) else {0, 1})  # with inputs= gradients are complete before any is added


@pytest.mark.usefixtures("cuda", "on_the_stand_in")
def test_new_and_older_gradients_together() -> None:
    x, w = leaves()
    loss = (w**3).sum() + (x * x).sum()
    added = {
        (w.grad is None, "1 of the leaves" in str(error))
        for error in every_failure_of(lambda: loss.backward(retain_graph=True), lambda: (setattr(x, "grad", ag.ones_like(x)), setattr(w, "grad", None)))
    }
    assert added == {(True, False), (True, True)}


@pytest.mark.usefixtures("cuda", "on_the_stand_in")
def test_hooks_and_retained_gradients() -> None:
    x, w = leaves()
    h = x @ w
    h.retain_grad()
    h.register_hook(lambda g: g * 2)
    w.register_post_accumulate_grad_hook(lambda t: setattr(t, "grad", t.grad * 2))
    loss = (h * h).sum()

    def reset() -> None:
        x.grad = w.grad = h.grad = None

    for _ in every_failure_of(lambda: loss.backward(retain_graph=True), reset):
        assert grads(x, w) == [None, None]
        assert h.grad is None or h.grad.shape == h.shape
    reset()
    loss.backward()
    np.testing.assert_allclose(w.grad.numpy(force=True), 8 * A.T @ (A @ B), rtol=1e-5)


def test_other_errors_leave_what_was_reached_as_in_pytorch() -> None:
    x, w = ag.ones(2, requires_grad=True), ag.ones(2, requires_grad=True)

    def fail(g: ag.Tensor) -> None:
        raise ValueError("a hook")

    x.register_hook(fail)
    with pytest.raises(ValueError, match="a hook"):
        ((x * 2).exp().sum() + w.sum()).backward()
    assert grads(x, w) == [None, [1.0, 1.0]]


# ---------------------------------------------------------------------------
# what is said
# ---------------------------------------------------------------------------


@pytest.mark.usefixtures("cuda", "on_the_stand_in")
def test_the_message() -> None:
    x = ag.tensor(np.ones((1000, 100), np.float32), device="cuda", requires_grad=True)
    stand_in_device.pool.set_limit(1_000_000)
    with pytest.raises(OutOfMemoryError) as caught:
        ag.concat([x, x])
    said = str(caught.value)
    for part in (
        "concat: Out of memory allocating 800,256 bytes",
        "On cuda:0, arrays hold 391 KiB, the pool holds 0 bytes beside them, and 60 bytes of 100 bytes are free.",
        "smaller batches", "`anygrad.no_grad()`", "`anygrad.utils.checkpoint`", "`anygrad.cuda.empty_cache()`",
        "of shape (1000, 100), float32, on cuda:0",
    ):  # fmt: skip
        assert part in said
    assert isinstance(caught.value, (MemoryError, RuntimeError))
    assert ag.cuda.OutOfMemoryError is OutOfMemoryError
    assert type(caught.value.__cause__).__module__ == "cupy.cuda.memory"
    loss = (x * 2).sum()
    stand_in_device.pool.set_limit(ag.cuda.memory_allocated() + 1024)
    with pytest.raises(OutOfMemoryError, match=r"^backward of `MulBackward0` \(shape \(1000, 100\)\): Out of memory.*On cuda:0"):
        loss.backward()
    stand_in_device.pool.set_limit(0)
    loss.backward()  # nothing that it needs was released before
    assert x.grad[0, 0].item() == 2.0


CPU: dict[str, tuple[Callable[[], Any], str]] = {
    "zeros": (lambda: ag.zeros(PETA), r"zeros: Unable to allocate 4.00 PiB"),
    "full": (lambda: ag.full((PETA,), 1.0), r"full: Unable to allocate"),
    "ones_like": (lambda: ag.ones_like(ag.broadcast_to(ag.ones(1), (PETA,))), r"ones_like: Unable to allocate"),
    "arange": (lambda: ag.arange(PETA), r"arange: .*allocate"),
    "linspace": (lambda: ag.linspace(0, 1, PETA), r"linspace: Unable to allocate"),
    "eye": (lambda: ag.eye(1 << 26), r"eye: Unable to allocate"),
    "tensor": (lambda: ag.tensor(np.broadcast_to(np.float32(1), (PETA,))), r"tensor: Unable to allocate"),
    "asarray": (lambda: ag.asarray(np.broadcast_to(np.float32(1), (PETA,)), dtype=ag.float64), r"asarray: Unable to allocate"),
    "+": (lambda: ag.broadcast_to(ag.ones(1), (PETA,)) + 1, r"add: Unable to allocate.*`x1` of shape"),
    "exp": (lambda: ag.exp(ag.broadcast_to(ag.ones(1), (PETA,))), r"exp: Unable to allocate.*`x` of shape"),
    "clone": (lambda: ag.broadcast_to(ag.ones(1), (PETA,)).clone(), r"clone: Unable to allocate"),
    "to": (lambda: ag.broadcast_to(ag.ones(1), (PETA,)).to(ag.float64), r"astype: Unable to allocate"),
    "backward": (lambda: ag.broadcast_to(ag.ones(1, requires_grad=True), (PETA,))[:1].sum().backward(), r"backward of `SliceBackward0` .*Unable to allocate"),
    "grad": (lambda: ag.autograd.grad((x := ag.broadcast_to(ag.ones(1, requires_grad=True), (PETA,)))[:1].sum(), x), r"backward of `SliceBackward0`"),
}  # fmt: skip


@pytest.mark.parametrize("name", CPU)
def test_on_the_cpu(name: str) -> None:
    run, words = CPU[name]
    with pytest.raises(OutOfMemoryError, match=rf"(?s){words}.*smaller batches") as caught:
        run()
    assert "empty_cache" not in str(caught.value)


ELSEWHERE = [
    "cudaErrorMemoryAllocation: out of memory",
    "CUDA_ERROR_OUT_OF_MEMORY: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUSOLVER_STATUS_ALLOC_FAILED",
    "CUFFT_ALLOC_FAILED",
]


@pytest.mark.parametrize("words", ELSEWHERE)
def test_libraries_that_say_it_otherwise(words: str) -> None:
    def fail(*args: Any) -> Any:
        raise RuntimeError(words)

    forward = ag.primitive("Failing", x=lambda g: g)(lambda xp, x: fail(x))
    with pytest.raises(OutOfMemoryError, match=words):
        forward(ag.ones(2))
    backward = ag.primitive("FailingLater", x=lambda g: fail(g))(lambda xp, x: xp.exp(x))
    x = ag.ones(2, requires_grad=True)
    with pytest.raises(OutOfMemoryError, match=rf"backward of `FailingLaterBackward0`.*{words}"):
        backward(x).sum().backward()
    with pytest.raises(RuntimeError, match="^elsewhere"):
        ag.primitive("Other", x=lambda g: g)(lambda xp, x: (_ for _ in ()).throw(RuntimeError("elsewhere")))(x)


def test_an_error_that_somebody_keeps_keeps_no_arrays() -> None:
    alive: list[weakref.ref[Any]] = []

    def hungry(g: Any) -> Any:
        temporary = np.ones(3)
        alive.append(weakref.ref(temporary))
        raise MemoryError("no more")

    function = ag.primitive("Hungry", x=hungry)(lambda xp, x: xp.exp(x))
    x, w = ag.ones(3, requires_grad=True), ag.ones(3, requires_grad=True)
    gradients: list[weakref.ref[Any]] = []
    y = function(x) * w
    y.register_hook(lambda g: gradients.append(weakref.ref(g._data)))
    error = attempt((y * 2).sum().backward)
    assert error is not None
    assert alive[0]() is None
    assert gradients[0]() is None
    assert "no more" in str(error)
    assert "hungry" in [frame.name for frame in traceback.extract_tb(error.__cause__.__traceback__)]  # type: ignore[union-attr]
