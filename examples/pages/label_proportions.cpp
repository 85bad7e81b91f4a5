// Errors by length, documents with their proportions, and curves.
#include "label_proportions.hpp"

namespace example {

namespace training = taper::training;

namespace {

training::HeatMap map_of(const ProportionsReport::Document& document, int number) {
  training::HeatMap map{.title = "Document " + std::to_string(number),
                        .rows = static_cast<std::int64_t>(document.rows.size()),
                        .columns = document.rows[0].second.size(),
                        .values = {}};
  for (const auto& [name, proportions] : document.rows) {
    map.row_labels.push_back(name);
    for (double share : proportions.to_vector()) map.values.push_back(share);
  }
  for (std::int64_t label = 0; label < map.columns; ++label)
    map.column_labels.push_back(std::to_string(label));
  return map;
}

// "Loss" and "labels found exactly", of each run.
void add_learning(training::Page& page, const ProportionsReport& report) {
  training::Chart loss{.title = "Loss", .x_label = "step", .series = {}};
  training::Chart exact{.title = "Labels found exactly", .x_label = "step", .series = {}, .percent = true};
  for (const ProportionsReport::Run& run : report.runs) {
    loss.series.push_back(training::series(run.training->history(), "held-out loss"));
    exact.series.push_back(training::series(run.training->history(), "held-out accuracy"));
  }
  page.charts({loss, exact},
              "On the documents that choose the penalty: the mean over all lengths, losses and penalties; "
              "and the share of the "
              "longest documents whose labels sparsemax finds exactly, averaged over the penalties.");
}

}  // namespace

training::Rows table_of(const ProportionsReport& report, const ProportionsReport::Run& run) {
  training::Rows rows{{run.name}};
  for (double length : report.lengths) rows[0].push_back(training::number(length) + " words");
  const auto add = [&](const char* what, const auto& values_of, const auto& text_of) {
    for (const ProportionsReport::Curve& curve : run.curves) {
      rows.push_back({std::string(what) + ", " + curve.loss});
      for (double value : values_of(curve)) rows.back().push_back(text_of(value));
    }
  };
  using Curve = ProportionsReport::Curve;
  const auto decimals = [](double value) { return training::fixed(value, 4); };
  add(
      "divergence", [](const Curve& curve) { return curve.jensen_shannon; }, decimals);
  add(
      "squared error", [](const Curve& curve) { return curve.squared; }, decimals);
  add(
      "labels found exactly", [](const Curve& curve) { return curve.exact; }, training::percent);
  return rows;
}

training::Page page(const ProportionsReport& report) {
  training::Page page(
      "Label proportions",
      "Which topics is a document about, and how much of it is each? Documents are drawn by a program, from "
      "a few "
      "topics each; a linear model sees how often each word occurs. Most of the right answer is zeros, which "
      "sparsemax can say and softmax can't.");
  page.settings(report.settings);
  for (const ProportionsReport::Run& run : report.runs) {
    page.heading("Errors: " + run.name);
    training::Chart divergence{.title = "Jensen-Shannon divergence, nats", .x_label = "words", .series = {}};
    training::Chart squared{.title = "Squared error", .x_label = "words", .series = {}};
    for (const ProportionsReport::Curve& curve : run.curves) {
      divergence.series.push_back({curve.loss, report.lengths, curve.jensen_shannon});
      squared.series.push_back({curve.loss, report.lengths, curve.squared});
    }
    page.charts({divergence, squared}, "On test documents, by their mean length.");
  }
  page.paragraph(
      "Martins and Astudillo report of the same simulation (arXiv 1602.02068, section 4.1, figure 3) that "
      "both losses do alike on "
      "short documents, and that sparsemax is the better one from about 400 words on, since it then finds "
      "which labels a document "
      "has.");
  page.heading("What the models answer");
  for (const ProportionsReport::Run& run : report.runs) {
    if (run.documents.empty()) continue;
    std::vector<training::HeatMap> maps;
    for (const ProportionsReport::Document& document : run.documents) {
      maps.push_back(map_of(document, static_cast<int>(maps.size()) + 1));
    }
    page.gallery(
        maps, run.name + ": test documents of about " + training::number(report.lengths.back()) + " words.");
  }
  page.scale("Columns are labels. Blank cells are exactly zero.");
  page.heading("All figures");
  for (const ProportionsReport::Run& run : report.runs) page.table(table_of(report, run));
  page.heading("Learning");
  add_learning(page, report);
  add_histograms(page, trainings_of(report.runs));
  return page;
}

}  // namespace example
