// Copying along loop nests: the CPU's loop.
#include "copy_strided.hpp"

#include "../../../core/threads.hpp"
#include "copy_run.hpp"

#include <algorithm>

namespace taper::kernels {
namespace {

// What becomes of an element of y that x's element meets.
enum class Write { copy, add };

template <Write write, class T>
void copy_row(std::int64_t count, const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride) {
  const auto element = [](T& y, T x) { y = write == Write::add ? y + x : x; };
  if (to_stride == 1 && from_stride == -1) {
    for (std::int64_t i = 0; i < count; ++i) element(to[i], from[-i]);
  } else if (from_stride != 1 || to_stride != 1) {
    for (std::int64_t i = 0; i < count; ++i) element(to[i * to_stride], from[i * from_stride]);
  } else if (write == Write::add) {
    for (std::int64_t i = 0; i < count; ++i) element(to[i], from[i]);
  } else if (count <= 64) {
    copy_run(from, count, to);
  } else {
    std::copy_n(from, count, to);
  }
}

// The same in tiles of the two innermost loops: they keep both the lines that are read and those that are
// written in the cache.
template <Write write, class T>
void copy_tiles(const StridedCopy& call, const T* from, T* to) {
  constexpr std::int64_t tile = 16;
  const int inner = call.extents.size() - 1;
  const std::int64_t rows = call.extents[inner - 1], columns = call.extents[inner];
  const std::int64_t from_row = call.from.strides[inner - 1], from_column = call.from.strides[inner];
  const std::int64_t to_row = call.to.strides[inner - 1], to_column = call.to.strides[inner];
  for (std::int64_t i = 0; i < rows; i += tile) {
    const std::int64_t i_end = std::min(i + tile, rows);
    for (std::int64_t j = 0; j < columns; j += tile) {
      const std::int64_t count = std::min(tile, columns - j);
      for (std::int64_t row = i; row < i_end; ++row) {
        copy_row<write>(count, from + row * from_row + j * from_column, from_column,
                        to + row * to_row + j * to_column, to_column);
      }
    }
  }
}

// Calls copy(places in x and y) for turns begin … end - 1 of the `loops` outermost loops.
template <class Copy>
void for_each_turn(const StridedCopy& call, int loops, std::int64_t begin, std::int64_t end, Copy copy) {
  const Shape &from = call.from.strides, &to = call.to.strides;
  Shape counter = index_of(begin, Shape(call.extents.data(), loops));  // an odometer
  std::int64_t in = call.from.offset, out = call.to.offset;
  for (int axis = 0; axis < loops; ++axis) {
    in += counter[axis] * from[axis];
    out += counter[axis] * to[axis];
  }
  for (std::int64_t turn = begin; turn < end; ++turn) {
    copy(in, out);
    for (int axis = loops - 1; axis >= 0; --axis) {
      in += from[axis];
      out += to[axis];
      if (++counter[axis] < call.extents[axis]) break;
      in -= from[axis] * call.extents[axis];
      out -= to[axis] * call.extents[axis];
      counter[axis] = 0;
    }
  }
}

// If x is contiguous along another loop than the innermost one, that loop becomes the second.
bool moved_to_second(StridedCopy& call) {
  const int inner = call.extents.size() - 1;
  const std::int64_t* const strides = call.from.strides.begin();
  const auto loop = static_cast<int>(std::find(strides, strides + inner, 1) - strides);
  if (loop == inner) return false;
  for (Shape* shape : {&call.extents, &call.from.strides, &call.to.strides})
    std::rotate(shape->begin() + loop, shape->begin() + loop + 1, shape->begin() + inner);
  return true;
}

// Threads share out the turns of the outer loops, or the elements of long rows.
template <Write write, class T>
void copy_loops(StridedCopy call, const T* x, T* y) {
  const int inner = call.extents.size() - 1;
  const std::int64_t n = call.extents[inner];
  const bool in_tiles = moved_to_second(call);
  const int outer = in_tiles ? inner - 1 : inner;
  std::int64_t turns = 1, each = 1;
  for (int axis = 0; axis <= inner; ++axis) (axis < outer ? turns : each) *= call.extents[axis];

  const auto rows = [&](std::int64_t begin, std::int64_t end, std::int64_t first, std::int64_t last) {
    const std::int64_t from = call.from.strides[inner], to = call.to.strides[inner];
    for_each_turn(call, outer, begin, end, [&](std::int64_t in, std::int64_t out) {
      copy_row<write>(last - first, x + in + first * from, from, y + out + first * to, to);
    });
  };
  if (!in_tiles && n > 2 * part_size) {
    return parallel_ranges(n, part_size,
                           [&](std::int64_t first, std::int64_t last) { rows(0, turns, first, last); });
  }
  parallel_ranges(
      turns, std::max<std::int64_t>(1, part_size / each), [&](std::int64_t begin, std::int64_t end) {
        if (!in_tiles) return rows(begin, end, 0, n);
        for_each_turn(call, outer, begin, end,
                      [&](std::int64_t in, std::int64_t out) { copy_tiles<write>(call, x + in, y + out); });
      });
}

template <Write write>
void copy_on_cpu(const StridedCopy& call, const Tensor& x, Tensor& y) {
  const StridedCopy loops = merged(call);
  if (std::find(loops.extents.begin(), loops.extents.end(), 0) != loops.extents.end()) return;
  dispatch(x.dtype(), [&]<class T>() { copy_loops<write>(loops, x.data<T>(), y.mutable_data<T>()); });
}

}  // namespace

Shape strides_of(const Shape& shape) {
  Shape strides = shape;
  std::int64_t stride = 1;
  for (int axis = shape.size() - 1; axis >= 0; --axis) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

// From the last axis outwards: an axis joins the loop inside it if its strides continue that loop's.
StridedCopy merged(const StridedCopy& call) {
  const int count = std::max(1, call.extents.size());
  Shape extents = Shape::filled(count, 1), from = Shape::filled(count, 0), to = from;
  int loop = count;  // loops loop … count - 1 are in use
  for (int axis = call.extents.size() - 1; axis >= 0; --axis) {
    const std::int64_t extent = call.extents[axis], of_x = call.from.strides[axis],
                       of_y = call.to.strides[axis];
    if (extent == 1) continue;
    if (loop < count && of_x == from[loop] * extents[loop] && of_y == to[loop] * extents[loop]) {
      extents[loop] *= extent;
      continue;
    }
    extents[--loop] = extent;
    from[loop] = of_x;
    to[loop] = of_y;
  }
  loop = std::min(loop, count - 1);
  const auto in_use = [&](const Shape& all) { return Shape(all.data() + loop, count - loop); };
  return {in_use(extents), {call.from.offset, in_use(from)}, {call.to.offset, in_use(to)}};
}

void copy_strided(const StridedCopy& call, const Tensor& x, Tensor& y) {
  if (const Backend* backend = backend_of(x)) return backend->copy_strided(call, x, y);
  copy_on_cpu<Write::copy>(call, x, y);
}

void copy_runs(const RunCopy& call, const Tensor& x, Tensor& y) {
  if (backend_of(x) || call.rows * call.run > 2 * part_size) {
    return copy_strided(
        {{call.rows, call.run}, {call.from, {call.row_of_x, 1}}, {call.to, {call.row_of_y, 1}}}, x, y);
  }
  dispatch(x.dtype(), [&]<class T>() {
    const T* in = x.data<T>() + call.from;
    T* out = y.mutable_data<T>() + call.to;
    for (std::int64_t row = 0; row < call.rows; ++row, in += call.row_of_x, out += call.row_of_y)
      copy_row<Write::copy>(call.run, in, 1, out, 1);
  });
}

void add_strided(const StridedCopy& call, const Tensor& x, Tensor& y) {
  if (const Backend* backend = backend_of(x)) return backend->add_strided(call, x, y);
  copy_on_cpu<Write::add>(call, x, y);
}

}  // namespace taper::kernels
