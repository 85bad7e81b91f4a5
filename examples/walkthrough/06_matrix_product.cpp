// Chapter 6: a product of matrices. docs/walkthrough/06_matrix_product.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  Tensor a = tensor({{1, run["a01"], 3}, {4, 5, 6}}, float64).requires_grad();  // (2, 3)
  Tensor b = tensor({{1, -1}, {2, 0}, {0, 3}}, float64).requires_grad();        // (3, 2)

  // The walk starts with a cotangent of C that is 0 but for one element.
  Tensor dc = zeros({2, 2}, float64);
  dc.mutable_data<double>()[2 * run.whole("row") + run.whole("column")] = run["weight"];

  Tape tape({.keep_values = true});
  Tensor c = mm(a, b);
  tape.backward(c, {.cotangent = dc});

  run.print("C =\n", c, "\ndC =\n", dc);
  run.print("dA = dC B^T =\n", a.grad(), "\ndB = A^T dC =\n", b.grad());
  run.show(tape);
}

const walkthrough::Chapter chapter(
    "06_matrix_product", "A product of matrices",
    {{"row", 0, 1, 0, true}, {"column", 0, 1, 1, true}, {"weight", -3, 3, 1}, {"a01", -3, 3, 2}}, program);

}  // namespace
