// A row that lies across the threads of a warp or of a block: what all kernels of rows are made of. A row is
// read from memory once if it fits into registers.
#pragma once

#include "launch.cuh"
#include "pack.cuh"
#include "reduce_block.cuh"

#include <cstdint>
#include <limits>
#include <type_traits>

namespace taper::cuda {

template <class T>
inline constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
inline constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

__device__ inline int lane_index() { return static_cast<int>(threadIdx.x) % warp_size; }

// Short rows have a warp each, and a block has so many of them.
inline constexpr int rows_per_block = 4;
// Longer ones have a block each, with as many threads at most.
inline constexpr int max_threads = 256;

// The threads that share a row: one warp, or all of a block. Each function is called by all of them.
struct OneWarp {
  static constexpr bool is_block = false;
  static constexpr int max_threads_per_block = rows_per_block * warp_size;
  __device__ static int warps() { return 1; }
  __device__ static int warp() { return 0; }
  __device__ static void sync() { __syncwarp(); }
  template <class T, class Combine>
  __device__ static T reduce(T value, T, Combine combine) {
    return reduce_warp(value, combine);
  }
};
struct WholeBlock {
  static constexpr bool is_block = true;
  static constexpr int max_threads_per_block = max_threads;
  __device__ static int warps() { return static_cast<int>(blockDim.x) / warp_size; }
  __device__ static int warp() { return static_cast<int>(threadIdx.x) / warp_size; }
  __device__ static void sync() { __syncthreads(); }
  template <class T, class Combine>
  __device__ static T reduce(T value, T neutral, Combine combine) {
    return reduce_block(value, neutral, combine);
  }
};

template <class T, int width>
__device__ Pack<T, width> pack_of(T value) {
  Pack<T, width> pack;
  for (int e = 0; e < width; ++e) pack.at[e] = value;
  return pack;
}
template <class T, int width>
__device__ T largest_of(const Pack<T, width>& pack) {
  T largest = pack.at[0];
  for (int e = 1; e < width; ++e) largest = max(largest, pack.at[e]);
  return largest;
}

// Rows consist of packs of `width` elements, of which a thread handles one in each step. Along the row the
// warps count outermost, then the steps, then the lanes, then the elements of a pack. What lies beyond the
// row's end is the padding.

// A row of n elements, a multiple of the width, in registers: at most `steps` packs in each
// thread of the group.
template <class Element, class Group, int packs_per_thread, int pack_size>
class RegisterRow {
 public:
  using T = Element;
  using Threads = Group;
  using Index = int;
  static constexpr int steps = packs_per_thread, width = pack_size;
  static constexpr bool is_kept = true;  // what for_each's visitor changes

  __device__ RegisterRow(const T* row, std::int64_t n, T padding) {
    load(row, static_cast<int>(n), padding, [](int) { return true; });
  }
  // The same for another row of that length, but loads only packs in which `where` has a positive element.
  __device__ RegisterRow(const T* row, std::int64_t n, T padding, const RegisterRow& where) {
    load(row, static_cast<int>(n), padding, [&](int step) { return largest_of(where.packs_[step]) > 0; });
  }

  // Calls visit(pack, index of its first element) for each step: the whole warp at the same time.
  template <class Visit>
  __device__ void for_each(const Visit& visit) {
#pragma unroll
    for (int step = 0; step < steps; ++step) visit(packs_[step], first(step));
  }
  // The same for a visitor that ignores elements up to `above`: it may be shown the padding in their place.
  template <class Visit>
  __device__ void for_each_above(T, const Visit& visit) {
    for_each(visit);
  }
  // Calls visit(pack of this row, pack of the other, index).
  template <class Visit>
  __device__ void for_each_pair(RegisterRow& other, const Visit& visit) {
#pragma unroll
    for (int step = 0; step < steps; ++step) visit(packs_[step], other.packs_[step], first(step));
  }
  // The largest element that this thread has, for for_each_above().
  __device__ void remember_largest(T) {}

 private:
  // All loads, before anything is computed: they are under way together.
  template <class IsWanted>
  __device__ void load(const T* row, int n, T padding, const IsWanted& is_wanted) {
#pragma unroll
    for (int step = 0; step < steps; ++step) {
      packs_[step] = pack_of<T, width>(padding);
      if (first(step) < n && is_wanted(step)) packs_[step] = load_pack<width>(row + first(step));
    }
  }
  __device__ static int first(int step) {
    return ((Group::warp() * steps + step) * warp_size + lane_index()) * width;
  }

  Pack<T, width> packs_[steps];
};

// A row that is too long for registers: each pass reads it again. Each warp has a contiguous part of it.
template <class Element, class Group, int pack_size>
class MemoryRow {
 public:
  using T = Element;
  using Threads = Group;
  using Index = std::int64_t;
  static constexpr int width = pack_size;
  static constexpr bool is_kept = false;

  __device__ MemoryRow(const T* row, std::int64_t n, T padding) : row_(row), padding_(padding) {
    constexpr int step = warp_size * width;
    const std::int64_t turn = std::int64_t{Group::warps()} * step, of_warp = (n + turn - 1) / turn * step;
    begin_ = min(Group::warp() * of_warp, n);
    end_ = min(begin_ + of_warp, n);
  }
  __device__ MemoryRow(const T* row, std::int64_t n, T padding, const MemoryRow&)
      : MemoryRow(row, n, padding) {
    reads_all_ = false;
  }

