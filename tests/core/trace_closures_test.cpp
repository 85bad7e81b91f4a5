// What a trace says of closures: which tensors they hold, and what is in what is no tensor.
#include "support/helpers.hpp"
#include "support/trace.hpp"
#include <taper/core/tape/trace.hpp>
#include <taper/ops/kernels/attention/sparse_pattern.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace taper::test {
namespace {

using Values = std::vector<double>;

TEST(Trace, NamesWhatClosuresHold) {
  Generator generator(5);
  Tensor q = randn({1, 6, 4}, generator), k = randn({1, 6, 4}, generator), v = randn({1, 6, 4}, generator);
  for (Tensor* input : {&q, &k, &v}) input->requires_grad();
  Tape tape({.keep_values = true});
  const Tensor p = sparse_softmax(v, 2);
  const Tensor n = layer_norm(v, ones({4}), zeros({4}));
  const Tensor y = sparse_attention(q, k, v, 2);
  const auto holds = [&](const std::string& op) {
    std::vector<std::string> names;
    for (const Trace::Node& node : tape.trace().nodes) {
      if (node.op != op) continue;
      for (const Trace::Edge& edge : node.edges) {
        for (const std::string& name : names_held(edge)) names.push_back(name);
      }
    }
    return names;
  };
  EXPECT_EQ(holds("sparse_softmax"), (std::vector<std::string>{"result"}));
  const std::vector<std::string> attention = holds("sparse_attention");
  EXPECT_NE(std::find(attention.begin(), attention.end(), "sparse pattern"), attention.end());
}

// What the pattern of the first node of sparse_attention holds, by name.
std::map<std::string, Values> pattern_of(const Tape& tape) {
  std::map<std::string, Values> contents;
  for (const Trace::Node& node : tape.trace().nodes) {
    for (const Trace::Edge& edge : node.edges) {
      for (const Trace::Held& held : edge.holds) {
        for (const auto& [name, tensor] : held.contents)
          contents[name] = Values(tensor.data<double>(), tensor.data<double>() + tensor.size());
      }
    }
    if (!contents.empty()) break;
  }
  return contents;
}

TEST(Trace, NamesTheKeysThatSparseAttentionKept) {
  // Query 0 looks to key 2 alone, query 1 to keys 0 and 1 alike, and query 2 sees NaN.
  const Tensor q = tensor({{{0, 2}, {0.5, 0}, {NAN, 0}}}).requires_grad(),
               k = tensor({{{1, 0}, {1, 0}, {0, 1}}});
  Tape tape({.keep_values = true});
  sparse_attention(q, k, k, 2);
  const Values keys = pattern_of(tape)["keys"];
  ASSERT_EQ(keys.size(), 6u);
  EXPECT_EQ(Values(keys.begin(), keys.begin() + 4), (Values{2, -1, 0, 1}));
  EXPECT_TRUE(std::isnan(keys[4]) && std::isnan(keys[5]));
  const auto json = nlohmann::json::parse(tape.json());
  const auto& contents = json["nodes"][1]["edges"][0]["holds"];
  const auto holds_keys = [](const nlohmann::json& held) { return held.contains("contents"); };
  const auto held = std::find_if(contents.begin(), contents.end(), holds_keys);
  ASSERT_NE(held, contents.end());
  EXPECT_EQ(json["tensors"][(*held)["contents"]["keys"].get<std::size_t>()]["elements"].size(), 6u);
}

// The scores of one query with 1024 keys at a time, each tile decided by the bound that its name says.
TEST(Trace, SaysWhichTilesSparseAttentionScannedAndWhyNotTheOthers) {
  using Tile = kernels::SparsePattern::Tile;
  constexpr std::int64_t width = kernels::SparsePattern::keys_per_tile;
  const auto log = [&](std::int64_t k, const std::vector<std::pair<int, double>>& tiles) {
    Tensor keys = zeros({1, static_cast<std::int64_t>(tiles.size()) * width, 1});
    float* element = keys.mutable_data<float>();
    // Each tile has so many of the value, in its first places; the rest is far below.
    for (const auto& [count, value] : tiles) {
      std::fill_n(element, width, -100.0F);
      std::fill_n(element, count, static_cast<float>(value));
      element += width;
    }
    Tape tape({.keep_values = true});
    sparse_attention(ones({1, 1, 1}).requires_grad(), keys, keys, k);
    std::vector<Tile> found;
    const Values numbers = pattern_of(tape)["tiles"];
    for (const double tile : numbers) found.push_back(static_cast<Tile>(tile));
    return found;
  };
  EXPECT_EQ(log(8, {{1, 10}, {1, 8.9}, {1, 10.5}}),
            (std::vector{Tile::scanned, Tile::below_maximum, Tile::scanned}));
  EXPECT_EQ(log(8, {{4, 10}, {1, 9.5}, {1, 9.9}}),
            (std::vector{Tile::scanned, Tile::below_tau, Tile::scanned}));
  EXPECT_EQ(log(2, {{8, 10}, {1, 9.9}, {1, 10.1}}),
            (std::vector{Tile::scanned, Tile::below_kth, Tile::scanned}));

  const Tensor x = zeros({1, width + 2, 1}).requires_grad();
  Tensor mask = ones({width + 2, width + 2});
  mask.mutable_data<float>()[width * (width + 2) + width] = 0;  // query 1024 sees no key of the second tile
  Tape tape({.keep_values = true});
  sparse_attention(x, x, x, 1, {.causal = true, .mask = mask});
  const Values tiles = pattern_of(tape)["tiles"];
  ASSERT_EQ(tiles.size(), static_cast<std::size_t>(2 * (width + 2)));
  const auto second = [&](std::int64_t query) {
    return static_cast<Tile>(tiles[static_cast<std::size_t>(2 * query + 1)]);
  };
  EXPECT_EQ(second(width - 1), Tile::hidden);
  EXPECT_EQ(second(width), Tile::masked);
  EXPECT_EQ(second(width + 1), Tile::below_kth);
}

// Padding of a closure may hold any bytes, the address of a tensor too.
TEST(Trace, TakesNoStrayAddressForATensor) {
  struct Closure {
    const void* stray;
    Tensor held;
    Tensor operator()(const Tensor& dy) const { return dy; }
  };
  const Tensor x = tensor({1, 2}).requires_grad(), other = tensor({3, 4}).requires_grad();
  Tape tape({.keep_values = true});
  const Tensor y = record("op", x.clone(), vjp(x, Closure{&other.impl(), x}),
                          vjp(other, [](const Tensor& dy) { return dy; }));
  const std::vector<Trace::Edge>& edges = tape.trace().nodes.back().edges;
  ASSERT_EQ(edges.size(), 2u);
  EXPECT_EQ(names_held(edges[1]), (std::vector<std::string>{"argument 0"}));
}

}  // namespace
}  // namespace taper::test
