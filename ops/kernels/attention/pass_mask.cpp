// pass_mask: a key at a time.
#include "pass_mask.hpp"

#include "../../../core/threads.hpp"

namespace taper::kernels {
namespace {

template <class T>
void show(const Pass& pass, std::int64_t i, std::int64_t p, std::int64_t end, T* row) {
  const std::int64_t r = p - floor_divide(p, pass.classes) * pass.classes;
  const std::int64_t to = std::min(pass.to.at(p), end);
  for (std::int64_t s = pass.rank(r, pass.from.at(p)); pass.key(r, s) < to; ++s) {
    const std::int64_t j = pass.key(r, s);
    if (!pass.tiles || (*pass.tiles)(i / pass.tiles->block, j / pass.tiles->block)) row[j] = 1;
  }
}

}  // namespace

Tensor pass_mask(const char* op, const std::vector<Passes>& heads, bool causal, const Shape& scores,
                 Kind kind) {
  const std::int64_t n = scores[scores.size() - 2], m = scores[scores.size() - 1];
  const Passes everything{{.to = {0, m}}};
  Tensor mask = Tensor::uninitialized(op, scores, Kind(kind.dtype, Device::cpu()));
  dispatch(kind.dtype, [&]<class T>() {
    T* const to = mask.mutable_data<T>();
    parallel_for(m == 0 ? 0 : mask.size() / m, [&](std::int64_t row) {
      const std::int64_t b = row / n, i = row % n, p = causal ? i + m - n : i;
      std::fill_n(to + row * m, m, T{0});
      const Passes& passes = heads.empty() ? everything : heads[static_cast<std::size_t>(b) % heads.size()];
      for (const Pass& pass : passes)
        show(pass, i, p, std::clamp<std::int64_t>(causal ? p + 1 : m, 0, m), to + row * m);
    });
  });
  return mask.to(kind.device);
}

}  // namespace taper::kernels
