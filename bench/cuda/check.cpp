// Attention on the device compared with the CPU's: Example 3 of the zeta.ops page, and a size at which every
// path through the kernels is taken.
#include "timings.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

using namespace taper;

namespace bench {
namespace {

using Tensors = std::vector<Tensor>;

// The output and the gradients of queries, keys and values.
Tensors results_of(const std::function<Tensor(const Tensors&)>& f, const Tensors& inputs, Kind kind,
                   const Tensor& cotangent) {
  Tensors leaves;
  for (const Tensor& x : inputs) leaves.push_back(cast(x.to(kind.device), kind.dtype).requires_grad());
  Tape tape;
  const Tensor y = f(leaves);
  Tensors results = tape.gradient(y, leaves, {.cotangent = cast(cotangent.to(kind.device), kind.dtype)});
  results.insert(results.begin(), y);
  return results;
}

// Prints, for each result, ||a - b|| / ||b|| and the largest |a_i - b_i| over the largest |b_i|. `by_norm`
// says which of the two must stay below the bound. NaN does not.
bool agree(const std::string& what, const Tensors& found, const Tensors& wanted, bool by_norm, double bound) {
  bool all_agree = true;
  const char* names[] = {"output", "d queries", "d keys", "d values"};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::vector<double> a = found[i].to_vector(), b = wanted[i].to_vector();
    double error = 0, norm = 0, largest_error = 0, largest = 0;
    for (std::size_t j = 0; j < a.size(); ++j) {
      const double difference = a[j] - b[j];
      error += difference * difference, norm += b[j] * b[j];
      largest_error = std::fmax(largest_error, std::abs(difference));
      largest = std::fmax(largest, std::abs(b[j]));
    }
    const double by_largest = largest_error / largest, of_norm = std::sqrt(error / norm);
    const bool agrees = std::isfinite(of_norm) && (by_norm ? of_norm : by_largest) <= bound;
    std::printf(
        "%s: %s: difference %.2e of the norm, %.2e of the largest element; at most %.0e of the %s: %s\n",
        what.c_str(), names[i], of_norm, by_largest, bound, by_norm ? "norm" : "largest",
        agrees ? "ok" : "WRONG");
    all_agree = all_agree && agrees;
  }
  return all_agree;
}

}  // namespace

bool check_device(std::int64_t heads, std::int64_t rows) {
  const Device cuda = Device::cuda();
  bool all_agree = true;

  Generator generator(0);
  Tensors example;  // that of examples/08_sparse_attention.cpp
  for (int i = 0; i < 3; ++i) example.push_back(randn({2, 3, 5}, generator));
  for (const auto method : {nn::AttentionMethod::fused, nn::AttentionMethod::composed}) {
    const nn::SparseAttention attention(2, {.method = method});
    const auto f = [&](const Tensors& x) { return attention(x[0], x[1], x[2]); };
    const Tensor cotangent = ones({2, 3, 5});
    all_agree &= agree(method == nn::AttentionMethod::fused ? "Example 3, fused" : "Example 3, composed",
                       results_of(f, example, {float32, cuda}, cotangent),
                       results_of(f, example, float32, cotangent), false, 1e-6);
  }

  Tensors large;
  for (int i = 0; i < 4; ++i) large.push_back(randn({heads, rows, 64}, generator));
  const Tensor cotangent = large.back();
  large.pop_back();
  struct Case {
    const char* name;
    double deviation;  // of the scores: at 1/4 k bounds the support, at 1 it does not
    bool causal;
  };
  for (const Case& c : {Case{"deviation 1/4", 0.25, false}, {"deviation 1", 1, false}, {"causal", 1, true}}) {
    const auto f = [&c](const Tensors& x) {
      return sparse_attention(x[0], x[1], x[2], 16, {.scale = c.deviation / 8, .causal = c.causal});
    };
    const Tensors wide = results_of(f, large, {float64, cuda}, cotangent);
    all_agree &= agree(c.name + std::string(", float64"), wide, results_of(f, large, float64, cotangent),
                       false, 1e-10);
    // In float32, rounding decides which keys a few queries in many thousands keep, and many more queries if
    // k bounds the support.
    const Tensors narrow = results_of(f, large, {float32, cuda}, cotangent);
    if (c.deviation == 1) all_agree &= agree(c.name + std::string(", float32"), narrow, wide, true, 1e-3);
    const Tensors again = results_of(f, large, {float32, cuda}, cotangent);
    for (std::size_t i = 0; i < again.size(); ++i) {
      if (again[i].to_vector() == narrow[i].to_vector()) continue;
      std::printf("%s, float32: a second run has other bits: WRONG\n", c.name);
      all_agree = false;
    }
  }
  return all_agree;
}

}  // namespace bench
