// The ops in which a model spends its time, one at a time, for people who tune a kernel:
//
//   build/…/bench/ops --benchmark_filter=sparse_attention
//
// TAPER_THREADS says how many threads. The rate of a row stands beside its time: the copy's bytes per second
// are the memory's bound, bmm's operations per second the cores'.
#include <taper/core/random.hpp>
#include <taper/core/tape.hpp>
#include <taper/ops/attention/sparse_attention.hpp>
#include <taper/ops/elementwise/mul.hpp>
#include <taper/ops/product/bmm.hpp>
#include <taper/ops/softmax/softmax.hpp>
#include <taper/ops/softmax/sparse_softmax.hpp>

#include <cmath>
#include <cstring>
#include <vector>

#include <benchmark/benchmark.h>

using namespace taper;

namespace {

constexpr std::int64_t width = 64, k = 8;

using Function = Tensor (*)(const std::vector<Tensor>&);

// f(inputs), and with `with_backward` its gradients with respect to all of them.
void run(benchmark::State& state, Function f, std::vector<Tensor> inputs, bool with_backward) {
  if (with_backward) {
    for (Tensor& input : inputs) input.requires_grad();
  }
  const Tensor cotangent = randn(f(inputs).shape());
  for ([[maybe_unused]] auto iteration : state) {
    Tape tape;
    const Tensor y = f(inputs);
    benchmark::DoNotOptimize(y.data<float>());
    if (with_backward) benchmark::DoNotOptimize(tape.gradient(y, inputs, {.cotangent = cotangent}).data());
  }
}

void count_operations(benchmark::State& state, double an_iteration) {
  state.counters["op/s"] = benchmark::Counter(an_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void count_bytes(benchmark::State& state, std::int64_t an_iteration) {
  state.SetBytesProcessed(state.iterations() * an_iteration);
}

// Queries, keys and values of (batch, n, width) whose scores have the given standard deviation.
std::vector<Tensor> attention_inputs(std::int64_t batch, std::int64_t n, double deviation) {
  const Shape shape{batch, n, width};
  const double amplitude = std::sqrt(deviation / std::sqrt(static_cast<double>(width)));
  return {randn(shape) * amplitude, randn(shape) * amplitude, randn(shape)};
}

// The arguments of these are batch, n and 100 times the deviation of the scores.
void sparse_attention_row(benchmark::State& state, bool with_backward) {
  const std::int64_t batch = state.range(0), n = state.range(1);
  const Function f = [](const std::vector<Tensor>& x) { return sparse_attention(x[0], x[1], x[2], k); };
  run(state, f, attention_inputs(batch, n, 0.01 * static_cast<double>(state.range(2))), with_backward);
  count_operations(state, 2.0 * static_cast<double>(batch * n * n * width));  // of the scores
}
void sparse_attention_forward(benchmark::State& state) { sparse_attention_row(state, false); }
void sparse_attention_both(benchmark::State& state) { sparse_attention_row(state, true); }

// Scores of the same queries and keys: the part that sparse attention can't do without.
void bmm_scores(benchmark::State& state) {
  const std::int64_t batch = state.range(0), n = state.range(1);
  run(
      state, [](const std::vector<Tensor>& x) { return bmm(x[0], x[1], false, true); },
      {randn({batch, n, width}), randn({batch, n, width})}, false);
  count_operations(state, 2.0 * static_cast<double>(batch * n * n * width));
}

// The arguments of these are n, for n x n matrices, and 100 times their elements' deviation.
void row_wise(benchmark::State& state, Function f, bool with_backward) {
  const std::int64_t n = state.range(0);
  run(state, f, {randn({n, n}) * (0.01 * static_cast<double>(state.range(1)))}, with_backward);
  count_bytes(state, 2 * n * n * static_cast<std::int64_t>(sizeof(float)));
}
Tensor projected(const std::vector<Tensor>& x) { return sparse_softmax(x[0], k); }
void sparse_softmax_forward(benchmark::State& state) { row_wise(state, projected, false); }
void sparse_softmax_both(benchmark::State& state) { row_wise(state, projected, true); }
void softmax_forward(benchmark::State& state) {
  row_wise(
      state, [](const std::vector<Tensor>& x) { return softmax(x[0]); }, false);
}

// One thread's copy of such a matrix into a warm buffer.
void copy(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const Tensor from = randn({n, n});
  Tensor to = from.clone();
  for ([[maybe_unused]] auto iteration : state) {
    std::memcpy(to.mutable_data<float>(), from.data<float>(),
                static_cast<std::size_t>(from.size()) * sizeof(float));
    benchmark::ClobberMemory();
  }
  count_bytes(state, 2 * from.size() * static_cast<std::int64_t>(sizeof(float)));
}

void attention_shapes(benchmark::internal::Benchmark* row) {
  row->ArgNames({"b", "n", "deviation%"})->Unit(benchmark::kMillisecond)->UseRealTime();
  for (const std::int64_t deviation : {25, 100, 800})
    row->Args({8, 1024, deviation})->Args({2, 4096, deviation});
}
void matrix_shapes(benchmark::internal::Benchmark* row) {
  row->ArgNames({"n", "deviation%"})->Unit(benchmark::kMillisecond)->UseRealTime();
  for (const std::int64_t deviation : {25, 100, 800}) row->Args({4096, deviation});
}

BENCHMARK(bmm_scores)
    ->ArgNames({"b", "n"})
    ->Args({8, 1024})
    ->Args({2, 4096})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(sparse_attention_forward)->Apply(attention_shapes);
BENCHMARK(sparse_attention_both)->Apply(attention_shapes);
BENCHMARK(copy)->ArgName("n")->Arg(4096)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(softmax_forward)->Apply(matrix_shapes);
BENCHMARK(sparse_softmax_forward)->Apply(matrix_shapes);
BENCHMARK(sparse_softmax_both)->Apply(matrix_shapes);

}  // namespace

BENCHMARK_MAIN();
