// Tensor: a multidimensional array of float32 or float64, row-major and contiguous, shared and cheap to copy.
#pragma once

#include "device.hpp"
#include "shape.hpp"

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <utility>
#include <vector>

namespace taper {

namespace internal {
struct TensorImpl;
}

// A handle to an array. Copying the handle shares the array; no op changes its inputs, so sharing is
// invisible except through mutable_data(), load_state_dict() and the optimizers, which write in place. A tape
// notices (see mutable_data).
//
// The default-constructed handle is empty: it stands for "no tensor yet", and every function that is handed
// one throws, naming the argument.
class Tensor {
 public:
  Tensor() = default;
  Tensor(const Tensor& other) noexcept;
  Tensor(Tensor&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
  Tensor& operator=(Tensor other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
  }
  ~Tensor();

  // An array whose elements are not set yet; the caller writes each of them. Throws if the shape is negative
  // or too large to count, there is no such device or it is out of memory; `op` is named in the message.
  static Tensor uninitialized(const char* op, const Shape& shape, Kind kind);

  // Is there an array behind this handle?
  explicit operator bool() const { return impl_ != nullptr; }

  const Shape& shape() const;
  int rank() const;
  std::int64_t size() const;            // number of elements
  std::int64_t extent(int axis) const;  // of one axis; negative counts from the end
  DType dtype() const;
  Device device() const;
  Kind kind() const;

  // The elements in row-major order. Throws unless T is the dtype's type (float or double) and the tensor
  // lies on the CPU.
  template <class T>
  const T* data() const {
    check_access(dtype_of<T>);
    return reinterpret_cast<const T*>(bytes());
  }
  // The same, to write to. Every handle that shares the array sees the change. The call counts as the change,
  // whatever is written: a vector-Jacobian product of a node that was recorded before the call refuses to
  // read the array after it, while a tape whose products don't read the array is not affected. What is
  // written through a pointer that was obtained before recording goes unnoticed.
  template <class T>
  T* mutable_data() {
    check_access(dtype_of<T>);
    return reinterpret_cast<T*>(mutable_bytes());
  }

  // x[i] is slice i along the first axis, without that axis: a copy, and an op, recorded as the ops it is
  // made of (ops/layout/slice.cpp has it). A negative i counts from the end. Throws if x has no axis or i is
  // out of range.
  Tensor operator[](std::int64_t i) const;
  // x.at(i, j) is the element at these positions, one for each axis, as a double; a negative one counts from
  // the end. If it lies on a device it is copied, as for item(). Throws if their number is not the rank or
  // one is out of range.
  double at(std::integral auto... positions) const {
    return element({static_cast<std::int64_t>(positions)...});
  }
  // The only element, as a double. Throws unless there is exactly one. If it lies on a device it is copied,
  // which waits until all that led to it has been computed.
  double item() const;
  // All elements in row-major order, as doubles; likewise.
  std::vector<double> to_vector() const;

  // The same elements in that dtype, on that device, or both: a copy, or this tensor if it is of that kind
  // already. float32 to float64 is exact; float64 to float32 rounds to the nearest, and beyond float32's
  // range to an infinity. It is an op: dx = dy.to(kind of x). Throws if there is no such device or it is out
  // of memory.
  Tensor to(Kind kind) const;
  Tensor to(DType dtype) const;
  Tensor to(Device device) const;
  // Converts the elements and the gradient as to() does, in place: every handle to this tensor sees the new
  // kind, while views of it (detach, view, reshape) keep the elements as they were. Throws for a recorded
  // result and for a view, for a tensor that was moved before as long as a view of it lives, and as to()
  // does; then nothing has changed. For Module::to.
  void move_to(Kind kind);
  void move_to(DType dtype);
  void move_to(Device device);

  // A copy with memory of its own on the same device, without history or gradient.
  Tensor clone() const;
  // The same elements (shared) without history: what an op does with the result is not
  // differentiated through it.
  Tensor detach() const;
  // The same elements (shared) under another shape of the same size, without history. (The op is reshape.)
  Tensor view(const Shape& shape) const;

  // Asks for a gradient: Tape::backward adds to grad() of such a tensor. Only a leaf may ask, that is, a
  // tensor that no tape recorded as a result; throws otherwise. Returns *this.
  Tensor& requires_grad(bool value = true);
  bool wants_grad() const;
  // The gradient accumulated so far; an empty handle before the first backward and after zero_grad. Both may
  // be called while another thread runs backward.
  Tensor grad() const;
  void zero_grad();

  // The array itself, for the tape and the kernels. Throws on an empty handle, in the name of `method`.
  internal::TensorImpl& impl(const char* method = "impl") const {
    if (!impl_) throw_empty(method);
    return *impl_;
  }
  // Is this the only handle to memory of its own, so that it may be overwritten unseen?
  bool is_sole_owner() const;
  // The elements on whatever device, to read and to write: data() and mutable_data() for those who
  // know the type. Code that reads or fills a tensor that a vector-Jacobian product can't have seen
  // may use impl().data.
  const std::byte* bytes() const;
  std::byte* mutable_bytes();

 private:
  explicit Tensor(internal::TensorImpl* impl) : impl_(impl) {}  // takes over one reference
  [[noreturn, gnu::cold]] static void throw_empty(const char* method);
  [[noreturn]] void throw_access(DType wanted) const;
  void check_access(DType wanted) const;
  double element(const Shape& positions) const;

  internal::TensorImpl* impl_ = nullptr;
};

// Prints the elements as xtensor prints an xarray: {{ 1.,  2.}, { 3.,  4.}}. If there are more than 1000, an
// axis that is longer than six shows its first and last three, with "..." between them, as NumPy does.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

namespace internal {

// Header and elements stand in one block of the pool, the elements after the header; a tensor that shares
// the elements of another is a header alone that keeps the owner alive. If the elements lie on a device, only
// the header stands in the pool.
struct alignas(64) TensorImpl {
  TensorImpl(const Shape& shape, Kind kind, std::int64_t size, bool has_elements)
      : size(size),
        shape(shape),
        dtype(kind.dtype),
        device(kind.device),
        element_room(has_elements ? static_cast<std::uint8_t>(size_of(kind.dtype)) : 0) {}

