// Copying runs of consecutive elements from one tensor into another: what slice and concat are made of.
#pragma once

#include "../backend.hpp"

namespace taper::kernels {

// Copies as the call says. x and y have one dtype and lie on one device; all of the call's elements lie
// within them, and no two are written to the same place.
void copy_runs(const RunCopy& call, const Tensor& x, Tensor& y);

}  // namespace taper::kernels
