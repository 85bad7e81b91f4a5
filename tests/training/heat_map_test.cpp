// Heat maps: which cell has which shade, and what the page's script knows of it.
#include "support/helpers.hpp"
#include "support/xml.hpp"
#include <taper/nn/training/page_part.hpp>
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace taper::test {
namespace {

using internal::heat_map_part;
using nlohmann::json;
using training::HeatMap;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(HeatMap, ZeroIsBlankAndTheSmallestNumberIsNot) {
  const HeatMap map{.title = "head <1>",
                    .rows = 2,
                    .columns = 3,
                    .values = {0, 1e-30, 0.5, 1, 1.5, nan},
                    .row_labels = {"&", "b"},
                    .column_labels = {"1", "2", "long <label>"},
                    .outlined = {{1, 0}}};
  const internal::PagePart part = heat_map_part(map);
  EXPECT_EQ(flaw(part.html), "");
  EXPECT_TRUE(contains(part.html, "class=\"h1\" d=\"M1 0h1v1h-1z\""));
  EXPECT_TRUE(contains(part.html, "class=\"h6\" d=\"M2 0h1v1h-1z\""));
  EXPECT_TRUE(contains(part.html, "class=\"h12\" d=\"M0 1h2v1h-2z\""));
  EXPECT_TRUE(contains(part.html, "class=\"unseen\" d=\"M2 1h1v1h-1z\""));
  EXPECT_TRUE(contains(part.html, "class=\"outlined\" d=\"M0 1h1v1h-1z\""));
  EXPECT_FALSE(contains(part.html, "M0 0"));
  EXPECT_TRUE(contains(part.html, "head &lt;1&gt;") && contains(part.html, "long &lt;label&gt;"));

  const json data = json::parse(part.json);
  EXPECT_EQ(data["values"].size(), 6u);
  EXPECT_EQ(data["values"][1], 1e-30);
  EXPECT_EQ(data["values"][4], 1.5);
  EXPECT_TRUE(data["values"][5].is_null());
  EXPECT_EQ(data["columnLabels"][2], "long <label>");
}

TEST(HeatMap, GreyIsForPictures) {
  const HeatMap picture{.title = "", .rows = 1, .columns = 2, .values = {0.2, 1}, .grey = true};
  EXPECT_TRUE(contains(heat_map_part(picture).html, "class=\"g12\""));
  EXPECT_FALSE(contains(heat_map_part(picture).html, "class=\"h1\""));
}

TEST(HeatMap, RejectsWhatDoesNotFit) {
  const HeatMap good{.title = "m", .rows = 1, .columns = 2, .values = {0, 1}};
  EXPECT_NO_THROW(heat_map_part(good));
  const auto rejects = [&](const std::string& says, const auto& spoil) {
    HeatMap bad = good;
    spoil(bad);
    expect_error("HeatMap", [&] { heat_map_part(bad); }, {"m: " + says});
  };
  rejects("2 values for 2 rows and 2 columns", [](HeatMap& map) { map.rows = 2; });
  rejects("1 labels for 2 columns", [](HeatMap& map) { map.column_labels = {"a"}; });
  rejects("2 labels for 1 rows", [](HeatMap& map) { map.row_labels = {"a", "b"}; });
  rejects("the outlined cell (0, 2)", [](HeatMap& map) { map.outlined = {{0, 2}}; });
  rejects("is 0 wide", [](HeatMap& map) { map.side = 0; });
}

// Of probabilities that count up, head 1 of example 1, with three queries after two older keys.
TEST(AttentionMap, TakesAHeadsRowsAndColumns) {
  std::vector<double> numbers(2 * 2 * 3 * 5);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<double>(i);
  for (DType dtype : {float32, float64}) {
    const Tensor probabilities = tensor(numbers, {2, 2, 3, 5}, dtype);
    const HeatMap map = training::attention_map("h", probabilities, 1, 1, {2, 0}, {0, 3, 4}, true);
    EXPECT_EQ(map.rows, 2);
    EXPECT_EQ(map.columns, 3);
    ASSERT_EQ(map.values.size(), 6u);
    EXPECT_EQ(map.values[0], 55);
    EXPECT_EQ(map.values[1], 58);
    EXPECT_EQ(map.values[2], 59);
    EXPECT_EQ(map.values[3], 45);
    EXPECT_TRUE(std::isnan(map.values[4]) && std::isnan(map.values[5]));
    EXPECT_EQ(training::attention_map("h", probabilities, 1, 1, {0}, {3}, false).values[0], 48);
  }
}

TEST(AttentionMap, RejectsPlacesThatAreNotThere) {
  const Tensor probabilities = zeros({2, 2, 3, 5});
  const auto map = [&](std::int64_t example, std::int64_t head, std::int64_t query, std::int64_t key) {
    return [=] { training::attention_map("", probabilities, example, head, {query}, {key}, false); };
  };
  expect_error("attention_map", map(2, 0, 0, 0), {"example 2 is not among the 2 of shape (2, 2, 3, 5)"});
  expect_error("attention_map", map(0, -1, 0, 0), {"head -1"});
  expect_error("attention_map", map(0, 0, 3, 0), {"query 3"});
  expect_error("attention_map", map(0, 0, 0, 5), {"key 5"});
  expect_error("attention_map",
               [] {
                 training::attention_map("", zeros({3, 5}), 0, 0, {0}, {0}, true);
               },
               {"wanted probabilities (batch, heads, n, m), got shape (3, 5)"});
}

TEST(Positions, CountUp) {
  EXPECT_EQ(training::positions(2, 5), (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_TRUE(training::positions(5, 2).empty());
}

}  // namespace
}  // namespace taper::test
