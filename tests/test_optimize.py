"""anygrad.optimize: SciPy's optimizers on functions of tensors."""

from __future__ import annotations

import gc
import pickle
import sys
import weakref
from collections import namedtuple

import cupy_stand_in
import numpy as np
import pytest
import scipy.optimize

import anygrad as ag
from anygrad._batched import Batched
from anygrad.optimize import least_squares, minimize, root, scipy_function, scipy_objective

START = np.array([1.3, 0.7, 0.8, 1.9, 1.2])


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


# ---------------------------------------------------------------------------
# values and derivatives
# ---------------------------------------------------------------------------


def test_derivatives_of_the_rosenbrock_function(make):
    fun = scipy_objective(rosenbrock, make(START))
    value, gradient = fun(fun.x0)
    assert type(value) is float
    assert value == pytest.approx(scipy.optimize.rosen(START), rel=1e-14)
    np.testing.assert_allclose(gradient, scipy.optimize.rosen_der(START), rtol=1e-12)
    np.testing.assert_allclose(fun.hess(fun.x0), scipy.optimize.rosen_hess(START), rtol=1e-12, atol=1e-10)
    p = np.arange(5.0)
    np.testing.assert_allclose(fun.hessp(fun.x0, p), scipy.optimize.rosen_hess_prod(START, p), rtol=1e-12)
    assert (fun.value(fun.x0), fun.grad(fun.x0).tolist()) == (value, gradient.tolist())
    for array in (fun.x0, gradient, fun.hess(fun.x0), fun.hessp(fun.x0, p)):
        assert type(array) is np.ndarray
        assert (array.dtype, array.flags.c_contiguous, array.flags.writeable) == (np.float64, True, True)


Point = namedtuple("Point", "a b")

TREES = {
    "tensor": lambda make: make([[0.5, -1.0], [2.0, 0.25]]),
    "dict": lambda make: {"w": make([0.5, -1.0]), "b": make(2.0)},
    "nested": lambda make: {"layers": [(make([[1.0]]), make([0.5])), (make([2.0, 3.0]), make([]))], "scale": make(0.3)},
    "named tuple": lambda make: Point(make([1.0, 2.0]), [make(0.5)]),
    "dtypes": lambda make: [make(np.float64([0.5, 2.0])), make(np.complex128([1 + 2j, -0.5j])), make(np.float64(3.0))],
}


def flat_of(tree):
    """All numbers of a tree in one real vector, on the record."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        return ag.concat([flat_of(t) for t in tree])
    tree = ag.reshape(tree, (-1,))
    return ag.reshape(ag.stack([ag.real(tree), ag.imag(tree)], axis=-1), (-1,)) if tree.dtype.kind == "c" else tree


@pytest.mark.parametrize("form", TREES)
def test_trees(make, form):
    """Derivatives of sum(sin(x) * roll(x)) of all numbers x in a tree, against those of SciPy's differences."""

    def f(tree):
        x = flat_of(tree)
        return (ag.sin(x) * ag.roll(x, 1)).sum()

    tree = TREES[form](make)
    fun = scipy_objective(f, tree)
    np.testing.assert_array_equal(fun.x0, flat_of(tree).numpy(force=True))
    # central differences of step 6e-6: an error of about 1e-10
    expected = scipy.optimize._numdiff.approx_derivative(fun.value, fun.x0, method="3-point")
    np.testing.assert_allclose(fun.grad(fun.x0), expected, atol=1e-8)
    hessian = scipy.optimize._numdiff.approx_derivative(fun.grad, fun.x0, method="3-point")
    np.testing.assert_allclose(fun.hess(fun.x0), hessian, atol=1e-8)
    p = np.cos(np.arange(fun.x0.size))
    np.testing.assert_allclose(fun.hessp(fun.x0, p), hessian @ p, atol=1e-8)


