// Threads: each has its own tape, pool and default generator; tensors may be shared. Meant for TSan as well.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <queue>
#include <set>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

void run_in_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

TEST(Threads, ShareAParameterEachOnItsOwnTape) {
  Generator generator(1);
  Tensor weights = randn({8, 8}, generator, float64).requires_grad();
  const Tensor x = randn({4, 8}, generator, float64);
  const auto step = [&] {
    Tape tape;
    return tape.gradient(mean(square(mm(x, sparse_softmax(weights, 3)))), {weights})[0];
  };
  const Tensor expected = step();
  Tensors found(4);
  run_in_threads(4, [&](int i) {
    for (int round = 0; round < 50; ++round) found[static_cast<std::size_t>(i)] = step();
  });
  for (const Tensor& gradient : found) expect_same(gradient, expected);
  EXPECT_FALSE(weights.grad());
}

TEST(Threads, ATapeRecordsOnlyItsOwnThread) {
  Tensor a = row({3}).requires_grad();
  Tape tape;
  std::thread([&] {
    EXPECT_EQ(Tape::recording(), nullptr);
    EXPECT_FALSE(Tape::tracks(square(a)));
  }).join();
  EXPECT_EQ(tape.node_count(), 0u);
}

TEST(Threads, ALossOfAnotherThreadsTapeIsRefused) {
  Tensor a = row({3}).requires_grad();
  Tape tape;
  const Tensor loss = square(a);
  std::thread([&] {
    Tape own;
    expect_error("backward", [&] { own.backward(loss); }, {"another thread's"});
  }).join();
}

TEST(Threads, AddTheirGradientsToASharedParameter) {
  constexpr std::int64_t n = 2000;
  constexpr int threads = 4, rounds = 1000;
  Tensor weights = full({n}, 3, float64).requires_grad(), alone = row({5}).requires_grad();
  run_in_threads(threads, [&](int) {
    for (int round = 0; round < rounds; ++round) {
      Tape tape;
      tape.backward(sum(square(weights)) + sum(weights) * sum(alone), {.create_graph = round % 10 == 0});
    }
  });
  // Whole numbers, so that the order of the sums does not show.
  expect_same(weights.grad().detach(), full({n}, threads * rounds * (2 * 3 + 5), float64));
  expect_same(alone.grad().detach(), row({threads * rounds * 3.0 * n}));
}

TEST(Threads, MayReadAndClearAGradientThatAnotherAddsTo) {
  Tensor weights = full({2000}, 3, float64).requires_grad();
  run_in_threads(4, [&](int i) {
    for (int round = 0; round < 3000; ++round) {
      if (i == 0) {
        weights.zero_grad();
      } else if (i == 1) {
        const Tensor gradient = weights.grad();
        if (gradient) {
          EXPECT_EQ(std::fmod(gradient.data<double>()[round % 16], 6), 0);
        }
      } else {
        Tape tape;
        tape.backward(sum(square(weights)));
      }
    }
  });
}

TEST(Threads, HandlesAreCopiedAndDroppedAtTheSameTime) {
  const Tensor shared = ones({16}, float64);
  run_in_threads(4, [&](int) {
    for (int i = 0; i < 2000; ++i) {
      const Tensor copy = shared, view = shared.view({4, 4}), sum_of_both = copy + reshape(view, {16});
      ASSERT_EQ(sum_of_both.data<double>()[i % 16], 2);
    }
  });
  EXPECT_TRUE(shared.is_sole_owner());
}

TEST(Threads, ATensorMayDieOnAnotherThread) {
  Tensors made(100);
  std::thread([&] {
    for (Tensor& tensor : made) tensor = ones({100}, float64);
  }).join();
  for (const Tensor& tensor : made) EXPECT_EQ(sum(tensor).item(), 100);
}

