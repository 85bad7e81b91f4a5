// Choosing from a row of scores as it streams past: the candidates for its k largest, which a warp keeps in a
// list in device memory, and in the end their projection. ops/kernels/softmax/candidates.hpp is the CPU's way;
// for the same scores the supports are the same, and so are the bits of the probabilities.
//
// All lanes of a warp call each function together, with the same arguments.
#pragma once

#include "../../../ops/kernels/attention/sparse_pattern.hpp"
#include "../rows.cuh"

#include <cmath>

namespace taper::cuda {

// The lanes before this one, as a mask.
__device__ inline unsigned lanes_below() { return (1u << lane_index()) - 1; }

// A score and its key, in one word of 8 or 16 bytes.
template <class T>
struct alignas(2 * sizeof(T)) Candidate {
  T value;
  std::int32_t column;
};

// Candidates come in ascending order of their columns, so that of equal ones the first is the one to keep. A
// score is added unless value <= threshold: a NaN always is, so that the end of the row sees it.
template <class T>
struct Candidates {
  Candidate<T>* list;
  int count = 0;
  T threshold = -infinity<T>;
};

// More candidates than this are reduced before the next are added. (Up to one for each lane cost no
// more than one.)
inline int candidate_limit(std::int64_t k, std::int64_t m) {
  return static_cast<int>(std::min(std::max<std::int64_t>(2 * k, warp_size), m));
}

// The largest candidate; NaN if one is NaN or +inf.
template <class T>
__device__ T largest_of(const Candidates<T>& row) {
  T largest = -infinity<T>;
  bool is_finite = true;
#pragma unroll 1
  for (int i = lane_index(); i < row.count; i += warp_size) {
    is_finite &= row.list[i].value < infinity<T>;
    largest = max(largest, row.list[i].value);
  }
  return __all_sync(all_lanes, is_finite) ? reduce_warp(largest, Max()) : not_a_number<T>;
}

// The number of candidates above the bound.
template <class T>
__device__ int count_above(const Candidates<T>& row, T bound) {
  int above = 0;
#pragma unroll 2
  for (int first = 0; first < row.count; first += warp_size) {
    const int i = first + lane_index();
    above += __popc(__ballot_sync(all_lanes, i < row.count && row.list[i].value > bound));
  }
  return above;
}

// Leaves only the candidates for which predicate(value) holds, in their order. All lanes call the predicate
// together, those without a candidate with -inf, for which it must not hold.
template <class T, class Predicate>
__device__ void keep(Candidates<T>& row, Predicate predicate) {
  int kept = 0;
#pragma unroll 1
  for (int first = 0; first < row.count; first += warp_size) {
    const int i = first + lane_index();
    const Candidate<T> candidate = i < row.count ? row.list[i] : Candidate<T>{-infinity<T>, 0};
    const bool stays = predicate(candidate.value);
    const unsigned staying = __ballot_sync(all_lanes, stays);
    __syncwarp();  // all have read before one writes
    if (stays) row.list[kept + __popc(staying & lanes_below())] = candidate;
    kept += __popc(staying);
  }
  row.count = kept;
  __syncwarp();
}

// `low`, raised towards the projection's tau. If at most k candidates exceed `low`, the result is below tau.
//
// Michelot's iteration: tau of all that exceed a bound is the next bound, until nobody is left behind. The
// tau of at most k candidates, whichever they are, is not above that of the k largest of the row, since more
// or larger elements have a larger tau. The margin makes up for the order of the sum.
template <class T>
__device__ T raised_by_tau(const Candidates<T>& row, double largest, T low) {
  constexpr double margin = 1e-6;
  for (;;) {
    double sum = 0;
    int above = 0;
#pragma unroll 1
    for (int first = 0; first < row.count; first += warp_size) {
      const int i = first + lane_index();
      const T value = i < row.count ? row.list[i].value : -infinity<T>;
      if (value > low) sum += static_cast<double>(value) - largest;
      above += __popc(__ballot_sync(all_lanes, value > low));
    }
    const double tau = (reduce_warp(sum, Sum()) - 1) / above;
    const T next = std::nextafter(static_cast<T>(largest + (tau - margin)), -infinity<T>);
    if (!(next > low)) return low;
    low = next;
  }
}

// The row with at most `most` candidates (most >= k): those that are not among the k largest or cannot be in
// the support are dropped, and the threshold is raised to what is known then. If a NaN or +inf is among
// them, a NaN alone is left, and nothing but a NaN passes the threshold from then on. Expects at least
// one candidate.
//
// What is not above (largest - 1) never counts, since no probability exceeds 1; nor does what is not above
// tau. If more than `most` exceed both, the interval from there to the largest is halved until at least k
// and at most `most` exceed the bound; it ends at the k-th largest itself if ties leave no such bound.
template <class T>
[[gnu::noinline]] __device__ Candidates<T> pruned(Candidates<T> row, int k, int most) {
  __syncwarp();
  const T largest = largest_of(row);
  if (largest != largest) {
    __syncwarp();
    if (lane_index() == 0) row.list[0] = {largest, 0};
    __syncwarp();
    return {row.list, 1, infinity<T>};
  }
  T low = std::nextafter(largest - 1, -infinity<T>);
  low = raised_by_tau(row, static_cast<double>(largest), low);
  T high = largest;
  int ties = 0;  // how many of those that equal `low` stay
  for (int above = count_above(row, low); above > most;) {
    T middle = low / 2 + high / 2;
    const bool is_element = !(low < middle && middle < high);
    if (is_element) {
      // No number lies between, or none that this formula finds: take the least candidate above `low`.
      T least = infinity<T>;
      for (int i = lane_index(); i < row.count; i += warp_size) {
        if (row.list[i].value > low) least = min(least, row.list[i].value);
      }
      middle = -reduce_warp(-least, Max());
    }
    const int above_middle = count_above(row, middle);
    if (above_middle >= k) {
      low = middle, above = above_middle;
    } else if (is_element) {
      low = middle, ties = k - above_middle;
      break;
    } else {
      high = middle;
    }
  }
  if (ties == 0) {
    keep(row, [low](T value) { return value > low; });
  } else {
    keep(row, [low, &ties](T value) {
      const unsigned equal = __ballot_sync(all_lanes, value == low);
      const bool stays = value > low || (value == low && __popc(equal & lanes_below()) < ties);
      ties -= __popc(equal);
      return stays;
    });
  }
  row.threshold = max(row.threshold, low);
  return row;
}

// Ends a row: writes the size of its support, its columns in ascending order and its probabilities, 0 in the
// slots that are not used. tau comes from Michelot's iteration, in double, relative to the largest and with
// the four partial sums of the CPU's project().
template <class T>
[[gnu::noinline]] __device__ void finish(Candidates<T> row, int k, std::int32_t* size, std::int32_t* columns,
                                         T* probabilities) {
  const int lane = lane_index();
  double largest = 0, tau = 0;
  if (row.count > k) row = pruned(row, k, k);
  if (row.count > 0) {
    __syncwarp();
    const T largest_value = largest_of(row);
    if (largest_value != largest_value) {
      if (lane == 0) *size = kernels::SparsePattern::nan_row;
      for (int i = lane; i < k; i += warp_size) probabilities[i] = largest_value;
      return;
    }
    largest = static_cast<double>(largest_value);
    // Only what exceeds -1 can be in the support; without the rest no sum overflows.
    keep(row, [=](T value) { return static_cast<double>(value) - largest > -1; });
    for (int before = 0; before != row.count;) {
      before = row.count;
      double sum = 0;
      if (lane < 4) {
        for (int i = lane; i < row.count; i += 4) sum += static_cast<double>(row.list[i].value) - largest;
      }
      double total = __shfl_sync(all_lanes, sum, 0);
      for (int i = 1; i < 4; ++i) total += __shfl_sync(all_lanes, sum, i);
      tau = (total - 1) / row.count;
      keep(row, [=](T value) { return static_cast<double>(value) - largest > tau; });
    }
  }
  if (lane == 0) *size = row.count;
  for (int i = lane; i < k; i += warp_size) {
    const bool is_used = i < row.count;
    if (is_used) columns[i] = row.list[i].column;
    probabilities[i] =
        is_used ? static_cast<T>(static_cast<double>(row.list[i].value) - largest - tau) : T{0};
  }
}

}  // namespace taper::cuda