def test_unpack_gives_back_the_form():
    tree = {"w": ag.tensor([[1.0, 2.0]], dtype=ag.float32), "z": (ag.tensor([1j], dtype=ag.complex64), ag.tensor(5.0, device="array_api_strict:device1"))}
    fun = scipy_objective(lambda t: t["w"].sum(), tree)
    assert fun.x0.tolist() == [1.0, 2.0, 0.0, 1.0, 5.0]
    back = fun.unpack(2 * fun.x0)
    assert type(back["z"]) is tuple
    found = [back["w"], *back["z"]]
    assert [t.tolist() for t in found] == [[[2.0, 4.0]], [2j], 10.0]
    assert [t.dtype for t in found] == [ag.float32, ag.complex64, ag.float32]
    assert [str(t.device) for t in found] == ["cpu", "cpu", "array_api_strict:device1"]
    assert not any(t.requires_grad or t._is_view() for t in found)


def test_pack_is_for_bounds():
    fun = scipy_objective(lambda t: t["b"], {"a": ag.zeros(2, 2), "b": ag.tensor(1.0)})
    assert fun.pack({"a": 0.0, "b": -np.inf}).tolist() == [0.0, 0.0, 0.0, 0.0, -np.inf]
    assert fun.pack({"b": 7.0, "a": np.array([1.0, 2.0])}).tolist() == [1.0, 2.0, 1.0, 2.0, 7.0]
    with pytest.raises(ValueError, match="must have the form of x0"):
        fun.pack({"a": 0.0})
    with pytest.raises(ag.ShapeError, match=r"tree\['a'\] has shape \(3,\)"):
        fun.pack({"a": np.ones(3), "b": 0.0})
    with pytest.raises(ag.DTypeError, match="complex128"):
        fun.pack({"a": 1j, "b": 0.0})


@pytest.mark.parametrize("x0", [[1, 2], (1, 2.0), np.array([1, 2]), np.array([1.0, 2.0], dtype=np.float32)], ids=repr)
def test_starts_as_scipy_takes_them(x0):
    fun = scipy_objective(lambda x: (x * x).sum(), x0)
    assert fun.x0.tolist() == [1.0, 2.0]
    assert fun.unpack(fun.x0).dtype == (x0.dtype if getattr(x0, "dtype", None) == np.float32 else np.float64)


def test_float32_work_behind_a_float64_interface(make):
    seen = []

    def f(x):
        seen.append(x.dtype)
        return rosenbrock(x)

    fun = scipy_objective(f, make(START.astype(np.float32)))
    value, gradient = fun(START)
    assert set(seen) == {ag.float32}
    assert (type(value), gradient.dtype) == (float, np.float64)
    np.testing.assert_allclose(gradient, scipy.optimize.rosen_der(START), rtol=1e-5)
    result = minimize(f, make(START.astype(np.float32)), method="L-BFGS-B")
    np.testing.assert_allclose(result.x.numpy(force=True), 1.0, atol=2e-2)
    assert result.x.dtype == ag.float32


def test_arguments_are_passed_on(make):
    def f(x, scale, *, shift=0.0):
        return (scale * (x - shift) ** 2).sum()

    fun = scipy_objective(f, make([1.0, 2.0]))
    assert fun(fun.x0, 3.0)[0] == fun.value(fun.x0, 3.0) == 15.0
    assert fun.grad(fun.x0, 3.0).tolist() == [6.0, 12.0]
    assert fun.hess(fun.x0, 3.0).tolist() == [[6.0, 0.0], [0.0, 6.0]]
    assert fun.hessp(fun.x0, [1.0, 0.0], 3.0).tolist() == [6.0, 0.0]
    for args in ((3.0,), 3.0):
        result = minimize(f, make([1.0, 2.0]), args=args, method="trust-ncg")
        np.testing.assert_allclose(result.x.numpy(force=True), 0.0, atol=1e-6)
    for solve in (least_squares, root):
        np.testing.assert_allclose(solve(lambda x, y: x * x - y, make([1.0]), args=2.0).x.numpy(force=True), np.sqrt(2), rtol=1e-8)


