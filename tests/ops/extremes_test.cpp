// The registry at extreme inputs: zeros, subnormals, huge numbers and infinities as one element of an input or as all
// of them, and rows of a large offset. The derivatives of the first three orders must be numbers, but for the
// exceptions in the table below; in float32 a number is wanted where float64, which holds them all, has one.
// limits_test.cpp has the exact limits of functions of one or two elements.
#include "ops/op_on_device.hpp"
#include "support/kinds.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

enum class Extreme { zero, tiny, huge, infinite, offset };

// A NaN in a derivative is accepted, or that it lacks digits: for inputs of this kind, from this order on.
struct Exception {
  std::string op;
  Extreme kind;
  int from_order;
  const char* reason;
};
const std::vector<Exception>& exceptions() {
  static const std::vector<Exception> all{
      {"pow", Extreme::infinite, 1, "the logarithm of -inf; an infinite exponent"},
      {"logsumexp", Extreme::infinite, 1,
       "softmax of +inf, or of -inf alone, is inf - inf; docs/ops/logsumexp.md"},
      {"norm", Extreme::infinite, 1, "the direction is inf / inf; docs/ops/norm.md"},
      {"norm", Extreme::tiny, 3, "1 / y^2 overflows, and differences of two such terms remain"},
      {"prod", Extreme::infinite, 2, "other factors are 0, or sums have infinities of both signs"},
      {"prod", Extreme::huge, 3, "the product overflows, and zeros of the factors' slices meet it"},
      {"prod", Extreme::offset, 3, "the product overflows, and zeros of the factors' slices meet it"},
      {"batch_norm", Extreme::infinite, 1, "the gain's infinity less its mean"},
      {"batch_norm", Extreme::huge, 2, "composed on a device: a slope of 0 times squares that overflow"},
      {"layer_norm", Extreme::infinite, 1, "the gain's infinity less its mean"},
      {"rms_norm", Extreme::infinite, 1, "the gain's infinity less its mean"},
      {"sparse_attention", Extreme::infinite, 1, "an infinite dp less its mean over the support"},
      {"sparse_attention", Extreme::offset, 1,
       "the scores themselves are rounded by hundredths, and their support moves"},
      {"softmax_attention", Extreme::infinite, 1, "an infinite dp less its mean under the probabilities"},
      {"softmax_attention", Extreme::huge, 3, "a probability of 0 times a product of scores that overflows"},
      {"softmax_attention", Extreme::offset, 1, "the scores themselves are rounded by hundredths"},
      {"sampled_matmul", Extreme::infinite, 1, "on a device W is dense, and its zeros meet the infinity"},
      {"conv2d", Extreme::infinite, 1, "zeros beside the picture times an infinite weight"},
      {"binary_cross_entropy_with_logits", Extreme::offset, 3, "targets far beyond 1, whose terms cancel"},
      {"rnn", Extreme::infinite, 1, "a saturated gate's slope of 0 times an infinite weight"},
      {"gru", Extreme::infinite, 1, "a saturated gate's slope of 0 times an infinite weight"},
      {"lstm", Extreme::infinite, 1, "a saturated gate's slope of 0 times an infinite weight"},
      {"rnn", Extreme::huge, 2, "a saturated gate's slope of 0 times a product of weights that overflows"},
      {"gru", Extreme::huge, 2, "a saturated gate's slope of 0 times a product of weights that overflows"},
      {"lstm", Extreme::huge, 2, "a saturated gate's slope of 0 times a product of weights that overflows"},
  };
  return all;
}

struct Case {
  std::string name;
  Extreme kind;
  Tensors inputs;  // float64 on the CPU
};

Tensors as(const Tensors& inputs, Kind kind) {
  Tensors result;
  for (const Tensor& x : inputs) result.push_back(cast(x.to(Device::cpu()), kind.dtype).to(kind.device));
  return result;
}

