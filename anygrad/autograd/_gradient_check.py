"""One call of `gradcheck`: gradients against differences.

The Jacobian J of each output by each input is computed twice: its rows by backward (or its columns
forward), its columns by central differences. In fast mode only v^T J u is compared, for a random v and u: one backward
and two calls of the function, whatever the size. Complex inputs are moved along the real and the
imaginary axis; of complex outputs the real and the imaginary part are checked, each as a function
of its own. Comparing is done on the host.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .._backward import grad
from .._dtypes import is_inexact
from .._errors import GradcheckError
from .._tensor import Tensor
from .._tree import as_tuple
from ..ops.creation import asarray, zeros_like
from ..ops.manipulation import stack
from ._tangent_check import batched_mismatch, mismatch, tensor_like
from .function import Function

Array = np.ndarray
Places = list[tuple[int, Tensor]]  # tensors, each with its position among the inputs or the outputs


class Check:
    """One call of `gradcheck`."""

    def __init__(self, func: Callable[..., Any], inputs: tuple[Any, ...], eps: float, atol: float, rtol: float, nondet_tol: float) -> None:
        self.func, self.inputs = func, inputs
        self.eps, self.atol, self.rtol, self.nondet_tol = eps, atol, rtol, nondet_tol
        self.wrt = _checked_inputs(inputs)
        self.results = self.call()
        self.outputs = differentiable(self.results)

    def call(self) -> tuple[Tensor, ...]:
        """The outputs at the inputs as they are."""
        results = as_tuple(self.func(*self.inputs))
        for position, out in enumerate(results):
            if not isinstance(out, Tensor):
                raise TypeError(f"gradcheck: func must return a Tensor or a tuple of Tensors; output {position} is {type(out).__name__}")
        return results

    def compare(self, fast: bool) -> None:
        """Backward against differences, for every pair of output and input."""
        random = np.random.default_rng(0)
        directions = [(_directions(x, fast, random), _directions(x, fast, random)) for _, x in self.wrt]
        differences = [self.differences(x, *both) for (_, x), both in zip(self.wrt, directions, strict=True)]
        for i, out in self.outputs:
            for part, unit in (("imaginary", 1j), ("real", 1)) if out.dtype.kind == "c" else (("", 1),):
                seeds = _directions(out, fast, random)
                for (j, x), moved, both, rows in zip(self.wrt, differences, directions, self.backwards(i, out, seeds * unit), strict=True):
                    numerical = _combine([d.imag if part == "imaginary" else d.real for d in moved[i]])
                    if not fast:
                        self.expect_close(rows.T, numerical, i, j, part, out, x)
                        continue
                    analytical = _combine([p @ u[0] for p, u in zip((rows.real, rows.imag) if x.dtype.kind == "c" else (rows,), both, strict=False)])
                    weight = sum(u.sum() for u in both[: len(moved[i])]) * seeds.sum()
                    if not np.allclose(analytical, numerical @ seeds[0], self.rtol, self.atol * weight):
                        self.compare(fast=False)
                        raise GradcheckError(
                            f"Jacobian mismatch for output {i} with respect to input {j} in fast mode: numerical {numerical @ seeds[0]}, analytical "
                            f"{analytical}. Element by element the differences are small: `fast_mode=False` passes."
                        )

    def expect_close(self, analytical: Array, numerical: Array, i: int, j: int, part: str, out: Tensor, x: Tensor) -> None:
        """Raise for Jacobians that differ, with the element that differs most."""
        wrong = ~np.isclose(analytical, numerical, self.rtol, self.atol)
        if not wrong.any():
            return
        distance = np.where(wrong, np.nan_to_num(np.abs(analytical - numerical), nan=np.inf), -1)
        row, column = np.unravel_index(distance.argmax(), distance.shape)
        prefix = f"While considering the {part} part of complex outputs only, " if part else ""
        raise GradcheckError(
            f"{prefix}Jacobian mismatch for output {i} with respect to input {j}, at output element {_place(column, out)} and input element "
            f"{_place(row, x)}: numerical {numerical[row, column]}, analytical {analytical[row, column]} ({wrong.sum()} of {wrong.size} elements "
            f"differ by more than atol={self.atol} + rtol={self.rtol} * |numerical|).\nnumerical:\n{numerical}\nanalytical:\n{analytical}"
        )

    def tangents(self, fast: bool) -> None:
        """Forward mode against differences, along directions in each input."""
        random = np.random.default_rng(0)
        for j, x in self.wrt:
            directions = (_directions(x, fast, random), _directions(x, fast, random))
            wrong = mismatch(self.func, self.inputs, j, directions, self.differences(x, *directions), self.rtol, self.atol)
            if wrong is not None:
                raise GradcheckError(wrong)

    def batched_tangents(self) -> None:
        """A batch of tangents gives what each of them does."""
        for j, _ in self.wrt:
            if (wrong := batched_mismatch(self.func, self.inputs, j)) is not None:
                raise GradcheckError(wrong)

    def expect_zero(self, fast: bool) -> None:
        """Without an output that requires grad, values must not change with the inputs."""
        random = np.random.default_rng(0)
        for j, x in self.wrt:
            for i, moved in self.differences(x, _directions(x, fast, random), _directions(x, fast, random)).items():
                if any(d.any() for d in moved):
                    raise GradcheckError(
                        f"Numerical gradient for function expected to be zero: output {i} does not require grad, but changes with input {j}. Was it detached?"
                    )

    # -- differences

    def differences(self, x: Tensor, *directions: Array) -> dict[int, list[Array]]:
        """For each output, its central differences along the rows of `directions`: real steps, and imaginary ones if x is complex."""
        units = (1, 1j) if x.dtype.kind == "c" else (1,)
        results = {i: out for i, out in enumerate(self.results) if is_inexact(out._data)}
        found: dict[int, list[Array]] = {i: [] for i in results}
        for unit, steps in zip(units, directions, strict=False):
            rows = [self.difference(x, unit * self.eps * step, results) for step in steps]
            for i, out in results.items():
                found[i].append(np.array([row[i] for row in rows]).reshape(len(steps), out.size))
        return found

    def difference(self, x: Tensor, step: Array, results: dict[int, Tensor]) -> dict[int, Array]:
        """The central difference of each output along one step."""
        here = x.numpy(force=True)
        move = step.reshape(here.shape).astype(here.dtype)
        low, high = self.values(x, here - move, results), self.values(x, here + move, results)
        return {i: (high[i] - low[i]).reshape(-1) / (2 * self.eps) for i in results}

    def values(self, x: Tensor, value: Any, results: dict[int, Tensor]) -> dict[int, Array]:
        """The outputs, on the host, with another value in x."""
        with _holding(x, asarray(np.asarray(value), device=x.device)):
            moved = self.call()
            for i, out in results.items():
                if len(moved) != len(self.results) or (moved[i].shape, moved[i].dtype) != (out.shape, out.dtype):
                    raise GradcheckError(f"Expected `func` to return outputs with the same shape and dtype when inputs are perturbed by {self.eps}")
            return {i: moved[i].numpy(force=True).astype(np.complex128 if moved[i].dtype.kind == "c" else np.float64) for i in results}

    # -- backward

    def gradients(self, outputs: Sequence[Tensor], seeds: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        """Of all inputs that are checked."""
        return grad(outputs, [x for _, x in self.wrt], seeds, retain_graph=True, allow_unused=True)

    def backwards(self, position: int, out: Tensor, seeds: Array) -> list[Array]:
        """For each input the gradients that the rows of `seeds` give, as rows; computed twice, which must give the same."""
        first, second = self.rows(out, seeds), self.rows(out, seeds)
        for (j, _), a, b in zip(self.wrt, first, second, strict=True):
            if a.size and (apart := np.abs(a - b).max()) > self.nondet_tol:
                raise GradcheckError(
                    f"Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives different values: "
                    f"up to {apart} apart for output {position} with respect to input {j} (nondet_tol={self.nondet_tol})."
                )
        return first

    def rows(self, out: Tensor, seeds: Array) -> list[Array]:
        """For each input the gradients that the rows of `seeds` give, as rows."""
        grads = [self.gradients([out], [tensor_like(seed, out)]) for seed in seeds]
        return [np.array([_host(g[j], x).reshape(-1) for g in grads]).reshape(len(seeds), x.size) for j, (_, x) in enumerate(self.wrt)]

    def zero_gradients(self) -> None:
        """Backward is linear: from zeros come zeros."""
        outputs = [out for _, out in self.outputs]
        for (j, x), g in zip(self.wrt, self.gradients(outputs, [zeros_like(out) for out in outputs]), strict=True):
            if not (_host(g, x) == 0).all():
                raise GradcheckError(f"backward not multiplied by grad_output: the gradient of input {j} is not 0 where those of all outputs are 0")

    def undefined_gradients(self) -> None:
        """Where no gradient comes to an output (None), none or zeros come from it: for all outputs, and for each of several."""
        count = len(self.outputs)
        for without in [range(count), *([i] for i in range(count) if count > 1)]:
            outputs = [_Undefined.apply(out) if i in without else out for i, (_, out) in enumerate(differentiable(self.call()))]
            try:
                grads = self.gradients(outputs, [zeros_like(out) for out in outputs])
            except Exception as error:
                raise GradcheckError(
                    "Expected backward function to handle undefined output grads: with set_materialize_grads(False) it gets None for an output "
                    f"that no gradient comes to, and it raised {type(error).__name__}: {error}"
                ) from error
            for (j, x), g in zip(self.wrt, grads, strict=True):
                if not (_host(g, x) == 0).all():
                    raise GradcheckError(
                        f"Expected all input grads to be undefined or zero when all output grads are undefined or zero; that of input {j} is not"
                    )

    def batched_gradients(self) -> None:
        """Batched gradients are those of each row."""
        random = np.random.default_rng(0)
        inputs = [x for _, x in self.wrt]
        for i, out in self.outputs:
            seeds = [random_like(out, random) for _ in range(2)]
            single = [self.gradients([out], [seed]) for seed in seeds]
            batched = grad([out], inputs, [stack(seeds)], retain_graph=True, allow_unused=True, is_grads_batched=True)
            for j, (x, g) in enumerate(zip(inputs, batched, strict=True)):
                expected = np.stack([_host(row[j], x) for row in single])
                found = np.zeros_like(expected) if g is None else g.numpy(force=True)
                if not np.allclose(found, expected):
                    raise GradcheckError(f"batched gradients differ for output {i} and input {self.wrt[j][0]}\nGot:\n{found}\nExpected:\n{expected}")


class _Undefined(Function):
    """x itself; no gradient comes back from it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> None:
        return None


