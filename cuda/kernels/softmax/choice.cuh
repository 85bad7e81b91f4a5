// The k largest elements of a row, and what sparse softmaxes compute from them, on a warp or a block: the
// same elements as on the CPU (ops/kernels/softmax/candidates.hpp), and sums in the same order.
//
// In most rows only few elements can be chosen. They are gathered, in the order of their indices, in a
// list that one warp holds in registers. If a row has too many of them, the whole row goes through the
// same functions.
#pragma once

#include "../rows.cuh"
#include "ordered_bits.cuh"

namespace taper::cuda {

// Elements of a list. One step of any row (32 packs) fits into it, too.
inline constexpr int list_room = 128;

template <class T>
inline constexpr T epsilon = std::numeric_limits<T>::epsilon();

// Which elements of a row are in line for the k largest: those above `above`, except that those equal to
// `tied` count only up to index `last_tie`.
template <class T>
struct Choice {
  T above;
  T tied = infinity<T>;  // equals no element of a row that is looked at
  int last_tie = 0;

  template <class Index>
  __device__ bool has(T value, Index index) const {
    return value > above && !(value == tied && index > last_tie);
  }
};

// The candidates in the registers of one warp, in the order of their indices in the row.
template <class Element>
class List {
 public:
  using T = Element;
  using Threads = OneWarp;
  using Index = int;
  static constexpr int width = 1;

  // element(i) for i in [0, size).
  template <class ElementAt>
  __device__ List(int size, const ElementAt& element) : size_(size) {
#pragma unroll
    for (int step = 0; step < steps; ++step) {
      const int i = step * warp_size + lane_index();
      values_[step].at[0] = i < size ? element(i) : -infinity<T>;
    }
    __syncwarp();  // now the memory that they come from may be used for something else
  }
  template <class Visit>
  __device__ void for_each_above(T, const Visit& visit) const {
#pragma unroll
    for (int step = 0; step < steps; ++step) {
      if (step * warp_size < size_) visit(values_[step], step * warp_size + lane_index());
    }
  }
  __device__ T largest_of_lane() const {
    T largest = values_[0].at[0];
    for (int step = 1; step < steps; ++step) largest = max(largest, values_[step].at[0]);
    return largest;
  }

 private:
  static constexpr int steps = list_room / warp_size;
  Pack<T, 1> values_[steps];
  int size_;
};

// The number of elements for which is_in(value, index) holds, counted over the whole warp, and then over the
// group. It must hold for no element <= above.
template <class Row, class IsIn>
__device__ int count_in_warp(Row& row, typename Row::T above, const IsIn& is_in) {
  int count = 0;
  row.for_each_above(above, [&](const auto& pack, auto first) {
    if constexpr (Row::width == 1) {
      count += __popc(__ballot_sync(all_lanes, is_in(pack.at[0], first)));
    } else {
      for (int e = 0; e < Row::width; ++e) count += is_in(pack.at[e], first + e);
    }
  });
  return Row::width == 1 ? count : reduce_warp(count, Sum());
}
template <class Row, class IsIn>
__device__ int count(Row& row, typename Row::T above, const IsIn& is_in) {
  const int of_warp = count_in_warp(row, above, is_in);
  if constexpr (Row::Threads::is_block) {
    return WholeBlock::reduce(lane_index() == 0 ? of_warp : 0, 0, Sum());
  } else {
    return of_warp;
  }
}

// The sum of the counts of the warps before this one, and of all warps.
struct Prefix {
  int before, total;
};
template <class Group>
__device__ Prefix warp_prefix(int count) {
  if constexpr (!Group::is_block) {
    return {0, count};
  } else {
    __shared__ int counts[max_threads / warp_size];
    if (lane_index() == 0) counts[Group::warp()] = count;
    __syncthreads();
    Prefix prefix{0, 0};
    for (int warp = 0; warp < Group::warps(); ++warp) {
      if (warp == Group::warp()) prefix.before = prefix.total;
      prefix.total += counts[warp];
    }
    __syncthreads();
    return prefix;
  }
}

// Stores the values whose flag is set at `to`, in the order of lanes and elements, unless there are more than
// `room` of them; returns how many there are. All lanes call it.
template <int width, class T>
__device__ int place(const bool (&in)[width], const T (&values)[width], T* to, int room = list_room) {
  const unsigned lanes_below = (1u << lane_index()) - 1;
  int at = 0, total = 0;
#pragma unroll
  for (int e = 0; e < width; ++e) {
    const unsigned ballot = __ballot_sync(all_lanes, in[e]);
    at += __popc(ballot & lanes_below);
    total += __popc(ballot);
  }
  if (total > room) return total;
#pragma unroll
  for (int e = 0; e < width; ++e) {
    if (in[e]) to[at++] = values[e];
  }
  return total;
}

// The elements of a row above a bound, in the order of their indices. Each warp has list_room places of its
// own in `memory`. If there are more than list_room elements in all, some are missing.
template <class T, class Group>
struct AboveBound {
  const T* memory;
  const int* counts;  // of each warp
  int total;

