// The losses on the inputs with which PyTorch tests its own: golden/loss_samples.safetensors, which
// golden/make_loss_samples.py writes.
#include "support/samples.hpp"
#include <taper/nn/losses.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Json = nlohmann::json;

Indices indices_of(const Json& array) {
  return {array["values"].get<std::vector<std::int64_t>>(), shape_of(array["shape"])};
}

TEST(LossSamples, ValuesAndGradientsOfTwoOrdersAgreeWithPyTorch) {
  expect_samples(
      "loss_samples.safetensors",
      {{"binary_cross_entropy_with_logits", binary(nn::binary_cross_entropy_with_logits)},
       {"cross_entropy",
        [](const std::vector<Tensor>& x, const Json& a) {
          return nn::cross_entropy(x[0], indices_of(a["labels"]),
                                   {.label_smoothing = a["label_smoothing"].get<double>(),
                                    .ignored_label = a["ignored_label"].get<std::int64_t>()});
        }},
       {"huber_loss", [](const std::vector<Tensor>& x,
                         const Json& a) { return nn::huber_loss(x[0], x[1], a.value("delta", 1.0)); }},
       {"kl_divergence", binary(nn::kl_divergence)},
       {"mean_absolute_error", binary(nn::mean_absolute_error)},
       {"mean_squared_error", binary(nn::mean_squared_error)}});
}

}  // namespace
}  // namespace taper::test
