// Tensors and devices: copies within a device and between two, and the check that tensors lie
// on the same one.
#pragma once

#include "../tensor.hpp"

namespace taper {

// Throws Error("[op] devices differ: …"), naming both tensors and both devices, if a and b do not lie on
// the same device.
void check_same_device(const char* op, const char* a_name, const Tensor& a, const char* b_name,
                       const Tensor& b);

namespace internal {

// Copies the elements of `from` into those of `to`, which has the same size and dtype and lies on any device.
// Waits for a device only if `to` lies on the CPU.
void copy_elements(const Tensor& from, Tensor& to);

// A copy of that kind, without history.
Tensor copied(const char* op, const Tensor& x, Kind kind);

}  // namespace internal
}  // namespace taper
