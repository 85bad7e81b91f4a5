// Line charts as SVG: loss curves and the like.
#pragma once

#include <string>
#include <vector>

namespace example {

struct Series {
  std::string name;
  std::vector<double> x, y;  // equally many; a y that is no finite number leaves a gap
  int colour = 0;            // 0 to 3
  // Noisy series are drawn as faint points, with a line through the means of their neighbourhoods. Others are
  // drawn as a line from point to point, each marked.
  bool noisy = false, dashed = false;
};

struct Chart {
  std::string title, x_label;
  std::vector<Series> series;
  bool percent = false;  // y is a share, drawn from 0 to 100 %; otherwise from 0 (or less) to the largest
};

// The chart as an <svg> element. It uses the classes of page.cpp's style sheet.
std::string svg(const Chart& chart);

}  // namespace example
