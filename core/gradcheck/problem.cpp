// Calls f, with and without a tape, at inputs that are changed in place.
#include "problem.hpp"

#include "../create.hpp"
#include "../fail.hpp"
#include "../memory/device_memory.hpp"

#include <algorithm>
#include <cstring>

namespace taper::gradcheck_detail {
namespace {

bool shares_elements(const Tensor& a, const Tensor& b) {
  const auto bytes = [](const Tensor& x) { return static_cast<std::size_t>(x.size()) * size_of(x.dtype()); };
  const std::byte *begin_a = a.impl().data, *begin_b = b.impl().data;
  return begin_a < begin_b + bytes(b) && begin_b < begin_a + bytes(a);
}

bool same_bits(const Values& a, const Values& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

}  // namespace

Problem::Problem(const char* op, const ManyToMany& f, const Tensors& inputs, Precision precision)
    : op_(op), f_(f) {
  check_given(op, "inputs", inputs);
  for (const Tensor& given : inputs) {
    Tensor input = given;
    if (given.dtype() != float64 && precision == Precision::widened) {
      input = given.detach().to(float64);
    } else if (given.impl().tape != 0 ||
               std::any_of(inputs_.begin(), inputs_.end(),
                           [&](const Tensor& other) { return shares_elements(given, other); })) {
      input = given.clone();
    }
    originals_.push_back(input.to_vector());
    wanted_grad_.push_back(input.wants_grad());
    input_size_ += input.size();
    inputs_.push_back(std::move(input));
  }
  bases_ = originals_;
  for (Tensor& input : inputs_) input.requires_grad();
}

Problem::~Problem() {
  restore();
  for (std::size_t i = inputs_.size(); i-- > 0;) inputs_[i].requires_grad(wanted_grad_[i]);
}

void Problem::collect(const Tensors& results) {
  values_.clear();
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) fail(op_, "result ", i, " of f is an empty handle");
    const Values values = results[i].to_vector();
    values_.insert(values_.end(), values.begin(), values.end());
  }
  if (!count_) count_ = values_.size();
  if (values_.size() != *count_)
    fail(op_, "f returned ", *count_, " elements at first, and ", values_.size(), " at a point nearby");
}

const Values& Problem::evaluate() {
  const Tape::Recording off(nullptr);
  ++evaluations_;
  collect(f_(inputs_));
  return values_;
}

// Not through mutable_data: for a tape of the caller's nothing has changed, because restore() brings
// back every bit.
void Problem::copy_bytes(const Tensor& to, std::int64_t offset, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  std::byte* const target = to.impl().data + offset;
  if (to.device().is_cpu()) {
    std::memcpy(target, from, bytes);
  } else {
    internal::device_memory(op_, to.device()).to_device(from, target, bytes);
  }
}

void Problem::put(std::size_t input, std::int64_t element, double value) {
  copy_bytes(inputs_[input], element * std::int64_t{sizeof value}, &value, sizeof value);
}

void Problem::put(std::size_t input, const Values& values) {
  const Tensor& x = inputs_[input];
  if (x.dtype() == float64) return copy_bytes(x, 0, values.data(), values.size() * sizeof(double));
  const std::vector<float> narrow(values.begin(), values.end());
  copy_bytes(x, 0, narrow.data(), narrow.size() * sizeof(float));
}

void Problem::move_to(const std::vector<Values>& inputs) {
  bases_ = inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) put(i, inputs[i]);
}

bool Problem::restore() {
  bool changed = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    changed |= !same_bits(inputs_[i].to_vector(), originals_[i]);
    put(i, originals_[i]);
  }
  bases_ = originals_;
  return changed;
}

const Values& Problem::record() {
  results_.clear();
  tape_.emplace();
  ++evaluations_;
  results_ = f_(inputs_);
  collect(results_);
  return values_;
}

std::vector<Values> Problem::vjp(const Values& v) {
  ++evaluations_;
  std::vector<Values> gradients;
  for (const Values& x : originals_) gradients.emplace_back(x.size());
  std::size_t begin = 0;
  for (const Tensor& result : results_) {
    const auto size = static_cast<std::size_t>(result.size());
    const auto first = v.begin() + static_cast<std::ptrdiff_t>(begin);
    begin += size;
    if (!Tape::tracks(result)) continue;  // a constant: its gradient is zero
    const Values part(first, first + static_cast<std::ptrdiff_t>(size));
    const Tensor cotangent = tensor(part, result.shape(), Kind(result.dtype())).to(result.device());
    const Tensors parts = tape_->gradient(result, inputs_, {.keep_graph = true, .cotangent = cotangent});
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const Values values = parts[i].to_vector();
      std::transform(values.begin(), values.end(), gradients[i].begin(), gradients[i].begin(), std::plus<>());
    }
  }
  return gradients;
}

}  // namespace taper::gradcheck_detail
