// Chapter 1: a value and its derivative. docs/walkthrough/01_derivative.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  Tensor x = tensor(run["x"], float64).requires_grad();

  Tape tape({.keep_values = true});
  Tensor cube = x * x * x;
  Tensor y = cube - 3 * x;
  tape.backward(y);

  run.print("at x = ", x.item(), ":  y = ", y.item(), ",  dy/dx = ", x.grad().item());
  run.show(tape);
}

const walkthrough::Chapter chapter("01_derivative", "A value and its derivative", {{"x", -3, 3, 2}}, program);

}  // namespace
