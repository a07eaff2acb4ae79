/* A stand-in for the CUDA driver and the CUDA runtime, to run the real CuPy without a GPU.
 *
 * Device memory is host memory, so copies and fills are true. Kernels are accepted and counted; they do nothing, unless
 * there is a translator for them (emulation.py). Streams and events are numbers: everything has happened at once. The
 * journal says what happened.
 *
 * ANYGRAD_DEVICES is the number of devices (1), ANYGRAD_MEMORY the bytes that each one has (2 GiB). What CUDA refuses is
 * refused where CuPy could do it: a kernel or a stream of another device than the current one, sizes of a launch that
 * are 0 or too large, more memory than there is, a device that is not there.
 *
 * Names and orders of arguments are those of cuda.h and cuda_runtime_api.h. Enumerations are int, handles are pointers;
 * a function that is not here is missing, and `missing` is called for it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu.h"
#include "journal.h"
#include "threads.h"

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_DEVICE = 101, INVALID_IMAGE = 200, INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_SUPPORTED = 801 };
enum { VERSION = 13000, MOST_DEVICES = 8, MAJOR = 9, MINOR = 0, PROCESSORS = 132, ALIGNMENT = 256, FIRST_STREAM = 3 };

typedef struct { int device; } Stream;
typedef struct { int device; void *library; } Module;
typedef struct { Module *module; char *name; const Kernel *kernel; } Function;
typedef struct { Size grid, block; size_t shared; Stream *stream; } Configuration;
typedef struct { int type, device; void *on_device, *on_host; } PointerAttributes;
typedef struct {
    char name[256], uuid[16], luid[8];
    unsigned luid_mask;
    size_t memory, shared;
    int registers, warp;
    size_t pitch;
    int threads, along[3], blocks[3];
    size_t constant;
    int major, minor;
    size_t texture, texture_pitch;
    int processors;
} Properties;  /* the beginning of CUDA 13's cudaDeviceProp */
typedef struct { size_t shared, constant, local; int threads, registers, ptx, binary; } FunctionAttributes;

static int device_count = 1;
static size_t memory_of_each = (size_t)2 << 30;
static size_t used[MOST_DEVICES];
static _Thread_local int current;
static _Thread_local int last_error;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* What makes a library of a module's PTX, and gives its path; without it, kernels do nothing. */
static const char *(*translate)(const char *ptx);

__attribute__((constructor)) static void start(void)
{
    const char *text = getenv("ANYGRAD_DEVICES");
    if (text) device_count = atoi(text);
    text = getenv("ANYGRAD_MEMORY");
    if (text) memory_of_each = strtoull(text, NULL, 10);
}

static int result(int error)
{
    if (error) last_error = error;
    return error;
}

/* ---- the journal ---- */

static int writing;
static char *text;
static size_t length, room;

void journal(const char *kind, const char *format, ...)
{
    if (!writing) return;
    char line[1024];
    int count = snprintf(line, sizeof line, "%s ", kind);
    va_list values;
    va_start(values, format);
    count += vsnprintf(line + count, sizeof line - count, format, values);
    va_end(values);
    if (count > (int)sizeof line - 1) count = sizeof line - 1;
    line[count++] = '\n';
    pthread_mutex_lock(&lock);
    if (length + count >= room) text = realloc(text, room = 2 * (length + count + 1));
    memcpy(text + length, line, count);
    text[length += count] = 0;
    pthread_mutex_unlock(&lock);
}

/* Begin a new journal; end it; what was written; and give each device other memory. */
void anygrad_begin(void) { length = 0; writing = 1; }
void anygrad_end(void) { writing = 0; }
const char *anygrad_journal(void) { return length ? text : ""; }
void anygrad_memory(size_t bytes) { memory_of_each = bytes; }

/* What is called in place of a function that is not here. */
int anygrad_missing(void) { journal("missing", "function"); return result(NOT_SUPPORTED); }

/* ---- devices ---- */

