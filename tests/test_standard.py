"""The Array API standard, 2025.12, as facts: its names, its signatures, and what it fixes about dtypes and devices.

What the functions compute is for the conformance suite (ci/conformance.sh).
"""

from __future__ import annotations

import inspect
import math
from inspect import Parameter, Signature
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import anygrad as ag
from anygrad import Tensor

CONSTANTS = {"e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None, "pi": math.pi}
KINDS = {
    "bool": "bool",
    "signed integer": "int8 int16 int32 int64",
    "unsigned integer": "uint8 uint16 uint32 uint64",
    "real floating": "float32 float64",
    "complex floating": "complex64 complex128",
}
DTYPES = " ".join(KINDS.values()).split()

ONE_INPUT = """
abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor imag isfinite isinf isnan log log10 log1p log2
logical_not matrix_transpose negative nonzero positive real reciprocal round sign signbit sin sinh sqrt square tan tanh trunc
unique_all unique_counts unique_inverse unique_values
""".split()
TWO_INPUTS = """
add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide equal floor_divide greater
greater_equal hypot less less_equal logaddexp logical_and logical_or logical_xor matmul maximum minimum multiply nextafter not_equal pow
remainder subtract
""".split()
FUNCTIONS = """
all(x, /, *, axis=None, keepdims=False)
any(x, /, *, axis=None, keepdims=False)
arange(start, /, stop=None, step=1, *, dtype=None, device=None)
argmax(x, /, *, axis=None, keepdims=False)
argmin(x, /, *, axis=None, keepdims=False)
argsort(x, /, *, axis=-1, descending=False, stable=True)
asarray(obj, /, *, dtype=None, device=None, copy=None)
astype(x, dtype, /, *, copy=True, device=None)
broadcast_arrays(*arrays)
broadcast_shapes(*shapes)
broadcast_to(x, /, shape)
can_cast(from_, to, /)
clip(x, /, min=None, max=None)
concat(arrays, /, *, axis=0)
count_nonzero(x, /, *, axis=None, keepdims=False)
cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False)
cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False)
diff(x, /, *, axis=-1, n=1, prepend=None, append=None)
empty(shape, *, dtype=None, device=None)
empty_like(x, /, *, dtype=None, device=None)
expand_dims(x, /, axis)
eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None)
finfo(type, /)
flip(x, /, *, axis=None)
from_dlpack(x, /, *, device=None, copy=None)
full(shape, fill_value, *, dtype=None, device=None)
full_like(x, /, fill_value, *, dtype=None, device=None)
iinfo(type, /)
isdtype(dtype, kind)
isin(x1, x2, /, *, invert=False)
linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True)
max(x, /, *, axis=None, keepdims=False)
mean(x, /, *, axis=None, keepdims=False)
meshgrid(*arrays, indexing='xy')
min(x, /, *, axis=None, keepdims=False)
moveaxis(x, source, destination, /)
ones(shape, *, dtype=None, device=None)
ones_like(x, /, *, dtype=None, device=None)
permute_dims(x, /, axes)
prod(x, /, *, axis=None, dtype=None, keepdims=False)
repeat(x, repeats, /, *, axis=None)
reshape(x, /, shape, *, copy=None)
result_type(*arrays_and_dtypes)
roll(x, /, shift, *, axis=None)
searchsorted(x1, x2, /, *, side='left', sorter=None)
sort(x, /, *, axis=-1, descending=False, stable=True)
squeeze(x, /, axis)
stack(arrays, /, *, axis=0)
std(x, /, *, axis=None, correction=0.0, keepdims=False)
sum(x, /, *, axis=None, dtype=None, keepdims=False)
take(x, indices, /, *, axis=None)
take_along_axis(x, indices, /, *, axis=-1)
tensordot(x1, x2, /, *, axes=2)
tile(x, repetitions, /)
tril(x, /, *, k=0)
triu(x, /, *, k=0)
unstack(x, /, *, axis=0)
var(x, /, *, axis=None, correction=0.0, keepdims=False)
vecdot(x1, x2, /, *, axis=-1)
where(condition, x1, x2, /)
zeros(shape, *, dtype=None, device=None)
zeros_like(x, /, *, dtype=None, device=None)

linalg.cholesky(x, /, *, upper=False)
linalg.cross(x1, x2, /, *, axis=-1)
linalg.det(x, /)
linalg.diagonal(x, /, *, offset=0)
linalg.eig(x, /)
linalg.eigh(x, /)
linalg.eigvals(x, /)
linalg.eigvalsh(x, /)
linalg.inv(x, /)
linalg.matmul(x1, x2, /)
linalg.matrix_norm(x, /, *, keepdims=False, ord='fro')
linalg.matrix_power(x, n, /)
linalg.matrix_rank(x, /, *, rtol=None)
linalg.matrix_transpose(x, /)
linalg.outer(x1, x2, /)
linalg.pinv(x, /, *, rtol=None)
linalg.qr(x, /, *, mode='reduced')
linalg.slogdet(x, /)
linalg.solve(x1, x2, /)
linalg.svd(x, /, *, full_matrices=True)
linalg.svdvals(x, /)
linalg.tensordot(x1, x2, /, *, axes=2)
linalg.trace(x, /, *, offset=0, dtype=None)
linalg.vecdot(x1, x2, /, *, axis=-1)
linalg.vector_norm(x, /, *, axis=None, keepdims=False, ord=2)

fft.fft(x, /, *, n=None, axis=-1, norm='backward')
fft.fftfreq(n, /, *, d=1.0, dtype=None, device=None)
fft.fftn(x, /, *, s=None, axes=None, norm='backward')
fft.fftshift(x, /, *, axes=None)
fft.hfft(x, /, *, n=None, axis=-1, norm='backward')
fft.ifft(x, /, *, n=None, axis=-1, norm='backward')
fft.ifftn(x, /, *, s=None, axes=None, norm='backward')
fft.ifftshift(x, /, *, axes=None)
fft.ihfft(x, /, *, n=None, axis=-1, norm='backward')
fft.irfft(x, /, *, n=None, axis=-1, norm='backward')
fft.irfftn(x, /, *, s=None, axes=None, norm='backward')
fft.rfft(x, /, *, n=None, axis=-1, norm='backward')
fft.rfftfreq(n, /, *, d=1.0, dtype=None, device=None)
fft.rfftn(x, /, *, s=None, axes=None, norm='backward')

__array_namespace_info__()
""".split("\n")
FUNCTIONS = [f"{name}(x, /)" for name in ONE_INPUT] + [f"{name}(x1, x2, /)" for name in TWO_INPUTS] + [line for line in FUNCTIONS if line]

INFO = """
capabilities()
default_device()
default_dtypes(*, device=None)
devices()
dtypes(*, device=None, kind=None)
""".split("\n")[1:-1]

BINARY = "add and eq floordiv ge gt le lshift lt matmul mod mul ne or pow rshift sub truediv xor".split()
REFLECTED = [name for name in BINARY if name not in ("eq", "ge", "gt", "le", "lt", "ne")]
METHODS = [
    *(f"__{name}__(self, other, /)" for name in BINARY),
    *(f"__r{name}__(self, other, /)" for name in REFLECTED),
    *(f"__i{name}__(self, other, /)" for name in REFLECTED),
    *(f"__{name}__(self, /)" for name in "abs bool complex dlpack_device float index int invert neg pos".split()),
    "__array_namespace__(self, /, *, api_version=None)",
    "__dlpack__(self, /, *, stream=None, max_version=None, dl_device=None, copy=None)",
    "__getitem__(self, key, /)",
    "__setitem__(self, key, value, /)",
    "to_device(self, device, /, *, stream=None)",
]
ATTRIBUTES = "T device dtype mT ndim shape size".split()


def parameters(written: str) -> tuple[str, list[Parameter]]:
    """The name and the parameters of a signature as the standard writes it."""
    name, _, rest = written.partition("(")
    return name, list(inspect.signature(eval(f"lambda {rest[:-1]}: None")).parameters.values())


def find(owner: Any, name: str) -> Any:
    for part in name.split("."):
        owner = getattr(owner, part)
    return owner


def compare(ours: Signature, wanted: list[Parameter]) -> None:
    """What a program written for the standard may pass, and only that, means the same in `ours`."""
    have = list(ours.parameters.values())
    by_name = ours.parameters
    for i, p in enumerate(wanted):
        if p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL):
            q = have[i]
            assert q.kind in (p.kind, p.POSITIONAL_OR_KEYWORD), f"{p.name} is {q.kind.description}"
        else:
            assert p.name in by_name, f"there is no parameter {p.name}"
            q = by_name[p.name]
            assert q.kind in (p.kind, p.POSITIONAL_OR_KEYWORD), f"{p.name} is {q.kind.description}"
            if p.kind is p.POSITIONAL_OR_KEYWORD:
                assert have[i] is q, f"{p.name} is not in position {i}"
        if p.kind is not p.VAR_POSITIONAL and p.default is not p.empty:
            assert q.default == p.default, f"{p.name} is {q.default!r} unless given, not {p.default!r}"
            assert type(q.default) is type(p.default)
    names = {p.name for p in wanted} | {q.name for q, p in zip(have, wanted, strict=False) if p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL)}
    for q in have:
        if q.name not in names and q.kind not in (q.VAR_POSITIONAL, q.VAR_KEYWORD):
            assert q.default is not q.empty, f"{q.name} is none of the standard's and has no default"


