// The values that PyTorch computed: golden/golden.json, whose layout golden/make_golden.py describes.
#pragma once

#include <taper/core/create.hpp>

#include <fstream>
#include <functional>
#include <string>
#include <vector>

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

// An op as the files call it: its inputs, and the arguments that are no tensors.
using Call = std::function<Tensor(const std::vector<Tensor>&, const nlohmann::json& arguments)>;

inline Call unary(Tensor (*f)(const Tensor&)) {
  return [f](const std::vector<Tensor>& x, const nlohmann::json&) { return f(x[0]); };
}
template <class Result>
Call binary(Result (*f)(const Tensor&, const Tensor&)) {
  return [f](const std::vector<Tensor>& x, const nlohmann::json&) { return f(x[0], x[1]); };
}
inline Call reduction(Tensor (*f)(const Tensor&, const Axes&, bool)) {
  return [f](const std::vector<Tensor>& x, const nlohmann::json& a) {
    return f(x[0], Axes(shape_of(a["axes"])), a.value("keepdims", false));
  };
}
inline Call along(Tensor (*f)(const Tensor&, int)) {
  return [f](const std::vector<Tensor>& x, const nlohmann::json& a) { return f(x[0], a["axis"].get<int>()); };
}

}  // namespace taper::test
