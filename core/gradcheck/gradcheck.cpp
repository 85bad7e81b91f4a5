// The ways into the checker: one result or several, second derivatives, plain C++ functions.
#include "../create.hpp"
#include "../fail.hpp"
#include "../record.hpp"
#include "checker.hpp"
#include "rounding.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace taper {

using gradcheck_detail::Checker;
using gradcheck_detail::for_each_rounding;
using gradcheck_detail::ManyToMany;
using gradcheck_detail::Tensors;

GradcheckReport gradcheck(const ManyFunction& f, const Tensors& inputs, const GradcheckOptions& options) {
  return Checker("gradcheck", f, inputs, options).run();
}

GradcheckReport gradcheck(const MultiFunction& f, const Tensors& inputs, const GradcheckOptions& options) {
  return gradcheck(ManyFunction([&f](const Tensors& x) { return Tensors{f(x)}; }), inputs, options);
}

GradcheckReport gradcheck(const Function& f, const Tensor& input, const GradcheckOptions& options) {
  return gradcheck(ManyFunction([&f](const Tensors& x) { return Tensors{f(x[0])}; }), Tensors{input},
                   options);
}

namespace {

// v . f with v as a further input: (x, v) -> v^T df/dx.
Tensors vjp_of(const MultiFunction& f, const Tensors& x_and_v) {
  std::optional<Tape> own;  // while the differences are taken, no tape records
  Tape& tape = Tape::recording() ? *Tape::recording() : own.emplace();
  const Tensors x(x_and_v.begin(), x_and_v.end() - 1);
  const Tensor y = f(x);
  if (Tape::tracks(y))
    return tape.gradient(y, x, {.create_graph = true, .cotangent = x_and_v.back().to(y.dtype())});
  Tensors none;
  for (const Tensor& input : x) none.push_back(zeros(input.shape(), input.kind()));
  return none;
}

// A sum of products, and the sum of their absolute values, to which its rounding is relative.
struct Sum {
  long double value = 0, size = 0;
  void add(const Tensor& a, const Tensor& b) {
    const std::vector<double> x = a.to_vector(), y = b.to_vector();
    for (std::size_t j = 0; j < x.size(); ++j) {
      const long double term = static_cast<long double>(x[j]) * y[j];
      value += term;
      size += std::abs(term);
    }
  }
};

// As large as x, so that products with gradients have the size of f.
Tensor direction_at(const Tensor& x, Generator& generator) {
  std::vector<double> w = x.to_vector();
  for (double& element : w) element = (2 * generator.uniform() - 1) * std::max(1.0, std::abs(element));
  return tensor(w, x.shape(), Kind(x.dtype())).to(x.device());
}

// Compares w1^T H w2 with w2^T H w1 for the Hessian H of v . f. Returns what is wrong, or nothing.
std::string asymmetry(const MultiFunction& f, const Tensors& x_and_v, std::uint64_t seed) {
  Tensors leaves;
  for (std::size_t i = 0; i + 1 < x_and_v.size(); ++i) leaves.push_back(x_and_v[i].clone().requires_grad());
  Generator generator(seed);
  Tensors w[2];
  for (Tensors& direction : w) {
    for (const Tensor& x : leaves) direction.push_back(direction_at(x, generator));
  }
  Sum first_order;
  const auto multiply = [&] {
    std::array<Sum, 2> products;  // w1' H w2 and w2' H w1
    Tape tape;
    const Tensor y = f(leaves);
    if (!Tape::tracks(y)) return products;
    const Tensors g =
        tape.gradient(y, leaves, {.create_graph = true, .cotangent = x_and_v.back().detach().to(y.dtype())});
    first_order = {};
    first_order.add(x_and_v.back(), y);
    for (const int k : {0, 1}) {
      for (std::size_t i = 0; i < g.size(); ++i) {
        if (k == 0) first_order.add(g[i], w[0][i]);
        if (!Tape::tracks(g[i])) continue;
        const Tensors row = tape.gradient(g[i], leaves, {.keep_graph = true, .cotangent = w[k][i]});  // H w_k
        for (std::size_t j = 0; j < row.size(); ++j) products[k].add(row[j], w[1 - k][j]);
      }
    }
    return products;
  };
  const std::array<Sum, 2> products = multiply();
  // If the Hessian is 0 but for rounding, the first derivatives and f itself tell how large that rounding is.
  constexpr long double roundings = 1e-8, roundings_of_less = 1e-13, few = 4;
  const long double off = std::abs(products[0].value - products[1].value);
  if (!(off > roundings * (products[0].size + products[1].size) + roundings_of_less * first_order.size))
    return "";
  long double rounding = 0;
  for_each_rounding([&] {
    const std::array<Sum, 2> other = multiply();
    for (const int k : {0, 1}) rounding = std::max(rounding, std::abs(other[k].value - products[k].value));
  });
  if (!(off > few * rounding)) return "";
  return internal::text("the Hessian of v . f is not symmetric: w1' H w2 is ", products[0].value,
                        ", w2' H w1 is ", products[1].value);
}

}  // namespace

