// A float32 function: its gradients against its own float64 ones, in roundings.
#include "../fail.hpp"
#include "checker.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::gradcheck_detail {

// The float32 gradients against the float64 ones of the same f, which were compared with differences. How
// much rounding explains is measured: by how much the float64 gradients move if inputs and cotangent move by
// a rounding of float32.
void Checker::check_float32() {
  constexpr int draws = 4;
  constexpr double rounding = 0x1p-24;
  problem_.restore();
  const Values& v = cotangents_.front();
  const std::vector<Values>& wide = analytic_.front();
  std::vector<Values> moved_by;
  for (const Values& gradient : wide) moved_by.emplace_back(gradient.size());
  const auto nudged = [&](const Values& values) {
    Values result = values;
    for (double& value : result) value *= 1 + (generator_.uniform() < 0.5 ? -rounding : rounding);
    return result;
  };
  for (int draw = 0; draw < draws; ++draw) {
    for (std::size_t i = 0; i < wide.size(); ++i) problem_.put(i, nudged(problem_.original(i)));
    problem_.record();
    const std::vector<Values> there = problem_.vjp(nudged(v));
    for (std::size_t i = 0; i < wide.size(); ++i) {
      for (std::size_t j = 0; j < wide[i].size(); ++j)
        moved_by[i][j] = std::max(moved_by[i][j], std::abs(there[i][j] - wide[i][j]));
    }
  }
  problem_.restore();

  Problem as_given(op_, f_, given_, Problem::Precision::as_given);
  if (const std::size_t count = as_given.record().size(); count != v.size())
    fail(op_, "f returned ", v.size(), " elements in float64, and ", count, " in float32");
  const std::vector<Values> narrow = as_given.vjp(v);
  for (std::size_t i = 0; i < wide.size(); ++i) {
    for (std::size_t j = 0; j < wide[i].size(); ++j) {
      if (!std::isfinite(wide[i][j])) continue;  // the comparison with differences has reported it
      const double unit = moved_by[i][j] + rounding * std::abs(wide[i][j]);
      const double off = std::abs(narrow[i][j] - wide[i][j]);
      const double roundings = off == 0                         ? 0
                               : std::isfinite(off) && unit > 0 ? off / unit
                                                                : std::numeric_limits<double>::infinity();
      if (roundings > options_.float32_roundings && report_.float32_error <= options_.float32_roundings) {
        report_.mistakes.push_back(text("the float32 gradient is wrong for ", name(i), " at ",
                                        index_of(static_cast<std::int64_t>(j), given_[i].shape()), ": ",
                                        narrow[i][j], ", in float64 ", wide[i][j], ", which is ", roundings,
                                        " roundings"));
      }
      report_.float32_error = std::max(report_.float32_error, roundings);
    }
  }
}

}  // namespace taper::gradcheck_detail
