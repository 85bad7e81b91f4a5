// sparse_attention on the CUDA device against the CPU: the same support and the same probabilities, bit for
// bit, if the scores are exact, and derivatives to rounding. Cases are drawn anew in each run: a failure
// prints the seed; set TAPER_SEED to it to repeat the run.
#include "cuda/attention.hpp"

#include <taper/core/memory/device_memory.hpp>
#include <taper/ops/kernels/attention/select_keys.hpp>

#include <cstring>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

void expect_same_probabilities(const AttentionProblem& problem) {
  expect_same(problem.probabilities(Device::cuda()), problem.probabilities());
}

// |x| in float64, and 0 for what isn't finite.
Tensor finite_magnitudes(const Tensor& x) {
  std::vector<double> values = x.to_vector();
  for (double& value : values) value = std::isfinite(value) ? std::abs(value) : 0;
  return tensor(values, x.shape(), float64);
}

// Each element within tolerance * max(1, size) of what is wanted.
void expect_near(const char* what, const Tensor& found, const Tensor& wanted, const Tensor& sizes,
                 double tolerance) {
  SCOPED_TRACE(what);
  EXPECT_EQ(found.device(), Device::cuda());
  const Tensor unit = maximum(sizes, ones({1}, float64));
  expect_close(cast(found.to(Device::cpu()), float64) / unit, cast(wanted, float64) / unit, tolerance);
}

// Result and gradients, all of them sums: P V, scale dS K, scale dS^T Q and P^T dY. Terms that cancel leave
// their rounding behind, so that an element is measured by its terms' magnitudes. With S the support and
// dP = dY V^T, dS is S (dP - the mean of dP over the row's support).
void expect_close_to_cpu(const AttentionProblem& problem, Generator& generator, double tolerance) {
  const Tensor y = problem(problem.inputs);
  const Tensor dy = randn(y.shape(), generator, y.dtype());
  const Tensors found = gradients(problem, moved_to_cuda(problem.inputs), dy.to(Device::cuda()));
  const Tensors wanted = gradients(problem, problem.inputs, dy);
  const auto transposed = [](const Tensor& x) { return transpose(x, -1, -2); };
  const Tensor one = ones({1}, float64);
  const Tensor q = finite_magnitudes(problem.inputs[0]), k = finite_magnitudes(problem.inputs[1]),
               v = finite_magnitudes(problem.inputs[2]), d = finite_magnitudes(dy),
               p = finite_magnitudes(problem.probabilities());
  const Tensor support = where(p, one, zeros({1}, float64)), dp = support * bmm(d, transposed(v));
  const Tensor mean = sum(dp, {2}, true) / maximum(sum(support, {2}, true), one);
  const Tensor ds = std::abs(problem.options.scale) * (dp + support * mean);
  expect_near("values", problem(moved_to_cuda(problem.inputs)), y, bmm(p, v), tolerance);
  expect_near("gradient of queries", found[0], wanted[0], bmm(ds, k), tolerance);
  expect_near("gradient of keys", found[1], wanted[1], bmm(transposed(ds), q), tolerance);
  expect_near("gradient of values", found[2], wanted[2], bmm(transposed(p), d), tolerance);
}

double tolerance(DType dtype) { return dtype == float32 ? 1e-5 : 1e-12; }

TEST_F(CudaAttention, TiesAreThoseOfTheCpu) {
  for (int round = 0; round < 30; ++round) {
    const DType dtype = one_of({float32, float64});
    const AttentionProblem problem = on_a_grid(dtype);
    SCOPED_TRACE(printed(problem));
    expect_same_probabilities(problem);
    expect_close_to_cpu(problem, generator, tolerance(dtype));
    if (HasFailure()) return;
  }
}

TEST_F(CudaAttention, ExactScoresHaveTheProbabilitiesOfTheCpu) {
  for (int round = 0; round < 40; ++round) {
    const DType dtype = one_of({float32, float64});
    const double width = one_of({0.05, 1., 30., 1e30});
    const AttentionProblem problem =
        of_single_products(dtype, [&](auto) { return width * generator.normal(); });
    SCOPED_TRACE(printed(problem));
    expect_same_probabilities(problem);
    if (HasFailure()) return;
  }
}

