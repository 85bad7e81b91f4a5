// Chapter 10: gradients of gradients. docs/walkthrough/10_second_derivatives.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  Tensor x = tensor(run["x"], float64).requires_grad();

  Tape tape({.keep_values = true});
  Tensor cube = x * x * x;
  Tensor y = cube - 3 * x;
  run.print("y = ", y.item(), "  (", tape.node_count(), " nodes)");

  Tensor derivative = y;
  for (std::int64_t order = 1; order <= run.whole("order"); ++order) {
    derivative = tape.gradient(derivative, {x}, {.create_graph = true})[0];
    run.print("derivative ", order, " of y = ", derivative.item(), "  (", tape.node_count(), " nodes)");
  }
  run.show(tape);
}

const walkthrough::Chapter chapter("10_second_derivatives", "Gradients of gradients",
                                   {{"x", -3, 3, 2}, {"order", 1, 3, 2, true}}, program);

}  // namespace
