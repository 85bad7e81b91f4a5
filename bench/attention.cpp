// Taper's side of bench/attention.py. Answers each line of standard input with a line of JSON:
//
//   WHAT BATCH ROWS WIDTH K DEVIATION SECONDS   runs WHAT for so many seconds, replies with medians
//   check FOLDER K                              reads the .npy inputs there, writes the results beside them
//
// WHAT is sparse_attention or gemm (queries, keys and values of BATCH x ROWS x WIDTH, scores of the standard
// deviation DEVIATION), sparse_softmax or copy (matrices of ROWS x WIDTH), or peak. bench/attention_peers.py
// understands the same lines.
#include "clock.hpp"
#include <taper/core/create.hpp>
#include <taper/core/io/npy.hpp>
#include <taper/core/random.hpp>
#include <taper/core/tape.hpp>
#include <taper/core/threads.hpp>
#include <taper/ops/attention/sparse_attention.hpp>
#include <taper/ops/elementwise/mul.hpp>
#include <taper/ops/softmax/sparse_softmax.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <cblas.h>

extern "C" {
void openblas_set_num_threads(int count);
int openblas_get_num_threads();
}

using namespace taper;
using bench::median, bench::now;

namespace {

struct Request {
  std::string what;
  std::int64_t batch = 1, rows = 0, width = 0, k = 1;
  double deviation = 1, seconds = 0;
};

// Seconds that the parts of one run took.
struct Run {
  double forward, backward = 0;
  double total() const { return forward + backward; }
};

// Runs `work` for about `seconds`. The first run of a turn warms the caches and does not count, unless it
// alone takes longer than `seconds`.
void time_runs(double seconds, const std::function<Run()>& work) {
  std::vector<double> forward, backward, total;
  const double start = now();
  const Run first = work();
  for (Run run = first.total() > seconds ? first : work();; run = work()) {
    forward.push_back(run.forward);
    backward.push_back(run.backward);
    total.push_back(run.total());
    if (now() - start >= seconds) break;
  }
  std::printf("{\"forward\": %.6g, \"backward\": %.6g, \"total\": %.6g, \"runs\": %zu}\n", median(forward),
              median(backward), median(total), total.size());
}

// Normal numbers for a request. They are kept for the next turns that ask for the same.
struct Inputs {
  Request request;
  std::vector<Tensor> tensors;
  Tensor cotangent;
};

const Inputs& inputs_for(const Request& request) {
  static Inputs kept;
  const auto key = [](const Request& r) { return std::tie(r.what, r.batch, r.rows, r.width, r.deviation); };
  if (key(kept.request) == key(request)) return kept;
  kept = {request, {}, {}};
  if (request.what == "sparse_softmax") {
    const Shape shape{request.rows, request.width};
    kept.tensors = {randn(shape) * request.deviation};
    kept.cotangent = randn(shape);
  } else {
    // A score is a sum of `width` products of numbers of this deviation: its own deviation is
    // amplitude^2 sqrt(width).
    const double amplitude = std::sqrt(request.deviation / std::sqrt(static_cast<double>(request.width)));
    const Shape shape{request.batch, request.rows, request.width};
    kept.tensors = {randn(shape) * amplitude, randn(shape) * amplitude, randn(shape)};
    kept.cotangent = randn(shape);
  }
  for (Tensor& tensor : kept.tensors) tensor.requires_grad();
  return kept;
}

// f(inputs) through a tape, then its gradients with respect to all inputs.
template <class Function>
void time_both(const Request& request, Function f) {
  const Inputs& inputs = inputs_for(request);
  time_runs(request.seconds, [&] {
    const double start = now();
    Tape tape;
    const Tensor y = f(inputs.tensors);
    const double middle = now();
    const std::vector<Tensor> gradients = tape.gradient(y, inputs.tensors, {.cotangent = inputs.cotangent});
    return Run{middle - start, now() - middle};
  });
}

// As long as it lives, OpenBLAS uses all our threads; ops want it as it was before.
class AllThreadsForBlas {
 public:
  AllThreadsForBlas() { openblas_set_num_threads(thread_count()); }
  ~AllThreadsForBlas() { openblas_set_num_threads(before_); }
  AllThreadsForBlas(const AllThreadsForBlas&) = delete;
  AllThreadsForBlas& operator=(const AllThreadsForBlas&) = delete;