// Every key is better than those before it, or worse, or all are equal, or come in runs: the candidates of a
// row have to be pruned again and again.
TEST_F(CudaAttention, OrderedScoresHaveTheProbabilitiesOfTheCpu) {
  for (int round = 0; round < 25; ++round) {
    const DType dtype = one_of({float32, float64});
    const double step = one_of({0., 1e-7, 1. / 4096, -1. / 4096, 0.25, -0.25});
    const std::int64_t run = one_of<std::int64_t>({1, 2, 50, 1000});
    const AttentionProblem problem =
        of_single_products(dtype, [&](std::int64_t i) { return step * static_cast<double>(i % 977 / run); });
    SCOPED_TRACE(printed(problem) + ", step " + printed(step) + ", runs of " + printed(run));
    expect_same_probabilities(problem);
    if (HasFailure()) return;
  }
}

TEST_F(CudaAttention, DerivativesAreThoseOfTheCpu) {
  for (int round = 0; round < 20; ++round) {
    AttentionProblem problem = random_problem(float64, [&](auto, auto) { return generator.normal(); });
    problem.options.scale =
        one_of({1., 0.3, -2.5}) / std::sqrt(static_cast<double>(problem.inputs[0].extent(2)));
    SCOPED_TRACE(printed(problem));
    expect_close_to_cpu(problem, generator, 1e-12);
    if (HasFailure()) return;
  }
}

TEST_F(CudaAttention, SecondDerivativesAreThoseOfTheCpu) {
  for (int round = 0; round < 10; ++round) {
    const AttentionProblem problem = random_problem(float64, [&](auto, auto) { return generator.normal(); });
    SCOPED_TRACE(printed(problem));
    Tensors cpu = problem.inputs;
    const Shape result{cpu[0].extent(0), cpu[0].extent(1), cpu[2].extent(2)};
    cpu.push_back(randn(result, generator, float64));
    Tensors directions;
    for (int i = 0; i < 3; ++i)
      directions.push_back(randn(cpu[static_cast<std::size_t>(i)].shape(), generator, float64));
    // For each gradient: those of (direction . gradient) for queries, keys, values and cotangent.
    const auto second = [&](const Tensors& inputs, Device device) {
      Tensors leaves, all;
      for (const Tensor& input : inputs) leaves.push_back(input.to(device).clone().requires_grad());
      Tape tape;
      const Tensors first =
          tape.gradient(problem({leaves[0], leaves[1], leaves[2]}), {leaves[0], leaves[1], leaves[2]},
                        {.create_graph = true, .cotangent = leaves[3]});
      for (std::size_t i = 0; i < 3; ++i) {
        for (const Tensor& gradient :
             tape.gradient(first[i], leaves, {.keep_graph = true, .cotangent = directions[i].to(device)})) {
          all.push_back(gradient.to(Device::cpu()));
        }
      }
      return all;
    };
    const Tensors found = second(cpu, Device::cuda()), wanted = second(cpu, Device::cpu());
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      SCOPED_TRACE(i);
      const double largest = std::max(1., max(abs(wanted[i])).item());
      expect_close(found[i] / largest, wanted[i] / largest, 1e-12);
    }
    if (HasFailure()) return;
  }
}

// Many queries are worked on together, few are not: each gets the same bits.
TEST_F(CudaAttention, AQueryDoesNotDependOnTheOthers) {
  for (int round = 0; round < 20; ++round) {
    AttentionProblem problem = random_problem(float32, [&](auto, auto) { return generator.normal(); });
    problem.options = {.scale = 0.4};
    SCOPED_TRACE(printed(problem));
    const Tensor all = problem(moved_to_cuda(problem.inputs)).to(Device::cpu());
    const std::int64_t n = all.extent(1);
    for (std::int64_t i = 0; i < n; i += 31) {
      Tensors some = problem.inputs;
      const std::int64_t end = std::min(i + 31, n);
      some[0] = slice(some[0], 1, i, end);
      expect_same(problem(moved_to_cuda(some)), slice(all, 1, i, end));
    }
    if (HasFailure()) return;
  }
}

