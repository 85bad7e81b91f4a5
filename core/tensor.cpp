// Tensor: memory, sharing, access, and the op `to`. Printing is in print.cpp, which alone pays for xtensor's
// headers.
#include "fail.hpp"
#include "gradient_lock.hpp"
#include "memory/device_memory.hpp"
#include "memory/pool.hpp"
#include "memory/transfer.hpp"
#include "record.hpp"
#include "tape/creations.hpp"

#include <cstring>
#include <limits>
#include <new>

namespace taper {

namespace internal {

constinit std::atomic<std::uint64_t> change_count{0};
constinit thread_local std::uint64_t changes_since_recording = 0;

// Several threads may change one tensor at once (the workers of an optimizer's step): any of their counts
// will do.
void mark_changed(TensorImpl& impl) noexcept {
  const std::uint64_t now = change_count.fetch_add(1, std::memory_order_relaxed) + 1;
  impl.owner_of_elements().changed.store(now, std::memory_order_relaxed);
}

namespace {

// A header for the same elements under `shape`. A share of a share refers to the owner itself: chains
// don't build up.
TensorImpl* share(const Tensor& source, const Shape& shape) {
  const TensorImpl& impl = source.impl();
  auto* header = new (pool_allocate(sizeof(TensorImpl))) TensorImpl(shape, source.kind(), impl.size, false);
  header->data = impl.data;
  header->owner = impl.owner ? impl.owner : source;
  note_creation(*header);
  return header;
}

}  // namespace

void destroy(TensorImpl* impl) noexcept {
  note_end(*impl);
  if (!impl->device.is_cpu() && !impl->owner)
    device_memory("Tensor", impl->device).release(impl->data, impl->element_bytes());
  const std::size_t bytes = impl->block_bytes();
  impl->~TensorImpl();
  pool_release(impl, bytes);
}

}  // namespace internal

void Tensor::throw_empty(const char* method) { fail(method, "called on ", internal::an_empty_handle); }

void internal::throw_not_given(const char* op, const char* name) { fail(op, name, " is ", an_empty_handle); }

void check_given(const char* op, const char* name, const std::vector<Tensor>& list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i]) fail(op, name, "[", i, "] is ", internal::an_empty_handle);
  }
}

Tensor Tensor::uninitialized(const char* op, const Shape& shape, Kind kind) {
  const std::int64_t size = element_count(op, shape);
  if (size > std::numeric_limits<std::int64_t>::max() / 16)
    fail(op, "shape ", shape, " is too large for memory");
  const std::size_t bytes = static_cast<std::size_t>(size) * size_of(kind.dtype);
  const bool is_on_cpu = kind.device.is_cpu();
  void* const elements = is_on_cpu ? nullptr : internal::device_memory(op, kind.device).allocate(op, bytes);
  const std::size_t block_bytes = sizeof(internal::TensorImpl) + (is_on_cpu ? bytes : 0);
  auto* const block = static_cast<std::byte*>(internal::pool_try_allocate(block_bytes));
  if (!block) internal::fail_out_of_memory(op, block_bytes, &shape);
  auto* impl = new (block) internal::TensorImpl(shape, kind, size, is_on_cpu);
  impl->data = is_on_cpu ? block + sizeof(internal::TensorImpl) : static_cast<std::byte*>(elements);
  internal::note_creation(*impl);
  return Tensor(impl);
}

void Tensor::throw_access(DType wanted) const {
  if (dtype() != wanted) fail("data", "asked for ", wanted, " elements of a ", dtype(), " tensor");
  fail("data", "the elements of a tensor of shape ", shape(), " are on ", device(),
       ": to(Device::cpu()) makes a copy that can be read");
}

double Tensor::element(const Shape& positions) const {
  const Shape& shape = impl("at").shape;
  if (positions.size() != shape.size())
    fail("at", "wanted a position for each axis of shape ", shape, ", got ", positions.size());
  std::int64_t place = 0;
  for (int axis = 0; axis < shape.size(); ++axis) {
    const std::int64_t extent = shape[axis], position = positions[axis];
    if (position < -extent || position >= extent)
      fail("at", "position ", position, " is out of range for axis ", axis, " of shape ", shape);
    place = place * extent + (position < 0 ? position + extent : position);
  }
  const std::byte* const source = bytes() + static_cast<std::size_t>(place) * size_of(dtype());
  return dispatch(dtype(), [&]<class T>() {
    T value;
    if (device().is_cpu()) {
      std::memcpy(&value, source, sizeof value);
    } else {
      internal::device_memory("at", device()).to_host(source, &value, sizeof value);
    }
    return static_cast<double>(value);
  });
}

double Tensor::item() const {
  if (impl("item").size != 1)
    fail("item", "wanted exactly one element, got shape ", shape(),
         ": call sum() or mean() first, or to_vector()");
  return to_vector()[0];
}

std::vector<double> Tensor::to_vector() const {
  if (!impl("to_vector").device.is_cpu())
    return internal::copied("to_vector", *this, {dtype(), Device::cpu()}).to_vector();
  return dispatch(dtype(), [&]<class T>() { return std::vector<double>(data<T>(), data<T>() + size()); });
}

Tensor Tensor::clone() const {
  return internal::copied("clone", *this, {impl("clone").dtype, impl_->device});
}

Tensor Tensor::to(Kind kind) const {
  if (Kind(impl("to").dtype, impl_->device) == kind) return *this;
  return record("to", internal::copied("to", *this, kind),
                vjp(*this, [from = this->kind()](const Tensor& dy) { return dy.to(from); }));
}

void Tensor::move_to(Kind kind) {
  if (Kind(impl("move_to").dtype, impl_->device) == kind) return;
  if (impl().tape != 0)
    fail("move_to", "only a leaf can be moved; this tensor of shape ", shape(), " is a recorded result");
  if (impl().owner && !impl().owner.is_sole_owner())
    fail("move_to", "this tensor of shape ", shape(), " is a view of another, or another is a view of it");
  Tensor moved = internal::copied("move_to", *this, kind);
  Tensor gradient = impl().grad ? internal::copied("move_to", impl().grad, kind) : Tensor();
  // Up to rounding to another dtype, the elements stay what they are: so does the record of
  // when they changed.
  moved.impl().changed = impl_->owner_of_elements().changed.load();
  impl_->data = moved.impl().data;
  impl_->dtype = kind.dtype;
  impl_->device = kind.device;
  impl_->owner = std::move(moved);
  impl_->grad = std::move(gradient);
}

Tensor Tensor::detach() const { return Tensor(internal::share(*this, impl("detach").shape)); }

Tensor Tensor::view(const Shape& shape) const {
  if (element_count("view", shape) != impl("view").size) {
    fail("view", "shape ", shape, " has another number of elements than ", this->shape());
  }
  return Tensor(internal::share(*this, shape));
}

Tensor& Tensor::requires_grad(bool value) {
  if (impl("requires_grad").tape != 0) {
    fail("requires_grad", "only a leaf can ask for a gradient; this tensor of shape ", shape(),
         " is a recorded result: call detach() or clone() first");
  }
  impl_->wants_grad = value;
  return *this;
}

Tensor Tensor::grad() const {
  const internal::TensorImpl& impl = this->impl("grad");
  const internal::GradientLock lock;
  return impl.grad;
}

void Tensor::zero_grad() {
  internal::TensorImpl& impl = this->impl("zero_grad");
  Tensor before;  // ends after the lock
  const internal::GradientLock lock;
  std::swap(impl.grad, before);
}

}  // namespace taper
