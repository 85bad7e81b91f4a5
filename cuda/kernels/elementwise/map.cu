// map: elementwise functions with broadcasting. functions.hpp has the functions, map.cuh the kernel.
#include "../../../ops/kernels/elementwise/functions.hpp"
#include "../cuda_backend.hpp"
#include "map.cuh"

#include <array>
#include <type_traits>

namespace taper::cuda {
namespace {

using kernels::MapCall;

template <class F>
constexpr int operands_of() {
  if (std::is_invocable_v<F, float>) return 1;
  return std::is_invocable_v<F, float, float> ? 2 : 3;
}

template <class F>
void map_by(const MapCall& call, Tensor& y) {
  constexpr int operands = operands_of<F>();
  Nest<operands> nest{call.extents, {}, {}};
  dispatch(y.dtype(), [&]<class T>() {
    Sources<T, operands> x;
    for (int k = 0; k < operands; ++k) {
      nest.strides[k] = call.strides[k];
      x.of[k] = pointer<T>(*call.x[k]);
    }
    map_elements<widest_pack<T>>("map", nest, F(), x, pointer<T>(y));
  });
}

template <class... F>
constexpr std::array<void (*)(const MapCall&, Tensor&), sizeof...(F)> each_of(kernels::FunctionList<F...>) {
  return {map_by<F>...};
}

}  // namespace

void CudaBackend::map(const MapCall& call, Tensor& y) const {
  static constexpr auto functions = each_of(kernels::Functions());
  functions[static_cast<std::size_t>(call.function)](call, y);
}

}  // namespace taper::cuda
