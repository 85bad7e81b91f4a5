#include "measure.hpp"

#include "../clock.hpp"
#include <taper/core/create.hpp>
#include <taper/core/memory/pool.hpp>
#include <taper/core/random.hpp>
#include <taper/core/threads.hpp>
#include <taper/cuda/memory/cuda_stream.hpp>

#include <algorithm>
#include <exception>
#include <iostream>
#include <vector>

using namespace taper;

namespace bench {
namespace {

int failed_lines = 0;

void wait() { cuda::check(cudaStreamSynchronize(cuda::stream()), "wait"); }

// Events on the library's stream.
class Events {
 public:
  explicit Events(int count) : events_(static_cast<std::size_t>(count)) {
    for (cudaEvent_t& event : events_) cuda::check(cudaEventCreate(&event), "events");
  }
  ~Events() {
    for (cudaEvent_t event : events_) cudaEventDestroy(event);
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  void record(int i) { cuda::check(cudaEventRecord(at(i), cuda::stream()), "events"); }
  // Seconds from event i to the next one, when both have happened.
  double interval(int i) const {
    float milliseconds = 0;
    cuda::check(cudaEventElapsedTime(&milliseconds, at(i), at(i + 1)), "events");
    return 1e-3 * static_cast<double>(milliseconds);
  }

 private:
  cudaEvent_t at(int i) const { return events_[static_cast<std::size_t>(i)]; }
  std::vector<cudaEvent_t> events_;
};

std::size_t free_bytes() {
  wait();
  std::size_t free = 0, total = 0;
  cuda::check(cudaMemGetInfo(&free, &total), "free_bytes");
  return free;
}

}  // namespace

Json time_on_device(double seconds, const std::function<void(int run)>& work) {
  // Until the device's clocks have risen, and whatever the first run creates is there.
  double one = 0;
  const double start = now();
  for (int run = 0; run < 3 || now() - start < seconds / 2; ++run) {
    const double before = now();
    work(run);
    wait();
    one = std::max(now() - before, 1e-6);
  }
  constexpr int fewest = 5, most = 300;
  const int runs = static_cast<int>(std::clamp<double>(seconds / one, fewest, most));

  Events events(runs + 1);
  events.record(0);
  for (int run = 0; run < runs; ++run) {
    work(run);
    events.record(run + 1);
  }
  wait();
  std::vector<double> times;
  for (int run = 0; run < runs; ++run) times.push_back(events.interval(run));
  std::sort(times.begin(), times.end());
  const std::size_t n = times.size();
  return {{"seconds", times[n / 2]},
          {"lower_quartile", times[n / 4]},
          {"upper_quartile", times[3 * n / 4]},
          {"runs", runs}};
}

std::size_t bytes_taken(const std::function<void()>& work) {
  wait();
  release_cached_memory(Device::cuda());
  const std::size_t before = free_bytes();
  work();
  return before - std::min(before, free_bytes());
}

Tensor normal(const Shape& shape, std::uint64_t seed, DType dtype) {
  constexpr std::int64_t part = 1 << 16;
  Tensor x = zeros(shape, dtype);
  dispatch(dtype, [&]<class T>() {
    T* elements = x.mutable_data<T>();
    parallel_ranges(x.size(), part, [&](std::int64_t begin, std::int64_t end) {
      Generator generator(seed * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(begin));
      for (std::int64_t i = begin; i < end; ++i) elements[i] = static_cast<T>(generator.normal());
    });
  });
  return x.to(Device::cuda());
}

void print(const char* group, Json line) {
  Json whole{{"group", group}};
  whole.update(line);
  std::cout << whole.dump() << std::endl;
}

void print_measured(const char* group, const Json& about, const std::function<Json()>& measure) {
  Json line = about;
  try {
    line.update(measure());
  } catch (const std::exception& error) {
    line["error"] = error.what();
    ++failed_lines;
  }
  print(group, line);
}

int failures() { return failed_lines; }

}  // namespace bench
