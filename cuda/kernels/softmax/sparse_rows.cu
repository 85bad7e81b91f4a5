// sparse_softmax, topk_softmax, sparse_softmax_as_written and entmax on rows, and what their backward needs.
//
// Floor: 8 bytes an element for float32, 16 for float64: each is read once and written once. A row of at most
// 8192 (4096) elements is held in registers, by one warp up to 1024 (512), by a block beyond; longer ones
// are read once, and then again only by the threads that hold a candidate.
#include "choice.cuh"
#include "entmax.cuh"
#include "row_kernels.hpp"

namespace taper::cuda {
namespace {

using kernels::RowFunction;

// What is computed from a row's chosen elements; together with z_i it gives the result at i.
template <class T>
struct Outcome {
  Choice<T> choice;
  int ties;      // how many of choice.tied are chosen; 0: all
  int size;      // chosen elements
  double scale;  // tau, theta, or the sum of the exponentials
  double bound;  // the projection's bound
};

// The outcome for `size` candidates, which are the chosen elements unless there are more than k.
template <bool is_projection, class Row, class T>
__device__ Outcome<T> outcome_of(RowFunction function, double alpha, Row& row, Choice<T> choice, int size,
                                 int k, T largest, T* buffer) {
  Outcome<T> outcome{choice, 0, min(size, k), 0, 0};
  if (size > k) outcome.ties = limit_to(k, row, largest, outcome.choice);
  const Choice<T>& chosen = outcome.choice;
  if constexpr (is_projection) {
    const Projection p = project(row, chosen, outcome.size, static_cast<double>(largest), buffer);
    outcome.scale = p.tau;
    outcome.bound = p.bound;
  } else if (function == RowFunction::topk_softmax) {
    double sum = 0;
    row.for_each_above(chosen.above, [&](const auto& pack, auto first) {
      for (int e = 0; e < Row::width; ++e) {
        const T z = pack.at[e];
        if (chosen.has(z, first + e)) sum += static_cast<double>(std::exp(z - largest));
      }
    });
    outcome.scale = Row::Threads::reduce(sum, 0.0, Sum());
  } else if (function == RowFunction::sparse_softmax_as_written) {
    const double sum =
        sum_of_chosen<1>(row, chosen, buffer, static_cast<double>(largest), [](T) { return true; });
    outcome.scale = (sum - 1) / outcome.size;
  } else if (function == RowFunction::entmax) {
    outcome.scale = entmax_theta(row, chosen, alpha, static_cast<double>(largest));
  }
  return outcome;
}

// The same, found by one warp from a list of the candidates.
template <bool is_projection, class Group, class T>
__device__ Outcome<T> outcome_of_list(RowFunction function, double alpha,
                                      const AboveBound<T, Group>& candidates, Choice<T> choice, int k,
                                      T largest, T* memory) {
  List<T> list(candidates.total, candidates);
  choice.above =
      raised_by_maxima<is_projection, OneWarp>(k, list.largest_of_lane(), largest, choice.above, memory);
  const int size = count(list, choice.above, [&](T z, auto) { return z > choice.above; });
  return outcome_of<is_projection>(function, alpha, list, choice, size, k, largest, memory);
}

// Gives all threads of a block the outcome that its first warp has found. Before the next call there
// must be a barrier.
template <class T>
__device__ Outcome<T> of_first_warp(const Outcome<T>& outcome) {
  __shared__ double shared[6];
  if (threadIdx.x == 0) {
    shared[0] = static_cast<double>(outcome.choice.above),
    shared[1] = static_cast<double>(outcome.choice.tied);
    shared[2] = outcome.ties, shared[3] = outcome.size;
    shared[4] = outcome.scale, shared[5] = outcome.bound;
  }
  __syncthreads();
  return {{static_cast<T>(shared[0]), static_cast<T>(shared[1])},
          static_cast<int>(shared[2]),
          static_cast<int>(shared[3]),
          shared[4],
          shared[5]};
}

// The result at element i, whose value is z.
template <bool is_projection, class T, class Index>
__device__ T result_of(RowFunction function, double alpha, const Outcome<T>& outcome, T largest, T z,
                       Index i) {
  if (function == RowFunction::sparse_softmax_as_written) {
    const double p = static_cast<double>(z) - static_cast<double>(largest) - outcome.scale;
    return static_cast<T>(max(0.0, p));
  }
  if (!outcome.choice.has(z, i)) return 0;
  if (function == RowFunction::entmax) {
    const double t = static_cast<double>(z) - static_cast<double>(largest) - outcome.scale;
    return static_cast<T>(EntmaxPower(t, alpha).p);
  }
  if constexpr (is_projection) {
    const double relative = static_cast<double>(z) - static_cast<double>(largest);
    return relative > outcome.bound ? static_cast<T>(relative - outcome.scale) : T{0};
  }
  if (function == RowFunction::topk_softmax) return std::exp(z - largest) / static_cast<T>(outcome.scale);
  return 1 / static_cast<T>(outcome.size);  // tau_gradient
}

// Writes the results of a row.
template <bool is_projection, class Row, class T>
__device__ void write(RowFunction function, double alpha, Row& row, const Outcome<T>& outcome, T largest,
                      T* out, std::int64_t n) {
  const bool as_written = function == RowFunction::sparse_softmax_as_written;
  const T above = as_written ? -infinity<T> : outcome.choice.above;
  row.for_each_above(above, [&](const auto& pack, auto first) {
    Pack<T, Row::width> result{};
    if (largest_of(pack) > above) {
      for (int e = 0; e < Row::width; ++e) {
        result.at[e] = result_of<is_projection>(function, alpha, outcome, largest, pack.at[e], first + e);
      }
    }
    store_within(out, first, n, result);
  });
}

// The result for a row with more elements above `above` than a list has room for. It takes many passes, each
// of which reads the row again, and stands apart so that the usual case has the registers for itself.
template <bool is_projection, class Group, class T>
[[gnu::noinline]] __device__ void map_crowded_row(RowFunction function, double alpha, const T* x,
                                                  std::int64_t n, int k, T largest, T above, T* memory,
                                                  T* out) {
  MemoryRow<T, Group, 1> row(x, n, -infinity<T>);
  if constexpr (is_projection) above = raised_by_tau(row, largest, above);
  const int size = count(row, above, [above](T z, auto) { return z > above; });
  const auto outcome =
      outcome_of<is_projection>(function, alpha, row, Choice<T>{above}, size, k, largest, memory);
  write<is_projection>(function, alpha, row, outcome, largest, out, n);
}

// y = the function of each row of x, both (rows, n). is_projection: the function is sparse_softmax.
template <bool is_projection, class Row, class T>
__global__ void __launch_bounds__(Row::Threads::max_threads_per_block, least_blocks<Row>)
    map_sparse(RowFunction which, double alpha, std::int64_t rows, std::int64_t n, int k, const T* x, T* y) {
  using Group = typename Row::Threads;
  static_assert(list_room >= warp_size);
  __shared__ T memory[Group::max_threads_per_block / warp_size * list_room];
  T* const own = Group::is_block ? memory : memory + threadIdx.x / warp_size * list_room;
  const RowFunction function = is_projection ? RowFunction::sparse_softmax : which;

  for_each_row<Group>(rows, [&](std::int64_t r) {
    Row row(x + r * n, n, -infinity<T>);
    T* const out = y + r * n;
    T thread_max;
    const T largest = row_max(row, thread_max);
    row.remember_largest(thread_max);
    if (largest == infinity<T>) return fill<Row>(out, n, not_a_number<T>);
    if (largest == -infinity<T>) return fill<Row>(out, n, T{0});

    Choice<T> choice{-infinity<T>};
    if (is_projection) choice.above = just_below(largest - 1);
    if (function == RowFunction::entmax) choice.above = just_below(largest - entmax_width<T>(alpha));
    auto candidates = candidates_of(row, choice.above, own);
    if (candidates.total > list_room) {
      choice.above = raised_by_maxima<is_projection, Group>(k, thread_max, largest, choice.above, own);
      candidates = candidates_of(row, choice.above, own);
    }
    if (candidates.total <= list_room) {
      Outcome<T> outcome;
      if (Group::warp() == 0) {
        outcome = outcome_of_list<is_projection>(function, alpha, candidates, choice, k, largest, own);
      }
      if constexpr (Group::is_block) outcome = of_first_warp(outcome);
      // The list knows how many elements of a tie are chosen, but not their indices in the row.
      if (outcome.ties > 0) outcome.choice.last_tie = index_of_nth(row, outcome.choice.tied, outcome.ties);
      write<is_projection>(function, alpha, row, outcome, largest, out, n);
    } else {
      map_crowded_row<is_projection, Group>(function, alpha, x + r * n, n, k, largest, choice.above, own,
                                            out);
    }
    Group::sync();  // before the next row uses the memory
  });
}

// out = s (g - sum s g / sum s) with s = p^exponent on S = {p > 0}, 0 elsewhere; NaN where p is. With the
// exponent 0 that is g less its mean over S. All are (rows, n).
//
// Floor: 8 bytes an element for float32: p is read and out is written; of g, the packs that touch S are read.
template <class Row, class T>
__global__ void __launch_bounds__(Row::Threads::max_threads_per_block, least_blocks<Row>)
    center(std::int64_t rows, std::int64_t n, double exponent, const T* g, const T* p, T* out) {
  using Group = typename Row::Threads;
  __shared__ T memory[rows_per_block * list_room];
  T* const own = Group::is_block ? memory : memory + threadIdx.x / warp_size * list_room;

  for_each_row<Group>(rows, [&](std::int64_t r) {
    Row row(p + r * n, n, 0);
    T* const to = out + r * n;
    if (const T first = p[r * n]; first != first) {
      row.for_each([&](const auto& pack, auto at) { store_within(to, at, n, pack); });
      return;
    }
    Row gradient(g + r * n, n, 0, row);
    if (exponent != 0) return center_weighted(row, gradient, exponent, to, n);
    const double sum = sum_in_order<1, Group>(own, 0, [&](const auto& add) {
      row.for_each_pair(gradient, [&](const auto& pack, const auto& values, auto) {
        if (!__any_sync(all_lanes, largest_of(pack) > 0)) return;
        bool in[Row::width];
        for (int e = 0; e < Row::width; ++e) in[e] = pack.at[e] > 0;
        add(in, values.at);
      });
    });
    const int size = count(row, T{0}, [](T value, auto) { return value > 0; });
    const T mean = static_cast<T>(sum / size);
    row.for_each_pair(gradient, [&](const auto& pack, const auto& values, auto at) {
      Pack<T, Row::width> result;
      for (int e = 0; e < Row::width; ++e) result.at[e] = pack.at[e] > 0 ? values.at[e] - mean : T{0};
      store_within(to, at, n, result);
    });
    Group::sync();
  });
}

}  // namespace

void sparse_rows(RowFunction function, std::int64_t k, double alpha, std::int64_t rows, std::int64_t n,
                 const Tensor& x, Tensor& y) {
  const int at_most = static_cast<int>(std::min(k, n));
  dispatch(x.dtype(), [&]<class T>() {
    const auto run = [&](auto* kernel, unsigned blocks, int threads) {
      launch("sparse_softmax", kernel, blocks, threads, 0, function, alpha, rows, n, at_most, pointer<T>(x),
             pointer<T>(y));
    };
    if (function == RowFunction::sparse_softmax) {
      with_row<T>(rows, n, [&]<class Row>(unsigned blocks, int threads) {
        run(map_sparse<true, Row, T>, blocks, threads);
      });
    } else {  // seldom: without kernels for wide packs
      with_row_of_packs<1, 1, T>(rows, n, [&]<class Row>(unsigned blocks, int threads) {
        run(map_sparse<false, Row, T>, blocks, threads);
      });
    }
  });
}

void center_rows(std::int64_t rows, std::int64_t n, double exponent, const Tensor& g, const Tensor& p,
                 Tensor& out) {
  dispatch(p.dtype(), [&]<class T>() {
    with_row<T, 2>(rows, n, [&]<class Row>(unsigned blocks, int threads) {
      launch("center_rows", center<Row, T>, blocks, threads, 0, rows, n, exponent, pointer<T>(g),
             pointer<T>(p), pointer<T>(out));
    });
  });
}

}  // namespace taper::cuda
