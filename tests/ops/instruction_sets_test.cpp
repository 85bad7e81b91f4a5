// Every instruction set that this machine has, down to the baseline, computes the same.
#include "support/helpers.hpp"
#include "support/random_cases.hpp"
#include <taper/ops/kernels/simd.hpp>
#include <taper/taper.hpp>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>
#include <hwy/targets.h>

namespace taper::test {
namespace {

// Makes it look as if the machine had this instruction set alone; 0 brings back what it has.
void choose(std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().DeInit();
}

class InstructionSets : public testing::Test, protected RandomCases {
 protected:
  ~InstructionSets() override { choose(0); }

  // Calls compare(what f returns, what it returned first) for each instruction set.
  static void compare_all(const std::function<Tensors()>& f,
                          const std::function<void(const Tensors&, const Tensors&)>& compare) {
    Tensors first;
    for (auto rest = static_cast<std::uint64_t>(hwy::SupportedTargets() & HWY_TARGETS); rest != 0;
         rest &= rest - 1) {
      const auto target = static_cast<std::int64_t>(rest & (~rest + 1));
      SCOPED_TRACE(hwy::TargetName(target));
      choose(target);
      const Tensors found = f();
      if (first.empty()) first = found;
      compare(found, first);
    }
    choose(0);
  }

  // Normal numbers of this deviation, or multiples of 1/4 near them, which tie.
  Tensor draw(const Shape& shape, double deviation, bool is_exact, DType dtype) {
    return filled(shape, dtype, [&] {
      const double value = deviation * generator.normal();
      return is_exact ? std::round(4 * value) / 4 : value;
    });
  }

