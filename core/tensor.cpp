// Tensor: memory, sharing and access. Printing is in print.cpp, which alone pays for xtensor's headers.
#include <taper/core/fail.hpp>
#include <taper/core/pool.hpp>
#include <taper/core/tensor.hpp>

#include <cstring>
#include <limits>
#include <new>
#include <ostream>

namespace taper {

std::ostream& operator<<(std::ostream& out, DType dtype) {
  return out << (dtype == float32 ? "float32" : "float64");
}

namespace detail {
namespace {

std::size_t block_bytes(const TensorImpl& impl) {
  return sizeof(TensorImpl) + (impl.owner ? 0 : static_cast<std::size_t>(impl.size) * size_of(impl.dtype));
}

// A header for the same elements under `shape`. Sharing a share refers to the owner itself: chains don't
// build up.
TensorImpl* share(const Tensor& source, const Shape& shape) {
  const TensorImpl& impl = source.impl();
  auto* header = new (pool_allocate(sizeof(TensorImpl))) TensorImpl(shape, impl.dtype, impl.size);
  header->data = impl.data;
  header->owner = impl.owner ? impl.owner : source;
  return header;
}

}  // namespace

void destroy(TensorImpl* impl) noexcept {
  const std::size_t bytes = block_bytes(*impl);
  impl->~TensorImpl();
  pool_release(impl, bytes);
}

}  // namespace detail

void Tensor::throw_empty() {
  throw Error(
      "[Tensor] an empty handle was used: it was default-constructed or moved from, or stands for no "
      "gradient");
}

Tensor Tensor::uninitialized(const char* op, const Shape& shape, DType dtype) {
  const std::int64_t size = element_count(op, shape);
  if (size > std::numeric_limits<std::int64_t>::max() / 16)
    fail(op, "shape ", shape, " is too large for memory");
  const std::size_t bytes = static_cast<std::size_t>(size) * size_of(dtype);
  auto* block = static_cast<std::byte*>(detail::pool_allocate(sizeof(detail::TensorImpl) + bytes));
  auto* impl = new (block) detail::TensorImpl(shape, dtype, size);
  impl->data = block + sizeof(detail::TensorImpl);
  return Tensor(impl);
}

std::int64_t Tensor::extent(int axis) const { return shape()[checked_axis("extent", "axis", axis, shape())]; }

void Tensor::throw_dtype(DType wanted) const {
  fail("data", "asked for ", wanted, " elements of a ", dtype(), " tensor");
}

double Tensor::item() const {
  if (size() != 1) fail("item", "wanted exactly one element, got shape ", shape());
  return dispatch(dtype(), [&]<class T>() { return static_cast<double>(*data<T>()); });
}

std::vector<double> Tensor::to_vector() const {
  return dispatch(dtype(), [&]<class T>() { return std::vector<double>(data<T>(), data<T>() + size()); });
}

Tensor Tensor::clone() const {
  Tensor copy = uninitialized("clone", shape(), dtype());
  std::memcpy(copy.impl_->data, impl_->data, static_cast<std::size_t>(size()) * size_of(dtype()));
  return copy;
}

Tensor Tensor::detach() const { return Tensor(detail::share(*this, shape())); }

Tensor Tensor::view(const Shape& shape) const {
  if (element_count("view", shape) != size()) {
    fail("view", "shape ", shape, " has another number of elements than ", this->shape());
  }
  return Tensor(detail::share(*this, shape));
}

Tensor& Tensor::requires_grad(bool value) {
  if (impl().tape != 0) {
    fail("requires_grad", "only a leaf can ask for a gradient; this tensor of shape ", shape(),
         " is a recorded result: call detach() or clone() first");
  }
  impl_->wants_grad = value;
  return *this;
}

}  // namespace taper
