// Copies between devices, and the op `to`.
#include <taper/core/device_memory.hpp>
#include <taper/core/fail.hpp>
#include <taper/core/record.hpp>
#include <taper/core/transfer.hpp>

#include <cstring>
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

void detail::copy_elements(const Tensor& from, const Tensor& to) {
  const void* const source = from.impl().data;
  void* const target = to.impl().data;
  const std::size_t bytes = static_cast<std::size_t>(from.size()) * size_of(from.dtype());
  if (from.device().is_cpu() && to.device().is_cpu()) {
    std::memmove(target, source, bytes);
  } else if (from.device().is_cpu()) {
    device_memory("to", to.device()).to_device(source, target, bytes);
  } else if (to.device().is_cpu()) {
    device_memory("to", from.device()).to_host(source, target, bytes);
  } else {
    device_memory("to", to.device()).copy(source, target, bytes);
  }
}

void detail::check_same_device(const char* op, const char* a_name, const Tensor& a, const char* b_name,
                               const Tensor& b) {
  if (a.device() == b.device()) return;
  fail(op, "devices differ: ", a_name, " of shape ", a.shape(), " is on ", a.device(), ", ", b_name,
       " of shape ", b.shape(), " on ", b.device(), "; to() brings them together");
}

Tensor detail::copied(const char* op, const Tensor& x, Device device) {
  const Tensor copy = Tensor::uninitialized(op, x.shape(), {x.dtype(), device});
  copy_elements(x, copy);
  return copy;
}

Tensor Tensor::to(Device device) const {
  if (this->device() == device) return *this;
  return record("to", detail::copied("to", *this, device),
                vjp(*this, [from = this->device()](const Tensor& dy) { return dy.to(from); }));
}

void Tensor::move_to(Device device) {
  if (impl().device == device) return;
  if (impl().tape != 0)
    fail("move_to", "only a leaf can be moved; this tensor of shape ", shape(), " is a recorded result");
  if (impl().owner && !impl().owner.is_sole_owner())
    fail("move_to", "this tensor of shape ", shape(), " is a view of another, or another is a view of it");
  Tensor moved = detail::copied("move_to", *this, device);
  Tensor gradient = impl().grad ? detail::copied("move_to", impl().grad, device) : Tensor();
  impl_->data = moved.impl().data;
  impl_->device = device;
  impl_->owner = std::move(moved);
  impl_->grad = std::move(gradient);
}

}  // namespace taper
