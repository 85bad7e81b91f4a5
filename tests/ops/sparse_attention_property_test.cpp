// Properties of sparse_attention on random inputs, other ones in each run: it is its composition.
#include "support/attention.hpp"
#include "support/patterns.hpp"
#include <taper/core/threads.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

struct Problem : AttentionProblem {
  double deviation = 1;                 // of the scores
  std::vector<PatternCase> heads = {};  // what options.pattern says; none: everything

  // The options with the pattern as a part of the mask.
  AttentionOptions dense() const {
    AttentionOptions result = options;
    if (heads.empty()) return result;
    const Tensor shown = dense_mask(heads, scores(), options.causal);
    result.pattern = {};
    result.mask = options.mask ? where(options.mask, shown, scalar_like(0, shown)) : shown;
    return result;
  }
  Tensor composed(const Tensors& x) const { return composed_attention(x[0], x[1], x[2], k, dense()); }
  Shape scores() const { return {inputs[0].extent(0), inputs[0].extent(1), inputs[1].extent(1)}; }
};

std::ostream& operator<<(std::ostream& out, const Problem& problem) {
  out << static_cast<const AttentionProblem&>(problem) << ", deviation " << problem.deviation;
  for (const PatternCase& head : problem.heads) out << ", " << head.name;
  return out;
}

Tensors as(DType dtype, const Tensors& tensors) {
  Tensors result;
  for (const Tensor& tensor : tensors) result.push_back(cast(tensor, dtype));
  return result;
}

class SparseAttentionProperty : public testing::Test, protected RandomPatterns {
 protected:
  // As often small as large.
  std::int64_t extent(std::int64_t most) {
    return integer(1, one_of({std::min<std::int64_t>(most, 8), most / 5, most}));
  }

  // A mask of any shape that broadcasts to (b, n, m), with rows that hide everything. What hides is 0 or -0.
  Tensor random_mask(const Shape& scores) {
    const int rank = static_cast<int>(integer(0, 3));
    Shape shape(scores.end() - rank, rank);
    for (std::int64_t& e : shape) e = chance(0.3) ? 1 : e;
    const DType dtype = one_of({float32, float64});
    const double density = one_of({0.02, 0.5, 0.95});
    std::vector<double> mask(static_cast<std::size_t>(element_count("mask", shape)));
    for (double& element : mask) {
      element = chance(density) ? 1. : one_of({0., -0.});
    }
    for (std::size_t i = 0; i < mask.size() && rank > 1; i += static_cast<std::size_t>(shape[rank - 1])) {
      if (chance(0.1)) std::fill_n(&mask[i], shape[rank - 1], 0);
    }
    return tensor(mask, shape, dtype);
  }

  // Extents, k, causal and mask; the inputs' elements are calls of `element`.
  template <class Element>
  Problem random_problem(const Shape& most, DType dtype, Element element) {
    const std::int64_t b = integer(1, most[0]), n = extent(most[1]), d = extent(most[3]), e = extent(most[4]);
    const std::int64_t m = chance(0.2) ? n : extent(most[2]);
    Problem problem{{{}, one_of<std::int64_t>({1, 2, 3, 8, 17, 100, m, m + 5}), {}}};
    problem.options.causal = chance(0.4);
    if (chance(0.6)) problem.options.mask = random_mask({b, n, m});
    if (chance(0.6)) {
      std::vector<AttentionPattern> patterns;
      for (std::int64_t head = 0, count = one_of<std::int64_t>({1, b}); head < count; ++head) {
        problem.heads.push_back(random_pattern(n, m));
        patterns.push_back(problem.heads.back().pattern);
      }
      problem.options.pattern = patterns.size() == 1 ? patterns[0] : per_head(patterns);
    }
    for (const Shape& shape : {Shape{b, n, d}, Shape{b, m, d}, Shape{b, m, e}}) {
      problem.inputs.push_back(filled(shape, dtype, element));
    }
    return problem;
  }

