// Problems for sparse_attention, drawn anew in each run, that the CUDA device and the CPU must solve alike.
#pragma once

#include "support/attention.hpp"
#include "support/helpers.hpp"
#include "support/on_cuda.hpp"
#include "support/random_cases.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace taper::test {

inline Tensors moved_to_cuda(const Tensors& tensors) {
  Tensors result;
  for (const Tensor& tensor : tensors) result.push_back(tensor.to(Device::cuda()));
  return result;
}

class CudaAttention : public OnCuda, protected RandomCases {
 protected:
  // Around the sizes at which kernels change their ways.
  std::int64_t extent(std::int64_t most) {
    return std::min(
        most, one_of<std::int64_t>({integer(1, 8), integer(30, 34), integer(120, 136), integer(1, most)}));
  }

  // 1 or the extent of the scores on each axis, with rows that hide all.
  Tensor random_mask(Shape shape, bool last_may_be_1, DType dtype) {
    for (int i = 0; i < (last_may_be_1 ? 3 : 2); ++i) shape[i] = chance(0.4) ? 1 : shape[i];
    const double density = one_of({0.02, 0.5, 0.95});
    std::int64_t at = 0;
    bool hides_all = false;
    return filled(shape, dtype, [&] {
      if (at++ % shape[2] == 0) hides_all = chance(0.1);
      return !hides_all && chance(density) ? 1. : one_of({0., -0.});
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
};

}  // namespace taper::test
