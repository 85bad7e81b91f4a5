// Metrics: how often a classifier is right, and what it takes for what.
#pragma once

#include "../core/indices.hpp"
#include "../core/tensor.hpp"

namespace taper::nn {

// The prediction for a row of logits is the class of its largest one, the first of those that are equal. A
// row with NaN predicts nothing. Rows with the label -100 don't count, as in cross_entropy.

// The share of the rows whose prediction is their label, from 0 to 1, for logits (…, C) and labels (…). A row
// with NaN is wrong. Throws if the shapes don't fit, a label is out of range, or no row counts.
double accuracy(const Tensor& logits, const Indices& labels);

// How many rows with label i have the prediction j, at (i, j): (C, C), float64, in the order of
// scikit-learn's function of that name. Throws likewise, and if a row that counts holds NaN.
Tensor confusion_matrix(const Tensor& logits, const Indices& labels);

}  // namespace taper::nn
