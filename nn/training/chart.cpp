// A chart is laid out by the browser, for any width: lines are an SVG that is stretched to its panel with
// strokes that keep their width, and all text is HTML at places in percent.
#include "chart.hpp"

#include "../../core/fail.hpp"
#include "../../core/io/utf8.hpp"
#include "../html.hpp"
#include "json.hpp"
#include "page_part.hpp"
#include "svg.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::training {

Series series(const History& run, const std::string& curve) {
  const Curve& found = run.curve(curve);
  return {.name = run.name(), .x = found.step, .y = found.value};
}

}  // namespace taper::training

namespace taper::internal {
namespace {

using training::Chart;
using training::Series;

constexpr double side = 1000;             // of the SVG's square, before it is stretched
constexpr std::size_t most_points = 600;  // of a line: more than a screen can show
constexpr int colours = 8;                // in chart.css

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value), high = std::max(high, value);
  }
  bool is_empty() const { return low > high; }
  // From 0 at `low` to 1 at `high`. Halves, because the range of very large numbers overflows.
  double part(double value) const { return (value / 2 - low / 2) / (high / 2 - low / 2); }
};

// The step between ticks: 1, 2 or 5 times a power of ten, chosen to give about `count` of them.
double tick_step(const Range& range, int count) {
  const double rough = range.high / count - range.low / count,
               power = std::pow(10, std::floor(std::log10(rough)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power) return factor * power;
  }
  return 10 * power;
}

std::vector<double> ticks(const Range& range, double step) {
  std::vector<double> values;
  for (double value = std::ceil(range.low / step) * step; value <= range.high + step / 1000; value += step) {
    values.push_back(std::abs(value) < step / 1000 ? 0 : value);
    if (value + step == value) break;  // a step too small to be added
  }
  return values;
}

// Where each stage's points begin, and after the last stage the number of points.
std::vector<std::size_t> stage_bounds(const Chart& chart, const Series& series) {
  std::vector<std::size_t> bounds = {0};
  for (const training::Stage& stage : chart.stages) {
    const auto first = std::lower_bound(series.x.begin(), series.x.end(), stage.from);
    bounds.push_back(static_cast<std::size_t>(first - series.x.begin()));
  }
  bounds.push_back(series.x.size());
  std::sort(bounds.begin(), bounds.end());
  return bounds;
}

// For each point the mean of its neighbours in the same stage within a twentieth of all points, as far as
// they are finite.
std::vector<double> smoothed(const Chart& chart, const Series& series) {
  const std::size_t n = series.y.size(), reach = n / 40;
  std::vector<double> sum(n + 1), count(n + 1), mean(n);
  for (std::size_t i = 0; i < n; ++i) {
    const bool counts = std::isfinite(series.y[i]);
    sum[i + 1] = sum[i] + (counts ? series.y[i] : 0);
    count[i + 1] = count[i] + counts;
  }
  const std::vector<std::size_t> bounds = stage_bounds(chart, series);
  for (std::size_t stage = 0; stage + 1 < bounds.size(); ++stage) {
    for (std::size_t i = bounds[stage]; i < bounds[stage + 1]; ++i) {
      const std::size_t a = i - std::min(i - bounds[stage], reach),
                        b = std::min(bounds[stage + 1], i + reach + 1);
      mean[i] = (sum[b] - sum[a]) / (count[b] - count[a]);  // NaN if there is none
    }
  }
  return mean;
}

// Which points are shown: all of a short series, evenly spaced ones and the last of a long one.
std::vector<std::size_t> shown(const Series& series) {
  std::vector<std::size_t> points;
  const std::size_t n = series.x.size(),
                    every = std::max<std::size_t>(1, (n + most_points - 1) / most_points);
  for (std::size_t i = 0; i < n; ++i) {
    if (i % every == 0 || i + 1 == n) points.push_back(i);
  }
  return points;
}

// The axes of a chart.
struct Axes {
  Range x, y;
  std::string place(double at, double value) const {
    return coordinate(x.part(at) * side) + " " + coordinate((1 - y.part(value)) * side);
  }
};

// The path through the finite points; each piece between gaps, and of each stage of a noisy series, begins
// with M.
std::string line(const Chart& chart, const Series& series, const std::vector<double>& y, const Axes& axes) {
  std::string path;
  bool drawing = false;
  std::vector<std::size_t> bounds = stage_bounds(chart, series);
  std::size_t stage = 1;
  for (const std::size_t i : shown(series)) {
    for (; stage < bounds.size() && i >= bounds[stage]; ++stage) drawing = drawing && !series.noisy;
    const bool draws = std::isfinite(series.x[i]) && std::isfinite(y[i]);
    if (draws) path += (drawing ? "L" : "M") + axes.place(series.x[i], y[i]);
    drawing = draws;
  }
  return path;
}

// A stroke of no length for each finite point: round caps make it a dot.
std::string dots(const Series& series, const Axes& axes) {
  std::string path;
  for (const std::size_t i : shown(series)) {
    if (!std::isfinite(series.x[i]) || !std::isfinite(series.y[i])) continue;
    path += "M" + axes.place(series.x[i], series.y[i]) + "h0";
  }
  return path;
}

int colour(const Chart& chart, std::size_t i) {
  return chart.series[i].colour >= 0 ? chart.series[i].colour : static_cast<int>(i) % colours;
}

