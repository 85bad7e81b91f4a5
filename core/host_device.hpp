// TAPER_HOST_DEVICE marks what host code and CUDA kernels both call. To a C++ compiler it says nothing.
#pragma once

#ifdef __CUDACC__
#define TAPER_HOST_DEVICE __host__ __device__
#else
#define TAPER_HOST_DEVICE
#endif
