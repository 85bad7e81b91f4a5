// Logs: measured values in files that grow while a model learns, for a spreadsheet or for TensorBoard.
#pragma once

#include "../../core/io/files.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taper::training {

// What was measured at one step, by name.
using Scalars = std::vector<std::pair<std::string, double>>;

// A CSV file with a row for each step. (load_csv_table reads it.)
//
//   training::CsvLog log("run.csv");
//   for (…) log.add(step, {{"loss", loss.item()}, {"accuracy", accuracy}});
//
// With fit: {.after_epoch = [&](auto epoch, auto& history) { log.add(epoch, history.at(epoch)); }}.
class CsvLog {
 public:
  // Begins the file anew. Throws, naming it, if it can't be written.
  explicit CsvLog(const std::string& path) : file_("CsvLog", path) {}

  // Writes a row; the first call writes the header before it. A number is written so that it reads back as the
  // same bits, a NaN as "nan". What was written is there even if the program is killed afterwards. Throws unless
  // there are the same names in the same order as in the first call, and if writing fails.
  void add(std::int64_t step, const Scalars& values);

 private:
  internal::GrowingFile file_;
  std::vector<std::string> names_;  // empty before the first call
};

// An event file of TensorBoard, which shows its values as curves: `tensorboard --logdir runs` compares all
// folders in "runs", each a run.
//
//   training::EventLog log("runs/first");
//   for (…) log.add(step, {{"loss/training", loss.item()}, {"loss/validation", validation}});
//
// TensorBoard shows names with the same text before the "/" side by side.
class EventLog {
 public:
  // Begins a file of its own in the folder, which is made if it is not there: a run that is resumed adds to its
  // curves. Throws, naming it, if it can't be written.
  explicit EventLog(const std::string& folder);

  // Adds a value to each curve, as float32 and with the time of the call. Throws if writing fails.
  void add(std::int64_t step, const Scalars& values);

 private:
  void write(std::string_view event);

  internal::GrowingFile file_;
};

}  // namespace taper::training
