// How a reduction is cut into passes over memory, and each pass into blocks. Plain arithmetic on shapes: no
// result depends on the device that it runs on.
#pragma once

#include "../../../ops/kernels/reduction/reduce.hpp"
#include "../index.hpp"

#include <algorithm>
#include <cstdint>

namespace taper::cuda {

// The loops over a tensor in memory order, outermost first. Each is reduced or kept, neighbours are of
// different kinds, and all have at least two turns. If there are no loops, one element is left, and
// nothing to reduce.
struct ReduceLoops {
  Shape extents;
  bool ends_reduced = false;  // the innermost loop; the others follow from it

  bool is_reduced(int loop) const { return ends_reduced == ((extents.size() - 1 - loop) % 2 == 0); }
  bool reduces() const { return extents.size() > 1 || (extents.size() == 1 && ends_reduced); }
};

// Puts loops together, from the innermost outwards.
class ReduceLoopsBuilder {
 public:
  explicit ReduceLoopsBuilder(int most) : extents_(Shape::filled(most, 1)), first_(most) {}

  void add_outside(std::int64_t extent, bool reduced) {
    if (extent == 1) return;
    if (first_ == extents_.size()) {
      ends_reduced_ = reduced;
      extents_[--first_] = 1;
    } else if (reduced != outermost_is_reduced_) {
      extents_[--first_] = 1;
    }
    outermost_is_reduced_ = reduced;
    extents_[first_] *= extent;
  }
  ReduceLoops loops() const {
    return {Shape(extents_.data() + first_, extents_.size() - first_), ends_reduced_};
  }

 private:
  Shape extents_;
  int first_;
  bool ends_reduced_ = false, outermost_is_reduced_ = false;
};

inline ReduceLoops loops_of(const kernels::ReducePlan& plan) {
  ReduceLoopsBuilder builder(plan.extents.size());
  for (int loop = plan.extents.size() - 1; loop >= 0; --loop)
    builder.add_outside(plan.extents[loop], plan.strides[loop] == 0);
  return builder.loops();
}

inline constexpr int reduction_threads = 256, warp_lanes = 32;

// One pass: it removes the innermost reduced loop, or makes it short. x is (batch, length, columns), of
// which `length` is reduced, in `parts` parts: each has `part_length`, the last one what is left. The result
// of one part is (batch, columns); that of more is (batch, parts) if there is one column, else (parts,
// batch, columns).
struct ReducePass {
  std::int64_t batch, length, columns, parts, part_length;
  int width;  // of the packs in which x is read
  int lanes;  // threads that share a row, or a pack of columns, a power of two
  bool is_last;
  ReduceLoops next;  // the loops over the result

  bool is_of_rows() const { return columns == 1; }
  std::int64_t results() const { return batch * columns * parts; }
  std::int64_t blocks() const {
    const std::int64_t groups = is_of_rows() ? batch : batch * columns / width;
    return divided_up(groups, reduction_threads / lanes);
  }
};

// The first pass over these loops of an array whose widest pack has `widest` elements.
inline ReducePass first_pass(const ReduceLoops& loops, int widest) {
  constexpr std::int64_t enough_blocks = 1024;  // some 8 for each multiprocessor of the largest devices
  const auto power_of_two_up_to = [](std::int64_t n, std::int64_t most) {
    std::int64_t power = 1;
    while (power * 2 <= std::min(n, most)) power *= 2;
    return static_cast<int>(power);
  };
  const int count = loops.extents.size();
  const bool is_of_rows = !loops.reduces() || loops.ends_reduced;
  const int length_loop = is_of_rows ? count - 1 : count - 2;

  ReducePass pass{};
  pass.length = loops.reduces() ? loops.extents[length_loop] : 1;
  pass.columns = is_of_rows ? 1 : loops.extents[count - 1];
  pass.batch = 1;
  for (int loop = 0; loop < (loops.reduces() ? length_loop : count); ++loop)
    pass.batch *= loops.extents[loop];
  pass.width = (is_of_rows ? pass.length : pass.columns) % widest == 0 ? widest : 1;

  std::int64_t shortest_part;  // it keeps a block busy, and its result is small beside what is read
  if (is_of_rows) {
    // A block for each long row, unless there are enough rows to give them a warp each.
    const bool takes_block = pass.length >= 1024 && pass.batch < pass.length;
    pass.lanes = takes_block ? reduction_threads : power_of_two_up_to(pass.length / 8, warp_lanes);
    shortest_part = takes_block ? 4096 : pass.length;
  } else {
    // A warp reads 32 neighbouring packs if that makes enough blocks, else lines of 128 bytes; the other
    // threads of the block share the rows, of which each takes at least four.
    const std::int64_t packs = pass.batch * pass.columns / pass.width;
    const int wanted = pass.width > 1 && packs / warp_lanes < enough_blocks ? 8 : warp_lanes;
    int neighbours = power_of_two_up_to(packs, wanted);
    if (neighbours < wanted && neighbours < packs) neighbours *= 2;
    pass.lanes = power_of_two_up_to(pass.length / 4, reduction_threads / neighbours);
    shortest_part = std::int64_t{8} * pass.lanes;
  }
  const std::int64_t parts = std::clamp<std::int64_t>(enough_blocks / pass.blocks(), 1,
                                                      std::max<std::int64_t>(1, pass.length / shortest_part));
  pass.part_length = divided_up(divided_up(pass.length, parts), widest) * widest;
  pass.parts = divided_up(pass.length, pass.part_length);

  ReduceLoopsBuilder next(count + 1);
  if (is_of_rows) {
    next.add_outside(pass.parts, true);
  } else {
    next.add_outside(pass.columns, false);
  }
  for (int loop = (loops.reduces() ? length_loop : count) - 1; loop >= 0; --loop)
    next.add_outside(loops.extents[loop], loops.is_reduced(loop));
  if (!is_of_rows) next.add_outside(pass.parts, true);
  pass.next = next.loops();
  pass.is_last = !pass.next.reduces();
  return pass;
}

}  // namespace taper::cuda
