"""Every name and keyword of CuPy that the project uses is in the CuPy that is installed: needs no GPU.

The sources are read: in the backend, what is written `cp.NAME`, `cupyx.NAME` or goes by a name
assigned from one; in anygrad, what rules ask of a backend as `xp.NAME`.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_cuda_tables as on_the_stand_in
from cupy_stand_in import ABSENT, ABSENT_FROM_SPECIAL, calls, installed

import anygrad
from anygrad import _backends
from anygrad.ops.special._library import MADE_OF_OTHERS

cupy = pytest.importorskip("cupy", exc_type=ImportError)
cupyx = pytest.importorskip("cupyx")

# The stand-in is CuPy 14, and what is said of older ones is in test_cuda.py.
latest = pytest.mark.skipif(cupy.__version__.startswith("13."), reason="CuPy 13")
OLD = {"eig", "eigvals"} if cupy.__version__.startswith("13.") else set()  # of linalg: raise NotImplementedError

BACKEND = importlib.util.find_spec("anygrad_cupy").submodule_search_locations[0]  # type: ignore[union-attr,index]
SOURCES = sorted(Path(BACKEND).glob("*.py"))
RULES = sorted(Path(anygrad.__file__).parent.rglob("*.py"))

# What the sources use of CuPy's objects: keywords of methods, and functions that are called by way of a variable.
METHODS = {
    "ndarray": {
        "T": "",
        "astype": "dtype copy",
        "base": "",
        "copy": "order",
        "get": "out blocking",
        "data": "",
        "ravel": "",
        "real": "",
        "imag": "",
        "reshape": "",
        "strides": "",
        "sum": "axis dtype keepdims",
        "flags": "",
        "__dlpack__": "stream",
        "__dlpack_device__": "",
        "__cuda_array_interface__": "",
    },
    "cuda.MemoryPointer": {"ptr": "", "device_id": ""},
    "cuda.Stream": {"record": "", "wait_event": "", "use": "", "done": "", "synchronize": "", "__enter__": "", "__exit__": "", "__init__": "non_blocking"},
    "cuda.Event": {"record": "stream", "done": "", "synchronize": "", "__init__": "block disable_timing interprocess"},
    "cuda.MemoryHook": {"malloc_postprocess": "", "name": ""},
    "cuda.Device": {"__enter__": "", "__exit__": "", "synchronize": "", "use": ""},
    "cuda.MemoryPool": {"used_bytes": "", "total_bytes": "", "free_all_blocks": ""},
    "cuda.PinnedMemoryPool": {"free_all_blocks": ""},
}
WRAPPED = {
    "arange": "start stop step dtype", "empty": "shape dtype", "eye": "k dtype", "full": "shape fill_value dtype", "linspace": "num endpoint dtype",
    "ones": "shape dtype", "zeros": "shape dtype", "empty_like": "dtype", "full_like": "fill_value dtype", "ones_like": "dtype", "zeros_like": "dtype",
    "from_dlpack": "",
}  # fmt: skip


def parameters(function: Any) -> set[str] | None:
    """The names of a function's parameters: from its signature, or for Cython's from the first line of its docstring."""
    try:
        return {*inspect.signature(function).parameters, *inspect.signature(function, follow_wrapped=False).parameters}
    except (TypeError, ValueError):
        first = (function.__doc__ or "").partition("\n")[0]
        written = re.search(r"\((.*)\)", first)
        return None if written is None else {part.partition("=")[0].split()[-1] for part in written[1].split(",") if part.strip()}


def uses(path: Path, roots: dict[str, Any]) -> Iterator[tuple[str, Any, str, list[str]]]:
    """(where, object, attribute, keywords of the call) for each attribute of a root or of what a variable was assigned from it."""
    tree = ast.parse(path.read_text())
    for assignment in (node for node in ast.walk(tree) if isinstance(node, ast.Assign)):
        target, value = assignment.targets[0], assignment.value
        if isinstance(target, ast.Name) and isinstance(value, ast.Attribute):
            owner = resolve(value, roots)
            if owner is not None:
                roots = {**roots, target.id: owner}
    keywords = {id(node.func): [k.arg for k in node.keywords if k.arg] for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = resolve(node.value, roots)
            if owner is not None:
                yield f"{path.name}:{node.lineno}", owner, node.attr, keywords.get(id(node), [])


def resolve(node: ast.expr, roots: dict[str, Any]) -> Any:
    """The object that an expression of names and attributes stands for; None if it does not begin at a root."""
    if isinstance(node, ast.Name):
        return roots.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = resolve(node.value, roots)
        try:
            return getattr(owner, node.attr, None)
        except ImportError:  # cublas
            return None
    return None


def missing(found: Iterator[tuple[str, Any, str, list[str]]]) -> tuple[int, list[str]]:
    """How many uses there are, and which of them CuPy does not have."""
    count, wrong = 0, []
    for where, owner, name, keywords in found:
        count += 1
        if name in OLD or name == "cublas":  # which is not there without a library of CUDA's: see test_cublas
            continue
        if not hasattr(owner, name):
            wrong.append(f"{where}: no {name}")
            continue
        known = parameters(getattr(owner, name)) if keywords else set()
        wrong += [f"{where}: {name} has no parameter {k}" for k in keywords if known is None or k not in known]
    return count, wrong


def test_the_backend_uses_what_cupy_has() -> None:
    count, wrong = 0, []
    for path in SOURCES:
        n, some = missing(uses(path, {"cp": cupy, "cupy": cupy, "cupyx": cupyx}))
        count, wrong = count + n, wrong + some
    assert count > 50, "the sources were not found or not understood"
    assert not wrong


def test_the_rules_use_what_the_backend_has() -> None:
    backend = _backends.load("cupy")
    count, wrong = 0, []
    for path in RULES:
        n, some = missing(uses(path, {"xp": backend}))
        count, wrong = count + n, wrong + some
    assert count > 100, "the sources were not found or not understood"
    assert not wrong


@pytest.mark.parametrize(("kind", "attribute", "keywords"), [(kind, a, k) for kind, table in METHODS.items() for a, k in table.items()])
def test_methods(kind: str, attribute: str, keywords: str) -> None:
    owner = cupy
    for part in kind.split("."):
        owner = getattr(owner, part)
    method = getattr(owner, attribute)
    assert set(keywords.split()) <= (parameters(method) or set() if keywords else set())


@latest
def test_what_streams_have_since_cupy_14() -> None:
    assert callable(cupy.cuda.Stream.from_external)
    assert "priority" in (parameters(cupy.cuda.Stream.__init__) or set())


def test_cublas() -> None:
    """CuPy's module for cuBLAS cannot be imported without that; what is in its file can be read all the same."""
    path = next(Path(importlib.util.find_spec("cupy_backends.cuda.libs").origin).parent.glob("cublas.*.so"), None)  # type: ignore[union-attr,arg-type]
    if path is None:
        pytest.skip("CuPy is not in files of Linux")
    words = "gemmStridedBatchedEx handle transa transb alpha Atype lda strideA Btype ldb strideB beta Ctype ldc strideC batchCount computeType algo"
    binary = path.read_bytes()
    assert [word for word in words.split() if word.encode() not in binary] == []
    assert callable(cupy.cuda.device.get_cublas_handle)


