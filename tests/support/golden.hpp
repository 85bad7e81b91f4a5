// The values that PyTorch computed: golden/golden.json, whose layout golden/make_golden.py describes.
#pragma once

#include <taper/core/create.hpp>

#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

namespace taper::test {

inline const nlohmann::json& golden() {
  static const nlohmann::json all = [] {
    std::ifstream file(std::string(TAPER_GOLDEN_DIR) + "/golden.json");
    return nlohmann::json::parse(file);
  }();
  return all;
}

inline Shape shape_of(const nlohmann::json& extents) {
  const auto values = extents.get<std::vector<std::int64_t>>();
  return {values.data(), static_cast<int>(values.size())};
}

// An array of the file as a float64 tensor.
inline Tensor tensor_of(const nlohmann::json& array) {
  return tensor(array["values"].get<std::vector<double>>(), shape_of(array["shape"]), float64);
}

}  // namespace taper::test
