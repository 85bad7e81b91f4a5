// show(): one file with the tape as JSON in it, whatever the title. (tests/page looks at it in a browser.)
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace taper::test {
namespace {

class Show : public Scratch {};

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin) + begin.size();
  return text.substr(from, text.find(end, from) - from);
}

TEST_F(Show, WritesTheTapeAsItIs) {
  const Tensor w = tensor({1, 2, 3}).requires_grad();
  Tape tape({.keep_values = true});
  tape.backward(sum(tanh(w)));
  const std::string title = "</script><b> & @DATA@ \"\\";
  const StepCurve curve =
      step_curve([](const Tensor& x) { return sum(tanh(x)); }, tensor({1, 2}, float64), {1});
  show(tape, path("page.html"), {.title = title, .curves = {curve}});

  const std::string page = read(path("page.html"));
  EXPECT_NE(page.find("<title>&lt;/script&gt;&lt;b&gt; &amp; @DATA@ &quot;\\</title>"), std::string::npos);
  const std::string data = between(page, "<script type=\"application/json\" id=\"tape\">", "</script>");
  EXPECT_EQ(data.find('<'), std::string::npos);
  const nlohmann::json json = nlohmann::json::parse(data);
  EXPECT_EQ(json.at("title"), title);
  EXPECT_EQ(json.at("tape"), nlohmann::json::parse(tape.json()));
  EXPECT_EQ(json.at("ops").at("tanh").at("formula"), "tanh: dx = dy (1 - y^2).");
  EXPECT_EQ(json.at("ops").at("tanh").at("page"), "tanh");
  EXPECT_EQ(json.at("ops").at("tanh").at("text").get<std::string>().rfind("# tanh\n", 0), 0u);
  EXPECT_EQ(json.at("curves"), nlohmann::json::parse(curves_json({curve})));
  EXPECT_EQ(json.at("curves")[0].at("index"), (std::vector<int>{1}));
  EXPECT_EQ(json.at("curves")[0].at("analytic"), curve.analytic);
  EXPECT_EQ(json.at("curves")[0].at("points").size(), curve.points.size());
  EXPECT_EQ(json.at("curves")[0].at("points")[3].at("central"), curve.points[3].central);
  EXPECT_FALSE(json.at("ops").contains("exp")) << "the tape has none";
}

TEST_F(Show, LeavesTheFileAloneIfItCant) {
  write("old", "page.html");
  const Tensor w = tensor({1, 2}).requires_grad();
  Tape tape, watched({.keep_values = true});
  expect_error("json", [&] { show(tape, path("page.html")); }, {"keeps no values"});
  expect_error("json", [&] { show(watched, path("page.html"), {.largest = 0}); }, {"largest"});
  expect_error("show", [&] { show(watched, path("no/page.html")); }, {"no/page.html"});
  EXPECT_EQ(read(path("page.html")), "old");
}

}  // namespace
}  // namespace taper::test
