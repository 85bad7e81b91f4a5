// The page's parts put together: nn/page/tape.html, its style sheets and scripts, and the tape as JSON.
#include "show.hpp"

#include "../../core/io/files.hpp"
#include "../../core/tape/trace.hpp"
#include "../html.hpp"
#include "../training/json.hpp"
#include "page_files.hpp"

#include <set>

#include <nlohmann/json.hpp>

namespace taper {
namespace {

using Json = nlohmann::ordered_json;

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

}  // namespace

std::string curves_json(const std::vector<StepCurve>& curves) {
  Json list = Json::array();
  for (const StepCurve& curve : curves) list.push_back(json_of(curve));
  return list.dump();
}

void show(const Tape& tape, const std::string& path, const ShowOptions& options) {
  const std::string trace = tape.json({.largest = options.largest});
  const std::string data = "{\"title\":" + internal::json_text(options.title) + ",\"tape\":" + trace +
                           ",\"ops\":" + texts_of(tape.trace()).dump() +
                           ",\"curves\":" + curves_json(options.curves) + "}";
  internal::write_file(
      "show", path,
      internal::filled(internal::page_frame, {{"TITLE", internal::escaped(options.title)},
                                              {"STYLE", internal::joined(internal::page_css)},
                                              {"SCRIPT", internal::joined(internal::page_js)},
                                              {"DATA", internal::script_json(data)}}));
}

}  // namespace taper
