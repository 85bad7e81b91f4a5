// A page on a training run: one HTML file that needs nothing else, with charts, heat maps, histograms, tables
// and text.
#pragma once

#include "chart.hpp"
#include "format.hpp"
#include "heat_map.hpp"
#include "history.hpp"

#include <string>
#include <utility>
#include <vector>

namespace taper::internal {
struct PagePart;
}

namespace taper::training {

// Names and values, in the order in which they are shown.
using Settings = std::vector<std::pair<std::string, std::string>>;

// A page shows what was added, in the order of the calls. All texts are plain; the page escapes them.
//
// The file is HTML and well-formed XML, and reads without its script, which adds what answers: a slider over
// the steps, whose values all charts of one x_label and all histograms show, legends that hide and show the
// runs, and the value of each cell of a heat map.
class Page {
 public:
  Page(const std::string& title, const std::string& introduction);

  void heading(const std::string& text);
  void paragraph(const std::string& text);
  // Names above values, in a compact grid.
  void settings(const Settings& settings);
  // The first column is left-aligned, the others hold numbers.
  void table(const Rows& rows);
  // In a typewriter face, with its line breaks.
  void preformatted(const std::string& text);
  // Side by side as far as there is room. Captions stand beneath, unless they are empty. Throws if a chart's
  // series are none (chart.hpp).
  void charts(const std::vector<Chart>& charts, const std::string& caption = "");
  // In one row, which scrolls if it is too wide, so that maps that belong together stay in line. Throws if
  // one is no map (heat_map.hpp).
  void maps(const std::vector<HeatMap>& maps, const std::string& caption = "");
  // The same in as many rows as they need.
  void gallery(const std::vector<HeatMap>& maps, const std::string& caption = "");
  // What the colours of maps mean.
  void scale(const std::string& caption = "");
  // How the weights and gradients of each parameter were distributed, step by step.
  void histograms(const History& run);

  std::string html() const;
  // Writes the file, as a whole or not at all. Throws taper::Error, naming the file, if it can't be written.
  void save(const std::string& path) const;

 private:
  // Adds the part to the data, and makes its HTML an element of that kind, which the script finds by its
  // number.
  std::string element(const std::string& kind, const internal::PagePart& part);
  void figure(const std::string& kind, const std::string& content, const std::string& caption);

  std::string title_, body_, data_;  // the data of the parts for the script, as a list in JSON
  int parts_ = 0;
};

}  // namespace taper::training