  // Normal scores of some deviation.
  Problem continuous(const Shape& most, DType dtype) {
    Problem problem = random_problem(most, dtype, [&] { return generator.normal(); });
    problem.deviation = one_of({0.25, 1., 8.});
    problem.options.scale = one_of({1., 0.3, -2.5});
    const double d = static_cast<double>(problem.inputs[0].extent(2));
    const double now = std::abs(problem.options.scale) * std::sqrt(d);
    problem.inputs[0] = problem.inputs[0] * (problem.deviation / now);
    return problem;
  }

  // Scores that are exact in both precisions, whatever the order of their sums, and full of ties.
  Problem on_a_grid(const Shape& most, DType dtype) {
    Problem problem = random_problem(most, dtype, [&] { return static_cast<double>(integer(-4, 4)) / 4; });
    problem.options.scale = one_of({1., 0.25, -2.});
    return problem;
  }

  // Compares with the composition in float64 on the same numbers, at the queries where `compared` (b, n, 1)
  // is 1. The others get no cotangent, so that the gradients leave them out as well.
  void expect_composition(const Problem& problem, const Tensor& compared, double tolerance) {
    const auto composed = [&](const Tensors& x) { return problem.composed(x); };
    const Tensors wide = as(float64, problem.inputs);
    const DType dtype = problem.inputs[0].dtype();
    const Tensor y = problem(problem.inputs);
    EXPECT_EQ(y.dtype(), dtype);
    const Tensor v = randn(y.shape(), generator, dtype) * cast(compared, dtype);
    // A sum of so many terms of either sign, each about 1, has partial sums of about the root
    // of their number.
    const auto expect_near = [&](const char* what, std::int64_t terms, const Tensor& found,
                                 const Tensor& wanted) {
      SCOPED_TRACE(what);
      EXPECT_EQ(found.dtype(), dtype);
      const double size = std::max(max(abs(wanted)).item(), std::sqrt(static_cast<double>(terms)));
      expect_close(cast(found, float64) / size, wanted / size, tolerance);
    };
    expect_near("values", 1, y * cast(compared, dtype), problem.composed(wide) * compared);
    const Tensors found = gradients(problem, problem.inputs, v),
                  wanted = gradients(composed, wide, cast(v, float64));
    const Shape s = problem.scores();
    expect_near("gradient of queries", std::min(problem.k, s[2]), found[0], wanted[0]);
    expect_near("gradient of keys", s[1], found[1], wanted[1]);
    expect_near("gradient of values", s[1], found[2], wanted[2]);
  }

  // The same elements of P are positive, at the queries where `compared` is 1.
  static void expect_support(const Problem& problem, const Tensor& compared) {
    const Tensors wide = as(float64, problem.inputs);
    const Row found = problem.probabilities().to_vector(), rows = compared.to_vector();
    const Row wanted = composed_probabilities(wide[0], wide[1], problem.k, problem.dense()).to_vector();
    const Shape s = problem.scores();
    const auto m = static_cast<std::size_t>(s[2]);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      std::int64_t count = 0;
      for (std::size_t j = 0; j < m; ++j) {
        ASSERT_TRUE(found[r * m + j] >= 0);
        count += found[r * m + j] > 0;
        ASSERT_TRUE(rows[r] == 0 || (found[r * m + j] > 0) == (wanted[r * m + j] > 0))
            << "query " << r << ", key " << j << ": " << found[r * m + j] << ", expected "
            << wanted[r * m + j];
      }
      ASSERT_LE(count, problem.k);
    }
  }
};

