// Where a tensor's elements lie.
#pragma once

#include "dtype.hpp"

#include <cstdint>
#include <iosfwd>

namespace taper {

// The CPU, or the CUDA device: the first one that the driver shows (CUDA_VISIBLE_DEVICES chooses it).
// Device::cuda() can be named on a machine that has none; making a tensor on it then throws.
class Device {
 public:
  static constexpr Device cpu() { return Device(Type::cpu); }
  static constexpr Device cuda() { return Device(Type::cuda); }

  constexpr bool is_cpu() const { return type_ == Type::cpu; }
  friend constexpr bool operator==(Device, Device) = default;

 private:
  enum class Type : std::uint8_t { cpu, cuda };
  constexpr explicit Device(Type type) : type_(type) {}
  Type type_;
};

// Writes "cpu" or "cuda".
std::ostream& operator<<(std::ostream& out, Device device);

// The dtype of a tensor's elements and the device on which they lie. Either alone stands for both: a dtype
// means the CPU, a device float32. So the factories take zeros({3}, float64), zeros({3}, Device::cuda()) and
// zeros({3}, {float64, Device::cuda()}).
struct Kind {
  constexpr Kind(DType dtype, Device device = Device::cpu()) : dtype(dtype), device(device) {}
  constexpr Kind(Device device) : Kind(DType::float32, device) {}

  DType dtype;
  Device device;
  friend constexpr bool operator==(const Kind&, const Kind&) = default;
};

// Writes "float32" on the CPU, "float32 on cuda" elsewhere.
std::ostream& operator<<(std::ostream& out, const Kind& kind);

}  // namespace taper
