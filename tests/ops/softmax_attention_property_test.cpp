// softmax_attention on random problems, other ones in each run: it is softmax over the scores that a mask leaves.
#include "support/patterns.hpp"
#include <taper/core/threads.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

class SoftmaxAttention : public testing::Test, protected RandomPatterns {
 protected:
  struct Problem {
    Tensors inputs;  // float64
    AttentionOptions options;
    Tensor seen;  // (b, n, m)
    std::string names;

    Tensor operator()(const Tensors& x) const { return softmax_attention(x[0], x[1], x[2], options); }
    Tensor composed(const Tensors& x) const {
      const Tensor scores = bmm(x[0], x[1], false, true) * options.scale;
      const Tensor p =
          softmax(where(seen, scores, scalar_like(-std::numeric_limits<double>::infinity(), scores)));
      return bmm(where(seen, p, scalar_like(0, p)), x[2]);
    }
  };

  Problem random_problem(std::int64_t most) {
    const std::int64_t b = integer(1, 3), n = integer(1, most), m = integer(1, most), d = integer(1, 20);
    Problem problem{{}, {.scale = one_of({1., 0.3}), .causal = chance(0.5)}, {}, {}};
    std::vector<PatternCase> heads;
    std::vector<AttentionPattern> patterns;
    for (std::int64_t head = 0, count = one_of<std::int64_t>({1, b}); head < count; ++head) {
      heads.push_back(random_pattern(n, m));
      patterns.push_back(heads.back().pattern);
      problem.names += heads.back().name + ", ";
    }
    problem.options.pattern = per_head(patterns);
    problem.seen = dense_mask(heads, {b, n, m}, problem.options.causal);
    if (chance(0.5)) {
      problem.options.mask = filled(chance(0.5) ? Shape{b, n, m} : Shape{m}, one_of({float32, float64}),
                                    [&] { return chance(0.8) ? 1. : 0.; });
      problem.seen = where(problem.options.mask, problem.seen, scalar_like(0, problem.seen));
    }
    for (const Shape& shape : {Shape{b, n, d}, Shape{b, m, d}, Shape{b, m, integer(1, 9)}})
      problem.inputs.push_back(randn(shape, generator, float64));
    return problem;
  }

  static void expect_near(const Tensor& found, const Tensor& wanted, double tolerance) {
    const double size = std::max(1., max(abs(wanted)).item());
    expect_close(cast(found, float64) / size, wanted / size, tolerance);
  }
};

TEST_F(SoftmaxAttention, IsSoftmaxOfWhatIsShown) {
  for (int round = 0; round < 80; ++round) {
    const Problem problem = random_problem(120);
    SCOPED_TRACE(problem.names);
    for (const DType dtype : {float64, float32}) {
      SCOPED_TRACE(dtype == float64 ? "float64" : "float32");
      Tensors inputs, wide;
      for (const Tensor& input : problem.inputs) {
        inputs.push_back(cast(input, dtype));
        wide.push_back(cast(inputs.back(), float64));
      }
      const double tolerance = dtype == float64 ? 1e-12 : 1e-5;
      const Tensor y = problem(inputs), v = randn(y.shape(), generator, dtype);
      expect_near(y, problem.composed(wide), tolerance);
      const Tensors found = gradients(problem, inputs, v);
      const Tensors wanted =
          gradients([&](const Tensors& x) { return problem.composed(x); }, wide, cast(v, float64));
      for (std::size_t i = 0; i < 3; ++i) expect_near(found[i], wanted[i], tolerance);
    }
    if (HasFailure()) return;
  }
}

TEST_F(SoftmaxAttention, TheNumberOfThreadsChangesNoBit) {
  struct Restore {
    ~Restore() { set_thread_count(before); }
    int before = thread_count();
  } restore;
  for (int round = 0; round < 10; ++round) {
    const Problem problem = random_problem(200);
    SCOPED_TRACE(problem.names);
    Tensors one;
    for (const int threads : {1, 2, 5}) {
      set_thread_count(threads);
      Tensors found = gradients(problem, problem.inputs, ones(problem(problem.inputs).shape(), float64));
      found.push_back(problem(problem.inputs));
      if (threads == 1) one = found;
      for (std::size_t i = 0; i < found.size(); ++i) expect_same(found[i], one[i]);
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace taper::test
