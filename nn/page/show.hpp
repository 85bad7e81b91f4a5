// show: a tape as a page that one can step through.
#pragma once

#include "../../core/gradcheck/curve.hpp"
#include "../../core/tape.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace taper {

struct ShowOptions {
  std::string title = "A tape";
  // Of a tensor with more elements the page has some rows and columns, evenly spaced.
  std::int64_t largest = 1024;
  // Elements of the leaves that were compared with differences (core/gradcheck/curve.hpp): the page draws the
  // error of each against the step.
  std::vector<StepCurve> curves = {};
};

// Writes one HTML file that shows what the tape, made with {.keep_values = true}, has seen so far: the list of
// its nodes, forward and backward one step at a time, with every number. It needs nothing but a browser, no
// network and no server. docs/seeing_the_tape.md shows what it looks like.
//
// Throws if the tape keeps no values, largest < 1, or the file can't be written; then an old file is as it
// was.
void show(const Tape& tape, const std::string& path, const ShowOptions& options = {});

// The curves as the page reads them, beside Tape::json(); docs/seeing_the_tape.md describes both.
std::string curves_json(const std::vector<StepCurve>& curves);

}  // namespace taper
