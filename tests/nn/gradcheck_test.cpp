// gradcheck of models: their own parameters are moved, named, and come back.
#include "gradcheck/gradcheck_helpers.hpp"
#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// A layer with a vector-Jacobian product that is wrong by a factor in its bias.
struct Layer : nn::Module {
  explicit Layer(double factor, DType dtype, Generator& generator)
      : weight(randn({3, 2}, generator, dtype).requires_grad()),
        bias(randn({2}, generator, dtype).requires_grad()),
        factor(factor) {}
  void list(nn::Parts& parts) const override { parts.add("weight", weight), parts.add("bias", bias); }
  Tensor operator()(const Tensor& x) const {
    const Tensor y = matmul(x, weight);
    return record("add_bias", y.detach() + bias.detach(), vjp(y, [](const Tensor& dy) { return dy; }),
                  vjp(bias, [f = factor](const Tensor& dy) { return sum(dy, 0) * f; }));
  }

  Tensor weight, bias;
  double factor;
};

struct Model : nn::Module {
  Model(double factor, DType dtype, Generator& generator)
      : block(factor, dtype, generator), head(2, 1, generator, {.dtype = dtype}) {}
  void list(nn::Parts& parts) const override { parts.add("block", block), parts.add("head", head); }
  Tensor operator()(const Tensor& x) const { return head(tanh(block(x))); }

  Layer block;
  nn::Linear head;
};

class ModelGradcheck : public testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Dtypes, ModelGradcheck, testing::Values(float32, float64),
                         [](const auto& info) { return printed(info.param); });

TEST_P(ModelGradcheck, NamesTheParameterAndBringsEveryBitBack) {
  Generator generator(1);
  const Tensor x = randn({4, 3}, generator, GetParam()), y = randn({4, 1}, generator, GetParam());
  for (const double factor : {1.0, 0.25}) {
    const Model model(factor, GetParam(), generator);
    const auto before = model.state_dict();
    const std::byte* const elements = model.head.weight.impl().data;
    const GradcheckReport report = gradcheck(
        model, [&](const Tensors& data) { return nn::mean_squared_error(model(data[0]), data[1]); }, {x, y});
    if (factor == 1) {
      expect_verdict(report, Verdict::passed, {"11 elements"});
    } else {
      expect_verdict(
          report, Verdict::failed,
          {"2 of 11 elements wrong", "block.bias[0]", "block.bias: all elements off by the factor 0.25"});
    }
    for (const auto& [name, parameter] : model.named_parameters()) {
      expect_same(parameter, before.at(name));
      EXPECT_TRUE(parameter.wants_grad());
      EXPECT_FALSE(parameter.grad());
    }
    if (GetParam() == float64) {
      EXPECT_EQ(model.head.weight.impl().data, elements);
    }
  }
}

TEST_P(ModelGradcheck, BringsEveryBitBackWhenTheLossThrows) {
  Generator generator(2);
  const Model model(1, GetParam(), generator);
  const auto before = model.state_dict();
  const Tensor x = randn({4, 3}, generator, GetParam());
  int calls = 0;
  const auto loss = [&](const Tensors& data) {
    if (++calls == 20) throw Error("[loss] no more");
    return mean(square(model(data[0])));
  };
  expect_error("loss", [&] { gradcheck(model, loss, {x}); });
  for (const auto& [name, parameter] : model.named_parameters()) expect_same(parameter, before.at(name));
}

// What a user of PyTorch writes: f ignores its argument and reads the model.
TEST(ModelGradcheckOfFloat64, TheParametersAsInputsOfAFunctionThatIgnoresThem) {
  Generator generator(3);
  const Tensor x = randn({4, 3}, generator, float64);
  const Model right(1, float64, generator), wrong(1.01, float64, generator);
  expect_verdict(gradcheck([&](auto&) { return right(x); }, right.parameters()), Verdict::passed);
  expect_verdict(gradcheck([&](auto&) { return wrong(x); }, wrong.parameters()), Verdict::failed,
                 {"argument 1: all elements off by the factor 1.01"});
  expect_verdict(gradcheck(right, [&] { return sum(right(x)); }), Verdict::passed);
}

TEST(ModelGradcheckOfFloat64, SharedParametersGetTheirWholeGradient) {
  Generator generator(4);
  struct Tied : nn::Module {
    explicit Tied(Generator& generator) : weight(randn({3, 3}, generator, float64).requires_grad()) {}
    void list(nn::Parts& parts) const override { parts.add("weight", weight); }
    Tensor weight;
  } const tied(generator);
  const Tensor x = randn({2, 3}, generator, float64);
  expect_verdict(gradcheck(tied, [&] { return sum(mm(tanh(mm(x, tied.weight)), tied.weight)); }),
                 Verdict::passed);
}

TEST(ModelGradcheckOfFloat64, DropoutInTrainingIsNoPass) {
  Generator generator(5);
  const nn::Linear line(3, 8, generator, {.dtype = float64});
  const nn::Dropout dropout(0.5);
  const Tensor x = randn({4, 3}, generator, float64);
  const auto loss = [&] { return sum(square(dropout(line(x)))); };
  expect_verdict(gradcheck(line, loss), Verdict::undecided, {"not deterministic"});
  dropout.eval();
  expect_verdict(gradcheck(line, loss), Verdict::passed);
}

TEST(ModelGradcheckOfFloat64, WholeTransformers) {
  Generator generator(6);
  const nn::TransformerBlock block(8, 2, 3, generator, {.causal = true, .dtype = float64});
  const Tensor x = randn({1, 5, 8}, generator, float64);
  const GradcheckReport report = gradcheck(block, [&] { return mean(square(block(x))); });
  EXPECT_NE(report.verdict, Verdict::failed) << report;
  EXPECT_GT(report.elements.size(), 500u);
  EXPECT_NE(std::find(report.names.begin(), report.names.end(), "attention.query.weight"),
            report.names.end());
}

TEST(ModelGradcheckOfFloat64, SaysWhatIsMissing) {
  struct Empty : nn::Module {
    void list(nn::Parts&) const override {}
  } const empty;
  expect_error("gradcheck", [&] { gradcheck(empty, [] { return Tensor(); }); }, {"no parameters"});
  Generator generator(7);
  const nn::Linear narrow(3, 1, generator);
  const Tensor x = randn({4, 3}, generator);
  expect_error("Linear", [&] { gradcheck(narrow, [&] { return sum(narrow(x)); }); }, {"float64", "float32"});
  EXPECT_EQ(narrow.weight.dtype(), float32);
}

}  // namespace
}  // namespace taper::test
