// A chapter of the walkthrough: a program with parameters that a reader drags. The same source runs natively
// and, as WebAssembly, in the chapter's page.
#pragma once

#include <taper/taper.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace walkthrough {

// A number that the reader chooses.
struct Parameter {
  std::string name;
  double from, to, start;
  bool is_whole = false;
  bool is_logarithmic = false;  // the slider has a decade the same length everywhere; from > 0
};

// One run of a chapter's program: what the reader chose, and what the page shows of it.
class Run {
 public:
  using Viewer = std::function<void(const taper::Tape&, const std::vector<taper::StepCurve>&)>;
  Run(std::map<std::string, double> values, Viewer viewer)
      : values_(std::move(values)), viewer_(std::move(viewer)) {}

  // The value of a parameter. Throws if the chapter has none of that name.
  double operator[](const std::string& parameter) const { return values_.at(parameter); }
  std::int64_t whole(const std::string& parameter) const {
    return static_cast<std::int64_t>(values_.at(parameter));
  }

  // A line of text under the parameters.
  template <class... Parts>
  void print(const Parts&... parts) {
    (printed_ << ... << parts) << '\n';
  }

  // The tape of the page, which must keep its values, and the curves that the page draws at the end of each
  // of its walks.
  void show(const taper::Tape& tape, const std::vector<taper::StepCurve>& curves = {});

  // {"tape": …, "curves": […], "printed": "…"}: docs/seeing_the_tape.md describes tape and curves.
  std::string json() const;

 private:
  const std::map<std::string, double> values_;
  const Viewer viewer_;
  std::ostringstream printed_;
  std::string tape_ = "null", curves_ = "[]";
};

// Stands at namespace scope in the chapter's file and so enters the list of chapters.
class Chapter {
 public:
  Chapter(std::string name, std::string title, std::vector<Parameter> parameters,
          std::function<void(Run&)> program);
  Chapter(const Chapter&) = delete;
  Chapter& operator=(const Chapter&) = delete;

  // Those of this program, ordered by name.
  static const std::vector<const Chapter*>& all();

  const std::string& name() const { return name_; }
  const std::string& title() const { return title_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

  // {"name": "01_derivative", "title": "…",
  //  "parameters": [{"name": "x", "from": -2, "to": 2, "start": 1, "whole": false,
  //                  "logarithmic": false}]}
  std::string json() const;

  // Runs the program with the values of a JSON object such as {"x": 1.5}; a parameter that it leaves out has
  // its start. Random numbers come from the generator's first seed. Returns Run::json(), or {"error": "…"} if
  // the text is no such object, names what is no parameter, a value lies outside of its range, or the program
  // throws. `viewer` also gets what the program shows.
  std::string recompute(const std::string& values, const Run::Viewer& viewer = {}) const;

 private:
  std::map<std::string, double> checked(const std::string& values) const;

  const std::string name_, title_;
  const std::vector<Parameter> parameters_;
  const std::function<void(Run&)> program_;
};

}  // namespace walkthrough
