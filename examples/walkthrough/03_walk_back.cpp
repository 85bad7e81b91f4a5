// Chapter 3: the walk back. docs/walkthrough/03_walk_back.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  Tensor u = tensor(run["u"], float64).requires_grad();
  Tensor v = tensor(run["v"], float64).requires_grad();

  Tape tape({.keep_values = true});
  Tensor p = u * v;
  Tensor s = square(p);
  Tensor aside = exp(p);  // recorded, but y is not made from it
  Tensor y = 3 * s;
  tape.backward(y);

  run.print("y = ", y.item(), ", and aside = ", aside.item());
  run.print("dy/du = ", u.grad().item(), ",  dy/dv = ", v.grad().item());
  run.show(tape);
}

const walkthrough::Chapter chapter("03_walk_back", "The walk back", {{"u", -3, 3, 2}, {"v", -3, 3, -1}},
                                   program);

}  // namespace
