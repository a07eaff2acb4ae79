// Functions of each row of an array, in one launch: a block of threads takes a row, and then another.
//
// X: the dtype of arrays. A: the dtype to compute in. A block is of 32, 64, ... 1024 threads; as all of them go through the
// same loops, all come to the same barriers.

// What sums (or the largest) of the threads' values are, told to every thread of the block. The order depends on the number
// of threads only.
__device__ A of_all(A value, bool largest) {
    __shared__ A parts[32];
    for (int mask = 16; mask; mask >>= 1) {
        A other = __shfl_xor_sync(0xffffffff, value, mask);
        value = !largest ? value + other : value > other ? value : other;
    }
    if (blockDim.x == 32) return value;
    __syncthreads();  // the parts of the last time have been read
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
    __syncthreads();
    value = parts[0];
    for (unsigned w = 1; w < blockDim.x / 32; w++) value = !largest ? value + parts[w] : value > parts[w] ? value : parts[w];
    return value;
}

#define EACH_ROW(row) \
    i64 row = blockIdx.x; row < rows; row += gridDim.x
#define EACH_OF_ROW(i) \
    i64 i = row * n + threadIdx.x; i < (row + 1) * n; i += blockDim.x

__device__ A top_of(const X* x, i64 row, i64 n) {
    A top = __uint_as_float(0xff800000);  // minus infinity
    for (EACH_OF_ROW(i)) top = (A)x[i] > top ? (A)x[i] : top;
    return of_all(top, true);
}

__device__ A exponentials_of(const X* x, A top, i64 row, i64 n) {
    A total = 0;
    for (EACH_OF_ROW(i)) total += exp((A)x[i] - top);
    return of_all(total, false);
}

// A row with a NaN is NaN, by its sum; so is one whose largest element is infinite, since then there is inf - inf.
extern "C" __global__ void softmax(const X* x, i64 rows, i64 n, X* out) {
    for (EACH_ROW(row)) {
        A top = top_of(x, row, n), total = exponentials_of(x, top, row, n);
        for (EACH_OF_ROW(i)) out[i] = (X)(exp((A)x[i] - top) / total);
    }
}

extern "C" __global__ void softmax_gradient(const X* g, const X* out, i64 rows, i64 n, X* gx) {
    for (EACH_ROW(row)) {
        A total = 0;
        for (EACH_OF_ROW(i)) total += (A)out[i] * (A)g[i];
        total = of_all(total, false);
        for (EACH_OF_ROW(i)) gx[i] = (X)((A)out[i] * ((A)g[i] - total));
    }
}

extern "C" __global__ void log_softmax(const X* x, i64 rows, i64 n, X* out) {
    for (EACH_ROW(row)) {
        A top = top_of(x, row, n), total = log(exponentials_of(x, top, row, n));
        for (EACH_OF_ROW(i)) out[i] = (X)((A)x[i] - top - total);
    }
}

extern "C" __global__ void log_softmax_gradient(const X* g, const X* out, i64 rows, i64 n, X* gx) {
    for (EACH_ROW(row)) {
        A total = 0;
        for (EACH_OF_ROW(i)) total += (A)g[i];
        total = of_all(total, false);
        for (EACH_OF_ROW(i)) gx[i] = (X)((A)g[i] - exp((A)out[i]) * total);
    }
}

extern "C" __global__ void logsumexp(const X* x, i64 rows, i64 n, X* out) {
    for (EACH_ROW(row)) {
        A top = top_of(x, row, n);
        if (!(top - top == 0)) top = 0;  // infinite
        A total = exponentials_of(x, top, row, n);
        if (threadIdx.x == 0) out[row] = (X)(log(total) + top);
    }
}

// g and out have one element for each row.
extern "C" __global__ void logsumexp_gradient(const X* g, const X* out, const X* x, i64 rows, i64 n, X* gx) {
    for (EACH_ROW(row)) {
        for (EACH_OF_ROW(i)) gx[i] = (X)((A)g[row] * exp((A)x[i] - (A)out[row]));
    }
}

__device__ A mean_of(const X* x, i64 row, i64 n) {
    A total = 0;
    for (EACH_OF_ROW(i)) total += (A)x[i];
    return of_all(total, false) / (A)n;
}

// The variance, over `freedom` in place of n.
extern "C" __global__ void var(const X* x, f64 freedom, i64 rows, i64 n, X* out) {
    for (EACH_ROW(row)) {
        A mean = mean_of(x, row, n), total = 0;
        for (EACH_OF_ROW(i)) total += ((A)x[i] - mean) * ((A)x[i] - mean);
        total = of_all(total, false);
        if (threadIdx.x == 0) out[row] = (X)(total / (A)freedom);
    }
}

// Distances from the mean, times what there is one of for each row.
extern "C" __global__ void centred_times(const X* factor, const X* x, i64 rows, i64 n, X* out) {
    for (EACH_ROW(row)) {
        A mean = mean_of(x, row, n);
        for (EACH_OF_ROW(i)) out[i] = (X)(((A)x[i] - mean) * (A)factor[row]);
    }
}