// (b, n, 1): 0 for the queries whose support rounding may change, 1 for the others. A score is a sum of d
// products, so that any order of summation errs by (d + 2) u sum_p |scale q_p k_p| at most (Higham, Accuracy
// and Stability of Numerical Algorithms, 2nd ed., section 3.1), u being half the spacing of the numbers at 1;
// tau, a mean of scores less a constant, errs no more than the worst of them. Two scores or a score and tau
// may change places if they are closer than twice that, and the reference has errors of its own.
Tensor stable_queries(const Problem& problem) {
  const Tensors x = as(float64, problem.inputs);
  const Shape s = problem.scores();
  const std::int64_t d = x[0].extent(2), m = s[2];
  const double u = problem.inputs[0].dtype() == float32 ? 0x1p-24 : 0x1p-53;
  Tensor hidden = zeros(s, float64), stable = ones({s[0], s[1], 1}, float64);
  if (const Tensor mask = problem.dense().mask) hidden = where(mask, hidden, scalar_like(1, hidden));
  if (problem.options.causal) hidden = where(seen_by_position(s[1], m), hidden, scalar_like(1, hidden));
  for (std::int64_t r = 0; r < s[0] * s[1]; ++r) {
    Row z;
    double size = 0;
    for (std::int64_t j = 0; j < m; ++j) {
      if (hidden.data<double>()[r * m + j] != 0) continue;
      const double *q = x[0].data<double>() + r * d, *key = x[1].data<double>() + (r / s[1] * m + j) * d;
      double score = 0, of_absolutes = 0;
      for (std::int64_t p = 0; p < d; ++p) score += q[p] * key[p], of_absolutes += std::abs(q[p] * key[p]);
      z.push_back(problem.options.scale * score);
      size = std::max(size, std::abs(problem.options.scale) * of_absolutes);
    }
    const double margin = 4 * static_cast<double>(d + 2) * u * size;
    std::sort(z.begin(), z.end(), std::greater<>());
    const auto selected = std::min(z.size(), static_cast<std::size_t>(problem.k));
    double total = 0, tau = 0;
    for (std::size_t j = 0; j < selected && (j == 0 || z[j] > tau); ++j) {
      total += z[j];
      tau = (total - 1) / static_cast<double>(j + 1);
    }
    bool near = selected < z.size() && z[selected - 1] - z[selected] < margin && z[selected] > tau - margin;
    for (std::size_t j = 0; j < selected; ++j) near = near || std::abs(z[j] - tau) < margin;
    if (near) stable.mutable_data<double>()[r] = 0;
  }
  return stable;
}

const Shape large{3, 200, 700, 80, 40}, small{2, 4, 5, 3, 3};  // the most b, n, m, d and e

TEST_F(SparseAttentionProperty, Float64IsTheComposition) {
  for (int round = 0; round < 60; ++round) {
    const Problem problem = continuous(large, float64);
    SCOPED_TRACE(printed(problem));
    const Tensor stable = stable_queries(problem);
    ASSERT_EQ(sum(stable).item(), static_cast<double>(stable.size())) << "nothing so close occurs by chance";
    expect_composition(problem, stable, 1e-12);
    expect_support(problem, stable);
    if (HasFailure()) return;
  }
}

TEST_F(SparseAttentionProperty, Float32IsTheComposition) {
  double queries = 0, left_out = 0;
  for (int round = 0; round < 60; ++round) {
    const Problem problem = continuous(large, float32);
    SCOPED_TRACE(printed(problem));
    const Tensor stable = stable_queries(problem);
    queries += static_cast<double>(stable.size());
    left_out += static_cast<double>(stable.size()) - sum(stable).item();
    expect_composition(problem, stable, 1e-5 * std::max(1., problem.deviation));
    expect_support(problem, stable);
    if (HasFailure()) return;
  }
  EXPECT_LE(left_out, 0.01 * queries);
}

// Every query is compared: if scores tie exactly, the lowest index wins, and z = tau is outside.
TEST_F(SparseAttentionProperty, TiesAndKinksAreThoseOfTheComposition) {
  for (int round = 0; round < 100; ++round) {
    const DType dtype = one_of({float32, float64});
    const Problem problem = on_a_grid(large, dtype);
    SCOPED_TRACE(printed(problem));
    const Shape s = problem.scores();
    const Tensor all = ones({s[0], s[1], 1}, float64);
    expect_composition(problem, all, dtype == float32 ? 1e-5 : 1e-12);
    expect_support(problem, all);
    if (HasFailure()) return;
  }
}

TEST_F(SparseAttentionProperty, TheNumberOfThreadsChangesNoBit) {
  struct Restore {
    ~Restore() { set_thread_count(before); }
    int before = thread_count();
  } restore;
  for (int round = 0; round < 20; ++round) {
    const Problem problem = continuous(large, one_of({float32, float64}));
    SCOPED_TRACE(printed(problem));
    const Tensor v = randn(problem(problem.inputs).shape(), generator, problem.inputs[0].dtype());
    Tensors one;
    for (const int threads : {1, 2, 3, 8}) {
      SCOPED_TRACE(threads);
      set_thread_count(threads);
      Tensors found = gradients(problem, problem.inputs, v);
      found.push_back(problem(problem.inputs));
      if (threads == 1) one = found;
      for (std::size_t i = 0; i < found.size(); ++i) expect_same(found[i], one[i]);
    }
    if (HasFailure()) return;
  }
}

