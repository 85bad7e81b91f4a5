// A classifier's decisions in the plane, as a picture: how sure it is at each place, the boundary, and the
// points that it learned from.
#pragma once

#include <taper/core/indices.hpp>
#include <taper/core/tensor.hpp>

#include <string>

namespace example {

// n x n places, spread evenly over the square from (-reach, -reach) to (reach, reach), edges included:
// (n n, 2), row by row from the upper left.
taper::Tensor square_grid(std::int64_t n, double reach);

struct DecisionMap {
  std::string title;
  double reach = 1;             // half the side of the square that the map shows, around (0, 0)
  taper::Tensor probabilities;  // of class 1 at each place of square_grid(n, reach)
  taper::Tensor points;         // (count, 2)
  taper::Indices labels;        // (count): 0 or 1
};

// The map as an SVG file that needs nothing else, for light and dark screens.
std::string svg(const DecisionMap& map);

// Writes the map to a file. Throws taper::Error, naming the file, if it can't be written.
void save(const DecisionMap& map, const std::string& path);

}  // namespace example