 private:
  int before_ = openblas_get_num_threads();
};

// C_i = A_i B_i^T for each i of the batch: A and B of rows x width, C of rows x rows. The buffer is written
// once before the clock starts, so that its pages are there.
void time_gemm(std::int64_t batch, std::int64_t rows, std::int64_t width, double seconds) {
  const AllThreadsForBlas all_threads;
  const Tensor a = randn({batch, rows, width}), b = randn({batch, rows, width});
  static Tensor product;
  if (!product || product.shape() != Shape{batch, rows, rows}) {
    product = {};
    product = zeros({batch, rows, rows});
  }
  const int n = static_cast<int>(rows), d = static_cast<int>(width);
  time_runs(seconds, [&] {
    const double start = now();
    for (std::int64_t i = 0; i < batch; ++i) {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, d, 1, a.data<float>() + i * rows * width, d,
                  b.data<float>() + i * rows * width, d, 0, product.mutable_data<float>() + i * rows * rows,
                  n);
    }
    return Run{now() - start};
  });
}

// memcpy of a matrix into a warm buffer, each thread a part.
void time_copy(const Request& request) {
  const Tensor from = ones({request.rows, request.width});
  Tensor to = zeros(from.shape());
  const std::int64_t parts = thread_count();
  time_runs(request.seconds, [&] {
    const double start = now();
    parallel_for(parts, [&](std::int64_t part) {
      const std::int64_t begin = from.size() * part / parts, end = from.size() * (part + 1) / parts;
      std::memcpy(to.mutable_data<float>() + begin, from.data<float>() + begin,
                  static_cast<std::size_t>(end - begin) * sizeof(float));
    });
    return Run{now() - start};
  });
}

// Output and gradients of sparse_attention for the inputs in the folder.
void check(const std::string& folder, std::int64_t k) {
  std::vector<Tensor> inputs;
  for (const char* name : {"queries", "keys", "values"}) {
    inputs.push_back(load_npy(folder + "/" + name + ".npy").requires_grad());
  }
  Tape tape;
  const Tensor y = sparse_attention(inputs[0], inputs[1], inputs[2], k);
  const Tensor cotangent = load_npy(folder + "/cotangent.npy");
  const std::vector<Tensor> gradients = tape.gradient(y, inputs, {.cotangent = cotangent});
  save_npy(folder + "/output.npy", y);
  save_npy(folder + "/d_queries.npy", gradients[0]);
  save_npy(folder + "/d_keys.npy", gradients[1]);
  save_npy(folder + "/d_values.npy", gradients[2]);
  std::printf("{}\n");
}

void answer(const std::string& line) {
  std::istringstream words(line);
  Request request;
  words >> request.what;
  if (request.what == "check") {
    std::string folder;
    words >> folder >> request.k;
    return check(folder, request.k);
  }
  words >> request.batch >> request.rows >> request.width >> request.k >> request.deviation >>
      request.seconds;
  if (!words) throw std::invalid_argument("not a request: " + line);
  if (request.what == "sparse_attention") {
    return time_both(
        request, [&](const std::vector<Tensor>& x) { return sparse_attention(x[0], x[1], x[2], request.k); });
  }
  if (request.what == "sparse_softmax") {
    return time_both(request, [&](const std::vector<Tensor>& x) { return sparse_softmax(x[0], request.k); });
  }
  if (request.what == "gemm") return time_gemm(request.batch, request.rows, request.width, request.seconds);
  if (request.what == "copy") return time_copy(request);
  if (request.what == "peak") return time_gemm(1, request.rows, request.rows, request.seconds);
  throw std::invalid_argument("not something to time: " + line);
}

}  // namespace

int main() { return bench::answer_lines(answer); }
