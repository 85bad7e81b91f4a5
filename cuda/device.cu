// The CUDA back end: finding the device.
#include <taper/cuda/device.hpp>

#include <cuda_runtime_api.h>

namespace taper::cuda {
namespace {

// cudaGetDeviceCount leaves its argument unwritten where it fails; any failure means that there is no device.
cudaError_t count_devices(int& count) {
  count = 0;
  return cudaGetDeviceCount(&count);
}

}  // namespace

bool available() {
  int count;
  return count_devices(count) == cudaSuccess && count > 0;
}

std::string description() {
  int count;
  if (const cudaError_t error = count_devices(count); error != cudaSuccess) {
    return std::string("built with CUDA, but no device can be used: ") + cudaGetErrorString(error);
  }
  if (count == 0) return "built with CUDA, but there is no device";
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, 0); error != cudaSuccess) {
    return std::string("built with CUDA, but the device does not answer: ") + cudaGetErrorString(error);
  }
  return std::string(properties.name) + " (compute capability " + std::to_string(properties.major) + "." +
         std::to_string(properties.minor) + ")";
}

}  // namespace taper::cuda
