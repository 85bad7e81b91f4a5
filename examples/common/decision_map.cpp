// Decision maps: the cells of one shade are one path, as in nn/training/heat_map.cpp; the boundary is the line of
// probability 1/2 through the cells that it crosses (marching squares).
#include "decision_map.hpp"

#include <taper/core/create.hpp>
#include <taper/core/io/files.hpp>
#include <taper/nn/html.hpp>
#include <taper/nn/training/svg.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace example {
namespace {

using taper::internal::coordinate;
using taper::internal::escaped;
using taper::internal::path_element;

constexpr double side = 480, left = 20, top = 62;  // of the panel; above it stand title and legend
constexpr int shades = 8;                          // of a class, from undecided to sure

// Blue and vermilion of Okabe and Ito, as in nn/training/page/base.css. Class 0 is round and class 1 square, so that the
// picture also reads without colours. No variables: not every program that shows SVG knows them.
constexpr const char* style = R"(
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1d2733; }
.title { font-size: 16px; font-weight: 600; }
.paper { fill: #fff; }
.frame { fill: none; stroke: #b8c1cb; }
.fill0 { fill: #0072b2; } .fill1 { fill: #d55e00; } .cells path { shape-rendering: crispEdges; }
.marks { stroke: #fff; stroke-width: 3; paint-order: stroke; }
.boundary { fill: none; stroke: #1d2733; stroke-width: 1.8; stroke-linejoin: round; }
@media (prefers-color-scheme: dark) {
text { fill: #e4e9ef; } .paper { fill: #12161c; } .frame { stroke: #45505c; }
.fill0 { fill: #56b4e9; } .fill1 { fill: #f0873c; } .marks { stroke: #12161c; } .boundary { stroke: #e4e9ef; }
}
)";

std::string place(double x, double y) { return coordinate(x) + " " + coordinate(y); }

// The probabilities at the corners of the cells, and where the corners stand in the picture.
class Corners {
 public:
  explicit Corners(const DecisionMap& map)
      : n_(static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(map.probabilities.size()))))),
        p_(map.probabilities.to_vector()) {}

  std::size_t cells() const { return n_ - 1; }  // along each side
  double operator()(std::size_t row, std::size_t column) const { return p_[row * n_ + column]; }
  double x(double column) const { return left + side * column / static_cast<double>(cells()); }
  double y(double row) const { return top + side * row / static_cast<double>(cells()); }

 private:
  std::size_t n_;
  std::vector<double> p_;
};

// The shade of a cell: from 0, surest of class 0, to 2 shades - 1, surest of class 1.
int shade(const Corners& corners, std::size_t row, std::size_t column) {
  const double mean = (corners(row, column) + corners(row, column + 1) + corners(row + 1, column) +
                       corners(row + 1, column + 1)) /
                      4;
  return std::clamp(static_cast<int>(mean * 2 * shades), 0, 2 * shades - 1);
}

std::string cells(const Corners& corners) {
  std::array<std::string, 2 * shades> paths;
  for (std::size_t row = 0; row < corners.cells(); ++row) {
    for (std::size_t first = 0, last = 0; first < corners.cells(); first = last) {
      const int level = shade(corners, row, first);
      while (last < corners.cells() && shade(corners, row, last) == level) ++last;
      const auto x = [&](std::size_t column) { return corners.x(static_cast<double>(column)); };
      const auto y = [&](std::size_t line) { return corners.y(static_cast<double>(line)); };
      paths[static_cast<std::size_t>(level)] += "M" + place(x(first), y(row)) + "H" + coordinate(x(last)) +
                                                "V" + coordinate(y(row + 1)) + "H" + coordinate(x(first)) +
                                                "z";
    }
  }
  std::string out = "<g class=\"cells\">\n";
  for (int level = 0; level < 2 * shades; ++level) {
    const bool is_one = level >= shades;
    const int sure = is_one ? level - shades : shades - 1 - level;
    out += "<g fill-opacity=\"" + coordinate(0.04 + 0.06 * sure) + "\">" +
           path_element(paths[static_cast<std::size_t>(level)], is_one ? "fill1" : "fill0") + "</g>\n";
  }
  return out + "</g>\n";
}

// For each cell that the line of 1/2 crosses: the stretch from the side at which it enters to the side at
// which it leaves.
std::string boundary(const Corners& corners) {
  std::string path;
  for (std::size_t row = 0; row < corners.cells(); ++row) {
    for (std::size_t column = 0; column < corners.cells(); ++column) {
      constexpr std::size_t down[] = {0, 0, 1, 1, 0}, across[] = {0, 1, 1, 0, 0};  // around the cell
      bool draws = false;
      for (int i = 0; i < 4; ++i) {
        const double a = corners(row + down[i], column + across[i]) - 0.5;
        const double b = corners(row + down[i + 1], column + across[i + 1]) - 0.5;
        if ((a < 0) == (b < 0)) continue;
        const auto between = [t = a / (a - b)](std::size_t from, std::size_t to) {
          return static_cast<double>(from) + t * (static_cast<double>(to) - static_cast<double>(from));
        };
        path += (draws ? "L" : "M") +
                place(corners.x(static_cast<double>(column) + between(across[i], across[i + 1])),
                      corners.y(static_cast<double>(row) + between(down[i], down[i + 1])));
        draws = !draws;
      }
    }
  }
  return path_element(path, "boundary");
}

// A mark in the middle of a place: round or square.
std::string mark(double x, double y, std::int64_t label) {
  constexpr double size = 7;
  const std::string half = coordinate(size / 2), whole = coordinate(size), back = "-" + whole;
  if (label == 0) {
    const std::string arc = "a" + half + " " + half + " 0 1 0 ";
    return "M" + place(x - size / 2, y) + arc + whole + " 0" + arc + back + " 0z";
  }
  return "M" + place(x - size / 2, y - size / 2) + "h" + whole + "v" + whole + "h" + back + "z";
}

std::string text(double x, double y, const std::string& what, const std::string& style_class = "label") {
  return "<text class=\"" + style_class + "\" x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\">" +
         escaped(what) + "</text>\n";
}

}  // namespace

taper::Tensor square_grid(std::int64_t n, double reach) {
  std::vector<double> places;
  const auto along = [&](std::int64_t i) {
    return reach * (2 * static_cast<double>(i) / static_cast<double>(n - 1) - 1);
  };
  for (std::int64_t row = 0; row < n; ++row) {
    for (std::int64_t column = 0; column < n; ++column)
      places.insert(places.end(), {along(column), -along(row)});
  }
  return taper::tensor(places, {n * n, 2});
}

std::string svg(const DecisionMap& map) {
  const Corners corners(map);
  const std::vector<double> points = map.points.to_vector();
  std::string marks[] = {mark(left + 5, 45, 0), mark(left + 90, 45, 1)};  // in the legend
  for (std::int64_t i = 0; i < map.labels.size(); ++i) {
    const auto at = static_cast<std::size_t>(2 * i);
    const auto scaled = [&](double value) { return (1 + value / map.reach) / 2 * side; };
    marks[map.labels[i]] += mark(left + scaled(points[at]), top + scaled(-points[at + 1]), map.labels[i]);
  }
  const std::string width = coordinate(left + side + left), height = coordinate(top + side + left);
  const std::string panel = path_element("M" + place(left, top) + "h" + coordinate(side) + "v" +
                                             coordinate(side) + "h" + coordinate(-side) + "z",
                                         "frame");
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height +
         "\" viewBox=\"0 0 " + width + " " + height + "\" role=\"img\" aria-label=\"" + escaped(map.title) +
         "\">\n<style>" + style + "</style>\n" +
         path_element("M0 0H" + width + "V" + height + "H0z", "paper") + text(left, 26, map.title, "title") +
         text(left + 16, 49, "class 0") + text(left + 101, 49, "class 1") +
         path_element("M" + place(left + 168, 45) + "h22", "boundary") +
         text(left + 197, 49, "both equally likely") + cells(corners) + boundary(corners) + panel +
         path_element(marks[0], "marks fill0") + path_element(marks[1], "marks fill1") + "</svg>\n";
}

void save(const DecisionMap& map, const std::string& path) {
  taper::internal::write_file("svg", path, svg(map));
}

}  // namespace example
