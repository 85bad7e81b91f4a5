// Convolution and its two adjoints: three matrix products, whose right operand is read through windows and
// never written out.
#include "../../../core/memory/array.hpp"
#include "../../../ops/kernels/convolution/conv2d.hpp"
#include "../../../ops/kernels/reduction/reduce.hpp"
#include "../cuda_backend.hpp"
#include "../index.hpp"
#include "../launch.cuh"

namespace taper::cuda {
namespace {

using kernels::Convolution, kernels::Windows;

constexpr int tile = 64;        // rows and columns of the result that a block computes
constexpr int depth_step = 16;  // of the inner dimension, between two barriers
constexpr int side = 16;        // side x side threads, each with sums of `each` rows and columns
constexpr int each = tile / side, threads = side * side;

// What all three know of the convolution.
struct Geometry {
  explicit Geometry(const Convolution& call)
      : windows(call.windows),
        count(windows.count()),
        groups(call.groups),
        inputs(call.inputs),
        outputs(call.outputs),
        area(windows.size.area()),
        width(windows.size.width),
        window_count(count.area()),
        window_row(count.width) {}

  // Where channel 0 of a group begins in x, in y and in the weight.
  TAPER_HOST_DEVICE std::int64_t x_start(std::int64_t b, std::int64_t group) const {
    return (b * groups + group) * inputs * windows.picture.height * windows.picture.width;
  }
  TAPER_HOST_DEVICE std::int64_t y_start(std::int64_t b, std::int64_t group) const {
    return (b * groups + group) * outputs * window_count.divisor();
  }
  TAPER_HOST_DEVICE std::int64_t weight_start(std::int64_t group) const {
    return group * outputs * inputs * area.divisor();
  }

  Windows windows;
  Size2d count;
  std::int64_t groups, inputs, outputs;
  Divisor area, width, window_count, window_row;
};

// An element of a window, of all channels of a group.
struct Element {
  TAPER_HOST_DEVICE Element(const Geometry& g, std::uint32_t number) {
    const std::uint32_t of_area = g.area.quotient(number), inside = g.area.remainder(number, of_area);
    const std::uint32_t of_width = g.width.quotient(inside);
    channel = of_area;
    row = of_width * g.windows.dilation.height;
    column = g.width.remainder(inside, of_width) * g.windows.dilation.width;
  }
  std::int64_t channel, row, column;  // relative to the window's first element
};

// A position in a picture of the batch.
struct Position {
  std::int64_t b, row, column;
};
// The first element of window w, counted through the pictures from `first` on.
TAPER_HOST_DEVICE inline Position window_position(const Geometry& g, std::int64_t first, std::uint32_t w) {
  const std::uint32_t b = g.window_count.quotient(w), inside = g.window_count.remainder(w, b);
  const std::uint32_t row = g.window_row.quotient(inside);
  return {first + b, row * g.windows.stride.height - g.windows.padding.height,
          g.window_row.remainder(inside, row) * g.windows.stride.width - g.windows.padding.width};
}

template <class T>
TAPER_HOST_DEVICE T x_at(const Geometry& g, const T* x, std::int64_t group, const Position& window,
                         const Element& element) {
  const std::int64_t row = window.row + element.row, column = window.column + element.column;
  const std::int64_t height = g.windows.picture.height, width = g.windows.picture.width;
  if (row < 0 || row >= height || column < 0 || column >= width) return T{0};
  return x[g.x_start(window.b, group) + (element.channel * height + row) * width + column];
}

// Each problem is a product C = A B for each z of the grid: which of it a block computes are `rows`,
// `columns` and depth(z); at a(z, i, p) and b(z, column(z, j), p) are the elements, and store(z, i, j, sum)
// keeps one. Columns and depth are counted with 32 bits.

// Rows: the outputs of a group. Columns: the windows of pictures first, first + 1, …. Depth: their elements.
template <class T>
struct Forward {
  using Column = Position;
  TAPER_HOST_DEVICE std::uint32_t depth(std::int64_t) const { return inner; }
  TAPER_HOST_DEVICE T a(std::int64_t group, std::int64_t i, std::uint32_t p) const {
    return weight[g.weight_start(group) + i * inner + p];
  }
  TAPER_HOST_DEVICE Column column(std::int64_t, std::uint32_t j) const {
    return window_position(g, first, j);
  }
  TAPER_HOST_DEVICE T b(std::int64_t group, const Column& window, std::uint32_t p) const {
    return x_at(g, x, group, window, Element(g, p));
  }
  TAPER_HOST_DEVICE void store(std::int64_t group, std::int64_t i, std::uint32_t j, T sum) const {
    const std::uint32_t b = g.window_count.quotient(j);
    y[g.y_start(first + b, group) + i * g.window_count.divisor() + g.window_count.remainder(j, b)] =
        bias ? sum + bias[group * g.outputs + i] : sum;
  }

