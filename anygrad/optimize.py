"""Functions of tensors for SciPy's optimizers: values and derivatives on flat float64 NumPy arrays.

    fun = anygrad.optimize.scipy_objective(f, x0)
    res = scipy.optimize.minimize(fun, fun.x0, jac=True, method="L-BFGS-B")
    best = fun.unpack(res.x)

`f` computes with tensors, on whatever device and in whatever dtype those of `x0` are; `x0` is a
Tensor, or a dict, list or tuple of them, and `f` is given the same form. `minimize`, `root` and
`least_squares` here do the three lines above in one. SciPy itself is imported when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._backward import grad
from ._errors import DTypeError, ShapeError
from ._modes import enable_grad, no_grad
from ._packing import Packing
from ._tensor import Tensor
from ._tree import leaves, paths
from .autograd.functional import with_zeros
from .ops import zeros_like

__all__ = ["least_squares", "minimize", "root", "scipy_function", "scipy_objective"]

Func = Callable[..., Any]


class _Flat:
    """What an objective and a function of several numbers have in common: the way to and from the flat vector.

    Every call runs `f` anew, on leaves of its own; no graph outlives the call, and no `.grad` is touched.
    """

    def __init__(self, f: Func, x0: Any) -> None:
        if not callable(f):
            raise TypeError(f"{self._name}: f must be a function, not {type(f).__name__}; the start x0 is the second argument")
        self._f = f
        self._packing = Packing(x0, "x0")
        self._x0 = self._packing.flat(self._packing.tensors)

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def x0(self) -> np.ndarray:
        """The start as a flat float64 vector; a new array each time, since some optimizers write to it."""
        return self._x0.copy()

    def pack(self, tree: Any) -> np.ndarray:
        """A tree of the form of x0 as a flat float64 vector; a number stands for a whole leaf (for bounds)."""
        return self._packing.pack(tree)

    def unpack(self, x: Any) -> Any:
        """A flat vector in the form of x0: tensors of the same shapes, dtypes and devices."""
        return self._packing.tree(self._packing.split(self._vector(x, "x")))

    def _vector(self, x: Any, name: str, size: int | None = None) -> np.ndarray:
        size = self._packing.size if size is None else size
        vector = np.atleast_1d(np.asarray(x, dtype=np.float64))
        if vector.shape != (size,):
            raise ShapeError(f"{self._name}: {name} must be a flat vector of {size} numbers, and has shape {vector.shape}. `fun.pack(tree)` makes one.")
        return vector

    def _run(self, x: Any, args: tuple[Any, ...], record: bool) -> tuple[list[Tensor], Any]:
        """The leaves that stand for x, and what f returned for them."""
        xs = self._packing.split(self._vector(x, "x"))
        if not record:
            with no_grad():
                return xs, self._f(self._packing.tree(xs), *args)
        with enable_grad():
            for t in xs:
                t.requires_grad = True
            return xs, self._f(self._packing.tree(xs), *args)

    def _tracked(self, ys: Sequence[Tensor]) -> None:
        if not any(y.requires_grad for y in ys):
            raise RuntimeError(
                f"{self._name}: the result of f does not depend on x: it was computed from other values, under `no_grad`, or by way of "
                "`detach()`, `item()` or NumPy. Compute it from the argument of f with functions of anygrad."
            )

    def _second(self, xs: Sequence[Tensor], first: Sequence[Tensor | None], seeds: Sequence[Tensor], lead: tuple[int, ...] = ()) -> np.ndarray:
        """The derivatives of the first derivatives, in the directions `seeds`: one, or as many as `lead` says."""
        live = [(g, seed) for g, seed in zip(first, seeds, strict=True) if g is not None and g.requires_grad]
        if not live or not self._packing.size:
            return np.zeros((*lead, self._packing.size))
        gs, directions = zip(*live, strict=True)
        return self._packing.flat(with_zeros(grad(gs, xs, directions, allow_unused=True, is_grads_batched=bool(lead)), xs, lead), lead)

    def _hessian(self, xs: Sequence[Tensor], first: Sequence[Tensor | None]) -> np.ndarray:
        n = self._packing.size
        return self._second(xs, first, self._packing.split(np.eye(n)), (n,))


class scipy_objective(_Flat):
    """A function of tensors as an objective of `scipy.optimize.minimize`.

    Called with a flat vector it returns (value, gradient), which is what `minimize(..., jac=True)` wants.

    Parameters
    ----------
    f : function
        `f(x, *args)` returns a real Tensor of one element. x has the form of x0.
    x0 : Tensor, array, or dict, list or tuple of them
        The start. It fixes form, shapes, dtypes and devices; complex numbers are optimized as pairs. Numbers and lists
        of numbers become one float64 array.

    Attributes
    ----------
    x0 : ndarray
        The start as a flat float64 vector.

    Raises
    ------
    TypeError, DTypeError, ShapeError
        In a call, if f does not return a real Tensor of one element.
    RuntimeError
        If the result of f does not depend on x.
    FloatingPointError
        If the value is infinite or NaN at x0 itself, or finite where the gradient is not. (Elsewhere a value that is not
        finite is returned: a line search steps back from it.)

    Examples
    --------
    >>> fun = anygrad.optimize.scipy_objective(lambda x: ((x - 3) ** 2).sum(), [1.0, 2.0])
    >>> res = scipy.optimize.minimize(fun, fun.x0, jac=True, hessp=fun.hessp, method="trust-ncg")
    >>> fun.unpack(res.x)
    tensor([3., 3.], dtype=anygrad.float64)
    """

    def __call__(self, x: Any, *args: Any) -> tuple[float, np.ndarray]:
        return self.value_and_grad(x, *args)

    def value(self, x: Any, *args: Any) -> float:
        """f alone, nothing recorded: for methods that use no derivatives."""
        return self._number(x, self._run(x, args, record=False)[1])[1]

    def grad(self, x: Any, *args: Any) -> np.ndarray:
        """The gradient, of shape (n,)."""
        return self.value_and_grad(x, *args)[1]

    def value_and_grad(self, x: Any, *args: Any) -> tuple[float, np.ndarray]:
        """The value, and the gradient of shape (n,)."""
        xs, result = self._run(x, args, record=True)
        y, value = self._number(x, result)
        self._tracked([y])
        gradient = self._packing.flat(with_zeros(grad(y, xs, allow_unused=True), xs))
        if np.isfinite(value) and not np.isfinite(gradient).all():
            self._refuse_gradient(gradient, value)
        return value, gradient

    def hess(self, x: Any, *args: Any) -> np.ndarray:
        """The Hessian, of shape (n, n): a backward pass, and one with a batch of n gradients."""
        return self._hessian(*self._first(x, args))

    def hessp(self, x: Any, p: Any, *args: Any) -> np.ndarray:
        """The product of the Hessian with a vector, of shape (n,): two backward passes."""
        direction = self._packing.split(self._vector(p, "p"))
        return self._second(*self._first(x, args), direction)

    def _first(self, x: Any, args: tuple[Any, ...]) -> tuple[list[Tensor], Sequence[Tensor | None]]:
        xs, result = self._run(x, args, record=True)
        y, _ = self._number(x, result)
        self._tracked([y])
        with enable_grad():
            return xs, grad(y, xs, create_graph=True, allow_unused=True)

    def _number(self, x: Any, y: Any) -> tuple[Tensor, float]:
        """The result of f, checked, and as a number."""
        if not isinstance(y, Tensor):
            hint = "`float()`, `.item()` and NumPy functions end the graph" if isinstance(y, (int, float, np.generic)) else "it must be one number"
            raise TypeError(f"{self._name}: f must return a Tensor of one element; it returned {type(y).__name__} ({hint})")
        if y.size != 1:
            raise ShapeError(
                f"{self._name}: f must return one number; it returned shape {y.shape}. Return its sum; for residuals, constraints and equations use scipy_function."
            )
        if y.dtype.kind not in "fV":
            raise DTypeError(f"{self._name}: f must return a real floating Tensor; it returned {y.dtype}. {_cure(y)}")
        value = float(y.detach())
        if not np.isfinite(value) and np.array_equal(x, self._x0):
            raise FloatingPointError(f"{self._name}: f is {value} at x0, where no optimizer can start. `autograd.detect_anomaly()` finds where NaN comes from.")
        return y, value

    def _refuse_gradient(self, gradient: np.ndarray, value: float) -> None:
        parts = zip(self._packing.names, self._packing.split(gradient), strict=True)
        path = next(path for path, part in parts if not np.isfinite(part.numpy(force=True).astype(complex)).all())
        raise FloatingPointError(
            f"{self._name}: f is finite ({value}), but its gradient with respect to {path.replace('x0', 'x', 1)} is not: a kink or a pole of what f calls. "
            "`with anygrad.autograd.detect_anomaly(): fun(x)` names the operation."
        )


class scipy_function(_Flat):
    """A function of several results, for `least_squares`, `root` and `NonlinearConstraint`.

    Called with a flat vector it returns a flat vector; `jac` and `hess` are its derivatives.

    Parameters
    ----------
    f : function
        `f(x, *args)` returns a floating Tensor of any shape, or a dict, list or tuple of them. x has the form of x0.
    x0 : Tensor, array, or dict, list or tuple of them
        As for `scipy_objective`.
    mode : {"auto", "reverse", "forward"}
        How the Jacobian is computed: "reverse" takes one backward with a batch of gradients, one for each result;
        "forward" a recorded backward, and the backward of that with a batch of one for each number in x. "auto" takes
        the smaller batch.

    Raises
    ------
    TypeError, DTypeError
        In a call, if f does not return floating or complex Tensors.
    RuntimeError
        If no result of f depends on x.

    Examples
    --------
    >>> res = anygrad.optimize.scipy_function(lambda p: p["a"] * anygrad.exp(-p["b"] * t) - y, {"a": 1.0, "b": 1.0})
    >>> best = res.unpack(scipy.optimize.least_squares(res, res.x0, jac=res.jac).x)
    """

    def __init__(self, f: Func, x0: Any, mode: str = "auto") -> None:
        super().__init__(f, x0)
        if mode not in ("auto", "reverse", "forward"):
            raise ValueError(f'scipy_function: the mode is "auto", "reverse" or "forward", not {mode!r}')
        self._mode = mode

    def __call__(self, x: Any, *args: Any) -> np.ndarray:
        """The results, of shape (m,)."""
        ys = self._results(self._run(x, args, record=False)[1])
        return ys.flat(ys.tensors)

    def jac(self, x: Any, *args: Any) -> np.ndarray:
        """The Jacobian, of shape (m, n)."""
        return self.value_and_jac(x, *args)[1]

    def value_and_jac(self, x: Any, *args: Any) -> tuple[np.ndarray, np.ndarray]:
        """The results and the Jacobian, for `root(..., jac=True)`."""
        xs, result = self._run(x, args, record=True)
        ys = self._results(result)
        tensors = list(leaves(result))
        self._tracked(tensors)
        by_columns = ys.size > self._packing.size if self._mode == "auto" else self._mode == "forward"
        jacobian = self._columns(tensors, ys, xs) if by_columns else self._rows(tensors, ys, xs)
        return ys.flat(ys.tensors), jacobian

    def hess(self, x: Any, v: Any, *args: Any) -> np.ndarray:
        """The Hessian of the product of the results with a vector v, of shape (n, n): for `NonlinearConstraint(hess=)`."""
        xs, result = self._run(x, args, record=True)
        ys = self._results(result)
        tensors = list(leaves(result))
        self._tracked(tensors)
        live, seeds = _live(tensors, ys.split(self._vector(v, "v", ys.size)))
        with enable_grad():
            first = grad(live, xs, seeds, create_graph=True, allow_unused=True)
        return self._hessian(xs, first)

    def _results(self, result: Any) -> Packing:
        for path, y in paths(result, "the result"):
            if not isinstance(y, Tensor):
                raise TypeError(f"{self._name}: f must return Tensors; {path} is {type(y).__name__}. `float()`, `.item()` and NumPy functions end the graph.")
            if y.dtype.kind not in "fcV":
                raise DTypeError(f"{self._name}: f must return floating Tensors; {path} is {y.dtype}. {_cure(y)}")
        return Packing(result, "the result of f")

    def _rows(self, tensors: list[Tensor], ys: Packing, xs: list[Tensor]) -> np.ndarray:
        m = ys.size
        if not m or not self._packing.size:
            return np.zeros((m, self._packing.size))
        live, seeds = _live(tensors, ys.split(np.eye(m)))
        return self._packing.flat(with_zeros(grad(live, xs, seeds, allow_unused=True, is_grads_batched=True), xs, (m,)), (m,))

    def _columns(self, tensors: list[Tensor], ys: Packing, xs: list[Tensor]) -> np.ndarray:
        """The pull-back of the results is linear in the vector that it is given: its own pull-back is the push-forward."""
        n = self._packing.size
        if not n or not ys.size:
            return np.zeros((ys.size, n))
        with enable_grad():
            vectors = [zeros_like(y, requires_grad=True) for y in tensors]
            live, seeds = _live(tensors, vectors)
            pulled = grad(live, xs, seeds, create_graph=True, allow_unused=True)
        gs, directions = _live(pulled, self._packing.split(np.eye(n)))
        return ys.flat(with_zeros(grad(gs, vectors, directions, allow_unused=True, is_grads_batched=True), vectors, (n,)), (n,)).T


def _live(tensors: Sequence[Tensor | None], beside: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """The tensors that require grad, and those in the same places of the other list."""
    pairs = [(t, b) for t, b in zip(tensors, beside, strict=True) if t is not None and t.requires_grad]
    return [t for t, _ in pairs], [b for _, b in pairs]


def _cure(y: Tensor) -> str:
    return "Return its real part, or the square of its abs." if y.dtype.kind == "c" else "Integers and booleans have no derivative."


# ---------------------------------------------------------------------------
# SciPy's functions themselves
# ---------------------------------------------------------------------------

_WITHOUT_GRADIENT = ("nelder-mead", "powell", "cobyla", "cobyqa")
_WITH_PRODUCTS = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")
_WITH_HESSIAN = ("dogleg", "trust-exact")


def minimize(f: Func, x0: Any, args: Any = (), method: str | None = None, **options: Any) -> Any:
    """`scipy.optimize.minimize` with the gradient of `f`, and its Hessian where the method uses it.

    Parameters
    ----------
    f, x0
        As for `scipy_objective`.
    args : tuple
        Further arguments of f; a single one need not be in a tuple.
    method : str, optional
        As in SciPy.
    **options
        Everything else that SciPy's function takes (`bounds`, `constraints`, `tol`, `options`, `callback`), in its
        own terms: on flat vectors.

    Returns
    -------
    scipy.optimize.OptimizeResult
        Its `x` has the form of x0.
    """
    fun = scipy_objective(f, x0)
    name = method.lower() if isinstance(method, str) else ""
    options.setdefault("jac", None if name in _WITHOUT_GRADIENT else True)
    if name in _WITH_PRODUCTS and "hess" not in options:
        options.setdefault("hessp", fun.hessp)
    if name in _WITH_HESSIAN:
        options.setdefault("hess", fun.hess)
    objective = fun if options["jac"] is True else fun.value
    return _formed(fun, _scipy().minimize(objective, fun.x0, _as_args(args), method, **options))


def least_squares(f: Func, x0: Any, args: Any = (), **options: Any) -> Any:
    """`scipy.optimize.least_squares` with the Jacobian of the residuals `f`; `x` of its result has the form of x0.

    Parameters are those of `scipy_function` and of SciPy's function.
    """
    fun = scipy_function(f, x0)
    options.setdefault("jac", fun.jac)
    return _formed(fun, _scipy().least_squares(fun, fun.x0, args=_as_args(args), **options))


def root(f: Func, x0: Any, args: Any = (), **options: Any) -> Any:
    """`scipy.optimize.root` with the Jacobian of `f`; `x` of its result has the form of x0.

    Parameters are those of `scipy_function` and of SciPy's function.
    """
    fun = scipy_function(f, x0)
    if options.get("method", "hybr") in ("hybr", "lm"):
        options.setdefault("jac", fun.jac)
    return _formed(fun, _scipy().root(fun, fun.x0, args=_as_args(args), **options))


def _as_args(args: Any) -> tuple[Any, ...]:
    """As in SciPy, a single argument need not be in a tuple."""
    return args if isinstance(args, tuple) else (args,)


def _formed(fun: _Flat, result: Any) -> Any:
    result.x = fun.unpack(result.x)
    return result


def _scipy() -> Any:
    try:
        import scipy.optimize
    except ImportError as error:
        raise ImportError("this needs SciPy, which is not installed. Run `pip install scipy`.", name="scipy") from error
    return scipy.optimize
