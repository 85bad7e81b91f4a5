// Copies between devices and dtypes.
#include "transfer.hpp"

#include "../fail.hpp"
#include "../threads.hpp"
#include "device_memory.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace taper {

namespace {

// to_i = from_i rounded to the dtype of `to`, which has the same size, lies on the same device and has the
// other dtype.
void convert_elements(const Tensor& from, Tensor& to) {
  const void* const source = from.bytes();
  void* const target = to.mutable_bytes();
  if (!from.device().is_cpu()) {
    return internal::device_memory("to", from.device())
        .convert(from.dtype(), source, to.dtype(), target, from.size());
  }
  dispatch(from.dtype(), [&]<class From>() {
    using To = std::conditional_t<std::is_same_v<From, float>, double, float>;
    parallel_ranges(from.size(), part_size, [=](std::int64_t begin, std::int64_t end) {
      const auto* x = static_cast<const From*>(source);
      std::transform(x + begin, x + end, static_cast<To*>(target) + begin,
                     [](From v) { return static_cast<To>(v); });
    });
  });
}

}  // namespace

void internal::copy_elements(const Tensor& from, Tensor& to) {
  const void* const source = from.bytes();
  void* const target = to.mutable_bytes();
  const std::size_t bytes = from.impl().element_bytes();
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

void check_same_device(const char* op, const char* a_name, const Tensor& a, const char* b_name,
                       const Tensor& b) {
  if (a.device() == b.device()) return;
  fail(op, "devices differ: ", a_name, " of shape ", a.shape(), " is on ", a.device(), ", ", b_name,
       " of shape ", b.shape(), " on ", b.device(), "; to() brings them together");
}

Tensor internal::copied(const char* op, const Tensor& x, Kind kind) {
  if (x.dtype() != kind.dtype && x.device() != kind.device)
    return copied(op, copied(op, x, {kind.dtype, x.device()}), kind);
  Tensor copy = Tensor::uninitialized(op, x.shape(), kind);
  if (x.dtype() == kind.dtype) {
    copy_elements(x, copy);
  } else {
    convert_elements(x, copy);
  }
  return copy;
}

}  // namespace taper
