// Random numbers out of a counter: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, SC11), the same words and the same numbers of
// them as anygrad_numpy/_random.py makes, which says what is made of which. A thread computes the four words of a counter; nothing
// is kept on the device. A draw begins with the word after `skip` words of its first counter.

typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

struct Words {
    u32 w[4];

    __device__ u64 pair(int i) const { return ((u64)w[2 * i + 1] << 32) | w[2 * i]; }
};

__device__ inline Words philox(u64 seed, u64 counter) {
    u32 k0 = (u32)seed, k1 = (u32)(seed >> 32);
    u32 c0 = (u32)counter, c1 = (u32)(counter >> 32), c2 = 0, c3 = 0;
    for (int i = 0; i < 10; ++i) {
        u64 p = (u64)0xD2511F53u * c0, q = (u64)0xCD9E8D57u * c2;
        c0 = (u32)(q >> 32) ^ c1 ^ k0;
        c1 = (u32)q;
        c2 = (u32)(p >> 32) ^ c3 ^ k1;
        c3 = (u32)p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}

// K numbers side by side, read and written at once where they are aligned.
template <typename T, int K>
struct alignas(K * sizeof(T)) Row {
    T value[K];
};

// Calls make(words, at) for every counter of a draw of n numbers, K of them to a counter, and stores the row that it returns: numbers
// `at` and on of the draw. Of the first row some may be before the draw, of the last some after it.
template <typename T, int K, typename Make>
__device__ inline void fill(T* out, i64 n, u64 seed, u64 counter, int skip, Make make) {
    i64 before = skip * K / 4, step = (i64)gridDim.x * blockDim.x;
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i * K - before < n; i += step) {
        i64 at = i * K - before;
        Row<T, K> row = make(philox(seed, counter + i), at);
        if (before == 0 && at + K <= n)
            *(Row<T, K>*)(out + at) = row;
        else
            for (int j = 0; j < K; ++j)
                if (at + j >= 0 && at + j < n) out[at + j] = row.value[j];
    }
}

extern "C" __global__ void uniform_float(float* out, i64 n, u64 seed, u64 counter, int skip, int bits) {
    float unit = 1.0f / (float)(1u << bits);
    fill<float, 4>(out, n, seed, counter, skip, [=](Words words, i64) {
        Row<float, 4> row;
        for (int j = 0; j < 4; ++j) row.value[j] = (float)(words.w[j] >> (32 - bits)) * unit;
        return row;
    });
}

extern "C" __global__ void uniform_double(double* out, i64 n, u64 seed, u64 counter, int skip) {
    fill<double, 2>(out, n, seed, counter, skip, [](Words words, i64) {
        return Row<double, 2>{{(double)(words.pair(0) >> 11) * 0x1p-53, (double)(words.pair(1) >> 11) * 0x1p-53}};
    });
}

extern "C" __global__ void normal_float(float* out, i64 n, u64 seed, u64 counter, int skip) {
    fill<float, 4>(out, n, seed, counter, skip, [](Words words, i64) {
        Row<float, 4> row;
        for (int j = 0; j < 4; j += 2) {
            float radius = sqrtf(-2.0f * logf((float)words.w[j] * 0x1p-32f + 0x1p-33f));
            float angle = (float)(int)words.w[j + 1] * 0x1.921fb6p-30f;  // pi / 2**31
            row.value[j] = radius * cosf(angle);
            row.value[j + 1] = radius * sinf(angle);
        }
        return row;
    });
}

extern "C" __global__ void normal_double(double* out, i64 n, u64 seed, u64 counter, int skip) {
    fill<double, 2>(out, n, seed, counter, skip, [](Words words, i64) {
        double radius = sqrt(-2.0 * log((double)(words.pair(0) >> 11) * 0x1p-53 + 0x1p-54));
        double angle = (double)((i64)words.pair(1) >> 11) * 0x1.921fb54442d18p-51;  // pi / 2**52
        return Row<double, 2>{{radius * cos(angle), radius * sin(angle)}};
    });
}

// span * w / 2**64, rounded down; a span of 0 stands for 2**64.
__device__ inline u64 scaled(u64 w, u64 span) {
    if (span == 0) return w;
    u64 w1 = w >> 32, w0 = (u32)w, s1 = span >> 32, s0 = (u32)span;
    u64 middle = w1 * s0, cross = w0 * s1;
    return w1 * s1 + (middle >> 32) + (cross >> 32) + (((w0 * s0 >> 32) + (u32)middle + (u32)cross) >> 32);
}

extern "C" __global__ void integers(i64* out, i64 n, u64 seed, u64 counter, int skip, u64 low, u64 span) {
    fill<i64, 2>(out, n, seed, counter, skip, [=](Words words, i64) {
        return Row<i64, 2>{{(i64)(scaled(words.pair(0), span) + low), (i64)(scaled(words.pair(1), span) + low)}};
    });
}

// Which elements dropout keeps.
extern "C" __global__ void kept(bool* out, i64 n, u64 seed, u64 counter, int skip, u64 threshold) {
    fill<bool, 4>(out, n, seed, counter, skip, [=](Words words, i64) {
        return Row<bool, 4>{{words.w[0] >= threshold, words.w[1] >= threshold, words.w[2] >= threshold, words.w[3] >= threshold}};
    });
}

template <typename T>
__device__ inline void drop(T* out, i64 n, u64 seed, u64 counter, int skip, u64 threshold, T scale, const T* x) {
    fill<T, 4>(out, n, seed, counter, skip, [=](Words words, i64 at) {
        Row<T, 4> row;
        for (int j = 0; j < 4; ++j) row.value[j] = at + j >= 0 && at + j < n && words.w[j] >= threshold ? x[at + j] * scale : T(0);
        return row;
    });
}

extern "C" __global__ void dropout_float(float* out, i64 n, u64 seed, u64 counter, int skip, u64 threshold, float scale, const float* x) {
    drop(out, n, seed, counter, skip, threshold, scale, x);
}

extern "C" __global__ void dropout_double(double* out, i64 n, u64 seed, u64 counter, int skip, u64 threshold, double scale, const double* x) {
    drop(out, n, seed, counter, skip, threshold, scale, x);
}
