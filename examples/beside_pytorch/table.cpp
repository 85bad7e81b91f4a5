#include <taper/taper.hpp>

#include <iostream>
#include <limits>

using namespace taper;

int main() {
  const CsvTable table = load_csv_table("penguins.csv", {.missing = {"NA"}});
  const CsvLabels species = table.labels("species"), islands = table.labels("island");
  const Tensor read = table.numbers({"bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"},
                                    {.missing = std::numeric_limits<double>::quiet_NaN()});
  const Tensor known = equal(read, read), means = sum(where(known, read, 0.0 * known), 0) / sum(known, 0);
  const Tensor x = concat({where(known, read, means), one_hot(islands.indices, 3)}, 1);
  const auto [training, test] = nn::Dataset(x, species.indices).split(0.25, /*seed=*/0);

  const nn::Sequential model{nn::Standardize(training.x), nn::Linear(7, 16), relu, nn::Linear(16, 3)};
  optim::Adam adam(model.parameters(), {.learning_rate = 0.01});
  training::fit(model, adam, nn::cross_entropy, training, {.epochs = 20, .batch_size = 16});
  std::cout << "right: " << nn::accuracy(model(test.x), test.y) << '\n';
}
