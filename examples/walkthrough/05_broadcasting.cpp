// Chapter 5: shapes and broadcasting. docs/walkthrough/05_broadcasting.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, float64);                       // (2, 3)
  const Tensor weights = tensor({{1, 0, 2}, {0, 3, -1}}, float64);                // (2, 3)
  Tensor b = tensor({run["b0"], run["b1"], run["b2"]}, float64).requires_grad();  // (3,)
  Tensor s = tensor(run["s"], float64).requires_grad();                           // ()

  Tape tape({.keep_values = true});
  Tensor y = x + b;  // b is added to both rows
  Tensor z = s * y;  // s multiplies all six
  Tensor loss = sum(weights * z);
  tape.backward(loss);

  run.print("z =\n", z, "\nloss = ", loss.item());
  run.print("db = ", b.grad(), "\nds = ", s.grad());
  run.show(tape);
}

const walkthrough::Chapter chapter("05_broadcasting", "Shapes and broadcasting",
                                   {{"s", -3, 3, 2}, {"b0", -5, 5, 1}, {"b1", -5, 5, -1}, {"b2", -5, 5, 0}},
                                   program);

}  // namespace
