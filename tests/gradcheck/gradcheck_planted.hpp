// The planted mistakes of gradcheck_power_test.cpp, by family.
#pragma once

#include "gradcheck/gradcheck_helpers.hpp"
#include <taper/core/gradcheck/gradcheck.hpp>

#include <functional>
#include <string>
#include <vector>

namespace taper::test {

// A check of a function with a mistake, or of the same one without.
struct Planted {
  std::string name;
  std::function<GradcheckReport(bool with_mistake)> check;
  // What the printed report, or the error, has to contain.
  std::vector<std::string> says;
  Verdict verdict = Verdict::failed;
  Verdict verdict_without = Verdict::passed;
};
// What GoogleTest prints for a parameter, which would otherwise be its bytes.
inline void PrintTo(const Planted& planted, std::ostream* out) { *out << planted.name; }

// From the cotangent and the inputs, the cotangent of one input.
using Product = std::function<Tensor(const Tensor& dy, const Tensors& x)>;

// gradcheck of `value` at `inputs`, which is recorded with `right` in place of its own vector-Jacobian
// products; the mistake is `wrong` in place of right[argument].
Planted planted(std::string name, MultiFunction value, std::vector<Product> right, std::size_t argument,
                Product wrong, Tensors inputs, std::vector<std::string> says);
// The same for one input: only the wrong product has to be written, since the right one is value's own.
Planted planted(std::string name, Function value,
                std::function<Tensor(const Tensor& dy, const Tensor& x)> wrong, Tensor input,
                std::vector<std::string> says);
// dx with its elements multiplied by `factor` if chosen(i), by their place in row-major order.
Tensor times_where(const Tensor& dx, double factor, const std::function<bool(std::int64_t)>& chosen);

std::vector<Planted> wrong_numbers();
std::vector<Planted> wrong_places();
std::vector<Planted> wrong_orders();
std::vector<Planted> wrong_layers();
std::vector<Planted> wrong_at_kinks();
std::vector<Planted> wrong_in_second_order();
std::vector<Planted> wrong_somewhere_large();
std::vector<Planted> wrong_beyond_numbers();

}  // namespace taper::test
