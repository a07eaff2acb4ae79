/* Run a kernel's blocks and threads; 0, or CUDA's number of an error. `allowed` says whether the current device may touch these bytes. */
int run_kernel(const Kernel *kernel, Size grid, Size block, u32 shared, void **arguments, int (*allowed)(const void *, u32));
