// Printing, in the form of xtensor's printer, which goes by the global locale.
#include "shape.hpp"
#include "tensor.hpp"
#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace taper {
namespace {

// The form of all numbers of a tensor: as many decimals as the one that has most, within the precision, or exponents
// if one is too large or too small; and equally wide.
class NumberForm {
 public:
  NumberForm(const std::vector<double>& numbers, int precision) {
    double largest = 0;
    bool has_long_exponent = false;
    for (const double number : numbers) {
      if (number == 0 || !std::isfinite(number)) continue;
      const double size = std::abs(number);
      largest = std::max(largest, size);
      const int exponent = 1 + static_cast<int>(std::log10(size));
      is_scientific_ |= exponent <= -5 || exponent > 7;
      has_long_exponent |= std::abs(exponent) >= 100;
      const auto is_whole = [](double x) { return std::floor(x) == x; };
      while (decimals_ < precision && !is_whole(number * std::pow(10, decimals_))) ++decimals_;
    }
    if (is_scientific_) {
      decimals_ = precision;
      exponent_digits_ = has_long_exponent ? 3 : 2;
      width_ = precision + 5 + exponent_digits_;  // sign, digit, point, "e+"
    } else {
      const int more_digits = largest < 1 ? 0 : static_cast<int>(std::log10(std::floor(largest)));
      width_ =
          2 + more_digits + (decimals_ > 0 ? 1 + decimals_ : 0);  // sign, digit, point; a last point is extra
    }
  }

  int width() const { return width_; }

  std::string text(double number) const {
    using internal::text;
    std::string digits =
        text(is_scientific_ ? std::scientific : std::fixed, std::setprecision(decimals_), number);
    if (std::isfinite(number)) {
      if (is_scientific_) {
        const std::size_t exponent = digits.find('e') + 2;
        digits.insert(exponent, exponent_digits_ - std::min(digits.size() - exponent, exponent_digits_), '0');
      } else if (decimals_ > 0) {
        const std::size_t end = digits.find_last_not_of('0') + 1;
        digits.replace(end, digits.npos, digits.size() - end, ' ');
      }
    }
    return text(std::setw(width_), digits,
                is_scientific_ || decimals_ > 0 || !std::isfinite(number) ? "" : ".");
  }

 private:
  bool is_scientific_ = false;
  int decimals_ = 0, width_ = 0;
  std::size_t exponent_digits_ = 0;
};

class Printer {
 public:
  Printer(const Shape& shape, const std::vector<double>& numbers, int precision)
      : shape_(shape), numbers_(numbers), is_abbreviated_(numbers.size() > 1000), form_(shown(), precision) {}

  std::string print() {
    print_axis(0, 0);
    return std::move(out_);
  }

 private:
  // Calls f with the positions along an axis that are shown; `gap` before the first that comes after "...".
  template <class F>
  void for_each_shown(int axis, const F& f) const {
    constexpr std::int64_t edge = 3;
    const std::int64_t extent = shape_[axis];
    for (std::int64_t i = 0; i < extent; ++i) {
      const bool gap = is_abbreviated_ && extent > 2 * edge && i == edge;
      if (gap) i = extent - edge;
      f(i, gap);
    }
  }

  std::vector<double> shown() const {
    std::vector<double> result;
    const auto collect = [&](const auto& self, int axis, std::int64_t offset) -> void {
      if (axis == shape_.size()) return result.push_back(numbers_[static_cast<std::size_t>(offset)]);
      for_each_shown(axis, [&](std::int64_t i, bool) { self(self, axis + 1, offset * shape_[axis] + i); });
    };
    collect(collect, 0, 0);
    return result;
  }

  void print_axis(int axis, std::int64_t offset) {
    if (axis == shape_.size()) {
      out_ += form_.text(numbers_[static_cast<std::size_t>(offset)]);
      return;
    }
    const bool is_row = axis + 1 == shape_.size();
    const std::string new_line = '\n' + std::string(static_cast<std::size_t>(axis) + 1, ' ');
    const int per_line = 75 / (form_.width() + 2);
    int on_line = 0;
    out_ += '{';
    for_each_shown(axis, [&](std::int64_t i, bool gap) {
      if (i > 0) out_ += is_row ? ", " : "," + new_line;
      if (gap) out_ += is_row ? "..., " : "..., " + new_line;
      if (is_row && per_line > 0 && on_line++ == per_line) {
        out_ += new_line;
        on_line = 1;
      }
      print_axis(axis + 1, offset * shape_[axis] + i);
    });
    out_ += '}';
  }

  const Shape& shape_;
  const std::vector<double>& numbers_;
  bool is_abbreviated_;
  NumberForm form_;
  std::string out_;
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  check_given("operator<<", "tensor", tensor);
  const std::vector<double> numbers = tensor.detach().to(Device::cpu()).to_vector();
  if (numbers.empty()) return out << "{}";
  return out << Printer(tensor.shape(), numbers, static_cast<int>(out.precision())).print();
}

}  // namespace taper
