// The k largest elements of a row while the row streams past: what all sparse softmaxes have in common. This
// file has the state and everything that looks at few elements; candidates-inl.hpp has the loop over the row.
#pragma once

#include "../../../core/memory/pool.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace taper::kernels {

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

// std::nextafter(x, -inf), without a function call.
template <class T>
T just_below(T x) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  if (x == 0) return -std::numeric_limits<T>::denorm_min();
  if (x == -infinity<T>) return x;
  const auto bits = std::bit_cast<Bits>(x);
  return std::bit_cast<T>(x > 0 ? bits - 1 : bits + 1);
}

// Candidates come in the order of their indices. So the first of equal ones is the one to keep, and whatever
// comes later must be larger than the k-th largest so far.
template <class T>
class Candidates {
 public:
  // As wide as T, so that values and indices fill vectors alike.
  using Index = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

  // More candidates than this are reduced to k before the next are added; one step of the loop over the row
  // adds at most `step`.
  static std::int64_t limit(std::int64_t k) { return 2 * k + 16; }
  static constexpr std::int64_t step = 64;
  static constexpr std::int64_t widest = 16;  // elements of a vector, at most
  // The room for `values` and `indices`, and for `scratch`, which several rows may share. It includes
  // the elements that fill up the last vector.
  static std::int64_t capacity(std::int64_t k) { return limit(k) + step + widest; }

  // Selects the at most k largest elements that exceed (maximum - width).
  Candidates(std::int64_t k, T width, T* values, Index* indices, T* scratch)
      : values(values), indices(indices), scratch(scratch), k(k), width_(width) {}

  // Where the threshold comes from.
  enum class Bound : std::uint8_t {
    none,     // nothing was seen that is larger than -inf
    maximum,  // the largest element less `width`
    kth,      // the k-th largest element
    tau,      // a level that the projection's tau can't fall below
  };
  void raise_threshold(T to, Bound why) {
    if (to > threshold) threshold = to, bound = why;
  }

  void add(T value, Index index) {
    values[count] = value;
    indices[count] = index;
    ++count;
  }

  // The same if the value exceeds the threshold, without a branch that a processor could predict wrongly.
  void add_if_above(T value, Index index) {
    values[count] = value;
    indices[count] = index;
    count += value > threshold;
  }

  // A new element of the row: is it the largest so far?
  void raise_largest(T value) {
    if (!(value > largest)) return;
    largest = value;
    // One step of rounding lower, which matters if `width` is no multiple of the spacing of T there.
    floor_ = just_below(largest - width_);
    if (count == 0) dropped_ = floor_;
    raise_threshold(floor_, Bound::maximum);
  }

  // A NaN or +inf was seen: nothing else counts.
  void make_nan_row() {
    count = 0;
    largest = std::numeric_limits<T>::quiet_NaN();
    threshold = infinity<T>;
  }
  bool is_nan_row() const { return largest != largest; }

  // Are these for project()? Then elements that cannot be in the support may be left out.
  bool is_projection() const { return width_ == 1; }

  // Leaves only the candidates for which predicate(value) holds, in their order.
  template <class Predicate>
  void keep(Predicate predicate) {
    std::int64_t kept = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const T value = values[i];
      values[kept] = value;
      indices[kept] = indices[i];
      kept += predicate(value);
    }
    count = kept;
  }

  // Drops the candidates that a larger maximum has left behind.
  void drop_overtaken() {
    if (floor_ == dropped_) return;
    keep([this](T value) { return value > floor_; });
    dropped_ = floor_;
  }

  // Drops all but the k largest, of which `kth` is the smallest.
  void keep_largest(T kth) {
    std::int64_t ties = k - std::count_if(values, values + count, [kth](T value) { return value > kth; });
    keep([&](T value) {
      const bool is_tie = value == kth;
      ties -= is_tie;
      return (value > kth) | (is_tie & (ties >= 0));
    });
    threshold = kth, bound = Bound::kth;
  }

  T* values;
  Index* indices;
  T* scratch;
  std::int64_t count = 0;
  std::int64_t k;
  T largest = -infinity<T>;    // of all elements so far
  T threshold = -infinity<T>;  // only elements above it are selected
  Bound bound = Bound::none;

 private:
  T width_;
  T floor_ = -infinity<T>;    // just below largest - width
  T dropped_ = -infinity<T>;  // the floor below which no candidate is left
};

// Memory for the candidates of some rows, one after the other, in one block that is not initialised.
template <class T>
class CandidateMemory {
 public:
  CandidateMemory(std::int64_t rows, std::int64_t k)
      : rows_(rows), k_(k), block_(static_cast<std::byte*>(internal::pool_allocate(bytes()))) {}
  ~CandidateMemory() { internal::pool_release(block_, bytes()); }
  CandidateMemory(const CandidateMemory&) = delete;
  CandidateMemory& operator=(const CandidateMemory&) = delete;

  // Begins a row.
  Candidates<T> start(std::int64_t row, T width) {
    const std::int64_t capacity = Candidates<T>::capacity(k_);
    auto* const values = reinterpret_cast<T*>(block_);
    auto* const indices = reinterpret_cast<typename Candidates<T>::Index*>(values + rows_ * capacity);
    T* const scratch = reinterpret_cast<T*>(indices + rows_ * capacity);
    return {k_, width, values + row * capacity, indices + row * capacity, scratch};
  }

 private:
  std::size_t bytes() const {
    return static_cast<std::size_t>((2 * rows_ + 1) * Candidates<T>::capacity(k_)) * sizeof(T);
  }
  std::int64_t rows_, k_;
  std::byte* block_;
};

// Ends a row whose candidates have width 1 and are pruned: replaces the values by the projection's
// probabilities, and leaves only those above 0. It computes in double, and relative to the largest value, so
// that huge values keep their digits.
//
// tau of all candidates is too small if some of them lie below it: those are left out, and tau is computed
// again (Michelot, J. Optim. Theory Appl. 50, 1986). What is left is the support as sorting defines it,
// whatever else was among the candidates.
template <class T>
void project(Candidates<T>& row) {
  if (row.count == 0) return;
  const double largest = static_cast<double>(row.largest);
  for (;;) {
    std::fill_n(row.values + row.count, 3, -infinity<T>);  // up to a multiple of 4
    double sums[4] = {};
    for (std::int64_t j = 0; j < row.count; j += 4) {
      for (int i = 0; i < 4; ++i) {
        const double value = static_cast<double>(row.values[j + i]) - largest;
        sums[i] += value > -infinity<double> ? value : 0;
      }
    }
    const double tau = (sums[0] + sums[1] + sums[2] + sums[3] - 1) / static_cast<double>(row.count);
    const std::int64_t before = row.count;
    row.keep([&](T value) { return static_cast<double>(value) - largest > tau; });
    if (row.count < before) continue;
    for (std::int64_t j = 0; j < row.count; ++j) {
      row.values[j] = static_cast<T>(static_cast<double>(row.values[j]) - largest - tau);
    }
    return;
  }
}

}  // namespace taper::kernels
