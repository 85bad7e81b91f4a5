// One step of an optimizer on one parameter, in place. Compiled without contraction, so that the bits
// are the CPU's.
#include "../cuda_backend.hpp"
#include "../launch.cuh"
#include "../pack.cuh"

#include <cmath>

namespace taper::cuda {
namespace {

constexpr int threads = 256;

// What a step does to one element: x are the moments and the parameter. See adam.hpp, sgd.hpp and
// rms_prop.hpp.
template <class T>
struct Adam {
  kernels::AdamStep<T> s;
  __device__ void operator()(T g, T (&x)[3]) const {
    T &m = x[0], &v = x[1], &p = x[2];
    m = s.beta1 * m + s.rest1 * g;
    v = s.beta2 * v + s.rest2 * (g * g);
    p = s.kept * p - s.rate * m / (s.correction * std::sqrt(v) + s.epsilon);
  }
};
template <class T>
struct Momentum {
  T rate, momentum, decay;
  bool nesterov;
  __device__ void operator()(T g, T (&x)[2]) const {
    T &v = x[0], &p = x[1];
    if (decay != 0) g = g + decay * p;
    v = momentum * v + g;
    p -= rate * (nesterov ? g + momentum * v : v);
  }
};
template <class T>
struct Descent {
  T rate, decay;
  __device__ void operator()(T g, T (&x)[1]) const {
    if (decay != 0) g = g + decay * x[0];
    x[0] -= rate * g;
  }
};
template <class T>
struct RmsProp {
  T rate, decay, rest, epsilon;
  __device__ void operator()(T g, T (&x)[2]) const {
    T &v = x[0], &p = x[1];
    v = decay * v + rest * (g * g);
    p -= rate * g / (std::sqrt(v) + epsilon);
  }
};

template <class T, int count>
struct Targets {
  T* of[count];
};

// step(g_i, x_i) for `packs` packs of `width` elements and `rest` elements after them.
//
// The floor: g is read once, and each of the moments and the parameter read and written once; for Adam 28
// bytes an element in float32.
template <int width, class Step, class T, int count>
__global__ void __launch_bounds__(threads)
    update_kernel(Step step, const T* g, Targets<T, count> x, std::int64_t packs, std::int64_t rest) {
  for (std::int64_t item = first_item(); item < packs + rest; item += item_stride()) {
    T values[count];
    if (item >= packs) {
      const std::int64_t i = packs * width + (item - packs);
      for (int k = 0; k < count; ++k) values[k] = x.of[k][i];
      step(g[i], values);
      for (int k = 0; k < count; ++k) x.of[k][i] = values[k];
      continue;
    }
    const Pack<T, width> gradients = load_pack<width>(g + item * width);
    Pack<T, width> old[count];
    for (int k = 0; k < count; ++k) old[k] = load_pack<width>(x.of[k] + item * width);
    for (int j = 0; j < width; ++j) {
      for (int k = 0; k < count; ++k) values[k] = old[k].at[j];
      step(gradients.at[j], values);
      for (int k = 0; k < count; ++k) old[k].at[j] = values[k];
    }
    for (int k = 0; k < count; ++k) store_pack(old[k], x.of[k] + item * width);
  }
}

template <class Step, class T, int count>
void update(const char* op, const Step& step, const T* g, const Targets<T, count>& x, std::int64_t n) {
  if (n == 0) return;
  bool are_aligned = is_aligned(g);
  for (const T* target : x.of) are_aligned = are_aligned && is_aligned(target);
  constexpr int width = widest_pack<T>;
  const std::int64_t packs = are_aligned ? n / width : 0, rest = n - packs * width;
  launch(op, update_kernel<width, Step, T, count>, blocks_for(packs + rest, threads), threads, 0, step, g, x,
         packs, rest);
}

}  // namespace

void CudaBackend::adam(const kernels::AdamStep<double>& step, const Tensor& g, Tensor& m, Tensor& v,
                       Tensor& p) const {
  dispatch(p.dtype(), [&]<class T>() {
    update("adam", Adam<T>{step.to<T>()}, pointer<T>(g),
           Targets<T, 3>{{pointer<T>(m), pointer<T>(v), pointer<T>(p)}}, p.size());
  });
}

void CudaBackend::sgd(const kernels::SgdStep& s, const Tensor& g, Tensor* v, Tensor& p) const {
  dispatch(p.dtype(), [&]<class T>() {
    const T rate = static_cast<T>(s.rate), decay = static_cast<T>(s.weight_decay);
    if (v) {
      const Momentum<T> step{rate, static_cast<T>(s.momentum), decay, s.nesterov};
      update("sgd", step, pointer<T>(g), Targets<T, 2>{{pointer<T>(*v), pointer<T>(p)}}, p.size());
    } else {
      update("sgd", Descent<T>{rate, decay}, pointer<T>(g), Targets<T, 1>{{pointer<T>(p)}}, p.size());
    }
  });
}

void CudaBackend::rms_prop(const kernels::RmsPropStep& s, const Tensor& g, Tensor& v, Tensor& p) const {
  dispatch(p.dtype(), [&]<class T>() {
    const RmsProp<T> step{static_cast<T>(s.rate), static_cast<T>(s.decay), static_cast<T>(1 - s.decay),
                          static_cast<T>(s.epsilon)};
    update("rms_prop", step, pointer<T>(g), Targets<T, 2>{{pointer<T>(v), pointer<T>(p)}}, p.size());
  });
}

}  // namespace taper::cuda
