// Numbers as text: no locale, no rounding.
#include "number_text.hpp"

#include "../charconv.hpp"

#include <system_error>

namespace taper::internal {
namespace {

template <class T>
std::string written(T value) {
  char buffer[32];  // a double takes 24 at most, a 64-bit integer 20
  return {buffer, to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

template <class T>
bool read(std::string_view text, T& value) {
  T number{};
  const auto [end, error] = from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  value = number;
  return true;
}

}  // namespace

std::string to_text(double value) { return written(value); }
std::string to_text(float value) { return written(value); }
std::string to_text(std::int64_t value) { return written(value); }
bool from_text(std::string_view text, double& value) { return read(text, value); }
bool from_text(std::string_view text, std::int64_t& value) { return read(text, value); }

}  // namespace taper::internal
