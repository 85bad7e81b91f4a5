// Chapter 4: a value used twice. docs/walkthrough/04_used_twice.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  Tensor x = tensor(run["x"], float64).requires_grad();
  const double a = run["a"];

  Tape tape({.keep_values = true});
  Tensor s = square(x);
  Tensor income = a * s;
  Tensor costs = s * s;
  Tensor y = income - costs;
  tape.backward(y);

  run.print("s = ", s.item(), ":  y = ", y.item(), ",  dy/dx = ", x.grad().item());
  run.show(tape);
}

const walkthrough::Chapter chapter("04_used_twice", "A value used twice", {{"x", -3, 3, 1}, {"a", -4, 4, 3}},
                                   program);

}  // namespace
