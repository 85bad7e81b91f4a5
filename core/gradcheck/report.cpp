// Printing a report, as a table and as JSON.
#include "report.hpp"

#include "../text.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <locale>
#include <ostream>
#include <sstream>

#include <nlohmann/json.hpp>

namespace taper {
namespace {

using Element = GradcheckReport::Element;
using internal::text;
constexpr std::size_t max_rows = 10;

std::string plural(std::size_t count, const char* what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

std::string number(double value, int digits = 6) { return text(std::setprecision(digits), value); }

const char* name_of(Verdict verdict) {
  return verdict == Verdict::passed ? "passed" : verdict == Verdict::failed ? "FAILED" : "undecided";
}

// Columns as wide as their widest cell.
void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i)
      line += ' ' + row[i] + std::string(widths[i] - row[i].size() + 1, ' ');
    out << '\n' << line.substr(0, line.find_last_not_of(' ') + 1);
  }
}

class Printer {
 public:
  Printer(std::ostream& out, const GradcheckReport& report) : out_(out), report_(report) {}

  void print() {
    const std::size_t failed = wrong(report_.elements) + wrong(report_.kinks);
    out_ << "gradcheck " << name_of(report_.verdict) << ": ";
    if (failed) {
      out_ << failed << " of " << plural(report_.elements.size() + report_.kinks.size(), "element")
           << " wrong";
    } else {
      print_compared();
    }
    for (const std::string& mistake : report_.mistakes) out_ << "\n  " << mistake;
    for (const std::string& doubt : report_.doubts) out_ << "\n  " << doubt;
    print_elements();
    print_kinks();
    print_undecided();
    for (const std::string& cause : report_.diagnosis) out_ << "\n  => " << cause;
    if (report_.support_change) {
      const Element& e = *report_.support_change;
      out_ << "\n  the zeros of f change first if " << place(e) << " moves by " << number(e.step, 3);
    }
    if (report_.float32_error > 0)
      out_ << "\n  float32 is off by " << number(report_.float32_error, 2) << " roundings at most";
    if (report_.verdict == Verdict::failed) out_ << "\n  seed " << report_.seed << " repeats it";
  }

 private:
  static std::size_t wrong(const std::vector<Element>& elements) {
    return static_cast<std::size_t>(
        std::count_if(elements.begin(), elements.end(), [](const Element& e) { return e.error > 1; }));
  }

  std::string place(const Element& e) const {
    if (e.argument >= report_.names.size()) return "a random direction";
    const std::string& name = report_.names[e.argument];
    // "argument 0 (1, 2)" as one says it, "hidden.weight[1, 2]" as one writes it.
    const std::string index = text(e.index);
    if (name.find(' ') != std::string::npos) return name + ' ' + index;
    if (index == "()") return name;
    return name + '[' + index.substr(1, index.find_last_not_of("),")) + ']';
  }

  void print_compared() {
    if (report_.directions > 0) {
      out_ << plural(static_cast<std::size_t>(report_.directions), "random direction");
    } else {
      out_ << plural(report_.elements.size(), "element");
    }
    // Relative to the largest gradient of the argument, as a reader would judge a list of numbers.
    double largest_error = 0;
    for (const Element& e : report_.elements) {
      double scale = 0;
      for (const Element& other : report_.elements) {
        if (other.argument == e.argument) scale = std::max(scale, std::abs(other.numeric));
      }
      if (scale > 0) largest_error = std::max(largest_error, std::abs(e.analytic - e.numeric) / scale);
    }
    if (!report_.elements.empty()) out_ << ", largest error " << number(largest_error, 1);
  }

  void print_elements() {
    const std::size_t failed = wrong(report_.elements);
    if (failed == 0) return;
    std::vector<std::vector<std::string>> rows{{"", "x", "tape", "difference", "+-", "step"}};
    for (std::size_t i = 0; i < std::min(failed, max_rows); ++i) {
      const Element& e = report_.elements[i];
      rows.push_back({place(e), number(e.x, 4), number(e.analytic), number(e.numeric), number(e.estimate, 1),
                      number(e.step, 1)});
    }
    print_table(out_, rows);
    more(failed);
  }

  void print_kinks() {
    const std::size_t failed = wrong(report_.kinks);
    if (failed > 0) {
      std::vector<std::vector<std::string>> rows{{"at a kink", "x", "tape", "has to be in", "+-"}};
      for (std::size_t i = 0; i < std::min(failed, max_rows); ++i) {
        const Element& e = report_.kinks[i];
        rows.push_back({place(e), number(e.x, 4), number(e.analytic),
                        '[' + number(e.left) + ", " + number(e.right) + ']', number(e.estimate, 1)});
      }
      print_table(out_, rows);
      more(failed);
    }
    if (const std::size_t right = report_.kinks.size() - failed) {
      out_ << "\n  " << plural(right, "element") << " at a kink, between the one-sided derivatives";
      list(report_.kinks, failed, [](const Element&) { return std::string(); });
    }
  }

  void print_undecided() {
    if (report_.undecided.empty()) return;
    out_ << "\n  " << plural(report_.undecided.size(), "element") << " could not be compared";
    list(report_.undecided, 0, [](const Element& e) { return ", " + e.reason; });
  }

  template <class Remark>
  void list(const std::vector<Element>& elements, std::size_t from, Remark remark) {
    constexpr std::size_t most = 3;
    for (std::size_t i = from; i < std::min(elements.size(), from + most); ++i) {
      out_ << (i == from ? ": " : "; ") << place(elements[i]) << remark(elements[i]);
    }
    if (elements.size() > from + most) out_ << "; …";
  }

  void more(std::size_t count) {
    if (count > max_rows) out_ << "\n  … and " << count - max_rows << " more";
  }

  std::ostream& out_;
  const GradcheckReport& report_;
};

// JSON has no infinities and no NaN.
nlohmann::ordered_json json_of(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

nlohmann::ordered_json json_of(const Element& e) {
  nlohmann::ordered_json json{{"argument", e.argument},
                              {"index", std::vector<std::int64_t>(e.index.begin(), e.index.end())}};
  const std::pair<const char*, double> numbers[] = {
      {"x", e.x},       {"analytic", e.analytic}, {"numeric", e.numeric}, {"estimate", e.estimate},
      {"step", e.step}, {"left", e.left},         {"right", e.right},     {"error", e.error}};
  for (const auto& [name, value] : numbers) json[name] = json_of(value);
  if (!e.reason.empty()) json["reason"] = e.reason;
  return json;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, Verdict verdict) { return out << name_of(verdict); }

std::ostream& operator<<(std::ostream& out, const GradcheckReport& report) {
  std::ostringstream printed;
  printed.imbue(std::locale::classic());
  Printer(printed, report).print();
  return out << printed.str();
}

std::string GradcheckReport::json() const {
  const auto list = [](const std::vector<Element>& elements) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const Element& e : elements) json.push_back(json_of(e));
    return json;
  };
  nlohmann::ordered_json json{{"verdict", verdict == Verdict::failed ? "failed" : name_of(verdict)},
                              {"names", names},
                              {"diagnosis", diagnosis},
                              {"mistakes", mistakes},
                              {"doubts", doubts},
                              {"tolerance", tolerance},
                              {"seed", seed},
                              {"directions", directions},
                              {"evaluations", evaluations},
                              {"float32_error", json_of(float32_error)},
                              {"elements", list(elements)},
                              {"kinks", list(kinks)},
                              {"undecided", list(undecided)}};
  if (support_change) json["support_change"] = json_of(*support_change);
  return json.dump(2);
}

}  // namespace taper
