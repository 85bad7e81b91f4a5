// Curves, what is taken for what, and what the columns are worth.
#include "penguins.hpp"

namespace example {

namespace training = taper::training;

training::Page page(const PenguinsReport& report) {
  training::Page page("Penguins", "A perceptron learns a penguin's " + report.answer +
                                      " from the other columns of a table, of which some are text.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.paragraph("The test penguins are a quarter of all, drawn at random once.");
  page.heading("Learning");
  add_curves(page, {report.training});
  page.heading("What the columns are worth");
  page.paragraph(
      "If the values of a column are dealt out among the test penguins anew, it says nothing any more: so "
      "much accuracy is lost. "
      "Columns that tell the same can stand in for one another; each is worth little then.");
  page.table(report.columns);
  page.heading("What is taken for what");
  add_confusion(page, report.answer, report.names, report.confusion);
  if (report.mistakes.size() > 1) {
    page.heading("The mistakes");
    page.table(report.mistakes);
  }
  add_histograms(page, {report.training});
  return page;
}

}  // namespace example
