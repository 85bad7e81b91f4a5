// cast: float32 to float64 and back.
#include <taper/cuda/cuda_backend.hpp>
#include <taper/cuda/map.cuh>

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

void CudaBackend::cast(const Tensor& x, Tensor& y) const {
  dispatch(x.dtype(), [&]<class From>() {
    dispatch(y.dtype(), [&]<class To>() {
      const Nest<1> nest{{x.size()}, {Shape{1}}, {}};
      map_elements<4>("cast", nest, Cast<To>(), Sources<From, 1>{{pointer<From>(x)}}, pointer<To>(y));
    });
  });
}

}  // namespace taper::cuda