@pytest.mark.parametrize("written", FUNCTIONS)
def test_signature(written: str) -> None:
    name, wanted = parameters(written)
    compare(inspect.signature(find(ag, name)), wanted)
    if "." not in name and not name.startswith("_"):
        assert name in ag.__all__


@pytest.mark.parametrize("written", METHODS)
def test_method(written: str) -> None:
    name, wanted = parameters(written)
    compare(inspect.signature(getattr(Tensor, name)), wanted)


@pytest.mark.parametrize("written", INFO)
def test_info_signature(written: str) -> None:
    name, wanted = parameters(written)
    compare(inspect.signature(getattr(ag.__array_namespace_info__(), name)), wanted)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attribute(name: str) -> None:
    assert isinstance(getattr(Tensor, name), property)


@pytest.mark.parametrize("name", CONSTANTS)
def test_constant(name: str) -> None:
    assert name in ag.__all__
    value, wanted = getattr(ag, name), CONSTANTS[name]
    assert value is wanted or value == wanted or name == "nan" and math.isnan(value)


def test_version() -> None:
    assert ag.__array_api_version__ == "2025.12"
    assert ag.ones(2).__array_namespace__() is ag
    for version in ("2021.12", "2024.12", "2025.12"):
        assert ag.ones(2).__array_namespace__(api_version=version) is ag
    with pytest.raises(ValueError, match=r"2019\.12.*2025\.12"):
        ag.ones(2).__array_namespace__(api_version="2019.12")


