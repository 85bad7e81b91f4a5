// The matrix product within convolution: of operands that lie in the cache, as strides say. Compiled once for
// each instruction set: include it after <hwy/highway.h> in a file that <hwy/foreach_target.h> repeats.
#if defined(TAPER_TILE_PRODUCT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_TILE_PRODUCT_INL
#undef TAPER_TILE_PRODUCT_INL
#else
#define TAPER_TILE_PRODUCT_INL
#endif

#include "../vectors-inl.hpp"

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A tile of sums stays in registers: 24 of 32 with AVX-512 and on ARM, or 12 of 16.
constexpr int tile_rows = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 8 : 4, tile_vectors = 3;
template <class T>
constexpr std::int64_t tile_columns = lanes_of<T>* tile_vectors;

// C = A B, or C += A B if it adds, for A (rows, depth), B (depth, columns): element (i, p) of A is a[i *
// a_row + p * a_step], (p, j) of B is b[p * b_row + j], (i, j) of C is c[i * c_row + j]. B and C are read and
// written in whole vectors, up to a multiple of them.
template <class T>
struct TileProduct {
  std::int64_t rows, columns, depth;
  const T* a;
  std::int64_t a_row, a_step;
  const T* b;
  std::int64_t b_row;
  T* c;
  std::int64_t c_row;
  bool adds;
};

// The tile of C whose first element is (i, j).
template <int rows, int vectors, class T>
HWY_INLINE void multiply_tile(const TileProduct<T>& product, std::int64_t i, std::int64_t j) {
  const hn::ScalableTag<T> d;
  constexpr std::int64_t lanes = lanes_of<T>;
  T* const c = product.c + i * product.c_row + j;
  hn::Vec<decltype(d)> sums[rows][vectors];
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v)
      sums[r][v] = product.adds ? hn::LoadU(d, c + r * product.c_row + v * lanes) : hn::Zero(d);
  }
  const T* a = product.a + i * product.a_row;
  const T* b = product.b + j;
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
    for (int v = 0; v < vectors; ++v) hn::StoreU(sums[r][v], d, c + r * product.c_row + v * lanes);
  }
}

// The tiles of rows i and on, down to a last one of `rows` rows at most.
template <int vectors, int rows, class T>
HWY_INLINE void multiply_last_rows(const TileProduct<T>& product, std::int64_t i, std::int64_t j) {
  if constexpr (rows > 0) {
    if (product.rows - i == rows) return multiply_tile<rows, vectors>(product, i, j);
    multiply_last_rows<vectors, rows - 1>(product, i, j);
  }
}

template <int vectors, class T>
void multiply_columns(const TileProduct<T>& product, std::int64_t j) {
  std::int64_t i = 0;
  for (; i + tile_rows <= product.rows; i += tile_rows) multiply_tile<tile_rows, vectors>(product, i, j);
  multiply_last_rows<vectors, tile_rows - 1>(product, i, j);
}

template <class T>
void multiply(const TileProduct<T>& product) {
  std::int64_t j = 0;
  for (; j + tile_columns<T> - lanes_of<T> < product.columns; j += tile_columns<T>)
    multiply_columns<tile_vectors>(product, j);
  if (j + lanes_of<T> < product.columns) return multiply_columns<2>(product, j);
  if (j < product.columns) multiply_columns<1>(product, j);
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