int cudaDriverGetVersion(int *version) { *version = VERSION; return OK; }
int cudaRuntimeGetVersion(int *version) { *version = VERSION; return OK; }
int cudaGetDeviceCount(int *count) { *count = device_count; return OK; }
int cudaGetDevice(int *device) { *device = current; return OK; }
int cudaSetDevice(int device)
{
    if (device < 0 || device >= device_count) return result(INVALID_DEVICE);
    current = device;
    return OK;
}
int cudaDeviceSynchronize(void) { journal("sync", "device"); return OK; }
int cudaDeviceCanAccessPeer(int *can, int device, int peer) { *can = device != peer; return OK; }
int cudaDeviceEnablePeerAccess(int peer, unsigned flags) { return OK; }
int cudaDeviceDisablePeerAccess(int peer) { return OK; }
int cudaDeviceGetLimit(size_t *value, int limit) { *value = 0; return OK; }
int cudaDeviceGetPCIBusId(char *id, int room, int device) { snprintf(id, room, "0000:%02x:00.0", device); return OK; }

int cudaGetDeviceProperties(Properties *found, int device)
{
    *found = (Properties){.name = "stand-in", .memory = memory_of_each, .shared = 48 << 10, .registers = 65536, .warp = 32, .threads = 1024,
                          .major = MAJOR, .minor = MINOR, .processors = PROCESSORS};
    return OK;
}
int cudaGetDeviceProperties_v2(Properties *found, int device) { return cudaGetDeviceProperties(found, device); }

int cudaDeviceGetAttribute(int *value, int attribute, int device)
{
    switch (attribute) {
    case 1: case 2: case 3: *value = 1024; break;      /* threads in a block, and along its x and y */
    case 4: *value = 64; break;                        /* along its z */
    case 5: *value = 0x7fffffff; break;                /* blocks along x */
    case 6: case 7: *value = 65535; break;             /* along y and z */
    case 8: *value = 48 << 10; break;                  /* bytes of shared memory in a block */
    case 97: *value = 227 << 10; break;                /* where a kernel asks for more */
    case 81: *value = 228 << 10; break;                /* in a multiprocessor */
    case 10: *value = 32; break;                       /* threads in a warp */
    case 12: case 82: *value = 65536; break;           /* registers in a block and in a multiprocessor */
    case 16: *value = PROCESSORS; break;
    case 31: case 41: *value = 1; break;               /* concurrent kernels, one address space */
    case 39: *value = 2048; break;                     /* threads in a multiprocessor */
    case 75: *value = MAJOR; break;
    case 76: *value = MINOR; break;
    case 106: *value = 32; break;                      /* blocks in a multiprocessor */
    default: *value = 0;
    }
    return OK;
}

/* ---- memory: a list of blocks, each with its device, which is HOST for pinned memory ---- */

enum { HOST = -1, ORDINARY = -2 };

typedef struct { char *start; size_t bytes; int device; } Block;
static Block *blocks;
static size_t block_count, block_room;

static Block *block_of(const void *address)
{
    for (size_t i = 0; i < block_count; i++)
        if ((size_t)((char *)address - blocks[i].start) < blocks[i].bytes) return &blocks[i];
    return NULL;
}

static int allocate(void **address, size_t bytes, int device)
{
    int error = OUT_OF_MEMORY;
    pthread_mutex_lock(&lock);
    size_t size = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    if ((device == HOST || used[device] + bytes <= memory_of_each) && (*address = aligned_alloc(ALIGNMENT, size))) {
        memset(*address, translate ? 0xff : 0, size);  /* where values count, new memory is NaN */
        if (block_count == block_room) blocks = realloc(blocks, (block_room = 2 * block_room + 64) * sizeof *blocks);
        blocks[block_count++] = (Block){*address, bytes, device};
        if (device != HOST) used[device] += bytes;
        error = OK;
    }
    pthread_mutex_unlock(&lock);
    if (device == HOST) journal("allocate", "%zu pinned", bytes);
    else journal(error ? "refuse" : "allocate", "%zu on %d", bytes, device);
    return result(error);
}

