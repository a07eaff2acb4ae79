// Reading rows at index arrays, and adding rows up there: the gradient of the former.
//
// An array is seen as (before, n0 * n1, width): one axis, or two side by side, that i0 (and i1, unless it is null) of m
// places index. What is read is (before, m, width). Indices out of range wrap around, as everywhere in CuPy.
//
// I: the dtype of index arrays. N: i32 where all sizes fit in it (divisions in 64 bits are slow), else i64.
// X: the dtype of what is read or added. A: the dtype to add in. Y: the dtype of the sums that are made in order.

__device__ N around(I index, N n) {
    i64 i = index < 0 ? (i64)index + n : index;
    if (i < 0 || i >= n) {
        i %= n;
        if (i < 0) i += n;
    }
    return (N)i;
}

__device__ N place(const I* i0, N n0, const I* i1, N n1, N j) {
    N p = around(i0[j], n0);
    return i1 ? p * n1 + around(i1[j], n1) : p;
}

extern "C" __global__ void gather(const X* x, const I* i0, i64 n0, const I* i1, i64 n1, i64 m, i64 width, i64 size, X* out) {
    for (EACH(t, size)) {
        N row = (N)t / (N)width, column = (N)t % (N)width, j = row % (N)m, b = row / (N)m;
        N p = place(i0, n0, i1, n1, j);
        out[t] = x[((i64)b * n0 * n1 + p) * width + column];
    }
}

// The places of elements in an array of (before, n, after), of which m are named along the middle axis by indices of
// (before, m, after).
extern "C" __global__ void places_along(const I* indices, i64 n, i64 m, i64 after, i64 size, N* out) {
    for (EACH(t, size)) {
        N row = (N)t / (N)after, column = (N)t % (N)after, b = row / (N)m;
        out[t] = (b * (N)n + around(indices[t], (N)n)) * (N)after + column;
    }
}

__device__ void add(f32* place, f32 value) { atomicAdd(place, value); }
__device__ void add(f64* place, f64 value) { atomicAdd(place, value); }
__device__ void add(i32* place, i32 value) { atomicAdd(place, value); }
__device__ void add(i64* place, i64 value) { atomicAdd((u64*)place, (u64)value); }

// out, which is zeros, gets g at the places, in whatever order the threads come.
extern "C" __global__ void scatter_add(const X* g, const I* i0, i64 n0, const I* i1, i64 n1, i64 m, i64 width, i64 size, A* out) {
    for (EACH(t, size)) {
        N row = (N)t / (N)width, column = (N)t % (N)width, j = row % (N)m, b = row / (N)m;
        N p = place(i0, n0, i1, n1, j);
        add(&out[((i64)b * n0 * n1 + p) * width + column], (A)g[t]);
    }
}

// The places themselves, to be sorted.
extern "C" __global__ void places(const I* i0, i64 n0, const I* i1, i64 n1, i64 m, I* out) {
    for (EACH(j, m)) out[j] = (I)place(i0, n0, i1, n1, (N)j);
}

// The same as scatter_add, in the order in which the values stand in g.
//
// `order` sorts `places`, equal ones as they stand. The thread at the first of each run of equal places adds up all of the
// run, and so has the place for itself.
extern "C" __global__ void scatter_add_in_order(const X* g, const I* places, const i64* order, i64 n, i64 m, i64 width, i64 size, Y* out) {
    for (EACH(t, size)) {
        N row = (N)t / (N)width, column = (N)t % (N)width, k = row % (N)m, b = row / (N)m;
        I p = places[order[k]];
        if (k && places[order[k - 1]] == p) continue;
        A total = 0;
        for (; k < (N)m && places[order[k]] == p; k++) total += (A)g[((i64)b * m + order[k]) * width + column];
        out[((i64)b * n + p) * width + column] = (Y)total;
    }
}
