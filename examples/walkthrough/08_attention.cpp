// Chapter 8: attention. docs/walkthrough/08_attention.md is its text.
#include "chapter.hpp"

using namespace taper;

namespace {

void program(walkthrough::Run& run) {
  Tensor queries = tensor({{run["x"], run["y"]}, {1, 1}}, float64).requires_grad();  // Q (2, 2): two queries
  Tensor keys = tensor({{1, 0}, {0, 1}, {-1, 0}}, float64).requires_grad();          // K (3, 2): three keys
  Tensor values = tensor({{10}, {20}, {60}}, float64).requires_grad();  // V (3, 1): one for each key

  Tape tape({.keep_values = true});
  Tensor scores = mm(queries, transpose(keys, 0, 1));  // Z = Q K^T (2, 3)
  Tensor p = sparse_softmax(scores, run.whole("k"));   // P, row by row
  Tensor output = mm(p, values);                       // Y = P V (2, 1)
  tape.backward(output, {.cotangent = tensor({{1}, {0}}, float64)});

  run.print("scores =\n", scores, "\nP =\n", p, "\noutput =\n", output);
  run.print("what moves output 0:\ndQ =\n", queries.grad(), "\ndK =\n", keys.grad(), "\ndV =\n",
            values.grad());
  run.show(tape);
}

const walkthrough::Chapter chapter("08_attention", "Attention",
                                   {{"x", -2, 2, 0.5}, {"y", -2, 2, 0}, {"k", 1, 3, 2, true}}, program);

}  // namespace
