// Copying elements along loop nests from one tensor into another: what slice, concat, permute, flip and pad
// are made of.
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

}  // namespace taper::kernels
