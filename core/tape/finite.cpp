// TapeOptions::check_finite: where the first NaN or infinity came from.
#include "../fail.hpp"
#include "../memory/transfer.hpp"
#include "../scope.hpp"
#include "../text.hpp"
#include "walk_state.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper {
namespace {

using internal::text;

// Without a branch in the loop, so that it runs as fast as the elements come.
template <class T>
bool are_finite(const T* x, std::int64_t n) {
  bool all = true;
  for (std::int64_t i = 0; i < n; ++i) all &= std::abs(x[i]) <= std::numeric_limits<T>::max();
  return all;
}

bool is_finite(const Tensor& x) {
  if (!x.device().is_cpu()) return is_finite(internal::copied("check_finite", x, {x.dtype(), Device::cpu()}));
  return dispatch(x.dtype(), [&]<class T>() { return are_finite(x.data<T>(), x.size()); });
}

// "of shape (3,) lies in [0, 4]": the range is that of the finite elements.
std::string range_of(const Tensor& x) {
  const std::vector<double> values = x.to_vector();
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::size_t bad = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) {
      ++bad;
    } else {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  std::string range = text("of shape ", x.shape());
  if (values.empty()) return range;
  if (bad > 0) range += text(" has ", bad, " of ", values.size(), " elements that are not finite");
  if (bad < values.size())
    range += text(bad > 0 ? ", the others lie" : " lies", " in [", low, ", ", high, ']');
  return range;
}

// "is not finite: 1 of 3 elements of float64 (3,), the first at (1,) is nan".
std::string what_is_wrong(const Tensor& x) {
  const std::vector<double> values = x.to_vector();
  const auto bad = [](double value) { return !std::isfinite(value); };
  const auto first =
      static_cast<std::size_t>(std::find_if(values.begin(), values.end(), bad) - values.begin());
  const std::string value =
      std::isnan(values[first]) ? "nan" : text(values[first]);  // a NaN's sign says nothing
  return text("is not finite: ", std::count_if(values.begin(), values.end(), bad), " of ", values.size(),
              " elements of ", x.kind(), ' ', x.shape(), ", the first at ",
              index_of(static_cast<std::int64_t>(first), x.shape()), " is ", value);
}

}  // namespace

void Tape::check_result(const char* op, const Tensor& result, std::span<const Tensor* const> inputs) {
  if (result.impl().tape == id_) {
    scopes_.resize(nodes_.size());
    scopes_[result.impl().node] = Scope::path();
  }
  if (walk_ || is_finite(result)) return;  // a walk checks what comes back at the edge
  const std::string name = result.impl().tape == id_ ? text("node ", result.impl().node, ", its result, ")
                                                     : "its result, which is not recorded, ";
  std::string arguments;
  std::size_t argument = 0;
  for (const Tensor* input : inputs) arguments += text("; argument ", argument++, ' ', range_of(*input));
  fail(op, name, what_is_wrong(result), arguments);
}

void Tape::check_contribution(const char* op, std::uint32_t node, const Edge& edge, const Tensor& cotangent,
                              const Tensor& contribution) const {
  if (is_finite(contribution)) return;
  fail(op, "the vector-Jacobian product of ", place_of(node), " with respect to argument ", edge.argument,
       ' ', what_is_wrong(contribution), "; dy ", range_of(cotangent));
}

void Tape::check_total(const char* op, std::uint32_t node, const Tensor& total) const {
  if (!is_finite(total)) fail(op, "the sum of the cotangents of ", place_of(node), ' ', what_is_wrong(total));
}

std::string Tape::place_of(std::uint32_t node) const {
  const bool has_scope = node < scopes_.size() && !scopes_[node].empty();
  return text(nodes_[node].op ? nodes_[node].op : "a leaf", " (node ", node,
              has_scope ? ", in " + scopes_[node] : "", ')');
}

}  // namespace taper
