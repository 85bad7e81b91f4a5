// Moving elements: copies along loop nests, and swapping two axes.
#include "../../../core/memory/device_memory.hpp"
#include "../cuda_backend.hpp"
#include "../launch.cuh"
#include "../pack.cuh"
#include "layout.hpp"

namespace taper::cuda {
namespace {

constexpr int threads = 256;

// y[offset_1] = x[offset_0] for each turn of the nest, or += if it adds.
//
// The floor: each element is read once and written once; if it adds, y's is read as well.
template <int width, bool adds, class T>
__global__ void __launch_bounds__(threads)
    strided_kernel(const T* x, T* y, Loops<2> loops, std::uint32_t packs) {
  const std::uint32_t pack = blockIdx.x * threads + threadIdx.x;
  if (pack >= packs) return;
  const auto offsets = loops.offsets(pack);
  Pack<T, width> result = load_pack<width>(x + offsets.of[0]);
  if constexpr (adds) {
    const Pack<T, width> total = load_pack<width>(y + offsets.of[1]);
    for (int i = 0; i < width; ++i) result.at[i] = total.at[i] + result.at[i];
  }
  store_pack(result, y + offsets.of[1]);
}

template <int width, bool adds, class T>
void launch_strided(const char* op, const Nest<2>& piece, const T* x, T* y) {
  const std::int64_t packs = piece.size() / width;
  launch(op, strided_kernel<width, adds, T>, blocks_for(packs, threads), threads, 0, x, y,
         Loops<2>(piece, width), static_cast<std::uint32_t>(packs));
}

// Each tile is read and written in lines of 32 neighbours. Its rows in shared memory have an odd number of
// elements, so that the elements of neither a row nor a column meet in one bank.
//
// The floor: each element is read once and written once.
constexpr int threads_per_line = tile_size, lines_at_once = 8, rounds = tile_size / lines_at_once;
template <class T>
__global__ void __launch_bounds__(threads_per_line* lines_at_once)
    swap_axes_kernel(const T* x, T* y, SwapTiles tiles) {
  __shared__ T tile[tile_size][tile_size + 1];
  const int along = static_cast<int>(threadIdx.x), across = static_cast<int>(threadIdx.y);
  const SwapTiles::Place place = tiles.place(blockIdx.x);
  const std::int64_t rows = tiles.rows - place.row, columns = tiles.columns - place.column;
  T line[rounds]{};
  for (int i = 0; i < rounds; ++i) {
    const int row = across + i * lines_at_once;
    if (row < rows && along < columns) line[i] = x[place.from + row * tiles.x_row() + along];
  }
  for (int i = 0; i < rounds; ++i) tile[across + i * lines_at_once][along] = line[i];
  __syncthreads();
  for (int i = 0; i < rounds; ++i) {
    const int column = across + i * lines_at_once;
    if (column < columns && along < rows) y[place.to + column * tiles.y_row() + along] = tile[along][column];
  }
}

template <bool adds>
void run_strided(const char* op, const Nest<2>& nest, const Tensor& x, Tensor& y) {
  dispatch(y.dtype(), [&]<class T>() {
    for_each_piece(nest, [&](const Nest<2>& piece) {
      constexpr int width = widest_pack<T>;
      const T* const from = pointer<T>(x) + piece.offsets[0];
      T* const to = pointer<T>(y) + piece.offsets[1];
      const int inner = piece.extents.size() - 1;
      const bool is_contiguous = piece.strides[0][inner] == 1 && piece.strides[1][inner] == 1;
      if (!adds && inner == 0 && is_contiguous) {
        internal::device_memory(op, y.device())
            .copy(from, to, static_cast<std::size_t>(piece.size()) * sizeof(T));
      } else if (is_contiguous && piece.is_in_packs(width) && piece.size() % width == 0 && is_aligned(from) &&
                 is_aligned(to)) {
        launch_strided<width, adds>(op, piece, from, to);
      } else {
        launch_strided<1, adds>(op, piece, from, to);
      }
    });
  });
}

}  // namespace

void strided_copy(const char* op, const Nest<2>& nest, const Tensor& x, Tensor& y) {
  run_strided<false>(op, nest, x, y);
}

void CudaBackend::copy_strided(const kernels::StridedCopy& call, const Tensor& x, Tensor& y) const {
  strided_copy("copy_strided", nest_of(call), x, y);
}

void CudaBackend::add_strided(const kernels::StridedCopy& call, const Tensor& x, Tensor& y) const {
  run_strided<true>("add_strided", nest_of(call), x, y);
}

void CudaBackend::swap_axes(const kernels::SwapExtents& e, const Tensor& x, Tensor& y) const {
  if (y.size() == 0) return;
  // Runs are long enough by themselves, and a tile of few lines would leave most threads idle.
  const std::int64_t tiles = tiles_of(e);
  if (e.inner > 1 || std::min(e.rows, e.columns) < 8 || tiles > max_piece_size) {
    return strided_copy("swap_axes", nest_of(e), x, y);
  }
  dispatch(x.dtype(), [&]<class T>() {
    launch("swap_axes", swap_axes_kernel<T>, static_cast<unsigned>(tiles),
           dim3(threads_per_line, lines_at_once), 0, pointer<T>(x), pointer<T>(y), SwapTiles(e));
  });
}

}  // namespace taper::cuda
