// Tensors and models converted from one dtype to the other and back.
#include "support/helpers.hpp"
#include "support/on_cuda.hpp"
#include <taper/taper.hpp>

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Snapshot = std::map<std::string, Tensor>;

// The conversion of x to `wanted`, element by element.
template <class To>
Tensor converted(const Tensor& x) {
  Tensor result = Tensor::uninitialized("test", x.shape(), dtype_of<To>);
  const std::vector<double> values = x.to_vector();
  for (std::size_t i = 0; i < values.size(); ++i) result.mutable_data<To>()[i] = static_cast<To>(values[i]);
  return result;
}

void expect_same_tensors(const Snapshot& found, const Snapshot& wanted) {
  ASSERT_EQ(found.size(), wanted.size());
  for (const auto& [name, tensor] : wanted) {
    SCOPED_TRACE(name);
    expect_same(found.at(name), tensor);
  }
}

Snapshot widened(const Snapshot& tensors) {
  Snapshot result;
  for (const auto& [name, tensor] : tensors) result[name] = converted<double>(tensor);
  return result;
}
Snapshot narrowed(const Snapshot& tensors) {
  Snapshot result;
  for (const auto& [name, tensor] : tensors) result[name] = converted<float>(tensor);
  return result;
}

TEST(ToDType, RoundsEachElement) {
  const Tensor x = randn({3, 50000}, float64);  // more than one thread's part
  expect_same(x.to(float32), converted<float>(x));
  expect_same(x.to(float32).to(float64), converted<double>(converted<float>(x)));
  expect_same(row({1e39, -1e39, 1e-50, NAN}).to(float32), tensor({INFINITY, -INFINITY, 0, NAN}));
}

TEST(ToDType, ThereAndBackIsEveryBit) {
  using limits = std::numeric_limits<float>;
  Tensor x = randn({1000});
  float* p = x.mutable_data<float>();
  for (const float value : {0.0f, -0.0f, limits::denorm_min(), limits::min(), limits::max(), limits::lowest(),
                            limits::infinity(), -limits::infinity(), limits::quiet_NaN(), 0.1f}) {
    *p++ = value;
  }
  expect_same(x.to(float64).to(float32), x);
}

TEST(ToDType, IsTheTensorItselfIfItHasTheDtype) {
  const Tensor x = row({1, 2});
  EXPECT_EQ(&x.to(float64).impl(), &x.impl());
  EXPECT_EQ(&x.to(x.kind()).impl(), &x.impl());
  EXPECT_NE(&x.to(float32).impl(), &x.impl());
}

TEST(ToDType, CarriesGradientsAcross) {
  Tensor x = tensor({1, 2}).requires_grad();
  Tape tape;
  const Tensor wide = x.to(float64);
  tape.backward(sum(wide * wide * 0.1));
  EXPECT_EQ(x.grad().dtype(), float32);
  expect_same(x.grad(), tensor({0.2, 0.4}));
}

TEST(MoveToDType, EveryHandleSeesItAndTheGradientFollows) {
  Tensor x = tensor({0.1, 2}).requires_grad();
  const Tensor same = x, view = x.view({2, 1});
  {
    Tape tape;
    tape.backward(sum(square(x)));
  }
  x.move_to(float64);
  EXPECT_TRUE(same.wants_grad());
  expect_same(same, row({0.1f, 2}));
  expect_same(same.grad(), row({0.2f, 4}));
  expect_same(view, tensor({{0.1}, {2}}));  // a view keeps what it was made of
  {
    Tape tape;
    tape.backward(sum(square(x)));
  }
  expect_same(x.grad(), row({2 * static_cast<double>(0.2f), 8}));
  x.move_to(float32);
  expect_same(same, tensor({0.1, 2}));
  expect_same(same.grad(), tensor({0.4, 8}));
}

TEST(MoveToDType, OnlyALeafWithMemoryOfItsOwnMoves) {
  Tensor x = ones({2}).requires_grad();
  Tape tape;
  Tensor y = x * 2.0, part = x.view({1, 2});
  expect_error("move_to", [&] { y.move_to(float64); }, {"leaf", "(2,)"});
  expect_error("move_to", [&] { part.move_to(float64); }, {"view", "(1, 2)"});
  EXPECT_EQ(y.dtype(), float32);
  EXPECT_EQ(part.dtype(), float32);
}

