// Threads: how many the library uses, and the loop that its kernels share out among them.
#pragma once

#include <cstdint>

namespace taper {

// How many threads an op may use, the calling one included. This is the library's only such setting: OpenBLAS
// is called with one thread for each of ours. At first it is the environment variable TAPER_THREADS, or else
// the number of processors that this process may run on. No result depends on it, not even in the last bit.
// Throws if TAPER_THREADS is not a number of at least 1.
int thread_count();
// Throws if count < 1.
void set_thread_count(int count);

namespace internal {

// A loop body without its type: what it refers to, and how to call it.
struct LoopBody {
  const void* context;
  void (*call)(const void* context, std::int64_t i);
};
void parallel_for(std::int64_t count, LoopBody body);

// The same for a body of ranges.
struct RangeBody {
  const void* context;
  void (*call)(const void* context, std::int64_t begin, std::int64_t end);
};
void parallel_ranges(std::int64_t count, std::int64_t part, RangeBody body);

}  // namespace internal

// Calls body(i) for each i in [0, count), on up to thread_count() threads, and returns when all have ended.
// Which thread takes which i is not fixed, so body must not depend on it. Inside a body, or while another
// thread's loop runs, it is a plain loop. The first exception that a body throws is thrown again here; then
// some i may not have run. All bodies round as the calling thread does (std::fesetround). If a body calls
// fork(), it must not return in the child, since the other bodies are the parent's: parallel_for throws there.
template <class Body>
void parallel_for(std::int64_t count, const Body& body) {
  internal::parallel_for(
      count, {&body, [](const void* context, std::int64_t i) { (*static_cast<const Body*>(context))(i); }});
}

// How many elements of a plain loop one thread takes at a time.
inline constexpr std::int64_t part_size = 16384;

// Calls body(begin, end) for consecutive ranges of [0, count), each of `part` items except the last. Up to
// two parts are one call: waking a thread takes a microsecond or two, so that a part should take several.
template <class Body>
void parallel_ranges(std::int64_t count, std::int64_t part, const Body& body) {
  internal::parallel_ranges(count, part,
                            {&body, [](const void* context, std::int64_t begin, std::int64_t end) {
                               (*static_cast<const Body*>(context))(begin, end);
                             }});
}

}  // namespace taper
