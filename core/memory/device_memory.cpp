// Where core finds the memory of a device.
#include "device_memory.hpp"

#include "../fail.hpp"

namespace taper::internal {
namespace {

const DeviceMemory& no_memory(const char* op) {
  fail(op, "no CUDA device: this program was linked without taper's CUDA part; stay on Device::cpu()");
}

// A constant at first, so that it is never initialised after cuda/ has set it.
constinit FindDeviceMemory find_memory = no_memory;

}  // namespace

const DeviceMemory& device_memory(const char* op, Device) { return find_memory(op); }

void set_device_memory(FindDeviceMemory find) noexcept { find_memory = find; }

}  // namespace taper::internal
