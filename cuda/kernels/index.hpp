// From the number of an element to its place in each operand: the index arithmetic of kernels that walk loop
// nests. Host code cuts a nest into pieces that 32-bit indices can count; everything here runs on the host
// too, so that it can be tested beyond 2^31 elements without that much memory.
#pragma once

#include "../../core/host_device.hpp"
#include "../../core/shape.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace taper::cuda {

constexpr std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// The elements of a piece: their indices fit into 31 bits. A multiple of every pack's width.
inline constexpr std::int64_t max_piece_size = std::int64_t{1} << 30;

// Division of 0 <= n < 2^31 by a number fixed in advance, 1 <= d <= 2^31, in one multiplication instead of
// some twenty instructions: with 2^(l-1) < d <= 2^l and m = ceil(2^(31+l) / d), which has 32 bits, n / d =
// floor(n m / 2^(31+l)). (Granlund and Montgomery, "Division by invariant integers using multiplication",
// PLDI 1994, theorem 4.2.)
class Divisor {
 public:
  Divisor() : Divisor(1) {}
  explicit Divisor(std::int64_t divisor) : divisor_(static_cast<std::uint32_t>(divisor)) {
    while ((std::int64_t{1} << (shift_ - 31)) < divisor) ++shift_;
    const auto d = static_cast<std::uint64_t>(divisor);
    multiplier_ = static_cast<std::uint32_t>(((std::uint64_t{1} << shift_) + d - 1) / d);
  }

  TAPER_HOST_DEVICE std::uint32_t quotient(std::uint32_t n) const {
    return static_cast<std::uint32_t>((std::uint64_t{n} * multiplier_) >> shift_);
  }
  TAPER_HOST_DEVICE std::int64_t divisor() const { return divisor_; }
  // n mod d, where q = quotient(n).
  TAPER_HOST_DEVICE std::uint32_t remainder(std::uint32_t n, std::uint32_t q) const {
    return n - q * divisor_;
  }

 private:
  std::uint32_t divisor_, multiplier_, shift_ = 31;
};

// A loop nest over N operands, outermost loop first: turn (i_0, i_1, …) is at offset + i_0 stride_0 + i_1
// stride_1 + … of each operand.
template <int N>
struct Nest {
  Shape extents;
  std::array<Shape, N> strides;
  std::array<std::int64_t, N> offsets{};

  std::int64_t size() const {
    std::int64_t count = 1;
    for (const std::int64_t extent : extents) count *= extent;
    return count;
  }
  // Can `width` neighbouring turns of the innermost loop be taken at a time: is its extent a multiple of the
  // width, and each operand either repeated there or contiguous, from multiples of the width on? (If there is
  // a single loop its extent does not matter: kernels take the turns that are left over one by one.)
  bool is_in_packs(int width) const {
    const int inner = extents.size() - 1;
    if (inner > 0 && extents[inner] % width != 0) return false;
    for (const Shape& stride : strides) {
      if (stride[inner] != 0 && stride[inner] != 1) return false;
      for (int loop = 0; loop < inner; ++loop) {
        if (stride[inner] == 1 && stride[loop] % width != 0) return false;
      }
    }
    return true;
  }
};

// The same turns in the same order, with as few loops as possible, but at least one.
template <int N>
Nest<N> merged(const Nest<N>& nest) {
  const int count = std::max(1, nest.extents.size());
  Shape extents = Shape::filled(count, 1);
  std::array<Shape, N> strides;
  strides.fill(Shape::filled(count, 0));
  int loop = count;  // loops loop … count - 1 are in use
  for (int axis = nest.extents.size() - 1; axis >= 0; --axis) {
    const std::int64_t extent = nest.extents[axis];
    if (extent == 1) continue;
    bool continues = loop < count;
    for (int k = 0; k < N; ++k)
      continues = continues && nest.strides[k][axis] == strides[k][loop] * extents[loop];
    if (continues) {
      extents[loop] *= extent;
      continue;
    }
    extents[--loop] = extent;
    for (int k = 0; k < N; ++k) strides[k][loop] = nest.strides[k][axis];
  }
  loop = std::min(loop, count - 1);
  Nest<N> result{Shape(extents.data() + loop, count - loop), {}, nest.offsets};
  for (int k = 0; k < N; ++k) result.strides[k] = Shape(strides[k].data() + loop, count - loop);
  return result;
}

// A nest of at most 2^30 turns as a kernel walks it: it finds the offsets of the turn with a given number by
// multiplications alone. Loops stand innermost first.
inline constexpr int max_loops = 8;
template <int N>
struct Loops {
  // The nest in packs of `width` turns; see Nest::is_in_packs.
  explicit Loops(const Nest<N>& nest, int width = 1) : count(nest.extents.size()) {
    for (int loop = 0; loop < count; ++loop) {
      const int axis = count - 1 - loop, turns = loop == 0 ? width : 1;
      if (loop < count - 1) extents[loop] = Divisor(nest.extents[axis] / turns);
      for (int k = 0; k < N; ++k) strides[k][loop] = nest.strides[k][axis] * turns;
    }
  }

  struct Offsets {
    std::int64_t of[N];
  };
  TAPER_HOST_DEVICE Offsets offsets(std::uint32_t turn) const {
    Offsets result{};
    for (int loop = 0; loop < max_loops; ++loop) {  // unrolled, so that no array is indexed by a variable
      if (loop == count - 1) {
        for (int k = 0; k < N; ++k) result.of[k] += turn * strides[k][loop];
        break;
      }
      const std::uint32_t next = extents[loop].quotient(turn);
      const std::uint32_t digit = extents[loop].remainder(turn, next);
      for (int k = 0; k < N; ++k) result.of[k] += digit * strides[k][loop];
      turn = next;
    }
    return result;
  }

  int count;
  Divisor extents[max_loops];  // except the outermost loop's
  std::int64_t strides[N][max_loops] = {};
};

// Calls visit(piece) for nests that together make the turns of the given one, in order: each has at least one
// turn, at most `most` (a power of two), and between 1 and max_loops loops.
template <int N, class Visit>
void for_each_piece(const Nest<N>& whole, Visit&& visit, std::int64_t most = max_piece_size) {
  const Nest<N> nest = merged(whole);
  const std::int64_t size = nest.size(), outer = nest.extents[0];
  if (size == 0) return;
  const bool is_shallow = nest.extents.size() <= max_loops;
  if (is_shallow && size <= most) return visit(nest);
  const std::int64_t turns = is_shallow ? std::max<std::int64_t>(1, most / (size / outer)) : 1;
  for (std::int64_t begin = 0; begin < outer; begin += turns) {
    Nest<N> piece = nest;
    piece.extents[0] = std::min(turns, outer - begin);
    for (int k = 0; k < N; ++k) piece.offsets[k] += begin * nest.strides[k][0];
    for_each_piece(piece, visit, most);
  }
}

// The place in x (batch, rows, columns) where column `output` of all batch * columns begins.
TAPER_HOST_DEVICE inline std::int64_t column_start(std::int64_t output, std::int64_t rows,
                                                   std::int64_t columns) {
  const std::int64_t batch = output / columns;
  return batch * rows * columns + (output - batch * columns);
}

}  // namespace taper::cuda
