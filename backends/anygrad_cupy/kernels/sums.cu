// Sums over the leading axes of an array that lies in memory row by row.
//
// X: the dtype of x. A: the dtype to add in. Y: the dtype of the result.

// out[t] = x[t] + x[t + stride] + x[t + 2 * stride] + ...
//
// Threads that are neighbours read neighbouring places. With the row's length for a stride this is the sum; where that
// would keep few threads busy, it is called with a multiple of it first, and then again on what came out of that.
// The order of the additions depends on nothing but the shape. Four running sums, for loads that wait side by side.
extern "C" __global__ void fold(const X* x, i64 size, i64 stride, Y* out) {
    for (EACH(t, stride)) {
        A a = 0, b = 0, c = 0, d = 0;
        i64 i = t;
        for (; i + 3 * stride < size; i += 4 * stride) {
            a += (A)x[i];
            b += (A)x[i + stride];
            c += (A)x[i + 2 * stride];
            d += (A)x[i + 3 * stride];
        }
        for (; i < size; i += stride) a += (A)x[i];
        out[t] = (Y)((a + b) + (c + d));
    }
}
