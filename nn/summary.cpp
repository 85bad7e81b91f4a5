// operator<< of a model: the tree of its modules as a table.
#include "../core/io/number_text.hpp"
#include "../core/io/utf8.hpp"
#include "../core/text.hpp"
#include "module.hpp"
#include "type_name.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <ostream>
#include <set>

namespace taper::nn {
namespace {

using Line = std::array<std::string, 4>;  // name, dtype and shape, number of elements, bytes

std::string description(const Tensor& x, bool is_buffer, bool shared) {
  return internal::text(x.dtype(), ' ', x.shape(),
                        is_buffer        ? " buffer"
                        : x.wants_grad() ? ""
                                         : " frozen",
                        shared ? " shared" : "");
}

// The first two columns to the left, the numbers to the right.
void print(std::ostream& out, const std::vector<Line>& lines) {
  std::array<std::size_t, 4> widths{};
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], internal::character_count(line[i]));
  }
  for (const Line& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string blanks(widths[i] - internal::character_count(line[i]), ' ');
      text += (i == 0 ? "" : "  ") + (i < 2 ? line[i] + blanks : blanks + line[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out << (&line == &lines.front() ? "" : "\n") << text;
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Module& model) {
  std::vector<Parts::Visit> visits{{internal::short_type_name(typeid(model)), 0, 0, 0}};
  Parts parts;
  parts.visits_ = &visits;
  model.list(parts);
  const auto& entries = parts.entries_;
  visits.front().end = entries.size();

  // Counts up to each entry, so that those of a module are a difference.
  std::vector<std::int64_t> counts{0}, bytes{0};
  std::set<const internal::TensorImpl*> seen;
  std::vector<bool> shared;
  for (const auto& [name, x, is_buffer, places] : entries) {
    shared.push_back(!seen.insert(&x.impl()).second);
    const std::int64_t count = shared.back() ? 0 : x.size();
    counts.push_back(counts.back() + (is_buffer ? 0 : count));
    bytes.push_back(bytes.back() + count * static_cast<std::int64_t>(size_of(x.dtype())));
  }

  std::vector<Line> lines{{"", "", "parameters", "bytes"}};
  const auto add = [&](const std::string& name, const std::string& what, std::size_t begin, std::size_t end) {
    lines.push_back({name, what, internal::to_text(counts[end] - counts[begin]),
                     internal::to_text(bytes[end] - bytes[begin])});
  };
  auto next = visits.begin();
  for (std::size_t i = 0; i <= entries.size(); ++i) {
    for (; next != visits.end() && next->begin == i; ++next) add(next->line, "", next->begin, next->end);
    if (i == entries.size()) break;
    // The innermost module that holds the entry is the last one that began before it and is not over.
    const auto inside = std::find_if(std::make_reverse_iterator(next), visits.rend(),
                                     [i](const Parts::Visit& visit) { return visit.end > i; });
    const auto& [name, x, is_buffer, places] = entries[i];
    const std::string indent(2 + inside->line.find_first_not_of(' '), ' ');
    add(indent + name.substr(inside->prefix), description(x, is_buffer, shared[i]), i, i + 1);
  }
  print(out, lines);
  return out;
}

}  // namespace taper::nn
