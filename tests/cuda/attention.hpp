// Problems for sparse_attention, drawn anew in each run, that the CUDA device and the CPU must solve alike.
#pragma once

#include "support/helpers.hpp"
#include "support/on_cuda.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <vector>

namespace taper::test {

// Queries (b, n, d), keys (b, m, d) and values (b, m, e) on the CPU, and how they are called.
struct AttentionProblem {
  Tensors inputs;
  std::int64_t k;
  AttentionOptions options;

  // The same on the device of x.
  Tensor operator()(const Tensors& x) const {
    AttentionOptions there = options;
    if (there.mask) there.mask = there.mask.to(x[0].device());
    return sparse_attention(x[0], x[1], x[2], k, there);
  }
};

inline std::ostream& operator<<(std::ostream& out, const AttentionProblem& problem) {
  out << problem.inputs[0].dtype() << " queries " << problem.inputs[0].shape() << ", keys "
      << problem.inputs[1].shape() << ", values " << problem.inputs[2].shape() << ", k " << problem.k
      << ", scale " << problem.options.scale << (problem.options.causal ? ", causal" : "");
  if (problem.options.mask) out << ", mask " << problem.options.mask.dtype() << problem.options.mask.shape();
  return out;
}

inline Tensors moved_to_cuda(const Tensors& tensors) {
  Tensors result;
  for (const Tensor& tensor : tensors) result.push_back(tensor.to(Device::cuda()));
  return result;
}

class CudaAttention : public OnCuda {
 protected:
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(generator.uniform() * static_cast<double>(high - low + 1));
  }
  bool chance(double probability) { return generator.uniform() < probability; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[integer(0, static_cast<std::int64_t>(values.size()) - 1)];
  }
  // Around the sizes at which kernels change their method.
  std::int64_t extent(std::int64_t most) {
    return std::min(
        most, one_of<std::int64_t>({integer(1, 8), integer(30, 34), integer(120, 136), integer(1, most)}));
  }
  template <class Element>
  Tensor filled(const Shape& shape, DType dtype, Element element) {
    std::vector<double> values(static_cast<std::size_t>(element_count("input", shape)));
    for (double& value : values) value = element();
    return tensor(values, shape, dtype);
  }

  // 1 or the extent of the scores on each axis, with rows that hide all.
  Tensor random_mask(Shape shape, bool last_may_be_1, DType dtype) {
    for (int i = 0; i < (last_may_be_1 ? 3 : 2); ++i) shape[i] = chance(0.4) ? 1 : shape[i];
    const double density = one_of({0.02, 0.5, 0.95});
    std::int64_t at = 0;
    bool hides_all = false;
    return filled(shape, dtype, [&] {
      if (at++ % shape[2] == 0) hides_all = chance(0.1);
      return !hides_all && chance(density) ? one_of({1., -2., std::numeric_limits<double>::quiet_NaN()})
                                           : one_of({0., -0.});
    });
  }

  // Inputs of any shape; `element(i, p)` is element p of query or key i.
  template <class Element>
  AttentionProblem random_problem(DType dtype, Element element) {
    const std::int64_t b = integer(1, 3), n = extent(200), m = chance(0.2) ? n : extent(400);
    const std::int64_t d = one_of<std::int64_t>({1, 3, 4, 8, 20, 32, 36, 64, integer(1, 100)});
    const std::int64_t e = one_of<std::int64_t>({1, 4, 7, 64, 130});
    AttentionProblem problem{{}, one_of<std::int64_t>({1, 2, 3, 8, 17, 100, m, m + 3}), {}};
    problem.options.causal = chance(0.4);
    if (chance(0.5)) problem.options.mask = random_mask({b, n, m}, false, dtype);
    for (const Shape& shape : {Shape{b, n, d}, Shape{b, m, d}}) {
      std::int64_t at = 0;
      const auto next = [&] {
        const std::int64_t i = at / d, p = at % d;
        ++at;
        return element(i, p);
      };
      problem.inputs.push_back(filled(shape, dtype, next));
    }
    problem.inputs.push_back(randn({b, m, e}, generator, dtype));
    return problem;
  }
  // Small multiples of 1/4: full of ties, and every sum of products is exact.
  AttentionProblem on_a_grid(DType dtype) {
    AttentionProblem problem =
        random_problem(dtype, [&](auto, auto) { return static_cast<double>(integer(-4, 4)) / 4; });
    problem.options.scale = one_of({1., 0.25, -2.});
    return problem;
  }
  // Each query and each key has a single element that may differ from 0: a power of two, and key(i). Each
  // score is then a single product, which is exact, and `key` chooses the order of a query's scores.
  template <class Key>
  AttentionProblem of_single_products(DType dtype, Key key) {
    AttentionProblem problem = random_problem(dtype, [](auto, auto) { return 0.; });
    for (const int which : {0, 1}) {
      Tensor& x = problem.inputs[static_cast<std::size_t>(which)];
      std::vector<double> values = x.to_vector();
      const std::int64_t d = x.extent(2);
      for (std::int64_t i = 0; i < x.size() / d; ++i) {
        values[static_cast<std::size_t>(i * d)] =
            which == 0 ? std::ldexp(1., static_cast<int>(i % 5) - 2) : key(i);
      }
      x = tensor(values, x.shape(), dtype);
    }
    return problem;
  }

  const std::uint64_t seed = fresh_seed();
  testing::ScopedTrace trace{__FILE__, __LINE__, "TAPER_SEED=" + std::to_string(seed)};
  Generator generator{seed};
};

}  // namespace taper::test