void check(const Chart& chart) {
  const auto reject = [&](const Series& series, const auto&... why) {
    fail("Chart", chart.title, ", ", series.name, ": ", why...);
  };
  for (const Series& series : chart.series) {
    if (series.x.size() != series.y.size()) reject(series, series.x.size(), " x and ", series.y.size(), " y");
    if (series.colour < -1 || series.colour >= colours) {
      reject(series, "colour ", series.colour, ", wanted 0 to ", colours - 1, ", or -1");
    }
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!std::isfinite(series.x[i]) || (i > 0 && series.x[i] <= series.x[i - 1]))
        reject(series, "x ", series.x[i], " at ", i, " is not finite, or not above the one before");
    }
  }
}

std::string span(const char* property, double part, const std::string& text) {
  return "<span style=\"" + std::string(property) + ":" + coordinate(100 * part) + "%\">" + escaped(text) +
         "</span>";
}

std::string legend(const Chart& chart) {
  std::string out = "<ul class=\"legend\">";
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    out += "<li data-name=\"" + escaped(series.name) + "\"><span class=\"key s" +
           std::to_string(colour(chart, i)) + (series.dashed ? " dashed" : "") + "\"></span><span>" +
           escaped(series.name) + "</span></li>";
  }
  return out + "</ul>\n";
}

// Grid lines, stages, and each series as a group of its own.
std::string drawing(const Chart& chart, const Axes& axes, const std::vector<double>& levels) {
  std::string out;
  for (double y : levels) {
    out += path_element("M0 " + coordinate((1 - axes.y.part(y)) * side) + "H" + coordinate(side),
                        y == 0 ? "axis" : "grid");
  }
  for (const training::Stage& stage : chart.stages) {
    if (stage.from > axes.x.low && stage.from < axes.x.high) {
      out +=
          path_element("M" + coordinate(axes.x.part(stage.from) * side) + " 0V" + coordinate(side), "stage");
    }
  }
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    out += "<g class=\"series s" + std::to_string(colour(chart, i)) + "\">" +
           path_element(dots(series, axes), series.noisy ? "faint" : "dots") +
           path_element(line(chart, series, series.noisy ? smoothed(chart, series) : series.y, axes),
                        series.dashed ? "line dashed" : "line") +
           "</g>\n";
  }
  return "<svg viewBox=\"0 0 " + coordinate(side) + " " + coordinate(side) +
         "\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\n" + out + "</svg>";
}

std::string stage_names(const Chart& chart, const Axes& axes) {
  if (chart.stages.empty()) return "";
  std::string out;
  for (const training::Stage& stage : chart.stages) {
    if (stage.from < axes.x.high) out += span("left", std::max(0.0, axes.x.part(stage.from)), stage.name);
  }
  return "<div class=\"stages\">" + out + "</div>";
}

std::string panel(const Chart& chart, const Axes& axes) {
  const std::vector<double> levels = ticks(axes.y, chart.percent ? 0.25 : tick_step(axes.y, 5));
  std::string up, across;
  std::size_t widest = 0;
  for (double y : levels) {
    const std::string text = chart.percent ? training::percent(y) : training::number(y);
    widest = std::max(widest, character_count(text));
    up += span("bottom", axes.y.part(y), text);
  }
  for (double x : ticks(axes.x, std::max(tick_step(axes.x, 5), 1.0))) {
    across += span("left", axes.x.part(x), training::number(x, 6));
  }
  return "<div class=\"plot\" style=\"--gutter:" + std::to_string(widest) +
         "ch\" role=\"img\" aria-label=\"" + escaped(chart.title.empty() ? "chart" : chart.title) +
         "\">\n<div class=\"up\">" + up + "</div>\n" + stage_names(chart, axes) + "<div class=\"panel\">" +
         drawing(chart, axes, levels) + "</div>\n<div class=\"across\">" + across +
         "</div>\n</div>\n<p class=\"x-label\">" + escaped(chart.x_label) + "</p>\n";
}

std::string json_of(const Chart& chart, const Axes& axes) {
  std::string series_json;
  for (const Series& series : chart.series) {
    std::vector<double> x, y;
    for (const std::size_t i : shown(series)) x.push_back(series.x[i]), y.push_back(series.y[i]);
    series_json += (series_json.empty() ? "" : ",") + ("{\"name\":" + json_text(series.name)) +
                   ",\"x\":" + json_numbers(x) + ",\"y\":" + json_numbers(y) + "}";
  }
  return "{\"title\":" + json_text(chart.title) + ",\"xLabel\":" + json_text(chart.x_label) +
         ",\"percent\":" + (chart.percent ? "true" : "false") +
         ",\"xRange\":" + json_numbers({axes.x.low, axes.x.high}) +
         ",\"yRange\":" + json_numbers({axes.y.low, axes.y.high}) + ",\"series\":[" + series_json + "]}";
}

}  // namespace

PagePart chart_part(const Chart& chart) {
  check(chart);
  Axes axes;
  for (const Series& series : chart.series) {
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (std::isfinite(series.y[i])) axes.x.add(series.x[i]), axes.y.add(series.y[i]);
    }
  }
  const std::string head = "<p class=\"title\">" + escaped(chart.title) + "</p>\n" + legend(chart);
  if (axes.x.is_empty()) return {head + "<p class=\"nothing\">nothing to show</p>\n", "null"};
  // A single point, or a level line, gets room around it.
  if (axes.x.low == axes.x.high) axes.x.low -= 1, axes.x.high += 1;
  axes.y.add(0);
  if (chart.percent) axes.y.add(1);
  if (axes.y.low == axes.y.high) axes.y.high += 1;
  return {head + panel(chart, axes), json_of(chart, axes)};
}

}  // namespace taper::internal
