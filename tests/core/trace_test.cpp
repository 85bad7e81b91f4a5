// TapeOptions::keep_values: the trace holds what the tape saw, and print, dot and json say the same.
#include "support/trace.hpp"

#include "support/helpers.hpp"
#include <taper/core/tape/trace.hpp>
#include <taper/taper.hpp>

#include <cmath>
#include <limits>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace taper::test {
namespace {

using Values = std::vector<double>;

// x * w, squared, and w itself once more: w is used twice.
struct Example {
  Tensor x = tensor({1, 2, 3}), w = tensor({0.5, -1, 2}).requires_grad();
  Tape tape{{.keep_values = true}};
  Tensor p, s, loss;

  Example() {
    const Scope scope("model");
    p = x * w;
    s = square(p);
    loss = sum(s + w);
  }
};

TEST(Trace, KeepsWhatWasRecorded) {
  const Example example;
  const Trace& trace = example.tape.trace();
  ASSERT_EQ(trace.nodes.size(), 5u);  // w, mul, square, add, sum
  EXPECT_EQ(trace.nodes[0].op, "");
  EXPECT_EQ(trace.nodes[0].value.to_vector(), (Values{0.5, -1, 2}));
  const Trace::Node& mul = trace.nodes[1];
  EXPECT_EQ(mul.op, "mul");
  EXPECT_EQ(mul.scope, "model");
  EXPECT_EQ(mul.value.to_vector(), (Values{0.5, -2, 6}));
  ASSERT_EQ(mul.inputs.size(), 2u);
  EXPECT_EQ(mul.inputs[0].node, Trace::no_node);
  EXPECT_EQ(mul.inputs[0].value.to_vector(), (Values{1, 2, 3}));
  EXPECT_EQ(mul.inputs[1].node, 0u);
  EXPECT_FALSE(mul.inputs[1].value);
  ASSERT_EQ(mul.edges.size(), 1u);  // x is not tracked
  EXPECT_EQ(mul.edges[0].argument, 1u);
  EXPECT_EQ(mul.edges[0].node, 0u);
  EXPECT_EQ(names_held(mul.edges[0]), (std::vector<std::string>{"argument 0"}));
  EXPECT_EQ(mul.edges[0].holds[0].bytes, 12u);
  EXPECT_EQ(names_held(trace.nodes[2].edges[0]), (std::vector<std::string>{"argument 0"}));
  EXPECT_EQ(trace.nodes[3].op, "add");
  EXPECT_EQ(names_held(trace.nodes[3].edges[0]), std::vector<std::string>{});
  EXPECT_EQ(trace.nodes[4].value.to_vector(), (Values{41.75}));
  EXPECT_GT(mul.seconds, 0);
}

TEST(Trace, KeepsTheWalk) {
  Example example;
  example.tape.backward(example.loss);
  const Trace& trace = example.tape.trace();
  ASSERT_EQ(trace.walks.size(), 1u);
  const Trace::Walk& walk = trace.walks[0];
  EXPECT_EQ(walk.call, "backward");
  EXPECT_EQ(walk.node, 4u);
  EXPECT_EQ(walk.cotangent.to_vector(), (Values{1}));
  EXPECT_FALSE(walk.failed);
  std::vector<std::uint32_t> order;
  for (const Trace::Visit& visit : walk.visits) {
    order.push_back(visit.node);
    EXPECT_TRUE(visit.freed);
    EXPECT_EQ(visit.nodes, 5u);
  }
  EXPECT_EQ(order, (std::vector<std::uint32_t>{4, 3, 2, 1}));

  const Trace::Visit& add = walk.visits[1];
  ASSERT_EQ(add.contributions.size(), 2u);
  EXPECT_EQ(add.contributions[0].node, 0u) << "the last argument first";
  EXPECT_EQ(add.contributions[0].value.to_vector(), (Values{1, 1, 1}));
  EXPECT_EQ(add.contributions[0].total.to_vector(), (Values{1, 1, 1}));
  const Trace::Visit& mul = walk.visits[3];
  EXPECT_EQ(mul.cotangent.to_vector(), (Values{1, -4, 12}));
  EXPECT_EQ(mul.contributions[0].value.to_vector(), (Values{1, -8, 36}));
  EXPECT_EQ(mul.contributions[0].total.to_vector(), (Values{2, -7, 37})) << "the running sum of w";
  ASSERT_EQ(walk.gradients.size(), 1u);
  EXPECT_EQ(walk.gradients[0].node, 0u);
  EXPECT_EQ(walk.gradients[0].value.to_vector(), example.w.grad().to_vector());
}

TEST(Trace, ShowsWhatTheProgramOverwritesAsItWas) {
  Tensor x = tensor({1, 2}), w = tensor({3, 4}).requires_grad();
  Tape tape({.keep_values = true});
  const Tensor loss = sum(x * w);
  tape.backward(loss);
  for (Tensor* changed : {&x, &w}) changed->mutable_data<float>()[0] = 100;
  w.zero_grad();
  const Trace& trace = tape.trace();
  EXPECT_EQ(trace.nodes[0].value.to_vector(), (Values{3, 4}));
  EXPECT_EQ(trace.nodes[1].inputs[0].value.to_vector(), (Values{1, 2}));
  EXPECT_EQ(trace.walks[0].gradients[0].value.to_vector(), (Values{1, 2}));
}

TEST(Trace, ShowsTheNodesThatAWalkAppends) {
  Tensor w = tensor(3, float64).requires_grad();
  Tape tape({.keep_values = true});
  const Tensor y = w * square(w);
  const Tensor dy = tape.gradient(y, {w}, {.create_graph = true})[0];
  tape.backward(dy);
  const Trace& trace = tape.trace();
  ASSERT_EQ(trace.nodes.size(), tape.node_count());
  ASSERT_EQ(trace.walks.size(), 2u);
  EXPECT_EQ(trace.walks[0].call, "gradient");
  EXPECT_EQ(trace.walks[0].first_node, 3u);
  EXPECT_FALSE(trace.walks[0].visits[0].freed);
  EXPECT_GT(trace.walks[0].visits[0].nodes, 3u);
  EXPECT_EQ(trace.walks[0].gradients[0].value.item(), 27);
  EXPECT_EQ(trace.walks[1].gradients[0].value.item(), 18);
}

TEST(Trace, SaysWhereAWalkFailed) {
  const Tensor x = tensor({4, 0}).requires_grad();
  Tape tape({.check_finite = true, .keep_values = true});
  const Tensor loss = sum(sqrt(x));
  EXPECT_THROW(tape.backward(loss), Error);
  const Trace::Walk& walk = tape.trace().walks[0];
  EXPECT_TRUE(walk.failed);
  ASSERT_EQ(walk.visits.size(), 2u);
  const Trace::Contribution& wrong = walk.visits[1].contributions[0];
  EXPECT_TRUE(std::isinf(wrong.value.to_vector()[1]));
  EXPECT_FALSE(wrong.total);
}

TEST(Trace, ListsGradientsInTheOrderOfTheTape) {
  std::vector<Tensor> leaves;
  for (int i = 0; i < 40; ++i) leaves.push_back(tensor({1.0 * i}).requires_grad());
  Tape tape({.keep_values = true});
  Tensor total = leaves[0];
  for (const Tensor& leaf : leaves) total = total + leaf;
  tape.backward(total);
  std::uint32_t before = 0;
  ASSERT_EQ(tape.trace().walks[0].gradients.size(), 40u);
  for (const Trace::Gradient& gradient : tape.trace().walks[0].gradients) {
    EXPECT_TRUE(gradient.node == 0 || gradient.node > before);
    before = gradient.node;
  }
}

TEST(Trace, CountsTheProgramsMemoryAndNotItsOwn) {
  const Tensor x = ones({1000}).requires_grad();
  Tape tape({.keep_values = true});
  const Tensor first = exp(x), second = exp(first);
  sum(exp(second));  // held by the closure of exp alone
  const std::vector<Trace::Node>& nodes = tape.trace().nodes;
  for (int i = 2; i <= 3; ++i) {
    const std::int64_t grown = nodes[i].bytes - nodes[i - 1].bytes;
    EXPECT_GE(grown, 4000) << i;
    EXPECT_LE(grown, 5200) << "at most a fifth more than a tensor and its header; node " << i;
  }
}

TEST(Trace, ChangesNoResult) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  const auto gradients = [&](bool keep_values) {
    Generator generator(seed);
    nn::TransformerBlock block(8, 2, 2, generator, {.hidden = 16});
    const Tensor x = randn({2, 5, 8}, generator);
    Tape tape({.keep_values = keep_values});
    tape.backward(sum(square(block(x))));
    std::vector<Values> all;
    for (const Tensor& parameter : block.parameters()) all.push_back(parameter.grad().to_vector());
    return all;
  };
  EXPECT_EQ(gradients(true), gradients(false));
}

