// Buffers, and tensors that a module lists under several names.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/core/memory/transfer.hpp>
#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// y = gain (x - mean), where the mean is that of all calls in training.
struct Centered : nn::Module {
  Tensor gain = full({2}, 3).requires_grad(), mean = zeros({2}), calls = zeros({});
  void list(nn::Parts& parts) const override {
    parts.add("gain", gain), parts.add_buffer("mean", mean), parts.add_buffer("calls", calls);
  }
  Tensor operator()(const Tensor& x) const {
    if (is_training()) {
      Tensor to = mean, count = calls;
      internal::copy_elements(calls + 1.0, count);
      internal::copy_elements(mean + (taper::mean(x, 0) - mean).detach() / calls, to);
    }
    return gain * (x - mean);
  }
};

struct Model : nn::Module {
  Centered center;
  nn::Linear output{2, 1};
  void list(nn::Parts& parts) const override { parts.add("center", center), parts.add("output", output); }
  Tensor operator()(const Tensor& x) const { return output(center(x)); }
};

std::vector<std::string> names(const std::vector<std::pair<std::string, Tensor>>& tensors) {
  std::vector<std::string> result;
  for (const auto& [name, tensor] : tensors) result.push_back(name);
  return result;
}

TEST(Buffers, AreListedBesideTheParameters) {
  const Model model;
  EXPECT_EQ(names(model.named_parameters()),
            (std::vector<std::string>{"center.gain", "output.weight", "output.bias"}));
  EXPECT_EQ(names(model.named_buffers()), (std::vector<std::string>{"center.mean", "center.calls"}));
  EXPECT_EQ(model.parameters().size(), 3u);
  EXPECT_EQ(&model.named_buffers()[0].second.impl(), &model.center.mean.impl());
  model.requires_grad();
  EXPECT_FALSE(model.center.mean.wants_grad());
}

TEST(Buffers, AreSavedAndLoadedInPlace) {
  const Model model, other;
  model(tensor({{2, 4}}));
  model(tensor({{4, 8}}));
  expect_values(model.center.mean.to(float64), {3, 6});
  const std::map<std::string, Tensor> state = model.state_dict();
  ASSERT_EQ(state.size(), 5u);
  const Tensor handle = other.center.mean;
  other.load_state_dict(state);
  expect_same(handle, model.center.mean);
  expect_same(other.center.calls, tensor(2));
  model(tensor({{0, 0}}));
  expect_values(state.at("center.mean").to(float64), {3, 6});  // a copy

  std::map<std::string, Tensor> bad = state;
  bad.erase("center.calls");
  bad["center.mean"] = ones({2}, float64);
  expect_error("load_state_dict", [&] { other.load_state_dict(bad); },
               {"missing: 'center.calls'", "'center.mean' is float64 (2,), wanted float32 (2,)"});
}

TEST(Buffers, GoWhereTheModelGoes) {
  const Model model;
  const Model copy = model;  // shares them
  model(tensor({{2, 4}}));
  expect_same(copy.center.mean, model.center.mean);
  model.to(float64);
  EXPECT_EQ(copy.center.mean.dtype(), float64);
  EXPECT_EQ(copy.center.calls.dtype(), float64);
  expect_values(model.center.mean, {2, 4});
  model.to(float32);
  expect_same(model.center.mean, tensor({2, 4}));
}

TEST(Buffers, AreNotTrained) {
  const Model model;
  optim::Sgd sgd(model.parameters(), {.learning_rate = 0.1});
  EXPECT_EQ(sgd.state().texts.at("parameters"), "3");
  model(tensor({{2, 4}}));
  model.eval();
  Tape tape;
  tape.backward(sum(model(tensor({{1, 1}}))));
  sgd.step();
  EXPECT_FALSE(model.center.mean.grad());
  expect_values(model.center.mean.to(float64), {2, 4});
}

TEST(Buffers, AreWidenedByGradcheck) {
  const Model model;
  model(tensor({{2, 4}}));
  model.eval();
  const auto loss = [&](const Tensors& data) { return sum(square(model(data[0]))); };
  const GradcheckReport report = gradcheck(model, loss, {tensor({{1, 3}, {0.5, -1}})});
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_EQ(model.center.mean.dtype(), float32);
}

TEST(Buffers, Errors) {
  struct Bad : nn::Module {
    Tensor buffer;
    void list(nn::Parts& parts) const override { parts.add_buffer("b", buffer); }
  } bad;
  expect_error("Parts::add_buffer", [&] { bad.named_buffers(); }, {"b is an empty handle"});
  bad.buffer = ones({2}).requires_grad();
  expect_error("Parts::add_buffer", [&] { bad.state_dict(); }, {"'b' asks for a gradient"});
}

