// The CUDA back end: finding the device.
#include "device.hpp"

#include <cuda_runtime.h>

namespace taper::cuda {
namespace {

__global__ void nothing() {}

// cudaSuccess if kernels can run; any failure means that there is no device for us.
cudaError_t find_device() {
  int count = 0;  // stays unwritten if cudaGetDeviceCount fails
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count == 0) error = cudaErrorNoDevice;
  cudaFuncAttributes attributes;  // a build for other kinds of GPU has none of the kernel
  if (error == cudaSuccess) error = cudaFuncGetAttributes(&attributes, nothing);
  cudaGetLastError();
  return error;
}

cudaError_t device_error() {
  static const cudaError_t error = find_device();
  return error;
}

}  // namespace

bool available() { return device_error() == cudaSuccess; }

std::string description() {
  cudaError_t error = device_error();
  cudaDeviceProp properties;
  if (error == cudaSuccess) error = cudaGetDeviceProperties(&properties, 0);
  if (error != cudaSuccess) {
    return std::string("built with CUDA, but no device can be used: ") + cudaGetErrorString(error);
  }
  return std::string(properties.name) + " (compute capability " + std::to_string(properties.major) + "." +
         std::to_string(properties.minor) + ")";
}

}  // namespace taper::cuda
