// A loop over arrays in whole vectors. Compiled once for each instruction set: include it after
// <hwy/highway.h> in a file that <hwy/foreach_target.h> repeats.
#if defined(TAPER_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_VECTORS_INL
#undef TAPER_VECTORS_INL
#else
#define TAPER_VECTORS_INL
#endif

#include <algorithm>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Stores f(in…) to out, vector by vector of type D, the last of them filled up with zeros.
template <class D, class T, class F, class... In>
HWY_INLINE void for_each_vector(D d, std::int64_t n, T* out, const F& f, const In*... in) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(f(hn::LoadU(d, in + i)...), d, out + i);
  if (i == n) return;
  const auto rest = [&](const T* x) HWY_ATTR {
    HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(T)] = {};
    std::copy(x + i, x + n, buffer);
    return hn::Load(d, buffer);
  };
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(f(rest(in)...), d, buffer);
  std::copy(buffer, buffer + (n - i), out + i);
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