// Whichever of queries, keys and values want a gradient, each gets the same.
TEST_F(SparseAttentionProperty, EachGradientIsTheSameWithoutTheOthers) {
  for (int round = 0; round < 20; ++round) {
    const Problem problem = continuous({2, 40, 80, 20, 20}, one_of({float32, float64}));
    SCOPED_TRACE(printed(problem));
    const Tensor v = randn(problem(problem.inputs).shape(), generator, problem.inputs[0].dtype());
    const Tensors all = gradients(problem, problem.inputs, v);
    for (unsigned wanted = 1; wanted < 8; ++wanted) {
      Tensors leaves;
      for (const Tensor& input : problem.inputs) {
        leaves.push_back(input.clone().requires_grad(wanted >> leaves.size() & 1u));
      }
      Tape tape;
      tape.backward(problem(leaves), {.cotangent = v});
      for (std::size_t i = 0; i < 3; ++i) {
        ASSERT_EQ(static_cast<bool>(leaves[i].grad()), wanted >> i & 1u);
        if (leaves[i].grad()) expect_same(leaves[i].grad(), all[i]);
      }
    }
    if (HasFailure()) return;
  }
}

// The gradient of |gradient|^2, for inputs and cotangent; and the gradient itself does not depend on whether
// it is recorded.
TEST_F(SparseAttentionProperty, SecondDerivativesAreThoseOfTheComposition) {
  for (int round = 0; round < 20; ++round) {
    Problem problem = continuous({2, 20, 60, 20, 20}, float64);
    SCOPED_TRACE(printed(problem));
    const Tensor v = randn(problem(problem.inputs).shape(), generator, float64);
    const auto second = [&](const MultiFunction& function, Tensors& first) {
      Tensors leaves = problem.inputs;
      leaves.push_back(v);
      for (Tensor& leaf : leaves) leaf = leaf.clone().requires_grad();
      Tape tape;
      first = tape.gradient(function(leaves), {leaves[0], leaves[1], leaves[2]},
                            {.create_graph = true, .cotangent = leaves[3]});
      Tensor total = scalar_like(0, v);
      for (const Tensor& gradient : first) total = total + mean(square(gradient));
      return tape.gradient(total, leaves);
    };
    Tensors first, first_wanted;
    const Tensors found = second(problem, first);
    const Tensors wanted = second([&](const Tensors& x) { return problem.composed(x); }, first_wanted);
    const Tensors unrecorded = gradients(problem, problem.inputs, v);
    for (std::size_t i = 0; i < 3; ++i) expect_same(first[i], unrecorded[i]);
    for (std::size_t i = 0; i < 4; ++i) {
      const double largest = std::max(1., max(abs(wanted[i])).item());
      expect_close(found[i] / largest, wanted[i] / largest, 1e-12);
    }
    if (HasFailure()) return;
  }
}

// A problem that depends on none of its inputs (all of it is masked) and an element at a jump are undecided,
// and the report says so.
TEST_F(SparseAttentionProperty, GradientsPassTheGradcheck) {
  constexpr int rounds = 30;
  int passed = 0;
  for (int round = 0; round < rounds; ++round) {
    const Problem problem = continuous(small, float64);
    SCOPED_TRACE(printed(problem));
    const GradcheckReport first = gradcheck(problem, problem.inputs),
                          second = gradgradcheck(problem, problem.inputs);
    ASSERT_NE(first.verdict, Verdict::failed) << first;
    ASSERT_NE(second.verdict, Verdict::failed) << second;
    passed += first.ok() && second.ok();
  }
  // About seven in ten pass, so that fewer than a third are one run in a million.
  EXPECT_GE(passed, rounds / 3);
}

}  // namespace
}  // namespace taper::test
