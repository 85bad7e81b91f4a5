// Curves, what is taken for what, and what the columns are worth.
#include "penguins.hpp"

namespace example {

namespace training = taper::training;

namespace {

training::Rows confusion_table(const PenguinsReport& report) {
  const std::vector<double> counts = report.confusion.to_vector();
  const std::size_t n = report.names.size();
  training::Rows rows = {{report.answer}};
  for (std::size_t i = 0; i < n; ++i) {
    rows[0].push_back(report.names[i]);
    rows.push_back({report.names[i]});
    for (std::size_t j = 0; j < n; ++j) rows.back().push_back(training::number(counts[i * n + j], 6));
  }
  return rows;
}

}  // namespace

training::Page page(const PenguinsReport& report) {
  training::Page page("Penguins", "A perceptron learns a penguin's " + report.answer +
                                      " from the other columns of a table, of which some are text.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.paragraph("The test penguins are a quarter of all, drawn at random once.");
  page.heading("Learning");
  add_curves(page, {report.training},
             "Faint points are single steps, the line is the mean of their neighbours.");
  page.heading("What the columns are worth");
  page.paragraph(
      "If the values of a column are dealt out among the test penguins anew, it says nothing any more: so "
      "much accuracy is lost. "
      "Columns that tell the same can stand in for one another; each is worth little then.");
  page.table(report.columns);
  page.heading("What is taken for what");
  page.paragraph("Each row is an answer, each column what it was taken for.");
  page.table(confusion_table(report));
  if (report.mistakes.size() > 1) {
    page.heading("The mistakes");
    page.table(report.mistakes);
  }
  add_histograms(page, {report.training});
  return page;
}

}  // namespace example
