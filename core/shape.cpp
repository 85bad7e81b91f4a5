// Shape arithmetic: counting, broadcasting, axes.
#include "shape.hpp"

#include "fail.hpp"

#include <ostream>
#include <string>

namespace taper {

void internal::throw_too_large(std::uint64_t value) {
  fail("Shape", "an extent or index of ", value, " is larger than 64 bits with a sign can hold");
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  std::string text = "(";
  for (int i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return out << text + (shape.size() == 1 ? ",)" : ")");
}

std::int64_t element_count(const char* op, const Shape& shape) {
  std::int64_t count = 1;
  bool overflow = false;
  for (std::int64_t extent : shape) {
    if (extent < 0) fail(op, "shape has a negative extent: ", shape);
    overflow |= __builtin_mul_overflow(count, extent, &count);
  }
  if (!overflow) return count;
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  fail(op, "shape ", shape, " has more elements than 64 bits can count");
}

Shape index_of(std::int64_t i, const Shape& shape) {
  Shape index = shape;
  for (int axis = shape.size() - 1; axis >= 0; --axis) {
    index[axis] = i % shape[axis];
    i /= shape[axis];
  }
  return index;
}

Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const int offset = longer.size() - shorter.size();
  for (int i = 0; i < shorter.size(); ++i) {
    std::int64_t& extent = result[offset + i];
    if (extent == 1) {
      extent = shorter[i];
    } else if (shorter[i] != 1 && shorter[i] != extent) {
      fail(op, "shapes do not broadcast: a is ", a, ", b is ", b);
    }
  }
  return result;
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  const int missing = to.size() - from.size();
  if (missing < 0) return false;
  for (int i = 0; i < from.size(); ++i) {
    if (from[i] != 1 && from[i] != to[missing + i]) return false;
  }
  return true;
}

int checked_axis(const char* op, const char* argument, std::int64_t axis, const Shape& shape) {
  const int rank = shape.size();
  if (axis < -rank || axis >= rank) {
    fail(op, argument, " is out of range: got ", axis, " for shape ", shape, ", which has ", rank,
         rank == 1 ? " axis" : " axes");
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape Axes::reduced(const char* op, const Shape& shape) const {
  Shape marks = Shape::filled(shape.size(), all_ ? 1 : 0);
  for (std::int64_t axis : axes_) {
    std::int64_t& mark = marks[checked_axis(op, "axis", axis, shape)];
    if (mark) fail(op, "axes name axis ", axis, " of shape ", shape, " twice");
    mark = 1;
  }
  return marks;
}

}  // namespace taper