// One thread makes what another one drops. The consumer must not keep every block it is handed.
TEST(Threads, AProducerAndAConsumerDoNotPileUpMemory) {
  constexpr std::size_t limit = 4;  // tensors under way at a time
  std::queue<Tensor> queue;
  std::mutex mutex;
  std::condition_variable changed;
  constexpr int count = 2000;
  constexpr std::int64_t elements = 10000;  // 80 kB each, 160 MB in all
  std::size_t cached = 0;

  std::thread consumer([&] {
    for (int i = 0; i < count; ++i) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return !queue.empty(); });
      const Tensor dropped = std::move(queue.front());
      queue.pop();
      changed.notify_all();
    }
    cached = pool_stats().cached_bytes;
  });
  std::thread producer([&] {
    for (int i = 0; i < count; ++i) {
      Tensor made = full({elements}, i, float64);
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return queue.size() < limit; });
      queue.push(std::move(made));
      changed.notify_all();
    }
    EXPECT_LT(pool_stats().cached_bytes, 1u << 20);
  });
  consumer.join();
  producer.join();
  EXPECT_LT(cached, 1u << 20) << "the consumer kept what it was handed";
}

class ParallelFor : public testing::Test {
 protected:
  ~ParallelFor() override { set_thread_count(before_); }

 private:
  int before_ = thread_count();
};

TEST_F(ParallelFor, RunsEachIndexOnce) {
  for (const int threads : {1, 2, 5}) {
    set_thread_count(threads);
    for (const std::int64_t count : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
      parallel_for(count, [&](std::int64_t i) { ++runs[static_cast<std::size_t>(i)]; });
      for (const auto& run : runs) ASSERT_EQ(run, 1);
    }
  }
}

TEST_F(ParallelFor, UsesTheThreadsItMayAndNoMore) {
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    std::mutex mutex;
    std::set<std::thread::id> seen;
    std::condition_variable changed;
    parallel_for(30, [&](std::int64_t) {
      std::unique_lock lock(mutex);
      seen.insert(std::this_thread::get_id());
      changed.notify_all();
      // Whoever comes first waits for the others, so that they have something left to do.
      changed.wait_for(lock, std::chrono::seconds(10),
                       [&] { return static_cast<int>(seen.size()) == threads; });
    });
    EXPECT_EQ(static_cast<int>(seen.size()), threads);
  }
}

TEST_F(ParallelFor, RoundsAsTheCallingThreadDoes) {
  set_thread_count(3);
  const int usual = std::fegetround();
  for (const int mode : {FE_UPWARD, usual}) {
    std::fesetround(mode);
    std::atomic<int> same = 0;
    parallel_for(3000, [&](std::int64_t) { same += std::fegetround() == mode; });
    EXPECT_EQ(same, 3000);
  }
}

TEST_F(ParallelFor, ThrowsWhatABodyThrowsAndGoesOn) {
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    EXPECT_THROW(parallel_for(100,
                              [](std::int64_t i) {
                                if (i == 17) throw std::out_of_range("17");
                              }),
                 std::out_of_range);
    std::atomic<int> runs = 0;
    parallel_for(100, [&](std::int64_t) { ++runs; });
    EXPECT_EQ(runs, 100);
  }
}

TEST_F(ParallelFor, MayBeNestedAndCalledFromSeveralThreads) {
  set_thread_count(3);
  std::atomic<int> runs = 0;
  run_in_threads(4, [&](int) {
    for (int round = 0; round < 50; ++round) {
      parallel_for(4, [&](std::int64_t) { parallel_for(5, [&](std::int64_t) { ++runs; }); });
    }
  });
  EXPECT_EQ(runs, 4 * 50 * 4 * 5);
}

TEST_F(ParallelFor, NeedsAtLeastOneThread) {
  expect_error("set_thread_count", [] { set_thread_count(0); }, {"count must be at least 1, got 0"});
  EXPECT_GE(thread_count(), 1);
}

TEST(Threads, SparseAttentionAndProductsAreTheSameForAnyNumber) {
  Generator generator(3);
  const Tensors inputs{randn({2, 150, 20}, generator), randn({2, 1100, 20}, generator),
                       randn({2, 1100, 30}, generator), randn({30, 4000}, generator)};
  const auto f = [](const Tensors& x) {
    return matmul(sparse_attention(x[0], x[1], x[2], 5), x[3]) +
           sum(sparse_softmax(bmm(x[0], x[1], false, true), 4));
  };
  const int before = thread_count();
  set_thread_count(1);
  const Tensor y = f(inputs);
  const Tensors wanted = gradients(f, inputs);
  for (const int threads : {2, 4}) {
    set_thread_count(threads);
    expect_same(f(inputs), y);
    const Tensors found = gradients(f, inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i) expect_same(found[i], wanted[i]);
  }
  set_thread_count(before);
}