GradcheckReport gradgradcheck(const MultiFunction& f, const Tensors& inputs,
                              const GradcheckOptions& options) {
  Tensors x_and_v = inputs;
  GradcheckOptions named = options;
  double inner = 1;  // the first derivatives may be differences of terms as large as v and f's results
  {
    const Tape::Recording off(nullptr);
    const Tensor y = f(inputs);
    for (double element : y.to_vector())
      inner = std::isfinite(element) ? std::max(inner, std::abs(element)) : inner;
    Generator generator(options.seed + 1);
    x_and_v.push_back(uniform(y.shape(), 0.5, 1.5, generator, Kind(float64, y.device())));
  }
  if (named.names.empty()) {
    for (std::size_t i = 0; i < inputs.size(); ++i)
      named.names.push_back(gradcheck_detail::text("argument ", i));
  }
  named.names.emplace_back("v (the cotangent)");
  const ManyFunction first = [&f](const Tensors& x) { return vjp_of(f, x); };
  GradcheckReport report = Checker("gradgradcheck", first, x_and_v, named, inner).run();
  if (report.doubts.empty()) {
    if (const std::string found = asymmetry(f, x_and_v, options.seed); !found.empty()) {
      report.mistakes.push_back(found);
      report.verdict = Verdict::failed;
    }
  }
  return report;
}

GradcheckReport gradgradcheck(const Function& f, const Tensor& input, const GradcheckOptions& options) {
  return gradgradcheck(MultiFunction([&f](const Tensors& x) { return f(x[0]); }), Tensors{input}, options);
}

GradcheckReport gradcheck(const std::function<double(const std::vector<double>&)>& f,
                          const std::function<std::vector<double>(const std::vector<double>&)>& gradient,
                          const std::vector<double>& x, const GradcheckOptions& options) {
  const auto as_op = [&](const Tensor& input) {
    const std::vector<double> at = input.to_vector();
    return record("f", tensor(std::vector<double>{f(at)}, {}, Kind(float64)),
                  vjp(input, [&gradient, at](const Tensor& dy) {
                    std::vector<double> dx = gradient(at);
                    if (dx.size() != at.size())
                      fail("gradcheck", "gradient returned ", dx.size(), " elements for an x of ", at.size());
                    for (double& element : dx) element *= dy.item();
                    return tensor(dx, {static_cast<std::int64_t>(dx.size())}, Kind(float64));
                  }));
  };
  GradcheckOptions named = options;
  if (named.names.empty()) named.names = {"x"};
  return gradcheck(Function(as_op), tensor(x, {static_cast<std::int64_t>(x.size())}, Kind(float64)), named);
}

}  // namespace taper
