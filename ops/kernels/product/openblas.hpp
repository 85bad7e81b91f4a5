// What every call of OpenBLAS has to know. (Its own <cblas.h> clashes with xtensor-blas's.)
#pragma once

#include <algorithm>
#include <cstdint>

namespace taper::kernels {

// Our products run on the threads of parallel_for, and their last bits must not depend on OpenBLAS's threads. The
// program may use OpenBLAS as well, with any number of threads, and finds its setting as it left it:
//
// - OpenBLAS with threads of its own has one setting, for the process. It is 1 while products of ours are under
//   way, and then what it was, so that products of the program on other threads meanwhile take one thread. If the
//   program sets it meanwhile, that holds, and the last bits of our products are undefined.
// - OpenBLAS with OpenMP has a setting for each thread. It is 1 on the threads of our products, and then what it was.
// - OpenBLAS without threads has none. It hands out its buffers without a lock (as Debian builds 0.3.21, two threads
//   that multiply at once may get the same one, and wrong results), so that one product at a time is under way, on one
//   thread. We can't keep apart from it what the program itself multiplies meanwhile.
//
// (openblas_set_num_threads_local, from version 0.3.27 on, is not local: it sets the first of these as well.)

// May OpenBLAS share out a product of an (m, k) and a (k, n) matrix among threads? As it is built by default, it
// does so beyond 2^18 multiplications, and newer versions beyond 9216 if the product is a vector.
inline bool may_use_threads(std::int64_t m, std::int64_t n, std::int64_t k) {
  const double limit = std::min(m, n) == 1 ? 9216 : 262144;
  return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) > limit;
}

// Lives on a thread while that thread, and others on its behalf, call OpenBLAS. If the product may use threads,
// it takes care of the process's setting. fork() waits until no thread has one: OpenBLAS locks a mutex for each
// product, which would stay locked in the child.
class OpenBlasCalls {
 public:
  explicit OpenBlasCalls(bool may_use_threads);
  ~OpenBlasCalls();
  OpenBlasCalls(const OpenBlasCalls&) = delete;
  OpenBlasCalls& operator=(const OpenBlasCalls&) = delete;

  // Only this thread may call OpenBLAS.
  bool is_alone() const { return is_alone_; }

 private:
  const bool is_alone_;
  bool sets_;
};

// Takes care of this thread's setting, if there is one and the product may use threads. On each thread that
// calls OpenBLAS.
class OneOpenMpThread {
 public:
  explicit OneOpenMpThread(bool may_use_threads) {
    if (may_use_threads) begin();
  }
  ~OneOpenMpThread() {
    if (before_ > 1) end();
  }
  OneOpenMpThread(const OneOpenMpThread&) = delete;
  OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;

 private:
  void begin();
  void end();

  int before_ = 1;
};

// On processors with AVX-512, OpenBLAS has float32 kernels for products of up to a million multiplications,
// which copy nothing beforehand. They ran at 112 GF/s and the others at 96, so that it pays to cut a product
// with a small matrix into slices of that size.
inline constexpr std::int64_t largest_slice = 1'000'000;
bool has_kernels_for_slices();

}  // namespace taper::kernels
