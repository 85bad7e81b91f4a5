// CsvLog: a header and rows.
#include "../../core/fail.hpp"
#include "../../core/io/number_text.hpp"
#include "logs.hpp"

namespace taper::training {
namespace {

// A field of a CSV file (RFC 4180): in quotes, which are doubled inside, if it needs them.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

void CsvLog::add(std::int64_t step, const Scalars& values) {
  if (values.empty()) fail("CsvLog", "no value is given for step ", step);
  std::string lines;
  std::vector<std::string> names = names_;
  if (names.empty()) {
    lines = "step";
    for (const auto& [name, value] : values) {
      names.push_back(name);
      lines += ',' + field(name);
    }
    lines += '\n';
  }
  lines += internal::to_text(step);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i >= names.size() || values[i].first != names[i]) {
      fail("CsvLog", "value ", i, " of step ", step, " is called '", values[i].first, "', ",
           i < names.size() ? "and in the rows before '" + names[i] + "'" : "of which there was none before");
    }
    lines += ',' + internal::to_text(values[i].second);
  }
  if (values.size() < names.size()) fail("CsvLog", "step ", step, " lacks '", names[values.size()], "'");
  file_.append(lines + '\n');
  names_ = std::move(names);
}

}  // namespace taper::training
