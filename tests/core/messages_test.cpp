// What the library says to whoever hands it nothing, or wants more memory than there is. (Every op's own
// messages are in the registry.)
#include "support/helpers.hpp"
#include <taper/core/memory/array.hpp>
#include <taper/core/xtensor.hpp>
#include <taper/taper.hpp>

#include <utility>

#include <gtest/gtest.h>

// Lets an allocation fail under the sanitizers as it does without them.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

namespace taper::test {
namespace {

TEST(EmptyHandle, NamesTheMethodThatWasCalled) {
  const Tensor none;
  EXPECT_FALSE(none);
  EXPECT_TRUE(zeros({0})) << "a tensor without elements is a tensor";
  const std::vector<std::pair<const char*, std::function<void()>>> calls{
      {"shape", [&] { none.shape(); }},
      {"rank", [&] { none.rank(); }},
      {"size", [&] { none.size(); }},
      {"extent", [&] { none.extent(0); }},
      {"dtype", [&] { none.dtype(); }},
      {"device", [&] { none.device(); }},
      {"kind", [&] { none.kind(); }},
      {"data", [&] { none.data<float>(); }},
      {"data", [&] { Tensor().mutable_data<float>(); }},
      {"item", [&] { none.item(); }},
      {"to_vector", [&] { none.to_vector(); }},
      {"to", [&] { none.to(Device::cpu()); }},
      {"move_to", [&] { Tensor().move_to(Device::cpu()); }},
      {"clone", [&] { none.clone(); }},
      {"detach", [&] { none.detach(); }},
      {"view", [&] { none.view({}); }},
      {"requires_grad", [&] { Tensor().requires_grad(); }},
      {"wants_grad", [&] { none.wants_grad(); }},
      {"grad", [&] { none.grad(); }},
      {"zero_grad", [&] { Tensor().zero_grad(); }},
      {"is_sole_owner", [&] { none.is_sole_owner(); }},
      {"impl", [&] { none.impl(); }},
  };
  for (const auto& [name, call] : calls) {
    expect_error(name, call, {"called on an empty handle: default-constructed, "});
  }
}

TEST(EmptyHandle, NamesTheFunctionAndTheArgument) {
  const Tensor none, x = ones({2, 3});
  const auto refuses = [](const std::string& op, const std::string& argument, const auto& call) {
    expect_error(op, call, {"] " + argument + " is an empty handle: default-constructed, "});
  };
  refuses("operator<<", "tensor", [&] { printed(none); });
  refuses("scalar_like", "like", [&] { scalar_like(1, none); });
  refuses("as_xtensor", "tensor", [&] { as_xtensor<float>(none); });
  refuses("save_npy", "tensor", [&] { save_npy("unwritten.npy", none); });
  refuses("gradcheck", "inputs[1]", [&] {
    gradcheck([](const Tensors& in) { return in[0]; }, {ones({}, float64), none});
  });
  refuses("where", "condition", [&] { where(none, x, x); });
  refuses("concat", "tensors[1]", [&] { concat({x, none}); });
  refuses("add", "a", [&] { none + 1.0; });
  refuses("add", "b", [&] { 1.0 + none; });
  refuses("sub", "a", [&] { none - 1.0; });
  refuses("sub", "b", [&] { 1.0 - none; });
  refuses("mul", "a", [&] { none * 1.0; });
  refuses("mul", "b", [&] { 1.0 * none; });
  refuses("div", "a", [&] { none / 1.0; });
  refuses("div", "b", [&] { 1.0 / none; });
  refuses("pow", "x", [&] { pow(none, 2.0); });
  refuses("neg", "x", [&] { -none; });
  expect_error("save_safetensors",
               [&] {
                 save_safetensors("unwritten", {{{"w", none}}, {}});
               },
               {"tensor 'w' is an empty handle: default-constructed, "});
}

TEST(EmptyHandle, NamesTheLossOrTheModuleAndTheArgument) {
  const Tensor none, x = ones({2, 3, 4});
  const auto refuses = [](const std::string& op, const std::string& argument, const auto& call) {
    expect_error(op, call, {"] " + argument + " is an empty handle: default-constructed, "});
  };
  refuses("mean_squared_error", "prediction", [&] { nn::mean_squared_error(none, x); });
  refuses("mean_squared_error", "target", [&] { nn::mean_squared_error(x, none); });
  refuses("sparsemax_loss", "logits", [&] { nn::sparsemax_loss(none, {0}); });
  refuses("Dropout", "x", [&] { nn::Dropout(0)(none); });
  refuses("Sequential", "x", [&] { nn::Sequential()(none); });
  refuses("Linear", "x", [&] { nn::Linear(2, 2)(none); });
  refuses("Linear", "x", [&] { nn::Mlp(2, 2)(none); });
  refuses("layer_norm", "x", [&] { nn::LayerNorm(2)(none); });
  refuses("rms_norm", "x", [&] { nn::RmsNorm(2)(none); });
  refuses("LearnedPositions", "x", [&] { nn::LearnedPositions(2, 2)(none); });
  refuses("layer_norm", "x", [&] { nn::TransformerBlock(4, 2, 1)(none); });
  refuses("MultiHeadSparseAttention", "x", [&] { nn::MultiHeadSparseAttention(4, 2, 1)(none); });
  refuses("MultiHeadSparseAttention", "keys_and_values_from",
          [&] { nn::MultiHeadSparseAttention(4, 2, 1)(x, none); });
  refuses("SparseAttention", "keys", [&] { nn::SparseAttention(1)(x, none, x); });
  refuses("SparseAttention", "mask", [&] { nn::SparseAttention(1)(x, x, x, none); });

  nn::Linear linear(4, 2);
  linear.weight = none;
  refuses("Linear", "weight", [&] { linear(x); });
  refuses("Parts::add", "1.weight", [&] { nn::Sequential(relu, linear).parameters(); });
  nn::Embedding embedding(2, 2);
  embedding.table = none;
  refuses("Embedding", "table", [&] { embedding({0}); });
  nn::LearnedPositions positions(3, 4);
  positions.table = none;
  refuses("LearnedPositions", "table", [&] { positions(x); });
  nn::MultiHeadSparseAttention attention(4, 2, 1);
  attention.query.weight = none;
  refuses("MultiHeadSparseAttention", "query.weight", [&] { attention(x); });
}

TEST(EmptyHandle, OfAGradientSaysToCallBackward) {
  Tensor x = ones({}).requires_grad();
  const auto has_none = [&](const Tensor& gradient) {
    EXPECT_FALSE(gradient);
    const auto refuses = [](const std::string& op, const std::string& what, const auto& call) {
      expect_error(op, call,
                   {what + " an empty handle: ", "a gradient that is not there yet (call backward first)"});
    };
    refuses("item", "called on", [&] { gradient.item(); });
    refuses("data", "called on", [&] { gradient.data<float>(); });
    refuses("to_vector", "called on", [&] { gradient.to_vector(); });
    refuses("operator<<", "tensor is", [&] { printed(gradient); });
    refuses("mul", "a is", [&] { gradient * 2.0; });
    refuses("mul", "b is", [&] { x* gradient; });
  };
  has_none(x.grad());
  Tape tape;
  tape.backward(square(x));
  EXPECT_EQ(x.grad().item(), 2);
  x.zero_grad();
  has_none(x.grad());
}

TEST(OutOfMemory, NamesTheOpTheShapeAndTheSize) {
  const Shape shape{1000000, 1000000, 1000};
  const std::vector<std::string> says{"out of memory: shape (1000000, 1000000, 1000) takes 3.6 PiB"};
  expect_error(
      "zeros", [&] { zeros(shape); }, says);
  expect_error(
      "full", [&] { full(shape, 2); }, says);
  expect_error(
      "randn", [&] { randn(shape); }, says);
  expect_error(
      "broadcast_to", [&] { broadcast_to(ones({1}), shape); }, says);
  expect_error("uninitialized", [&] { Tensor::uninitialized("uninitialized", shape, float64); },
               {"takes 7.1 PiB"});
  expect_error("zeros", [] { zeros({std::int64_t{1} << 58}); }, {"takes 1.0 EiB"});
  EXPECT_EQ(sum(ones({3})).item(), 3) << "the program can go on";
}

TEST(OutOfMemory, OfWhatAnOpWorksWithIsAnErrorToo) {
  constexpr std::int64_t count = std::int64_t{1} << 50;
  using internal::Array;
  expect_error("op", [] { Array<double>("op", Device::cpu(), count); }, {"out of memory: asked for 8.0 PiB"});
  expect_error("pool", [] { internal::PoolVector<float>(static_cast<std::size_t>(count)); },
               {"out of memory: asked for 4.0 PiB"});
}

TEST(OutOfMemory, WritesBytesForPeople) {
  EXPECT_EQ(internal::bytes_text(0), "0 bytes");
  EXPECT_EQ(internal::bytes_text(1023), "1023 bytes");
  EXPECT_EQ(internal::bytes_text(1024), "1.0 KiB");
  EXPECT_EQ(internal::bytes_text(1536 * 1024), "1.5 MiB");
  EXPECT_EQ(internal::bytes_text(~std::size_t{0}), "16.0 EiB");
}

TEST(Item, OfSeveralElementsSaysWhatMakesOne) {
  expect_error("item", [] { ones({3, 2}).item(); }, {"exactly one element", "(3, 2)", "sum() or mean()"});
}

}  // namespace
}  // namespace taper::test