  template <class Visit>
  __device__ void for_each(const Visit& visit) {
    walk(true, visit);
  }
  // A thread that has no such element reads nothing.
  template <class Visit>
  __device__ void for_each_above(T above, const Visit& visit) {
    walk(largest_ > above, visit);
  }
  template <class Visit>
  __device__ void for_each_pair(MemoryRow& other, const Visit& visit) {
    walk(true, [&](Pack<T, width>& pack, Index first) {
      Pack<T, width> second = other.load(first, other.reads_all_ || largest_of(pack) > 0);
      visit(pack, second, first);
    });
  }
  __device__ void remember_largest(T largest) { largest_ = largest; }

 private:
  template <class Visit>
  __device__ void walk(bool reads, const Visit& visit) {
    constexpr int together = 4;  // loads that are under way at a time
    constexpr int step = warp_size * width;
    for (std::int64_t base = begin_; base < end_; base += together * step) {
      const Index first = base + lane_index() * width;
      Pack<T, width> packs[together];
#pragma unroll
      for (int i = 0; i < together; ++i) packs[i] = load(first + i * step, reads);
#pragma unroll
      for (int i = 0; i < together; ++i) {
        if (base + i * step < end_) visit(packs[i], first + i * step);
      }
    }
  }
  __device__ Pack<T, width> load(Index first, bool reads) const {
    Pack<T, width> pack = pack_of<T, width>(padding_);
    if (reads && first < end_) pack = load_pack<width>(row_ + first);
    return pack;
  }

  const T* row_;
  T padding_;
  Index begin_, end_;        // of this warp
  T largest_ = infinity<T>;  // of this thread's elements
  bool reads_all_ = true;
};

// Is the pack that begins at `first` one of a row of n elements?
template <class Index>
__device__ bool is_within(Index first, std::int64_t n) {
  return first < static_cast<Index>(n);
}
// to[first …] = pack, if it is one of the row's.
template <class T, int width, class Index>
__device__ void store_within(T* to, Index first, std::int64_t n, const Pack<T, width>& pack) {
  if (is_within(first, n)) store_pack(pack, to + first);
}

// to[i] = value for the n elements of a row, without reading one.
template <class Row, class T = typename Row::T>
__device__ void fill(T* to, std::int64_t n, T value) {
  using Group = typename Row::Threads;
  constexpr int step = warp_size * Row::width;
  const auto pack = pack_of<T, Row::width>(value);
  std::int64_t first = Group::warp() * step + lane_index() * Row::width;
  for (; first < n; first += Group::warps() * step) store_pack(pack, to + first);
}

// The largest element of the row; +inf if a NaN or +inf is in it, so that nothing else counts.
// thread_max becomes the same for the elements that this thread holds.
template <class Row>
__device__ typename Row::T row_max(Row& row, typename Row::T& thread_max) {
  using T = typename Row::T;
  T largest = -infinity<T>;
  bool is_finite = true;
  row.for_each([&](const auto& pack, auto) {
    largest = max(largest, largest_of(pack));
    for (int e = 0; e < Row::width; ++e) is_finite &= pack.at[e] < infinity<T>;
  });
  thread_max = is_finite ? largest : infinity<T>;
  return Row::Threads::reduce(thread_max, -infinity<T>, Max());
}

// Calls body(row) for each row of a group of threads.
template <class Group, class Body>
__device__ void for_each_row(std::int64_t rows, const Body& body) {
  if constexpr (Group::is_block) {
    for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x) body(row);
  } else {
    const std::int64_t first = std::int64_t{blockIdx.x} * rows_per_block + threadIdx.x / warp_size;
    for (std::int64_t row = first; row < rows; row += std::int64_t{gridDim.x} * rows_per_block) body(row);
  }
}

// For __launch_bounds__ of a kernel of rows: blocks that a multiprocessor should hold at least. They leave 80
// registers a thread for packs of four, and 128 for others, because the steps' arithmetic needs more.
template <class Row>
inline constexpr int least_blocks = (Row::Threads::is_block ? 1 : 2) * (Row::width == 4 ? 3 : 2);

// Calls body.operator()<Row>(blocks, threads) with the kind of row that suits n elements, in packs of the
// given width, unless there is nothing to do. held: how many such rows the kernel holds at a time, 1 or 2.
template <int held, int width, class T, class Body>
void with_row_of_packs(std::int64_t rows, std::int64_t n, const Body& body) {
  if (rows == 0 || n == 0) return;
  constexpr int few = 32 / (width * sizeof(T)), many = 128 / (held * width * sizeof(T));  // packs of a thread
  constexpr std::int64_t of_warp = warp_size * width;  // elements, in one step
  const std::int64_t warps = (n + many * of_warp - 1) / (many * of_warp);
  if (warps == 1) {
    constexpr int threads = OneWarp::max_threads_per_block;
    const unsigned blocks = blocks_for(rows * warp_size, threads);
    if (n <= few * of_warp) {
      body.template operator()<RegisterRow<T, OneWarp, few, width>>(blocks, threads);
    } else {
      body.template operator()<RegisterRow<T, OneWarp, many, width>>(blocks, threads);
    }
  } else if (warps <= max_threads / warp_size) {
    const int threads = static_cast<int>(warps) * warp_size;
    body.template operator()<RegisterRow<T, WholeBlock, many, width>>(blocks_for(rows, 1), threads);
  } else {
    body.template operator()<MemoryRow<T, WholeBlock, width>>(blocks_for(rows, 1), max_threads);
  }
}
// The same, in packs of 16 bytes if n is a multiple of their width.
template <class T, int held = 1, class Body>
void with_row(std::int64_t rows, std::int64_t n, const Body& body) {
  if (n % widest_pack<T> == 0) {
    with_row_of_packs<held, widest_pack<T>, T>(rows, n, body);
  } else {
    with_row_of_packs<held, 1, T>(rows, n, body);
  }
}

}  // namespace taper::cuda