# ---------------------------------------------------------------------------
# dtypes
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", DTYPES)
def test_dtype(name: str) -> None:
    dtype = getattr(ag, name)
    assert name in ag.__all__
    assert dtype == np.dtype(name)
    assert dtype == getattr(ag, name)
    assert [other for other in DTYPES if getattr(ag, other) == dtype] == [name]
    assert ag.zeros(2, dtype=dtype).dtype == dtype


UNIONS = {"integral": "signed integer,unsigned integer", "numeric": "signed integer,unsigned integer,real floating,complex floating"}


@pytest.mark.parametrize("name", DTYPES)
def test_isdtype(name: str) -> None:
    dtype = getattr(ag, name)
    for kind, members in KINDS.items():
        assert ag.isdtype(dtype, kind) is (name in members.split())
        assert ag.isdtype(dtype, (kind, "bool")) is (name in members.split() or name == "bool")
        assert ag.isdtype(dtype, (kind, dtype)) is True
    for union, kinds in UNIONS.items():
        assert ag.isdtype(dtype, union) is any(name in KINDS[kind].split() for kind in kinds.split(","))
    for other in DTYPES:
        assert ag.isdtype(dtype, getattr(ag, other)) is (other == name)


# The standard's tables: within a kind the wider; signed and unsigned meet in the next wider signed. Between kinds only
# Python numbers promote there; for arrays of several kinds the answer is NumPy's, on every library.
PROMOTED = """
int8 int16 int16        uint8 uint32 uint32     int8 uint8 int16       int8 uint16 int32      int16 uint8 int16      int64 uint32 int64
float32 float64 float64 complex64 complex128 complex128                float32 complex64 complex64
float64 complex64 complex128                    float32 complex128 complex128                 bool bool bool
float32 int8 float32    float32 int16 float32   float32 int32 float64  float32 int64 float64  float64 int64 float64  float32 uint16 float32
complex64 int16 complex64                       complex64 int64 complex128                    int64 uint64 float64
bool int8 int8          bool float32 float32    bool complex64 complex64
""".split()
ROWS = [tuple(PROMOTED[i : i + 3]) for i in range(0, len(PROMOTED), 3)]


