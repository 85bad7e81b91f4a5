#include "samples.hpp"

#include "helpers.hpp"
#include <taper/core/io/safetensors.hpp>
#include <taper/core/tape.hpp>
#include <taper/ops/ops.hpp>

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Json = nlohmann::json;

// Ops that have NaN at NaN, where PyTorch has a number: the slope of abs, and so that of the mean absolute
// error, is 0 there; the second derivative of the cross entropy by logit and target is a constant.
bool has_nan_at_nan(const std::string& op) {
  return op == "abs" || op == "mean_absolute_error" || op == "binary_cross_entropy_with_logits";
}

// To ten digits, or to those of the largest finite element if that is smaller than 1. PyTorch has NaN at some
// places at which Taper has the limit: those may be finite, and the pages say so.
void expect_same(const std::string& op, const std::string& what, const Tensor& found,
                 const Tensor& expected) {
  ASSERT_EQ(found.shape(), expected.shape()) << what;
  const std::vector<double> a = found.to_vector(), b = expected.to_vector();
  double largest = 0;
  for (const double x : b) largest = std::isfinite(x) ? std::max(largest, std::abs(x)) : largest;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double tolerance = 1e-10 * std::max(std::min(largest, 1.0), std::abs(b[i]));
    const bool is_limit = std::isnan(b[i]) && std::isfinite(a[i]);
    const bool is_nan = std::isnan(a[i]) && (std::isnan(b[i]) || has_nan_at_nan(op));
    EXPECT_TRUE(a[i] == b[i] || is_limit || is_nan || std::abs(a[i] - b[i]) <= tolerance)
        << what << ", element " << i << ": " << a[i] << ", PyTorch has " << b[i];
  }
}

}  // namespace

void expect_samples(const std::string& file, const std::map<std::string, Call>& calls) {
  const State samples = load_safetensors(std::string(TAPER_GOLDEN_DIR) + "/" + file);
  std::map<std::string, int> compared;
  for (const Json& sample : Json::parse(samples.texts.at("samples"))) {
    const auto name = sample["name"].get<std::string>(), op = sample["op"].get<std::string>();
    SCOPED_TRACE(name + " " + sample["arguments"].dump());
    const auto stored = [&](const std::string& what) {
      const auto found = samples.tensors.find(name + '/' + what);
      return found == samples.tensors.end() ? Tensor() : found->second;
    };
    Tensors inputs;
    while (const Tensor input = stored("input" + std::to_string(inputs.size()))) {
      inputs.push_back(input.clone());
      inputs.back().requires_grad();
    }
    Tape tape;
    const Tensor y = calls.at(op)(inputs, sample["arguments"]);
    expect_same(op, "the value", y, stored("output"));
    ++compared[op];
    if (!stored("cotangent")) continue;
    const Tensors first = tape.gradient(y, inputs, {.create_graph = true, .cotangent = stored("cotangent")});
    Tensor total = zeros({}, float64);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::string number = std::to_string(i);
      expect_same(op, "gradient " + number, first[i], stored("gradient" + number));
      total = total + sum(stored("weight" + number) * first[i]);
    }
    Tensors second;
    if (Tape::tracks(total)) {
      second = tape.gradient(total, inputs);
    } else {  // linear: the gradient depends on no input
      for (const Tensor& input : inputs) second.push_back(zeros_like(input));
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::string number = std::to_string(i);
      expect_same(op, "second gradient " + number, second[i], stored("second" + number));
    }
  }
  for (const auto& [op, call] : calls) EXPECT_GT(compared[op], 0) << op << " has no sample";
}

}  // namespace taper::test