def test_nothing_is_kept_and_nothing_touched():
    weight, start, made = ag.ones(2, dtype=ag.float64, requires_grad=True), ag.ones(2, dtype=ag.float64, requires_grad=True), []

    def f(x):
        y = (weight * x * x).sum()
        made.append(weakref.ref(y.grad_fn))
        return y

    fun = scipy_objective(f, start)
    x = fun.x0
    gc.disable()
    try:
        for call in (fun, fun.hess, lambda x: fun.hessp(x, x)):
            call(x)
        assert [r() for r in made] == [None] * 3
    finally:
        gc.enable()
    assert weight.grad is None
    assert start.grad is None
    x[:] = 7.0
    assert start.tolist() == fun.x0.tolist() == [1.0, 1.0]


def test_objectives_are_pickled():
    """For SciPy's `workers`."""
    fun = pickle.loads(pickle.dumps(scipy_objective(rosenbrock, START)))
    assert fun.value(START) == scipy_objective(rosenbrock, START).value(START)
    assert fun.pack(START).tolist() == START.tolist()


def test_under_no_grad():
    with ag.no_grad():
        fun = scipy_objective(rosenbrock, START)
        assert fun.grad(START).any()
        assert fun.hess(START).any()


def test_the_argument_of_f_is_not_the_optimizers_array():
    kept = []
    fun = scipy_objective(lambda x: (kept.append(x), (x * x).sum())[1], [1.0])
    x = fun.x0
    fun(x)
    x[0] = 9.0
    assert kept[0].tolist() == [1.0]


def test_linear_function_and_unused_leaf():
    fun = scipy_objective(lambda t: t["used"].sum(), {"used": ag.ones(2), "unused": ag.ones(1)})
    assert fun.grad(fun.x0).tolist() == [1.0, 1.0, 0.0]
    assert fun.hess(fun.x0).tolist() == np.zeros((3, 3)).tolist()
    assert fun.hessp(fun.x0, np.ones(3)).tolist() == [0.0, 0.0, 0.0]


def test_parameters_on_several_devices(monkeypatch):
    """Two GPUs (of the stand-in) and the CPU; float32 and float64."""
    with cupy_stand_in.installed(monkeypatch):
        tree = {
            "a": [ag.ones(2, device="cuda:0"), ag.full((2, 1), 2.0, device="cuda:1", dtype=ag.float64)],
            "b": ag.tensor(3.0),
            "c": ag.tensor([4.0], device="cuda:0"),
        }

        def f(t):
            assert [str(x.device) for x in (*t["a"], t["b"], t["c"])] == ["cuda:0", "cuda:1", "cpu", "cuda:0"]
            return (t["a"][0] * t["c"]).sum().to("cpu") * t["b"] + (t["a"][1] ** 2).sum().to("cpu")

        fun = scipy_objective(f, tree)
        assert fun.x0.tolist() == [1.0, 1.0, 2.0, 2.0, 3.0, 4.0]
        value, gradient = fun(fun.x0)
        assert (value, gradient.tolist()) == (32.0, [12.0, 12.0, 4.0, 4.0, 8.0, 6.0])
        assert fun.hessp(fun.x0, [0.0, 0.0, 1.0, 0.0, 1.0, 0.0]).tolist() == [4.0, 4.0, 2.0, 0.0, 0.0, 2.0]
        assert fun.hess(fun.x0)[4].tolist() == [4.0, 4.0, 0.0, 0.0, 0.0, 2.0]


# ---------------------------------------------------------------------------
# SciPy's methods
# ---------------------------------------------------------------------------

METHODS = "L-BFGS-B BFGS CG TNC SLSQP Newton-CG trust-ncg trust-krylov trust-exact trust-constr Nelder-Mead".split()


@pytest.mark.parametrize("method", METHODS)
def test_minimize_rosenbrock(make, method):
    result = minimize(rosenbrock, make(START[:3]), method=method)
    assert result.success
    assert result.x.device == make(0.0).device
    np.testing.assert_allclose(result.x.numpy(force=True), 1.0, atol=2e-3)