  Geometry g;
  const T *x, *weight, *bias;
  T* y;
  std::int64_t rows;
  std::uint32_t columns, inner;
  std::int64_t first;
};

// Rows: the inputs of a group. Columns: the elements of its pictures. Depth: the outputs, and for each of
// them the elements of a window.
template <class T>
struct BackwardX {
  using Column = Position;
  TAPER_HOST_DEVICE std::uint32_t depth(std::int64_t) const { return inner; }
  TAPER_HOST_DEVICE T a(std::int64_t group, std::int64_t i, std::uint32_t p) const {
    const std::uint32_t o = g.area.quotient(p);
    return weight[g.weight_start(group) + (o * g.inputs + i) * g.area.divisor() + g.area.remainder(p, o)];
  }
  TAPER_HOST_DEVICE Column column(std::int64_t, std::uint32_t j) const {
    const std::uint32_t b = picture.quotient(j), inside = picture.remainder(j, b);
    const std::uint32_t row = picture_row.quotient(inside);
    return {first + b, row + g.windows.padding.height,
            picture_row.remainder(inside, row) + g.windows.padding.width};
  }
  TAPER_HOST_DEVICE T b(std::int64_t group, const Column& at, std::uint32_t p) const {
    const Element element(g, p);  // its channel is an output
    const std::int64_t row = at.row - element.row, column = at.column - element.column;
    const std::int64_t w = row / g.windows.stride.height, v = column / g.windows.stride.width;
    const bool is_window = row >= 0 && column >= 0 && w * g.windows.stride.height == row &&
                           v * g.windows.stride.width == column && w < g.count.height && v < g.count.width;
    if (!is_window) return T{0};
    return dy[g.y_start(at.b, group) + element.channel * g.window_count.divisor() + w * g.count.width + v];
  }
  TAPER_HOST_DEVICE void store(std::int64_t group, std::int64_t i, std::uint32_t j, T sum) const {
    const std::uint32_t b = picture.quotient(j);
    dx[g.x_start(first + b, group) + i * picture.divisor() + picture.remainder(j, b)] = sum;
  }

  Geometry g;
  Divisor picture, picture_row;
  const T *dy, *weight;
  T* dx;
  std::int64_t rows;
  std::uint32_t columns, inner;
  std::int64_t first;
};

// Rows: the outputs of a group. Columns: the elements of a window. Depth: the windows of some pictures. z
// counts groups, and within each the parts whose sums are added up later.
template <class T>
struct BackwardWeight {
  using Column = Element;
  TAPER_HOST_DEVICE std::int64_t first(std::int64_t z) const { return z % parts * batch / parts; }
  TAPER_HOST_DEVICE std::uint32_t depth(std::int64_t z) const {
    return static_cast<std::uint32_t>(((z % parts + 1) * batch / parts - first(z)) *
                                      g.window_count.divisor());
  }
  TAPER_HOST_DEVICE T a(std::int64_t z, std::int64_t i, std::uint32_t p) const {
    const std::uint32_t b = g.window_count.quotient(p);
    return dy[g.y_start(first(z) + b, z / parts) + i * g.window_count.divisor() +
              g.window_count.remainder(p, b)];
  }
  TAPER_HOST_DEVICE Column column(std::int64_t, std::uint32_t j) const { return Element(g, j); }
  TAPER_HOST_DEVICE T b(std::int64_t z, const Column& element, std::uint32_t p) const {
    return x_at(g, x, z / parts, window_position(g, first(z), p), element);
  }
  TAPER_HOST_DEVICE void store(std::int64_t z, std::int64_t i, std::uint32_t j, T sum) const {
    pieces[((z % parts * g.groups + z / parts) * rows + i) * columns + j] = sum;
  }

