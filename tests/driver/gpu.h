/* What kernels need that ptx.py has translated to C: one call of a kernel is one thread of the GPU.
 *
 * Registers are unsigned integers of their size; F32, F64, F16 and BF16 say which number the bits are, b32, b64, ... which
 * bits a number has. threads.c has what threads do together.
 */
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef int8_t s8; typedef int16_t s16; typedef int32_t s32; typedef int64_t s64;
typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;
typedef float f32; typedef double f64;

typedef struct { u32 x, y, z; } Size;
typedef struct Thread { Size tid, ctaid, ntid, nctaid; u32 laneid, warpid, dynamic; char *parameters, *shared; } Thread;
typedef struct { void (*run)(Thread *); const u32 *sizes, *offsets; u32 parameters, shared; int together; } Kernel;

void gpu_barrier(Thread *thread);
void gpu_warp_barrier(Thread *thread, u32 mask);
const u64 *gpu_exchange(Thread *thread, u32 mask, u64 value);
char *gpu_address(u64 address, u32 bytes);
char *gpu_shared(u32 offset, u32 bytes);
void gpu_trap(void);

/* ---- bits and numbers ---- */

static inline f32 F32(u32 bits) { f32 x; memcpy(&x, &bits, 4); return x; }
static inline f64 F64(u64 bits) { f64 x; memcpy(&x, &bits, 8); return x; }
static inline f32 F16(u16 bits) { _Float16 x; memcpy(&x, &bits, 2); return x; }
static inline f32 BF16(u16 bits) { return F32((u32)bits << 16); }
static inline u32 bits_f32(f32 x) { u32 bits; if (x != x) return 0x7fffffff; memcpy(&bits, &x, 4); return bits; }
static inline u64 bits_f64(f64 x) { u64 bits; memcpy(&bits, &x, 8); return bits; }
static inline u16 bits_f16(f64 number) { _Float16 x = number; u16 bits; memcpy(&bits, &x, 2); return bits; }
static inline u16 bits_bf16(f32 x)
{
    u32 bits = bits_f32(x);
    return x != x ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
static inline f32 flushed(f32 x) { return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x; }
static inline f64 saturated(f64 x) { return x > 0 ? x < 1 ? x : 1 : 0; }
static inline f64 high_half(f64 x) { return F64(bits_f64(x) & 0xffffffff00000000); }  /* all that rcp.approx.ftz.f64 looks at and gives */

/* The other one, if one is NaN. */
static inline f64 smaller(f64 a, f64 b) { return a != a ? b : b != b ? a : a < b || (a == b && signbit(a)) ? a : b; }
static inline f64 larger(f64 a, f64 b) { return a != a ? b : b != b ? a : a > b || (a == b && !signbit(a)) ? a : b; }

#define ROUNDED(type, name, expression)                                                   \
    static type name##_##type(int mode, type x, type y, type z)                           \
    {                                                                                     \
        volatile type a = x, b = y, c = z, found;                                         \
        fesetround(mode);                                                                 \
        found = expression;                                                               \
        fesetround(FE_TONEAREST);                                                         \
        return found;                                                                     \
    }
ROUNDED(f32, rounded_add, a + b) ROUNDED(f32, rounded_mul, a *b) ROUNDED(f32, rounded_fma, fmaf(a, b, c))
ROUNDED(f64, rounded_add, a + b) ROUNDED(f64, rounded_mul, a *b) ROUNDED(f64, rounded_fma, fma(a, b, c))
ROUNDED(f32, rounded_sub, a - b) ROUNDED(f64, rounded_sub, a - b)

/* A rounded number as an integer between low and high. NaN is 0, save where 64 bits are read or written. */
static inline s64 whole(f64 x, f64 low, f64 high, s64 lowest, s64 highest, s64 of_nan)
{
    return x != x ? of_nan : x <= low ? lowest : x >= high ? highest : (s64)x;
}
static inline u64 whole_u64(f64 x) { return x != x ? 1ull << 63 : x <= 0 ? 0 : x >= 0x1p64 ? ~0ull : (u64)x; }

static inline s64 quotient(s64 a, s64 b) { return b == 0 ? -1 : b == -1 ? (s64)-(u64)a : a / b; }
static inline s64 remainder_of(s64 a, s64 b) { return b == 0 ? a : b == -1 ? 0 : a % b; }
static inline u64 quotient_u(u64 a, u64 b) { return b == 0 ? ~0ull : a / b; }
static inline u64 remainder_u(u64 a, u64 b) { return b == 0 ? a : a % b; }
static inline u64 high_product(u64 a, u64 b) { return (unsigned __int128)a * b >> 64; }
static inline s64 high_product_s(s64 a, s64 b) { return (__int128)a * b >> 64; }

static inline u64 field(u64 x, u32 from, u32 count) { return from > 63 ? 0 : x >> from & (count > 63 ? ~0ull : (1ull << count) - 1); }
static inline u64 inserted(u64 a, u64 b, u32 from, u32 count)
{
    u64 mask = from > 63 ? 0 : (count > 63 ? ~0ull : (1ull << count) - 1) << from;
    return (b & ~mask) | (from > 63 ? 0 : a << from & mask);
}
static inline u32 permuted(u32 a, u32 b, u32 which)
{
    u64 bytes = (u64)b << 32 | a;
    u32 found = 0;
    for (int i = 0; i < 4; i++) {
        u32 one = which >> 4 * i, byte = bytes >> 8 * (one & 7) & 255;
        found |= (one & 8 ? (byte & 128 ? 255 : 0) : byte) << 8 * i;
    }
    return found;
}
static inline u32 looked_up(u32 a, u32 b, u32 c, u32 table)
{
    u32 found = 0;
    for (int i = 0; i < 32; i++) found |= (table >> ((a >> i & 1) << 2 | (b >> i & 1) << 1 | (c >> i & 1)) & 1) << i;
    return found;
}

/* ---- what the threads of a warp exchange ---- */

enum { UP, DOWN, BUTTERFLY, INDEX };
static inline u32 shuffled(Thread *thread, int kind, u32 value, u32 by, u32 bounds, u32 mask, int *found)
{
    u32 lane = thread->laneid, segment = bounds >> 8 & 31, most = bounds & 31;
    s32 first = lane & segment, last = first | (most & ~segment), from;
    const u64 *all = gpu_exchange(thread, mask, value);
    by &= 31;
    switch (kind) {
    case UP: from = (s32)lane - (s32)by; *found = from >= last; break;
    case DOWN: from = lane + by; *found = from <= last; break;
    case BUTTERFLY: from = lane ^ by; *found = from <= last; break;
    default: from = first | (by & ~segment); *found = from <= last;
    }
    u32 result = *found ? all[from] : value;
    gpu_warp_barrier(thread, mask);
    return result;
}
static inline u32 ballot(Thread *thread, u32 mask, int value)
{
    const u64 *all = gpu_exchange(thread, mask, value != 0);
    u32 found = 0;
    for (int i = 0; i < 32; i++) found |= (mask >> i & 1 && all[i] ? 1u : 0u) << i;
    gpu_warp_barrier(thread, mask);
    return found;
}
static inline u32 matches(Thread *thread, u32 mask, u64 value)
{
    const u64 *all = gpu_exchange(thread, mask, value);
    u32 found = 0;
    for (int i = 0; i < 32; i++) found |= (mask >> i & 1 && all[i] == value ? 1u : 0u) << i;
    gpu_warp_barrier(thread, mask);
    return found;
}
