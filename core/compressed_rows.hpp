// CompressedRows: which elements of a sparse matrix are stored, row by row.
#pragma once

#include "indices.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace taper {

// The places of a sparse matrix's stored elements, known as compressed sparse rows (CSR). The elements
// themselves are a tensor of rank 1 beside it, row after row, so that they can learn while the places stay. It
// is immutable and shared: copying it is cheap, and an op may keep it for backward.
class CompressedRows {
 public:
  // An empty handle. What is asked of it throws.
  CompressedRows() = default;
  // The places of all elements of a matrix (rows, columns) that are not 0. Throws if it is no matrix, or if
  // rows, columns or stored elements are more than 2^31 - 1.
  explicit CompressedRows(const Tensor& matrix);

  explicit operator bool() const { return shared_ != nullptr; }
  std::int64_t rows() const { return shared("rows").rows; }
  std::int64_t columns() const { return shared("columns").columns; }
  // How many elements are stored.
  std::int64_t size() const { return static_cast<std::int64_t>(shared("size").column_of.size()); }
  // Row i has the elements starts()[i] to starts()[i + 1] - 1.
  const std::int32_t* starts() const { return shared("starts").starts.data(); }
  // The column of each element, in ascending order within a row.
  const std::int32_t* column_of() const { return shared("column_of").column_of.data(); }
  // The position of each element in the whole matrix, i columns() + j.
  const Indices& places() const { return shared("places").places; }

 private:
  struct Shared {
    std::int64_t rows, columns;
    std::vector<std::int32_t> starts, column_of;
    Indices places;
  };
  const Shared& shared(const char* method) const {
    if (!shared_) throw_empty(method);
    return *shared_;
  }
  [[noreturn]] static void throw_empty(const char* method);

  std::shared_ptr<const Shared> shared_;
};

}  // namespace taper
