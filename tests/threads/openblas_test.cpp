// A program that uses OpenBLAS itself: its number of threads is what it was after each product, and products do
// not depend on it. CTest runs this program with each OpenBLAS that is installed.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include <dlfcn.h>
#include <gtest/gtest.h>

extern "C" {
void openblas_set_num_threads(int count);
int openblas_get_num_threads();
int openblas_get_parallel();
}

namespace taper::test {
namespace {

// The program's setting, as it stands on this thread.
class Setting {
 public:
  int get() const { return get_ ? get_() : openblas_get_num_threads(); }
  // OpenBLAS without threads stays at 1.
  void set(int count) const { set_ ? set_(count) : openblas_set_num_threads(count); }

 private:
  static void* openmp(const char* name) {
    return openblas_get_parallel() == 2 ? dlsym(RTLD_DEFAULT, name) : nullptr;
  }
  int (*get_)() = reinterpret_cast<int (*)()>(openmp("omp_get_max_threads"));
  void (*set_)(int) = reinterpret_cast<void (*)(int)>(openmp("omp_set_num_threads"));
};

// Products of every kind, by name.
std::vector<std::pair<std::string, Tensor>> products() {
  Generator generator(5);
  std::vector<std::pair<std::string, Tensor>> results;
  for (const DType dtype : {float32, float64}) {
    const auto with = [&](std::int64_t m, std::int64_t k, std::int64_t n) {
      const Tensor a = randn({m, k}, generator, dtype), b = randn({k, n}, generator, dtype);
      results.emplace_back("mm of " + printed(a.shape()) + " and " + printed(b.shape()), mm(a, b));
    };
    with(5, 5, 5);
    with(64, 2000, 64);
    with(64, 64, 64);
    with(1, 3000, 400);
    with(400, 3000, 1);
    with(300, 301, 302);
    with(40, 8000, 40);
    const Tensor batch = randn({20, 70, 80}, generator, dtype);
    results.emplace_back("bmm", bmm(batch, transpose(batch, 1, 2)));
    Tensor weight = randn({200, 150}, generator, dtype).requires_grad();
    const Tensor x = randn({600, 200}, generator, dtype);
    Tape tape;
    results.emplace_back("weight's gradient", tape.gradient(sum(square(mm(x, weight))), {weight})[0]);
    const nn::Lstm lstm(96, 128, generator);
    lstm.to(dtype);
    results.emplace_back("lstm", lstm(randn({64, 12, 96}, generator, dtype)));
  }
  return results;
}

class OpenBlas : public testing::Test {
 protected:
  ~OpenBlas() override {
    setting_.set(setting_before_);
    set_thread_count(threads_before_);
  }
  // openblas_get_num_threads() is the other half of OpenMP's setting.
  void expect_setting(int count, int of_openblas) const {
    EXPECT_EQ(setting_.get(), count);
    EXPECT_EQ(openblas_get_num_threads(), of_openblas);
  }

  Setting setting_;

 private:
  const int setting_before_ = setting_.get(), threads_before_ = thread_count();
};

TEST_F(OpenBlas, KeepsItsSettingAndDoesNotShowInResults) {
  set_thread_count(1);
  setting_.set(1);
  const auto wanted = products();
  for (const int count : {1, 2, 4}) {
    for (const int threads : {1, 3}) {
      set_thread_count(threads);
      setting_.set(count);
      const int present = setting_.get(), of_openblas = openblas_get_num_threads();
      const auto found = products();
      expect_setting(present, of_openblas);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        SCOPED_TRACE(wanted[i].first + ", a setting of " + std::to_string(count));
        expect_same(found[i].second, wanted[i].second);
      }
    }
  }
}

TEST_F(OpenBlas, KeepsItsSettingWhenAnOpThrows) {
  setting_.set(3);
  const int present = setting_.get(), of_openblas = openblas_get_num_threads();
  const Tensor a = ones({300, 300});
  expect_error("mm", [&] { mm(a, ones({200, 300})); });
  expect_setting(present, of_openblas);
}

// Each thread of a program has a setting with OpenMP; else the last product puts the process's back.
TEST_F(OpenBlas, KeepsItsSettingWithSeveralThreads) {
  setting_.set(3);
  const int present = setting_.get(), of_openblas = openblas_get_num_threads();
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  const auto wanted = products();
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      const int before = setting_.get();
      const auto found = products();
      if (openblas_get_parallel() == 2) wrong += setting_.get() != before;
      for (std::size_t j = 0; j < wanted.size(); ++j)
        wrong += found[j].second.to_vector() != wanted[j].second.to_vector();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  expect_setting(present, of_openblas);
}

// Calls f once on each of `count` threads, parallel_for's.
void on_each_thread(int count, const std::function<void()>& f) {
  std::mutex mutex;
  std::condition_variable changed;
  int present = 0;
  parallel_for(count, [&](std::int64_t) {
    std::unique_lock lock(mutex);
    f();
    ++present;
    changed.notify_all();
    changed.wait(lock, [&] { return present == count; });
  });
}

// OpenBLAS without threads may give two of them the same buffer: wrong products, a tenth of them as it was seen.
TEST_F(OpenBlas, SeveralThreadsMayMultiplyAtOnce) {
  set_thread_count(4);
  Generator generator(6);
  const Tensor a = randn({8, 130, 130}, generator, float64), one = a[0];
  const auto wanted = bmm(a, a).to_vector(), wanted_of_one = mm(one, one).to_vector();
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 3000; ++round) wrong += mm(one, one).to_vector() != wanted_of_one;
    });
  }
  for (int round = 0; round < 200; ++round) wrong += bmm(a, a).to_vector() != wanted;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// A body of the program's own may use OpenMP on a worker.
TEST_F(OpenBlas, KeepsTheSettingOfWorkers) {
  if (openblas_get_parallel() != 2) return;
  const int all = 6;  // no other test starts as many, so that the same threads take part in each loop
  set_thread_count(all);
  on_each_thread(all, [&] { setting_.set(5); });
  const Tensor a = ones({700, 700});
  mm(a, a);
  on_each_thread(all, [&] { EXPECT_EQ(setting_.get(), 5); });
}

}  // namespace
}  // namespace taper::test
