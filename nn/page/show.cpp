// The page's parts put together: nn/page/tape.html, its style sheets and scripts, and the tape as JSON.
#include "show.hpp"

#include "../../core/io/files.hpp"
#include "../../core/tape/trace.hpp"
#include "page_files.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

namespace taper {
namespace {

using Json = nlohmann::ordered_json;

std::string joined(std::span<const std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) all += part;
  return all;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string escaped(const std::string& text) {
  return replaced(replaced(replaced(text, "&", "&amp;"), "<", "&lt;"), ">", "&gt;");
}

// The texts of the ops that the tape has recorded.
Json texts_of(const Trace& trace) {
  std::set<std::string> names;
  for (const Trace::Node& node : trace.nodes) names.insert(node.op);
  Json texts = Json::object();
  for (const internal::OpText& op : internal::op_texts) {
    if (names.contains(std::string(op.name)))
      texts[std::string(op.name)] = {{"formula", op.formulas}, {"page", op.page}, {"text", op.text}};
  }
  return texts;
}

Json json_of(const StepCurve& curve) {
  const auto& found = curve.found;
  Json points = Json::array();
  for (const StepCurve::Point& point : curve.points)
    points.push_back({{"step", point.step}, {"forward", point.forward}, {"central", point.central}});
  return {{"title", curve.title},
          {"argument", found.argument},
          {"index", std::vector<std::int64_t>(found.index.begin(), found.index.end())},
          {"x", found.x},
          {"analytic", curve.analytic},
          {"numeric", found.numeric},
          {"estimate", found.estimate},
          {"step", found.step},
          {"points", std::move(points)}};
}

// The frame with each @NAME@ replaced by the part of that name.
std::string filled(std::string_view frame, const std::map<std::string_view, std::string>& parts) {
  std::string page;
  while (!frame.empty()) {
    const std::size_t begin = frame.find('@');
    page += frame.substr(0, begin);
    if (begin == std::string_view::npos) break;
    const std::size_t length = std::min(frame.find('@', begin + 1), frame.size()) - begin - 1;
    const auto part = parts.find(frame.substr(begin + 1, length));
    page += part == parts.end() ? std::string(frame.substr(begin, 1)) : part->second;
    frame.remove_prefix(part == parts.end() ? begin + 1 : begin + length + 2);
  }
  return page;
}

}  // namespace

void show(const Tape& tape, const std::string& path, const ShowOptions& options) {
  const std::string title = Json(options.title).dump(-1, ' ', false, Json::error_handler_t::replace);
  Json curves = Json::array();
  for (const StepCurve& curve : options.curves) curves.push_back(json_of(curve));
  const std::string data = "{\"title\":" + title + ",\"tape\":" + tape.json({.largest = options.largest}) +
                           ",\"ops\":" + texts_of(tape.trace()).dump() + ",\"curves\":" + curves.dump() + "}";
  internal::write_file("show", path,
                       filled(internal::page_frame, {{"TITLE", escaped(options.title)},
                                                     {"STYLE", joined(internal::page_css)},
                                                     {"SCRIPT", joined(internal::page_js)},
                                                     // In JSON a "<" stands in strings only. As an escape it
                                                     // ends no script and opens no comment.
                                                     {"DATA", replaced(data, "<", "\\u003c")}}));
}

}  // namespace taper
