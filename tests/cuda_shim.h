// What CUDA's own words mean to g++: the threads of a block take turns on one thread of the CPU, blocks follow one another.
//
// A turn ends where a thread waits for the others (__syncthreads, an exchange within a warp) or returns. So kernels that
// have barriers work as they do on a GPU, as long as all threads of a block come to the same ones; nothing here is quick,
// and nothing is ever at odds: what goes wrong only when threads do run at once is not found.
#include <math.h>
#include <string.h>
#include <ucontext.h>

#include <functional>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __shared__ static  // of one block at a time

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};
static dim3 gridDim, blockDim, blockIdx, threadIdx;

namespace shim {

struct Thread {
    ucontext_t context;
    std::vector<char> stack;
    bool done = false;
};
static std::vector<Thread> threads;
static ucontext_t scheduler;
static std::function<void()> body;
static double exchanged[1024];

static void enter() {
    body();
    threads[threadIdx.x].done = true;
}

static void wait() { swapcontext(&threads[threadIdx.x].context, &scheduler); }

static void run(unsigned blocks, unsigned size, std::function<void()> kernel) {
    gridDim = {blocks}, blockDim = {size};
    body = kernel;
    for (unsigned block = 0; block < blocks; block++) {
        blockIdx = {block};
        threads.resize(size);
        for (Thread& thread : threads) {
            thread.done = false;
            thread.stack.resize(1 << 16);
            getcontext(&thread.context);
            thread.context.uc_stack.ss_sp = thread.stack.data();
            thread.context.uc_stack.ss_size = thread.stack.size();
            thread.context.uc_link = &scheduler;
            makecontext(&thread.context, enter, 0);
        }
        for (unsigned left = size; left;) {
            for (unsigned t = 0; t < size; t++) {
                if (threads[t].done) continue;
                threadIdx = {t};
                swapcontext(&scheduler, &threads[t].context);
                left -= threads[t].done;
            }
        }
    }
}

// The arguments of a launch as cuLaunchKernel takes them: a pointer to each.
template <class... A, size_t... I>
static void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
    kernel(*(std::remove_reference_t<A>*)arguments[I]...);
}
template <class... A>
static void launch(void (*kernel)(A...), unsigned blocks, unsigned size, void** arguments) {
    run(blocks, size, [=] { call(kernel, arguments, std::index_sequence_for<A...>{}); });
}

}  // namespace shim

static inline void __syncthreads() { shim::wait(); }

template <class T>
static T __shfl_xor_sync(unsigned, T value, int mask) {
    memcpy(&shim::exchanged[threadIdx.x], &value, sizeof value);
    shim::wait();
    T other;
    memcpy(&other, &shim::exchanged[threadIdx.x ^ mask], sizeof other);
    shim::wait();
    return other;
}

template <class T>
static T atomicAdd(T* place, T value) {
    T before = *place;
    *place = before + value;
    return before;
}

static inline unsigned __float_as_uint(float value) {
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
static inline float __uint_as_float(unsigned bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned long long)a * b >> 32; }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) { return (unsigned __int128)a * b >> 64; }
