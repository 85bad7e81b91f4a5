// Texts by nlohmann, numbers by to_text.
#include "json.hpp"

#include "../../core/io/number_text.hpp"

#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

namespace taper::internal {

std::string json_text(const std::string& text) {
  using Json = nlohmann::json;
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string json_numbers(const std::vector<double>& values) {
  constexpr double largest = std::numeric_limits<float>::max();
  std::string out;
  for (double value : values) {
    out += out.empty() ? "[" : ",";
    if (!std::isfinite(value)) {
      out += "null";
    } else if (std::abs(value) <= largest && static_cast<double>(static_cast<float>(value)) == value) {
      out += to_text(static_cast<float>(value));
    } else {
      out += to_text(value);
    }
  }
  return out.empty() ? "[]" : out + "]";
}

}  // namespace taper::internal
