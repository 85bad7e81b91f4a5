// Moving elements: copies along loop nests, and swapping two axes.
#include <taper/core/device_memory.hpp>
#include <taper/cuda/cuda_backend.hpp>
#include <taper/cuda/launch.cuh>
#include <taper/cuda/pack.cuh>
#include <taper/cuda/strided_copy.hpp>

namespace taper::cuda {
namespace {

constexpr int threads = 256;

// The floor: each element is read once and written once.
template <int width, class T>
__global__ void __launch_bounds__(threads)
    strided_copy_kernel(const T* x, T* y, Loops<2> loops, std::uint32_t packs) {
  const std::uint32_t pack = blockIdx.x * threads + threadIdx.x;
  if (pack >= packs) return;
  const auto offsets = loops.offsets(pack);
  store_pack(load_pack<width>(x + offsets.of[0]), y + offsets.of[1]);
}

template <int width, class T>
void launch_strided_copy(const char* op, const Nest<2>& piece, const T* x, T* y) {
  const std::int64_t packs = piece.size() / width;
  launch(op, strided_copy_kernel<width, T>, blocks_for(packs, threads), threads, 0, x, y,
         Loops<2>(piece, width), static_cast<std::uint32_t>(packs));
}

// y (outer, columns, middle, rows) from x (outer, rows, middle, columns), in tiles of 32 x 32 elements that
// are read and written in lines of 32 neighbours. The tile's rows have an odd number of elements, so that
// neither its rows nor its columns meet in one bank of shared memory.
//
// The floor: each element is read once and written once.
constexpr int tile_size = 32, threads_of_tile = 8;  // along each of its lines, and across
constexpr int lines_of_thread = tile_size / threads_of_tile;
template <class T>
__global__ void __launch_bounds__(tile_size* threads_of_tile)
    swap_axes_kernel(const T* x, T* y, std::int64_t rows, std::int64_t columns, Divisor tiles_of_row,
                     std::int64_t matrices, Divisor middle) {
  __shared__ T tile[tile_size][tile_size + 1];
  const int along = static_cast<int>(threadIdx.x), across = static_cast<int>(threadIdx.y);
  const std::uint32_t tile_row = tiles_of_row.quotient(blockIdx.x);
  const std::int64_t row = std::int64_t{tile_row} * tile_size;
  const std::int64_t column = std::int64_t{tiles_of_row.remainder(blockIdx.x, tile_row)} * tile_size;
  const std::int64_t x_row = middle.divisor() * columns, y_row = middle.divisor() * rows;
  for (std::uint32_t matrix = blockIdx.y; matrix < matrices; matrix += gridDim.y) {
    const std::uint32_t outer = middle.quotient(matrix), m = middle.remainder(matrix, outer);
    const T* const from = x + (outer * rows + row + across) * x_row + m * columns + column + along;
    T* const to = y + (outer * columns + column + across) * y_row + m * rows + row + along;
    T line[lines_of_thread]{};
    for (int i = 0; i < lines_of_thread; ++i) {
      if (row + across + i * threads_of_tile < rows && column + along < columns)
        line[i] = from[i * threads_of_tile * x_row];
    }
    __syncthreads();  // the tile before has been written
    for (int i = 0; i < lines_of_thread; ++i) tile[across + i * threads_of_tile][along] = line[i];
    __syncthreads();
    for (int i = 0; i < lines_of_thread; ++i) {
      if (column + across + i * threads_of_tile < columns && row + along < rows)
        to[i * threads_of_tile * y_row] = tile[along][across + i * threads_of_tile];
    }
  }
}

}  // namespace

void strided_copy(const char* op, const Nest<2>& nest, const Tensor& x, Tensor& y) {
  dispatch(y.dtype(), [&]<class T>() {
    for_each_piece(nest, [&](const Nest<2>& piece) {
      constexpr int width = widest_pack<T>;
      const T* const from = pointer<T>(x) + piece.offsets[0];
      T* const to = pointer<T>(y) + piece.offsets[1];
      const int inner = piece.extents.size() - 1;
      const bool is_contiguous = piece.strides[0][inner] == 1 && piece.strides[1][inner] == 1;
      if (inner == 0 && is_contiguous) {
        detail::device_memory(op, y.device())
            .copy(from, to, static_cast<std::size_t>(piece.size()) * sizeof(T));
      } else if (is_contiguous && piece.is_in_packs(width) && is_aligned(from) && is_aligned(to)) {
        launch_strided_copy<width>(op, piece, from, to);
      } else {
        launch_strided_copy<1>(op, piece, from, to);
      }
    });
  });
}

void CudaBackend::copy_runs(const kernels::RunCopy& call, const Tensor& x, Tensor& y) const {
  const auto strides = [](const kernels::RunCopy::Side& side) {
    return Shape{side.stride_0, side.stride_1, 1};
  };
  strided_copy("copy_runs",
               {{call.outer, call.count, call.run},
                {strides(call.from), strides(call.to)},
                {call.from.offset, call.to.offset}},
               x, y);
}

void CudaBackend::swap_axes(const kernels::SwapExtents& e, const Tensor& x, Tensor& y) const {
  if (y.size() == 0) return;
  const std::int64_t tiles_of_row = divided_up(e.columns, tile_size);
  const std::int64_t tiles = divided_up(e.rows, tile_size) * tiles_of_row, matrices = e.outer * e.middle;
  // Runs are long enough by themselves, and a tile of few lines would leave most threads idle.
  if (e.inner > 1 || std::min(e.rows, e.columns) < 8 || std::max(tiles, matrices) > most_elements_of_piece) {
    const std::int64_t x_row = e.middle * e.columns * e.inner, y_row = e.middle * e.rows * e.inner;
    return strided_copy("swap_axes",
                        {{e.outer, e.columns, e.middle, e.rows, e.inner},
                         {Shape{e.rows * x_row, e.inner, e.columns * e.inner, x_row, 1},
                          Shape{e.columns * y_row, y_row, e.rows * e.inner, e.inner, 1}},
                         {}},
                        x, y);
  }
  const dim3 blocks(static_cast<unsigned>(tiles),
                    static_cast<unsigned>(std::min<std::int64_t>(matrices, 65535)));
  dispatch(x.dtype(), [&]<class T>() {
    launch("swap_axes", swap_axes_kernel<T>, blocks, dim3(tile_size, threads_of_tile), 0, pointer<T>(x),
           pointer<T>(y), e.rows, e.columns, Divisor(tiles_of_row), matrices, Divisor(e.middle));
  });
}

}  // namespace taper::cuda
