// Line charts: curves of one run or of several, laid over one another.
#pragma once

#include "history.hpp"

#include <string>
#include <vector>

namespace taper::training {

struct Series {
  std::string name;
  std::vector<double> x, y;  // equally many; x rises. A y that is no finite number leaves a gap
  int colour = -1;           // 0 to 7; -1: the series' place among those of the chart
  // Noisy series are drawn as faint points, with a line through the means of their neighbourhoods. Others are
  // drawn as a line from point to point, each marked.
  bool noisy = false, dashed = false;
};

// A run's curve under the run's name, to be put into a chart beside those of other runs. Throws if the run
// has no such curve.
Series series(const History& run, const std::string& curve);

// A part of a chart from `from` on, marked by a line and a name: training on longer sequences, say. No mean
// is taken across the line.
struct Stage {
  double from;
  std::string name;
};

struct Chart {
  std::string title, x_label;
  std::vector<Series> series;
  std::vector<Stage> stages = {};
  bool percent = false;  // y is a share, drawn from 0 to 100 %; otherwise from 0 (or less) to the largest
};

}  // namespace taper::training
