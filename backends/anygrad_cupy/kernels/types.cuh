// What every kernel begins with: names of the dtypes, numbers of 16 bits, and a thread's share of the work.
// NVRTC, nvcc and, for the tests, g++ compile it; nothing is included.

using i8 = signed char;
using i16 = short;
using i32 = int;
using i64 = long long;
using b8 = bool;
using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using f32 = float;
using f64 = double;

// Half precision, to load and store: computed with in single precision. (Of CUDA's own header g++ has no use.)
#ifdef __CUDACC__
struct f16 {
    u16 bits;
    f16() = default;
    __device__ f16(f32 value) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value)); }
    __device__ operator f32() const {
        f32 value;
        asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
        return value;
    }
};
#else
using f16 = _Float16;
#endif

struct bf16 {
    u16 bits;
    bf16() = default;
    __device__ bf16(f32 value) {  // to the nearest, ties to even; a NaN stays one
        u32 wide = __float_as_uint(value);
        bits = value != value ? 0x7fc0 : (wide + 0x7fff + (wide >> 16 & 1)) >> 16;
    }
    __device__ operator f32() const { return __uint_as_float((u32)bits << 16); }
};

// Every i below n, once among all threads of the grid, however many there are.
#define EACH(i, n) \
    i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += (i64)gridDim.x * blockDim.x
