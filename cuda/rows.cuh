// A row that lies across the threads of a warp or of a block: what all kernels of rows are made of. A row is
// read from memory once where it fits into registers.
#pragma once

#include <taper/cuda/launch.cuh>
#include <taper/cuda/reduce_block.cuh>

#include <cstdint>
#include <limits>
#include <type_traits>

namespace taper::cuda {

template <class T>
inline constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
inline constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

__device__ inline int lane_of_warp() { return static_cast<int>(threadIdx.x) % warp_size; }

// Short rows have a warp each, and a block has so many of them.
inline constexpr int rows_of_block = 4;
// Longer ones have a block each, with as many threads at most.
inline constexpr int most_threads = 256;

// The threads that share a row: one warp, or all of a block. Each function is called by all of them.
struct OneWarp {
  static constexpr bool is_block = false;
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
  __device__ static int warps() { return static_cast<int>(blockDim.x) / warp_size; }
  __device__ static int warp() { return static_cast<int>(threadIdx.x) / warp_size; }
  __device__ static void sync() { __syncthreads(); }
  template <class T, class Combine>
  __device__ static T reduce(T value, T neutral, Combine combine) {
    return reduce_block(value, neutral, combine);
  }
};

// Elements that lie side by side, 16 bytes of them: what a thread loads or stores in one instruction.
template <class T>
struct alignas(16) Pack {
  static constexpr int width = 16 / sizeof(T);
  T values[width];
};

// The pack that begins at row[first], with `padding` where that is not in [0, n).
template <class T, class Index>
__device__ Pack<T> load_pack(const T* row, Index first, Index n, T padding) {
  if (first >= 0 && first + Pack<T>::width <= n &&
      reinterpret_cast<std::uintptr_t>(row + first) % sizeof(Pack<T>) == 0) {
    return *reinterpret_cast<const Pack<T>*>(row + first);
  }
  Pack<T> pack;
  for (int e = 0; e < Pack<T>::width; ++e) {
    pack.values[e] = first + e >= 0 && first + e < n ? row[first + e] : padding;
  }
  return pack;
}

// row[first …] = pack, as far as that is in [0, n).
template <class T, class Index>
__device__ void store_pack(T* row, Index first, Index n, const Pack<T>& pack) {
  if (first >= 0 && first + Pack<T>::width <= n &&
      reinterpret_cast<std::uintptr_t>(row + first) % sizeof(Pack<T>) == 0) {
    *reinterpret_cast<Pack<T>*>(row + first) = pack;
    return;
  }
  for (int e = 0; e < Pack<T>::width; ++e) {
    if (first + e >= 0 && first + e < n) row[first + e] = pack.values[e];
  }
}

template <class T>
__device__ T largest_of(const Pack<T>& pack) {
  T largest = pack.values[0];
  for (int e = 1; e < Pack<T>::width; ++e) largest = max(largest, pack.values[e]);
  return largest;
}

// How many elements lie between the row's first and the last place before it that is aligned for a pack.
template <class T>
__device__ int misalignment(const T* row) {
  return static_cast<int>(reinterpret_cast<std::uintptr_t>(row) / sizeof(T) % Pack<T>::width);
}

// A row of n elements in registers, at most `steps` packs in each thread of the group. Packs are aligned as
// the memory is, so that the first and the last may stick out of the row: what lies there is the padding. In
// the order of the indices come first the warps, then the steps, then the lanes, then the elements of a pack.
template <class Element, class Group, int steps>
class RegisterRow {
 public:
  using T = Element;
  using Threads = Group;
  using Index = int;
  static constexpr int width = Pack<T>::width;
  static constexpr bool is_kept = true;  // what for_each's visitor changes
  // For __launch_bounds__: a kernel that holds one such row, or two of half as many steps, has registers enough.
  static constexpr int threads = Group::is_block ? most_threads : rows_of_block * warp_size;
  static constexpr int least_blocks = Group::is_block ? 3 : steps > 2 ? 6 : 8;

  __device__ RegisterRow(const T* row, std::int64_t n, T padding) : RegisterRow(row, n, padding, All()) {}
  // The same of another row of that length and alignment, but only the packs in which `where` has an element
  // > 0.
  __device__ RegisterRow(const T* row, std::int64_t n, T padding, const RegisterRow& where)
      : RegisterRow(row, n, padding, [&](int step) { return largest_of(where.packs_[step]) > 0; }) {}

  // Calls visit(pack, index of its first element) for each step: the whole warp at the same time.
  template <class Visit>
  __device__ void for_each(const Visit& visit) {
#pragma unroll
    for (int step = 0; step < steps; ++step) visit(packs_[step], first(step));
  }
  // The same, where elements up to `above` do not matter: they may show as the padding.
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
  struct All {
    __device__ bool operator()(int) const { return true; }
  };

  template <class IsWanted>
  __device__ RegisterRow(const T* row, std::int64_t n, T padding, const IsWanted& is_wanted)
      : begin_((Group::warp() * steps * warp_size + lane_of_warp()) * width - misalignment(row)) {
    const int end = static_cast<int>(n);
    // All loads first, so that they are under way together.
#pragma unroll
    for (int step = 0; step < steps; ++step) {
      for (int e = 0; e < width; ++e) packs_[step].values[e] = padding;
      const int at = first(step);
      if (at >= 0 && at + width <= end && is_wanted(step)) {
        packs_[step] = *reinterpret_cast<const Pack<T>*>(row + at);
      }
    }
    if (misalignment(row) == 0 && end % width == 0) return;
#pragma unroll
    for (int step = 0; step < steps; ++step) {
      const int at = first(step);
      if ((at < 0 || at + width > end) && is_wanted(step)) packs_[step] = load_pack(row, at, end, padding);
    }
  }

