// Copying elements within a device and between devices.
#pragma once

#include <taper/core/tensor.hpp>

namespace taper::detail {

// Copies the elements of `from` into those of `to`, which has the same size and dtype and lies on any device.
// Waits for a device only where `to` lies on the CPU.
void copy_elements(const Tensor& from, const Tensor& to);

// A copy on that device, without history.
Tensor copied(const char* op, const Tensor& x, Device device);

}  // namespace taper::detail
