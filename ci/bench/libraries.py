"""The libraries behind one face: a few functions by the same names, and three ways to run a program.

    step = library.gradients(program, leaves, seed)

`step()` computes `program(*leaves)`, and from `seed`, the gradient of its result, those of the leaves.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

Program = Callable[..., Any]
Step = Callable[[], Any]


class Library:
    """What the programs in workloads.py ask for.

    A library that lacks something raises AttributeError or NotImplementedError when a workload is prepared,
    and is left out of that workload.
    """

    name: str
    module: str  # which is imported
    distribution: str  # which is installed

    def __init__(self) -> None:
        self.xp: Any = importlib.import_module(self.module)
        for function in ("exp", "sin", "tanh", "sum"):
            setattr(self, function, getattr(self.xp, function))

    def constant(self, array: Any) -> Any:
        """An array that gets no gradient."""
        raise NotImplementedError

    def gradients(self, program: Program, leaves: Sequence[Any], seed: Any, rate: float | None = None) -> Step:
        """A function that returns the gradients of the leaves. With a rate it goes down them, too."""
        raise NotImplementedError

    def hessian_product(self, program: Program, x: Any, v: Any) -> Step:
        """A function that returns the product of the Hessian of a scalar program with v."""
        raise NotImplementedError


class Tracked(Library):
    """PyTorch's way: leaves that collect gradients."""

    def leaf(self, array: Any) -> Any:
        raise NotImplementedError

    def taken(self, leaf: Any) -> Any:
        """The gradient of a leaf, which has none afterwards."""
        grad, leaf.grad = leaf.grad, None
        return grad

    def descend(self, leaf: Any, rate: float) -> None:
        with self.xp.no_grad():
            leaf -= rate * leaf.grad

    def gradients(self, program: Program, leaves: Sequence[Any], seed: Any, rate: float | None = None) -> Step:
        leaves, seed = [self.leaf(a) for a in leaves], self.constant(seed)

        def step() -> Any:
            program(*leaves).backward(seed)
            if rate is not None:
                for leaf in leaves:
                    self.descend(leaf, rate)
            return [self.taken(leaf) for leaf in leaves]

        return step

    def hessian_product(self, program: Program, x: Any, v: Any) -> Step:
        x, v, grad = self.leaf(x), self.constant(v), self.xp.autograd.grad

        def step() -> Any:
            (g,) = grad(program(x), x, create_graph=True)
            return grad(g, x, v)

        return step


class Anygrad(Tracked):
    name = module = distribution = "anygrad"

    def __init__(self) -> None:
        super().__init__()
        self.stack, self.concat = self.xp.stack, self.xp.concat
        self.solve, self.transposed = self.xp.linalg.solve, self.xp.matrix_transpose
        self.softmax, self.log_softmax = self.xp.softmax, self.xp.log_softmax

    def constant(self, array: Any) -> Any:
        return self.xp.tensor(array)

    def leaf(self, array: Any) -> Any:
        return self.xp.tensor(array, requires_grad=True)

    def rows(self, x: Any, index: Any) -> Any:
        return x[index]


class Torch(Tracked):
    name = module = distribution = "torch"

    def __init__(self) -> None:
        super().__init__()
        self.stack, self.concat, self.solve = self.xp.stack, self.xp.concat, self.xp.linalg.solve
        self.softmax, self.log_softmax = self.xp.softmax, self.xp.log_softmax
        self.transposed = lambda x: x.mT
        self.rows = lambda x, index: self.xp.nn.functional.embedding(index, x)

    def constant(self, array: Any) -> Any:
        return self.xp.tensor(array)

    def leaf(self, array: Any) -> Any:
        return self.xp.tensor(array, requires_grad=True)


class Mygrad(Tracked):
    name = module = distribution = "mygrad"

    def __init__(self) -> None:
        super().__init__()
        nnet = importlib.import_module("mygrad.nnet.activations")
        self.stack, self.concat = self.xp.stack, self.xp.concatenate
        self.softmax, self.log_softmax = nnet.softmax, nnet.logsoftmax
        self.transposed = lambda x: self.xp.swapaxes(x, -1, -2)

    def constant(self, array: Any) -> Any:
        return array

    def leaf(self, array: Any) -> Any:
        return self.xp.tensor(array.copy())

    def descend(self, leaf: Any, rate: float) -> None:
        leaf.data -= rate * leaf.grad

    def taken(self, leaf: Any) -> Any:
        grad = leaf.grad
        leaf.null_grad()
        return grad

    def hessian_product(self, program: Program, x: Any, v: Any) -> Step:
        raise NotImplementedError("mygrad has first derivatives only")

    def rows(self, x: Any, index: Any) -> Any:
        return x[index]


