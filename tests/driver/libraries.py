"""What cuBLAS, cuSOLVER, cuFFT and Thrust compute for CuPy, computed by NumPy and LAPACK on the memory that they are given.

A function of NVIDIA's manuals is one here, of the same arguments; names with `?` are those of the four dtypes. Matrices are
column-major, as there. A function that is not here has computed nothing: `compute` says so.
"""

from __future__ import annotations

import ctypes
import fnmatch
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
from scipy import linalg
from scipy.linalg import lapack

LETTERS = {"S": np.float32, "D": np.float64, "C": np.complex64, "Z": np.complex128}
# cudaDataType and cublasComputeType
DTYPES = {0: np.float32, 1: np.float64, 2: np.float16, 4: np.complex64, 5: np.complex128, 14: ml_dtypes.bfloat16}
COMPUTED_IN = {64: np.float16, 68: np.float32, 70: np.float64, 74: np.float32, 77: np.float32}
# The numbers of dtypes in CuPy's own part of Thrust.
SORTED = [*(np.dtype(f"{kind}{size}") for size in (1, 2, 4, 8) for kind in "iu"), *map(np.dtype, ("f2", "f4", "f8", "c8", "c16", "?"))]

Arguments = list[int]
FUNCTIONS: dict[str, Callable[..., None]] = {}


def implements(pattern: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def kept(function: Callable[..., None]) -> Callable[..., None]:
        FUNCTIONS[pattern] = function
        return function

    return kept


def compute(name: str, arguments: Arguments) -> bool:
    """Do what a function does; False if it is not here."""
    pattern = next((pattern for pattern in FUNCTIONS if fnmatch.fnmatchcase(name, pattern)), None)
    if not pattern:
        return False
    letter = next((name[i] for i, sign in enumerate(pattern) if sign == "?"), None)
    FUNCTIONS[pattern](*([LETTERS[letter]] if letter else []), *arguments)
    return True


# ---------------------------------------------------------------------------
# memory
# ---------------------------------------------------------------------------


def number(argument: int) -> int:
    """A C int: the upper half of its register is not defined."""
    return ctypes.c_int(argument & 0xFFFFFFFF).value


def at(address: int, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...] | None = None) -> np.ndarray:
    """The numbers there; strides are counted in elements."""
    size = np.dtype(dtype).itemsize
    if 0 in shape:
        return np.empty(shape, dtype)
    last = sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + 1 if strides else int(np.prod(shape))
    buffer = (ctypes.c_char * (last * size)).from_address(address)
    return np.ndarray(shape, dtype, buffer, strides=tuple(s * size for s in strides) if strides else None)


def matrix(address: int, dtype: Any, rows: int, columns: int, leading: int) -> np.ndarray:
    return at(address, dtype, (number(rows), number(columns)), (1, max(number(leading), 1)))


def integer(address: int) -> np.ndarray:
    return at(address, np.int32, (1,))


def pointers(address: int, count: int) -> list[int]:
    return [int(p) for p in at(address, np.uint64, (count,))]


def operated(a: np.ndarray, operation: int) -> np.ndarray:
    """As it is, transposed, or conjugated too."""
    return (a, a.T, a.conj().T)[number(operation)]


def stored(operation: int, rows: int, columns: int) -> tuple[int, int]:
    return (number(rows), number(columns)) if number(operation) == 0 else (number(columns), number(rows))


# ---------------------------------------------------------------------------
# cuBLAS
# ---------------------------------------------------------------------------