@pytest.mark.parametrize(("name", "keywords"), WRAPPED.items())
def test_wrapped_functions(name: str, keywords: str) -> None:
    assert set(keywords.split()) <= (parameters(getattr(cupy, name)) or set())


def test_the_whole_standard_is_there() -> None:
    import array_api_compat.cupy

    backend = _backends.load("cupy")
    standard = [name for name in array_api_compat.cupy._aliases.__all__ if not name.startswith("_") and not name.endswith("Result")]
    assert len(standard) > 40
    assert [name for name in standard if not hasattr(backend, name)] == []
    assert callable(backend.linalg.solve)
    assert callable(backend.fft.fft)
    assert callable(backend.load_special().erf)


def refusal(function: Any, kinds: str, keywords: tuple[str, ...]) -> str:
    """Why a function of CuPy cannot be called with so many arguments, of these kinds, and these keywords; empty if it can."""
    if hasattr(function, "types"):  # a ufunc
        if not {*keywords} <= {"out", "dtype", "casting"}:
            return f"keywords {keywords}"
        known = [t.partition("->")[0].replace("E", "e") for t in function.types]  # E is bfloat16
        return "" if any(len(t) == len(kinds) and all(k == "." or np.can_cast(k, c) for k, c in zip(kinds, t, strict=True)) for t in known) else "dtypes"
    try:
        inspect.signature(function).bind(*kinds, **dict.fromkeys(keywords))
    except TypeError as error:
        return str(error)
    except ValueError:  # it has none
        return "" if {*keywords} <= (parameters(function) or set()) else f"keywords {keywords}"
    return ""