static int release(void *address)
{
    if (!address) return OK;
    pthread_mutex_lock(&lock);
    Block *block = block_of(address), freed = {NULL, 0, HOST};
    if (block && block->start == address) {
        freed = *block;
        if (freed.device != HOST) used[freed.device] -= freed.bytes;
        *block = blocks[--block_count];
        free(address);
    }
    pthread_mutex_unlock(&lock);
    if (!freed.start) return result(INVALID_VALUE);
    journal("free", "%zu on %d", freed.bytes, freed.device);
    return OK;
}

static int place(const void *address)
{
    pthread_mutex_lock(&lock);
    Block *block = block_of(address);
    int device = block ? block->device : ORDINARY;
    pthread_mutex_unlock(&lock);
    return device;
}

int cudaMalloc(void **address, size_t bytes) { return allocate(address, bytes, current); }
int cudaMallocAsync(void **address, size_t bytes, Stream *stream) { return allocate(address, bytes, current); }
int cudaFree(void *address) { return release(address); }
int cudaFreeAsync(void *address, Stream *stream) { return release(address); }
int cudaHostAlloc(void **address, size_t bytes, unsigned flags) { return allocate(address, bytes, HOST); }
int cudaFreeHost(void *address) { return release(address); }
int cudaMemGetInfo(size_t *free_bytes, size_t *total)
{
    *total = memory_of_each;
    *free_bytes = memory_of_each - used[current];
    return OK;
}
int cudaPointerGetAttributes(PointerAttributes *found, void *address)
{
    int device = place(address);
    found->type = device >= 0 ? 2 : device == HOST ? 1 : 0;
    found->device = device >= 0 ? device : 0;
    found->on_device = device == ORDINARY ? NULL : address;
    found->on_host = device >= 0 ? NULL : address;
    return OK;
}

/* ---- copies and fills. The host waits for a copy to its ordinary memory, and for what is not Async. ---- */

static int copy(void *to, const void *from, size_t bytes, int async)
{
    int target = place(to), source = place(from);
    memmove(to, from, bytes);
    if (target >= 0 && source >= 0) journal("copy", target == source ? "within %d: %zu" : "peer to %d: %zu", target, bytes);
    else if (source >= 0) journal(async && target == HOST ? "copy" : "sync", "copy to host: %zu", bytes);
    else if (target >= 0) journal(async || bytes == 0 ? "copy" : "sync", "copy from host to %d: %zu", target, bytes);
    return OK;
}
int cudaMemcpy(void *to, void *from, size_t bytes, int kind) { return copy(to, from, bytes, 0); }
int cudaMemcpyAsync(void *to, void *from, size_t bytes, int kind, Stream *stream) { return copy(to, from, bytes, 1); }
int cudaMemcpyPeer(void *to, int a, void *from, int b, size_t bytes) { return copy(to, from, bytes, 0); }
int cudaMemcpyPeerAsync(void *to, int a, void *from, int b, size_t bytes, Stream *s) { return copy(to, from, bytes, 1); }
int cudaMemset(void *to, int value, size_t bytes)
{
    memset(to, value, bytes);
    journal("fill", "%zu on %d", bytes, place(to));
    return OK;
}
int cudaMemsetAsync(void *to, int value, size_t bytes, Stream *stream) { return cudaMemset(to, value, bytes); }

/* ---- streams and events ---- */