TEST(Trace, IsOnlyThereIfAskedFor) {
  const Tape tape;
  std::ostringstream out;
  const auto wants = [](const char* method, const std::function<void()>& call) {
    expect_error(method, call, {"the tape keeps no values: make it with Tape tape({.keep_values = true})"});
  };
  wants("trace", [&] { tape.trace(); });
  wants("print", [&] { tape.print(out); });
  wants("dot", [&] { tape.dot(); });
  wants("json", [&] { tape.json(); });
}

TEST(Trace, Prints) {
  Example example;
  example.tape.backward(example.loss);
  std::ostringstream out;
  example.tape.print(out);
  // Times differ from run to run, and memory with the size classes.
  std::string text = std::regex_replace(out.str(), std::regex("[0-9.]+ (ns|us|ms|s|KiB)\\b"), "#");
  text = std::regex_replace(text, std::regex(" +"), " ");
  EXPECT_EQ(text,
            "node op inputs shape kept in use forward backward scope\n"
            " 0 leaf (3,) # model\n"
            " 1 mul constant, 0 (3,) 28 bytes # # # model\n"
            " 2 square 1 (3,) 20 bytes # # # model\n"
            " 3 add 2, 0 (3,) 16 bytes # # # model\n"
            " 4 sum 3 () 128 bytes # # # model\n")
      << out.str();
}