class Functional(Library):
    """Functions that give gradients."""

    def constant(self, array: Any) -> Any:
        return array

    def pull(self, program: Program) -> Callable[[Sequence[Any], Any], Any]:
        """A function of leaves and seed that returns the gradients."""
        raise NotImplementedError

    def finished(self, result: Any) -> Any:
        return result

    def rows(self, x: Any, index: Any) -> Any:
        return x[index]

    def gradients(self, program: Program, leaves: Sequence[Any], seed: Any, rate: float | None = None) -> Step:
        leaves, seed, pull = [self.constant(a) for a in leaves], self.constant(seed), self.pull(program)

        def step() -> Any:
            grads = pull(leaves, seed)
            if rate is not None:
                leaves[:] = [leaf - rate * g for leaf, g in zip(leaves, grads, strict=True)]
            return self.finished(grads)

        return step


class Autograd(Functional):
    name = distribution = "autograd"
    module = "autograd.numpy"

    def __init__(self) -> None:
        super().__init__()
        self.autograd = importlib.import_module("autograd")
        logsumexp = importlib.import_module("autograd.scipy.special").logsumexp
        self.stack, self.concat, self.solve = self.xp.stack, self.xp.concatenate, self.xp.linalg.solve
        self.log_softmax = lambda x, axis: x - logsumexp(x, axis=axis, keepdims=True)
        self.softmax = lambda x, axis: self.xp.exp(self.log_softmax(x, axis))
        self.transposed = lambda x: self.xp.swapaxes(x, -1, -2)

    def pull(self, program: Program) -> Callable[[Sequence[Any], Any], Any]:
        return lambda leaves, seed: self.autograd.make_vjp(program, tuple(range(len(leaves))))(*leaves)[0](seed)

    def hessian_product(self, program: Program, x: Any, v: Any) -> Step:
        product = self.autograd.hessian_vector_product(program)
        return lambda: [product(x, v)]


class Jax(Functional):
    """JAX, one operation at a time."""

    name = distribution = "jax"
    module = "jax.numpy"

    def __init__(self) -> None:
        super().__init__()
        self.jax = importlib.import_module("jax")
        self.jax.config.update("jax_enable_x64", True)
        self.stack, self.concat, self.solve = self.xp.stack, self.xp.concatenate, self.xp.linalg.solve
        self.softmax, self.log_softmax = self.jax.nn.softmax, self.jax.nn.log_softmax
        self.transposed = self.xp.matrix_transpose

    def constant(self, array: Any) -> Any:
        return self.xp.asarray(array)

    def finished(self, result: Any) -> Any:
        return self.jax.block_until_ready(result)

    def pull(self, program: Program) -> Callable[[Sequence[Any], Any], Any]:
        return lambda leaves, seed: self.jax.vjp(program, *leaves)[1](seed)

    def hessian_product(self, program: Program, x: Any, v: Any) -> Step:
        x, v, grad = self.constant(x), self.constant(v), self.jax.grad(program)
        return lambda: [self.finished(self.jax.jvp(grad, (x,), (v,))[1])]


class CompiledJax(Jax):
    """JAX, the whole step compiled; what that takes is not in the times."""

    name = "jax.jit"

    def pull(self, program: Program) -> Callable[[Sequence[Any], Any], Any]:
        return self.jax.jit(super().pull(program))

    def hessian_product(self, program: Program, x: Any, v: Any) -> Step:
        x, v = self.constant(x), self.constant(v)
        product = self.jax.jit(lambda x, v: self.jax.jvp(self.jax.grad(program), (x,), (v,))[1])
        return lambda: [self.finished(product(x, v))]


LIBRARIES: tuple[type[Library], ...] = (Anygrad, Torch, Autograd, Mygrad, Jax, CompiledJax)


def installed(names: Sequence[str] = ()) -> list[Library]:
    """The libraries that are there, or those of them that are named."""
    found = []
    for kind in LIBRARIES:
        if not names or kind.name in names:
            try:
                found.append(kind())
            except ModuleNotFoundError as error:
                if kind is Anygrad:
                    raise ModuleNotFoundError("anygrad is not installed: `pip install -e .`") from error
    return found