std::vector<Case> cases_of(const Variant& variant, DType dtype) {
  Generator generator(20240607);
  Tensors ordinary;
  for (const Input& input : variant.inputs) ordinary.push_back(input.draw(input.shape, generator));
  const bool narrow = dtype == float32;
  const double huge = narrow ? 1e20 : 1e155, tiny = narrow ? 1e-40 : 1e-310, offset = narrow ? 1e5 : 1e13,
               smallest = narrow ? 1.5e-45 : 5e-324;
  const std::pair<double, Extreme> values[] = {
      {0, Extreme::zero},     {-0., Extreme::zero},      {tiny, Extreme::tiny},
      {-tiny, Extreme::tiny}, {smallest, Extreme::tiny}, {huge, Extreme::huge},
      {-huge, Extreme::huge}, {inf, Extreme::infinite},  {-inf, Extreme::infinite}};
  std::vector<Case> cases;
  for (std::size_t i = 0; i < ordinary.size(); ++i) {
    const auto add = [&](const char* what, double value, Extreme kind, const auto& change) {
      Tensors inputs = ordinary;
      inputs[i] = ordinary[i].clone();
      double* const x = inputs[i].mutable_data<double>();
      for (std::int64_t j = 0; j < inputs[i].size(); ++j) x[j] = change(x[j], j);
      cases.push_back({variant.name + ", " + what + " of input " + std::to_string(i) + " = " + printed(value),
                       kind, as(as(inputs, dtype), float64)});
    };
    if (ordinary[i].size() == 0) continue;
    for (const auto& [value, kind] : values) {
      add("the first element", value, kind, [v = value](double x, std::int64_t j) { return j == 0 ? v : x; });
      add("each element", value, kind, [v = value](double, std::int64_t) { return v; });
    }
    add("the offset", offset, Extreme::offset, [=](double x, std::int64_t) { return x + offset; });
  }
  return cases;
}

Tensor weighted_sum(const Tensor& x) {
  Generator generator(5);
  return sum(x * uniform(x.shape(), 0.5, 1.5, generator, x.dtype()).to(x.device()));
}

struct Derivative {
  int order;
  std::string by;
  std::vector<double> values;
};
struct Derivatives {
  std::vector<double> value;
  std::vector<Derivative> all;
};

// Of the sum of the result, of the sum of its gradient by input i, and of that of this one's gradient by j (by i alone
// unless mixed ones are wanted), each by itself: sums of derivatives by several inputs would have infinities of both
// signs.
Derivatives derivatives(const MultiFunction& f, const Tensors& inputs, bool wants_mixed) {
  Tensors leaves;
  for (const Tensor& input : inputs) leaves.push_back(input.clone().requires_grad());
  Tape tape;
  const Tensor y = f(leaves);
  Derivatives found{y.to_vector(), {}};
  const std::function<void(const Tensor&, int, const std::string&)> differentiate =
      [&](const Tensor& x, int order, const std::string& by) {
        const Tensor total = weighted_sum(x);
        if (!Tape::tracks(total)) return;
        const Tensors gradients =
            tape.gradient(total, leaves, {.create_graph = order < 3, .keep_graph = true});
        for (std::size_t i = 0; i < gradients.size(); ++i) {
          const std::string name = by + std::to_string(i);
          found.all.push_back({order, name, gradients[i].to_vector()});
          const bool goes_on = wants_mixed || order == 1 || by.ends_with(std::to_string(i) + ", ");
          if (order < 3 && goes_on) differentiate(gradients[i], order + 1, name + ", ");
        }
      };
  differentiate(y, 1, "by ");
  return found;
}

bool has_nan(const std::vector<double>& values) {
  return std::any_of(values.begin(), values.end(), [](double x) { return std::isnan(x); });
}