int cudaStreamCreate(Stream **stream) { *stream = malloc(sizeof **stream); (*stream)->device = current; return OK; }
int cudaStreamCreateWithFlags(Stream **stream, unsigned flags) { return cudaStreamCreate(stream); }
int cudaStreamCreateWithPriority(Stream **stream, unsigned flags, int priority) { return cudaStreamCreate(stream); }
int cudaStreamDestroy(Stream *stream) { free(stream); return OK; }
int cudaStreamSynchronize(Stream *stream) { journal("sync", "stream"); return OK; }
int cudaStreamQuery(Stream *stream) { return OK; }
int cudaStreamWaitEvent(Stream *stream, void *event, unsigned flags) { journal("wait", "event"); return OK; }
int cudaStreamIsCapturing(Stream *stream, int *status) { *status = 0; return OK; }
int cudaStreamGetFlags(Stream *stream, unsigned *flags) { *flags = 0; return OK; }
int cudaStreamGetPriority(Stream *stream, int *priority) { *priority = 0; return OK; }
int cudaStreamAddCallback(Stream *stream, void (*call)(Stream *, int, void *), void *data, unsigned flags)
{
    call(stream, OK, data);
    return OK;
}
int cudaLaunchHostFunc(Stream *stream, void (*call)(void *), void *data) { call(data); return OK; }
int cudaEventCreate(void **event) { *event = malloc(1); return OK; }
int cudaEventCreateWithFlags(void **event, unsigned flags) { return cudaEventCreate(event); }
int cudaEventDestroy(void *event) { free(event); return OK; }
int cudaEventRecord(void *event, Stream *stream) { journal("record", "event"); return OK; }
int cudaEventQuery(void *event) { return OK; }
int cudaEventSynchronize(void *event) { journal("sync", "event"); return OK; }
int cudaEventElapsedTime(float *milliseconds, void *from, void *to) { *milliseconds = 1; return OK; }
int cudaProfilerStart(void) { return OK; }
int cudaProfilerStop(void) { return OK; }

/* ---- kernels that CuPy compiles: by way of the driver ---- */

/* What computes for NVIDIA's libraries; 0 where it cannot. */
int (*anygrad_library)(const char *name, uintptr_t *arguments);
void anygrad_compute(const char *(*kernels)(const char *), int (*libraries)(const char *, uintptr_t *))
{
    translate = kernels;
    anygrad_library = libraries;
}

int cuModuleLoadData(Module **module, const void *code)
{
    const char *path = translate ? translate(code) : NULL;
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (translate && !library) return INVALID_IMAGE;
    *module = malloc(sizeof **module);
    **module = (Module){current, library};
    journal("load", "module on %d", current);
    return OK;
}
int cuModuleUnload(Module *module) { free(module); return OK; }
int cuModuleGetFunction(Function **function, Module *module, const char *name)
{
    char kernel[4096];
    snprintf(kernel, sizeof kernel, "%s__kernel", name);
    *function = malloc(sizeof **function);
    **function = (Function){module, strdup(name), module->library ? dlsym(module->library, kernel) : NULL};
    return module->library && !(*function)->kernel ? NOT_FOUND : OK;
}
int cuFuncGetAttribute(int *value, int attribute, Function *function)
{
    *value = attribute == 0 ? 1024 : attribute == 4 ? 32 : attribute == 8 ? 48 << 10 : 0;  /* threads, registers, shared bytes */
    return OK;
}
int cuFuncSetAttribute(Function *function, int attribute, int value) { return OK; }
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *count, Function *function, int threads, size_t shared)
{
    *count = threads > 0 ? 2048 / threads : 1;
    return OK;
}
int cuOccupancyMaxPotentialBlockSize(int *grid, int *block, Function *function, void *shared_of, size_t shared, int limit)
{
    *grid = 2 * PROCESSORS;
    *block = limit ? limit : 1024;
    return OK;
}

