// Calls as text: reading them.
#include "call_text.hpp"

#include "../../core/fail.hpp"
#include "../../core/io/number_text.hpp"
#include "../../core/io/safetensors.hpp"

namespace taper::nn {

void CallReader::fail_with(std::string_view what) const { fail(op_, what, " in ", internal::shown(text_)); }

std::string_view CallReader::name() {
  const std::size_t end = rest_.find('(');
  if (end == rest_.npos) fail_with("no opening parenthesis where a call should stand");
  const std::string_view name = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  is_first_ = true;
  return name;
}

template <class Number>
Number CallReader::argument(std::string_view wanted) {
  if (!is_first_) {
    if (!rest_.starts_with(", ")) fail_with("too few arguments");
    rest_.remove_prefix(2);
  }
  is_first_ = false;
  const std::size_t end = rest_.find_first_of(",)");
  const std::string_view text = rest_.substr(0, end);
  Number value{};
  if (end == rest_.npos || !internal::from_text(text, value)) {
    fail(op_, "wanted ", wanted, ", got ", internal::shown(text), " in ", internal::shown(text_));
  }
  rest_.remove_prefix(end);
  return value;
}

double CallReader::number() { return argument<double>("a number"); }
std::int64_t CallReader::whole() { return argument<std::int64_t>("a whole number"); }

bool CallReader::goes_on() {
  if (!rest_.starts_with(')')) fail_with("too many arguments");
  rest_.remove_prefix(1);
  if (rest_.empty()) return false;
  if (!rest_.starts_with('.')) fail_with("something else than a call after a closing parenthesis");
  rest_.remove_prefix(1);
  return true;
}

}  // namespace taper::nn
