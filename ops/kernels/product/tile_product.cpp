// Products tile by tile, compiled for each instruction set.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/product/tile_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "../../../core/threads.hpp"
#include "../vectors-inl.hpp"
#include "tile_product.hpp"

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A tile of sums stays in registers: 24 of 32 with AVX-512 and on ARM, or 12 of 16.
constexpr int tile_rows = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 8 : 4;

template <class T>
std::int64_t columns_of_tile() {
  return lanes_of<T> * tile_vectors;
}

// The tile of C whose first row is i; B and C begin at its first column.
template <int rows, int vectors, class T>
HWY_INLINE void multiply_tile(const TileProduct<T>& product, std::int64_t i) {
  const hn::ScalableTag<T> d;
  constexpr std::int64_t lanes = lanes_of<T>;
  T* const c = product.c + i * product.c_row;
  hn::Vec<decltype(d)> sums[rows][vectors];
  for (auto& row : sums) {
    for (auto& sum : row) sum = hn::Zero(d);
  }
  const T* a = product.a + i * product.a_row;
  const T* b = product.b;
  const std::int64_t a_row = product.a_row, a_step = product.a_step, b_row = product.b_row;
  for (std::int64_t p = product.depth; p > 0; --p, a += a_step, b += b_row) {
    hn::Vec<decltype(d)> of_b[vectors];
    for (int v = 0; v < vectors; ++v) of_b[v] = hn::LoadU(d, b + v * lanes);
    for (int r = 0; r < rows; ++r) {
      const auto of_a = hn::Set(d, a[r * a_row]);
      for (int v = 0; v < vectors; ++v) sums[r][v] = hn::MulAdd(of_a, of_b[v], sums[r][v]);
    }
  }
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) {
      T* const to = c + r * product.c_row + v * lanes;
      hn::StoreU(product.adds ? hn::Add(hn::LoadU(d, to), sums[r][v]) : sums[r][v], d, to);
    }
  }
}

// The tiles of rows i and on, down to a last one of `rows` rows at most.
template <int vectors, int rows, class T>
HWY_INLINE void multiply_last_rows(const TileProduct<T>& product, std::int64_t i) {
  if constexpr (rows > 0) {
    if (product.rows - i == rows) return multiply_tile<rows, vectors>(product, i);
    multiply_last_rows<vectors, rows - 1>(product, i);
  }
}

// All rows of a panel, of which so many vectors are used.
template <int vectors, class T>
void multiply_vectors(const TileProduct<T>& product) {
  std::int64_t i = 0;
  for (; i + tile_rows <= product.rows; i += tile_rows) multiply_tile<tile_rows, vectors>(product, i);
  multiply_last_rows<vectors, tile_rows - 1>(product, i);
}
template <class T>
void multiply_panel(const TileProduct<T>& product) {
  if (product.columns > 2 * lanes_of<T>) return multiply_vectors<3>(product);
  product.columns > lanes_of<T> ? multiply_vectors<2>(product) : multiply_vectors<1>(product);
}

// A panel whose last vector is not full: C gets its columns from a buffer.
template <class T>
void multiply_last_panel(const TileProduct<T>& product) {
  constexpr std::int64_t width = lanes_of<T> * tile_vectors;
  HWY_ALIGN T buffer[tile_rows * width] = {};
  for (std::int64_t i = 0; i < product.rows; i += tile_rows) {
    TileProduct<T> part = product;
    part.rows = std::min<std::int64_t>(tile_rows, product.rows - i);
    part.a += i * product.a_row;
    part.c = buffer, part.c_row = width;
    T* const c = product.c + i * product.c_row;
    for (std::int64_t r = 0; r < part.rows && product.adds; ++r)
      std::copy_n(c + r * product.c_row, product.columns, buffer + r * width);
    multiply_panel(part);
    for (std::int64_t r = 0; r < part.rows; ++r)
      std::copy_n(buffer + r * width, product.columns, c + r * product.c_row);
  }
}

template <class T>
void multiply_all(const TileProduct<T>& product) {
  TileProduct<T> panel = product;
  for (std::int64_t left = product.columns; left > 0; left -= columns_of_tile<T>()) {
    panel.columns = std::min(left, columns_of_tile<T>());
    panel.columns % lanes_of<T> == 0 ? multiply_panel(panel) : multiply_last_panel(panel);
    panel.b += panel.b_panel;
    panel.c += panel.columns;
  }
}

TAPER_NAME_BOTH(columns_of_tile);
TAPER_NAME_BOTH(multiply_all);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(columns_of_tile);
TAPER_EXPORT_BOTH(multiply_all);

constexpr std::int64_t read_at_once = 16;  // columns of a matrix to pack, which may be a page apart

}  // namespace

template <class T>
std::int64_t tile_columns() {
  return columns_of_tile<T>();
}
template <class T>
void multiply(const TileProduct<T>& product) {
  multiply_all<T>(product);
}

template <class T>
PackedMatrix<T>::PackedMatrix(const char* op, std::int64_t depth, std::int64_t columns, const T* b,
                              std::int64_t row, std::int64_t step, bool adds)
    : depth_(depth), columns_(columns), adds_(adds) {
  const std::int64_t width = tile_columns<T>(), panels = (columns + width - 1) / width;
  panels_ = internal::Array<T>(op, Device::cpu(), panels * depth * width);
  const std::int64_t each = 1 + part_size / 4 / (depth * width + 1);
  parallel_ranges(panels, each, [=, to = panels_.data()](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      const std::int64_t first = panel * width, count = std::min(width, columns - first);
      if (count < width) std::fill_n(to + panel * depth * width, depth * width, T{0});
      for (std::int64_t start = 0; start < count; start += read_at_once) {
        const std::int64_t columns_here = std::min(read_at_once, count - start);
        const T* const from = b + (first + start) * step;
        T* const packed = to + panel * depth * width + start;
        for (std::int64_t p = 0; p < depth; ++p) {
          for (std::int64_t j = 0; j < columns_here; ++j) packed[p * width + j] = from[p * row + j * step];
        }
      }
    }
  });
}

template <class T>
void PackedMatrix<T>::multiply(std::int64_t rows, const T* a, T* c) const {
  const std::int64_t width = tile_columns<T>();
  kernels::multiply<T>(
      {rows, columns_, depth_, a, depth_, 1, panels_.data(), width, depth_ * width, c, columns_, adds_});
}

template std::int64_t tile_columns<float>();
template std::int64_t tile_columns<double>();
template void multiply(const TileProduct<float>&);
template void multiply(const TileProduct<double>&);
template class PackedMatrix<float>;
template class PackedMatrix<double>;

}  // namespace taper::kernels
#endif