// An output layer with the weights of the hidden one.
struct Tied : nn::Module {
  nn::Linear hidden{3, 3}, output = hidden;
  void list(nn::Parts& parts) const override { parts.add("hidden", hidden), parts.add("output", output); }
  Tensor operator()(const Tensor& x) const { return output(tanh(hidden(x))); }
};

TEST(SharedLayer, IsListedOnceAndSavedUnderEachName) {
  const Tied model;
  EXPECT_EQ(names(model.named_parameters()), (std::vector<std::string>{"hidden.weight", "hidden.bias"}));
  EXPECT_EQ(model.parameters().size(), 2u);
  const std::map<std::string, Tensor> state = model.state_dict();
  ASSERT_EQ(state.size(), 4u);
  expect_same(state.at("output.weight"), state.at("hidden.weight"));
  const Tied other;
  other.load_state_dict(state);
  expect_same(other.hidden.weight, model.hidden.weight);
  EXPECT_EQ(nn::Sequential(model.hidden, tanh, model.hidden).parameters().size(), 2u);
}

TEST(SharedLayer, LearnsFromBothPlaces) {
  const Tied model;
  const Tensor x = tensor({{0.5, -1, 2}});
  const Tensor a = model.hidden.weight.clone().requires_grad(),
               b = model.hidden.weight.clone().requires_grad();
  const Tensor bias = model.hidden.bias.detach();
  Tape tape;
  tape.backward(sum(affine(tanh(affine(x, a, bias)), b, bias)) + sum(model(x)));
  expect_close(model.hidden.weight.grad(), a.grad() + b.grad(), 1e-6);
  optim::Sgd sgd(model.parameters(), {.learning_rate = 1});
  const Tensor expected = model.hidden.weight - model.hidden.weight.grad();
  sgd.step();
  expect_close(model.output.weight, expected.detach(), 1e-6);
  model.to(float64);
  EXPECT_EQ(model.output.weight.dtype(), float64);
}

TEST(SharedLayer, RefusesTwoValuesForOneTensor) {
  const Tied model;
  const std::map<std::string, Tensor> before = model.state_dict();
  std::map<std::string, Tensor> tensors = before;
  tensors["output.weight"] = tensors["output.weight"] + 1.0;
  tensors["hidden.bias"] = tensors["output.bias"] = zeros({3});
  expect_error(
      "load_state_dict", [&] { model.load_state_dict(tensors); },
      {"one tensor in the model, but of different values here: 'hidden.weight' and 'output.weight'"});
  for (const auto& [name, tensor] : model.state_dict()) expect_same(tensor, before.at(name));
  tensors.erase("output.weight");
  expect_error("load_state_dict", [&] { model.load_state_dict(tensors); }, {"missing: 'output.weight'"});
}

// A view has other shapes, and the same elements.
struct TiedByView : nn::Module {
  Tensor table = uniform({3, 2}, -1, 1).requires_grad(), flat = table.view({6}).requires_grad();
  void list(nn::Parts& parts) const override { parts.add("flat", flat), parts.add("table", table); }
};

TEST(SharedLayer, RefusesTwoValuesForAView) {
  const TiedByView model;
  std::map<std::string, Tensor> tensors = model.state_dict();
  model.load_state_dict(tensors);
  tensors["flat"] = zeros({6});
  expect_error("load_state_dict", [&] { model.load_state_dict(tensors); }, {"'flat' and 'table'"});
}

class SharedFiles : public Scratch {};

// Files, checkpoints and averages go the same way, and each names what it read.
TEST_F(SharedFiles, AreRefusedWithTwoValuesForOneTensor) {
  const Tied model;
  const std::map<std::string, Tensor> before = model.state_dict();
  Generator generator;
  optim::Adam adam(model.parameters());
  nn::Run run{model, adam, generator};
  nn::MovingAverage average(model, 0.5);
  run.extras = average.state();
  save_checkpoint(path("run"), run);
  State file = load_safetensors(path("run"));
  file.tensors["model.output.weight"] = zeros({3, 3});
  save_safetensors(path("run"), file);
  const std::vector<std::string> says{"'model.hidden.weight' and 'model.output.weight'", path("run")};
  expect_error(
      "load_checkpoint", [&] { load_checkpoint(path("run"), run); }, says);
  expect_error(
      "load", [&] { nn::load(path("run"), model); }, says);

  std::map<std::string, Tensor> tensors = before;
  tensors["output.bias"] = ones({3}) + tensors["output.bias"];
  save_safetensors(path("model"), tensors);
  expect_error("load", [&] { nn::load(path("model"), model); },
               {"'hidden.bias' and 'output.bias'", path("model")});
  State state = average.state();
  state.tensors["output.bias"] = tensors["output.bias"];
  expect_error("load_state", [&] { average.load_state(state); }, {"'hidden.bias' and 'output.bias'"});
  for (const auto& [name, tensor] : model.state_dict()) expect_same(tensor, before.at(name));
}

}  // namespace
}  // namespace taper::test
