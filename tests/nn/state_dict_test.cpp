// Parameters out of a model and into one: names, copies, and errors that change nothing.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Tensors = std::map<std::string, Tensor>;

struct Model : nn::Module {
  nn::Linear hidden, output;
  explicit Model(Generator& generator)
      : hidden(2, 3, generator), output(3, 1, generator, {.bias = false, .dtype = float64}) {}
  void list(nn::Parts& parts) const override { parts.add("hidden", hidden), parts.add("output", output); }
};

TEST(StateDict, HoldsACopyOfEveryParameterByName) {
  Generator generator(1);
  Model model(generator);
  const Tensors tensors = model.state_dict();
  ASSERT_EQ(tensors.size(), 3u);
  for (const auto& [name, parameter] : model.named_parameters()) {
    expect_same(tensors.at(name), parameter);
    EXPECT_FALSE(tensors.at(name).wants_grad());
  }
  const Tensor before = model.hidden.weight.clone();
  model.hidden.weight.mutable_data<float>()[0] += 1;
  expect_same(tensors.at("hidden.weight"), before);
}

TEST(StateDict, GoesIntoTheParametersThatAreThere) {
  Generator generator(2);
  const Model from(generator), to(generator);
  const Tensor handle = to.hidden.weight;
  const void* memory = handle.data<float>();
  to.load_state_dict(from.state_dict());
  EXPECT_EQ(to.hidden.weight.data<float>(), memory);
  EXPECT_TRUE(handle.wants_grad());
  for (const auto& [name, tensor] : from.state_dict()) expect_same(to.state_dict().at(name), tensor);
  to.load_state_dict({{"hidden.weight", to.hidden.weight},
                      {"hidden.bias", to.hidden.bias},  // onto itself
                      {"output.weight", to.output.weight}});
  expect_same(to.hidden.weight, from.hidden.weight);
}

TEST(StateDict, AnErrorNamesAllThatIsWrongAndChangesNothing) {
  Generator generator(3);
  const Model model(generator);
  const Tensors before = model.state_dict(), good = Model(generator).state_dict();
  const auto expect_refused = [&](const Tensors& tensors, const std::vector<std::string>& says) {
    expect_error(
        "load_state_dict", [&] { model.load_state_dict(tensors); }, says);
    for (const auto& [name, tensor] : model.state_dict()) expect_same(tensor, before.at(name));
  };
  expect_refused({}, {"missing: 'hidden.weight', 'hidden.bias', 'output.weight'"});
  Tensors tensors = good;
  tensors.erase("output.weight");  // the last one that would be copied
  tensors["hidden.wieght"] = tensors["other"] = ones({1});
  expect_refused(tensors, {"missing: 'output.weight'", "not in the model: 'hidden.wieght', 'other'"});
  tensors = good;
  tensors["output.weight"] = ones({3, 1});
  expect_refused(tensors, {"'output.weight' is float32 (3, 1), wanted float64 (3, 1)"});
  tensors["output.weight"] = ones({1, 3}, float64);
  tensors["hidden.bias"] = {};
  expect_refused(tensors, {"'output.weight' is float64 (1, 3), wanted float64 (3, 1)",
                           "'hidden.bias' is an empty handle, wanted float32 (3,)"});
  tensors = good;
  for (int i = 10; i < 40; ++i) tensors["x" + std::to_string(i)] = ones({1});
  expect_refused(tensors, {"'x10', 'x11'", "'x29' and 10 more"});
}

TEST(StateDict, TwoParametersOfOneName) {
  struct Twins : nn::Module {
    Tensor a = ones({1}), b = zeros({1});
    void list(nn::Parts& parts) const override { parts.add("twin", a), parts.add("twin", b); }
  } twins;
  expect_error("state_dict", [&] { twins.state_dict(); }, {"'twin'"});
  expect_error("load_state_dict", [&] { twins.load_state_dict({{"twin", ones({1})}}); }, {"two", "'twin'"});
}

// As PyTorch's users would send a model: through a file, and back.
TEST(StateDict, ThePartsOfAModelAreModels) {
  Generator generator(4);
  const Model from(generator), to(generator);
  to.hidden.load_state_dict(from.hidden.state_dict());
  expect_same(to.hidden.bias, from.hidden.bias);
  EXPECT_NE(to.output.weight.to_vector(), from.output.weight.to_vector());
}

}  // namespace
}  // namespace taper::test
