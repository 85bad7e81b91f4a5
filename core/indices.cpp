// Indices: checking on construction.
#include <taper/core/fail.hpp>
#include <taper/core/indices.hpp>

namespace taper {

Indices::Indices(std::vector<std::int64_t> values)
    : shape_{static_cast<std::int64_t>(values.size())},
      values_(std::make_shared<const std::vector<std::int64_t>>(std::move(values))) {}

Indices::Indices(std::vector<std::int64_t> values, const Shape& shape)
    : shape_(shape), values_(std::make_shared<const std::vector<std::int64_t>>(std::move(values))) {
  if (element_count("Indices", shape) != size()) {
    fail("Indices", "values has ", size(), " elements, which do not fill shape ", shape);
  }
}

}  // namespace taper
