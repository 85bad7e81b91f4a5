// Threads: the workers. They sleep between loops; a loop that ends before a worker woke up does
// not wait for it. The child of a fork() has none of its parent's threads, and starts workers of its own.
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
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#if __has_include(<sched.h>)
#include <sched.h>
#endif

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
#ifdef CPU_COUNT  // Linux and FreeBSD: the processors that this process may use
  cpu_set_t processors;
  if (sched_getaffinity(0, sizeof processors, &processors) == 0) return CPU_COUNT(&processors);
#endif
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

constinit std::atomic<int> current_thread_count = 0;  // 0: not asked for yet

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
      stop();
      if (!has_error_.exchange(true)) error_ = std::current_exception();
    }
  }
  // Nobody takes another one.
  void stop() { next_ = count_; }
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
  std::atomic<bool> has_error_ = false;
  std::exception_ptr error_;  // of the thread that set has_error_
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

constinit thread_local bool inside_loop = false;

class Workers {
 public:
  // Runs the loop with `helpers` workers beside the calling thread. If they have another loop to run, or have
  // ended, returns false and does nothing.
  bool run(Loop& loop, int helpers) {
    {
      const std::lock_guard lock(mutex_);
      if (loop_ || is_ending_) return false;
      hire(helpers);
      loop_ = &loop;
      vacancies_ = helpers;
    }
    wake_.notify_all();
    inside_loop = true;
    loop.run();
    inside_loop = false;
    check_not_lost();
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

  // Ends the threads, once they have left their loop.
  void end() {
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  // In the child of a fork(): these workers were the parent's. They are kept, for their threads can't be joined
  // and their mutex may be locked, in a list that begins with them.
  void lose(Workers* lost_before) {
    is_lost_ = true;
    lost_before_ = lost_before;
    if (loop_) loop_->stop();
  }

 private:
  // Throws if the thread forked inside its loop and this is the child: what the other threads took is not done.
  void check_not_lost() const {
    if (is_lost_) {
      fail("parallel_for",
           "a body called fork() and returned in the child, which can't end the loop without its parent's "
           "threads: let the child end inside the body, or fork outside");
    }
  }
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
  bool is_lost_ = false;
  Workers* lost_before_ = nullptr;
};

// This process's workers, from its first loop that needs them. They are never destroyed, as a thread may still run
// loops while the program ends.
constinit std::atomic<Workers*> workers = nullptr;
constinit Workers* lost_workers = nullptr;

Workers& workers_of_this_process() {
  if (Workers* const present = workers) return *present;
  auto mine = std::make_unique<Workers>();
  Workers* first = nullptr;
  return workers.compare_exchange_strong(first, mine.get()) ? *mine.release() : *first;
}

// What happens to them at fork() and at exit().
const struct EndOfWorkers {
  EndOfWorkers() {
    pthread_atfork(nullptr, nullptr, [] {
      Workers* const parents = workers.exchange(nullptr);
      if (!parents) return;
      parents->lose(lost_workers);
      lost_workers = parents;
    });
  }
  ~EndOfWorkers() {
    if (Workers* const present = workers) present->end();
  }
} end_of_workers;

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
    check_not_lost();
    lock.lock();
    if (--inside_ == 0) left_.notify_one();
  }
}

}  // namespace

int thread_count() {
  if (const int count = current_thread_count) return count;
  int unset = 0;
  const int initial = initial_thread_count();
  return current_thread_count.compare_exchange_strong(unset, initial) ? initial : unset;
}

void set_thread_count(int count) {
  if (count < 1) fail("set_thread_count", "count must be at least 1, got ", count);
  current_thread_count = count;
}

void internal::parallel_for(std::int64_t count, LoopBody body) {
  const auto helpers = static_cast<int>(std::min<std::int64_t>(thread_count(), count)) - 1;
  if (helpers > 0 && !inside_loop) {
    Loop loop(count, body);
    if (workers_of_this_process().run(loop, helpers)) return loop.rethrow();
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