@contextmanager
def _holding(x: Tensor, value: Tensor) -> Iterator[None]:
    """Let x be another array. Nothing is written: what shares memory with x, and what graphs saved of it, stays as it is."""
    before = x._data, x._cell, x._alias
    x._data, x._cell, x._alias = value._data, None, None
    try:
        yield
    finally:
        x._data, x._cell, x._alias = before


def _checked_inputs(inputs: tuple[Any, ...]) -> Places:
    """The inputs whose gradients are checked."""
    wrt = [(i, x) for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not wrt:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True.")
    for i, x in wrt:
        if x.dtype not in (np.float64, np.complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex (it is {x.dtype}). This check will likely "
                "fail if all the inputs are not of double precision floating point or complex.",
                UserWarning,
                stacklevel=4,
            )
    return wrt


def differentiable(outputs: tuple[Tensor, ...]) -> Places:
    return [(i, out) for i, out in enumerate(outputs) if out.requires_grad]


def _directions(x: Tensor, fast: bool, random: np.random.Generator) -> Array:
    """Rows of the size of x: the unit vectors; in fast mode one random vector of length 1."""
    if not fast:
        return np.eye(x.size)
    row = random.random((1, x.size))
    return row / np.linalg.norm(row)


def _combine(parts: Sequence[Array]) -> Array:
    """Derivatives along the real and the imaginary axis as one complex number; the first alone for real inputs."""
    return parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1]


def random_like(x: Tensor, random: np.random.Generator, strided: bool = False) -> Tensor:
    """Random numbers in [-1, 1) of the shape, dtype and device of x; `strided`: every second element of an array."""
    values = random.uniform(-1, 1, (2, *x.shape, 2 if strided else 1))
    values = values[0] + 1j * values[1] if x.dtype.kind == "c" else values[0]
    return asarray(values.astype(x.dtype), device=x.device)[..., 0]


def _host(g: Tensor | None, x: Tensor) -> Array:
    """A gradient of x as a NumPy array; zeros for None."""
    return np.zeros(x.shape, x.dtype) if g is None else g.numpy(force=True)


def _place(flat: Any, x: Tensor) -> str:
    """The index of an element of x."""
    return str([int(i) for i in np.unravel_index(flat, x.shape)]) if x.shape else "()"