  __device__ int first(int step) const { return begin_ + step * warp_size * width; }

  Pack<T> packs_[steps];
  int begin_;
};

// A row that is too long for registers: each pass reads it again. Of each warp is a part of it that is
// contiguous.
template <class Element, class Group>
class MemoryRow {
 public:
  using T = Element;
  using Threads = Group;
  using Index = std::int64_t;
  static constexpr int width = Pack<T>::width;
  static constexpr bool is_kept = false;
  static constexpr int threads = Group::is_block ? most_threads : rows_of_block * warp_size;
  static constexpr int least_blocks = Group::is_block ? 3 : 6;

  __device__ MemoryRow(const T* row, std::int64_t n, T padding)
      : row_(row), n_(n), padding_(padding), shift_(misalignment(row)) {
    const std::int64_t packs = (n + shift_ + width - 1) / width;
    const std::int64_t turn = std::int64_t{Group::warps()} * warp_size;
    const std::int64_t of_warp = (packs + turn - 1) / turn * warp_size;
    begin_ = min(Group::warp() * of_warp, packs);
    end_ = min(begin_ + of_warp, packs);
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
    walk(true, [&](Pack<T>& pack, Index first) {
      const bool reads = other.reads_all_ || largest_of(pack) > 0;
      Pack<T> second = load_pack(other.row_, first, reads ? n_ : 0, other.padding_);
      visit(pack, second, first);
    });
  }
  __device__ void remember_largest(T largest) { largest_ = largest; }

 private:
  template <class Visit>
  __device__ void walk(bool reads, const Visit& visit) {
    constexpr int together = 4;  // loads that are under way at a time
    for (std::int64_t step = begin_; step < end_; step += together * warp_size) {
      Pack<T> packs[together];
#pragma unroll
      for (int i = 0; i < together; ++i) {
        packs[i] = load_pack(row_, first(step, i), reads && step + i * warp_size < end_ ? n_ : 0, padding_);
      }
#pragma unroll
      for (int i = 0; i < together; ++i) {
        if (step + i * warp_size < end_) visit(packs[i], first(step, i));
      }
    }
  }
  __device__ Index first(std::int64_t step, int i) const {
    return (step + i * warp_size + lane_of_warp()) * width - shift_;
  }

  const T* row_;
  std::int64_t n_;
  T padding_;
  int shift_;
  std::int64_t begin_, end_;  // packs of this warp
  T largest_ = infinity<T>;   // of this thread's elements
  bool reads_all_ = true;
};

// The largest element of the row; +inf where a NaN or +inf is in it, so that nothing else counts. Of what
// this thread holds, the same is returned in largest_of_thread.
template <class Row>
__device__ typename Row::T largest_of_row(Row& row, typename Row::T& largest_of_thread) {
  using T = typename Row::T;
  T largest = -infinity<T>;
  bool is_finite = true;
  row.for_each([&](const auto& pack, auto) {
    largest = max(largest, largest_of(pack));
    for (int e = 0; e < Row::width; ++e) is_finite &= pack.values[e] < infinity<T>;
  });
  largest_of_thread = is_finite ? largest : infinity<T>;
  return Row::Threads::reduce(largest_of_thread, -infinity<T>, Max());
}

// Calls body(row) for each row of a group of threads.
template <class Group, class Body>
__device__ void for_each_row(std::int64_t rows, const Body& body) {
  if constexpr (Group::is_block) {
    for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x) body(row);
  } else {
    const std::int64_t first = std::int64_t{blockIdx.x} * rows_of_block + threadIdx.x / warp_size;
    for (std::int64_t row = first; row < rows; row += std::int64_t{gridDim.x} * rows_of_block) body(row);
  }
}

// Calls body.operator()<Row>(blocks, threads) with the kind of row that suits n elements, unless there is nothing to do.
// held: how many such rows the kernel holds at a time, 1 or 2.
template <class T, int held = 1, class Body>
void with_row(std::int64_t rows, std::int64_t n, const Body& body) {
  if (rows == 0 || n == 0) return;
  constexpr std::int64_t width = Pack<T>::width, most_warps = most_threads / warp_size;
  constexpr int few = 2, many = 8 / held;  // packs of a thread
  // A row whose length is a multiple of the width is aligned; any other may begin anywhere within a pack.
  const std::int64_t packs = n % width == 0 ? n / width : (n + 2 * (width - 1)) / width;
  const std::int64_t warps = (packs + many * warp_size - 1) / (many * warp_size);
  if (packs <= many * warp_size) {
    constexpr int threads = rows_of_block * warp_size;
    const unsigned blocks = blocks_for(rows * warp_size, threads);
    if (packs <= few * warp_size) {
      body.template operator()<RegisterRow<T, OneWarp, few>>(blocks, threads);
    } else {
      body.template operator()<RegisterRow<T, OneWarp, many>>(blocks, threads);
    }
  } else if (warps <= most_warps) {
    const int threads = static_cast<int>(warps) * warp_size;
    body.template operator()<RegisterRow<T, WholeBlock, many>>(blocks_for(rows, 1), threads);
  } else {
    body.template operator()<MemoryRow<T, WholeBlock>>(blocks_for(rows, 1), most_threads);
  }
}

}  // namespace taper::cuda