TEST(Threads, StepsOfAnOptimizerAreTheSameForAnyNumber) {
  Generator generator(4);
  const Tensors start{randn({7}, generator), randn({300, 170}, generator), randn({90, 50}, generator)};
  const int before = thread_count();
  Tensors wanted;
  for (const int threads : {1, 2, 4}) {
    set_thread_count(threads);
    Tensors parameters;
    for (const Tensor& tensor : start) parameters.push_back(tensor.clone().requires_grad());
    optim::AdamW adam(parameters);
    for (int step = 0; step < 3; ++step) {
      Tape tape;
      adam.zero_grad();
      tape.backward(sum(square(parameters[0])) + sum(square(parameters[1])) + sum(square(parameters[2])));
      optim::clip_gradients(parameters, 1);
      adam.step();
    }
    if (wanted.empty()) wanted = parameters;
    for (std::size_t i = 0; i < wanted.size(); ++i) expect_same(parameters[i], wanted[i]);
  }
  set_thread_count(before);
}

TEST(Threads, NormsRotaryAndCrossEntropyAreTheSameForAnyNumber) {
  Generator generator(4);
  const int before = thread_count();
  for (const Shape& shape : {Shape{1000, 38}, Shape{70, 20000}, Shape{9, 300}}) {
    const std::int64_t rows = shape[0], n = shape[1];
    const Tensors inputs{randn(shape, generator), randn({n}, generator), randn({n}, generator)};
    std::vector<std::int64_t> labels;
    for (std::int64_t row = 0; row < rows; ++row) labels.push_back(row % 5 == 3 ? -100 : row % n);
    const auto f = [&](const Tensors& x) {
      const Tensor y = layer_norm(x[0], x[1], x[2]) + rms_norm(x[0], x[1]);
      return cross_entropy(rotary(y), labels, {.label_smoothing = 0.1});
    };
    set_thread_count(1);
    const Tensor y = f(inputs);
    const Tensors wanted = gradients(f, inputs);
    for (const int threads : {2, 5}) {
      set_thread_count(threads);
      expect_same(f(inputs), y);
      const Tensors found = gradients(f, inputs);
      for (std::size_t i = 0; i < inputs.size(); ++i) expect_same(found[i], wanted[i]);
    }
  }
  set_thread_count(before);
}

TEST(Pool, KeepsWhatIsFreedAndGivesItBackWhenAsked) {
  std::thread([] {
    EXPECT_EQ(pool_stats().system_allocations, 0u);
    { const Tensor x = ones({1000}); }
    const PoolStats first = pool_stats();
    EXPECT_EQ(first.system_allocations, 1u);
    EXPECT_GE(first.cached_bytes, 4000u);
    { const Tensor x = ones({1000}); }
    EXPECT_EQ(pool_stats().system_allocations, 1u) << "the block came from the cache";
    EXPECT_EQ(pool_stats().cached_bytes, first.cached_bytes);
    release_cached_memory();
    EXPECT_EQ(pool_stats().cached_bytes, 0u);
    const Tensor x = ones({1000});
    EXPECT_EQ(pool_stats().system_allocations, 2u);
    release_cached_memory();
    EXPECT_EQ(sum(x).item(), 1000);
  }).join();
}

TEST(Pool, HandsOutAlignedMemoryOfEverySize) {
  for (std::size_t bytes : {0, 1, 63, 64, 65, 1023, 1024, 1025, 1280, 1281, 4096, 5000, 1000000}) {
    auto* block = static_cast<unsigned char*>(internal::pool_allocate(bytes));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 64, 0u);
    for (std::size_t i = 0; i < bytes; ++i) block[i] = 1;  // ASan would say if it were too small
    internal::pool_release(block, bytes);
  }
}

}  // namespace
}  // namespace taper::test
