"""What anygrad/_catalogue.py says of each public function, held against what the function does; docs/functions.md."""

from __future__ import annotations

import contextlib
import inspect
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cupy_stand_in
import numpy as np
import op_cases
import pytest
import test_kinks
import test_special
import test_special_parameters
from tables import PUBLIC, ROWS, Row

import anygrad as ag
from anygrad import Tensor, _catalogue, linalg, special
from anygrad._primitive import registry
from anygrad.autograd.gradcheck import gradcheck, gradgradcheck

ROOT = Path(__file__).parent.parent


def _declared() -> Iterator[tuple[str, _catalogue.Entry]]:
    for name, function in PUBLIC.items():
        with contextlib.suppress(LookupError):  # test_differentiable_or_declared_not_to_be is about these
            yield name, _catalogue.entry(name, function)


DECLARED = dict(_declared())
every_function = pytest.mark.parametrize("name", DECLARED)


def tensors(value: Any) -> list[Tensor]:
    return [t for t in (value if isinstance(value, (tuple, list)) else (value,)) if isinstance(t, Tensor)]


# ---------------------------------------------------------------------------
# the declarations
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLIC)
def test_differentiable_or_declared_not_to_be(name: str) -> None:
    found = _catalogue.entry(name, PUBLIC[name])
    assert bool(found.arguments) != bool(found.reason)


def test_declarations_are_about_public_functions_and_said_once() -> None:
    said = list(_catalogue.declarations())
    assert [pair for pair in said if pair[1] not in PUBLIC] == []
    assert sorted({pair for pair in said if said.count(pair) > 1}) == []
    kinds = [name for table, name in said if table in ("DIFFERENTIABLE", "WITHOUT_DERIVATIVE")]
    assert [name for name in kinds if kinds.count(name) > 1] == []
    assert [name for name in kinds if hasattr(PUBLIC[name], "primitive")] == [], "their rules say it"


def test_a_missing_declaration_says_what_to_write() -> None:
    with pytest.raises(LookupError, match=r"add 'new' to DIFFERENTIABLE.*`python ci/functions.py`"):
        _catalogue.entry("new", lambda x: x)


@pytest.mark.parametrize("name", sorted(name for name, made in registry.items() if made.forward.__module__.startswith("anygrad.ops.")))
def test_primitives_have_rules_or_are_declared_to_have_none(name: str) -> None:
    made = registry[name]
    assert any(rule is not None for rule in made.rules) is made.differentiable


def test_the_page_is_what_the_script_writes() -> None:
    page = runpy.run_path(str(ROOT / "ci" / "functions.py"))["page"]()
    assert (ROOT / "docs" / "functions.md").read_text(encoding="utf-8") == page, "run `python ci/functions.py`"


# ---------------------------------------------------------------------------
# what the functions do
# ---------------------------------------------------------------------------


@every_function
def test_there_is_a_row_with_all_declared_arguments(name: str) -> None:
    """The gradients of rows are checked below: so it is enough that each argument is in one."""
    arguments = DECLARED[name].arguments
    if arguments:
        most = max((len(row.live) for row in ROWS if row.name == name), default=0)
        assert most >= len(arguments), f"add a row for {name} to a table of tests/tables.py that differentiates {' and '.join(arguments)}"


@pytest.mark.parametrize(("name", "argument"), [(name, argument) for name, e in DECLARED.items() for argument in e.not_implemented])
def test_what_is_not_implemented_raises(name: str, argument: str) -> None:
    names = [p.name for p in inspect.signature(PUBLIC[name]).parameters.values()]
    y = PUBLIC[name](*[ag.tensor([1.0, 2.0], requires_grad=n == argument) for n in names])
    with pytest.raises(NotImplementedError, match=f"`{argument}`"):
        ag.sum(y).backward()


def from_cupy() -> Tensor:
    with pytest.MonkeyPatch.context() as patch, cupy_stand_in.installed(patch):
        return ag.from_cupy(ag.ones(2, device="cuda").cupy())


