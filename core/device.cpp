// How messages name dtypes and devices.
#include "device.hpp"

#include <ostream>

namespace taper {

std::ostream& operator<<(std::ostream& out, DType dtype) {
  return out << (dtype == float32 ? "float32" : "float64");
}
std::ostream& operator<<(std::ostream& out, Device device) {
  return out << (device.is_cpu() ? "cpu" : "cuda");
}
std::ostream& operator<<(std::ostream& out, const Kind& kind) {
  out << kind.dtype;
  return kind.device.is_cpu() ? out : out << " on " << kind.device;
}

}  // namespace taper
