// The page's frame and style sheet. It is valid XML as well as HTML, so that tests can parse it.
#include "page.hpp"

#include <taper/core/io/files.hpp>

namespace example {
namespace {

// Colours stand in variables, once for a light and once for a dark screen. The lines of charts have the
// colours of Okabe and Ito (Color Universal Design, 2008), which people with any kind of colour vision tell
// apart; the shades of heat maps, h1 to h12, differ in lightness from each to the next.
constexpr const char* style = R"(
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2733; --soft: #5b6875; --line: #dde2e8; --card: #f6f8fa;
  --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #a5568a; --true: #d55e00; --unseen: #e9ecef; --shade: 0, 0, 0; }
.h1 { fill: #c6e6f5 } .h2 { fill: #a2d8f2 } .h3 { fill: #76c7f0 } .h4 { fill: #4bb4ee } .h5 { fill: #2ba0e6 }
.h6 { fill: #248cd9 } .h7 { fill: #2977c8 } .h8 { fill: #2f63b5 } .h9 { fill: #35519f } .h10 { fill: #364087 }
.h11 { fill: #33316c } .h12 { fill: #2a2150 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #12161c; --ink: #e4e9ef; --soft: #98a4b1; --line: #2b333d; --card: #191f27;
    --s0: #56b4e9; --s1: #f0873c; --s2: #2fc79a; --s3: #d897c2; --true: #f0a03c; --unseen: #262d36;
    --shade: 255, 255, 255; }
  .h1 { fill: #30386b } .h2 { fill: #334684 } .h3 { fill: #32569d } .h4 { fill: #2c68b4 } .h5 { fill: #207bc8 }
  .h6 { fill: #098fd9 } .h7 { fill: #00a3e7 } .h8 { fill: #0ab6f1 } .h9 { fill: #33caf8 } .h10 { fill: #58dcfd }
  .h11 { fill: #93efff } .h12 { fill: #d2fbff }
}
.g1 { fill: rgba(var(--shade), .05) } .g2 { fill: rgba(var(--shade), .12) } .g3 { fill: rgba(var(--shade), .19) }
.g4 { fill: rgba(var(--shade), .26) } .g5 { fill: rgba(var(--shade), .33) } .g6 { fill: rgba(var(--shade), .40) }
.g7 { fill: rgba(var(--shade), .48) } .g8 { fill: rgba(var(--shade), .56) } .g9 { fill: rgba(var(--shade), .64) }
.g10 { fill: rgba(var(--shade), .72) } .g11 { fill: rgba(var(--shade), .80) } .g12 { fill: rgba(var(--shade), .88) }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 74rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .6rem; letter-spacing: -.015em; text-wrap: balance; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .7rem; letter-spacing: -.005em; }
p { margin: .5rem 0; max-width: 46rem; }
p.lead { color: var(--soft); font-size: 1.05rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1rem 1.4rem; margin: 1.6rem 0;
  padding: 1rem 1.2rem; background: var(--card); border-radius: .5rem; }
dl div { min-width: 0; }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0; }
.wide { overflow-x: auto; }
th { color: var(--soft); font-weight: 500; font-size: .85rem; vertical-align: bottom; }
th, td { padding: .35rem 0 .35rem 2rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
pre { background: var(--card); padding: 1rem 1.2rem; border-radius: .5rem; white-space: pre-wrap;
  overflow-wrap: anywhere; font: .85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
figure { margin: .8rem 0; }
figure div { display: flex; flex-wrap: wrap; gap: 1.3rem 1.6rem; align-items: flex-end; }
figcaption { color: var(--soft); font-size: .88rem; max-width: 46rem; margin-top: .6rem; }
svg { max-width: 100%; height: auto; }
svg.chart { flex: 1 1 27rem; max-width: 40rem; min-width: 0; }
svg text { font-family: inherit; fill: var(--ink); font-size: 12.5px; }
svg .title { font-size: 15px; font-weight: 600; }
svg .tick { fill: var(--soft); font-size: 11.5px; font-variant-numeric: tabular-nums; }
svg .token { font-size: 10.5px; font-variant-numeric: tabular-nums; }
svg .middle { text-anchor: middle; }
svg .end { text-anchor: end; }
.grid { stroke: var(--line); fill: none; }
.axis { stroke: var(--soft); fill: none; }
.series { fill: none; stroke-linecap: round; stroke-linejoin: round; }
.s0 { stroke: var(--s0) } .s1 { stroke: var(--s1) } .s2 { stroke: var(--s2) } .s3 { stroke: var(--s3) }
.line { stroke-width: 2.2; }
.dashed { stroke-dasharray: 5 5; stroke-width: 1.6; }
.faint { stroke-width: 3; opacity: .22; }
.dots { stroke-width: 6; }
.panel { fill: var(--paper); stroke: var(--line); }
.unseen { fill: var(--unseen); }
.outlined { fill: none; stroke: var(--true); stroke-width: 2; vector-effect: non-scaling-stroke; }
svg.heat path { shape-rendering: crispEdges; }
svg.heat path.outlined { shape-rendering: auto; }
)";

std::string element(const char* name, const std::string& text) {
  return "<" + std::string(name) + ">" + escaped(text) + "</" + name + ">";
}

}  // namespace

Page::Page(const std::string& title, const std::string& introduction) : title_(title) {
  body_ = element("h1", title) + "\n<p class=\"lead\">" + escaped(introduction) + "</p>\n";
}

void Page::heading(const std::string& text) { body_ += element("h2", text) + "\n"; }

void Page::paragraph(const std::string& text) { body_ += element("p", text) + "\n"; }

void Page::settings(const Settings& settings) {
  body_ += "<dl>\n";
  for (const auto& [name, value] : settings) {
    body_ += "<div>" + element("dt", name) + element("dd", value) + "</div>\n";
  }
  body_ += "</dl>\n";
}

void Page::table(const Rows& rows) {
  body_ += "<div class=\"wide\"><table>\n";
  const char* cell = "th";
  for (const std::vector<std::string>& row : rows) {
    body_ += "<tr>";
    for (const std::string& text : row) body_ += element(cell, text);
    body_ += "</tr>\n";
    cell = "td";
  }
  body_ += "</table></div>\n";
}

void Page::sample(const std::string& text) { body_ += element("pre", text) + "\n"; }

void Page::figures(const std::vector<std::string>& svgs, const std::string& caption) {
  body_ += "<figure><div>\n";
  for (const std::string& svg : svgs) body_ += svg;
  body_ += "</div>" + (caption.empty() ? "" : element("figcaption", caption)) + "</figure>\n";
}

std::string Page::html() const {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n" +
         element("title", title_) + "\n<style>" + style + "</style>\n</head>\n<body>\n<main>\n" + body_ +
         "</main>\n</body>\n</html>\n";
}

void Page::save(const std::string& path) const { taper::internal::write_file("page", path, html()); }

}  // namespace example
