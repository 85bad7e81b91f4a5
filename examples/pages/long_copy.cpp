// Curves, the two hops of some letters of a word, and what was looked at in each hop.
#include "long_copy.hpp"

#include <algorithm>

namespace example {

namespace training = taper::training;

namespace {

constexpr std::size_t drawn = 7;  // letters: a colour each, and one for the window

// The way of some letters: where they stand, where they are taken over, and where they are asked for.
training::Chart hops(const CopyReport& report) {
  training::Chart chart{.title = "Hops", .x_label = "position", .series = {}};
  const std::size_t count = std::min(drawn, report.letters.size());
  for (std::size_t i = 0; i < count; ++i) {
    const CopyReport::Letter& letter = report.letters[i * report.letters.size() / count];
    if (letter.from >= letter.via || letter.via >= letter.question)
      continue;  // a model that has learnt little
    chart.series.push_back({letter.number + ": " + letter.letter,
                            {static_cast<double>(letter.from), static_cast<double>(letter.via),
                             static_cast<double>(letter.question)},
                            {0, 1, 2}});
  }
  const auto asks = static_cast<double>(report.letters[0].question),
             hop = static_cast<double>(report.block - 1);
  chart.series.push_back({.name = "as far as a window reaches",
                          .x = {asks - 2 * hop, asks - hop, asks},
                          .y = {0, 1, 2},
                          .colour = static_cast<int>(drawn),
                          .dashed = true});
  return chart;
}

// A row for each letter; columns are what was looked at.
training::HeatMap map_of(const std::string& title, const taper::Tensor& shares) {
  return {.title = title,
          .rows = shares.extent(0),
          .columns = shares.extent(1),
          .values = shares.to_vector(),
          .side = 540};
}

// How much the right places of both hops are given, as means over the letters. (Frames around cells as small
// as these would hide them.)
std::string right_shares(const CopyReport& report) {
  const std::vector<double> near = report.near.to_vector(), far = report.far.to_vector();
  double first = 0, second = 0;
  for (std::size_t i = 0; i < report.letters.size(); ++i) {
    const std::int64_t row = static_cast<std::int64_t>(i) * report.block, source = report.letters[i].source;
    first += near[static_cast<std::size_t>(row + source % report.block)];
    second += far[static_cast<std::size_t>(row + source / report.block)];
  }
  const auto count = static_cast<double>(report.letters.size());
  return "The letter's place gets " + training::percent(first / count) + " on average, and its block " +
         training::percent(second / count) + ".";
}

}  // namespace

training::Page page(const CopyReport& report) {
  const std::string block = std::to_string(report.block),
                    n = training::number(static_cast<double>(report.length), 9);
  training::Page page(
      "Long copy",
      "A word lies scattered over " + n +
          " positions, each letter behind its number, among other letters that don't count. At the end stand "
          "the numbers, and the model has to write the word.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.paragraph(
      "The fixed pattern (Child et al., arXiv 1904.10509) shows a query its own block of " + block +
      " positions up to itself, and the last position of each block before. The window, the last " + block +
      " positions, costs as much. A step is forward and backward through both layers, on one sequence; that "
      "of all keys before is the same model without a pattern, which was not trained.");
  std::string word, copy;
  for (const CopyReport::Letter& letter : report.letters) word += letter.letter, copy += letter.answer;
  page.preformatted("a word    " + word + "\nits copy  " + copy);

  page.heading("Learning");
  add_curves(
      page, report.runs,
      "Training begins with sequences of 16 positions in blocks of four; each stage has blocks twice "
      "as long, and as many of them as a block has positions. Held-out sequences have all " +
          n + " positions from the beginning. As long as sequences are short, a window reaches some letters.",
      report.stages);

  page.heading("How a letter travels");
  page.paragraph(
      "No question sees its letter: the pattern hides it. But each block ends with a bar, which sees the "
      "whole block, and which all later positions see. In the first layer the bar takes over the letter and "
      "its number; in the second, the question finds its number among the bars, and takes over the letter.");
  page.charts({hops(report)},
              "Some letters of the word, as the model looks at them: from where the letter stands (0) to the "
              "bar that takes it over (1), and from there to the question (2). What is drawn is what a query "
              "gives most, on average over the heads.");
  page.gallery(
      {map_of("first hop: the positions of the letter's block, by its bar", report.near),
       map_of("second hop: the blocks, by the question", report.far)},
      "A row for each letter of the word, from the first to the last. First hop: what the bar of the "
      "letter's block gives each position of that block. Second hop: what the question gives each "
      "block of the sequence, from the first to the last. Means over the heads. " +
          right_shares(report));
  page.scale("Blank cells are exactly zero: a query looks at few of the keys that it sees.");
  add_histograms(page, report.runs);
  return page;
}

}  // namespace example
