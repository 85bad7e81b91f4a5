// Copying elements along loop nests from one tensor into another: what slice, concat, permute, flip and pad
// are made of. The same with addition: what the sum over several slices' cotangents is made of.
#pragma once

#include "../backend.hpp"

namespace taper::kernels {

// The strides of a row-major tensor of that shape.
Shape strides_of(const Shape& shape);

// The same copy in the same order, with as few loops as possible, but at least one.
StridedCopy merged(const StridedCopy& call);

// Copies as the call says. x and y have one dtype and lie on one device; all of the call's elements lie
// within them, and no two are written to the same place.
void copy_strided(const StridedCopy& call, const Tensor& x, Tensor& y);

// The usual case, without the cost of a loop nest: `rows` runs of `run` elements each, row_of_x and row_of_y elements
// apart, from the given places on.
struct RunCopy {
  std::int64_t rows, run, from, row_of_x, to, row_of_y;
};
void copy_runs(const RunCopy& call, const Tensor& x, Tensor& y);

// copy_strided, but each of x's elements is added to the place in y.
void add_strided(const StridedCopy& call, const Tensor& x, Tensor& y);

}  // namespace taper::kernels
