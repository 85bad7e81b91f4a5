// y = f(x_0, …) over elements that broadcast: the kernel behind map and cast.
#pragma once

#include "../index.hpp"
#include "../launch.cuh"
#include "../pack.cuh"

namespace taper::cuda {

inline constexpr int map_threads = 256;

// How many packs a thread takes: enough loads under way to keep the memory busy.
template <int width>
inline constexpr int packs_per_thread = width == 1 ? 4 : 2;

template <class T, int operands>
struct Sources {
  const T* of[operands];
};

template <class Out, class F, class In>
__device__ Out apply(const F& f, const In (&x)[1]) {
  return f(x[0]);
}
template <class Out, class F, class In>
__device__ Out apply(const F& f, const In (&x)[2]) {
  return f(x[0], x[1]);
}
template <class Out, class F, class In>
__device__ Out apply(const F& f, const In (&x)[3]) {
  return f(x[0], x[1], x[2]);
}

// y[i] = f(x_0[offset_0(i)], …) for `packs` packs of `width` elements of y, then for `rest` more if there is
// only one loop. y may be an operand that is not repeated: the thread that writes an element has read it
// before, and no other thread reads it.
//
// The floor: each element of the operands is read once and each of y written once. (A repeated element is
// read again, from the caches.)
template <int width, class F, class In, class Out, int operands>
__global__ void __launch_bounds__(map_threads)
    map_kernel(F f, Sources<In, operands> x, Out* y, Loops<operands> loops, std::uint32_t packs,
               std::uint32_t rest) {
  constexpr int each = packs_per_thread<width>;
  const std::uint32_t first = blockIdx.x * (map_threads * each) + threadIdx.x;
  Pack<In, width> in[each][operands];
  for (int i = 0; i < each; ++i) {
    const std::uint32_t pack = first + i * map_threads;
    if (pack >= packs) break;
    const auto offsets = loops.offsets(pack);
    for (int k = 0; k < operands; ++k) {
      const In* const from = x.of[k] + offsets.of[k];
      if (width == 1 || loops.strides[k][0] != 0) {
        in[i][k] = load_pack<width>(from);
      } else {
        const In repeated = *from;
        for (int j = 0; j < width; ++j) in[i][k].at[j] = repeated;
      }
    }
  }
  for (int i = 0; i < each; ++i) {
    const std::uint32_t pack = first + i * map_threads;
    if (pack >= packs) break;
    Pack<Out, width> out;
    for (int j = 0; j < width; ++j) {
      In of[operands];
      for (int k = 0; k < operands; ++k) of[k] = in[i][k].at[j];
      out.at[j] = apply<Out>(f, of);
    }
    store_pack(out, y + std::int64_t{pack} * width);
  }
  if (first < rest) {
    const std::int64_t i = std::int64_t{packs} * width + first;
    In of[operands];
    for (int k = 0; k < operands; ++k) of[k] = x.of[k][loops.strides[k][0] == 0 ? 0 : i];
    y[i] = apply<Out>(f, of);
  }
}

template <int width, class F, class In, class Out, int operands>
void launch_map(const char* op, const Nest<operands>& piece, const F& f, const Sources<In, operands>& x,
                Out* y) {
  const std::int64_t size = piece.size(), packs = size / width;
  const std::int64_t blocks =
      std::max<std::int64_t>(1, divided_up(packs, map_threads * packs_per_thread<width>));
  launch(op, map_kernel<width, F, In, Out, operands>, static_cast<unsigned>(blocks), map_threads, 0, f, x, y,
         Loops<operands>(piece, width), static_cast<std::uint32_t>(packs),
         static_cast<std::uint32_t>(size % width));
}

// y[i] = f(…) for all turns i of the nest, in packs of `width` if the nest and the pointers allow.
template <int width, class F, class In, class Out, int operands>
void map_elements(const char* op, const Nest<operands>& nest, const F& f, const Sources<In, operands>& x,
                  Out* y) {
  for_each_piece(nest, [&](const Nest<operands>& piece) {
    Sources<In, operands> from = x;
    bool in_packs = piece.is_in_packs(width) && is_aligned(y);
    for (int k = 0; k < operands; ++k) {
      from.of[k] += piece.offsets[k];
      const bool is_repeated = piece.strides[k][piece.extents.size() - 1] == 0;
      in_packs = in_packs && (is_repeated || is_aligned(from.of[k]));
    }
    in_packs ? launch_map<width>(op, piece, f, from, y) : launch_map<1>(op, piece, f, from, y);
    y += piece.size();
  });
}

}  // namespace taper::cuda
