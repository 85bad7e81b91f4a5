// Charts: each series is drawn where it belongs, gaps stay gaps, and the data are those that were given.
#include "support/helpers.hpp"
#include "support/xml.hpp"
#include <taper/nn/training/page_part.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace taper::test {
namespace {

using internal::chart_part;
using nlohmann::json;
using training::Chart;
using training::Series;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

Series series(std::vector<double> x, std::vector<double> y, bool noisy = false) {
  return {.name = "a", .x = std::move(x), .y = std::move(y), .noisy = noisy};
}

Chart chart(std::vector<Series> all, bool percent = false) {
  return {.title = "t", .x_label = "x", .series = std::move(all), .stages = {}, .percent = percent};
}

std::string html(const Chart& chart) {
  std::string html = chart_part(chart).html;
  EXPECT_EQ(flaw(html), "");
  EXPECT_FALSE(contains(html, "nan") || contains(html, "inf")) << html;
  return html;
}

// The path of that class.
std::string path(const std::string& html, const std::string& name) {
  const std::size_t at = html.find("class=\"" + name + "\" d=\"");
  if (at == std::string::npos) return "";
  const std::size_t from = html.find("d=\"", at) + 3;
  return html.substr(from, html.find('"', from) - from);
}

TEST(Chart, DrawsEachSeries) {
  Chart two = chart({series({0, 1, 2}, {3, 2, 1}), series({0, 1, 2}, {1, 1, 1}, true)});
  two.title = "Loss < 1 & falling", two.series[1].name = "<b>";
  const std::string drawn = html(two);
  EXPECT_TRUE(contains(drawn, "Loss &lt; 1 &amp; falling") && contains(drawn, "&lt;b&gt;"));
  EXPECT_TRUE(contains(drawn, "<g class=\"series s0\"><path class=\"dots\""));
  EXPECT_TRUE(contains(drawn, "<g class=\"series s1\"><path class=\"faint\""));
  EXPECT_FALSE(contains(drawn, "s2"));
}

// The first point of a falling line stands at the left and the top of the square, the last at the right.
TEST(Chart, PutsPointsWhereTheyBelong) {
  EXPECT_EQ(path(html(chart({series({10, 20}, {4, 0})})), "line"), "M0 0L1000 1000");
  const std::string share = html(chart({series({10, 20}, {0.5, 1})}, true));
  EXPECT_EQ(path(share, "line"), "M0 500L1000 0");
  EXPECT_TRUE(contains(share, "<span style=\"bottom:75%\">75 %</span>"));
  EXPECT_TRUE(contains(share, "<span style=\"left:40%\">14</span>"));
}

TEST(Chart, TakesEmptyShortAndBrokenCurves) {
  EXPECT_TRUE(contains(html(chart({})), "nothing to show"));
  for (const Series& one : {series({}, {}), series({1, 2}, {nan, infinity})}) {
    for (bool percent : {false, true}) {
      EXPECT_TRUE(contains(html(chart({one}, percent)), "nothing to show"));
      EXPECT_EQ(chart_part(chart({one}, percent)).json, "null");
    }
  }
  for (bool noisy : {false, true}) {
    for (const Series& one :
         {series({3}, {2}, noisy), series({3}, {0}, noisy), series({0, 1e6}, {5, 5}, noisy),
          series({0, 1}, {-3, -3}, noisy), series({0, 1, 2, 3}, {1, nan, -infinity, 2}, noisy),
          series({0, 1}, {1e-300, 1e300}, noisy), series({0, 1}, {-1.7e308, 1.7e308}, noisy),
          series({1e16, 1e16 + 2}, {1, 2}, noisy)}) {
      html(chart({one}));
      EXPECT_FALSE(json::parse(chart_part(chart({one})).json).is_null());
    }
  }
}

// No line leads from one side of a gap to the other.
TEST(Chart, LeavesAGapWhereThereIsNoNumber) {
  const std::string line = path(html(chart({series({0, 1, 2, 3, 4}, {1, 1, nan, 1, 1})})), "line");
  EXPECT_EQ(count(line, "M"), 2u) << line;
  EXPECT_EQ(count(line, "L"), 2u) << line;
}

// The means of two stages are those of their own points: level lines at 1 and at 0, and no slope between.
TEST(Chart, NoMeanIsTakenAcrossStages) {
  Chart stages = chart({series({}, {}, true)});
  for (int i = 0; i < 200; ++i) stages.series[0].x.push_back(i), stages.series[0].y.push_back(i < 80 ? 1 : 0);
  const std::string sloping = path(html(stages), "line");
  EXPECT_EQ(count(sloping, "M"), 1u);
  stages.stages = {{0, "easy"}, {80, "<hard>"}, {500, "never"}};
  const std::string drawn = html(stages), level = path(drawn, "line");
  EXPECT_EQ(count(level, "M"), 2u) << level;
  EXPECT_EQ(count(level, " 0L") + count(level, " 0M"), 80u) << level;
  EXPECT_EQ(count(level, " 1000"), 120u) << level;
  EXPECT_TRUE(contains(drawn, "<span style=\"left:0%\">easy</span>"));
  EXPECT_TRUE(contains(drawn, "<span style=\"left:40.2%\">&lt;hard&gt;</span>"));
  EXPECT_EQ(count(drawn, "class=\"stage\""), 1u);
  EXPECT_FALSE(contains(drawn, "never"));
}

TEST(Chart, ItsDataAreThoseThatWereGiven) {
  const Chart given = chart({series({0, 1, 2.5}, {1.0 / 3, nan, static_cast<double>(0.1F)})});
  const json data = json::parse(chart_part(given).json);
  EXPECT_EQ(data["series"][0]["name"], "a");
  EXPECT_EQ(data["series"][0]["x"], json({0, 1, 2.5}));
  EXPECT_EQ(data["series"][0]["y"][0].get<double>(), 1.0 / 3);
  EXPECT_TRUE(data["series"][0]["y"][1].is_null());
  EXPECT_EQ(data["series"][0]["y"][2].get<float>(), 0.1F);
  EXPECT_EQ(data["xRange"], json({0, 2.5}));
  EXPECT_EQ(data["percent"], false);
}

TEST(Chart, ALongCurveStaysSmall) {
  Series curve = series({}, {}, true);
  for (int i = 0; i < 100'000; ++i) curve.x.push_back(i), curve.y.push_back(i % 7);
  const internal::PagePart part = chart_part(chart({curve}));
  EXPECT_LT(part.html.size(), 40'000u);
  const json x = json::parse(part.json)["series"][0]["x"];
  EXPECT_LE(x.size(), 601u);
  EXPECT_EQ(x.back(), 99'999);
}

TEST(Chart, TakesTheCurvesOfHistories) {
  training::History history("slow");
  history.add("loss", 1, 2), history.add("loss", 2, 1);
  const Series found = training::series(history, "loss");
  EXPECT_EQ(found.name, "slow");
  EXPECT_EQ(found.x, (std::vector<double>{1, 2}));
  EXPECT_EQ(found.y, (std::vector<double>{2, 1}));
  expect_error("History", [&] { training::series(history, "gain"); }, {"gain"});
}

TEST(Chart, RejectsWhatIsNoSeries) {
  const auto rejects = [](const Series& bad, const std::string& says) {
    expect_error("Chart", [&] { chart_part(chart({bad})); }, {"t, a: " + says});
  };
  rejects(series({1, 2}, {1}), "2 x and 1 y");
  rejects(series({2, 1}, {1, 1}), "x 1 at 1 is not finite, or not above the one before");
  rejects(series({nan}, {1}), "x nan at 0");
  Series bright = series({1}, {1});
  bright.colour = 8;
  rejects(bright, "colour 8, wanted 0 to 7, or -1");
}

}  // namespace
}  // namespace taper::test
