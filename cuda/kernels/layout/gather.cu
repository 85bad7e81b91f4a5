// gather and its adjoint.
#include "../../../core/memory/array.hpp"
#include "../../../core/memory/device_memory.hpp"
#include "../../../ops/kernels/axis_view.hpp"
#include "../cuda_backend.hpp"
#include "../index.hpp"
#include "../launch.cuh"
#include "../pack.cuh"
#include "positions_by_place.hpp"

namespace taper::cuda {
namespace {

constexpr int threads = 256;
// Blocks that a multiprocessor should hold, for kernels that load many packs before they use any.
// (Unless a number is given, ptxas aims at more threads with fewer registers each, which wait for one
// pack after the other.)
[[maybe_unused]] constexpr int blocks_at_once = 4;  // the emulator has no use for it

// y[pack] = x[offset_0 + index * inner] with the index at offset_1; a negative index counts from the
// end of the axis.
//
// The floor: y's elements are read once and written once, and each index read once. (An index is read again
// for each pack of its row, from the caches.)
template <int width, class T>
__global__ void __launch_bounds__(threads)
    gather_kernel(const T* x, const std::int64_t* indices, T* y, Loops<2> loops, std::uint32_t packs,
                  std::int64_t length, std::int64_t inner) {
  const std::uint32_t pack = blockIdx.x * threads + threadIdx.x;
  if (pack >= packs) return;
  const auto offsets = loops.offsets(pack);
  const std::int64_t index = indices[offsets.of[1]], place = index < 0 ? index + length : index;
  store_pack(load_pack<width>(x + offsets.of[0] + place * inner), y + std::int64_t{pack} * width);
}

// PositionsByPlace on the device.
struct DevicePositions {
  const std::int64_t *order, *places, *begins;
};

// dx[offset_1 + places[s] * inner] = the sum of dy[offset_0 + order[j] * inner] over j from begins[s]
// to begins[s + 1], with s = offset_2: one thread a pack, which adds in ascending order of the
// indices' positions.
//
// The floor: dy is read once, and each place that was picked is written once. A place that was picked n times
// takes n / 8 trips to memory, one after the other.
template <int width, class T>
__global__ void __launch_bounds__(threads, blocks_at_once)
    scatter_add_kernel(const T* dy, DevicePositions positions, T* dx, Loops<3> loops, std::uint32_t packs,
                       std::int64_t inner) {
  const std::uint32_t pack = blockIdx.x * threads + threadIdx.x;
  if (pack >= packs) return;
  const auto offsets = loops.offsets(pack);
  const std::int64_t place = offsets.of[2], end = positions.begins[place + 1];
  dy += offsets.of[0];
  Pack<T, width> sum{};
  const auto add = [&sum](const Pack<T, width>& term) {
    for (int i = 0; i < width; ++i) sum.at[i] += term.at[i];
  };
  constexpr int at_once = 8;
  std::int64_t j = positions.begins[place];
  for (; j + at_once <= end; j += at_once) {
    Pack<T, width> terms[at_once];
    std::int64_t from[at_once];
    for (int u = 0; u < at_once; ++u) from[u] = positions.order[j + u] * inner;
    for (int u = 0; u < at_once; ++u) terms[u] = load_pack<width>(dy + from[u]);
    for (const Pack<T, width>& term : terms) add(term);
  }
  for (; j < end; ++j) add(load_pack<width>(dy + positions.order[j] * inner));
  store_pack(sum, dx + offsets.of[1] + positions.places[place] * inner);
}

// Calls body.operator()<width>() with the widest packs that rows of `inner` elements consist of.
template <class T, class Body>
void in_packs(std::int64_t inner, bool are_aligned, Body body) {
  if (inner % widest_pack<T> == 0 && are_aligned) {
    body.template operator()<widest_pack<T>>();
  } else {
    body.template operator()<1>();
  }
}

}  // namespace

void CudaBackend::gather(const kernels::AxisView& view, const Indices& indices, const Tensor& x,
                         Tensor& y) const {
  if (y.size() == 0) return;
  const std::int64_t* const on_device = indices.on("gather", x.device());
  const Nest<2> nest{
      {view.outer, indices.size(), view.inner}, {Shape{view.length * view.inner, 0, 1}, Shape{0, 1, 0}}, {}};
  dispatch(x.dtype(), [&]<class T>() {
    const T* const from = pointer<T>(x);
    T* to = pointer<T>(y);
    in_packs<T>(view.inner, is_aligned(from) && is_aligned(to), [&]<int width>() {
      for_each_piece(nest, [&](const Nest<2>& piece) {
        const std::int64_t packs = piece.size() / width;
        launch("gather", gather_kernel<width, T>, blocks_for(packs, threads), threads, 0,
               from + piece.offsets[0], on_device + piece.offsets[1], to, Loops<2>(piece, width),
               static_cast<std::uint32_t>(packs), view.length, view.inner);
        to += piece.size();
      });
    });
  });
}

void CudaBackend::scatter_add(const kernels::AxisView& view, const Indices& indices, const Tensor& dy,
                              Tensor& dx) const {
  const internal::DeviceMemory& memory = internal::device_memory("gather", dx.device());
  memory.fill(dx.dtype(), dx.impl().data, dx.size(), 0);
  if (dy.size() == 0) return;
  const PositionsByPlace positions = positions_by_place(indices, view.length);
  const auto count = indices.size(), places = static_cast<std::int64_t>(positions.places.size());
  const internal::Array<std::int64_t> copies("gather", dx.device(), count + 2 * places + 1);
  std::int64_t* end = copies.data();
  const auto copied = [&](const internal::PoolVector<std::int64_t>& values) {
    memory.to_device(values.data(), end, values.size() * sizeof(std::int64_t));
    return std::exchange(end, end + values.size());
  };
  const std::int64_t* const order = copied(positions.order);
  const std::int64_t* const places_there = copied(positions.places);
  const std::int64_t* const begins = copied(positions.begins);
  const Nest<3> nest{{view.outer, places, view.inner},
                     {Shape{count * view.inner, 0, 1}, Shape{view.length * view.inner, 0, 1}, Shape{0, 1, 0}},
                     {}};
  dispatch(dy.dtype(), [&]<class T>() {
    const T* const from = pointer<T>(dy);
    T* const to = pointer<T>(dx);
    in_packs<T>(view.inner, is_aligned(from) && is_aligned(to), [&]<int width>() {
      for_each_piece(nest, [&](const Nest<3>& piece) {
        const std::int64_t packs = piece.size() / width, first = piece.offsets[2];
        launch("gather", scatter_add_kernel<width, T>, blocks_for(packs, threads), threads, 0,
               from + piece.offsets[0], DevicePositions{order, places_there + first, begins + first},
               to + piece.offsets[1], Loops<3>(piece, width), static_cast<std::uint32_t>(packs), view.inner);
      });
    });
  });
}

}  // namespace taper::cuda
