// Long runs: a training run takes as much memory at its end as at its beginning, and a tape that ends by an
// exception leaves nothing behind. TAPER_STEPS=1000000 makes the run as long as a night's (docs/tape.md).
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

namespace taper::test {
namespace {

// Bytes of the heap in use, and bytes of the process in memory.
std::size_t heap_bytes() {
  const struct mallinfo2 heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}
std::int64_t resident_bytes() {
  std::int64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// A model of a few of everything, and all that a training loop has beside it.
class Toy {
 public:
  // Returns the loss.
  double step() {
    const Tensor x = randn({6, 5}, generator_);
    std::vector<std::int64_t> labels(6);
    for (std::int64_t& label : labels) label = static_cast<std::int64_t>(generator_.uniform() * 3);
    Tape tape;
    const Scope scope("toy");
    const Tensor loss = cross_entropy(head_(body_(x)), labels);
    adam_.zero_grad();
    tape.backward(loss);
    optim::clip_gradients(parameters_, 1);
    adam_.step();
    ++steps_;
    return loss.item();
  }
  std::int64_t steps() const { return steps_; }
  const std::vector<Tensor>& parameters() const { return parameters_; }
  // All but what draws at random.
  Tensor operator()(const Tensor& x) const { return body_(x); }

 private:
  Generator generator_{3};
  nn::Sequential body_{nn::Linear(5, 8, generator_), nn::RmsNorm(8), nn::Mlp(8, 8, generator_)};
  nn::Sequential head_{nn::Dropout(0.1, generator_), nn::Linear(8, 3, generator_)};
  std::vector<Tensor> parameters_ = nn::Sequential{body_, head_}.parameters();
  optim::AdamW adam_{parameters_};
  std::int64_t steps_ = 0;
};

TEST(LongRun, TakesNoMoreMemoryAtItsEnd) {
  const char* const setting = std::getenv("TAPER_STEPS");
  const std::int64_t steps = setting ? std::atoll(setting) : 3000;
  Toy toy;
  const auto run = [&](std::int64_t until) {
    double loss = 0;
    while (toy.steps() < until) loss = toy.step();
    return loss;
  };
  run(steps / 10);
  const PoolStats pool = pool_stats();
  const std::size_t heap = heap_bytes();
  const std::int64_t resident = resident_bytes();
  EXPECT_TRUE(std::isfinite(run(steps)));
  EXPECT_EQ(pool_stats().system_allocations, pool.system_allocations);
  EXPECT_EQ(pool_stats().bytes_in_use, pool.bytes_in_use);
  EXPECT_EQ(pool_stats().cached_bytes, pool.cached_bytes);
  EXPECT_LT(heap_bytes(), heap + 4096);
  // AddressSanitizer, whose heap tells nothing, keeps what was freed for a while.
  if (heap > 0) {
    EXPECT_LT(resident_bytes() - resident, 1 << 20);
  }
}

struct Stop : std::runtime_error {
  Stop() : std::runtime_error("stop") {}
};

// An op that throws: when it runs, or in the walk.
Tensor throws_now(const Tensor&) { throw Stop(); }
Tensor throws_in_the_walk(const Tensor& x) {
  return record("throws", x.clone(), vjp(x, [x](const Tensor&) -> Tensor { throw Stop(); }));
}

TEST(LongRun, TenThousandTapesThatThrow) {
  Toy toy, other;
  EXPECT_EQ(toy.step(), other.step());
  const Tensor x = ones({6, 5});
  const std::vector<std::int64_t> labels{0, 1, 2, 0, 1, 2};
  // One tape that ends half-way, in one of several ways.
  const auto half = [&](int way) {
    Tape tape({.check_finite = way == 4, .keep_values = way == 5});
    const Scope scope("half");
    const Tensor y = toy(x);
    switch (way) {
      case 0:
        throws_now(y);
        break;
      case 1:
        tape.backward(cross_entropy(throws_in_the_walk(y), labels));
        break;
      case 2:
        mm(y, y);
        break;
      case 3:
        tape.backward(y);
        break;
      case 4:
        log(y * 0.0);
        break;
      case 5:
        tape.backward(sum(square(throws_in_the_walk(y))), {.create_graph = true});
        break;
      case 6: {
        Tape inner;
        inner.backward(sum(y));
        break;
      }
      case 7:
        tape.backward(sum(checkpoint([](const Tensor& z) { return throws_in_the_walk(z); }, y)));
        break;
      default:
        parallel_for(100, [](std::int64_t i) {
          if (i == 50) throw Stop();
        });
    }
  };
  const auto round = [&](int i) {
    EXPECT_THROW(half(i % 9), std::runtime_error);
    EXPECT_EQ(Tape::recording(), nullptr);
    EXPECT_EQ(Scope::path(), "");
  };
  for (int i = 0; i < 900; ++i) round(i);
  std::vector<Tensor> gradients;
  for (const Tensor& parameter : toy.parameters()) gradients.push_back(parameter.grad());
  const PoolStats pool = pool_stats();
  const std::size_t heap = heap_bytes();
  for (int i = 900; i < 10'800; ++i) round(i);
  EXPECT_EQ(pool_stats().system_allocations, pool.system_allocations);
  EXPECT_EQ(pool_stats().bytes_in_use, pool.bytes_in_use);
  EXPECT_LT(heap_bytes(), heap + 4096);
  for (std::size_t i = 0; i < gradients.size(); ++i)
    EXPECT_EQ(&toy.parameters()[i].grad().impl(), &gradients[i].impl())
        << "a failed call changes no gradient";
  for (int step = 0; step < 3; ++step) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(toy.step()), std::bit_cast<std::uint64_t>(other.step()));
  }
}

}  // namespace
}  // namespace taper::test