X = ag.tensor([1.0, 2.0], requires_grad=True)
CALLS: dict[str, Any] = {
    "allclose": lambda: ag.allclose(X, X),
    "arange": lambda: ag.arange(3.0),
    "empty": lambda: ag.empty(2),
    "empty_like": lambda: ag.empty_like(X),
    "eye": lambda: ag.eye(2),
    "from_cupy": from_cupy,
    "from_dlpack": lambda: ag.from_dlpack(np.ones(2)),
    "from_numpy": lambda: ag.from_numpy(np.ones(2)),
    "full": lambda: ag.full((2,), 1.5),
    "linspace": lambda: ag.linspace(0.0, 1.0, 3),
    "ones": lambda: ag.ones(2),
    "tensor": lambda: ag.tensor(X.numpy(force=True)),
    "zeros": lambda: ag.zeros(2),
    "fft.fftfreq": lambda: ag.fft.fftfreq(4),
    "fft.rfftfreq": lambda: ag.fft.rfftfreq(4),
    "linalg.matrix_rank": lambda: ag.linalg.matrix_rank(X[None, :]),
    "random.fork_rng": lambda: ag.random.fork_rng(),
    "random.get_rng_state": lambda: ag.random.get_rng_state(),
    "random.initial_seed": lambda: ag.random.initial_seed(),
    "random.manual_seed": lambda: ag.random.manual_seed(0),
    "random.rand": lambda: ag.rand(2),
    "random.rand_like": lambda: ag.rand_like(X),
    "random.randint": lambda: ag.randint(2),
    "random.randn": lambda: ag.randn(2),
    "random.randn_like": lambda: ag.randn_like(X),
    "random.randperm": lambda: ag.randperm(2),
    "random.seed": lambda: ag.random.seed(),
    "random.set_rng_state": lambda: ag.random.set_rng_state({"seed": 0, "position": 0}),
    "broadcast_shapes": lambda: ag.broadcast_shapes((2,), (1, 1)),
    "can_cast": lambda: ag.can_cast(X, ag.float64),
    "finfo": lambda: ag.finfo(X.dtype),
    "iinfo": lambda: ag.iinfo(ag.int8),
    "isdtype": lambda: ag.isdtype(X.dtype, "real floating"),
    "result_type": lambda: ag.result_type(X, ag.float64),
}


@pytest.mark.parametrize("name", CALLS)
def test_results_without_a_derivative(name: str) -> None:
    found = CALLS[name]()
    assert not any(t.requires_grad for t in tensors(found))
    assert not (isinstance(found, Tensor) and DECLARED[name].reason == "about shapes and dtypes")


@every_function
def test_there_is_a_row_without_a_derivative(name: str) -> None:
    """Those of op_cases.py are called by test_ops.py."""
    if not DECLARED[name].arguments:
        rows = {case.id.partition("-")[0] for case in op_cases.NOT_DIFFERENTIABLE}
        assert (name in rows) != (name in CALLS), f"add {name} to the last part of op_cases.py, or to CALLS here"


@every_function
def test_conventions_have_a_row(name: str) -> None:
    if DECLARED[name].convention:
        rows = [
            *test_kinks.KINKS,
            *test_kinks.INFINITE,
            *test_kinks.MATRICES,
            *(f"special.{row[0]}" for row in (*test_special.EDGES, *test_special_parameters.EDGES)),
        ]
        assert any(row.split()[0] == name for row in rows), f"add a row to test_kinks.py whose name begins with {name}"


# Points where a function can be differentiated once, as ORDERS has it: function of Tensors, point.
LIMITS: dict[str, Any] = {
    "linalg.eig": (lambda x: ag.real(linalg.eig(x).eigenvalues), np.eye(2)),
    "linalg.eigh": (lambda x: linalg.eigh(x).eigenvalues, np.eye(2)),
    "linalg.eigvals": (lambda x: ag.real(linalg.eigvals(x)), np.eye(2)),
    "linalg.eigvalsh": (linalg.eigvalsh, np.eye(2)),
    "linalg.svd": (lambda x: linalg.svd(x).S, np.eye(2)),
    "linalg.svdvals": (linalg.svdvals, np.eye(2)),
}


def test_limits_are_those_declared() -> None:
    assert sorted([*LIMITS, *LAST]) == sorted(name for table, name in _catalogue.declarations() if table == "ORDERS")


@pytest.mark.parametrize("name", LIMITS)
def test_derivatives_to_the_declared_order(name: str) -> None:
    function, point = LIMITS[name]
    x = ag.tensor(point, requires_grad=True)
    (first,) = ag.autograd.grad(ag.sum(function(x)), x, create_graph=True)
    (second,) = ag.autograd.grad(ag.sum(first), x)
    assert np.isfinite(first.numpy(force=True)).all()
    assert np.isnan(second.numpy(force=True)).any()


