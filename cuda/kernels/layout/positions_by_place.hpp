// PositionsByPlace: what gather's adjoint needs to know about its indices, on the host.
#pragma once

#include "../../../core/indices.hpp"
#include "../../../core/memory/pool.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace taper::cuda {

// The places that the indices pick, in ascending order, and who picks them: places[s] is picked by the
// positions order[begins[s]] to order[begins[s + 1] - 1], also in ascending order. (A negative index counts
// from the end.)
struct PositionsByPlace {
  internal::PoolVector<std::int64_t> order, places, begins;
};

// A radix sort of 11 bits at a time, from the lowest: it takes time in proportion to the number of indices.
inline PositionsByPlace positions_by_place(const Indices& indices, std::int64_t length) {
  struct Pick {
    std::int64_t place, position;
  };
  constexpr int bits = 11;
  constexpr std::int64_t values = std::int64_t{1} << bits;
  const auto count = static_cast<std::size_t>(indices.size());
  internal::PoolVector<Pick> picks(count), sorted(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto position = static_cast<std::int64_t>(i);
    const std::int64_t index = indices[position];
    picks[i] = {index < 0 ? index + length : index, position};
  }
  internal::PoolVector<std::size_t> next(static_cast<std::size_t>(values));
  for (int shift = 0; (length - 1) >> shift > 0; shift += bits) {
    const auto digit = [shift](const Pick& pick) {
      return static_cast<std::size_t>((pick.place >> shift) & (values - 1));
    };
    std::fill(next.begin(), next.end(), std::size_t{0});
    for (const Pick& pick : picks) ++next[digit(pick)];
    std::size_t begin = 0;
    for (std::size_t& entry : next) begin += std::exchange(entry, begin);
    for (const Pick& pick : picks) sorted[next[digit(pick)]++] = pick;
    std::swap(picks, sorted);
  }

  PositionsByPlace result;
  for (const Pick& pick : picks) {
    if (result.places.empty() || result.places.back() != pick.place) {
      result.places.push_back(pick.place);
      result.begins.push_back(static_cast<std::int64_t>(result.order.size()));
    }
    result.order.push_back(pick.position);
  }
  result.begins.push_back(static_cast<std::int64_t>(count));
  return result;
}

}  // namespace taper::cuda
