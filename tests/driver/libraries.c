/* A stand-in for one of NVIDIA's libraries (cuBLAS, cuSOLVER, cuSPARSE, cuRAND, cuFFT), made for the names that CuPy
 * links to: NAMES is a file with one FUNCTION(name) a line. What computes is noted in the journal as a launch; what makes
 * a handle gives one; work spaces are small; and the status on the device stays as the memory was: 0, "done".
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "journal.h"

int cudaGetDevice(int *device);
extern int (*anygrad_library)(const char *name, uintptr_t *arguments);

enum { SUCCESS = 0, NOT_SUPPORTED = 15 };

typedef struct { const char *name; int argument, bytes, value; } Output;

/* What is written to an argument by the functions whose names end so: sizes of work spaces in the main. */
enum { SIZE = 256, CUSOLVER = 12 };
static const Output OUTPUTS[] = {
    {"getrf_bufferSize", 5, 4, SIZE}, {"potrf_bufferSize", 5, 4, SIZE}, {"geqrf_bufferSize", 5, 4, SIZE}, {"gqr_bufferSize", 7, 4, SIZE},
    {"gesvd_bufferSize", 3, 4, SIZE}, {"gebrd_bufferSize", 3, 4, SIZE}, {"yevd_bufferSize", 7, 4, SIZE}, {"eevd_bufferSize", 7, 4, SIZE},
    {"evj_bufferSize", 7, 4, SIZE}, {"evjBatched_bufferSize", 7, 4, SIZE}, {"gesvdj_bufferSize", 12, 4, SIZE}, {"gesvdjBatched_bufferSize", 11, 4, SIZE},
    {"gesvdaStridedBatched_bufferSize", 16, 4, SIZE}, {"Xsyevd_bufferSize", 11, 8, SIZE}, {"Xsyevd_bufferSize", 12, 8, SIZE},
    {"XsyevBatched_bufferSize", 11, 8, SIZE}, {"XsyevBatched_bufferSize", 12, 8, SIZE}, {"Xgeev_bufferSize", 17, 8, SIZE},
    {"Xgeev_bufferSize", 18, 8, SIZE}, {"cufftMakePlan1d", 4, 8, 0}, {"cufftMakePlanMany", 11, 8, 0}, {"cufftXtMakePlanMany", 12, 8, 0},
    {"getrsBatched", 9, 4, 0}, {"GetProperty", 1, 4, CUSOLVER},
};
/* What prepares instead of computing. */
static const char *const PREPARES[] = {"Create", "Destroy", "Set", "Get", "bufferSize", "MakePlan"};

static int called(const char *name, uintptr_t *arguments)
{
    static char handle;
    static int plans;
    int computes = 1, device;
    for (size_t i = 0; i < sizeof OUTPUTS / sizeof *OUTPUTS; i++) {
        const Output *output = &OUTPUTS[i];
        size_t length = strlen(name), end = strlen(output->name);
        if (length < end || strcmp(name + length - end, output->name)) continue;
        if ((strchr(name, 'X') == NULL) != (strchr(output->name, 'X') == NULL)) continue;
        memset((void *)arguments[output->argument], 0, output->bytes);
        *(int *)arguments[output->argument] = output->value;
    }
    for (size_t i = 0; i < sizeof PREPARES / sizeof *PREPARES; i++)
        if (strstr(name, PREPARES[i])) computes = 0;
    if (strncmp(name, "cufftCreate", 11) == 0) *(int *)arguments[0] = ++plans;
    else if (strstr(name, "Create")) *(void **)arguments[0] = &handle;
    cudaGetDevice(&device);
    journal(computes ? "launch" : "prepare", "%s on %d", name, device);
    if (anygrad_library && (computes || strstr(name, "MakePlan")) && !anygrad_library(name, arguments)) return NOT_SUPPORTED;
    return SUCCESS;
}

/* More arguments than any has: what is read beyond those that were given is not used. */
#define FUNCTION(name)                                                                                                  \
    int name(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, uintptr_t f, uintptr_t g, uintptr_t h,    \
             uintptr_t i, uintptr_t j, uintptr_t k, uintptr_t l, uintptr_t m, uintptr_t n, uintptr_t o, uintptr_t p,    \
             uintptr_t q, uintptr_t r, uintptr_t s, uintptr_t t, uintptr_t u, uintptr_t v, uintptr_t w)                 \
    {                                                                                                                   \
        return called(#name, (uintptr_t[]){a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w});                \
    }
#include NAMES