@pytest.mark.parametrize("method", ["L-BFGS-B", "trust-ncg", "Newton-CG"])
def test_in_scipys_own_call(make, method):
    fun = scipy_objective(lambda p: rosenbrock(ag.concat([p["a"], p["b"]])), {"a": make(START[:2]), "b": make(START[2:])})
    hessp = None if method == "L-BFGS-B" else fun.hessp
    result = scipy.optimize.minimize(fun, fun.x0, jac=True, hessp=hessp, method=method, tol=1e-10)
    best = fun.unpack(result.x)
    np.testing.assert_allclose(best["a"].numpy(force=True), [1.0, 1.0], atol=1e-5)
    np.testing.assert_allclose(best["b"].numpy(force=True), [1.0, 1.0, 1.0], atol=1e-5)


def test_check_grad():
    fun = scipy_objective(rosenbrock, START)
    # forward differences of step 1.5e-8 on values of about 1e3
    assert scipy.optimize.check_grad(fun.value, fun.grad, START) < 1e-4 * np.linalg.norm(fun.grad(START))
    np.testing.assert_allclose(scipy.optimize.approx_fprime(START, fun.value), fun.grad(START), rtol=1e-5)


def test_one_parameter_as_a_number():
    fun = scipy_objective(lambda x: (x - 2.0) ** 2, 1.0)
    assert scipy.optimize.minimize_scalar(fun.value).x == pytest.approx(2.0, abs=1e-7)
    assert fun.unpack(3.0).shape == ()


def test_finite_differences_on_demand():
    result = minimize(rosenbrock, START[:3], method="BFGS", jac=None)
    assert result.nfev >= 4 * result.njev  # three parameters
    assert result.x.tolist() == pytest.approx([1.0] * 3, abs=1e-4)


def test_no_derivatives_are_computed_where_none_are_used():
    recorded = []
    minimize(lambda x: (recorded.append(x.requires_grad), (x * x).sum())[1], [1.0], method="Nelder-Mead")
    assert not any(recorded)


def test_bounds_of_a_tree():
    fun = scipy_objective(lambda t: ((t["a"] - 3) ** 2).sum() + (t["b"] + 1) ** 2, {"a": ag.zeros(()), "b": ag.zeros(())})
    bounds = scipy.optimize.Bounds(fun.pack({"a": 0.0, "b": 0.0}), fun.pack({"a": 2.0, "b": np.inf}))
    result = scipy.optimize.minimize(fun, fun.x0, jac=True, bounds=bounds, method="L-BFGS-B")
    assert result.x.tolist() == [2.0, 0.0]


def on_the_circle(make):
    """The point of x^2 + y^2 = 2 with the least x + y: (-1, -1)."""
    start = make([-1.5, 0.3])
    return scipy_objective(lambda x: x.sum(), start), scipy_function(lambda x: (x * x).sum() - 2, start)


def test_slsqp_with_a_constraint(make):
    fun, circle = on_the_circle(make)
    result = scipy.optimize.minimize(fun, fun.x0, jac=True, method="SLSQP", constraints={"type": "eq", "fun": circle, "jac": circle.jac})
    np.testing.assert_allclose(result.x, [-1.0, -1.0], atol=1e-5)


def test_trust_constr_with_a_constraint(make):
    fun, circle = on_the_circle(make)
    constraint = scipy.optimize.NonlinearConstraint(circle, 0.0, 0.0, jac=circle.jac, hess=circle.hess)
    result = scipy.optimize.minimize(fun, fun.x0, jac=True, hessp=fun.hessp, method="trust-constr", constraints=constraint)
    np.testing.assert_allclose(result.x, [-1.0, -1.0], atol=1e-5)


# ---------------------------------------------------------------------------
# functions of several results
# ---------------------------------------------------------------------------

TIMES = np.linspace(0.0, 3.0, 40)


def exponential(make):
    t, y = make(TIMES), make(2.5 * np.exp(-1.3 * TIMES) + 0.5)
    return lambda p: p["scale"] * ag.exp(-p["rate"] * t) + p["offset"] - y