  Geometry g;
  const T *x, *dy;
  T* pieces;
  std::int64_t rows;
  std::uint32_t columns;
  std::int64_t batch, parts;
};

// A tile of the product.
//
// The floor: 2 operations for each multiplication; each operand is read from the caches once for each tile.
template <class T, class Problem>
__global__ void __launch_bounds__(threads) multiply_tiles(Problem problem) {
  __shared__ T tile_a[depth_step][tile + 1], tile_b[depth_step][tile];
  const std::int64_t z = blockIdx.z, first_row = std::int64_t{blockIdx.y} * tile;
  const std::uint32_t first_column = blockIdx.x * tile, depth = problem.depth(z);
  const std::uint32_t thread = threadIdx.x, row = thread / side, column = thread % side;
  // Of B a thread loads one column, of A one place in the depth.
  const std::uint32_t own_column = first_column + thread % tile, own_depth = thread % depth_step;
  const auto column_of_b = problem.column(z, min(own_column, problem.columns - 1));
  T sums[each][each] = {};
  for (std::uint32_t start = 0; start < depth; start += depth_step) {
    for (std::uint32_t i = thread / depth_step; i < tile; i += threads / depth_step) {
      const bool is_inside = first_row + i < problem.rows && start + own_depth < depth;
      tile_a[own_depth][i] = is_inside ? problem.a(z, first_row + i, start + own_depth) : T{0};
    }
    for (std::uint32_t p = thread / tile; p < depth_step; p += threads / tile) {
      const bool is_inside = own_column < problem.columns && start + p < depth;
      tile_b[p][thread % tile] = is_inside ? problem.b(z, column_of_b, start + p) : T{0};
    }
    __syncthreads();
    for (int p = 0; p < depth_step; ++p) {
      T of_a[each], of_b[each];
      for (int i = 0; i < each; ++i) of_a[i] = tile_a[p][row + i * side];
      for (int j = 0; j < each; ++j) of_b[j] = tile_b[p][column + j * side];
      for (int i = 0; i < each; ++i) {
        for (int j = 0; j < each; ++j) sums[i][j] += of_a[i] * of_b[j];
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < each; ++i) {
    for (int j = 0; j < each; ++j) {
      const std::int64_t r = first_row + row + i * side;
      const std::uint32_t c = first_column + column + j * side;
      if (r < problem.rows && c < problem.columns) problem.store(z, r, c, sums[i][j]);
    }
  }
}

template <class T, class Problem>
void launch_tiles(const char* op, const Problem& problem, std::int64_t problems) {
  const auto tiles = [](std::int64_t extent) { return static_cast<unsigned>(divided_up(extent, tile)); };
  launch(op, multiply_tiles<T, Problem>,
         dim3(tiles(problem.columns), tiles(problem.rows), static_cast<unsigned>(problems)), threads, 0,
         problem);
}

// Calls body(first, count) for ranges of the batch of which each picture has so many columns.
template <class Body>
void for_each_batch(std::int64_t batch, std::int64_t columns, Body body) {
  const std::int64_t most = std::max<std::int64_t>(1, max_piece_size / columns);
  for (std::int64_t first = 0; first < batch; first += most) body(first, std::min(most, batch - first));
}

}  // namespace

void CudaBackend::convolve(const Convolution& call, const Tensor& x, const Tensor& weight, const Tensor* bias,
                           Tensor& y) const {
  const Geometry geometry(call);
  const std::int64_t windows = geometry.count.area();
  dispatch(x.dtype(), [&]<class T>() {
    for_each_batch(call.batch, windows, [&](std::int64_t first, std::int64_t count) {
      launch_tiles<T>(
          "conv2d",
          Forward<T>{geometry, pointer<T>(x), pointer<T>(weight), bias ? pointer<T>(*bias) : nullptr,
                     pointer<T>(y), call.outputs, static_cast<std::uint32_t>(count * windows),
                     static_cast<std::uint32_t>(call.depth()), first},
          call.groups);
    });
  });
}

void CudaBackend::convolve_dx(const Convolution& call, const Tensor& dy, const Tensor& weight,
                              Tensor& dx) const {
  const Geometry geometry(call);
  const std::int64_t elements = call.windows.picture.area();
  dispatch(dy.dtype(), [&]<class T>() {
    for_each_batch(call.batch, elements, [&](std::int64_t first, std::int64_t count) {
      launch_tiles<T>(
          "conv2d_dx",
          BackwardX<T>{geometry, Divisor(elements), Divisor(call.windows.picture.width), pointer<T>(dy),
                       pointer<T>(weight), pointer<T>(dx), call.inputs,
                       static_cast<std::uint32_t>(count * elements),
                       static_cast<std::uint32_t>(call.outputs * call.windows.size.area()), first},
          call.groups);
    });
  });
}

void CudaBackend::convolve_dweight(const Convolution& call, const Tensor& x, const Tensor& dy,
                                   Tensor& dweight) const {
  const Geometry geometry(call);
  // As many parts as keep the device busy, each of which 32 bits can count.
  const std::int64_t tiles = call.groups * divided_up(call.outputs, tile) * divided_up(call.depth(), tile);
  const std::int64_t least = divided_up(call.batch * geometry.count.area(), max_piece_size);
  const std::int64_t parts = std::min(call.batch, std::max(least, divided_up(512, tiles)));
  Shape shape = Shape::filled(5, parts);
  std::copy_n(call.weight_shape().data(), 4, shape.data() + 1);
  Tensor pieces = Tensor::uninitialized("conv2d_dweight", shape, x.kind());
  dispatch(x.dtype(), [&]<class T>() {
    launch_tiles<T>(
        "conv2d_dweight",
        BackwardWeight<T>{geometry, pointer<T>(x), pointer<T>(dy), pointer<T>(pieces), call.outputs,
                          static_cast<std::uint32_t>(call.depth()), call.batch, parts},
        call.groups * parts);
  });
  reduce(kernels::Reduction::sum, kernels::plan_reduction(shape, {1, 0, 0, 0, 0}, false), pieces, dweight);
}

}  // namespace taper::cuda
