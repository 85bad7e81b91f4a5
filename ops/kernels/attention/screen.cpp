// Products of bytes, for AVX-512 VNNI: Highway 1.0 has no name for the instruction.
#include "screen.hpp"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace taper::kernels {

#if defined(__x86_64__)

bool can_multiply_bytes() {
  static const bool can = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vnni");
  return can;
}

#define TAPER_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

namespace {

// sum += the products of four bytes each, added up. As an intrinsic, g++ 12 copies each sum to another register and back, or to
// memory, which takes twice as long.
TAPER_VNNI inline void add_products(__m512i& sum, __m512i keys, __m512i query) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(keys), "v"(query));
}

// The products of one query with a panel. Variables, for g++ 12 keeps 24 vectors of an array in memory.
struct PanelSums {
  __m512i s0, s1, s2, s3;
};

TAPER_VNNI inline void add_products(PanelSums& sums, const std::int8_t* query, __m512i key0, __m512i key1,
                                    __m512i key2, __m512i key3) {
  std::int32_t four;
  std::memcpy(&four, query, 4);
  const __m512i q = _mm512_set1_epi32(four);
  add_products(sums.s0, key0, q);
  add_products(sums.s1, key1, q);
  add_products(sums.s2, key2, q);
  add_products(sums.s3, key3, q);
}

TAPER_VNNI inline std::uint64_t bits_above(const PanelSums& sums, std::int32_t limit) {
  const __m512i l = _mm512_set1_epi32(limit);
  const std::uint64_t bits0 = _mm512_cmpgt_epi32_mask(sums.s0, l),
                      bits1 = _mm512_cmpgt_epi32_mask(sums.s1, l),
                      bits2 = _mm512_cmpgt_epi32_mask(sums.s2, l),
                      bits3 = _mm512_cmpgt_epi32_mask(sums.s3, l);
  return bits0 | bits1 << 16 | bits2 << 32 | bits3 << 48;
}

}  // namespace

TAPER_VNNI void multiply_bytes(const std::int8_t* const* queries, const std::uint8_t* panels,
                               std::int64_t count, std::int64_t size, const std::int32_t* limits,
                               std::uint64_t* above) {
  const std::int8_t *q0 = queries[0], *q1 = queries[1], *q2 = queries[2], *q3 = queries[3], *q4 = queries[4],
                    *q5 = queries[5];
  for (std::int64_t panel = 0; panel < count; ++panel, ++above) {
    const __m512i zero = _mm512_setzero_si512();
    PanelSums r0{zero, zero, zero, zero}, r1 = r0, r2 = r0, r3 = r0, r4 = r0, r5 = r0;
    for (std::int64_t p = 0; p < size; p += 4, panels += 4 * screen_panel) {
      const __m512i key0 = _mm512_loadu_si512(panels), key1 = _mm512_loadu_si512(panels + 64),
                    key2 = _mm512_loadu_si512(panels + 128), key3 = _mm512_loadu_si512(panels + 192);
      add_products(r0, q0 + p, key0, key1, key2, key3);
      add_products(r1, q1 + p, key0, key1, key2, key3);
      add_products(r2, q2 + p, key0, key1, key2, key3);
      add_products(r3, q3 + p, key0, key1, key2, key3);
      add_products(r4, q4 + p, key0, key1, key2, key3);
      add_products(r5, q5 + p, key0, key1, key2, key3);
    }
    above[0] = bits_above(r0, limits[0]);
    above[screen_panels] = bits_above(r1, limits[1]);
    above[2 * screen_panels] = bits_above(r2, limits[2]);
    above[3 * screen_panels] = bits_above(r3, limits[3]);
    above[4 * screen_panels] = bits_above(r4, limits[4]);
    above[5 * screen_panels] = bits_above(r5, limits[5]);
  }
}

#undef TAPER_VNNI

#else

bool can_multiply_bytes() { return false; }

void multiply_bytes(const std::int8_t* const*, const std::uint8_t*, std::int64_t, std::int64_t,
                    const std::int32_t*, std::uint64_t*) {}

#endif

}  // namespace taper::kernels
