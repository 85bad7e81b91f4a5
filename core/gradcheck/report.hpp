// GradcheckReport: what a gradient check found, as data, as a table and as JSON.
#pragma once

#include "../shape.hpp"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace taper {

// Undecided is what could not be compared: it is no pass, and the report says why.
enum class Verdict { passed, failed, undecided };
std::ostream& operator<<(std::ostream& out, Verdict verdict);

struct GradcheckReport {
  // One element of one input, or one direction through all of them.
  struct Element {
    std::size_t argument = 0;    // which input
    Shape index;                 // which of its elements
    double x = 0;                // its value
    double analytic = 0;         // the derivative that the tape gives
    double numeric = 0;          // the one that differences give
    double estimate = 0;         // by how much `numeric` may be wrong: truncation and noise of f
    double step = 0;             // the step that gave it
    double left = 0, right = 0;  // at a kink: the bounds between which `analytic` has to lie
    // |analytic - numeric| in units of what is allowed (estimate + tolerance * the larger of the two); at a
    // kink, how far outside the bounds. More than 1 fails.
    double error = 0;
    std::string reason = {};  // why it is undecided
  };

  Verdict verdict = Verdict::undecided;
  // What was compared with differences, the largest error first; those with an error above 1 failed.
  std::vector<Element> elements;
  // At a kink of f: the tape's value was held against the one-sided derivatives. Also the
  // largest error first.
  std::vector<Element> kinks;
  // What could not be compared, each with its reason.
  std::vector<Element> undecided;
  // What other checks found: "not deterministic: …", "the vector-Jacobian product is not linear in dy: …".
  // Each of `mistakes` makes the verdict failed, each of `doubts` undecided.
  std::vector<std::string> mistakes, doubts;
  // What the numbers say about the cause: "argument 1: all off by the factor 1.01".
  std::vector<std::string> diagnosis;

  std::vector<std::string> names;  // of the arguments
  double tolerance = 0;            // GradcheckOptions::tolerance
  std::uint64_t seed = 0;          // GradcheckOptions::seed: repeats this check
  std::int64_t directions = 0;     // how many random directions were compared, in place of single elements
  std::int64_t evaluations = 0;    // of f, and of its backward
  // For a float32 function: how far its gradients are from its own float64 ones, in units of the rounding
  // that the function's terms explain; 0 for float64.
  double float32_error = 0;
  // If some results of f are exactly 0 and others are not (relu, sparse_softmax): the element whose smallest
  // move changes which, and in `step` how far (with its sign). Only searched for in small inputs.
  std::optional<Element> support_change;

  bool ok() const { return verdict == Verdict::passed; }
  // The whole report as one JSON object, whose keys are the members' names; infinities and NaN as strings.
  std::string json() const;
};

// A line with the verdict, then what is wrong as a table, worst first, then the diagnosis.
std::ostream& operator<<(std::ostream& out, const GradcheckReport& report);

}  // namespace taper