@latest
def test_every_call_of_the_tables_is_one_that_cupy_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What rows call on the stand-in, also by way of array_api_compat, against CuPy's signatures and the dtypes of its ufuncs."""
    with installed(monkeypatch):
        calls.clear()
        for row in on_the_stand_in.SMOOTH:
            on_the_stand_in.values_and_gradients(row, "cuda:0", [])
            on_the_stand_in.values_and_tangents(row, "cuda:0")
        found = set(calls)
    assert len({name for _, name, _, _ in found}) > 100
    modules = {name: importlib.import_module(name) for name in {module for module, *_ in found}}
    said = {(f"{module}.{name}", kinds, why) for module, name, kinds, keywords in found if (why := refusal(getattr(modules[module], name), kinds, keywords))}
    assert not said


@latest
@pytest.mark.parametrize(("module", "library"), [("cupy", np), ("cupy.linalg", np.linalg), ("cupy.fft", np.fft)])
def test_the_stand_in_has_what_cupy_has(module: str, library: Any) -> None:
    """As far as functions go: it has NumPy's, without those that CuPy lacks."""
    real = importlib.import_module(module)
    functions = {name for name in library.__all__ if callable(f := getattr(library, name)) and not isinstance(f, type)}
    assert {name for name in functions if not hasattr(real, name)} == ABSENT[module]


@latest
def test_the_special_functions_are_there() -> None:
    """CuPy has them, they are made of what it has, or they are known to be absent, with their own error."""
    special = _backends.load("cupy").load_special()
    names = {name for path in RULES for name in re.findall(r'of_library\(xp, "(\w+)"', path.read_text())}
    assert len(names) > 80
    assert {name for name in names if not hasattr(special, name)} - set(MADE_OF_OTHERS) == ABSENT_FROM_SPECIAL
    sources = inspect.getsource(sys.modules[MADE_OF_OTHERS["stdtr"].__module__])
    made_of = set(re.findall(r'of_library\(xp, "(\w+)"', sources))
    assert len(made_of) > 2
    assert [name for name in made_of if not hasattr(special, name)] == []


@latest
@pytest.mark.parametrize("name", "arange asarray clip empty eye full full_like linspace mean ones ones_like sign sum zeros zeros_like".split())
def test_what_waits_or_forgets_the_device_in_array_api_compat_is_not_used(name: str) -> None:
    import array_api_compat.cupy

    theirs = getattr(array_api_compat.cupy, name)
    assert getattr(_backends.load("cupy"), name) is not theirs or theirs is getattr(cupy, name)


@latest
def test_sign_is_the_standards() -> None:
    """The backend gives CuPy's own `sign`, which keeps NaN and divides complex numbers by their absolute value from CuPy 14 on."""
    assert "NaN is returned" in cupy.sign.__doc__
    assert "x/abs(x)" in cupy.sign.__doc__
    assert _backends.load("cupy").sign.__wrapped__ is cupy.sign
