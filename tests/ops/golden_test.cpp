// The ops against values and gradients that PyTorch computed: golden/golden.json, whose layout is described
// at the top of golden/make_golden.py.
#include "support/golden.hpp"

#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <map>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Json = nlohmann::json;

Indices indices_of(const Json& array) {
  return {array["values"].get<std::vector<std::int64_t>>(), shape_of(array["shape"])};
}

Call product(Tensor (*f)(const Tensor&, const Tensor&, bool, bool)) {
  return [f](const Tensors& x, const Json& a) {
    return f(x[0], x[1], a["transpose_a"].get<bool>(), a["transpose_b"].get<bool>());
  };
}
Call sparse(Tensor (*f)(const Tensor&, std::int64_t, int)) {
  return [f](const Tensors& x, const Json& a) {
    return f(x[0], a["k"].get<std::int64_t>(), a["axis"].get<int>());
  };
}
Call reshaping(Tensor (*f)(const Tensor&, const Shape&)) {
  return [f](const Tensors& x, const Json& a) { return f(x[0], shape_of(a["shape"])); };
}

const std::map<std::string, Call>& calls() {
  static const std::map<std::string, Call> table{
      {"abs", unary(abs)},
      {"add", binary(add)},
      {"bmm", product(bmm)},
      {"broadcast_to", reshaping(broadcast_to)},
      {"cast", [](const Tensors& x, const Json&) { return cast(cast(x[0], float32), float64); }},
      {"concat", [](const Tensors& x, const Json& a) { return concat(x, a["axis"].get<int>()); }},
      {"cross_entropy",
       [](const Tensors& x, const Json& a) {
         return nn::cross_entropy(x[0], indices_of(a["labels"]),
                                  {.label_smoothing = a["label_smoothing"].get<double>(),
                                   .ignored_label = a["ignored_label"].get<std::int64_t>()});
       }},
      {"div", binary(div)},
      {"exp", unary(exp)},
      {"gather", [](const Tensors& x,
                    const Json& a) { return gather(x[0], indices_of(a["indices"]), a["axis"].get<int>()); }},
      {"gelu", unary(gelu)},
      {"layer_norm", [](const Tensors& x,
                        const Json& a) { return layer_norm(x[0], x[1], x[2], a["epsilon"].get<double>()); }},
      {"log", unary(log)},
      {"log_softmax", along(log_softmax)},
      {"matmul", binary(matmul)},
      {"max", reduction(max)},
      {"maximum", binary(maximum)},
      {"mean", reduction(mean)},
      {"mm", product(mm)},
      {"mul", binary(mul)},
      {"neg", unary(neg)},
      {"pow", binary(pow)},
      {"relu", unary(relu)},
      {"reshape", reshaping(reshape)},
      {"rms_norm",
       [](const Tensors& x, const Json& a) { return rms_norm(x[0], x[1], a["epsilon"].get<double>()); }},
      {"rotary",
       [](const Tensors& x, const Json& a) {
         return rotary(x[0], a["first_position"].get<std::int64_t>(), a["base"].get<double>());
       }},
      {"sigmoid", unary(sigmoid)},
      {"slice",
       [](const Tensors& x, const Json& a) {
         return slice(x[0], a["axis"].get<int>(), a["start"].get<std::int64_t>(),
                      a["stop"].get<std::int64_t>(), a["step"].get<std::int64_t>());
       }},
      {"softmax", along(softmax)},
      {"sparse_softmax", sparse(sparse_softmax)},
      {"sparse_softmax_as_written", sparse(sparse_softmax_as_written)},
      {"sparsemax_loss",
       [](const Tensors& x, const Json& a) {
         return nn::sparsemax_loss(
             x[0], indices_of(a["labels"]),
             {.k = a["k"].get<std::int64_t>(), .ignored_label = a["ignored_label"].get<std::int64_t>()});
       }},
      {"sqrt", unary(sqrt)},
      {"square", unary(square)},
      {"sub", binary(sub)},
      {"sum", reduction(sum)},
      {"sum_to", reshaping(sum_to)},
      {"tanh", unary(tanh)},
      {"topk_softmax", sparse(topk_softmax)},
      {"transpose",
       [](const Tensors& x, const Json& a) {
         return transpose(x[0], a["axes"][0].get<int>(), a["axes"][1].get<int>());
       }},
      {"where", [](const Tensors& x, const Json& a) { return where(tensor_of(a["condition"]), x[0], x[1]); }},
  };
  return table;
}

// Two libraries round differently; what they compute in float64 agrees to far more than nine digits.
constexpr double tolerance = 1e-11;

TEST(Golden, OpsAgreeWithPyTorch) {
  std::map<std::string, int> compared;
  for (const Json& entry : golden()["ops"]) {
    const auto op = entry["op"].get<std::string>();
    SCOPED_TRACE(op + " " + entry["attributes"].dump());
    Tensors inputs;
    for (const Json& input : entry["inputs"]) inputs.push_back(tensor_of(input));
    const auto f = [&](const Tensors& x) { return calls().at(op)(x, entry["attributes"]); };
    expect_close(f(inputs), tensor_of(entry["output"]), tolerance);
    const Tensors dx = gradients(f, inputs, tensor_of(entry["cotangent"]));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      // PyTorch rounds a cotangent on its way through float32; so do we.
      expect_close(dx[i], tensor_of(entry["gradients"][i]), tolerance);
    }
    ++compared[op];
  }
  for (const auto& [op, call] : calls()) EXPECT_GT(compared[op], 0) << op << " is not in golden.json";
}

TEST(Golden, DocumentedExamples1And2) {
  EXPECT_EQ(golden()["documented"].size(), 2u);
  for (const Json& entry : golden()["documented"]) {
    SCOPED_TRACE(entry["example"].dump());
    const Tensor z = tensor_of(entry["input"]);
    const auto k = entry["k"].get<std::int64_t>();
    expect_close(sparse_softmax(z, k), tensor_of(entry["projection"]), tolerance);
    expect_close(sparse_softmax_as_written(z, k), tensor_of(entry["as_written"]), tolerance);
    expect_close(topk_softmax(z, k), tensor_of(entry["topk_softmax"]), tolerance);
  }
}

TEST(Golden, DocumentedExample3FromOps) {
  const Json& entry = golden()["attention"];
  const auto k = entry["k"].get<std::int64_t>();
  const auto attention = [k](const Tensors& x) {
    return bmm(sparse_softmax(bmm(x[0], transpose(x[1], 1, 2)), k), x[2]);
  };
  const Tensors inputs{tensor_of(entry["queries"]), tensor_of(entry["keys"]), tensor_of(entry["values"])};
  expect_close(attention(inputs), tensor_of(entry["output"]), tolerance);
  const Tensors dx = gradients(attention, inputs, tensor_of(entry["cotangent"]));
  expect_close(dx[0], tensor_of(entry["gradients"]["queries"]), tolerance);
  expect_close(dx[1], tensor_of(entry["gradients"]["keys"]), tolerance);
  expect_close(dx[2], tensor_of(entry["gradients"]["values"]), tolerance);
}

}  // namespace
}  // namespace taper::test