TEST(Trace, DrawsAGraph) {
  const Example example;
  EXPECT_EQ(example.tape.dot(),
            "digraph tape {\n"
            "node [shape=box];\n"
            "subgraph \"cluster_model\" {\n"
            "label=\"model\";\n"
            "n0 [label=\"0 leaf (3,)\", style=rounded];\n"
            "n1 [label=\"1 mul (3,)\"];\n"
            "n2 [label=\"2 square (3,)\"];\n"
            "n3 [label=\"3 add (3,)\"];\n"
            "n4 [label=\"4 sum ()\"];\n"
            "}\n"
            "n0 -> n1;\n"
            "n1 -> n2;\n"
            "n0 -> n3;\n"
            "n2 -> n3;\n"
            "n3 -> n4;\n"
            "}\n");
}

// All that json() says is compared with the trace itself.
void expect_written(const nlohmann::json& tensors, const nlohmann::json& place, const Tensor& x) {
  const nlohmann::json& written = tensors.at(place.get<std::size_t>());
  EXPECT_EQ(written.at("dtype"), x.dtype() == float32 ? "float32" : "float64");
  EXPECT_EQ(written.at("shape").get<std::vector<std::int64_t>>(),
            std::vector<std::int64_t>(x.shape().begin(), x.shape().end()));
  const Values values = x.to_vector();
  ASSERT_EQ(written.at("elements").size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const nlohmann::json& element = written.at("elements")[i];
    if (element.is_string()) {
      EXPECT_EQ(element, std::isnan(values[i]) ? "NaN" : values[i] > 0 ? "Infinity" : "-Infinity");
    } else if (x.dtype() == float32) {
      EXPECT_EQ(static_cast<float>(element.get<double>()), static_cast<float>(values[i]));
    } else {
      EXPECT_EQ(element.get<double>(), values[i]);
    }
  }
}

