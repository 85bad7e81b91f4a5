// The page: one well-formed document, whatever the texts and the numbers are, with the data that were given.
#include "support/helpers.hpp"
#include "support/xml.hpp"
#include <taper/nn/html.hpp>
#include <taper/taper.hpp>

#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace taper::test {
namespace {

using internal::escaped;
using nlohmann::json;
using training::Chart;
using training::HeatMap;
using training::History;
using training::Page;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// What the page's script reads.
json data_of(const std::string& html) {
  const std::string opening = "<script type=\"application/json\" id=\"data\">";
  const std::size_t from = html.find(opening) + opening.size();
  return json::parse(html.substr(from, html.find("</script>", from) - from));
}

TEST(Html, EscapesWhatXmlReserves) {
  EXPECT_EQ(escaped("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
  EXPECT_EQ(escaped("Grüße, 𝛕\n\t"), "Grüße, 𝛕\n\t");
  const std::string replaced = "\uFFFD";
  EXPECT_EQ(escaped(std::string("a\0b\x01\r\x7f", 6)), "a" + replaced + "b" + replaced + replaced + replaced);
  EXPECT_EQ(escaped("\xff\xc3"), replaced + replaced);
}

TEST(Html, FillsPlacesAndLeavesOtherText) {
  EXPECT_EQ(internal::filled("a@X@b@@Y@X@ c@d", {{"X", "1@Y@"}, {"Y", "2"}}), "a1@Y@b@2X@ c@d");
  EXPECT_EQ(internal::script_json("{\"<a>\":\"&\"}"), "{\"\\u003ca\\u003e\":\"\\u0026\"}");
}

TEST(Flaw, FindsWhatIsWrong) {
  for (const char* good : {"<a><b/>x &amp; y</a>", "<a href=\"&lt;\"></a>", "<a><![CDATA[x < y & z]]></a>"})
    EXPECT_EQ(flaw(good), "");
  for (const char* bad : {"<a>", "<a></b>", "</a>", "<a>x & y</a>", "<a>x < y</a>", "<a b=\"c></a>"}) {
    EXPECT_NE(flaw(bad), "") << bad;
  }
}

TEST(Page, IsOneWellFormedDocumentThatNeedsNothingElse) {
  Page page("A & B @STYLE@", "x < y");
  page.settings({{"<k>", "&4"}});
  page.heading("<h>"), page.paragraph("\"quoted\" & so on");
  page.table({{"", "accuracy <%>"}, {"a & b", training::percent(0.5)}});
  page.table({});
  page.charts(
      {{.title = "<c>", .x_label = "&x", .series = {{.name = "</script>", .x = {1, 2}, .y = {1, nan}}}}},
      "<caption>");
  page.maps({{.title = "<m>", .rows = 1, .columns = 1, .values = {1}}}), page.scale("]]>");
  page.gallery({{.title = "m", .rows = 1, .columns = 1, .values = {1}, .row_labels = {"]]>"}}}, "&");
  page.preformatted("if (a < b && c > d) return;\n\x01");
  page.histograms(History("empty"));
  History history("<run>");
  history.add_histograms(nn::Linear(2, 1), 3);
  page.histograms(history);
  const std::string html = page.html();
  EXPECT_EQ(flaw(html), "");
  EXPECT_EQ(html.find("<!DOCTYPE html>"), 0u);
  EXPECT_TRUE(contains(html, "<title>A &amp; B @STYLE@</title>"));
  EXPECT_TRUE(contains(html, "if (a &lt; b &amp;&amp; c &gt; d) return;\n\uFFFD"));
  EXPECT_EQ(count(html, "<script"), 2u);
  EXPECT_EQ(count(html, "]]>"), 1u);
  EXPECT_TRUE(contains(html,
                       "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src "
                       "'unsafe-inline'; img-src data:\""));
  const std::string svg = "http://www.w3.org/2000/svg";  // the name of a language, not an address
  const std::string parts = std::regex_replace(html, std::regex(svg), "");
  for (const char* foreign : {"http:", "https:", "src=", "@import", "url("})
    EXPECT_FALSE(contains(parts, foreign));
}

// Parts are numbered in the order of the calls; a part of which there is nothing to know is null.
TEST(Page, HoldsWhatWasRecorded) {
  const nn::Linear layer(3, 2);
  History history("a run");
  Tape tape;
  tape.backward(sum(square(layer(randn({4, 3})))));
  for (std::int64_t step : {5, 7}) {
    history.add("loss", step, 1.0 / static_cast<double>(step));
    history.add_histograms(layer, step);
  }
  Page page("t", "i");
  page.charts({Chart{.title = "empty", .x_label = "step", .series = {}},
               Chart{.title = "Loss", .x_label = "step", .series = {training::series(history, "loss")}}});
  page.maps({HeatMap{.title = "m", .rows = 1, .columns = 2, .values = {0.25, nan}}});
  page.histograms(history);
  const json data = data_of(page.html());
  ASSERT_EQ(data.size(), 4u);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(contains(page.html(), "data-part=\"" + std::to_string(i) + "\""));
  }
  EXPECT_TRUE(data[0].is_null());
  EXPECT_EQ(data[1]["series"][0]["y"], json({1.0 / 5, 1.0 / 7}));
  EXPECT_EQ(data[2]["values"][0], 0.25);
  EXPECT_EQ(data[3]["run"], "a run");
  ASSERT_EQ(data[3]["parameters"].size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const training::ParameterHistory& wanted = history.parameters()[i];
    const json& found = data[3]["parameters"][i];
    EXPECT_EQ(found["name"], wanted.name);
    EXPECT_EQ(found["size"], wanted.size);
    for (const auto& [kind, series] :
         {std::pair{"weights", wanted.weights}, {"gradients", wanted.gradients}}) {
      ASSERT_EQ(found[kind].size(), 2u);
      for (std::size_t row = 0; row < 2; ++row) {
        const training::Histogram& one = series.histogram[row];
        EXPECT_EQ(found[kind][row][0], series.step[row]);
        // A number that is a float has the digits of a float.
        const double summary[] = {one.low, one.high, one.mean, one.deviation};
        for (std::size_t i = 0; i < 4; ++i)
          EXPECT_EQ(found[kind][row][1 + i].get<float>(), static_cast<float>(summary[i]));
        EXPECT_EQ(found[kind][row][5], one.not_finite);
        EXPECT_EQ(std::vector<std::int64_t>(found[kind][row].begin() + 6, found[kind][row].end()),
                  one.counts);
      }
    }
  }
}

TEST(Page, ShowsTheLastHistogramsAsATable) {
  const nn::Linear layer(3, 1);
  History history("a run");
  history.add_histograms(layer, 12'000);
  Page page("t", "i");
  page.histograms(history);
  const std::string deviation = training::number(history.parameters()[0].weights.histogram[0].deviation);
  EXPECT_TRUE(contains(page.html(), "at step 12,000"));
  EXPECT_TRUE(
      contains(page.html(), "<th scope=\"row\">weight</th><td>3</td><td>" + deviation + "</td><td>–</td>"))
      << page.html();
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
  expect_error("page", [&] { page.save(path); }, {path});
}

TEST(Progress, RejectsStepsThatAreNone) {
  using training::Progress;
  expect_error("Progress", [] { Progress(0); }, {"wanted at least one step, got 0"});
  expect_error("Progress", [] { Progress(3, {.done = 4}); }, {"4 steps were done before, of 3"});
  Progress progress(3, {.done = 1});
  testing::internal::CaptureStderr();
  progress.show(2, "loss 0.5");
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(contains(line, "[################........] 2/3  loss 0.5  ")) << line;
  EXPECT_TRUE(contains(line, " steps/s  ")) << line;
  expect_error("Progress", [&] { progress.show(2, ""); }, {"2 steps are done, after 2 before and of 3"});
  expect_error("Progress", [&] { progress.show(4, ""); }, {"of 3"});
}

}  // namespace
}  // namespace taper::test
