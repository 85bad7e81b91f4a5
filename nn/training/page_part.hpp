// The parts of a page: what training::Page is put together from.
#pragma once

#include "chart.hpp"
#include "format.hpp"
#include "heat_map.hpp"
#include "history.hpp"

#include <string>

namespace taper::internal {

// A piece of a page: its HTML, and what the page's script has to know of it, as JSON.
struct PagePart {
  std::string html, json;
};

// Throws if a series has not as many y as x, an x that does not rise, or a colour that does not exist.
PagePart chart_part(const training::Chart& chart);

// Throws unless there is a value for each cell, a label for each row and column or none, and every outlined
// cell is one of the map's.
PagePart heat_map_part(const training::HeatMap& map);

// A table of the last step's histograms; the script draws those of all steps.
PagePart histograms_part(const training::History& run);

// A table; its first row is the head.
std::string table_html(const training::Rows& rows);

// A box of that class whose content scrolls sideways if it is too wide, with a name for screen readers.
std::string scroller(const std::string& classes, const std::string& name, const std::string& content);

// The scale of the maps' colours.
std::string heat_scale();

}  // namespace taper::internal