@implements("cublasGemmStridedBatchedEx")
def products(handle, op_a, op_b, m, n, k, alpha, a, a_type, a_lead, a_stride, b, b_type, b_lead, b_stride, beta, c, c_type, c_lead, c_stride, count, how, *_):
    wide = COMPUTED_IN[number(how)]
    a_dtype, b_dtype, c_dtype = (DTYPES[number(one)] for one in (a_type, b_type, c_type))
    factor = np.result_type(wide, np.complex64) if np.dtype(c_dtype).kind == "c" else wide
    (alpha,), (beta,) = at(alpha, factor, (1,)), at(beta, factor, (1,))
    for i in range(number(count)):
        x = matrix(a + i * a_stride * np.dtype(a_dtype).itemsize, a_dtype, *stored(op_a, m, k), a_lead)
        y = matrix(b + i * b_stride * np.dtype(b_dtype).itemsize, b_dtype, *stored(op_b, k, n), b_lead)
        z = matrix(c + i * c_stride * np.dtype(c_dtype).itemsize, c_dtype, m, n, c_lead)
        found = alpha * (operated(x, op_a).astype(factor) @ operated(y, op_b).astype(factor))
        z[...] = found if beta == 0 else found + beta * z.astype(factor)


@implements("cublasGemmEx")
def product_of_any(handle, op_a, op_b, m, n, k, alpha, a, a_type, a_lead, b, b_type, b_lead, beta, c, c_type, c_lead, how, *_):
    products(handle, op_a, op_b, m, n, k, alpha, a, a_type, a_lead, 0, b, b_type, b_lead, 0, beta, c, c_type, c_lead, 0, 1, how)


@implements("cublas?gemm")
def product(dtype, handle, op_a, op_b, m, n, k, alpha, a, a_lead, b, b_lead, beta, c, c_lead, *_):
    kind = next(key for key, one in DTYPES.items() if one is dtype)
    how = 70 if np.dtype(dtype).itemsize == (16 if np.dtype(dtype).kind == "c" else 8) else 68
    products(handle, op_a, op_b, m, n, k, alpha, a, kind, a_lead, 0, b, kind, b_lead, 0, beta, c, kind, c_lead, 0, 1, how)


@implements("cublas?getrfBatched")
def factors(dtype, handle, n, array, lead, pivots, info, count, *_):
    for i, address in enumerate(pointers(array, number(count))):
        factor(dtype, n, n, address, lead, pivots + 4 * i * number(n), info + 4 * i)


@implements("cublas?getrsBatched")
def solutions(dtype, handle, operation, n, columns, array, lead, pivots, right, right_lead, info, count, *_):
    for i, (a, b) in enumerate(zip(pointers(array, number(count)), pointers(right, number(count)), strict=True)):
        solve(dtype, operation, n, columns, a, lead, pivots + 4 * i * number(n), b, right_lead)
    integer(info)[0] = 0


@implements("cublas?getriBatched")
def inverses(dtype, handle, n, array, lead, pivots, inverse, inverse_lead, info, count, *_):
    for i, (a, c) in enumerate(zip(pointers(array, number(count)), pointers(inverse, number(count)), strict=True)):
        matrix(c, dtype, n, n, inverse_lead)[...] = np.eye(number(n))
        solve(dtype, 0, n, n, a, lead, pivots + 4 * i * number(n), c, inverse_lead)
    at(info, np.int32, (number(count),))[...] = 0


# ---------------------------------------------------------------------------
# cuSOLVER
# ---------------------------------------------------------------------------


def factor(dtype: Any, m: int, n: int, a: int, lead: int, pivots: int, info: int) -> None:
    """P A = L U, in place; pivots count from 1."""
    there = matrix(a, dtype, m, n, lead)
    lu, rows, status = lapack.get_lapack_funcs("getrf", dtype=dtype)(there)
    there[...] = lu
    at(pivots, np.int32, rows.shape)[...] = rows + 1
    integer(info)[0] = status


def solve(dtype: Any, operation: int, n: int, columns: int, a: int, lead: int, pivots: int, b: int, right_lead: int) -> None:
    there = matrix(b, dtype, n, columns, right_lead)
    rows = at(pivots, np.int32, (number(n),)) - 1
    found, _ = lapack.get_lapack_funcs("getrs", dtype=dtype)(matrix(a, dtype, n, n, lead), rows, there, trans=number(operation))
    there[...] = found


