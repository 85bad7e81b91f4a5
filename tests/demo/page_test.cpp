// The pages and pictures of the examples: well-formed whatever the labels and the numbers are, and drawn
// where they should be.
#include "page.hpp"

#include "chart.hpp"
#include "decision_map.hpp"
#include "heat_map.hpp"
#include "markup.hpp"
#include <taper/core/create.hpp>
#include <taper/core/error.hpp>

#include <cctype>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace example {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// What is wrong with the document as XML: tags that do not close, stray & and <, attributes without quotes;
// empty if nothing is.
std::string flaw(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t i = 0; i < xml.size(); ++i) {
    const std::string here = "'" + xml.substr(i, 40) + "'";
    if (xml[i] == '&') {
      const std::string entity = xml.substr(i, xml.find(';', i) - i + 1);
      if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;") return here;
    }
    if (xml[i] != '<') continue;
    const std::size_t end = xml.find('>', i);
    if (end == std::string::npos) return here;
    const std::string tag = xml.substr(i + 1, end - i - 1);
    if (contains(tag, "<") || count(tag, "\"") % 2 != 0) return here;
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag[0] == '/') {
      if (open.empty() || "/" + open.back() != tag)
        return here + " closes " + (open.empty() ? "" : open.back());
      open.pop_back();
    } else if (tag[0] != '!' && tag.back() != '/') {
      open.push_back(name);
    }
    i = end;
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

void expect_well_formed(const std::string& xml) {
  EXPECT_EQ(flaw(xml), "");
  EXPECT_FALSE(contains(xml, "nan") || contains(xml, "inf")) << xml;
}

Series series(std::vector<double> x, std::vector<double> y, bool noisy = false) {
  return {"a", std::move(x), std::move(y), noisy ? 1 : 0, noisy};
}

TEST(Flaw, FindsWhatIsWrong) {
  for (const char* good : {"<a><b/>x &amp; y</a>", "<a href=\"&lt;\"></a>"}) EXPECT_EQ(flaw(good), "");
  for (const char* bad : {"<a>", "<a></b>", "</a>", "<a>x & y</a>", "<a>x < y</a>", "<a b=\"c></a>"}) {
    EXPECT_NE(flaw(bad), "") << bad;
  }
}

