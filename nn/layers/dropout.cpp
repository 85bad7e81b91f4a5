// Dropout: drawing the mask.
#include "dropout.hpp"

#include "../../core/dtype.hpp"
#include "../../core/fail.hpp"
#include "../../ops/elementwise/mul.hpp"

namespace taper::nn {

Dropout::Dropout(double p, Generator* generator) : p_(p), generator_(generator) {
  if (!(p >= 0 && p < 1)) fail("Dropout", "p must be at least 0 and below 1, got ", p);
}

Tensor Dropout::operator()(const Tensor& x) const {
  check_given("Dropout", "x", x);
  if (!is_training() || p_ == 0) return x;
  Generator& generator = generator_ ? *generator_ : default_generator();
  Tensor mask = Tensor::uninitialized("Dropout", x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    T* m = mask.mutable_data<T>();
    const T values[] = {0, static_cast<T>(1 / (1 - p_))};  // by index: nothing could predict a branch
    for (std::int64_t i = 0, n = mask.size(); i < n; ++i) m[i] = values[generator.uniform() >= p_];
  });
  return x * mask.to(x.device());
}

}  // namespace taper::nn