TEST(Trace, WritesAllOfItAsJson) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  for (const DType dtype : {float32, float64}) {
    Tensor w = randn({3, 4}, generator, dtype).requires_grad(), x = randn({3, 3}, generator, dtype);
    Tape tape({.keep_values = true});
    const Tensor y = exp(matmul(x, w)) * log(w);  // NaN where w < 0
    const Tensor dw = tape.gradient(sum(y), {w}, {.create_graph = true})[0];
    tape.backward(sum(dw));
    const Trace& trace = tape.trace();
    const nlohmann::json json = nlohmann::json::parse(tape.json());
    const nlohmann::json& tensors = json.at("tensors");
    EXPECT_EQ(json.at("format"), "taper-tape");
    EXPECT_EQ(json.at("version"), 1);
    ASSERT_EQ(json.at("nodes").size(), trace.nodes.size());
    for (std::size_t i = 0; i < trace.nodes.size(); ++i) {
      const nlohmann::json& node = json["nodes"][i];
      EXPECT_EQ(node.at("op").is_null(), trace.nodes[i].op.empty());
      if (i > 0) {
        EXPECT_EQ(node.at("op"), trace.nodes[i].op);
      }
      expect_written(tensors, node.at("value"), trace.nodes[i].value);
      EXPECT_EQ(node.at("bytes"), trace.nodes[i].bytes);
      EXPECT_EQ(node.value("edges", nlohmann::json::array()).size(), trace.nodes[i].edges.size());
      for (std::size_t j = 0; j < trace.nodes[i].inputs.size(); ++j) {
        const Trace::Input& input = trace.nodes[i].inputs[j];
        if (input.value) {
          expect_written(tensors, node.at("inputs")[j].at("value"), input.value);
        } else {
          EXPECT_EQ(node.at("inputs")[j].at("node"), input.node);
        }
      }
    }
    ASSERT_EQ(json.at("walks").size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) {
      const nlohmann::json& walk = json["walks"][i];
      EXPECT_EQ(walk.at("create_graph"), i == 0);
      ASSERT_EQ(walk.at("visits").size(), trace.walks[i].visits.size());
      for (std::size_t j = 0; j < trace.walks[i].visits.size(); ++j) {
        const Trace::Visit& visit = trace.walks[i].visits[j];
        const nlohmann::json& written = walk["visits"][j];
        EXPECT_EQ(written.at("node"), visit.node);
        EXPECT_EQ(written.at("nodes"), visit.nodes);
        expect_written(tensors, written.at("cotangent"), visit.cotangent);
        ASSERT_EQ(written.at("contributions").size(), visit.contributions.size());
        for (std::size_t c = 0; c < visit.contributions.size(); ++c) {
          expect_written(tensors, written["contributions"][c].at("value"), visit.contributions[c].value);
          expect_written(tensors, written["contributions"][c].at("total"), visit.contributions[c].total);
        }
      }
      ASSERT_EQ(walk.at("gradients").size(), 1u);
      expect_written(tensors, walk["gradients"][0].at("value"), trace.walks[i].gradients[0].value);
    }
  }
}

TEST(Trace, WritesPartOfALargeTensor) {
  const Tensor w = reshape(arange(600), {20, 30}).requires_grad();
  Tape tape({.keep_values = true});
  neg(w);
  const nlohmann::json json = nlohmann::json::parse(tape.json({.largest = 100}));
  const nlohmann::json& written = json.at("tensors")[0];
  EXPECT_EQ(written.at("shape"), (std::vector<int>{20, 30}));
  EXPECT_EQ(written.at("steps"), (std::vector<int>{2, 4}));
  ASSERT_EQ(written.at("elements").size(), 10u * 8u);
  EXPECT_EQ(written.at("elements")[9], 2 * 30 + 4);
  EXPECT_EQ(written.at("min"), 0);
  EXPECT_EQ(written.at("max"), 599);
  EXPECT_EQ(written.at("mean"), 299.5);
  expect_error("json", [&] { tape.json({.largest = 0}); }, {"largest must be at least 1, got 0"});
}

TEST(Trace, OfATapeInATape) {
  const Tensor w = tensor({1, 2}).requires_grad();
  Tape outer({.keep_values = true});
  const Tensor y = square(w);
  {
    Tape inner;
    sum(exp(w));
  }
  const Tensor z = sum(y);
  EXPECT_EQ(outer.trace().nodes.size(), 3u);
  EXPECT_EQ(outer.trace().nodes[2].op, "sum");
}

}  // namespace
}  // namespace taper::test
