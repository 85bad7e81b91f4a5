// Cross entropy of rows of logits with their labels, and its gradient.
#pragma once

#include "../backend.hpp"

namespace taper::kernels {

struct CrossEntropy {
  Tensor loss;    // the mean over the rows that count
  Tensor totals;  // (rows, 2): the largest logit of each row that counts, and its sum of e^(z - largest)
};
CrossEntropy cross_entropy(const char* op, const CrossEntropyCall& call, const Tensor& logits);

// dL (softmax(z) - t) / N in the N rows that count, for targets t; 0 in the others: one pass over the logits.
Tensor cross_entropy_vjp(const char* op, const CrossEntropyCall& call, const Tensor& dloss,
                         const Tensor& logits, const Tensor& totals);

}  // namespace taper::kernels
