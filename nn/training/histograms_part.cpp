// The table of parameters, and their histograms as JSON.
#include "../html.hpp"
#include "json.hpp"
#include "page_part.hpp"

#include <algorithm>

namespace taper::internal {
namespace {

using training::Histogram;
using training::number;
using training::ParameterHistory;

// [[step, low, high, mean, deviation, not finite, counts…], …]
std::string json_of(const ParameterHistory::Series& series) {
  std::string out;
  for (std::size_t i = 0; i < series.step.size(); ++i) {
    const Histogram& one = series.histogram[i];
    std::vector<double> row = {
        static_cast<double>(series.step[i]), one.low, one.high, one.mean, one.deviation,
        static_cast<double>(one.not_finite)};
    row.insert(row.end(), one.counts.begin(), one.counts.end());
    out += (out.empty() ? "" : ",") + json_numbers(row);
  }
  return "[" + out + "]";
}

// The deviation of the last histogram.
std::string last_deviation(const ParameterHistory::Series& series) {
  return series.histogram.empty() ? "–" : number(series.histogram.back().deviation);
}

}  // namespace

PagePart histograms_part(const training::History& run) {
  const std::vector<ParameterHistory>& parameters = run.parameters();
  if (parameters.empty()) return {"<p class=\"nothing\">nothing to show</p>\n", "null"};
  training::Rows rows = {{"parameter", "elements", "deviation", "gradient's deviation"}};
  std::string json;
  for (const ParameterHistory& each : parameters) {
    rows.push_back({each.name, number(static_cast<double>(each.size), 15), last_deviation(each.weights),
                    last_deviation(each.gradients)});
    json += (json.empty() ? "" : ",\n") + ("{\"name\":" + json_text(each.name)) +
            ",\"size\":" + std::to_string(each.size) + ",\"weights\":" + json_of(each.weights) +
            ",\"gradients\":" + json_of(each.gradients) + "}";
  }
  return {"<p class=\"at\">at step " + number(static_cast<double>(parameters[0].weights.step.back()), 15) +
              "</p>\n" + table_html(rows),
          "{\"run\":" + json_text(run.name()) + ",\"parameters\":[" + json + "]}"};
}

}  // namespace taper::internal
