// Ops and losses on the inputs with which PyTorch tests its own: the files that golden/make_op_samples.py and
// make_loss_samples.py write.
#pragma once

#include "golden.hpp"

#include <map>
#include <string>

namespace taper::test {

// Computes every sample of the file in tests/golden, and expects PyTorch's values, first and second
// gradients, special values included. Expects a sample of every op in `calls`.
void expect_samples(const std::string& file, const std::map<std::string, Call>& calls);

}  // namespace taper::test