  // Each element is larger than those before, so that all of them become candidates.
  static Tensor ramp(const Shape& shape, double slope, DType dtype) {
    return filled(shape, dtype, [&, i = 0]() mutable { return 1e-4 * slope * static_cast<double>(i++); });
  }
};

TEST_F(InstructionSets, GiveTheSameBitsInTheSparseSoftmaxes) {
  for (const DType dtype : {float32, float64}) {
    for (const std::int64_t n : {1, 63, 64, 200, 2500}) {
      for (const double deviation : {0.05, 0.25, 1., 8.}) {
        const Tensor v = draw({3, n}, 1, false, dtype);
        for (const Tensor& z : {draw({3, n}, deviation, false, dtype), draw({3, n}, deviation, true, dtype),
                                ramp({3, n}, deviation, dtype)}) {
          for (const std::int64_t k : {1, 3, 8, 40, 49, 300}) {
            SCOPED_TRACE(testing::Message() << "n " << n << ", deviation " << deviation << ", k " << k);
            const auto f = [&] {
              return Tensors{sparse_softmax(z, k), topk_softmax(z, k),
                             gradient_of([k](const Tensor& x) { return sparse_softmax(x, k); }, z, v)};
            };
            compare_all(f, [](const Tensors& found, const Tensors& first) {
              for (std::size_t i = 0; i < found.size(); ++i) expect_same(found[i], first[i]);
            });
          }
        }
      }
    }
  }
}

TEST_F(InstructionSets, GiveTheSameBitsInAdam) {
  for (const DType dtype : {float32, float64}) {
    for (const std::int64_t n : {1, 7, 64, 1003}) {
      const Tensor start = draw({n}, 1, false, dtype);
      const Tensors gradients{draw({n}, 1, false, dtype), draw({n}, 1e-3, false, dtype)};
      const auto f = [&] {
        Tensor p = start.clone().requires_grad();
        optim::AdamW adam({p});
        for (const Tensor& gradient : gradients) {
          p.impl().grad = gradient;
          adam.step();
        }
        const State state = adam.state();
        return Tensors{p, state.tensors.at("0.first_moment"), state.tensors.at("0.second_moment")};
      };
      compare_all(f, [](const Tensors& found, const Tensors& first) {
        for (std::size_t i = 0; i < found.size(); ++i) expect_same(found[i], first[i]);
      });
    }
  }
}

// Elements that are no vector's worth, numbers of every size, and those for which a function is NaN.
TEST_F(InstructionSets, GiveTheSameBitsInElementaryFunctions) {
  for (const DType dtype : {float32, float64}) {
    for (const double deviation : {0.01, 1., 20., 400., 1e7}) {
      for (const std::int64_t n : {1, 7, 1003}) {
        const Tensor x = draw({n}, deviation, false, dtype);
        const auto f = [&] {
          Tensors results;
          for (Tensor (*const op)(const Tensor&) :
               {exp, expm1, log, log1p, sin, cos, erf, tanh, sigmoid, silu, softplus, log_sigmoid}) {
            const Tensor y = op(x);
            results.push_back(where(equal(y, y), y, scalar_like(-1, y)));  // the bits of a NaN say nothing
          }
          results.push_back(gradient_of(silu, x));
          return results;
        };
        compare_all(f, [](const Tensors& found, const Tensors& first) {
          for (std::size_t i = 0; i < found.size(); ++i) expect_same(found[i], first[i]);
        });
      }
    }
  }
}

// Rows and columns of every kind of length, and all that is special in a maximum.
TEST_F(InstructionSets, GiveTheSameBitsInReductions) {
  for (const DType dtype : {float32, float64}) {
    for (const std::int64_t n : {1, 3, 8, 17, 31, 64, 200, 5000}) {
      SCOPED_TRACE(n);
      Tensor x = draw({9, n, 6}, 1, false, dtype);
      const Tensor tied = draw({9, n}, 0.3, true, dtype);
      const auto f = [&] {
        Tensors results;
        for (const Axes& axes : {Axes(), Axes(0), Axes(1), Axes(2), Axes({0, 2}), Axes({1, 2})}) {
          for (const Tensor& y : {sum(x, axes), norm(x, axes), prod(x, axes), max(x, axes), min(x, axes),
                                  var(x, axes, false, {.correction = 0})})
            results.push_back(y);
        }
        for (const Tensor& zero : {0.0 * tied, -0.0 * tied}) {
          results.push_back(max(zero, 1)), results.push_back(min(zero, 1));
        }
        return results;
      };
      compare_all(f, [](const Tensors& found, const Tensors& first) {
        for (std::size_t i = 0; i < found.size(); ++i) expect_same(found[i], first[i]);
      });
    }
  }
}

// Their products fuse multiplications and additions if the set can.
TEST_F(InstructionSets, AgreeInRecurrentLayersConvolutionAndBatchNorm) {
  for (const DType dtype : {float32, float64}) {
    const double tolerance = dtype == float32 ? 1e-4 : 1e-12;
    const Tensor x = draw({5, 3, 7}, 1, false, dtype), state = draw({5, 19}, 1, false, dtype);
    const Tensor pictures = draw({2, 3, 9, 11}, 1, false, dtype),
                 weight = draw({5, 3, 2, 3}, 1, false, dtype);
    const Tensor values = draw({70, 3, 9}, 1, false, dtype), gain = draw({3}, 1, false, dtype);
    const Tensor w = draw({76, 7}, 0.3, false, dtype), u = draw({76, 19}, 0.3, false, dtype),
                 b = draw({76}, 0.3, false, dtype), c = draw({76}, 0.3, false, dtype);
    const auto layer = [](const Tensors& in) {
      const LstmStates result = lstm(in[0], in[1], in[1], {in[2], in[3], in[4], in[5]});
      return sum(square(result.outputs)) + sum(result.cell);
    };
    const auto f = [&] {
      Tensors results = gradients(layer, {x, state, w, u, b, c}, ones({}, dtype));
      for (const Tensor& g : gradients([](const Tensors& in) { return sum(square(conv2d(in[0], in[1]))); },
                                       {pictures, weight}, ones({}, dtype)))
        results.push_back(g);
      for (const Tensor& g :
           gradients([](const Tensors& in) { return sum(exp(batch_norm(in[0], in[1], in[1]).y)); },
                     {values, gain}, ones({}, dtype)))
        results.push_back(g);
      return results;
    };
    compare_all(f, [&](const Tensors& found, const Tensors& first) {
      for (std::size_t i = 0; i < found.size(); ++i) expect_close(found[i], first[i], 10 * tolerance);
    });
  }
}

// On inputs whose products are exact. (Otherwise their last digits depend on the order of the sums, and with
// them what lies at a kink.)
TEST_F(InstructionSets, GiveTheSameSupportsInSparseAttention) {
  for (const DType dtype : {float32, float64}) {
    for (const std::int64_t m : {1, 70, 1500}) {
      const Tensor queries = draw({2, 20, 11}, 1, true, dtype), keys = draw({2, m, 11}, 1, true, dtype);
      const Tensor values = draw({2, m, 13}, 1, false, dtype), v = draw({2, 20, 13}, 1, false, dtype);
      Tensor identity = zeros({m, m}, dtype);
      for (std::int64_t j = 0; j < m; ++j) {
        dispatch(dtype, [&]<class T>() { identity.mutable_data<T>()[j * (m + 1)] = 1; });
      }
      for (const std::int64_t k : {1, 8, 40}) {
        for (const double scale : {0.0625, 1.}) {
          SCOPED_TRACE(testing::Message() << "m " << m << ", k " << k << ", scale " << scale);
          const auto f = [&] {
            Tensors results = gradients(
                [&](const Tensors& x) { return sparse_attention(x[0], x[1], x[2], k, {.scale = scale}); },
                {queries, keys, values}, v);
            results.push_back(
                sparse_attention(queries, keys, broadcast_to(identity, {2, m, m}), k, {.scale = scale}));
            return results;
          };
          compare_all(f, [&](const Tensors& found, const Tensors& first) {
            expect_same(found[3], first[3]);  // P
            for (std::size_t i = 0; i < 3; ++i)
              expect_close(found[i], first[i], dtype == float32 ? 1e-4 : 1e-12);
          });
        }
      }
    }
  }
}

// Sums whose order depends on the length of a vector: the same but for rounding.
TEST_F(InstructionSets, AgreeInNormsGeluSoftmaxAndCrossEntropy) {
  for (const DType dtype : {float32, float64}) {
    for (const std::int64_t n : {1, 2, 3, 4, 7, 15, 16, 17, 100, 300, 2100}) {
      SCOPED_TRACE(n);
      const Tensors inputs{draw({70, n}, 2, false, dtype), draw({n}, 1, false, dtype),
                           draw({n}, 1, false, dtype)};
      const Tensor v = draw({70, n}, 1, false, dtype);
      std::vector<std::int64_t> labels;
      for (std::int64_t row = 0; row < 70; ++row) labels.push_back(row % n);
      // With a small epsilon a row near 0 would multiply its roundings by a thousand.
      const auto norms = [](const Tensors& x) {
        return layer_norm(x[0], x[1], x[2], 0.1) + rms_norm(x[0], x[1], 0.1);
      };
      const auto loss = [&](const Tensor& z) { return cross_entropy(z, labels, {.label_smoothing = 0.1}); };
      const auto f = [&] {
        Tensors results = gradients(norms, inputs, v);
        results.push_back(norms(inputs));
        results.push_back(loss(inputs[0]));
        results.push_back(gradient_of(loss, inputs[0]));
        results.push_back(softmax(inputs[0]));
        results.push_back(gelu(inputs[0]));
        results.push_back(gradient_of(gelu, inputs[0], v));
        return results;
      };
      compare_all(f, [&](const Tensors& found, const Tensors& first) {
        for (std::size_t i = 0; i < found.size(); ++i) {
          expect_close(found[i], first[i], dtype == float32 ? 1e-4 : 1e-12);
        }
      });
    }
  }
}

// float32 has a kernel of its own, which keeps the digits where Phi is tiny.
TEST_F(InstructionSets, KeepTheTailsOfGelu) {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const Tensor x = arange(-13, 13, 0.0137), edges = tensor({infinity, -infinity, 1e30, -1e30, 0, nan});
  const Tensor wide = cast(x, float64);
  const std::vector<double> at = wide.to_vector(), y = gelu(wide).to_vector(),
                            slope = gradient_of(gelu, wide).to_vector();
  const auto f = [&] {
    return Tensors{gelu(x), gradient_of(gelu, x), gelu(edges), gradient_of(gelu, edges)};
  };
  compare_all(f, [&](const Tensors& found, const Tensors&) {
    const std::vector<double> y32 = found[0].to_vector(), slope32 = found[1].to_vector();
    for (std::size_t i = 0; i < at.size(); ++i) {
      EXPECT_NEAR(y32[i] / y[i], 1, 1.5e-6) << "gelu of " << at[i];
      EXPECT_NEAR(slope32[i], slope[i], 1e-6) << "slope at " << at[i];
    }
    expect_values(found[2], {infinity, 0, 1e30f, 0, 0, nan}, 0);
    expect_values(found[3], {1, 0, 1, 0, 0.5, nan}, 1e-6);
  });
}

}  // namespace
}  // namespace taper::test