@pytest.mark.parametrize(("first", "second", "wanted"), ROWS)
def test_promotion(first: str, second: str, wanted: str, make: Any) -> None:
    """result_type, an operator, a function, where, concat and stack agree, on every library and in either order."""
    dtype = getattr(ag, wanted)
    for x1, x2 in ((first, second), (second, first)):
        a, b = (make(np.ones(2, dtype=x)) for x in (x1, x2))
        assert ag.result_type(a, b) == dtype
        assert ag.result_type(a.dtype, b.dtype) == dtype
        assert ag.where(a == b, a, b).dtype == dtype
        assert ag.concat([a, b]).dtype == dtype
        assert ag.stack([a, b]).dtype == dtype
        if "bool" not in (first, second):
            assert (a * b).dtype == dtype
            assert ag.maximum(ag.real(a), ag.real(b)).dtype == ag.result_type(ag.real(a), ag.real(b))
            assert (a @ b).dtype == dtype
            assert ag.equal(a, b).dtype == ag.bool


# The dtypes that True, 2, 1.5 and 1j give an array: its own, unless the number is of a higher kind.
WEAK = {
    "bool": "bool int64 float32 complex64",
    "int8": "int8 int8 float32 complex64",
    "uint64": "uint64 uint64 float32 complex64",
    "float32": "float32 float32 float32 complex64",
    "float64": "float64 float64 float64 complex128",
    "complex64": "complex64 complex64 complex64 complex64",
}


@pytest.mark.parametrize("name", WEAK)
def test_numbers_are_weak(name: str, make: Any) -> None:
    x = make(np.ones(2, dtype=name))
    for number, wanted in zip((True, 2, 1.5, 1j), WEAK[name].split(), strict=True):
        dtype = getattr(ag, wanted)
        assert ag.result_type(x, number) == ag.result_type(number, x) == dtype
        assert ag.where(x == x, x, number).dtype == ag.where(x == x, number, x).dtype == dtype
        if wanted != "bool":
            assert (x * number).dtype == (number * x).dtype == ag.multiply(x, number).dtype == dtype
        if "complex" not in wanted:
            assert ag.maximum(x, number).dtype == ag.maximum(number, x).dtype == dtype


@pytest.mark.not_on("array_api_strict", reason="it has no bfloat16")
def test_numbers_keep_bfloat16(make: Any) -> None:
    """The libraries' own operators would make float32 or float64 of it."""
    x = make(np.array([0.5, 2.0], dtype=ml_dtypes.bfloat16), requires_grad=True)
    for function, value, slope in (
        (lambda x: x * 2.5, [1.25, 5.0], [2.5, 2.5]),
        (lambda x: 1 - x, [0.5, -1.0], [-1, -1]),
        (lambda x: ag.maximum(x, 1.0), [1, 2], [0, 1]),
        (lambda x: ag.clip(x, 0, 1.0), [0.5, 1], [1, 0]),
        (lambda x: ag.where(x > 1.0, x, 0.25), [0.25, 2], [0, 1]),
        (lambda x: ag.remainder(x, 1.5), [0.5, 0.5], [1, 1]),
    ):
        y = function(x)
        (g,) = ag.autograd.grad(y, [x], [ag.ones_like(y)])
        assert y.dtype == g.dtype == ml_dtypes.bfloat16
        assert (y.tolist(), g.tolist()) == (value, slope)


@pytest.mark.parametrize("name", "int8 uint8 int16 uint16 int32 uint32 int64 uint64".split())
def test_numbers_that_do_not_fit(name: str, make: Any) -> None:
    """An integer that the array's dtype cannot hold is an error on every library, wherever it is put."""
    x, info = make(np.ones(2, dtype=name)), ag.iinfo(getattr(ag, name))
    assert (x * info.max).tolist() == [info.max] * 2
    for number in (info.max + 1, info.min - 1, 10**30):
        for use in (
            lambda x, n: x + n,
            lambda x, n: n * x,
            lambda x, n: ag.maximum(x, n),
            lambda x, n: ag.where(x == x, x, n),
            lambda x, n: x.__iadd__(n),
            lambda x, n: x.__setitem__(0, n),
            lambda x, n: ag.full((2,), n, dtype=x.dtype, device=x.device),
            lambda x, n: ag.full_like(x, n),
            lambda x, n: ag.asarray([n], dtype=x.dtype, device=x.device),
            lambda x, n: x.fill_(n),
            lambda x, n: ag.clip(x, n),
        ):
            with pytest.raises(OverflowError, match=name):
                use(x, number)
    assert x.tolist() == [1, 1]


