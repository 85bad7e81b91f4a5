// CudaMemory::convert: float32 to float64 and back.
#include "../../memory/cuda_memory.hpp"
#include "map.cuh"

namespace taper::cuda {
namespace {

// Four elements at a time: one load of 16 bytes and two, or the other way about.
template <class To>
struct Cast {
  template <class From>
  __device__ To operator()(From x) const {
    return static_cast<To>(x);
  }
};

}  // namespace

void CudaMemory::convert(DType from_dtype, const void* from, DType to_dtype, void* to, std::int64_t n) const {
  dispatch(from_dtype, [&]<class From>() {
    dispatch(to_dtype, [&]<class To>() {
      const Nest<1> nest{{n}, {Shape{1}}, {}};
      map_elements<4>("cast", nest, Cast<To>(), Sources<From, 1>{{static_cast<const From*>(from)}},
                      static_cast<To*>(to));
    });
  });
}

}  // namespace taper::cuda
