"""The emulated GPU (emulated_gpu.py) itself: what instructions compute, what threads do together, and what it refuses.

That it computes what CuPy's kernels should is seen by all other tests: `pytest --cuda=emulated -m cuda tests`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.cuda


@pytest.fixture(autouse=True)
def cupy(request: pytest.FixtureRequest) -> Iterator[Any]:
    """CuPy, whose arrays end where their memory does."""
    if request.config.getoption("cuda") != "emulated":
        pytest.skip("pytest --cuda=emulated")
    import cupy

    cupy.cuda.set_allocator(None)
    yield cupy
    cupy.cuda.set_allocator(cupy.get_default_memory_pool().malloc)


def run(cupy: Any, code: str, out: Any, *arrays: Any, blocks: int = 1, threads: int = 32, shared: int = 0, name: str = "f") -> np.ndarray:
    """What the kernel with this code writes to `out`; its parameters are `out`, x and y, of the same dtype."""
    kind = {"f": "float", "d": "double", "i": "int", "q": "long long", "l": "long long", "I": "unsigned"}[out.dtype.char]
    parameters = ", ".join(f"{kind}* {name}" for name in ("out", "x", "y")[: 1 + len(arrays)])
    source = f'extern "C" __global__ void {name}({parameters}) {{ unsigned t = threadIdx.x; {code} }}'
    target = cupy.asarray(out)
    cupy.RawKernel(source, name)((blocks,), (threads,), (target, *map(cupy.asarray, arrays)), shared_mem=shared)
    return target.get()


NAN = float("nan")
NUMBERS = {
    "float to int": (
        "out[0] = (int)__int_as_float(0x7fc00000); out[1] = __float2int_rn(2.5f); out[2] = (int)1e20f; out[3] = (int)-1.9f;",
        "i",
        [0, 2, 2**31 - 1, -1],
    ),
    "double NaN to int": ("out[0] = (int)x[0]; out[1] = __double2int_rd(-1.5 + 0 * y[0]);", "d", [-(2.0**31), -2]),
    "to unsigned": ("out[0] = (unsigned)__int_as_float(0xbf800000); out[1] = (unsigned)3.99f;", "I", [0, 3]),
    "rounded down": (
        "out[0] = __fadd_rd(1.f, __int_as_float(0xa2000000)); out[1] = __fadd_rn(1.f, -1e-20f);",
        "f",
        [np.nextafter(np.float32(1), np.float32(0)), 1],
    ),
    "fused": ("out[0] = fmaf(x[0], x[0], -1.f);", "f", [np.float32(np.float64(np.float32(1.0001)) ** 2 - 1)]),
    "small numbers are 0": ("out[0] = x[1] * .5f; out[1] = -x[1] * .5f;", "f", [0.0, -0.0]),
    "not so in double": ("out[0] = y[1] * .5;", "d", [2.0**-1023]),
    "minimum beside NaN": ("out[0] = fminf(x[2], 3.f); out[1] = fmaxf(x[2], -3.f);", "f", [3, -3]),
    "shifts": ("out[0] = 1u << (t + 31); out[1] = -8 >> (t + 1); out[2] = (-8 >> (t + 31)) ;", "i", [-(2**31), -4, -1]),
    "high half": ("out[0] = __umul64hi(1ull << 63, 6); out[1] = __mulhi(-5, 1 << 30);", "q", [3, -2]),
    "bits": (
        "out[0] = __popc(0xff00ff); out[1] = __clz(1); out[2] = __clzll(1); out[3] = __byte_perm(0x33221100, 0x77665544, 0x7410);",
        "i",
        [16, 31, 63, 0x77441100],
    ),
    "quotients": ("out[0] = -7 / (int)(t + 2); out[1] = -7 % (int)(t + 2); out[2] = 7u / (t + 2);", "i", [-3, -1, 3]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(name: str, cupy: Any) -> None:
    code, kind, wanted = NUMBERS[name]
    x = np.array([1.0001 if kind == "f" else NAN, 2.0**-126 if kind == "f" else 0, NAN if kind in "fd" else 0, 0]) if kind in "fd" else np.zeros(4)
    y = np.array([0.0, 2.0**-1022, 0, 0])
    found = run(cupy, f"if (t == 0) {{ {code} }}", np.zeros(len(wanted), kind), x.astype(kind), y.astype(kind))
    np.testing.assert_array_equal(found, np.array(wanted, kind))
    np.testing.assert_array_equal(np.signbit(found), np.signbit(np.array(wanted, kind)))


TOGETHER = {
    "prefix sums": (
        "int s = t; for (int d = 1; d < 32; d *= 2) { int o = __shfl_up_sync(~0u, s, d); if (t >= d) s += o; } out[t] = s;",
        32,
        np.cumsum(np.arange(32)),
    ),
    "butterfly": ("int s = t; for (int d = 16; d; d /= 2) s += __shfl_xor_sync(~0u, s, d); out[t] = s;", 32, np.full(32, 496)),
    "down and index": (
        "out[t] = __shfl_down_sync(~0u, t, 1, 8) + 100 * __shfl_sync(~0u, t, 3, 8);",
        32,
        [t + (t % 8 < 7) + 100 * (t // 8 * 8 + 3) for t in range(32)],
    ),
    "ballot": ("out[t] = __ballot_sync(~0u, t % 3 == 0);", 32, np.full(32, sum(1 << t for t in range(0, 32, 3)))),
    "any and all": ("out[t] = __any_sync(~0u, t == 5) + 2 * __all_sync(~0u, t < 31);", 32, np.full(32, 1)),
    "a part of a warp": ("if (t < 8) out[t] = __shfl_xor_sync(0xff, t, 7);", 32, [*range(7, -1, -1), *[0] * 24]),
    "barriers": (
        "__shared__ int s[256]; s[t] = t; __syncthreads(); for (int d = 128; d; d /= 2) { if (t < d) s[t] += s[t + d]; __syncthreads(); } out[t] = s[0];",
        256,
        np.full(256, 255 * 128),
    ),
    "who has returned is not waited for": ("__shared__ int s; if (t >= 100) return; if (!t) s = 7; __syncthreads(); out[t] = s;", 128, [*[7] * 100, *[0] * 28]),
    "atomics": ("__shared__ int s; if (!t) s = 0; __syncthreads(); atomicAdd(&s, t); __syncthreads(); out[t] = s; ", 64, np.full(64, 63 * 32)),
    "memory of a size given at the launch": ("extern __shared__ int s[]; s[t] = 2 * t; __syncthreads(); out[t] = s[63 - t];", 64, 126 - 2 * np.arange(64)),
    "arrays of one thread": ("int a[32]; for (int i = 0; i < 32; i++) a[i] = i * i; out[t] = a[(t * 7) % 32];", 32, [(t * 7 % 32) ** 2 for t in range(32)]),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_together(name: str, cupy: Any) -> None:
    code, threads, wanted = TOGETHER[name]
    found = run(cupy, code, np.zeros(threads, "i"), threads=threads, shared=4 * threads)
    np.testing.assert_array_equal(found, np.array(wanted).astype(np.uint32).astype("i"))


def test_blocks(cupy: Any) -> None:
    found = run(cupy, "out[blockIdx.x * blockDim.x + t] = 1000 * blockIdx.x + 10 * gridDim.x + t % 10;", np.zeros(192, "i"), blocks=3, threads=64)
    assert found.tolist() == [1000 * b + 30 + t % 10 for b in range(3) for t in range(64)]


REFUSED = {
    "beyond the end": ("out[t + 1] = 1;", 700),
    "before the beginning": ("if (!t) out[-1] = 1;", 700),
    "read beyond the end": ("out[0] = out[t + 1000];", 700),
    "beyond the end of shared memory": ("__shared__ int s[8]; s[t] = t; __syncthreads(); out[t] = s[31 - t];", 700),
    "between numbers": ("*(int*)((char*)out + 1 + 0 * t) = 1;", 716),
    "trap": ('if (t == 31) asm("trap;");', 719),
    "threads that wait for others which wait for them": ("if (t < 16) __syncthreads(); else out[t] = __shfl_sync(~0u, t, 0);", 702),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, cupy: Any) -> None:
    code, error = REFUSED[name]
    with pytest.raises(cupy.cuda.driver.CUDADriverError) as caught:
        run(cupy, code, np.zeros(32, "i"))
    assert caught.value.status == error


def test_memory_of_the_host_is_refused(cupy: Any) -> None:
    kernel = cupy.RawKernel('extern "C" __global__ void f(int* out, const int* x) { *out = *x; }', "f")
    host = np.array([5], "i")
    with pytest.raises(cupy.cuda.driver.CUDADriverError):
        kernel((1,), (1,), (cupy.zeros(1, "i"), host.ctypes.data))


def test_an_instruction_that_is_not_there(cupy: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(cupy.cuda.driver.CUDADriverError):
        run(cupy, "out[t] = clock();", np.zeros(32, "i"))
    assert "Unknown" in capfd.readouterr().err
