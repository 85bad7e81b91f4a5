// What may be changed in place, and how.
#include "in_place.hpp"

#include "../../../core/fail.hpp"
#include "../../../core/tape.hpp"

namespace taper::kernels {

namespace {

void check_in_place(const char* op, const Tensor& a, const Tensor& b) {
  common_kind(op, a, b);
  if (!broadcasts_to(b.shape(), a.shape()))
    fail(op, "b of shape ", b.shape(), " does not broadcast to the shape of a, ", a.shape());
  if (!Tape::recording() || (!Tape::tracks(a) && !Tape::tracks(b))) return;
  const bool is_a = Tape::tracks(a);
  fail(op, is_a ? "a" : "b", " of shape ", (is_a ? a : b).shape(),
       " needs a gradient, and the tape that records does not see what is changed in place: write a = a ",
       op[0], " b, or change a when no tape records");
}

}  // namespace

void detail::map_in_place(const char* op, Tensor& a, Tensor b, const Function& function) {
  check_in_place(op, a, b);
  if (b.size() != 1 && !(b.shape() == a.shape())) b = broadcast(op, b, a.shape());
  map_flat(op, function, std::array<const Tensor*, 2>{&a, &b}, std::array<std::int64_t, 2>{1, b.size() != 1},
           a);
}

}  // namespace taper::kernels