// What is wrong with a float32 derivative, given float64's; empty if nothing is. A number must be one, unless float32
// can't hold it, and at an offset, which rounds no input here, it must have some digits.
std::string difference(const std::vector<double>& narrow, const std::vector<double>& wide, bool has_digits) {
  constexpr double limit = std::numeric_limits<float>::max() / 1000;
  double largest = 1e-6;
  for (const double x : wide) largest = std::abs(x) < limit ? std::max(largest, std::abs(x)) : largest;
  for (std::size_t i = 0; i < narrow.size(); ++i) {
    const bool is_wrong =
        has_digits ? !(std::abs(narrow[i] - wide[i]) <= 0.02 * largest) : !std::isfinite(narrow[i]);
    if (std::abs(wide[i]) < limit && is_wrong) return printed(narrow[i]) + " for " + printed(wide[i]);
  }
  return {};
}

// The second derivative by these two inputs, in this order; null if there is none.
const std::vector<double>* mixed(const Derivatives& found, const std::string& by) {
  for (const Derivative& derivative : found.all)
    if (derivative.by == by) return &derivative.values;
  return nullptr;
}

// If inputs have one shape and act on each other element by element, as in functions of two elements and in losses,
// the order of differentiation makes no difference.
void expect_any_order(const Derivatives& found) {
  const std::vector<double>*const ab = mixed(found, "by 0, 1"), *const ba = mixed(found, "by 1, 0");
  if (!ab || !ba) return;
  for (std::size_t i = 0; i < ab->size(); ++i) {
    const double p = (*ab)[i], q = (*ba)[i];
    const bool is_same = p == q || (std::isnan(p) && std::isnan(q)) || std::abs(p - q) <= 1e-5 * std::abs(p);
    EXPECT_TRUE(is_same) << "element " << i << ": " << p << " or " << q << ", by the order";
  }
}

class Extremes : public TestOfOp {
 protected:
  bool is_excepted(Extreme kind, int order) const {
    return std::any_of(exceptions().begin(), exceptions().end(), [&](const Exception& exception) {
      return exception.op == op && exception.kind == kind && order >= exception.from_order;
    });
  }

  const std::string& op = row.op;
};

// Sums over broadcast axes have infinities of both signs; functions of two elements are checked without.
bool broadcasts(const std::string& family, const Variant& variant) {
  for (const Input& input : variant.inputs) {
    if (family == "elementwise" && !(input.shape == variant.inputs[0].shape)) return true;
  }
  return false;
}

TEST_P(Extremes, DerivativesOfThreeOrdersAreNumbers) {
  // Each takes long on the emulator, and with the many inputs of recurrent layers, which are composed on a device.
  const bool is_recurrent = row.family == "recurrent";
  int left = device.is_cpu() ? is_recurrent ? 2 : 100 : is_recurrent ? 0 : 1;
  for (const Variant& variant : row.variants) {
    if (broadcasts(row.family, variant) || left-- <= 0) continue;
    const bool wants_mixed = variant.inputs.size() <= 3 && device.is_cpu();  // else they take too long
    for (const DType dtype : {float32, float64}) {
      for (const Case& c : cases_of(variant, dtype)) {
        SCOPED_TRACE(printed(dtype) + ", " + c.name);
        const Derivatives found = derivatives(variant.f, as(c.inputs, {dtype, device}), wants_mixed);
        const std::string& family = row.family;
        if (family == "elementwise" || family == "losses") expect_any_order(found);
        if (has_nan(found.value)) continue;  // nor has the value a limit
        const bool has_reference = dtype == float32 && c.kind != Extreme::infinite;
        const Derivatives wide =
            has_reference ? derivatives(variant.f, c.inputs, wants_mixed) : Derivatives();
        for (std::size_t i = 0; i < found.all.size(); ++i) {
          const Derivative& derivative = found.all[i];
          if (is_excepted(c.kind, derivative.order)) continue;
          const std::string wrong =
              has_reference ? difference(derivative.values, wide.all[i].values, c.kind == Extreme::offset)
              : has_nan(derivative.values) ? "NaN"
                                           : "";
          EXPECT_EQ(wrong, "") << op << ", order " << derivative.order << ", " << derivative.by;
        }
      }
    }
  }
}

