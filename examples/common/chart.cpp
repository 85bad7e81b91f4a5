// Line charts: axes with round ticks, faint points, smoothed lines.
#include "chart.hpp"

#include "markup.hpp"
#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace example {
namespace {

// Around the panel of 494 x 200 stand the title, the legend, the ticks and their labels.
constexpr double width = 560, left = 52, right = 14, panel_height = 200, bottom = 42;
constexpr std::size_t most_points = 600;  // of a line: more than a screen can show

// An axis: the numbers from `first` to `last`, drawn between two coordinates.
struct Axis {
  double first, last, from, to;
  double operator()(double value) const { return from + (value - first) / (last - first) * (to - from); }
};

// The step between ticks: 1, 2 or 5 times a power of ten, chosen to give about `count` of them.
double tick_step(double range, int count) {
  const double rough = range / count, power = std::pow(10, std::floor(std::log10(rough)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power) return factor * power;
  }
  return 10 * power;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value), high = std::max(high, value);
  }
  bool is_empty() const { return low > high; }
};

// For each point the mean of its neighbours within a twentieth of all points, as far as they are finite.
std::vector<double> smoothed(const std::vector<double>& y) {
  const std::size_t n = y.size(), reach = n / 40;
  std::vector<double> sum(n + 1), count(n + 1), mean(n);
  for (std::size_t i = 0; i < n; ++i) {
    const bool counts = std::isfinite(y[i]);
    sum[i + 1] = sum[i] + (counts ? y[i] : 0);
    count[i + 1] = count[i] + counts;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t a = i - std::min(i, reach), b = std::min(n, i + reach + 1);
    mean[i] = (sum[b] - sum[a]) / (count[b] - count[a]);  // NaN if there is none
  }
  return mean;
}

// The path through the finite points; each piece between gaps begins with M.
std::string line(const std::vector<double>& x, const std::vector<double>& y, const Axis& across,
                 const Axis& up) {
  std::string path;
  bool drawing = false;
  const std::size_t every = std::max<std::size_t>(1, (x.size() + most_points - 1) / most_points);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (i % every != 0 && i + 1 != x.size()) continue;
    const bool draws = std::isfinite(x[i]) && std::isfinite(y[i]);
    if (draws) path += (drawing ? "L" : "M") + coordinate(across(x[i])) + " " + coordinate(up(y[i]));
    drawing = draws;
  }
  return path;
}

// A stroke of no length for each finite point: round caps make it a dot.
std::string dots(const std::vector<double>& x, const std::vector<double>& y, const Axis& across,
                 const Axis& up) {
  std::string path;
  const std::size_t every = std::max<std::size_t>(1, (x.size() + most_points - 1) / most_points);
  for (std::size_t i = 0; i < x.size(); i += every) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) continue;
    path += "M" + coordinate(across(x[i])) + " " + coordinate(up(y[i])) + "h0";
  }
  return path;
}

std::string text(double x, double y, const std::string& style, const std::string& what) {
  return "<text class=\"" + style + "\" x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\">" +
         escaped(what) + "</text>\n";
}

std::string axes(const Chart& chart, const Axis& across, const Axis& up) {
  std::string out;
  const double y_step = chart.percent ? 0.25 : tick_step(up.last - up.first, 6), floor = up.from;
  for (double y = std::ceil(up.first / y_step) * y_step; y <= up.last + y_step / 1000; y += y_step) {
    const bool zero = std::abs(y) < y_step / 1000;
    out += element("M" + coordinate(left) + " " + coordinate(up(y)) + "H" + coordinate(width - right),
                   zero ? "axis" : "grid");
    const double value = zero ? 0 : y;
    out += text(left - 8, up(y) + 4, "tick end", chart.percent ? percent(value) : number(value));
  }
  const double x_step = std::max(tick_step(across.last - across.first, 6), 1.0);
  for (double x = std::ceil(across.first / x_step) * x_step; x <= across.last; x += x_step) {
    out += element("M" + coordinate(across(x)) + " " + coordinate(floor) + "v4", "axis");
    out += text(across(x), floor + 18, "tick middle", number(x, 6));
  }
  return out + text((left + width - right) / 2, floor + 36, "label middle", chart.x_label);
}

std::string classes(const Series& series) {
  return "series s" + std::to_string(series.colour) + (series.dashed ? " line dashed" : " line");
}

// The names of the series, each after a stroke of its kind, in as many rows as they need from `y` on; y
// becomes the end of the last row.
std::string legend(const Chart& chart, double& y) {
  std::string out;
  double x = left;
  y += 20;
  for (const Series& series : chart.series) {
    const double room = 44 + 7.2 * static_cast<double>(character_count(series.name));
    if (x > left && x + room > width) x = left, y += 18;
    out += element("M" + coordinate(x) + " " + coordinate(y - 4) + "h20", classes(series));
    if (!series.noisy) {
      out += element("M" + coordinate(x + 10) + " " + coordinate(y - 4) + "h0",
                     "series dots s" + std::to_string(series.colour));
    }
    out += text(x + 26, y, "label", series.name);
    x += room;
  }
  return out;
}

}  // namespace

std::string svg(const Chart& chart) {
  Range xs, ys;
  for (const Series& series : chart.series) {
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (std::isfinite(series.y[i])) xs.add(series.x[i]), ys.add(series.y[i]);
    }
  }
  double y = 18;
  std::string out = text(left, y, "title", chart.title);
  out += legend(chart, y);
  const double top = y + 16, floor = top + panel_height;
  if (xs.is_empty()) {
    out += text(width / 2, top + panel_height / 2, "label middle", "nothing to show");
  } else {
    // A single point, or a level line, gets room around it.
    if (xs.low == xs.high) xs.low -= 1, xs.high += 1;
    ys.add(0);
    if (chart.percent) ys.add(1);
    if (ys.low == ys.high) ys.high += 1;
    const Axis across{xs.low, xs.high, left, width - right};
    const Axis up{ys.low, ys.high, floor, top};
    out += axes(chart, across, up);
    for (const Series& series : chart.series) {
      const std::string colour = " s" + std::to_string(series.colour);
      out += element(dots(series.x, series.y, across, up),
                     "series" + colour + (series.noisy ? " faint" : " dots"));
      out +=
          element(line(series.x, series.noisy ? smoothed(series.y) : series.y, across, up), classes(series));
    }
  }
  return "<svg class=\"chart\" viewBox=\"0 0 " + coordinate(width) + " " + coordinate(floor + bottom) +
         "\" role=\"img\" aria-label=\"" + escaped(chart.title) + "\">\n" + out + "</svg>\n";
}

}  // namespace example
