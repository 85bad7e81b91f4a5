// The page's parts put together in the frame of nn/training/page.
#include "page.hpp"

#include "../../core/io/files.hpp"
#include "../html.hpp"
#include "page_files.hpp"
#include "page_part.hpp"

namespace taper::training {
namespace {

using internal::escaped;

std::string tagged(const char* name, const std::string& text) {
  return "<" + std::string(name) + ">" + escaped(text) + "</" + name + ">";
}

}  // namespace

Page::Page(const std::string& title, const std::string& introduction) : title_(title) {
  body_ = tagged("h1", title) + "\n<p class=\"lead\">" + escaped(introduction) + "</p>\n";
}

void Page::heading(const std::string& text) { body_ += tagged("h2", text) + "\n"; }

void Page::paragraph(const std::string& text) { body_ += tagged("p", text) + "\n"; }

void Page::settings(const Settings& settings) {
  body_ += "<dl>\n";
  for (const auto& [name, value] : settings) {
    body_ += "<div>" + tagged("dt", name) + tagged("dd", value) + "</div>\n";
  }
  body_ += "</dl>\n";
}

void Page::table(const Rows& rows) { body_ += internal::table_html(rows); }

void Page::preformatted(const std::string& text) { body_ += tagged("pre", text) + "\n"; }

std::string Page::element(const std::string& kind, const internal::PagePart& part) {
  data_ += (data_.empty() ? "" : ",\n") + part.json;
  return "<div class=\"" + kind + "\" data-part=\"" + std::to_string(parts_++) + "\">\n" + part.html +
         "</div>\n";
}

void Page::figure(const std::string& kind, const std::string& content, const std::string& caption) {
  body_ += "<figure class=\"" + kind + "\">\n" + content +
           (caption.empty() ? "" : tagged("figcaption", caption) + "\n") + "</figure>\n";
}

void Page::charts(const std::vector<Chart>& charts, const std::string& caption) {
  std::string content;
  for (const Chart& chart : charts) content += element("chart", internal::chart_part(chart));
  figure("charts", "<div class=\"row\">\n" + content + "</div>\n", caption);
}

void Page::maps(const std::vector<HeatMap>& maps, const std::string& caption) {
  std::string content;
  for (const HeatMap& map : maps) content += element("map", internal::heat_map_part(map));
  figure("maps", internal::scroller("row", "maps", content), caption);
}

void Page::gallery(const std::vector<HeatMap>& maps, const std::string& caption) {
  std::string content;
  for (const HeatMap& map : maps) content += element("map", internal::heat_map_part(map));
  figure("gallery", "<div class=\"row\">\n" + content + "</div>\n", caption);
}

void Page::scale(const std::string& caption) { figure("maps", internal::heat_scale(), caption); }

void Page::histograms(const History& run) { body_ += element("histograms", internal::histograms_part(run)); }

std::string Page::html() const {
  return internal::filled(internal::training_page_frame,
                          {{"TITLE", escaped(title_)},
                           {"STYLE", internal::joined(internal::training_page_css)},
                           {"BODY", body_},
                           {"DATA", internal::script_json("[" + data_ + "]")},
                           {"SCRIPT", internal::joined(internal::training_page_js)}});
}

void Page::save(const std::string& path) const { internal::write_file("page", path, html()); }

}  // namespace taper::training
