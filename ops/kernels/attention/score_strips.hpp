// Strips: the unit in which scores are multiplied on the CPU, the same for every instruction set. A pass over the keys
// (passes.hpp) cuts each class's queries into groups and its keys into strips. A group is multiplied with a strip if
// one of its queries sees one of the strip's keys, and else not.
#pragma once

#include "passes.hpp"

namespace taper::kernels {

constexpr std::int64_t score_group = 6;   // queries
constexpr std::int64_t score_strip = 16;  // keys

// One class of a pass over n queries and m keys: how its queries and keys are numbered.
struct PassClass {
  PassClass(const Pass& pass, std::int64_t r, std::int64_t n, std::int64_t m, bool causal)
      : pass(pass),
        r(r),
        m(m),
        shift(causal ? m - n : 0),
        causal(causal),
        first(r - shift - floor_divide(r - shift, pass.classes) * pass.classes) {
    query_count = first < n ? (n - first + pass.classes - 1) / pass.classes : 0;
  }

  std::int64_t query(std::int64_t t) const { return first + t * pass.classes; }
  std::int64_t key(std::int64_t s) const { return pass.key(r, s); }
  std::int64_t key_count() const { return pass.rank(r, m); }
  // Query t sees none of the class's keys but those in [begin_of(t), end_of(t)), and without tiles all of these.
  std::int64_t begin_of(std::int64_t t) const { return pass.rank(r, pass.from.at(query(t) + shift)); }
  std::int64_t end_of(std::int64_t t) const {
    const std::int64_t p = query(t) + shift;
    return pass.rank(r, std::min(pass.to.at(p), causal ? std::min(p + 1, m) : m));
  }

  // Calls body(begin, end) for the ranges of keys in [begin, end) that query t sees, given that they lie between
  // begin_of(t) and end_of(t).
  template <class Body>
  void for_each_range(std::int64_t t, std::int64_t begin, std::int64_t end, const Body& body) const {
    if (begin >= end) return;
    if (!pass.tiles) return body(begin, end);
    const std::int64_t block = pass.tiles->block, row = query(t) / block;
    for (std::int64_t next; begin < end; begin = next) {
      next = std::min(end, (begin / block + 1) * block);
      if ((*pass.tiles)(row, begin / block)) body(begin, next);
    }
  }

  const Pass& pass;
  std::int64_t r, m, shift;
  bool causal;
  std::int64_t first, query_count;
};

// What a kernel that multiplies strips found.
struct Multiplied {
  bool mask_is_right = true;  // as Selection (select_keys.hpp) has it
  std::int64_t strips = 0;    // how many strips met a group
};

// Bit c is strip c of 64: those that [begin, end) touches, 0 <= begin < end <= 1024.
inline std::uint64_t strips_of(std::int64_t begin, std::int64_t end) {
  return ~std::uint64_t{0} << begin / score_strip & ~std::uint64_t{0} >> (63 - (end - 1) / score_strip);
}

}  // namespace taper::kernels
