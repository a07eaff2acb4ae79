"""What is differentiable: one entry for each public function, for the tests and for docs/functions.md.

A function that is a primitive speaks for itself: it is differentiable in the inputs that have rules.
The others check their arguments and call primitives; what they are differentiable in, or why they
are not, is declared here, and so is what no code can tell: conventions and limits. The tests hold
every declaration against what the functions do.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

import anygrad

# Functions that are no primitives, by the arguments in which they are differentiable.
DIFFERENTIABLE = {
    "x": """
        array_split astype broadcast_to chunk cumulative_prod cumulative_sum diag diagonal expand_dims flatten flip
        matrix_transpose max mean min moveaxis nan_to_num pad permute_dims prod ravel repeat reshape roll sign sort
        split squeeze std sum swapaxes take take_along_axis tile trace transpose tril triu unique_all unique_counts
        unique_inverse unique_values unstack var
        fft.fft fft.fftn fft.fftshift fft.hfft fft.ifft fft.ifftn fft.ifftshift fft.ihfft fft.irfft fft.irfftn fft.rfft
        fft.rfftn
        linalg.cholesky linalg.det linalg.diagonal linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh linalg.inv
        linalg.matrix_norm linalg.matrix_power linalg.pinv linalg.qr linalg.slogdet linalg.svd linalg.svdvals
        linalg.trace linalg.vector_norm
        special.expn special.exprel special.fresnel special.log_softmax special.lpmv special.polygamma special.shichi
        special.sici special.sinc special.softmax special.yn
        random.dropout random.permutation
    """,
    "x1 x2": "dot kron matmul pow tensordot vecdot where linalg.cross linalg.outer linalg.solve",
    "x y": "special.kl_div",
    "low high": "random.uniform",
    "mean std": "random.normal",
    "x q": "special.zeta",
    "x b": "special.logsumexp",
    "a": "special.multigammaln random.choice",
    "z": "special.wofz",
    "d m s": "special.radian",
    "p": "special.bdtr special.bdtrc special.nbdtr special.nbdtrc random.bernoulli",
    "y": "special.bdtri special.nbdtri special.pdtri",
    "m": "special.pdtr special.pdtrc",
    "v x": "special.chdtr special.chdtrc",
    "v p": "special.chdtri",
    "a b x": "special.gdtr special.gdtrc",
    "dfn dfd x": "special.fdtr special.fdtrc",
    "dfn dfd p": "special.fdtri",
    "x min max": "clip",
    "x prepend append": "diff",
    "arrays": "broadcast_arrays column_stack concat hstack meshgrid stack vstack",
    "operands": "einsum",
    "obj": "as_tensor asarray",
    "fill_value": "full full_like",
    "start stop": "linspace",
    "start step": "arange",
}

# Functions that are no primitives, by the arguments with a derivative that is not implemented: backward raises.
NOT_IMPLEMENTED = {"n": "special.expn special.yn", "m v": "special.lpmv"}

# Functions that are no primitives and have no derivative, by the reason.
WITHOUT_DERIVATIVE = {
    "the result is no number that changes smoothly": """
        all allclose any argmax argmin argsort count_nonzero isclose isin nonzero searchsorted
        linalg.matrix_rank
    """,
    "makes tensors": """
        empty empty_like eye from_cupy from_dlpack from_numpy ones ones_like tensor zeros zeros_like
        fft.fftfreq fft.rfftfreq
        random.rand random.rand_like random.randint random.randn random.randn_like random.randperm
    """,
    "about where a stream stands": """
        random.fork_rng random.get_rng_state random.initial_seed random.manual_seed random.seed random.set_rng_state
    """,
    "about shapes and dtypes": "broadcast_shapes can_cast finfo iinfo isdtype result_type",
}

# Derivatives exist to any order, save for these.
ORDERS = {
    "any; 1 where eigenvalues repeat": "linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh",
    "any; 1 where singular values repeat": "linalg.svd linalg.svdvals",
    "any; 2 with respect to a": "special.gammainc special.gammaincc special.gammainccinv special.gammaincinv",
    "any; 2 with respect to a and b": "special.betainc special.betaincc special.betainccinv special.betaincinv",
    "any; 2 with respect to b": "special.gdtr special.gdtrc",
    "any; 2 with respect to v": "special.chdtr special.chdtrc special.chdtri",
    "any; 2 with respect to dfn and dfd": "special.fdtr special.fdtrc special.fdtri",
    "any; 2 with respect to df": "special.stdtr special.stdtrit",
    "any; 2 with respect to x": "special.zeta",
    "2": "special.zetac",
    "any; of complex x 1": "special.gamma special.loggamma special.rgamma",
}

# What not every library has.
LIBRARIES = {
    "CuPy if CUDA has it": "linalg.eig linalg.eigvals",
    "with SciPy; not CuPy": """
        special.dawsn special.erfi special.fresnel special.hyp1f1 special.iv special.ive special.jv special.kv
        special.kve special.ndtri_exp special.owens_t special.spence special.wofz special.wrightomega special.yv
    """,
}

# What happens where a derivative does not exist, or where 0 / 0 lies in wait.
CONVENTIONS = {
    "0 at 0": "relu",
    "0 where x is not finite": "nan_to_num",
    "0 at 0, real or complex": "abs",
    "0 everywhere": "ceil floor round trunc random.bernoulli",
    "0 for real x": "sign",
    "0 with respect to both": "floor_divide",
    "with respect to x2: -(x1 // x2)": "remainder",
    "0 with respect to x2, and at x1 = 0": "copysign",
    "at a tie a half to each; 1 to each beside NaN": "maximum minimum",
    "ties share evenly": "max min",
    "at a bound it is the gradient of x": "clip",
    "inf at 0": "log sqrt",
    "0, 0 at (0, 0)": "atan2 hypot",
    "0, 0 at (0, 0); NaN with respect to x2 where x1 < 0": "pow",
    "a half to each where both are the same infinity": "logaddexp",
    "exact zeros for what is not chosen; NaN of its own derivative is not hidden": "where",
    "exact where elements are 0": "cumulative_prod prod",
    "0 where all elements are equal": "std",
    "NaN where no degree of freedom is left": "var",
    "stable; equal elements keep their order": "sort",
    "gradients at repeated indices add up": "take take_along_axis",
    "the adjugate at singular matrices, exact at any rank": "linalg.det",
    "NaN at singular matrices": "linalg.slogdet",
    "gradients of eigenvalues are finite where these repeat; those of vectors are not": "linalg.eig linalg.eigh",
    "finite where eigenvalues repeat": "linalg.eigvals linalg.eigvalsh",
    "finite where singular values repeat": "linalg.svdvals",
    "gradients of S are finite where values repeat; those of U and Vh are not": "linalg.svd",
    "that of matrices of the same rank": "linalg.pinv",
    "0 at 0, at any order of derivative; ties of ord=inf share evenly": "linalg.vector_norm",
    "ties share evenly; 0 at 0 for 'fro'": "linalg.matrix_norm",
    "0 with respect to x where x is 0; NaN where y is NaN": "special.xlog1py special.xlogy",
    "inf at 0 and 1, NaN outside": "special.logit",
    "0 everywhere; also at poles": "special.gammasgn",
    "at a pole of gamma the limit": "special.binom special.poch special.rgamma",
}

EXTENSIONS = (anygrad.fft, anygrad.linalg, anygrad.random, anygrad.special)


@dataclass(frozen=True)
class Entry:
    """What is known of a public function.

    Attributes
    ----------
    name : str
        As users write it after `anygrad.`.
    function : callable
    chapter : str
        Of the standard, or the extension.
    arguments : tuple of str
        In which it is differentiable; empty if it is not.
    not_implemented : tuple of str
        Arguments for which backward raises NotImplementedError.
    reason : str
        Why it is not differentiable; else empty.
    orders : str
        How often it can be differentiated.
    convention : str
        At points where the derivative does not exist.
    libraries : str
        "any"; "with SciPy" if it calls scipy.special (for CuPy cupyx.scipy.special, which comes with it); or what LIBRARIES says.
    """

    name: str
    function: Any
    chapter: str
    arguments: tuple[str, ...]
    not_implemented: tuple[str, ...]
    reason: str
    orders: str
    convention: str
    libraries: str


def public_functions() -> dict[str, Any]:
    """The public functions on arrays, by name; what an extension shares with the main namespace is named after where it is written."""
    written = tuple(extension.__name__ for extension in EXTENSIONS)
    found = {name: value for name in anygrad.__all__ if _is_ours(value := getattr(anygrad, name)) and not value.__module__.startswith(written)}
    main = set(found.values())
    for extension in EXTENSIONS:
        for name in extension.__all__:
            if _is_ours(value := getattr(extension, name)) and value not in main:
                found[f"{extension.__name__.rpartition('.')[2]}.{name}"] = value
    return found


def _is_ours(value: Any) -> bool:
    return inspect.isfunction(value) and value.__module__.startswith(("anygrad.ops.", "anygrad.random"))


def catalogue() -> dict[str, Entry]:
    """The entries of all public functions, by name.

    Raises
    ------
    LookupError
        If one is neither differentiable nor declared not to be.
    """
    return {name: entry(name, function) for name, function in public_functions().items()}


def entry(name: str, function: Any) -> Entry:
    """What is known of one public function."""
    made = getattr(function, "primitive", None)
    if made is None:
        arguments, missing = _declared(DIFFERENTIABLE, name).split(), _declared(NOT_IMPLEMENTED, name).split()
        reason = _declared(WITHOUT_DERIVATIVE, name)
    else:
        arguments = [x for x, rule in zip(made.inputs, made.rules, strict=True) if rule is not None]
        missing = [x for x in made.inputs if x not in arguments and made.differentiable]
        reason = "" if made.differentiable else next(iter(WITHOUT_DERIVATIVE))
    if not arguments and not reason:
        raise LookupError(
            f"{name} is neither differentiable nor declared not to be. "
            + (
                f"In anygrad/_catalogue.py add {name!r} to DIFFERENTIABLE, under the arguments in which it is differentiable, or to "
                "WITHOUT_DERIVATIVE, under the reason"
                if made is None
                else "Give the primitive a rule, or `differentiable=False`"
            )
            + ". Then run `python ci/functions.py`."
        )
    chapter = name.rpartition(".")[0] or function.__module__.rpartition(".")[2].strip("_").replace("_", " ")
    return Entry(
        name=name,
        function=function,
        chapter=chapter,
        arguments=tuple(arguments),
        not_implemented=tuple(missing),
        reason=reason,
        orders=(_declared(ORDERS, name) or "any") if arguments else "",
        convention=_declared(CONVENTIONS, name),
        libraries=_declared(LIBRARIES, name) or ("with SciPy" if _mentions(function, "load_special", set()) else "any"),
    )


def declarations() -> Iterator[tuple[str, str]]:
    """(table, name) for each name in a table of this file."""
    for table in ("DIFFERENTIABLE", "NOT_IMPLEMENTED", "WITHOUT_DERIVATIVE", "ORDERS", "LIBRARIES", "CONVENTIONS"):
        for names in globals()[table].values():
            yield from ((table, name) for name in names.split())


def _declared(table: dict[str, str], name: str) -> str:
    return next((key for key, names in table.items() if name in names.split()), "")


def _mentions(function: Any, attribute: str, seen: set[Any]) -> bool:
    """Whether a function, or one of ours that it calls, uses an attribute of this name; rules count."""
    seen.add(function)
    made = getattr(function, "primitive", None)
    for part in (function,) if made is None else (made.forward, *filter(None, made.rules)):
        names = set(_names(part.__code__))
        if attribute in names:
            return True
        called = [value for name in names if _is_ours(value := part.__globals__.get(name))]
        if any(_mentions(value, attribute, seen) for value in called if value not in seen):
            return True
    return False


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
