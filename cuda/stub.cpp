// What takes this folder's place in a build without CUDA: no device, and every call for one says so.
#include "../core/fail.hpp"
#include "../core/memory/device_memory.hpp"
#include "../ops/kernels/backend.hpp"
#include "device.hpp"

namespace taper {
namespace {

[[noreturn]] void fail_without_cuda(const char* op) {
  fail(op, "no CUDA device: ", cuda::description(),
       "; configure with -DTAPER_CUDA=ON, which needs nvcc, or stay on Device::cpu()");
}

const internal::DeviceMemory& find_memory(const char* op) { fail_without_cuda(op); }
[[gnu::constructor(101)]] void announce_memory() { internal::set_device_memory(find_memory); }

}  // namespace

bool cuda::available() { return false; }
std::string cuda::description() { return "built without CUDA"; }
void cuda::allow_tf32(bool) {}

const kernels::Backend& kernels::cuda_backend() { fail_without_cuda("Tensor"); }

}  // namespace taper