TEST_F(CudaAttention, TwoRunsHaveTheSameBits) {
  for (int round = 0; round < 10; ++round) {
    const AttentionProblem problem =
        random_problem(one_of({float32, float64}), [&](auto, auto) { return generator.normal(); });
    SCOPED_TRACE(printed(problem));
    const Tensors inputs = moved_to_cuda(problem.inputs);
    const Tensor y = problem(inputs), v = randn(y.shape(), generator, y.dtype()).to(Device::cuda());
    expect_same(problem(inputs), y);
    const Tensors once = gradients(problem, inputs, v), again = gradients(problem, inputs, v);
    for (std::size_t i = 0; i < 3; ++i) expect_same(again[i], once[i]);
    if (HasFailure()) return;
  }
}

// Heads of every size, on the way that their size takes.
TEST_F(CudaAttention, HeadSizes) {
  for (const std::int64_t d : {1, 2, 3, 4, 31, 32, 33, 36, 60, 64, 68, 100, 128, 192, 256, 260, 512}) {
    const auto small = [&] { return static_cast<double>(integer(-2, 2)) / 4; };
    const AttentionProblem problem{{filled({1, 40, d}, float32, small), filled({1, 150, d}, float32, small),
                                    randn({1, 150, d}, generator)},
                                   5,
                                   {.scale = 0.5, .causal = true}};
    SCOPED_TRACE(printed(problem));
    expect_same_probabilities(problem);
    expect_close_to_cpu(problem, generator, 1e-5);
  }
}

// Kernel by kernel, with what no op shows: the sorted pattern, and 0 in the slots that are not used.
TEST_F(CudaAttention, EachKernelIsThatOfTheCpu) {
  for (int round = 0; round < 30; ++round) {
    const DType dtype = one_of({float32, float64});
    AttentionProblem problem = on_a_grid(dtype);
    const bool has_nan = chance(0.3);
    if (has_nan) {
      std::vector<double> values = problem.inputs[0].to_vector();
      values[static_cast<std::size_t>(integer(0, problem.inputs[0].size() - 1))] = nan;
      problem.inputs[0] = tensor(values, problem.inputs[0].shape(), dtype);
    }
    SCOPED_TRACE(printed(problem) + (has_nan ? ", with a NaN" : ""));
    const Shape q = problem.inputs[0].shape();
    const std::int64_t m = problem.inputs[1].extent(1), k = std::min(problem.k, m);
    const Tensor left = problem.inputs[0], right = problem.inputs[1],
                 weights = randn({q[0], q[1], k}, generator, dtype);
    struct Results {
      std::vector<std::int32_t> sizes, rows, has_nan_row;
      std::vector<std::int64_t> starts, slots;
      Tensors tensors;
    };
    const auto results_on = [&](Device device) {
      kernels::SparsePattern pattern(device, q[0], q[1], m, k);
      kernels::Visibility visibility{problem.options.causal};
      if (problem.options.mask) visibility.mask = problem.options.mask.to(device);
      const Tensor x = left.to(device), y = right.to(device), w = weights.to(device);
      const Tensor p = kernels::select_keys(x, y, problem.options.scale, visibility, pattern).probabilities;
      const auto& t = pattern.transposed();
      Results r{pattern.sizes.to_vector(),
                t.rows.to_vector(),
                t.has_nan_row.to_vector(),
                t.starts.to_vector(),
                t.slots.to_vector(),
                {p, kernels::gather_rows(pattern, w, y), kernels::scatter_rows(pattern, w, x),
                 kernels::dot_products(pattern, x, y), kernels::centered(pattern, w, 0.5)}};
      for (Tensor& result : r.tensors) result = result.to(Device::cpu());
      // Nothing is set after the entries.
      std::vector<std::int32_t> rows;
      std::vector<std::int64_t> slots;
      for (std::int64_t b = 0; b < q[0]; ++b) {
        for (auto i = r.starts[static_cast<std::size_t>(b * (m + 1))];
             i < r.starts[static_cast<std::size_t>(b * (m + 1) + m)]; ++i) {
          rows.push_back(r.rows[static_cast<std::size_t>(i)]);
          slots.push_back(r.slots[static_cast<std::size_t>(i)]);
        }
      }
      r.rows = rows, r.slots = slots;
      return r;
    };
    const Results found = results_on(Device::cuda()), wanted = results_on(Device::cpu());
    EXPECT_EQ(found.sizes, wanted.sizes);
    EXPECT_EQ(found.starts, wanted.starts);
    EXPECT_EQ(found.slots, wanted.slots);
    EXPECT_EQ(found.rows, wanted.rows);
    EXPECT_EQ(found.has_nan_row, wanted.has_nan_row);
    for (std::size_t i = 0; i < found.tensors.size(); ++i) {
      SCOPED_TRACE(i);
      expect_close(found.tensors[i], wanted.tensors[i], 10 * tolerance(dtype));
    }
    if (HasFailure()) return;
  }
}

