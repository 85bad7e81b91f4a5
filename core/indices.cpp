// Indices: checking on construction, and the copy on a device.
#include "indices.hpp"

#include "fail.hpp"
#include "memory/transfer.hpp"

#include <algorithm>
#include <mutex>

namespace taper {

Indices::Indices(std::vector<std::int64_t> values)
    : shape_{static_cast<std::int64_t>(values.size())},
      shared_(std::make_shared<Shared>(std::move(values))) {}

Indices::Indices(std::vector<std::int64_t> values, const Shape& shape)
    : shape_(shape), shared_(std::make_shared<Shared>(std::move(values))) {
  if (element_count("Indices", shape) != size()) {
    fail("Indices", "values has ", size(), " elements, which do not fill shape ", shape);
  }
}

const std::int64_t* Indices::on(const char* op, Device device) const {
  // One for all Indices: a std::once_flag in each would cost every user's file the header <mutex>.
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (!shared_->is_copied) {
    internal::Array<std::int64_t> copy(op, device, size());
    internal::device_memory(op, device)
        .to_device(shared_->values.data(), copy.data(), shared_->values.size() * sizeof(std::int64_t));
    shared_->copy = std::move(copy);
    shared_->is_copied = true;
  }
  return shared_->copy.data();
}

Tensor one_hot(const Indices& indices, std::int64_t count, Kind kind) {
  if (count < 0) fail("one_hot", "count must be at least 0, got ", count);
  Shape shape = Shape::filled(indices.shape().size() + 1, count);
  std::copy(indices.shape().begin(), indices.shape().end(), shape.begin());
  Tensor result = Tensor::uninitialized("one_hot", shape, kind.dtype);
  dispatch(kind.dtype, [&]<class T>() {
    T* const out = result.mutable_data<T>();
    std::fill_n(out, result.size(), T{0});
    for (std::int64_t i = 0; i < indices.size(); ++i) {
      if (indices[i] < 0 || indices[i] >= count)
        fail("one_hot", "indices has ", indices[i], ": wanted 0 to ", count - 1, ", for count is ", count);
      out[i * count + indices[i]] = 1;
    }
  });
  return kind.device.is_cpu() ? result : internal::copied("one_hot", result, kind);
}

}  // namespace taper