@implements("cusolverDn?getrf")
def factor_one(dtype, handle, m, n, a, lead, work, pivots, info, *_):
    factor(dtype, m, n, a, lead, pivots, info)


@implements("cusolverDn?getrs")
def solve_one(dtype, handle, operation, n, columns, a, lead, pivots, b, right_lead, info, *_):
    solve(dtype, operation, n, columns, a, lead, pivots, b, right_lead)
    integer(info)[0] = 0


@implements("cusolverDn?potrf")
def cholesky(dtype, handle, side, n, a, lead, work, size, info, *_):
    there = matrix(a, dtype, n, n, lead)
    upper = number(side)
    found, status = lapack.get_lapack_funcs("potrf", dtype=dtype)(there, lower=not upper, clean=False)
    there[...] = found
    integer(info)[0] = status


@implements("cusolverDn?potrfBatched")
def choleskys(dtype, handle, side, n, array, lead, info, count, *_):
    for i, address in enumerate(pointers(array, number(count))):
        cholesky(dtype, handle, side, n, address, lead, 0, 0, info + 4 * i)


@implements("cusolverDn?geqrf")
def reflections(dtype, handle, m, n, a, lead, tau, work, size, info, *_):
    there = matrix(a, dtype, m, n, lead)
    found, scales, _, status = lapack.get_lapack_funcs("geqrf", dtype=dtype)(there)
    there[...] = found
    at(tau, dtype, scales.shape)[...] = scales
    integer(info)[0] = status


@implements("cusolverDn???gqr")  # orgqr and ungqr
def orthogonal(dtype, handle, m, n, k, a, lead, tau, work, size, info, *_):
    there = matrix(a, dtype, m, n, lead)
    name = "ungqr" if np.dtype(dtype).kind == "c" else "orgqr"
    found, _, status = lapack.get_lapack_funcs(name, dtype=dtype)(there, at(tau, dtype, (number(k),)))
    there[...] = found
    integer(info)[0] = status


@implements("cusolverDn?gesvd")
def singular(dtype, handle, job_u, job_v, m, n, a, lead, s, u, u_lead, v, v_lead, work, size, real_work, info, *_):
    if number(m) < number(n):
        raise ValueError("cuSOLVER's gesvd takes no matrices with fewer rows than columns")
    there = matrix(a, dtype, m, n, lead)
    left, values, right = linalg.svd(there)
    at(s, values.dtype, values.shape)[...] = values
    for job, vectors, place, its_lead in ((job_u, left, u, u_lead), (job_v, right.T, v, v_lead)):
        kept = vectors if chr(job & 255) == "A" else vectors[:, : values.size]
        target = {"O": (a, lead), "N": None}.get(chr(job & 255), (place, its_lead))
        if target:
            kept = kept if vectors is left else kept.T
            matrix(target[0], dtype, *kept.shape, target[1])[...] = kept
    integer(info)[0] = 0


@implements("cusolverDn?gesvdjBatched")
def singulars(dtype, handle, job, m, n, a, lead, s, u, u_lead, v, v_lead, work, size, info, how, count, *_):
    m, n = number(m), number(n)
    item = np.dtype(dtype).itemsize
    for i in range(number(count)):
        left, values, right = linalg.svd(matrix(a + i * number(lead) * n * item, dtype, m, n, lead))
        at(s + i * min(m, n) * values.dtype.itemsize, values.dtype, values.shape)[...] = values
        if number(job):
            matrix(u + i * number(u_lead) * m * item, dtype, m, m, u_lead)[...] = left
            matrix(v + i * number(v_lead) * n * item, dtype, n, n, v_lead)[...] = right.conj().T
    at(info, np.int32, (number(count),))[...] = 0


def symmetric(dtype: Any, job: int, side: int, n: int, a: int, lead: int, w: int, info: int) -> None:
    there = matrix(a, dtype, n, n, lead)
    values, vectors = linalg.eigh(there, lower=number(side) == 0)
    at(w, values.dtype, values.shape)[...] = values
    if number(job):
        there[...] = vectors
    integer(info)[0] = 0


