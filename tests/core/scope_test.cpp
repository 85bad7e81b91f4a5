// Scope: which scopes are open, and that errors mention them.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

TEST(Scope, JoinsTheOpenOnesWithDots) {
  EXPECT_EQ(Scope::path(), "");
  {
    const Scope encoder("encoder");
    EXPECT_EQ(Scope::path(), "encoder");
    {
      const Scope block("blocks", 2), part(std::size_t{0});
      EXPECT_EQ(Scope::path(), "encoder.blocks.2.0");
    }
    EXPECT_EQ(Scope::path(), "encoder");
  }
  EXPECT_EQ(Scope::path(), "");
}

TEST(Scope, OutermostStandsBackWhereAnotherIsOpen) {
  const Scope model = Scope::outermost("Mlp");
  EXPECT_EQ(Scope::path(), "Mlp");
  const Scope part("hidden");
  {
    const Scope layer = Scope::outermost("Linear");
    EXPECT_EQ(Scope::path(), "Mlp.hidden");
  }
  EXPECT_EQ(Scope::path(), "Mlp.hidden");
}

TEST(Scope, IsOfItsThread) {
  const Scope here("here");
  std::string there = "not asked";
  std::thread([&] { there = Scope::path(); }).join();
  EXPECT_EQ(there, "");
}

TEST(Scope, EndsEveryErrorAndIsClosedByIt) {
  try {
    const Scope encoder("encoder"), block(std::size_t{2});
    add(zeros({2}), zeros({3}));
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "[add] shapes do not broadcast: a is (2,), b is (3,) (in encoder.2)");
  }
  EXPECT_EQ(Scope::path(), "");
  expect_error("add", [] { add(zeros({2}), zeros({3})); }, {"b is (3,)"});
}

// Errors inside Sequential, Mlp, TransformerBlock and attention name the part as named_parameters() does.
TEST(Scope, OfModulesIsTheNameOfTheParameters) {
  const auto says = [](const std::string& op, const std::function<void()>& call, const std::string& place) {
    try {
      call();
      ADD_FAILURE() << "nothing was thrown, wanted " << place;
    } catch (const Error& error) {
      const std::string text = error.what();
      EXPECT_TRUE(text.starts_with("[" + op + "] ")) << text;
      EXPECT_TRUE(text.ends_with(place.empty() ? "" : " (in " + place + ")")) << text << "\nwanted " << place;
    }
    EXPECT_EQ(Scope::path(), "");
  };
  const Tensor x = ones({2, 3, 8});

  const nn::Sequential model(nn::Linear(8, 16), relu, nn::Linear(12, 4));
  says(
      "Linear", [&] { model(x); }, "Sequential.2");
  const nn::Sequential nested(relu, nn::Sequential(relu, [](const Tensor& y) { return sum(y, 7); }));
  says(
      "sum", [&] { nested(x); }, "Sequential.1.1");

  nn::Mlp mlp(8, 16);
  mlp.output = nn::Linear(12, 8);
  says(
      "Linear", [&] { mlp(x); }, "Mlp.output");
  mlp.hidden = nn::Linear(7, 12);
  says(
      "Linear", [&] { mlp(x); }, "Mlp.hidden");

  nn::TransformerBlock block(8, 2, 2);
  block.attention.key = nn::Linear(9, 8);
  says(
      "Linear", [&] { block(x); }, "TransformerBlock.attention.key");
  says(
      "Linear", [&] { block.probabilities(x); }, "TransformerBlock.attention.key");
  says(
      "Linear", [&] { block.attention(x); }, "MultiHeadSparseAttention.key");
  says(
      "Linear", [&] { nn::Sequential(relu, block)(x); }, "Sequential.1.attention.key");
  block.attention.query.bias = ones({9});
  says(
      "affine", [&] { block(x); }, "TransformerBlock.attention.query");
  std::get<nn::LayerNorm>(block.norm1).gain = ones({9});
  says(
      "layer_norm", [&] { block(x); }, "TransformerBlock.norm1");
  says(
      "layer_norm", [&] { std::get<nn::LayerNorm>(block.norm1)(x); }, "LayerNorm");

  nn::TransformerBlock sound(8, 2, 2, {.norm = nn::Norm::rms});
  sound.mlp.hidden = nn::Linear(9, 8);
  says(
      "Linear", [&] { sound(x); }, "TransformerBlock.mlp.hidden");
  std::get<nn::RmsNorm>(sound.norm2).gain = ones({9});
  says(
      "rms_norm", [&] { sound(x); }, "TransformerBlock.norm2");
  says(
      "MultiHeadSparseAttention", [&] { sound(x, {.mask = ones({7})}); }, "TransformerBlock.attention");
  sound.attention.value = nn::Linear(9, 8);
  says(
      "Linear", [&] { sound(x); }, "TransformerBlock.attention.value");
  nn::MultiHeadSparseAttention attention(8, 2, 2);
  attention.output = nn::Linear(9, 8);
  says(
      "Linear", [&] { attention(x); }, "MultiHeadSparseAttention.output");

  says(
      "gather",
      [] {
        nn::Embedding(3, 2)({0, 3});
      },
      "Embedding");
  struct Model : nn::Module {
    nn::Embedding symbols{3, 2};
    void list(nn::Parts& parts) const override { parts.add("symbols", symbols); }
    Tensor operator()(const Indices& x) const { return nn::call("symbols", symbols, x); }
  };
  says(
      "gather",
      [] {
        Model()({0, 3});
      },
      "symbols");
}

}  // namespace
}  // namespace taper::test
