// Random numbers out of a counter: Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, SC11). anygrad_numpy/_random.py makes the same
// numbers, and says what is made of which words. A thread computes the four words of a counter; nothing is kept on the device. A draw
// begins with the word after `skip` words of its first counter.
//
// T: the dtype of the numbers, or of what dropout takes. W: u32 or u64, what a number is made of: one word or two.

constexpr int K = 16 / sizeof(W);  // numbers that a counter gives

struct Words {
    u32 w[4];

    __device__ W operator[](int i) const {
        if constexpr (sizeof(W) == 8)
            return (W)w[2 * i + 1] << 32 | w[2 * i];  // the lower word first
        else
            return w[i];
    }
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

// Numbers side by side, written at once where they are aligned.
struct alignas(K * sizeof(T)) Row {
    T value[K];
};

// Calls make(words, at) for every counter of a draw of n numbers, and stores the row that it returns: numbers `at` and on of the
// draw. Of the first row some may be before the draw, of the last some after it.
template <typename Make>
__device__ inline void fill(T* out, i64 n, u64 seed, u64 counter, i64 skip, Make make) {
    i64 before = skip * K / 4;
    for (EACH(i, (n + before + K - 1) / K)) {
        i64 at = i * K - before;
        Row row = make(philox(seed, counter + i), at);
        if (before == 0 && at + K <= n)
            *(Row*)(out + at) = row;
        else
            for (int j = 0; j < K; ++j)
                if (at + j >= 0 && at + j < n) out[at + j] = row.value[j];
    }
}

__device__ inline f32 exactly(u32 w) { return (f32)w; }
__device__ inline f64 exactly(u64 w) { return (f64)w; }

// [0, 1) in steps of 2**-bits.
extern "C" __global__ void uniform(T* out, i64 n, u64 seed, u64 counter, i64 skip, i64 bits) {
    auto unit = 1 / exactly((W)1 << bits);
    fill(out, n, seed, counter, skip, [=](Words words, i64) {
        Row row;
        for (int j = 0; j < K; ++j) row.value[j] = (T)(exactly(words[j] >> (8 * sizeof(W) - bits)) * unit);
        return row;
    });
}

// The radius and the angle, of two numbers.
__device__ inline void polar(u32 w, u32 v, f32* radius, f32* angle) {
    *radius = sqrtf(-2.0f * logf((f32)w * 0x1p-32f + 0x1p-33f));
    *angle = (f32)(i32)v * 0x1.921fb6p-30f;  // pi / 2**31
}

__device__ inline void polar(u64 w, u64 v, f64* radius, f64* angle) {
    *radius = sqrt(-2.0 * log((f64)(w >> 11) * 0x1p-53 + 0x1p-54));
    *angle = (f64)((i64)v >> 11) * 0x1.921fb54442d18p-51;  // pi / 2**52
}

// Mean 0 and variance 1, by the transform of Box and Muller.
extern "C" __global__ void normal(T* out, i64 n, u64 seed, u64 counter, i64 skip) {
    fill(out, n, seed, counter, skip, [](Words words, i64) {
        Row row;
        for (int j = 0; j < K; j += 2) {
            decltype(exactly(W())) radius, angle;
            polar(words[j], words[j + 1], &radius, &angle);
            row.value[j] = (T)(radius * cos(angle));
            row.value[j + 1] = (T)(radius * sin(angle));
        }
        return row;
    });
}

// low + span * w / 2**64, rounded down; a span of 0 stands for 2**64.
extern "C" __global__ void integers(T* out, i64 n, u64 seed, u64 counter, i64 skip, u64 low, u64 span) {
    fill(out, n, seed, counter, skip, [=](Words words, i64) {
        Row row;
        for (int j = 0; j < K; ++j) row.value[j] = (T)((span ? __umul64hi(words[j], span) : words[j]) + low);
        return row;
    });
}

// Which elements dropout keeps.
extern "C" __global__ void kept(T* out, i64 n, u64 seed, u64 counter, i64 skip, u64 threshold) {
    fill(out, n, seed, counter, skip, [=](Words words, i64) {
        Row row;
        for (int j = 0; j < K; ++j) row.value[j] = (T)(words[j] >= threshold);
        return row;
    });
}

// x * scale where they are kept, else 0.
extern "C" __global__ void dropout(T* out, i64 n, u64 seed, u64 counter, i64 skip, u64 threshold, f64 scale, const T* x) {
    T factor = (T)(f32)scale;
    if constexpr (sizeof(T) == 8) factor = (T)scale;
    fill(out, n, seed, counter, skip, [=](Words words, i64 at) {
        Row row;
        for (int j = 0; j < K; ++j) row.value[j] = at + j >= 0 && at + j < n && words[j] >= threshold ? (T)(x[at + j] * factor) : (T)0;
        return row;
    });
}
