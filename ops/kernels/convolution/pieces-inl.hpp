// Loops over few elements in vectors. Compiled once for each instruction set: include it after
// <hwy/highway.h> in a file that <hwy/foreach_target.h> repeats.
#if defined(TAPER_PIECES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_PIECES_INL
#undef TAPER_PIECES_INL
#else
#define TAPER_PIECES_INL
#endif

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
constexpr std::int64_t lanes_of = static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));

// Calls body(tag, i) for vectors of elements i and on, which together hold elements 0 … count - 1, each once:
// whole vectors, and then ever smaller ones.
template <class T, std::int64_t lanes = lanes_of<T>, class Body>
HWY_INLINE void in_pieces(std::int64_t count, const Body& body, std::int64_t i = 0) {
  const hn::CappedTag<T, static_cast<std::size_t>(lanes)> d;
  for (; i + lanes <= count; i += lanes) body(d, i);
  if constexpr (lanes > 1) in_pieces<T, lanes / 2>(count, body, i);
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