TEST(Markup, EscapesWhatXmlReserves) {
  EXPECT_EQ(escaped("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
  EXPECT_EQ(escaped("Grüße, 𝛕\n\t"), "Grüße, 𝛕\n\t");
  const std::string replaced = "\uFFFD";
  EXPECT_EQ(escaped(std::string("a\0b\x01\r\x7f", 6)), "a" + replaced + "b" + replaced + replaced + replaced);
  EXPECT_EQ(escaped("\xff\xc3"), replaced + replaced);
}

TEST(Markup, WritesNumbersAsPeopleDo) {
  const std::vector<std::pair<double, const char*>> cases = {{0, "0"},
                                                             {-0.0, "0"},
                                                             {1, "1"},
                                                             {0.5, "0.5"},
                                                             {0.0123456, "0.0123"},
                                                             {12.5, "12.5"},
                                                             {123.456, "123"},
                                                             {1234, "1234"},
                                                             {12345, "12,345"},
                                                             {1234567, "1,234,567"},
                                                             {-12345, "-12,345"},
                                                             {-0.25, "-0.25"},
                                                             {1e-7, "1e-07"},
                                                             {3e20, "3e+20"},
                                                             {0.001, "0.001"},
                                                             {nan, "–"},
                                                             {infinity, "∞"},
                                                             {-infinity, "−∞"},
                                                             {0.9996, "1"}};
  for (const auto& [value, text] : cases) EXPECT_EQ(number(value), text) << value;
  EXPECT_EQ(number(1200, 6), "1200");
}

TEST(Markup, OnlyAllIsAHundredPercent) {
  EXPECT_EQ(percent(1), "100 %");
  EXPECT_EQ(percent(0.99999), "99.9 %");
  EXPECT_EQ(percent(0.5), "50 %");
  EXPECT_EQ(percent(0.0625), "6.2 %");
  EXPECT_EQ(percent(0), "0 %");
  EXPECT_EQ(percent(nan), "–");
}

TEST(Markup, WritesTimes) {
  EXPECT_EQ(duration(0.42), "0.42 s");
  EXPECT_EQ(duration(59.4), "59 s");
  EXPECT_EQ(duration(200), "3 min 20 s");
  EXPECT_EQ(duration(7500), "2 h 5 min");
  EXPECT_EQ(duration(nan), "–");
}

TEST(Markup, AlignsTables) {
  EXPECT_EQ(aligned({{"", "loss"}, {"größer", "1"}, {"b", "0.123"}}),
            "         loss\n"
            "größer      1\n"
            "b       0.123\n");
  EXPECT_EQ(aligned({}), "");
}

TEST(Chart, DrawsEachSeries) {
  const std::string chart = svg(Chart{
      "Loss < 1 & falling", "step", {series({0, 1, 2}, {3, 2, 1}), series({0, 1, 2}, {1, 1, 1}, true)}});
  expect_well_formed(chart);
  EXPECT_TRUE(contains(chart, "Loss &lt; 1 &amp; falling"));
  EXPECT_TRUE(contains(chart, "class=\"series s0 dots\""));
  EXPECT_TRUE(contains(chart, "class=\"series s1 faint\""));
  EXPECT_FALSE(contains(chart, "s2"));
}

// The first point of a falling line stands at the left and the top, the last at the right.
TEST(Chart, PutsPointsWhereTheyBelong) {
  const std::string chart = svg(Chart{"", "", {series({10, 20}, {4, 0})}});
  EXPECT_TRUE(contains(chart, "d=\"M52 54L546 254\"")) << chart;
  const std::string share = svg(Chart{"", "", {series({10, 20}, {0.5, 1})}, true});
  EXPECT_TRUE(contains(share, "d=\"M52 154L546 54\"")) << share;
  EXPECT_TRUE(contains(share, ">75 %<"));
}

TEST(Chart, TakesEmptyShortAndBrokenCurves) {
  EXPECT_TRUE(contains(svg(Chart{"", "", {}}), "nothing to show"));
  for (const Series& one : {series({}, {}), series({1, 2}, {nan, infinity})}) {
    for (const std::string& chart : {svg(Chart{"t", "x", {one}}), svg(Chart{"t", "x", {one}, true})}) {
      expect_well_formed(chart);
      EXPECT_TRUE(contains(chart, "nothing to show"));
    }
  }
  for (bool noisy : {false, true}) {
    for (const Series& one :
         {series({3}, {2}, noisy), series({3}, {0}, noisy), series({0, 1e6}, {5, 5}, noisy),
          series({0, 1}, {-3, -3}, noisy), series({0, 1, 2, 3}, {1, nan, -infinity, 2}, noisy),
          series({0, 1}, {1e-300, 1e300}, noisy)}) {
      expect_well_formed(svg(Chart{"t", "x", {one}}));
    }
  }
}

// No line leads from one side of a gap to the other.
TEST(Chart, LeavesAGapWhereThereIsNoNumber) {
  const std::string chart = svg(Chart{"", "", {series({0, 1, 2, 3, 4}, {1, 1, nan, 1, 1})}});
  const std::size_t at = chart.find("s0 line\" d=", chart.find("s0 dots"));
  const std::string path = chart.substr(at, chart.find("/>", at) - at);
  EXPECT_EQ(count(path, "M"), 2u) << path;
  EXPECT_EQ(count(path, "L"), 2u) << path;
}

TEST(Chart, ALongCurveStaysSmall) {
  Series curve = series({}, {}, true);
  for (int i = 0; i < 100'000; ++i) curve.x.push_back(i), curve.y.push_back(i % 7);
  EXPECT_LT(svg(Chart{"", "", {curve}}).size(), 40'000u);
}

TEST(HeatMap, ZeroIsBlankAndTheSmallestNumberIsNot) {
  const HeatMap map{"head <1>", 2, 3, {0, 1e-30, 0.5, 1, 1, nan}, {"&", "b"}, {"1", "2", "long <label>"},
                    {{1, 0}}};
  const std::string drawn = svg(map);
  expect_well_formed(drawn);
  EXPECT_TRUE(contains(drawn, "class=\"h1\" d=\"M1 0h1v1h-1z\""));
  EXPECT_TRUE(contains(drawn, "class=\"h6\" d=\"M2 0h1v1h-1z\""));
  EXPECT_TRUE(contains(drawn, "class=\"h12\" d=\"M0 1h2v1h-2z\""));
  EXPECT_TRUE(contains(drawn, "class=\"unseen\" d=\"M2 1h1v1h-1z\""));
  EXPECT_TRUE(contains(drawn, "class=\"outlined\" d=\"M0 1h1v1h-1z\""));
  EXPECT_FALSE(contains(drawn, "M0 0"));
  EXPECT_TRUE(contains(drawn, "head &lt;1&gt;") && contains(drawn, "long &lt;label&gt;"));
}

TEST(HeatMap, GreyIsForPictures) {
  HeatMap picture{"", 1, 2, {0.2, 1}, {}, {}};
  picture.grey = true;
  EXPECT_TRUE(contains(svg(picture), "class=\"g12\""));
  EXPECT_FALSE(contains(svg(picture),
                        "class=\"h"
                        "1"));
}

TEST(DecisionMap, ItsGridGoesFromTheUpperLeftToTheLowerRight) {
  EXPECT_EQ(square_grid(3, 2).to_vector(),
            (std::vector<double>{-2, 2, 0, 2, 2, 2, -2, 0, 0, 0, 2, 0, -2, -2, 0, -2, 2, -2}));
}

// The panel spans 20 to 500 across and 62 to 542 down.
TEST(DecisionMap, PutsBoundaryAndPointsWhereTheyBelong) {
  DecisionMap map{"a < b",
                  2,
                  taper::tensor({0, 0.25, 1, 0, 0.25, 1, 0, 0.25, 1}),
                  taper::tensor({{-2, 2}, {1, -1}}),
                  {0, 1}};
  const std::string drawn = svg(map);
  expect_well_formed(drawn);
  EXPECT_TRUE(contains(drawn, "aria-label=\"a &lt; b\""));
  // From 0.25 at 260 to 1 at 500, so that 0.5 lies a third of the way.
  EXPECT_TRUE(contains(drawn, "class=\"boundary\" d=\"M340 62L340 302M340 302L340 542\"")) << drawn;
  EXPECT_TRUE(contains(drawn, "M16.5 62a3.5")) << drawn;          // the round mark around (20, 62)
  EXPECT_TRUE(contains(drawn, "M376.5 418.5h7v7h-7z")) << drawn;  // the square one around (380, 422)
  map.probabilities = taper::zeros({9});
  EXPECT_EQ(count(svg(map), "class=\"boundary\""), 1u);  // that of the legend
}

TEST(Page, IsOneWellFormedDocumentThatNeedsNothingElse) {
  Page page("A & B", "x < y");
  page.settings({{"<k>", "&4"}});
  page.heading("<h>"), page.paragraph("\"quoted\" & so on");
  page.table({{"", "accuracy <%>"}, {"a & b", percent(0.5)}});
  page.figures({svg(Chart{"<c>", "&x", {series({1, 2}, {1, nan})}}), heat_scale()}, "<caption>");
  page.sample("if (a < b && c > d) return;\n\x01");
  const std::string html = page.html();
  expect_well_formed(html);
  EXPECT_EQ(html.find("<!DOCTYPE html>"), 0u);
  EXPECT_TRUE(contains(html, "<title>A &amp; B</title>"));
  EXPECT_TRUE(contains(html, "if (a &lt; b &amp;&amp; c &gt; d) return;\n\uFFFD"));
  for (const char* foreign : {"http", "<script", "src=", "@import", "url("})
    EXPECT_FALSE(contains(html, foreign));
}

TEST(Page, IsSavedWholeOrNotAtAll) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("taper_page_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "page.html").string();
  const Page page("t", "i");
  page.save(path);
  std::ostringstream read;
  read << std::ifstream(path).rdbuf();
  EXPECT_EQ(read.str(), page.html());
  std::filesystem::remove_all(folder);
  try {
    page.save(path);
    ADD_FAILURE() << "saved into a folder that is not there";
  } catch (const taper::Error& error) {
    EXPECT_TRUE(contains(error.what(), path)) << error.what();
  }
}

}  // namespace
}  // namespace example