// A layer of every sort.
struct Model : nn::Module {
  Generator generator{3};
  nn::Embedding symbols{7, 8, generator};
  nn::LearnedPositions positions{7, 8, generator};
  nn::TransformerBlock rotary{8, 2, 3, generator, {.causal = true, .rotary = true, .dropout = 0.1}};
  nn::TransformerBlock dense{
      8,
      2,
      3,
      generator,
      {.causal = true, .method = nn::AttentionMethod::dense, .dropout = 0.1, .norm = nn::Norm::rms}};
  nn::LayerNorm norm{8};
  nn::Sequential head{nn::Linear(8, 8, generator), gelu, nn::Dropout(0.1, generator),
                      nn::Linear(8, 7, generator)};
  nn::SparseAttention attention{2, {.causal = true, .method = nn::AttentionMethod::fused}};

  void list(nn::Parts& parts) const override {
    parts.add("symbols", symbols), parts.add("positions", positions), parts.add("rotary", rotary);
    parts.add("dense", dense), parts.add("norm", norm), parts.add("head", head);
    parts.add("attention", attention);
  }
  Tensor operator()(const Indices& tokens) const {
    const Tensor x = norm(dense(rotary(positions(symbols(tokens)))));
    return head(attention(x, x, x));
  }
};

const Indices& tokens() {
  static const Indices all({0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 1, 1, 2, 6}, {2, 7});
  return all;
}

double gradients_of(const Model& model) {
  Tape tape;
  model.zero_grad();
  const Tensor loss = nn::cross_entropy(model(tokens()), tokens());
  tape.backward(loss);
  return loss.item();
}

Snapshot gradients_by_name(const Model& model) {
  Snapshot result;
  for (const auto& [name, parameter] : model.named_parameters()) result[name] = parameter.grad().clone();
  return result;
}

TEST(ModuleToDType, EveryLayerFollows) {
  const Model model;
  model.eval();
  const double loss = gradients_of(model);
  const Snapshot before = model.state_dict(), gradients = gradients_by_name(model);

  model.to(float64);
  expect_same_tensors(model.state_dict(), widened(before));
  expect_same_tensors(gradients_by_name(model), widened(gradients));
  EXPECT_EQ(model(tokens()).dtype(), float64);
  EXPECT_NEAR(gradients_of(model), loss, 1e-6);
  for (const auto& [name, parameter] : model.named_parameters()) {
    EXPECT_EQ(parameter.grad().dtype(), float64) << name;
    expect_close(parameter.grad(), converted<double>(gradients.at(name)), 1e-5);
  }

  model.to(float32);
  expect_same_tensors(model.state_dict(), before);
  EXPECT_EQ(gradients_of(model), loss);
  expect_same_tensors(gradients_by_name(model), gradients);
}

TEST(ModuleToDType, TrainsInFloat64) {
  const Model model;
  model.to(float64);
  const double before = gradients_of(model);  // with dropout
  optim::Adam adam(model.parameters(), {.learning_rate = 0.02});
  for (int step = 0; step < 30; ++step) {
    gradients_of(model);
    adam.step();
  }
  EXPECT_LT(gradients_of(model), before / 2);
}

// Three steps, a detour through float64 if it is asked for, and three more.
template <class Optimizer, class Options>
std::pair<Snapshot, Snapshot> six_steps(const Options& options, bool detour) {
  const Model model;
  model.eval();
  Optimizer optimizer(model.parameters(), options);
  for (int step = 0; step < 6; ++step) {
    if (step == 3 && detour) {
      const Snapshot moments = optimizer.state().tensors;
      model.to(float64);
      expect_same_tensors(optimizer.state().tensors, widened(moments));
      model.to(float32);
      expect_same_tensors(optimizer.state().tensors, moments);
    }
    gradients_of(model);
    optimizer.step();
  }
  return {model.state_dict(), optimizer.state().tensors};
}

template <class Optimizer, class Options>
void expect_no_trace_of_a_detour(const Options& options) {
  const auto [model, moments] = six_steps<Optimizer>(options, false);
  const auto [detoured_model, detoured_moments] = six_steps<Optimizer>(options, true);
  expect_same_tensors(detoured_model, model);
  expect_same_tensors(detoured_moments, moments);
}