def test_least_squares_fit(make):
    start = {name: make(1.0) for name in ("scale", "rate", "offset")}
    result = least_squares(exponential(make), start)
    found = {name: value.item() for name, value in result.x.items()}
    assert found == pytest.approx({"scale": 2.5, "rate": 1.3, "offset": 0.5}, abs=1e-6)


@pytest.mark.parametrize("mode", ["auto", "reverse", "forward"])
def test_jacobian(make, mode):
    fun = scipy_function(exponential(make), {name: make(1.5) for name in ("scale", "rate", "offset")}, mode=mode)
    decay = np.exp(-1.5 * TIMES)
    expected = np.stack([decay, -1.5 * TIMES * decay, np.ones(40)], axis=1)
    value, jacobian = fun.value_and_jac(fun.x0)
    np.testing.assert_allclose(jacobian, expected, rtol=1e-13)
    np.testing.assert_array_equal(value, fun(fun.x0))


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_jacobian_of_a_tree_of_results(make, mode):
    """Complex arguments and results as pairs of real numbers; a result that is constant; an argument that is not used."""

    def f(tree):
        z = tree["z"]
        return [ag.exp(z) * tree["x"][0], {"c": make([1.0, 2.0]), "r": ag.real(z * ag.conj(z))}]

    fun = scipy_function(f, {"z": make(np.complex128([0.5 + 1j, -1j])), "x": make([2.0, 3.0])}, mode=mode)
    assert fun(fun.x0).shape == (8,)
    expected = scipy.optimize._numdiff.approx_derivative(fun, fun.x0, method="3-point")
    np.testing.assert_allclose(fun.jac(fun.x0), expected, atol=1e-8)
    v = np.arange(1.0, 9.0)
    hessian = scipy.optimize._numdiff.approx_derivative(lambda x: v @ fun.jac(x), fun.x0, method="3-point")
    np.testing.assert_allclose(fun.hess(fun.x0, v), hessian, atol=1e-7)