  __device__ T operator()(int i) const {
    int at = i;
    if constexpr (Group::is_block) {
      for (int warp = 0, before = 0; warp < Group::warps(); ++warp) {
        if (i >= before) at = warp * list_room + (i - before);
        before += counts[warp];
      }
    }
    return memory[at];
  }
};

template <class Row, class T, class Group = typename Row::Threads>
__device__ AboveBound<T, Group> candidates_of(Row& row, T above, T* memory) {
  T* const to = memory + Group::warp() * list_room;
  int count = 0;
  row.for_each_above(above, [&](const auto& pack, auto) {
    if (!__any_sync(all_lanes, largest_of(pack) > above)) return;
    bool in[Row::width];
    for (int e = 0; e < Row::width; ++e) in[e] = pack.at[e] > above;
    count += place(in, pack.at, to + count, list_room - count);
  });
  if constexpr (Group::is_block) {
    __shared__ int counts[max_threads / warp_size];
    if (lane_index() == 0) counts[Group::warp()] = count;
    __syncthreads();
    int total = 0;
    for (int warp = 0; warp < Group::warps(); ++warp) total += counts[warp];
    return {memory, counts, total};
  } else {
    __syncwarp();
    return {memory, nullptr, count};
  }
}

// The sum of (value - shift) over the values that walk() names, in that order: value i is added to sum i mod
// `chains`, and these sums are added up in the end, as on the CPU. walk(add) calls add(in, values) for each
// step, and `buffer` has room for the values of one step. Group and width are those of the row.
template <int chains, class Group, class T, class Walk>
__device__ double sum_in_order(T* buffer, double shift, const Walk& walk) {
  __shared__ double carried[chains + 1];  // from warp to warp: the sums, and how many values they hold
  const int lane = lane_index();
  double sum = 0;  // of lane's chain
  for (int warp = 0; warp < Group::warps(); ++warp) {
    if (warp == Group::warp()) {
      int size = 0;
      if (warp > 0) {
        sum = lane < chains ? carried[lane] : 0;
        size = static_cast<int>(carried[chains]);
      }
      walk([&](const auto& in, const auto& values) {
        const int added = place(in, values, buffer);
        __syncwarp();
        if (lane < chains) {
          const int turn = (lane - size) & (chains - 1);  // chains is a power of two
          for (int i = turn; i < added; i += chains) sum += static_cast<double>(buffer[i]) - shift;
        }
        size += added;
        __syncwarp();
      });
      if constexpr (Group::is_block) {
        __syncwarp();  // all lanes have read what the warp before carried here
        if (lane < chains) carried[lane] = sum;
        if (lane == 0) carried[chains] = size;
      }
    }
    Group::sync();
  }
  if constexpr (Group::is_block) {
    sum = lane < chains ? carried[lane] : 0;
    __syncthreads();
  }
  double total = __shfl_sync(all_lanes, sum, 0);
#pragma unroll
  for (int chain = 1; chain < chains; ++chain) total += __shfl_sync(all_lanes, sum, chain);
  return total;
}

// The same for the chosen elements of a row for which is_in(value) holds.
template <int chains, class Row, class T, class IsIn>
__device__ double sum_of_chosen(Row& row, const Choice<T>& choice, T* buffer, double shift,
                                const IsIn& is_in) {
  return sum_in_order<chains, typename Row::Threads>(buffer, shift, [&](const auto& add) {
    row.for_each_above(choice.above, [&](const auto& pack, auto first) {
      bool in[Row::width];
      bool any = false;
      for (int e = 0; e < Row::width; ++e) {
        in[e] = choice.has(pack.at[e], first + e) && is_in(pack.at[e]);
        any |= in[e];
      }
      if (__any_sync(all_lanes, any)) add(in, pack.at);
    });
  });
}

// The index of the n-th (from 1) of the elements that equal `value`.
template <class Row, class T>
__device__ int index_of_nth(Row& row, T value, int n) {
  using Group = typename Row::Threads;
  const T below = just_below(value);
  const auto is_equal = [&](T x, auto) { return x == value; };
  const int before = warp_prefix<Group>(count_in_warp(row, below, is_equal)).before;
  int wanted = n - before, found = -1;
  const unsigned lanes_below = (1u << lane_index()) - 1;
  row.for_each_above(below, [&](const auto& pack, auto first) {
    int smaller = 0, total = 0;  // how many equal ones the lanes before this one have, and all
#pragma unroll
    for (int e = 0; e < Row::width; ++e) {
      const unsigned ballot = __ballot_sync(all_lanes, pack.at[e] == value);
      smaller += __popc(ballot & lanes_below);
      total += __popc(ballot);
    }
#pragma unroll
    for (int e = 0; e < Row::width; ++e) {
      if (pack.at[e] == value && ++smaller == wanted) found = static_cast<int>(first + e);
    }
    wanted -= total;
  });
  return Group::reduce(found, -1, Max());
}

// Leaves the k largest of the chosen elements, of which there are more than k; of equal ones those with the
// lowest indices. If only some of the elements equal to `tied` are left, returns how many (last_tie says
// which); else 0.
//
// The k-th largest is found by halving the interval of its key: at most 32 or 64 counts, and seldom more than
// ten, because any bound that exactly k elements reach will do.
template <class Row, class T>
__device__ int limit_to(int k, Row& row, T largest, Choice<T>& choice) {
  auto low = key_of(choice.above) + 1;  // more than k elements reach this
  auto high = key_of(largest) + 1;      // fewer than k are larger than the value before this
  int reach_high = 0;
  while (high - low > 1) {
    const auto middle = low + (high - low) / 2;
    const T bound = value_of(middle);
    const int reach = count(row, choice.above, [bound](T x, auto) { return x >= bound; });
    if (reach == k) {
      choice.above = just_below(bound);
      return 0;
    }
    if (reach > k) {
      low = middle;
    } else {
      high = middle;
      reach_high = reach;
    }
  }
  choice.tied = value_of(low);
  choice.above = just_below(choice.tied);
  choice.last_tie = index_of_nth(row, choice.tied, k - reach_high);
  return k - reach_high;
}

// Raises the bound below which no element of the row is chosen, by a few of its elements: the largest of each
// thread, or in a block 32 of these, after they were compared across the warps in `columns` (room for one
// element a thread).
//
// For the projection: tau grows with the number of elements and with the elements. So tau of any k
// elements or fewer is not above that of the k largest, below which nothing is chosen. It is found in T;
// the margin makes up for the rounding. Otherwise: the k-th largest of some elements is not above the k-th
// largest of all.
template <bool is_projection, class Group, class T>
__device__ T raised_by_maxima(int k, T thread_max, T largest, T above, T* columns) {
  T element = thread_max;
  if constexpr (Group::is_block) {
    columns[threadIdx.x] = element;
    __syncthreads();
    for (int warp = 0; warp < Group::warps(); ++warp) {
      element = max(element, columns[warp * warp_size + lane_index()]);
    }
    __syncthreads();
  }
  if constexpr (is_projection) {
    const T z = element - largest;
    T tau = above - largest;
    int size;
    for (;;) {
      size = __popc(__ballot_sync(all_lanes, z > tau));
      const T next = (reduce_warp(z > tau ? z : T{0}, Sum()) - 1) / static_cast<T>(size);
      if (!(next > tau)) break;
      tau = next;
    }
    if (size <= k) {
      return max(above, just_below(largest + (tau - 256 * epsilon<T>)));
    }
  }
  if (k > warp_size) return above;
  int rank = 0;
  for (int lane = 0; lane < warp_size; ++lane) {
    const T other = __shfl_sync(all_lanes, element, lane);
    rank += other > element || (other == element && lane < lane_index());
  }
  const unsigned is_kth = __ballot_sync(all_lanes, rank == k - 1);
  const T kth = __shfl_sync(all_lanes, element, __ffs(static_cast<int>(is_kth)) - 1);
  return kth > above ? just_below(kth) : above;
}

// For a row with many elements in line for the projection: their tau without regard to k (Michelot's
// iteration, in parallel), less a margin for the rounding of sums in another order. If at most k elements lie
// above it, these include all that the projection keeps; if more do, the k largest are among them.
template <class Row, class T>
__device__ T raised_by_tau(Row& row, T largest, T above) {
  constexpr double margin = 1e-6;
  for (;;) {
    double sum = 0;
    int size = 0;
    row.for_each_above(above, [&](const auto& pack, auto) {
      for (int e = 0; e < Row::width; ++e) {
        if (!(pack.at[e] > above)) continue;
        sum += static_cast<double>(pack.at[e]) - static_cast<double>(largest);
        ++size;
      }
    });
    sum = Row::Threads::reduce(sum, 0.0, Sum());
    size = Row::Threads::reduce(size, 0, Sum());
    const double tau = (sum - 1) / size;
    const T next = just_below(static_cast<T>(static_cast<double>(largest) + (tau - margin)));
    if (!(next > above)) return above;
    above = next;
  }
}

// For a chosen z: p = z - largest - tau if z - largest > bound, else 0.
struct Projection {
  double tau, bound;
};

// The projection onto the `size` chosen elements, found as project() in
// ops/kernels/softmax/candidates.hpp finds it.
template <class Row, class T>
__device__ Projection project(Row& row, const Choice<T>& choice, int size, double largest, T* buffer) {
  Projection result{0, -infinity<double>};
  for (;;) {
    const auto is_left = [&](T z) { return static_cast<double>(z) - largest > result.bound; };
    const double sum = sum_of_chosen<4>(row, choice, buffer, largest, is_left);
    result.tau = (sum - 1) / size;
    // An element that an earlier tau left out stays out.
    result.bound = max(result.bound, result.tau);
    const int left =
        count(row, choice.above, [&](T z, auto index) { return choice.has(z, index) && is_left(z); });
    if (left == size) return result;
    size = left;
  }
}

}  // namespace taper::cuda