@implements("cusolverDn???evjBatched")  # syevj and heevj
def symmetrics(dtype, handle, job, side, n, a, lead, w, work, size, info, how, count, *_):
    for i in range(number(count)):
        real = np.dtype(dtype).type(0).real.itemsize
        symmetric(dtype, job, side, n, a + i * number(lead) * number(n) * np.dtype(dtype).itemsize, lead, w + i * number(n) * real, info + 4 * i)


@implements("cusolverDnXsyevd")
def symmetric_of_any(handle, how, job, side, n, a_type, a, lead, w_type, w, in_type, work, size, host, host_size, info, *_):
    symmetric(DTYPES[number(a_type)], job, side, n, a, lead, w, info)


@implements("cusolverDnXsyevBatched")
def symmetrics_of_any(handle, how, job, side, n, a_type, a, lead, w_type, w, in_type, work, size, host, host_size, info, count, *_):
    dtype, values = DTYPES[number(a_type)], np.dtype(DTYPES[number(w_type)])
    for i in range(number(count)):
        symmetric(dtype, job, side, n, a + i * number(lead) * number(n) * np.dtype(dtype).itemsize, lead, w + i * number(n) * values.itemsize, info + 4 * i)


@implements("cusolverDnXgeev")
def general(
    handle, how, left, right, n, a_type, a, lead, w_type, w, l_type, l_at, l_lead, r_type, r_at, r_lead, in_type, work, size, host, host_size, info, *_
):
    values, vectors = linalg.eig(matrix(a, DTYPES[number(a_type)], n, n, lead))
    at(w, DTYPES[number(w_type)], values.shape)[...] = values
    if number(right):
        there = matrix(r_at, DTYPES[number(r_type)], n, n, r_lead)
        there[...] = vectors if there.dtype.kind == "c" else packed(values, vectors)
    integer(info)[0] = 0


