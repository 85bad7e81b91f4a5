// Chapter 3: the walk back. docs/walkthrough/03_walk_back.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  Tensor a = tensor(run["a"], float64).requires_grad();
  Tensor b = tensor(run["b"], float64).requires_grad();

  Tape tape({.keep_values = true});
  Tensor p = a * b;
  Tensor s = square(p);
  Tensor aside = exp(p);  // recorded, but y is not made from it
  Tensor y = 3 * s;
  tape.backward(y);

  run.print("y = ", y.item(), ", and aside = ", aside.item());
  run.print("dy/da = ", a.grad().item(), ",  dy/db = ", b.grad().item());
  run.show(tape);
}

const walkthrough::Chapter chapter("03_walk_back", "The walk back", {{"a", -3, 3, 2}, {"b", -3, 3, -1}},
                                   program);

}  // namespace