@pytest.mark.parametrize(("m", "n", "mode", "calls"), [(7, 2, "auto", [7, 2]), (2, 7, "auto", [2]), (7, 2, "reverse", [7]), (2, 7, "forward", [2, 7])])
def test_auto_takes_the_smaller_batch(m, n, mode, calls):
    """Of the backward of the last step: one with a batch of all rows; or one that is recorded, and the backward of that with a batch of all columns."""
    backwards = []

    class Count(ag.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            backwards.append(g.value.shape[0] if isinstance(g, Batched) else g.shape[0])
            return Count.apply(g) if ag.is_grad_enabled() else g

    matrix = ag.ones(m, n, dtype=ag.float64)
    fun = scipy_function(lambda x: Count.apply(matrix @ x), np.ones(n), mode=mode)
    assert fun.jac(fun.x0).tolist() == np.ones((m, n)).tolist()
    assert backwards == calls


def test_root(make):
    def f(x):
        return ag.stack([x[0] + 0.5 * (x[0] - x[1]) ** 3 - 1.0, 0.5 * (x[1] - x[0]) ** 3 + x[1]])

    fun = scipy_function(f, make([0.0, 0.0]))
    expected = [0.8411639, 0.1588361]
    for result in (scipy.optimize.root(fun, fun.x0, jac=fun.jac), scipy.optimize.root(fun.value_and_jac, fun.x0, jac=True, method="lm")):
        np.testing.assert_allclose(result.x, expected, atol=1e-6)
    for method in ("hybr", "krylov"):
        np.testing.assert_allclose(root(f, make([0.8, 0.2]), method=method).x.numpy(force=True), expected, atol=1e-5)


# ---------------------------------------------------------------------------
# mistakes
# ---------------------------------------------------------------------------

OBJECTIVE_MISTAKES = {
    "not a scalar": (lambda x: x * x, ag.ShapeError, r"one number; it returned shape \(2,\)"),
    "a float": (lambda x: float((x * x).sum().detach()), TypeError, "returned float"),
    "NumPy's number": (lambda x: np.float64(3.0), TypeError, "NumPy functions end the graph"),
    "None": (lambda x: None, TypeError, "returned NoneType"),
    "a tuple": (lambda x: (x.sum(), x), TypeError, "returned tuple"),
    "complex": (lambda x: x.sum() * 1j, ag.DTypeError, "Return its real part"),
    "integer": (lambda x: (x > 0).sum(), ag.DTypeError, "have no derivative"),
    "detached": (lambda x: (x * x).sum().detach(), RuntimeError, "does not depend on x"),
    "constant": (lambda x: ag.ones(()), RuntimeError, "does not depend on x"),
    "NaN at the start": (lambda x: (x * ag.nan).sum(), FloatingPointError, "f is nan at x0"),
    "pole of the gradient": (lambda x: ag.sqrt(x - 1).sum(), FloatingPointError, r"gradient with respect to x is not"),
}


@pytest.mark.parametrize("name", OBJECTIVE_MISTAKES)
def test_mistakes_in_objectives(name):
    f, error, message = OBJECTIVE_MISTAKES[name]
    fun = scipy_objective(f, [1.0, 2.0])
    with pytest.raises(error, match=message):
        fun(fun.x0)


def test_a_line_search_may_step_where_f_is_not_finite():
    def f(x):
        return ag.where(x > 0, 100 * x + 1 / x, ag.inf).sum()

    assert scipy_objective(f, [3.0])(np.array([-1.0]))[0] == np.inf
    outside = []
    result = minimize(lambda x: (outside.append(x.item() <= 0), f(x))[1], [0.5], method="BFGS")
    assert any(outside)
    assert result.x.tolist() == pytest.approx([0.1], abs=1e-4)


def test_the_leaf_without_a_finite_gradient_is_named():
    fun = scipy_objective(lambda t: t["a"] + ag.sqrt(t["b"][1]), {"a": 1.0, "b": [1.0, 0.0]})
    with pytest.raises(FloatingPointError, match=r"x\['b'\]\[1\]"):
        fun(fun.x0)


FUNCTION_MISTAKES = {
    "a float": (lambda x: [x, 1.0], TypeError, r"the result\[1\] is float"),
    "integers": (lambda x: {"n": x > 0}, ag.DTypeError, r"\['n'\] is bool"),
    "nothing": (lambda x: [], ValueError, "has no numbers"),
    "detached": (lambda x: x.detach(), RuntimeError, "does not depend on x"),
}


@pytest.mark.parametrize("name", FUNCTION_MISTAKES)
def test_mistakes_in_functions(name):
    f, error, message = FUNCTION_MISTAKES[name]
    fun = scipy_function(f, [1.0, 2.0])
    with pytest.raises(error, match=message):
        fun.jac(fun.x0)


STARTS = {
    "integer tensor": (ag.tensor([1, 2]), ag.DTypeError, "x0 is int64"),
    "a string": ({"w": "text"}, TypeError, r"x0\['w'\] is str"),
    "nothing": ([], ValueError, "has no numbers"),
    "None": ([ag.ones(1), None], TypeError, r"x0\[1\] is NoneType"),
}


@pytest.mark.parametrize("name", STARTS)
def test_mistakes_in_starts(name):
    x0, error, message = STARTS[name]
    with pytest.raises(error, match=message):
        scipy_objective(lambda x: x, x0)


def test_mistakes_in_calls():
    fun = scipy_objective(rosenbrock, START)
    with pytest.raises(ag.ShapeError, match=r"flat vector of 5 numbers.*fun\.pack"):
        fun(np.ones(4))
    with pytest.raises(ag.ShapeError, match="p must be a flat vector of 5"):
        fun.hessp(START, np.ones((5, 1)))
    with pytest.raises(TypeError, match="f must be a function"):
        scipy_objective(START, rosenbrock)
    with pytest.raises(ValueError, match="the mode is"):
        scipy_function(rosenbrock, START, mode="jvp")


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match="pip install scipy"):
        minimize(rosenbrock, START)