// Which rows a score of NaN or an infinity makes NaN, and which not. In float32 two numbers of 1e30 make a
// score of infinity; a gradient's single products stay finite, fused with the sum or not.
TEST_F(CudaAttention, NaNAndInfinities) {
  for (int round = 0; round < 25; ++round) {
    const DType dtype = one_of({float32, float64});
    AttentionProblem problem = on_a_grid(dtype);
    for (const std::size_t which : {std::size_t{0}, std::size_t{1}}) {
      std::vector<double> values = problem.inputs[which].to_vector();
      for (std::int64_t bad = integer(0, 2); bad > 0; --bad) {
        values[static_cast<std::size_t>(integer(0, problem.inputs[which].size() - 1))] =
            one_of({nan, inf, -inf, 1e30, -1e30});
      }
      problem.inputs[which] = tensor(values, problem.inputs[which].shape(), dtype);
    }
    SCOPED_TRACE(printed(problem));
    expect_close_to_cpu(problem, generator, tolerance(dtype));
    if (HasFailure()) return;
  }
}

TEST_F(CudaAttention, MasksOfAnyShapeAndDtype) {
  for (int round = 0; round < 30; ++round) {
    const DType dtype = one_of({float32, float64});
    AttentionProblem problem = on_a_grid(dtype);
    const Shape scores{problem.inputs[0].extent(0), problem.inputs[0].extent(1), problem.inputs[1].extent(1)};
    const Tensor mask = random_mask(scores, true, one_of({float32, float64}));
    problem.options.mask = mask;
    const int first = mask.extent(0) > 1 ? 0 : static_cast<int>(integer(0, mask.extent(1) > 1 ? 1 : 2));
    problem.options.mask = mask.view(Shape(mask.shape().begin() + first, 3 - first));
    SCOPED_TRACE(printed(problem));
    expect_same_probabilities(problem);
    if (HasFailure()) return;
  }
}

TEST_F(CudaAttention, EmptyAxes) {
  struct Extents {
    std::int64_t b, n, m, d, e;
  };
  for (const auto& [b, n, m, d, e] :
       {Extents{0, 3, 4, 2, 5}, Extents{2, 0, 4, 2, 5}, Extents{2, 3, 0, 2, 5}, Extents{2, 40, 0, 4, 5},
        Extents{2, 3, 4, 0, 5}, Extents{2, 40, 4, 0, 5}, Extents{2, 3, 4, 2, 0}, Extents{0, 0, 0, 0, 0}}) {
    for (const DType dtype : {float32, float64}) {
      const AttentionProblem problem{{ones({b, n, d}, dtype), ones({b, m, d}, dtype), ones({b, m, e}, dtype)},
                                     2,
                                     {.scale = 0.5, .causal = true}};
      SCOPED_TRACE(printed(problem));
      expect_close_to_cpu(problem, generator, 1e-6);
    }
  }
}

// Example 3 of the zeta.ops page, examples/08_sparse_attention.cpp, and its gradients.
TEST_F(CudaAttention, TheDocumentedExample) {
  Generator inputs(0);
  const Tensor queries = randn({2, 3, 5}, inputs), keys = randn({2, 3, 5}, inputs),
               values = randn({2, 3, 5}, inputs);
  expect_close_to_cpu({{queries, keys, values}, 2, {}}, generator, 1e-6);
}

}  // namespace
}  // namespace taper::test
