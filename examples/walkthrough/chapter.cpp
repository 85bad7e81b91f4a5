// Chapters as JSON: their parameters, and what a run of one gives.
#include "chapter.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

namespace walkthrough {
namespace {

using Json = nlohmann::ordered_json;

std::vector<const Chapter*>& chapters() {
  static std::vector<const Chapter*> list;
  return list;
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

double checked(const Parameter& parameter, const Json& json) {
  const auto reject = [&](const std::string& wanted) {
    throw std::invalid_argument(parameter.name + " must be " + wanted + ", got " + text_of(json));
  };
  if (!json.is_number()) reject("a number");
  const double value = json.get<double>();
  if (!(value >= parameter.from && value <= parameter.to))
    reject("in [" + text_of(parameter.from) + ", " + text_of(parameter.to) + "]");
  if (parameter.is_whole && value != std::floor(value)) reject("a whole number");
  return value;
}

}  // namespace

void Run::show(const taper::Tape& tape, const std::vector<taper::StepCurve>& curves) {
  tape_ = tape.json();
  curves_ = taper::curves_json(curves);
  if (viewer_) viewer_(tape, curves);
}

std::string Run::json() const {
  return "{\"tape\":" + tape_ + ",\"curves\":" + curves_ + ",\"printed\":" + text_of(printed_.str()) + "}";
}

Chapter::Chapter(std::string name, std::string title, std::vector<Parameter> parameters,
                 std::function<void(Run&)> program)
    : name_(std::move(name)),
      title_(std::move(title)),
      parameters_(std::move(parameters)),
      program_(std::move(program)) {
  const auto place = std::find_if(chapters().begin(), chapters().end(),
                                  [this](const Chapter* other) { return other->name_ > name_; });
  chapters().insert(place, this);
}

const std::vector<const Chapter*>& Chapter::all() { return chapters(); }

std::string Chapter::json() const {
  Json list = Json::array();
  for (const Parameter& parameter : parameters_) {
    list.push_back({{"name", parameter.name},
                    {"from", parameter.from},
                    {"to", parameter.to},
                    {"start", parameter.start},
                    {"whole", parameter.is_whole},
                    {"logarithmic", parameter.is_logarithmic}});
  }
  return text_of({{"name", name_}, {"title", title_}, {"parameters", std::move(list)}});
}

std::map<std::string, double> Chapter::checked(const std::string& values) const {
  const Json json = Json::parse(values, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw std::invalid_argument("wanted a JSON object of parameters, got " + values);
  std::map<std::string, double> all;
  for (const Parameter& parameter : parameters_) all[parameter.name] = parameter.start;
  for (const auto& [name, value] : json.items()) {
    const auto parameter = std::find_if(parameters_.begin(), parameters_.end(),
                                        [&name = name](const Parameter& one) { return one.name == name; });
    if (parameter == parameters_.end())
      throw std::invalid_argument(name_ + " has no parameter '" + name + "'");
    all[name] = walkthrough::checked(*parameter, value);
  }
  return all;
}

std::string Chapter::recompute(const std::string& values, const Run::Viewer& viewer) const {
  try {
    Run run(checked(values), viewer);
    taper::default_generator() = taper::Generator();
    program_(run);
    return run.json();
  } catch (const std::exception& error) {
    return text_of({{"error", error.what()}});
  }
}

}  // namespace walkthrough