struct EmptyAxis : Kinds {};

// Over an axis without elements no gradient has an element, and so none depends on the cotangent.
TEST_P(EmptyAxis, HasSecondDerivativesOfZero) {
  using Reducing = std::function<Tensor(const Tensor&)>;
  const std::pair<const char*, Reducing> functions[] = {
      {"cumsum", [](const Tensor& x) { return sum(cumsum(x, 0), 0); }},
      {"logsumexp", [](const Tensor& x) { return logsumexp(x, 0); }},
      {"mean", [](const Tensor& x) { return mean(x, 0); }},
      {"mean of all", [](const Tensor& x) { return broadcast_to(mean(x), {2}); }},
      {"norm", [](const Tensor& x) { return norm(x, 0); }},
      {"prod", [](const Tensor& x) { return prod(x, 0); }},
      {"softmax", [](const Tensor& x) { return sum(softmax(x, 0), 0); }},
      {"stddev", [](const Tensor& x) { return stddev(x, 0); }},
      {"sum", [](const Tensor& x) { return sum(x, 0); }},
      {"var", [](const Tensor& x) { return var(x, 0); }},
      {"mean squared error", [](const Tensor& x) { return broadcast_to(nn::mean_squared_error(x, x), {2}); }},
  };
  for (const auto& [name, f] : functions) {
    SCOPED_TRACE(name);
    Tensor x = leaf(zeros({0, 2})), v = leaf(ones({2}));
    Tape tape;
    const Tensor dx = tape.gradient(sum(f(x) * v), {x}, {.create_graph = true})[0];
    EXPECT_EQ(dx.shape(), x.shape());
    if (Tape::tracks(dx)) expect_values(tape.gradient(sum(dx), {v})[0], {0, 0}, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Everywhere, EmptyAxis, all_kinds);

// The losses, which are no rows of the registry.
const std::vector<OpRow>& losses() {
  static const std::vector<OpRow> all = [] {
    using Loss = std::function<Tensor(const Tensor&, const Tensor&)>;
    std::vector<OpRow> rows;
    const auto add = [&](const char* name, const Draw& draw, const Loss& loss) {
      const Variant variant{name,
                            [loss](const Tensors& x) { return loss(x[0], x[1]); },
                            {},
                            {{{3, 4}, distinct}, {{3, 4}, draw}}};
      rows.push_back({.op = name, .variants = {variant}, .family = "losses"});
    };
    add("mean_squared_error", between(-1, 1), nn::mean_squared_error);
    add("mean_absolute_error", between(-1, 1), nn::mean_absolute_error);
    add("huber_loss", between(-1, 1), [](const Tensor& a, const Tensor& b) { return nn::huber_loss(a, b); });
    add("binary_cross_entropy_with_logits", between(0.1, 0.9), nn::binary_cross_entropy_with_logits);
    add("kl_divergence", between(0.1, 0.9), nn::kl_divergence);
    rows.push_back({.op = "sparsemax_loss",
                    .variants = {{"rows",
                                  [](const Tensors& x) {
                                    return nn::sparsemax_loss(x[0], {0, 2, 1});
                                  },
                                  {},
                                  {{{3, 4}, distinct}}}},
                    .family = "losses"});
    return rows;
  }();
  return all;
}

std::vector<OpOnDevice> all_on(Device device) {
  std::vector<OpOnDevice> all = on_device(registry(), device);
  for (const OpOnDevice& loss : on_device(losses(), device)) all.push_back(loss);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Registry, Extremes, testing::ValuesIn(all_on(Device::cpu())), name_of_op);
INSTANTIATE_TEST_SUITE_P(RegistryOnCuda, Extremes, testing::ValuesIn(all_on(Device::cuda())), name_of_op);

}  // namespace
}  // namespace taper::test
