"""On one GPU: a training step beside PyTorch, a chain of small operations beside CuPy by hand, and memory over 1000 steps.

    python ci/bench gpu                          # needs CuPy and a GPU; PyTorch is optional
    python ci/bench gpu --device cpu             # a dry run of the same code on NumPy: its times say nothing about a GPU

Gradients are compared before anything is timed. The steps take turns, each round waits for the GPU at its end, and a
ratio is the median of those of the rounds.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import gc
import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import by_hand
import measure
import numpy as np
from by_hand import Draw
from report import figure

import anygrad

STEPS = 200  # of the chain
STEP_GOAL, CHAIN_GOAL = 1.15, 1.1

Step = Callable[[], Sequence[Any]]


def training_step(lib: Any, leaf: Callable[[Any], Any], batch: int) -> Step:
    """An MLP 784-1024-1024-10 in float32: loss, gradients and the update, for anygrad or torch."""
    draw = Draw()
    x, labels = leaf(draw(batch, 784)).detach(), leaf(np.eye(10, dtype=np.float32)[draw.integers(10, batch)]).detach()
    sizes = (784, 1024, 1024, 10)
    parameters = [leaf(a) for m, n in itertools.pairwise(sizes) for a in (draw(m, n, scale=m**-0.5), draw(n, scale=0.1))]

    def step() -> Sequence[Any]:
        w1, b1, w2, b2, w3, b3 = parameters
        h = lib.tanh(lib.tanh(x @ w1 + b1) @ w2 + b2)
        (lib.sum(lib.log_softmax(h @ w3 + b3, -1) * labels) / -batch).backward()
        grads = [p.grad for p in parameters]
        with lib.no_grad():
            for p in parameters:
                p -= 0.001 * p.grad
                p.grad = None
        return grads

    return step


def chain(leaf: Callable[[Any], Any]) -> Step:
    """`x * w + b` of ten numbers, again and again, in anygrad."""
    draw = Draw()
    x, w, b, g = leaf(draw(10)), leaf(np.full(10, 0.999, np.float32)), leaf(draw(10, scale=0.01)), leaf(draw(10)).detach()

    def step() -> Sequence[Any]:
        y = x
        for _ in range(STEPS):
            y = y * w + b
        y.backward(g)
        grads = [x.grad, w.grad, b.grad]
        x.grad = w.grad = b.grad = None
        return grads

    return step


def to_host(array: Any) -> np.ndarray:
    if isinstance(array, anygrad.Tensor):
        return array.numpy(force=True)
    return array.get() if hasattr(array, "get") else np.asarray(array.cpu() if hasattr(array, "cpu") else array)


def compared(title: str, steps: dict[str, Step], wait: Callable[[], None], goal: float, rounds: int) -> str:
    """The line of a table for two steps, the other library's last; the first has anygrad's time."""
    first = {name: [to_host(g) for g in step()] for name, step in steps.items()}
    ours, other = steps
    # float32 sums of a batch in another order, and TF32 is off in both: a hundred roundings of the largest are allowed.
    for a, b in zip(first[ours], first[other], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * float(np.abs(b).max()), err_msg=f"{title}: {ours} and {other} differ")

    def waited(step: Step) -> None:
        step()
        wait()

    timed = {name: functools.partial(waited, step) for name, step in steps.items()}
    for _ in range(3):
        for step in timed.values():
            step()
    found = measure.take_turns(timed, rounds=rounds)
    times = ", ".join(f"{name} {figure(found.median(name) * 1000)} ms" for name in steps)
    return f"{title}: {times}, {ours} / {other} {figure(found.ratio(ours, other))} (goal at most {goal}), {len(found.rounds[ours])} rounds"


def growth(step: Step, steps: int) -> str:
    """How much more CuPy's pool has handed out after so many steps than after ten."""
    for _ in range(10):
        step()
    gc.collect()
    before = anygrad.cuda.memory_allocated()
    for _ in range(steps):
        step()
    gc.collect()
    return f"memory: {anygrad.cuda.memory_allocated() - before:+,} bytes after {steps} more steps of the MLP (goal 0)"


def torch_like(device: str) -> tuple[Any, Callable[[Any], Any]] | None:
    """PyTorch and its way to a leaf on the device, where there is one that can use it."""
    try:
        import torch
    except ImportError:
        return None
    if device == "cuda" and not torch.cuda.is_available():
        return None
    torch.backends.cuda.matmul.allow_tf32 = False  # CuPy's matmul of float32 is float32
    return torch, lambda a: torch.tensor(a, device=device, requires_grad=True)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python ci/bench gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=31)
    args = parser.parse_args(arguments)
    on_gpu, xp = args.device == "cuda", np
    if on_gpu:
        try:
            anygrad.zeros(1, device="cuda")
        except (anygrad.DeviceError, ImportError) as error:
            sys.exit(f"python ci/bench gpu needs a GPU: {error}\nA dry run of the same code on NumPy: python ci/bench gpu --device cpu")
        import cupy as xp
    what = f"GPU: {anygrad.cuda.get_device_name()}" if on_gpu else "DRY RUN ON THE CPU: these times say nothing about a GPU"
    print(f"{what}; {datetime.date.today()}, {xp.__name__} {xp.__version__}, anygrad {anygrad.__version__}")

    def wait() -> None:
        if on_gpu:
            anygrad.cuda.synchronize()  # the whole device: torch's stream, too

    def leaf(array: Any) -> Any:
        return anygrad.tensor(array, device=args.device, requires_grad=True)

    step = training_step(anygrad, leaf, args.batch)
    torch = torch_like(args.device)
    if torch is None:
        print("MLP: no PyTorch that can use this device, so there is nothing to compare with")
    else:
        steps = {"anygrad": step, f"torch {torch[0].__version__} eager": training_step(*torch, args.batch)}
        print(compared(f"MLP 784-1024-1024-10, batch {args.batch}, float32, with its update", steps, wait, STEP_GOAL, args.rounds))
    steps = {"anygrad": chain(leaf), f"{xp.__name__} by hand": by_hand.chain(Draw(), xp, STEPS)}
    print(compared(f"chain of {STEPS} `x * w + b` of shape (10,)", steps, wait, CHAIN_GOAL, args.rounds))
    print(growth(step, 1000) if on_gpu else "memory: CuPy's pool is not there on the CPU")
