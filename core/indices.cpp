// Indices: checking on construction, and the copy on a device.
#include "indices.hpp"

#include "fail.hpp"

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
  std::call_once(shared_->is_copied, [&] {
    internal::Array<std::int64_t> copy(op, device, size());
    internal::device_memory(op, device)
        .to_device(shared_->values.data(), copy.data(), shared_->values.size() * sizeof(std::int64_t));
    shared_->copy = std::move(copy);
  });
  return shared_->copy.data();
}

}  // namespace taper
