// fork(): the child has threads of its own and ends, whatever the threads of its parent were doing.
#include "support/helpers.hpp"
#include "threads/children.hpp"
#include <taper/taper.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <spawn.h>

// To LeakSanitizer, what only the parent's threads knew of is lost in a child.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

// AddressSanitizer (of clang 14 and g++ 12) does nothing at a fork(): a lock that its runtime holds for another thread stays locked
// in the child. A program without Taper hangs too, if its child starts a thread while its parent's threads start some and allocate.
#if defined(__SANITIZE_ADDRESS__)
#define TAPER_ASAN_LOCKS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TAPER_ASAN_LOCKS
#endif
#endif

namespace taper::test {
namespace {

// Equal bits, for a child, which has no test to fail.
bool is_same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.kind() == b.kind() &&
         std::memcmp(a.bytes(), b.bytes(), a.impl().element_bytes()) == 0;
}

class Fork : public testing::TestWithParam<int> {
 protected:
  Fork() {
    set_thread_count(GetParam());
    work_ = result();
  }
  ~Fork() override { set_thread_count(before_); }

  // Large enough for several threads: an op alone, products, and a walk.
  static Tensor result() {
    Generator generator(3);
    Tensor weights = randn({200, 100}, generator).requires_grad();
    const Tensor x = randn({400, 200}, generator);
    Tape tape;
    const Tensor y = gelu(matmul(x, weights));
    return tape.gradient(sum(square(y)), {weights})[0];
  }
  bool works() const { return is_same(result(), work_); }

  Tensor work_;

 private:
  int before_ = thread_count();
};
INSTANTIATE_TEST_SUITE_P(Threads, Fork, testing::Values(1, 2, 4));

// How many threads take part in a loop.
std::size_t threads_of_a_loop() {
  std::mutex mutex;
  std::set<std::thread::id> seen;
  std::condition_variable changed;
  const auto wanted = static_cast<std::size_t>(thread_count());
  parallel_for(4 * thread_count(), [&](std::int64_t) {
    std::unique_lock lock(mutex);
    seen.insert(std::this_thread::get_id());
    changed.notify_all();
    changed.wait_for(lock, std::chrono::seconds(10), [&] { return seen.size() == wanted; });
  });
  return seen.size();
}

TEST_P(Fork, TheChildExits) {
  EXPECT_EQ(end_of_child([] { return true; }), "exit 0");
  EXPECT_TRUE(works());
}

TEST_P(Fork, TheChildMayLeaveWithout_exit) {
  EXPECT_EQ(end_of_child([]() -> bool { _exit(0); }), "exit 0");
  EXPECT_EQ(end_of_child([]() -> bool { return execl("/bin/true", "true", nullptr) == 0; }), "exit 0");
  EXPECT_EQ(end_of_child([]() -> bool { std::quick_exit(0); }), "exit 0");
  pid_t spawned;
  std::string name = "true";
  char* const arguments[] = {name.data(), nullptr};
  ASSERT_EQ(posix_spawn(&spawned, "/bin/true", nullptr, nullptr, arguments, environ), 0);
  EXPECT_EQ(end_of(spawned), "exit 0");
  EXPECT_EQ(std::system("true"), 0);
  EXPECT_TRUE(works());
}

TEST_P(Fork, TheChildComputesTheSameOnThreadsOfItsOwn) {
  EXPECT_EQ(end_of_child([this] {
              return works() && threads_of_a_loop() == static_cast<std::size_t>(GetParam()) && works();
            }),
            "exit 0");
  EXPECT_TRUE(works());
}

TEST_P(Fork, TheChildMayChangeTheNumberOfThreads) {
  for (const int threads : {1, 3, 7}) {
    EXPECT_EQ(end_of_child([&] {
                set_thread_count(threads);
                return works() && threads_of_a_loop() == static_cast<std::size_t>(threads);
              }),
              "exit 0");
  }
}

TEST_P(Fork, ChildrenHaveChildren) {
  EXPECT_EQ(end_of_child([this] {
              if (end_of_child([this] {
                    return works() && end_of_child([this] { return works(); }) == "exit 0" && works();
                  }) != "exit 0")
                return false;
              return works();
            }),
            "exit 0");
}

// As Python's multiprocessing does: children that train beside their parent.
TEST_P(Fork, SeveralChildrenWorkAtOnce) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) children.push_back(start_child([this] { return works() && works(); }));
  EXPECT_TRUE(works());
  for (const pid_t child : children) EXPECT_EQ(end_of(child), "exit 0");
}

