// A training step that repeats itself asks the system for no memory: every call of the global operator new in
// this program is counted, and may be refused. (BLAS keeps buffers of its own, by other means.)
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <new>

#include <gtest/gtest.h>

namespace {

std::atomic<long> calls{0};
std::atomic<std::size_t> most_bytes{std::numeric_limits<std::size_t>::max()};  // that a call may ask for

constexpr std::align_val_t usual{alignof(std::max_align_t)};

}  // namespace

// By the standard the nothrow forms call the throwing ones; a sanitizer's own don't, so both
// are counted here.
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  ++calls;
  if (bytes > most_bytes) return nullptr;
  // aligned_alloc wants a multiple of the alignment.
  const auto multiple = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(multiple, (bytes + multiple) / multiple * multiple);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (void* block = ::operator new(bytes, alignment, std::nothrow)) return block;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return ::operator new(bytes, usual, std::nothrow);
}
void* operator new(std::size_t bytes) { return ::operator new(bytes, usual); }
void* operator new[](std::size_t bytes) { return ::operator new(bytes, usual); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return ::operator new(bytes, alignment);
}
// If g++ inlines one of a pair and not the other, it takes them for strangers.
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete[](void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete[](void* block, std::align_val_t) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
  std::free(block);
}

namespace taper::test {
namespace {

// How often operator new is called during the fourth of four equal steps.
template <class Step>
long calls_of_a_repeated_step(Step step) {
  for (int warm_up = 0; warm_up < 3; ++warm_up) step();
  const long before = calls;
  step();
  return calls - before;
}

TEST(Allocations, AreCounted) {
  const long before = calls;
  ::operator delete(::operator new(4));  // a new-expression the compiler might leave out
  EXPECT_GT(calls, before);
  release_cached_memory();
  const long cold = calls;
  const Tensor x = ones({5});
  EXPECT_GT(calls, cold) << "a first tensor does ask the system";
}

TEST(Allocations, AStepOfTrainingMakesNone) {
  Generator generator(1);
  Tensor queries = randn({2, 6, 5}, generator), keys = randn({2, 6, 5}, generator);
  Tensor weights = randn({5, 5}, generator).requires_grad(), bias = zeros({5}).requires_grad();
  const auto step = [&] {
    Tape tape;
    const Tensor projected = gelu(matmul(keys, weights) + bias);
    const Tensor scores = bmm(queries, transpose(projected, 1, 2)) * 0.5;
    const Tensor mixed = bmm(sparse_softmax(scores, 2) + softmax(scores) * 0.1, projected);
    const Tensor loss = mean(square(slice(mixed, 1, 0, 4, 2)));
    tape.backward(loss);
    for (Tensor* parameter : {&weights, &bias}) {
      const Tensor grad = parameter->grad();
      float* value = parameter->mutable_data<float>();
      for (std::int64_t i = 0; i < parameter->size(); ++i) value[i] -= 0.01f * grad.data<float>()[i];
      parameter->zero_grad();
    }
  };
  EXPECT_EQ(calls_of_a_repeated_step(step), 0);
}

TEST(Allocations, AStepWithSparseAttentionMakesNone) {
  Generator generator(1);
  Tensor queries = randn({2, 300, 8}, generator).requires_grad();
  const Tensor keys = randn({2, 300, 8}, generator), values = randn({2, 300, 8}, generator);
  const int threads = thread_count();
  set_thread_count(1);  // which thread takes which block differs from step to step, and so do their pools
  const auto step = [&] {
    Tape tape;
    tape.backward(sum(sparse_attention(queries, keys, values, 4, {.causal = true})));
    queries.zero_grad();
  };
  EXPECT_EQ(calls_of_a_repeated_step(step), 0);
  set_thread_count(threads);
}

TEST(Allocations, AStepOfAModelWithDropoutMakesNone) {
  Generator generator(1);
  const nn::Sequential model{
      nn::LearnedPositions(20, 8, generator),
      nn::TransformerBlock(8, 2, 3, generator, {.causal = true, .rotary = true, .dropout = 0.1}),
      nn::RmsNorm(8), nn::Mlp(8, 4, generator)};
  std::vector<Tensor> parameters = model.parameters();
  const Tensor x = randn({2, 20, 8}, generator);
  const int threads = thread_count();
  set_thread_count(1);  // as above
  const auto step = [&] {
    Tape tape;
    tape.backward(mean(square(model(x))));
    for (Tensor& parameter : parameters) parameter.zero_grad();
  };
  EXPECT_EQ(calls_of_a_repeated_step(step), 0);
  set_thread_count(threads);
}

// A vector that the caller makes is the caller's; concat adds nothing to it.
TEST(Allocations, ConcatMakesNone) {
  const std::vector<Tensor> parts(5, ones({2, 3}).requires_grad());
  const auto step = [&] {
    Tape tape;
    tape.backward(sum(concat(parts, 1)));
  };
  EXPECT_EQ(calls_of_a_repeated_step(step), 0);
}

TEST(Allocations, AnOptimizersStepMakesNone) {
  const std::vector<Tensor> parameters{ones({5, 3}).requires_grad(), ones({3}).requires_grad()};
  optim::Adam adam(parameters);
  const auto step = [&] {
    Tape tape;
    adam.zero_grad();
    tape.backward(sum(parameters[0] * parameters[1]));
    optim::clip_gradients(parameters, 1);
    adam.step();
  };
  EXPECT_EQ(calls_of_a_repeated_step(step), 0);
}

TEST(Allocations, AStepOfInferenceMakesNone) {
  Generator generator(1);
  const Tensor x = randn({4, 8}, generator), weights = randn({8, 8}, generator);
  EXPECT_EQ(calls_of_a_repeated_step([&] { max(log_softmax(mm(x, weights)), 1); }), 0);
}

// A file of holes. The limit stands for the machine's memory.
class Memory : public Scratch {};

TEST_F(Memory, AFileThatIsTooLargeIsNamed) {
  const std::string file = write("");
  std::filesystem::resize_file(file, std::uintmax_t{1} << 37);
  most_bytes = std::size_t{1} << 30;
  expect_error("load_npy", [&] { load_npy(file); }, {file, "too large for memory", "137438953472 bytes"});
  most_bytes = std::numeric_limits<std::size_t>::max();
}

}  // namespace
}  // namespace taper::test