static int launch(const char *name, int device, Size grid, Size block, size_t shared, Stream *stream)
{
    if (!grid.x || !grid.y || !grid.z || !block.x || !block.y || !block.z) return INVALID_VALUE;
    if (grid.y > 65535 || grid.z > 65535 || (size_t)block.x * block.y * block.z > 1024 || shared > 227 << 10) return INVALID_VALUE;
    if (device != current || ((uintptr_t)stream >= FIRST_STREAM && stream->device != current)) return INVALID_HANDLE;
    journal("launch", "%s on %d", name, device);
    return OK;
}
/* Whether the current device may read and write these bytes: its own memory, or the host's where that is pinned. */
static int is_here(const void *address, u32 bytes)
{
    pthread_mutex_lock(&lock);
    Block *block = block_of(address);
    int here = block && (block->device == current || block->device == HOST) && (char *)address + bytes <= block->start + block->bytes;
    pthread_mutex_unlock(&lock);
    return here;
}
int cuLaunchKernel(Function *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, Stream *stream, void **arguments, void **more)
{
    Size grid = {gx, gy, gz}, block = {bx, by, bz};
    int error = launch(function->name, function->module->device, grid, block, shared, stream);
    return error || !function->kernel ? error : run_kernel(function->kernel, grid, block, shared, arguments, is_here);
}
int cuLaunchCooperativeKernel(Function *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                              unsigned bz, unsigned shared, Stream *stream, void **arguments)
{
    return cuLaunchKernel(function, gx, gy, gz, bx, by, bz, shared, stream, arguments, NULL);
}
int cuGetErrorName(int error, const char **name) { *name = "CUDA_ERROR"; return OK; }
int cuGetErrorString(int error, const char **words) { *words = "refused by the stand-in for CUDA"; return OK; }

/* ---- kernels that nvcc compiled into CuPy (sorting and sums of Thrust and CUB): by way of the runtime ---- */

static _Thread_local Configuration configuration;

static int launch_compiled(const void *function, Size grid, Size block, size_t shared, Stream *stream)
{
    Dl_info where = {0};
    dladdr(function, &where);
    const char *file = where.dli_fname ? strrchr(where.dli_fname, '/') : NULL;
    char name[64];
    snprintf(name, sizeof name, "%s", file ? file + 1 : "compiled");
    *strchrnul(name, '.') = 0;
    if (translate) return result(NOT_SUPPORTED);  /* it would compute nothing */
    return result(launch(name, current, grid, block, shared, stream));
}
int cudaLaunchKernel(const void *function, Size grid, Size block, void **arguments, size_t shared, Stream *stream)
{
    return launch_compiled(function, grid, block, shared, stream);
}
int cudaLaunchKernelExC(const Configuration *how, const void *function, void **arguments)
{
    return launch_compiled(function, how->grid, how->block, how->shared, how->stream);
}
unsigned __cudaPushCallConfiguration(Size grid, Size block, size_t shared, Stream *stream)
{
    configuration = (Configuration){grid, block, shared, stream};
    return OK;
}
int __cudaPopCallConfiguration(Size *grid, Size *block, size_t *shared, void *stream)
{
    *grid = configuration.grid, *block = configuration.block, *shared = configuration.shared;
    *(Stream **)stream = configuration.stream;
    return OK;
}
int __cudaGetKernel(const void **kernel, const void *function) { *kernel = function; return OK; }
int __cudaLaunchKernel(const void *kernel, Size grid, Size block, void **arguments, size_t shared, Stream *stream)
{
    return launch_compiled(kernel, grid, block, shared, stream);
}
int cudaFuncGetAttributes(FunctionAttributes *found, const void *function)
{
    *found = (FunctionAttributes){0, 0, 0, 1024, 32, 10 * MAJOR + MINOR, 10 * MAJOR + MINOR};
    return OK;
}
int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *count, const void *function, int threads, size_t shared,
                                                           unsigned flags)
{
    *count = threads > 0 ? 2048 / threads : 1;
    return OK;
}

/* ---- errors ---- */

int cudaGetLastError(void) { int error = last_error; last_error = OK; return error; }
int cudaPeekAtLastError(void) { return last_error; }
const char *cudaGetErrorName(int error)
{
    return error == OUT_OF_MEMORY ? "cudaErrorMemoryAllocation" : error == INVALID_DEVICE ? "cudaErrorInvalidDevice" : "cudaError";
}
const char *cudaGetErrorString(int error)
{
    return error == OUT_OF_MEMORY ? "out of memory" : error == INVALID_DEVICE ? "invalid device ordinal" : "refused by the stand-in for CUDA";
}