// Threads that do all that takes a lock, while another forks.
TEST_P(Fork, OtherThreadsMayBeBusy) {
#ifdef TAPER_ASAN_LOCKS
  GTEST_SKIP() << "AddressSanitizer's locks don't survive it";
#endif
  std::atomic<bool> stop = false;
  Tensor weights = zeros({50, 50}).requires_grad();
  const Tensor small = ones({7, 7}, float64);
  std::vector<std::thread> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back([&] {
      while (!stop) mm(small, small);
    });
  }
  busy.emplace_back([&] {
    while (!stop) result();
  });
  busy.emplace_back([&] {
    while (!stop) {
      Tape tape;
      tape.backward(sum(square(weights)));
      weights.zero_grad();
    }
  });
  busy.emplace_back([&] {
    while (!stop) std::thread([&] { mm(small, small); }).join();
  });
  for (int i = 0; i < 50; ++i) {
    const std::string end = end_of_child([&] {
      const bool is_right = mm(small, small).data<double>()[48] == 7 && (i % 10 != 0 || works());
      Tape tape;
      tape.backward(sum(square(weights)));
      return is_right && weights.grad() && weights.grad().data<float>()[0] == 0;
    });
    EXPECT_EQ(end, "exit 0") << "child " << i;
    if (HasFailure()) break;
  }
  stop = true;
  for (std::thread& thread : busy) thread.join();
  EXPECT_TRUE(works());
}

TEST_P(Fork, InsideALoopTheChildWorksAlone) {
  std::atomic<int> right = 0;
  parallel_for(2 * GetParam(), [&](std::int64_t) {
    right += end_of_child([this] {
               return works() && end_of_child([this] { return works(); }) == "exit 0";
             }) == "exit 0";
  });
  EXPECT_EQ(right, 2 * GetParam());
  EXPECT_TRUE(works());
}

// Without its parent's threads the child can't end the loop.
TEST_P(Fork, InsideALoopTheChildMustNotReturn) {
  if (GetParam() == 1) return;
  const std::string end = end_of_child([this] {
    const auto here = std::this_thread::get_id();
    std::atomic<pid_t> child = 1;
    std::atomic<int> runs = 0, seen_by_child = 0;
    const pid_t parent = getpid();
    try {
      parallel_for(1000, [&](std::int64_t) {
        if (getpid() != parent) ++seen_by_child;
        // Only on the calling thread: an error on another would end the child.
        if (std::this_thread::get_id() == here && runs++ == 0) child = fork();
      });
    } catch (const Error& error) {
      const bool is_clear = std::string(error.what()).find("fork()") != std::string::npos;
      std::exit(getpid() != parent && is_clear && seen_by_child == 0 && works() &&
                        threads_of_a_loop() == static_cast<std::size_t>(GetParam())
                    ? 0
                    : 1);
    }
    return getpid() == parent && (child == 1 || end_of(child) == "exit 0");
  });
  EXPECT_EQ(end, "exit 0");
}

TEST_P(Fork, OnAWorkerTheChildThatReturnsEndsWithAnError) {
  if (GetParam() == 1) return;
  const auto here = std::this_thread::get_id();
  std::atomic<bool> forked = false;
  pid_t child = -1;
  parallel_for(1000, [&](std::int64_t) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    if (std::this_thread::get_id() == here || forked.exchange(true)) return;
    child = fork();
    if (child == 0) {
      alarm(20);
      std::signal(SIGABRT, SIG_DFL);
      std::fclose(stderr);  // the message of std::terminate
    }
  });
  if (forked) {
    EXPECT_EQ(end_of(child), "signal " + std::to_string(SIGABRT));
  }
  EXPECT_TRUE(works());
}

}  // namespace
}  // namespace taper::test
