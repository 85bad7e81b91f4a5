// Tape::json: the trace as docs/seeing_the_tape.md describes it.
#include "../fail.hpp"
#include "../io/number_text.hpp"
#include "recorder.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

#include <nlohmann/json.hpp>

namespace taper {
namespace {

using Json = nlohmann::ordered_json;

// A number that JSON doesn't have is written as JavaScript calls it. A float has the shortest digits that give
// it back.
template <class T>
Json number_json(T value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  double number = 0;
  internal::from_text(internal::to_text(value), number);
  return number;
}

// A time to the nanosecond: the digits beyond are noise.
double rounded(double seconds) { return std::round(seconds * 1e9) / 1e9; }

// How many rows, columns, … of a large tensor one is written of: of each axis in proportion, so that no more
// than `largest` elements remain.
Shape steps_for(const Shape& shape, std::int64_t size, std::int64_t largest) {
  Shape steps = Shape::filled(shape.size(), 1);
  while (size > largest) {
    int longest = 0;
    const auto taken = [&](int axis) { return (shape[axis] + steps[axis] - 1) / steps[axis]; };
    for (int axis = 1; axis < shape.size(); ++axis) {
      if (taken(axis) > taken(longest)) longest = axis;
    }
    steps[longest] *= 2;
    size = 1;
    for (int axis = 0; axis < shape.size(); ++axis) size *= taken(axis);
  }
  return steps;
}

// Equal tensors are written once.
class Tensors {
 public:
  explicit Tensors(std::int64_t largest) : largest_(largest) {}

  Json place_of(const Tensor& x) {
    const auto bytes = static_cast<std::size_t>(x.size()) * size_of(x.dtype());
    std::string key(reinterpret_cast<const char*>(x.impl().data), bytes);
    const auto [place, is_new] =
        places_.try_emplace({x.dtype() == float32, to_vector(x.shape()), std::move(key)}, list_.size());
    if (is_new) list_.push_back(written(x));
    return place->second;
  }
  const Json& list() const { return list_; }

 private:
  static std::vector<std::int64_t> to_vector(const Shape& shape) { return {shape.begin(), shape.end()}; }

  Json written(const Tensor& x) const {
    Json json{{"dtype", x.dtype() == float32 ? "float32" : "float64"}, {"shape", to_vector(x.shape())}};
    const Shape& shape = x.shape();
    const Shape steps = steps_for(shape, x.size(), largest_);
    Json elements = Json::array();
    dispatch(x.dtype(), [&]<class T>() {
      const T* const data = x.data<T>();
      for (std::int64_t i = 0; i < x.size(); ++i) {
        std::int64_t rest = i;
        bool is_taken = true;
        for (int axis = shape.size(); axis-- > 0 && is_taken; rest /= shape[axis])
          is_taken = rest % shape[axis] % steps[axis] == 0;
        if (is_taken) elements.push_back(number_json(data[i]));
      }
      if (steps == Shape::filled(shape.size(), 1)) return;
      json["steps"] = to_vector(steps);
      json["min"] = number_json(*std::min_element(data, data + x.size()));
      json["max"] = number_json(*std::max_element(data, data + x.size()));
      json["mean"] = number_json(std::accumulate(data, data + x.size(), 0.0) / static_cast<double>(x.size()));
    });
    json["elements"] = std::move(elements);
    return json;
  }

  std::int64_t largest_;
  std::map<std::tuple<bool, std::vector<std::int64_t>, std::string>, std::size_t> places_;
  Json list_ = Json::array();
};

Json place_of_node(std::uint32_t node) { return node == Trace::no_node ? Json(nullptr) : Json(node); }

Json node_json(const Trace::Node& node, Tensors& tensors) {
  Json json{{"op", node.op.empty() ? Json(nullptr) : Json(node.op)}};
  if (!node.scope.empty()) json["scope"] = node.scope;
  if (!node.device.is_cpu()) json["device"] = "cuda";
  json["value"] = tensors.place_of(node.value);
  for (const Trace::Input& input : node.inputs) {
    json["inputs"].push_back(input.value ? Json{{"value", tensors.place_of(input.value)}}
                                         : Json{{"node", place_of_node(input.node)}});
  }
  for (const Trace::Edge& edge : node.edges) {
    Json holds = Json::array();
    for (const Trace::Held& held : edge.holds) {
      Json& object = holds.emplace_back(Json{{"what", held.what}});
      object["shape"] = std::vector<std::int64_t>(held.shape.begin(), held.shape.end());
      object["bytes"] = held.bytes;
      for (const auto& [name, tensor] : held.contents) object["contents"][name] = tensors.place_of(tensor);
    }
    json["edges"].push_back({{"argument", edge.argument},
                             {"node", place_of_node(edge.node)},
                             {"bytes", edge.bytes},
                             {"holds", std::move(holds)}});
  }
  json["seconds"] = rounded(node.seconds);
  json["bytes"] = node.bytes;
  return json;
}

Json walk_json(const Trace::Walk& walk, Tensors& tensors) {
  Json json{{"call", walk.call},
            {"node", walk.node},
            {"keep_graph", walk.keep_graph},
            {"create_graph", walk.create_graph},
            {"cotangent", tensors.place_of(walk.cotangent)},
            {"first_node", walk.first_node},
            {"visits", Json::array()},
            {"gradients", Json::array()}};
  if (walk.failed) json["failed"] = true;
  for (const Trace::Visit& visit : walk.visits) {
    Json contributions = Json::array();
    for (const Trace::Contribution& x : visit.contributions) {
      Json& contribution = contributions.emplace_back(Json{{"argument", x.argument}, {"node", x.node}});
      contribution["value"] = tensors.place_of(x.value);
      if (x.total) contribution["total"] = tensors.place_of(x.total);
    }
    json["visits"].push_back({{"node", visit.node},
                              {"cotangent", tensors.place_of(visit.cotangent)},
                              {"seconds", rounded(visit.seconds)},
                              {"bytes", visit.bytes},
                              {"nodes", visit.nodes},
                              {"freed", visit.freed},
                              {"contributions", std::move(contributions)}});
  }
  for (const Trace::Gradient& gradient : walk.gradients) {
    json["gradients"].push_back({{"node", gradient.node}, {"value", tensors.place_of(gradient.value)}});
  }
  return json;
}

}  // namespace

std::string Tape::json(const JsonOptions& options) const {
  if (options.largest < 1) fail("json", "largest must be at least 1, got ", options.largest);
  Json json{{"format", "taper-tape"}, {"version", 1}, {"nodes", Json::array()}, {"walks", Json::array()}};
  Tensors tensors(options.largest);
  for (const Trace::Node& node : checked_trace("json").nodes)
    json["nodes"].push_back(node_json(node, tensors));
  for (const Trace::Walk& walk : checked_trace("json").walks)
    json["walks"].push_back(walk_json(walk, tensors));
  json["tensors"] = tensors.list();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace taper