# functions of one argument, of which the derivative after the last one raises
LAST: dict[str, Any] = {
    "special.gammainc": lambda a: special.gammainc(a, 1.5),
    "special.gammaincc": lambda a: special.gammaincc(a, 1.5),
    "special.gammaincinv": lambda a: special.gammaincinv(a, 0.5),
    "special.gammainccinv": lambda a: special.gammainccinv(a, 0.5),
    "special.betainc": lambda a: special.betainc(a, 1.5, 0.5),
    "special.betaincc": lambda b: special.betaincc(1.5, b, 0.5),
    "special.betaincinv": lambda a: special.betaincinv(a, 1.5, 0.5),
    "special.betainccinv": lambda b: special.betainccinv(1.5, b, 0.5),
    "special.gdtr": lambda b: special.gdtr(1.5, b, 0.5),
    "special.gdtrc": lambda b: special.gdtrc(1.5, b, 0.5),
    "special.chdtr": lambda v: special.chdtr(v, 1.5),
    "special.chdtrc": lambda v: special.chdtrc(v, 1.5),
    "special.chdtri": lambda v: special.chdtri(v, 0.5),
    "special.fdtr": lambda dfn: special.fdtr(dfn, 2.5, 1.5),
    "special.fdtrc": lambda dfd: special.fdtrc(2.5, dfd, 1.5),
    "special.fdtri": lambda dfn: special.fdtri(dfn, 2.5, 0.5),
    "special.stdtr": lambda df: special.stdtr(df, 1.5),
    "special.stdtrit": lambda df: special.stdtrit(df, 0.25),
    "special.zeta": lambda x: special.zeta(x, 1.5),
    "special.zetac": special.zetac,
    "special.gamma": lambda x: special.gamma(x + 1j),
    "special.loggamma": lambda x: special.loggamma(x + 1j),
    "special.rgamma": lambda x: special.rgamma(x + 1j),
}


@pytest.mark.parametrize("name", LAST)
def test_after_the_last_derivative_it_raises(name: str) -> None:
    orders = int(re.findall(r"\d", DECLARED[name].orders)[0])
    x = ag.tensor([2.5], dtype=ag.float64, requires_grad=True)
    y = LAST[name](x)
    for _ in range(orders):
        (y,) = ag.autograd.grad(ag.sum(ag.real(y)), x, create_graph=True)
        assert np.isfinite(y.numpy(force=True)).all()
    with pytest.raises(NotImplementedError):
        ag.sum(ag.real(y)).backward()


@pytest.mark.parametrize("row", [r for r in ROWS if r.name.startswith("special.")], ids=repr)
def test_what_needs_scipy(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [m for m in sys.modules if m.split(".")[0] == "scipy"]:
        monkeypatch.setitem(sys.modules, module, None)
    xs = [ag.tensor(a, requires_grad=True) for a in row.arrays]
    if DECLARED[row.name].libraries.startswith("with SciPy"):
        with pytest.raises(ImportError, match="pip install scipy"):
            row.function(*xs)
    else:
        grads = ag.autograd.grad(ag.sum(row.function(*xs)), xs)
        assert [g.shape for g in grads] == [x.shape for x in xs]


# ---------------------------------------------------------------------------
# every row
# ---------------------------------------------------------------------------

every_row = pytest.mark.parametrize("row", ROWS, ids=repr)


@every_row
def test_gradcheck_and_gradgradcheck(row: Row) -> None:
    xs = tuple(ag.tensor(a, requires_grad=i in row.live) for i, a in enumerate(row.arrays))
    assert gradcheck(row.function, xs, eps=1e-5, atol=1e-6, rtol=1e-6)
    assert gradgradcheck(row.function, xs)


@pytest.mark.parametrize("row", [r for r in ROWS if "." in r.name], ids=repr)
def test_single_precision(row: Row) -> None:
    """The gradients of the extensions' rows in float32 and complex64; test_ops.py has those of the others."""
    found = []
    for double in (True, False):
        arrays = [a if double or a.dtype.kind not in "fc" else a.astype(np.complex64 if a.dtype.kind == "c" else np.float32) for a in row.arrays]
        xs = [ag.tensor(a, requires_grad=i in row.live) for i, a in enumerate(arrays)]
        ys = [y for y in tensors(row.function(*xs)) if y.requires_grad]
        grads = ag.autograd.grad(ys, [xs[i] for i in row.live], [ag.ones_like(y) for y in ys])
        assert [g.dtype for g in grads] == [arrays[i].dtype for i in row.live]
        found.append([g.numpy(force=True) for g in grads])
    for wide, narrow in zip(*found, strict=True):
        np.testing.assert_allclose(narrow, wide, rtol=1e-3, atol=1e-3 * max(1.0, np.abs(wide).max(initial=0)))
