// CompressedRows: found in a matrix.
#include "compressed_rows.hpp"

#include "fail.hpp"

#include <limits>

namespace taper {

CompressedRows::CompressedRows(const Tensor& matrix) {
  constexpr const char* op = "CompressedRows";
  check_given(op, "matrix", matrix);
  if (matrix.rank() != 2) fail(op, "matrix must have rank 2, got shape ", matrix.shape());
  const std::int64_t rows = matrix.extent(0), columns = matrix.extent(1);
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  const auto fail_as_too_large = [&] {
    fail(op, "matrix of shape ", matrix.shape(), " has more than 2^31 - 1 rows, columns or stored elements");
  };
  if (rows > most || columns > most) fail_as_too_large();
  std::vector<std::int32_t> starts{0}, column_of;
  std::vector<std::int64_t> places;
  const std::vector<double> values = matrix.to_vector();
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      const std::int64_t place = i * columns + j;
      if (values[static_cast<std::size_t>(place)] == 0) continue;
      places.push_back(place);
      column_of.push_back(static_cast<std::int32_t>(j));
    }
    if (std::ssize(column_of) > most) fail_as_too_large();
    starts.push_back(static_cast<std::int32_t>(column_of.size()));
  }
  shared_ = std::make_shared<const Shared>(
      Shared{rows, columns, std::move(starts), std::move(column_of), std::move(places)});
}

void CompressedRows::throw_empty(const char* method) {
  fail(method, "called on an empty handle of CompressedRows");
}

}  // namespace taper
