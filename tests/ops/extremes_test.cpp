// The registry at extreme inputs: first, second and third derivatives at zeros, subnormals, huge numbers and
// infinities, and at rows of a large offset, in both dtypes, on every device.
#include "ops/registry.hpp"

#include <taper/cuda/device.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

// The value, and with respect to each input the gradient of the first order, of the weighted sum of that, and so on.
struct Derivatives {
  Tensor value;
  std::vector<Tensors> orders;
};

Tensor weighted_sum(const Tensor& x) {
  Generator generator(5);
  return sum(x * uniform(x.shape(), 0.5, 1.5, generator, x.dtype()).to(x.device()));
}

Derivatives derivatives(const MultiFunction& f, const Tensors& inputs) {
  Tensors leaves;
  for (const Tensor& input : inputs) leaves.push_back(input.clone().requires_grad());
  Tape tape;
  Derivatives found{f(leaves), {}};
  Tensor total = weighted_sum(found.value);
  for (int order = 1; order <= 3 && Tape::tracks(total); ++order) {
    const Tensors gradients = tape.gradient(total, leaves, {.create_graph = true});
    total = weighted_sum(gradients[0]);
    for (std::size_t i = 1; i < gradients.size(); ++i) total = total + weighted_sum(gradients[i]);
    found.orders.push_back(gradients);
  }
  return found;
}

Tensors as(const Tensors& inputs, Kind kind) {
  Tensors result;
  for (const Tensor& input : inputs) result.push_back(cast(input.to(Device::cpu()), kind.dtype).to(kind.device));
  return result;
}

bool has_nan(const Tensor& x) {
  for (const double value : x.to_vector())
    if (std::isnan(value)) return true;
  return false;
}

struct Case {
  std::string name;
  Tensors inputs;  // float64 on the CPU
  bool is_finite;
};

// Input i of the variant with `value` as its first element, or as all of them; or shifted by it.
std::vector<Case> cases_of(const Variant& variant, DType dtype) {
  Generator generator(20240607);
  Tensors ordinary;
  for (const Input& input : variant.inputs) ordinary.push_back(input.draw(input.shape, generator));
  std::vector<Case> cases;
  const auto add = [&](const std::string& name, std::size_t i, double value, const auto& change) {
    Tensors inputs = ordinary;
    inputs[i] = ordinary[i].clone();
    double* const x = inputs[i].mutable_data<double>();
    for (std::int64_t j = 0; j < inputs[i].size(); ++j) x[j] = change(x[j], j);
    cases.push_back({"input " + std::to_string(i) + ", " + name + " " + printed(value), as(as(inputs, dtype), float64),
                     std::isfinite(value)});
  };
  const double huge = dtype == float32 ? 1e20 : 1e155, tiny = dtype == float32 ? 1e-40 : 1e-310;
  const double smallest = dtype == float32 ? 1.5e-45 : 5e-324, offset = dtype == float32 ? 1e5 : 1e13;
  for (std::size_t i = 0; i < ordinary.size(); ++i) {
    if (ordinary[i].size() == 0) continue;
    for (const double value : {0., -0., tiny, -tiny, smallest, huge, -huge, inf, -inf}) {
      add("first element", i, value, [=](double x, std::int64_t j) { return j == 0 ? value : x; });
      if (ordinary[i].size() > 1) add("all", i, value, [=](double, std::int64_t) { return value; });
    }
    add("offset", i, offset, [=](double x, std::int64_t) { return x + offset; });
  }
  return cases;
}

struct OpOnDevice {
  const OpRow* row;
  Device device;
};
void PrintTo(const OpOnDevice& op, std::ostream* out) { *out << op.row->op << " on " << op.device; }

class Extremes : public testing::TestWithParam<OpOnDevice> {
 protected:
  void SetUp() override {
    if (!GetParam().device.is_cpu() && !cuda::available()) GTEST_SKIP() << "no CUDA device";
  }
};

TEST_P(Extremes, Walk) {
  std::map<std::string, int> seen;
  for (const Variant& variant : GetParam().row->variants) {
    for (const DType dtype : {float32, float64}) {
      for (const Case& c : cases_of(variant, dtype)) {
        Derivatives found;
        try { found = derivatives(variant.f, as(c.inputs, {dtype, GetParam().device})); } catch (const Error& e) { printf("ERR %s %s\n", GetParam().row->op.c_str(), e.what()); continue; }
        if (has_nan(found.value)) continue;
        Derivatives wide;
        if (dtype == float32) wide = derivatives(variant.f, c.inputs);
        for (std::size_t order = 0; order < found.orders.size(); ++order) {
          for (std::size_t i = 0; i < c.inputs.size(); ++i) {
            const auto a = found.orders[order][i].to_vector();
            std::string what;
            if (dtype == float64 || !c.is_finite) {
              for (double v : a) if (std::isnan(v)) what = "NaN";
            } else {
              const auto b = wide.orders.size() > order ? wide.orders[order][i].to_vector() : std::vector<double>(a.size(), 0.);
              double largest = 0;
              for (double v : b) if (std::abs(v) < 3e38) largest = std::max(largest, std::abs(v));
              for (std::size_t j = 0; j < a.size(); ++j) {
                const double e = static_cast<double>(static_cast<float>(b[j]));
                if (std::isnan(a[j]) && !std::isnan(e)) what = "NaN for " + printed(b[j]);
                else if (std::isnan(e)) what = "f64 NaN, f32 " + printed(a[j]);
                else if (std::isinf(a[j]) && a[j] != e) { if (what.empty()) what = "inf for " + printed(b[j]); }
                else if (std::isinf(e) && a[j] != e) { if (what.empty()) what = printed(a[j])+ " for inf "; }
                else if (std::isfinite(e) && std::abs(a[j]-e) > 2e-2 * std::max(largest, 1e-30)) { if (what.empty()) what = printed(a[j]) + " not " + printed(b[j]) + " largest " + printed(largest); }
              }
            }
            if (!what.empty()) {
              const std::string key = GetParam().row->op + " " + (dtype == float32 ? "f32" : "f64") + " order " + std::to_string(order + 1) + " d" + std::to_string(i) + ", " + c.name;
              if (++seen[key] <= 1) printf("%s | %s | %s\n", key.c_str(), what.c_str(), variant.name.c_str());
            }
          }
        }
      }
    }
  }
}

std::vector<OpOnDevice> all_rows_on(Device device) {
  std::vector<OpOnDevice> all;
  for (const OpRow& op_row : registry()) all.push_back({&op_row, device});
  return all;
}
INSTANTIATE_TEST_SUITE_P(Registry, Extremes, testing::ValuesIn(all_rows_on(Device::cpu())),
                         [](const auto& info) { return info.param.row->op; });
INSTANTIATE_TEST_SUITE_P(RegistryOnCuda, Extremes, testing::ValuesIn(all_rows_on(Device::cuda())),
                         [](const auto& info) { return info.param.row->op; });

}  // namespace
}  // namespace taper::test