TEST(OptimizerAfterToDType, ADetourLeavesNoTrace) {
  expect_no_trace_of_a_detour<optim::AdamW>(optim::AdamWOptions{.learning_rate = 0.01, .weight_decay = 0.1});
  expect_no_trace_of_a_detour<optim::Sgd>(optim::SgdOptions{.learning_rate = 0.1, .momentum = 0.9});
  expect_no_trace_of_a_detour<optim::Sgd>(optim::SgdOptions{.learning_rate = 0.1});
}

// What the optimizer does after the conversion, against one made in that dtype, whose state is
// converted by hand.
template <class Optimizer, class Options>
void expect_goes_on_in_the_other_dtype(const Options& options) {
  const Model model;
  model.eval();
  Optimizer optimizer(model.parameters(), options);
  for (const DType dtype : {float64, float32}) {
    gradients_of(model);
    optimizer.step();

    State state = optimizer.state();
    const Snapshot parameters = model.state_dict();
    state.tensors = dtype == float64 ? widened(state.tensors) : narrowed(state.tensors);
    const Model other;
    other.eval();
    other.to(dtype);
    other.load_state_dict(dtype == float64 ? widened(parameters) : narrowed(parameters));
    Optimizer fresh(other.parameters(), options);
    fresh.load_state(state);

    model.to(dtype);
    for (int step = 0; step < 2; ++step) {
      EXPECT_EQ(gradients_of(model), gradients_of(other));
      optimizer.step(), fresh.step();
      expect_same_tensors(model.state_dict(), other.state_dict());
      expect_same_tensors(optimizer.state().tensors, fresh.state().tensors);
    }
  }
}

TEST(OptimizerAfterToDType, GoesOnAsOneMadeInThatDtype) {
  expect_goes_on_in_the_other_dtype<optim::AdamW>(
      optim::AdamWOptions{.learning_rate = 0.01, .weight_decay = 0.1});
  expect_goes_on_in_the_other_dtype<optim::Sgd>(
      optim::SgdOptions{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true});
}

TEST(OptimizerAfterToDType, LoadsAStateOfTheNewDtypeBeforeItsFirstStep) {
  const Model model, other;
  optim::Adam adam(model.parameters(), {}), wide_adam(other.parameters(), {});
  other.to(float64);
  gradients_of(other);
  wide_adam.step();
  model.to(float64);
  adam.load_state(wide_adam.state());
  expect_same_tensors(adam.state().tensors, wide_adam.state().tensors);
  model.to(float32);
  expect_error("load_state", [&] { adam.load_state(wide_adam.state()); }, {"float64", "float32"});
}

class ToDTypeOnCuda : public OnCuda {};

TEST_F(ToDTypeOnCuda, ConvertsThere) {
  const Device gpu = Device::cuda();
  for (const std::int64_t n : {0, 1, 3, 4099}) {
    Tensor x = randn({n}, float64).requires_grad();
    expect_same(x.to(gpu).to(float32), x.to(float32));
    expect_same(x.to({float32, gpu}), x.to(float32));
    EXPECT_EQ(x.to({float32, gpu}).kind(), Kind(float32, gpu));
    expect_same(x.to({float32, gpu}).to({float64, Device::cpu()}), x.to(float32).to(float64));
    Tape tape;
    tape.backward(sum(square(x.to({float32, gpu}))));
    EXPECT_EQ(x.grad().kind(), Kind(float64));
    expect_same(x.grad(), 2.0 * x.detach().to(float32).to(float64));
  }
}

TEST_F(ToDTypeOnCuda, AModelComesBackBitForBit) {
  const Model model;
  gradients_of(model);
  const Snapshot before = model.state_dict(), gradients = gradients_by_name(model);
  model.to(Device::cuda());
  model.to(float64);
  EXPECT_EQ(model.head.at<nn::Linear>(0).weight.kind(), Kind(float64, Device::cuda()));
  model.to(float32);
  model.to(Device::cpu());
  expect_same_tensors(model.state_dict(), before);
  expect_same_tensors(gradients_by_name(model), gradients);
}

}  // namespace
}  // namespace taper::test
