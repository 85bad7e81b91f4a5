// Copying along loop nests: the CPU's loop.
#include "copy_strided.hpp"

#include "../../../core/threads.hpp"
#include "copy_run.hpp"

#include <algorithm>

namespace taper::kernels {
namespace {

template <class T>
void copy_row(std::int64_t count, const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride) {
  if (from_stride != 1 || to_stride != 1) {
    for (std::int64_t i = 0; i < count; ++i) to[i * to_stride] = from[i * from_stride];
  } else if (count <= 64) {
    copy_run(from, count, to);
  } else {
    std::copy_n(from, count, to);
  }
}

// The innermost loop is a row. Threads share out the rows, or the elements of long ones.
template <class T>
void copy_rows(const StridedCopy& call, const T* x, T* y) {
  const Shape &from = call.from.strides, &to = call.to.strides;
  const int inner = call.extents.size() - 1;
  const std::int64_t n = call.extents[inner];
  const Shape outer(call.extents.data(), inner);
  std::int64_t rows = 1;
  for (const std::int64_t extent : outer) rows *= extent;

  // Elements first … last - 1 of rows begin … end - 1.
  const auto copy = [&](std::int64_t begin, std::int64_t end, std::int64_t first, std::int64_t last) {
    Shape counter = index_of(begin, outer);  // an odometer over the outer loops
    std::int64_t in = call.from.offset + first * from[inner], out = call.to.offset + first * to[inner];
    for (int axis = 0; axis < inner; ++axis) {
      in += counter[axis] * from[axis];
      out += counter[axis] * to[axis];
    }
    for (std::int64_t row = begin; row < end; ++row) {
      copy_row(last - first, x + in, from[inner], y + out, to[inner]);
      for (int axis = inner - 1; axis >= 0; --axis) {
        in += from[axis];
        out += to[axis];
        if (++counter[axis] < outer[axis]) break;
        in -= from[axis] * outer[axis];
        out -= to[axis] * outer[axis];
        counter[axis] = 0;
      }
    }
  };
  if (n > 2 * part_size) {
    parallel_ranges(n, part_size, [&](std::int64_t first, std::int64_t last) { copy(0, rows, first, last); });
  } else {
    parallel_ranges(rows, std::max<std::int64_t>(1, part_size / n),
                    [&](std::int64_t begin, std::int64_t end) { copy(begin, end, 0, n); });
  }
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
  const StridedCopy loops = merged(call);
  if (std::find(loops.extents.begin(), loops.extents.end(), 0) != loops.extents.end()) return;
  dispatch(x.dtype(), [&]<class T>() { copy_rows(loops, x.data<T>(), y.mutable_data<T>()); });
}

}  // namespace taper::kernels