  std::atomic<std::uint32_t> references{1};
  std::uint32_t node = 0;  // which node of that tape produced this tensor
  std::uint64_t tape = 0;  // number of the tape that recorded it; 0: none
  std::int64_t size;
  // When the elements were last changed, by the count of changes; 0 if never while others saw them. If a
  // header shares elements, the owner's entry counts.
  std::atomic<std::uint64_t> changed{0};
  std::byte* data = nullptr;
  Tensor owner;  // whose block holds the elements, if not this one
  Tensor grad;
  Shape shape;
  DType dtype;
  Device device;
  bool wants_grad = false;
  // Bytes that the block has for each element, 0 if they lie elsewhere. (move_to may leave them unused.)
  std::uint8_t element_room;

  std::size_t element_bytes() const { return static_cast<std::size_t>(size) * size_of(dtype); }
  std::size_t block_bytes() const {
    return sizeof(TensorImpl) + static_cast<std::size_t>(size) * element_room;
  }
  TensorImpl& owner_of_elements() { return owner ? owner.impl() : *this; }
};
static_assert(sizeof(TensorImpl) == 128, "a scalar takes three cache lines");

// How often elements were changed that another handle could see, in the whole program: the
// clock of `changed`.
extern constinit std::atomic<std::uint64_t> change_count;
// While a vector-Jacobian product runs on this thread: how many of these changes lie between the recording of
// its node and the start of the walk. The product must not read what one of them changed. Usually, and
// outside of walks, it is 0, so that a read costs one comparison.
extern constinit thread_local std::uint64_t changes_since_recording;

// Counts a change of the elements. From any thread.
void mark_changed(TensorImpl& impl) noexcept;
// Throws if one of changes_since_recording changed the elements, unless they are the cotangent's, which the
// walk itself hands over.
void check_unchanged(TensorImpl& impl);
// The elements are about to be read: calls check_unchanged if there were changes.
void note_read(TensorImpl& impl);

// Destroys the tensor and returns its block to the pool.
void destroy(TensorImpl* impl) noexcept;
// A handle less; the last one destroys the tensor.
void release(TensorImpl* impl) noexcept;

// What messages call an empty handle.
inline constexpr const char* an_empty_handle =
    "an empty handle: default-constructed, moved from, or a gradient that is not there yet (call backward "
    "first)";

[[noreturn, gnu::cold]] void throw_not_given(const char* op, const char* name);

}  // namespace internal

// For those who write ops. Throws Error("[op] name is an empty handle: …") if x is one, and likewise for the
// names and tensors after it. Returns x.
template <class... Others>
const Tensor& check_given(const char* op, const char* name, const Tensor& x, const Others&... others) {
  if (!x) internal::throw_not_given(op, name);
  if constexpr (sizeof...(others) > 0) check_given(op, others...);
  return x;
}
// The same for a list, in which an empty handle is called "name[i]".
void check_given(const char* op, const char* name, const std::vector<Tensor>& list);

inline Tensor::Tensor(const Tensor& other) noexcept : impl_(other.impl_) {
  if (impl_) impl_->references.fetch_add(1, std::memory_order_relaxed);
}

inline void internal::release(TensorImpl* impl) noexcept {
  // The last handle needs no locked instruction: nobody else can add a reference any more.
  if (impl->references.load(std::memory_order_acquire) == 1 ||
      impl->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    destroy(impl);
  }
}
// Apart from release, so that a handle that was moved from costs no call.
inline Tensor::~Tensor() {
  if (impl_) internal::release(impl_);
}

inline const Shape& Tensor::shape() const { return impl("shape").shape; }
inline int Tensor::rank() const { return impl("rank").shape.size(); }
inline std::int64_t Tensor::size() const { return impl("size").size; }
inline std::int64_t Tensor::extent(int axis) const {
  const Shape& shape = impl("extent").shape;
  return shape[axis >= 0 && axis < shape.size() ? axis : checked_axis("extent", "axis", axis, shape)];
}
inline Tensor Tensor::to(DType dtype) const { return to(Kind(dtype, impl("to").device)); }
inline Tensor Tensor::to(Device device) const { return to(Kind(impl("to").dtype, device)); }
inline void Tensor::move_to(DType dtype) { move_to(Kind(dtype, impl("move_to").device)); }
inline void Tensor::move_to(Device device) { move_to(Kind(impl("move_to").dtype, device)); }
inline DType Tensor::dtype() const { return impl("dtype").dtype; }
inline Device Tensor::device() const { return impl("device").device; }
inline Kind Tensor::kind() const { return {impl("kind").dtype, impl_->device}; }
inline bool Tensor::wants_grad() const { return impl("wants_grad").wants_grad; }
inline void Tensor::check_access(DType wanted) const {
  if (impl("data").dtype != wanted || !impl_->device.is_cpu()) throw_access(wanted);
}
inline void internal::note_read(TensorImpl& impl) {
  if (changes_since_recording != 0) [[unlikely]]
    check_unchanged(impl);
}
inline const std::byte* Tensor::bytes() const {
  internal::note_read(impl());
  return impl_->data;
}
inline std::byte* Tensor::mutable_bytes() {
  if (!is_sole_owner()) internal::mark_changed(*impl_);
  return impl_->data;
}
inline bool Tensor::is_sole_owner() const {
  return impl("is_sole_owner").references.load(std::memory_order_acquire) == 1 && !impl().owner;
}

}  // namespace taper