def packed(values: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """As LAPACK has them of real matrices: of a conjugate pair the real part in one column, the imaginary one in the next."""
    columns, i = np.empty(vectors.shape), 0
    while i < values.size:
        columns[:, i] = vectors[:, i].real
        if values[i].imag:
            columns[:, i + 1] = vectors[:, i].imag
            i += 1
        i += 1
    return columns


# ---------------------------------------------------------------------------
# cuFFT
# ---------------------------------------------------------------------------

PLANS: dict[int, tuple[Any, ...]] = {}
INVERSE = 1


@implements("cufftMakePlan1d")
def plan_one(plan, n, kind, batch, size, *_):
    PLANS[number(plan)] = ((number(n),), number(batch), (None, None), ())


@implements("cufftMakePlanMany")
def plan_many(plan, rank, n, in_embed, in_stride, in_distance, out_embed, out_stride, out_distance, kind, batch, size, *_):
    shape = tuple(int(x) for x in at(n, np.int32, (number(rank),)))
    embedded = [tuple(int(x) for x in at(e, np.int32, (number(rank),))) if e else None for e in (in_embed, out_embed)]
    PLANS[number(plan)] = (shape, number(batch), embedded, tuple(map(number, (in_stride, in_distance, out_stride, out_distance))))


def transformed(plan: int, source: int, target: int, dtypes: tuple[Any, Any], transform: Callable[[np.ndarray, tuple[int, ...]], np.ndarray]) -> None:
    shape, batch, embedded, steps = PLANS[number(plan)]
    half = (*shape[:-1], shape[-1] // 2 + 1)
    real = [np.dtype(dtype).kind == "f" for dtype in dtypes]
    shapes = [half if real[1 - i] else shape for i in range(2)]
    arrays = []
    for i, address in enumerate((source, target)):
        outer = embedded[i] or shapes[i]
        step, distance = steps[2 * i : 2 * i + 2] if embedded[i] else (1, int(np.prod(outer)))
        strides = [step * int(np.prod(outer[axis + 1 :])) for axis in range(len(outer))]
        arrays.append(at(address, dtypes[i], (batch, *shapes[i]), (distance, *strides)))
    arrays[1][...] = transform(arrays[0], shape)


def complex_ones(dtype: Any) -> Callable[..., None]:
    def execute(plan: int, source: int, target: int, direction: int, *_: int) -> None:
        def transform(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
            axes = tuple(range(1, x.ndim))
            return np.fft.ifftn(x, axes=axes, norm="forward") if number(direction) == INVERSE else np.fft.fftn(x, axes=axes)

        transformed(plan, source, target, (dtype, dtype), transform)

    return execute


def real_ones(real: Any, whole: Any) -> tuple[Callable[..., None], Callable[..., None]]:
    def forward(plan: int, source: int, target: int, *_: int) -> None:
        transformed(plan, source, target, (real, whole), lambda x, shape: np.fft.rfftn(x, axes=tuple(range(1, x.ndim))))

    def backward(plan: int, source: int, target: int, *_: int) -> None:
        transformed(plan, source, target, (whole, real), lambda x, shape: np.fft.irfftn(x, shape, tuple(range(1, x.ndim)), "forward"))

    return forward, backward


FUNCTIONS["cufftExecC2C"], FUNCTIONS["cufftExecZ2Z"] = complex_ones(np.complex64), complex_ones(np.complex128)
FUNCTIONS["cufftExecR2C"], FUNCTIONS["cufftExecC2R"] = real_ones(np.float32, np.complex64)
FUNCTIONS["cufftExecD2Z"], FUNCTIONS["cufftExecZ2D"] = real_ones(np.float64, np.complex128)


# ---------------------------------------------------------------------------
# Thrust and CUB, by way of CuPy's functions for them
# ---------------------------------------------------------------------------


def sized(shape: int) -> tuple[int, ...]:
    """The numbers in a std::vector<ptrdiff_t>."""
    begin, end = (int(p) for p in at(shape, np.uint64, (2,)))
    return tuple(int(n) for n in at(begin, np.int64, ((end - begin) // 8,)))


@implements("thrust_sort")
def sort(kind, data, keys, shape, *_):
    there = at(data, SORTED[number(kind)], sized(shape))
    there[...] = np.sort(there, axis=-1)


@implements("thrust_argsort")
def argsort(kind, indices, data, keys, shape, *_):
    there = at(data, SORTED[number(kind)], sized(shape))
    order = np.argsort(there, axis=-1, kind="stable")
    at(indices, np.uint64, sized(shape))[...] = order
    there[...] = np.take_along_axis(there, order, -1)


@implements("thrust_lexsort")
def lexsort(kind, indices, keys, count, length, *_):
    at(indices, np.uint64, (length,))[...] = np.lexsort(at(keys, SORTED[number(kind)], (count, length)))


REDUCTIONS = {0: np.sum, 1: np.min, 2: np.max, 3: np.argmin, 4: np.argmax, 5: np.cumsum, 6: np.cumprod, 7: np.prod}


@implements("cub_device_reduce")
def reduce(work, size, x, y, count, stream, how, kind):
    dtype = SORTED[number(kind)]
    found = REDUCTIONS[number(how)](at(x, dtype, (number(count),)))
    at(y, np.int32 if number(how) in (3, 4) else dtype, (1,))[...] = found


@implements("cub_device_segmented_reduce")
def reduce_rows(work, size, x, y, rows, columns, stream, how, kind):
    dtype = SORTED[number(kind)]
    at(y, dtype, (number(rows),))[...] = REDUCTIONS[number(how)](at(x, dtype, (number(rows), number(columns))), axis=1)


@implements("cub_device_scan")
def scan(work, size, x, y, count, stream, how, kind):
    dtype = SORTED[number(kind)]
    at(y, dtype, (number(count),))[...] = REDUCTIONS[number(how)](at(x, dtype, (number(count),)), dtype=dtype)
