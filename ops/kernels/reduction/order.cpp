// Places of extremes and orders: the CPU's loops.
#include "order.hpp"

#include "../../../core/memory/array.hpp"
#include "../../../core/threads.hpp"
#include "reduce.hpp"

#include <algorithm>
#include <bit>
#include <type_traits>

namespace taper::kernels {
namespace {

// Unsigned numbers in the order of the elements.
template <class T>
using Key = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
template <class T>
Key<T> key_of(T x) {
  if (x != x) return ~Key<T>{0};
  if (x == 0) x = 0;  // -0 as well
  constexpr Key<T> sign = ~(~Key<T>{0} >> 1);
  const auto bits = std::bit_cast<Key<T>>(x);
  return bits & sign ? ~bits : bits | sign;
}

// The first place in a row that holds `best`.
template <class T>
std::int64_t find_in_row(const T* x, T best) {
  std::int64_t i = 0;
  if (best == best) {
    while (x[i] != best) ++i;
  } else {
    while (x[i] == x[i]) ++i;
  }
  return i;
}

// The same for neighbouring columns: from their ends, so that the first place is written last.
template <class T>
void find_in_columns(const T* x, std::int64_t length, std::int64_t inner, std::int64_t columns, const T* best,
                     std::int64_t* places) {
  for (std::int64_t i = length - 1; i >= 0; --i) {
    const T* const row = x + i * inner;
    for (std::int64_t c = 0; c < columns; ++c) {
      const bool is_best = row[c] == best[c] || (row[c] != row[c] && best[c] != best[c]);
      places[c] = is_best ? i : places[c];
    }
  }
}

// The elements of a row by their keys. The place makes equal keys differ, so that every way of sorting is
// stable.
template <class T>
struct Entry {
  Key<T> key;
  std::int64_t place;
  bool operator<(const Entry& other) const {
    return key < other.key || (key == other.key && place < other.place);
  }
};

// Calls body(i) for each i in [0, count), on several threads if there is enough to do: `cost` is that of one
// i, in elements of a plain loop.
template <class Body>
void for_each(std::int64_t count, std::int64_t cost, const Body& body) {
  parallel_ranges(count, 1 + part_size / std::max<std::int64_t>(1, cost),
                  [&](std::int64_t begin, std::int64_t end) {
                    for (std::int64_t i = begin; i < end; ++i) body(i);
                  });
}

}  // namespace

std::vector<std::int64_t> find_extremes(const char* op, bool smallest, const AxisView& view,
                                        const Tensor& x) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(view.outer * view.inner));
  if (places.empty()) return places;
  if (const Backend* backend = backend_of(x)) {
    const internal::Array<std::int64_t> found(op, x.device(), view.outer * view.inner);
    backend->find_extremes(smallest, view, x, found);
    return found.to_vector();
  }
  const Shape shape{view.outer, view.length, view.inner};
  const ReducePlan plan = plan_reduction(shape, {0, 1, 0}, false);
  const Tensor extremes = smallest ? min(op, plan, x.view(shape)) : max(op, plan, x.view(shape));
  constexpr std::int64_t widest = 256;  // columns that are searched side by side
  const std::int64_t groups = (view.inner + widest - 1) / widest;
  dispatch(x.dtype(), [&]<class T>() {
    const T *const in = x.data<T>(), *const best = extremes.data<T>();
    for_each(view.outer * groups, view.length * std::min(view.inner, widest), [&](std::int64_t group) {
      const std::int64_t o = group / groups, column = group % groups * widest,
                         result = o * view.inner + column;
      const T* const from = in + o * view.length * view.inner + column;
      std::int64_t* const to = places.data() + result;
      if (view.inner == 1) {
        *to = find_in_row(from, best[result]);
      } else {
        find_in_columns(from, view.length, view.inner, std::min(widest, view.inner - column), best + result,
                        to);
      }
    });
  });
  return places;
}

std::vector<std::int64_t> sorted_places(bool descending, std::int64_t count, const AxisView& view,
                                        const Tensor& x) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(view.outer * count * view.inner));
  if (places.empty()) return places;
  const Tensor on_cpu = x.detach().to(Device::cpu());
  constexpr std::int64_t cost_of_an_element = 16;
  dispatch(x.dtype(), [&]<class T>() {
    const T* const in = on_cpu.data<T>();
    for_each(view.outer * view.inner, cost_of_an_element * view.length, [&](std::int64_t row) {
      internal::PoolVector<Entry<T>> entries(static_cast<std::size_t>(view.length));
      const std::int64_t o = row / view.inner, column = row % view.inner;
      const T* const from = in + o * view.length * view.inner + column;
      for (std::int64_t i = 0; i < view.length; ++i) {
        const Key<T> key = key_of(from[i * view.inner]);
        entries[static_cast<std::size_t>(i)] = {descending ? ~key : key, i};
      }
      const auto end = entries.begin() + count;
      if (count < view.length / 16) {
        std::partial_sort(entries.begin(), end, entries.end());
      } else {
        if (end != entries.end()) std::nth_element(entries.begin(), end, entries.end());
        std::sort(entries.begin(), end);
      }
      std::int64_t* to = places.data() + o * count * view.inner + column;
      for (auto entry = entries.begin(); entry != end; ++entry, to += view.inner) *to = entry->place;
    });
  });
  return places;
}

}  // namespace taper::kernels
