/* Runs kernels that ptx.py has translated: the threads of a block take turns on one thread of the CPU, blocks follow one another.
 *
 * A turn ends where a thread waits for others: at a barrier, or where a warp exchanges values. What goes wrong only when
 * threads run at once is not found; but a read or write outside of the memory of the current device is, and so are
 * threads that wait for one that never comes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "gpu.h"
#include "threads.h"

enum { STACK = 1 << 17, MOST_THREADS = 1024, WARP = 32, ILLEGAL_ADDRESS = 700, NO_RESOURCES = 701, TIMEOUT = 702, MISALIGNED = 716, TRAPPED = 719 };

typedef struct { ucontext_t context; int done; } Fiber;
typedef struct { u32 arrived, alive, generation; u64 values[WARP]; } Warp;

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static void (*body)(Thread *);
static int (*may_touch)(const void *, u32);
static jmp_buf out;
static char shared_memory[228 << 10] __attribute__((aligned(256)));
static u32 shared_bytes;

static Thread threads[MOST_THREADS];
static Fiber fibers[MOST_THREADS];
static char *stacks;
static ucontext_t scheduler;
static Warp warps[MOST_THREADS / WARP];
static u32 arrived, alive, generation, running;
static int progress;

void gpu_trap(void) { longjmp(out, TRAPPED); }

char *gpu_address(u64 address, u32 bytes)
{
    Dl_info constant;
    if (address % bytes) longjmp(out, MISALIGNED);
    if (!may_touch((void *)address, bytes) && !dladdr((void *)address, &constant)) longjmp(out, ILLEGAL_ADDRESS);
    return (char *)address;
}

char *gpu_shared(u32 offset, u32 bytes)
{
    if (offset % bytes) longjmp(out, MISALIGNED);
    if ((u64)offset + bytes > shared_bytes) longjmp(out, ILLEGAL_ADDRESS);
    return shared_memory + offset;
}

/* ---- waiting for one another ---- */

static void yield(void) { swapcontext(&fibers[running].context, &scheduler); }

static void pass(u32 *count, u32 *turn) { *count = 0; ++*turn; progress = 1; }

void gpu_barrier(Thread *thread)
{
    u32 now = generation;
    if (++arrived == alive) pass(&arrived, &generation);
    else while (generation == now) yield();
}

void gpu_warp_barrier(Thread *thread, u32 mask)
{
    Warp *warp = &warps[thread->warpid];
    u32 now = warp->generation;
    warp->arrived |= 1u << thread->laneid;
    if ((warp->arrived & mask) == (warp->alive & mask)) pass(&warp->arrived, &warp->generation);
    else while (warp->generation == now) yield();
}

const u64 *gpu_exchange(Thread *thread, u32 mask, u64 value)
{
    warps[thread->warpid].values[thread->laneid] = value;
    gpu_warp_barrier(thread, mask);
    return warps[thread->warpid].values;
}

static void one_thread(void)
{
    Thread *thread = &threads[running];
    body(thread);
    fibers[running].done = progress = 1;
    warps[thread->warpid].alive &= ~(1u << thread->laneid);
    if (--alive && arrived == alive) pass(&arrived, &generation);  /* who is left need not wait for who has returned */
}

static void in_turns(u32 count)
{
    if (!stacks) stacks = mmap(NULL, (size_t)STACK * MOST_THREADS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    memset(warps, 0, sizeof warps);
    arrived = 0, alive = count;
    for (u32 t = 0; t < count; t++) {
        warps[t / WARP].alive |= 1u << t % WARP;
        fibers[t].done = 0;
        getcontext(&fibers[t].context);
        fibers[t].context.uc_stack.ss_sp = stacks + (size_t)t * STACK;
        fibers[t].context.uc_stack.ss_size = STACK;
        fibers[t].context.uc_link = &scheduler;
        makecontext(&fibers[t].context, one_thread, 0);
    }
    while (alive) {
        progress = 0;
        for (running = 0; running < count; running++)
            if (!fibers[running].done) swapcontext(&scheduler, &fibers[running].context);
        if (!progress) longjmp(out, TIMEOUT);
    }
}

int run_kernel(const Kernel *kernel, Size grid, Size block, u32 shared, void **arguments, int (*allowed)(const void *, u32))
{
    char parameters[1 << 14];
    u32 last = kernel->parameters - 1;
    if (kernel->parameters && kernel->offsets[last] + kernel->sizes[last] > sizeof parameters) return NO_RESOURCES;
    if (kernel->shared + shared > sizeof shared_memory) return NO_RESOURCES;
    pthread_mutex_lock(&one_at_a_time);
    body = kernel->run, may_touch = allowed, shared_bytes = kernel->shared + shared;
    for (u32 i = 0; i < kernel->parameters; i++) memcpy(parameters + kernel->offsets[i], arguments[i], kernel->sizes[i]);
    u32 count = block.x * block.y * block.z;
    int error = setjmp(out);
    if (!error) {
        for (u32 b = 0; b < grid.x * grid.y * grid.z; b++) {
            Size at = {b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y};
            memset(shared_memory, 0xa5, shared_bytes);  /* not zero: it is what another block has left */
            for (u32 t = 0; t < count; t++) {
                Size tid = {t % block.x, t / block.x % block.y, t / block.x / block.y};
                threads[t] = (Thread){tid, at, block, grid, t % WARP, t / WARP, shared, parameters, shared_memory};
                if (!kernel->together) body(&threads[t]);
            }
            if (kernel->together) in_turns(count);
        }
    }
    pthread_mutex_unlock(&one_at_a_time);
    return error;
}
