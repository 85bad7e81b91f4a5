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
  if (names_.empty()) {
    lines = "step";
    for (const auto& [name, value] : values) {
      names_.push_back(name);
      lines += ',' + field(name);
    }
    lines += '\n';
  }
  lines += internal::to_text(step);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i >= names_.size() || values[i].first != names_[i]) {
      fail("CsvLog", "value ", i, " of step ", step, " is called '", values[i].first, "', ",
           i < names_.size() ? "and in the rows before '" + names_[i] + "'"
                             : "of which there was none before");
    }
    lines += ',' + internal::to_text(values[i].second);
  }
  if (values.size() < names_.size()) fail("CsvLog", "step ", step, " lacks '", names_[values.size()], "'");
  file_.append(lines + '\n');
}

}  // namespace taper::training
