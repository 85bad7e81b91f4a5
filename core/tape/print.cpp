// Tape::print and Tape::dot: the tape as a table and as a graph.
#include "../fail.hpp"
#include "../memory/pool.hpp"
#include "../text.hpp"
#include "recorder.hpp"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

namespace taper {
namespace {

using internal::text;

// "12 us", "3.4 ms".
std::string time_text(double seconds) {
  const char* units[] = {"ns", "us", "ms", "s"};
  double count = seconds * 1e9;
  std::size_t unit = 0;
  for (; count >= 999.5 && unit < 3; ++unit) count /= 1000;
  return text(std::setprecision(count < 9.95 ? 2 : 3), count, ' ', units[unit]);
}

std::string bytes_text(std::int64_t bytes) {
  return text(bytes < 0 ? "-" : "", internal::bytes_text(static_cast<std::size_t>(std::abs(bytes))));
}

// What the closures of a node keep, each thing once.
std::size_t bytes_kept(const Trace::Node& node) {
  std::set<std::string> seen;
  std::size_t bytes = 0;
  for (const Trace::Edge& edge : node.edges) {
    bytes += edge.bytes;
    for (const Trace::Held& held : edge.holds) {
      if (held.what == "tensor" || seen.insert(held.what).second) bytes += held.bytes;
    }
  }
  return bytes;
}

std::string inputs_text(const Trace::Node& node) {
  std::string list;
  for (const Trace::Input& input : node.inputs) {
    if (!list.empty()) list += ", ";
    list += input.node != Trace::no_node ? text(input.node) : input.value ? "constant" : "other tape";
  }
  return list;
}

const std::string& name_of(const Trace::Node& node) {
  static const std::string leaf = "leaf";
  return node.op.empty() ? leaf : node.op;
}

// A string in Graphviz's language.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// The scopes as a tree; a node stands in the innermost.
struct Frame {
  std::map<std::string, Frame> frames;
  std::vector<std::size_t> nodes;
};

void draw(const Frame& frame, const Trace& trace, const std::string& path, std::string& out) {
  for (const std::size_t i : frame.nodes) {
    const Trace::Node& node = trace.nodes[i];
    const std::string label = text(i, ' ', name_of(node), ' ', node.value.shape());
    out += text("n", i, " [label=", quoted(label), node.op.empty() ? ", style=rounded" : "", "];\n");
  }
  for (const auto& [name, inner] : frame.frames) {
    const std::string inner_path = path.empty() ? name : path + '.' + name;
    out += "subgraph " + quoted("cluster_" + inner_path) + " {\nlabel=" + quoted(name) + ";\n";
    draw(inner, trace, inner_path, out);
    out += "}\n";
  }
}

}  // namespace

void Tape::print(std::ostream& out) const {
  const Trace& trace = checked_trace("print");
  std::vector<double> backward(trace.nodes.size(), 0);
  for (const Trace::Walk& walk : trace.walks) {
    for (const Trace::Visit& visit : walk.visits) backward[visit.node] += visit.seconds;
  }
  using Row = std::array<std::string, 9>;
  std::vector<Row> rows{{"node", "op", "inputs", "shape", "kept", "in use", "forward", "backward", "scope"}};
  for (std::size_t i = 0; i < trace.nodes.size(); ++i) {
    const Trace::Node& node = trace.nodes[i];
    const bool is_leaf = node.op.empty();
    rows.push_back({text(i), name_of(node), inputs_text(node), text(node.value.shape()),
                    is_leaf ? "" : bytes_text(static_cast<std::int64_t>(bytes_kept(node))),
                    bytes_text(node.bytes), is_leaf ? "" : time_text(node.seconds),
                    backward[i] > 0 ? time_text(backward[i]) : "", node.scope});
  }
  std::array<std::size_t, 9> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string room(widths[i] - row[i].size(), ' ');
      const bool is_number = i == 0 || (i >= 4 && i <= 7);
      line += (is_number ? room + row[i] : row[i] + room) + "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

void Tape::print() const { print(std::cout); }

std::string Tape::dot() const {
  const Trace& trace = checked_trace("dot");
  Frame root;
  for (std::size_t i = 0; i < trace.nodes.size(); ++i) {
    Frame* frame = &root;
    std::istringstream path(trace.nodes[i].scope);
    for (std::string name; std::getline(path, name, '.');) frame = &frame->frames[name];
    frame->nodes.push_back(i);
  }
  std::string out = "digraph tape {\nnode [shape=box];\n";
  draw(root, trace, "", out);
  for (std::size_t i = 0; i < trace.nodes.size(); ++i) {
    for (const Trace::Edge& edge : trace.nodes[i].edges) {
      if (edge.node != Trace::no_node) out += text('n', edge.node, " -> n", i, ";\n");
    }
  }
  return out + "}\n";
}

}  // namespace taper
