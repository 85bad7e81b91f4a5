// Threads: the workers. They sleep between loops; a loop that ends before a worker woke up does
// not wait for it.
#include "threads.hpp"

#include "fail.hpp"

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include <sched.h>

namespace taper {
namespace {

int initial_thread_count() {
  if (const char* setting = std::getenv("TAPER_THREADS")) {
    const std::string_view text = setting;
    int count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size() || count < 1) {
      fail("thread_count", "TAPER_THREADS must be a whole number of at least 1, got '", text, "'");
    }
    return count;
  }
  cpu_set_t processors;
  if (sched_getaffinity(0, sizeof processors, &processors) == 0) return CPU_COUNT(&processors);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

std::atomic<int>& current_thread_count() {
  static std::atomic<int> count = initial_thread_count();
  return count;
}

// One parallel_for. It lives on the stack of the thread that called it.
class Loop {
 public:
  Loop(std::int64_t count, internal::LoopBody body) : count_(count), body_(body) {}

  // Takes one i after the other until none is left.
  void run() {
    try {
      for (std::int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) {
        body_.call(body_.context, i);
      }
    } catch (...) {
      next_ = count_;
      const std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

  // How the calling thread rounds (std::fegetround).
  int rounding() const { return rounding_; }

 private:
  const std::int64_t count_;
  const internal::LoopBody body_;
  std::atomic<std::int64_t> next_ = 0;
  const int rounding_ = std::fegetround();
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

// Waits until condition() holds, but only for a short while: long enough to catch the next of several loops
// in a row, for which a sleeping thread would wake too late.
template <class Condition>
void wait_awake(const Condition& condition) {
  using Clock = std::chrono::steady_clock;
  for (const auto end = Clock::now() + std::chrono::microseconds(100); !condition() && Clock::now() < end;) {
    std::this_thread::yield();
  }
}

class Workers {
 public:
  ~Workers() {
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  // Runs the loop with `helpers` workers beside the calling thread. If they have another loop to run, returns
  // false and does nothing.
  bool run(Loop& loop, int helpers) {
    {
      const std::lock_guard lock(mutex_);
      if (loop_) return false;
      hire(helpers);
      loop_ = &loop;
      vacancies_ = helpers;
    }
    wake_.notify_all();
    loop.run();
    {
      const std::lock_guard lock(mutex_);
      vacancies_ = 0;
    }
    wait_awake([&] { return inside_ == 0; });
    std::unique_lock lock(mutex_);
    left_.wait(lock, [&] { return inside_ == 0; });
    loop_ = nullptr;
    return true;
  }

 private:
  // Starts threads until there are `count`, or as many as the system allows.
  void hire(int count) {
    try {
      while (static_cast<int>(threads_.size()) < count) threads_.emplace_back([this] { work(); });
    } catch (const std::exception&) {
    }
  }
  void work();

  std::mutex mutex_;
  std::condition_variable wake_, left_;
  std::vector<std::thread> threads_;
  Loop* loop_ = nullptr;
  // Changed under the mutex only.
  std::atomic<int> vacancies_ = 0;  // how many more workers may join the loop
  std::atomic<int> inside_ = 0;     // how many have joined and not left
  bool is_ending_ = false;
};

thread_local bool inside_loop = false;

void Workers::work() {
  inside_loop = true;
  for (;;) {
    wait_awake([&] { return vacancies_ > 0; });
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return is_ending_ || vacancies_ > 0; });
    if (is_ending_) return;
    --vacancies_;
    ++inside_;
    Loop& loop = *loop_;
    lock.unlock();
    std::fesetround(loop.rounding());
    loop.run();
    lock.lock();
    if (--inside_ == 0) left_.notify_one();
  }
}

}  // namespace

int thread_count() { return current_thread_count(); }

void set_thread_count(int count) {
  if (count < 1) fail("set_thread_count", "count must be at least 1, got ", count);
  current_thread_count() = count;
}

void internal::parallel_for(std::int64_t count, LoopBody body) {
  static Workers workers;
  const auto helpers = static_cast<int>(std::min<std::int64_t>(thread_count(), count)) - 1;
  if (helpers > 0 && !inside_loop) {
    Loop loop(count, body);
    inside_loop = true;
    const bool done = workers.run(loop, helpers);
    inside_loop = false;
    if (done) return loop.rethrow();
  }
  for (std::int64_t i = 0; i < count; ++i) body.call(body.context, i);
}

void internal::parallel_ranges(std::int64_t count, std::int64_t part, RangeBody body) {
  if (count <= 2 * part) return body.call(body.context, 0, count);
  taper::parallel_for((count + part - 1) / part, [&](std::int64_t i) {
    const std::int64_t begin = i * part;
    body.call(body.context, begin, std::min(begin + part, count));
  });
}

}  // namespace taper
