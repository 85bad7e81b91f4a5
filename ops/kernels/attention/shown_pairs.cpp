// shown_pairs: a query at a time, first to count and then to write.
#include "shown_pairs.hpp"

#include "../../../core/threads.hpp"
#include "score_strips.hpp"

namespace taper::kernels {
namespace {

// Calls body(j) for each key that query i of problem b sees, in ascending order.
template <class T, class Body>
void for_each_key(const Passes& passes, const Visibility& visibility, std::int64_t b, std::int64_t i,
                  std::int64_t n, std::int64_t m, const Body& body) {
  const T* mask = nullptr;
  if (const Tensor& given = visibility.mask) {
    mask = given.data<T>() +
           ((given.extent(0) == 1 ? 0 : b) * given.extent(1) + (given.extent(1) == 1 ? 0 : i)) * m;
  }
  for (const Pass& pass : passes) {
    const std::int64_t p = visibility.causal ? i + m - n : i;
    const std::int64_t r = p - floor_divide(p, pass.classes) * pass.classes;
    const PassClass of(pass, r, n, m, visibility.causal);
    const std::int64_t t = (i - of.first) / pass.classes;
    of.for_each_range(t, of.begin_of(t), of.end_of(t), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t s = begin; s < end; ++s) {
        const std::int64_t j = of.key(s);
        if (!mask || mask[j] != 0) body(j);
      }
    });
  }
}

template <class T>
internal::Array<T> on_device(const char* op, internal::Array<T> here, Device device) {
  if (device.is_cpu()) return here;
  internal::Array<T> there(op, device, here.size());
  internal::device_memory(op, device)
      .to_device(here.data(), there.data(), static_cast<std::size_t>(here.size()) * sizeof(T));
  return there;
}

}  // namespace

ShownPairs shown_pairs(const char* op, const Visibility& visibility, std::int64_t batch, std::int64_t n,
                       std::int64_t m, Kind kind) {
  const Passes everything{{.to = {0, m}}};
  const auto passes_of = [&](std::int64_t b) -> const Passes& {
    return visibility.heads.empty() ? everything
                                    : visibility.heads[static_cast<std::size_t>(b) % visibility.heads.size()];
  };
  internal::Array<std::int32_t> sizes(op, Device::cpu(), batch * n);
  ShownPairs result;
  dispatch(kind.dtype, [&]<class T>() {
    const auto each_key = [&](std::int64_t row, const auto& body) {
      for_each_key<T>(passes_of(row / n), visibility, row / n, row % n, n, m, body);
    };
    parallel_for(batch * n, [&](std::int64_t row) {
      std::int32_t count = 0;
      each_key(row, [&](std::int64_t) { ++count; });
      sizes[row] = count;
    });
    const std::int32_t most =
        sizes.size() == 0 ? 1 : std::max(1, *std::max_element(sizes.data(), sizes.data() + sizes.size()));
    const auto pattern = std::make_shared<SparsePattern>(Device::cpu(), batch, n, m, most);
    std::int32_t* const columns = pattern->columns.data();
    Tensor used = Tensor::uninitialized(op, {batch, n, most}, Kind(kind.dtype, Device::cpu()));
    T* const is_used = used.mutable_data<T>();
    parallel_for(batch * n, [&](std::int64_t row) {
      std::int64_t slot = row * most;
      each_key(row, [&](std::int64_t j) { columns[slot++] = static_cast<std::int32_t>(j); });
      std::fill(is_used + row * most, is_used + slot, T{1});
      std::fill(is_used + slot, is_used + (row + 1) * most, T{0});
    });
    pattern->sizes = on_device(op, std::move(sizes), kind.device);
    pattern->columns = on_device(op, std::move(pattern->columns), kind.device);
    result = {pattern, used.to(kind.device)};
  });
  return result;
}

}  // namespace taper::kernels