def test_large_integers_are_exact(make: Any) -> None:
    x = ag.asarray([2**63 + 1, 5], dtype=ag.uint64, device=make(1.0).device)
    assert x.tolist() == [2**63 + 1, 5]
    with pytest.raises(OverflowError, match="9223372036854775809 does not fit in int64"):
        ag.asarray([2**63 + 1, 5], dtype=ag.int64)


@pytest.mark.parametrize("name", KINDS["real floating"].split() + KINDS["complex floating"].split())
def test_finfo(name: str) -> None:
    dtype = getattr(ag, name)
    real = {"complex64": ag.float32, "complex128": ag.float64}.get(name, dtype)
    for given in (dtype, ag.zeros(2, dtype=dtype)):
        info = ag.finfo(given)
        assert info.dtype == real
        assert info.bits == 8 * real.itemsize
        limits = (info.eps, info.max, info.min, info.smallest_normal)
        assert [type(v) for v in limits] == [float] * 4
        assert limits == tuple(float(getattr(np.finfo(real), v)) for v in ("eps", "max", "min", "smallest_normal"))


@pytest.mark.parametrize("name", KINDS["signed integer"].split() + KINDS["unsigned integer"].split())
def test_iinfo(name: str) -> None:
    dtype = getattr(ag, name)
    for given in (dtype, ag.zeros(2, dtype=dtype)):
        info = ag.iinfo(given)
        assert (info.dtype, info.bits, info.min, info.max) == (dtype, 8 * dtype.itemsize, np.iinfo(dtype).min, np.iinfo(dtype).max)
        assert type(info.bits) is type(info.min) is type(info.max) is int


def test_can_cast() -> None:
    assert ag.can_cast(ag.int8, ag.int16) is True
    assert ag.can_cast(ag.uint8, ag.int16) is True
    assert ag.can_cast(ag.float64, ag.float32) is False
    assert ag.can_cast(ag.complex64, ag.float64) is False
    assert ag.can_cast(ag.zeros(2, dtype=ag.float32), ag.complex64) is True


# ---------------------------------------------------------------------------
# devices
# ---------------------------------------------------------------------------


def test_info(device: Any) -> None:
    info = ag.__array_namespace_info__()
    assert info.default_device() == ag.device("cpu")
    devices = info.devices()
    assert isinstance(devices, tuple)
    assert info.default_device() in devices
    assert device in devices
    assert len(set(devices)) == len(devices)
    for where in devices:
        assert ag.zeros(2, device=where).device == where
        assert info.default_dtypes(device=where) == info.default_dtypes()
        there = info.dtypes(device=where)
        assert there.items() <= info.dtypes().items()
        for name, dtype in info.dtypes().items():
            if name in there:
                assert ag.zeros(2, dtype=dtype, device=where).dtype == dtype
            else:
                with pytest.raises(ag.DTypeError, match=name):
                    ag.zeros(2, dtype=dtype, device=where)
    assert info.dtypes() == {name: getattr(ag, name) for name in DTYPES}
    for kind, members in KINDS.items():
        assert info.dtypes(kind=kind) == {name: getattr(ag, name) for name in members.split()}
    assert set(info.dtypes(kind=("bool", "integral"))) == {name for name in DTYPES if "float" not in name and "complex" not in name}
    assert info.default_dtypes() == {"real floating": ag.float32, "complex floating": ag.complex64, "integral": ag.int64, "indexing": ag.int64}
    assert info.capabilities() == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}
    with pytest.raises(ag.DeviceError, match="tpu"):
        info.dtypes(device="tpu")


@pytest.mark.parametrize("name", DTYPES)
def test_dlpack(name: str, make: Any, library: str) -> None:
    """To NumPy and back, over one memory."""
    x = make(np.ones(3, dtype=name))
    if library == "cupy":
        pytest.skip("tests/test_cuda.py has CUDA's")
    there = np.from_dlpack(x)
    assert there.dtype == x.dtype
    back = ag.from_dlpack(there)
    assert back.dtype == x.dtype
    assert np.shares_memory(there, back.numpy())
    assert not np.shares_memory(there, ag.from_dlpack(there, copy=True).numpy())
    assert ag.from_dlpack(x) is x
    assert x.__dlpack_device__() == there.__dlpack_device__()


def test_dlpack_of_a_tracked_tensor() -> None:
    x = ag.ones(2, requires_grad=True)
    with pytest.raises(BufferError, match="detach"):
        np.from_dlpack(x)
    assert np.from_dlpack(x.detach()).tolist() == [1, 1]
