// A demo's page: one HTML file that needs nothing else, with charts, heat maps, tables and text.
#pragma once

#include "markup.hpp"

#include <string>
#include <utility>
#include <vector>

namespace example {

// Names and values, in the order in which they are shown.
using Settings = std::vector<std::pair<std::string, std::string>>;

// A page shows what was added in the order of the calls. All texts are plain; the page escapes them.
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
  void sample(const std::string& text);
  // Elements made by svg(…), side by side as far as there is room, with the caption beneath them
  // unless it is empty.
  void figures(const std::vector<std::string>& svgs, const std::string& caption);

  std::string html() const;
  // Writes the file, as a whole or not at all. Throws taper::Error, naming the file, if it can't be written.
  void save(const std::string& path) const;

 private:
  std::string title_, body_;
};

}  // namespace example
