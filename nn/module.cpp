// Module: walking a tree of modules, to collect the tensors, to copy them out and in, or to set the mode.
#include "module.hpp"

#include "../core/fail.hpp"
#include "../core/io/safetensors.hpp"
#include "../core/memory/transfer.hpp"
#include "../core/text.hpp"
#include "../ops/layout/gather.hpp"
#include "../ops/layout/reshape.hpp"
#include "../ops/product/sparse_matmul.hpp"
#include "type_name.hpp"

#include <algorithm>
#include <cstring>
#include <set>

namespace taper::nn {
namespace {

// Names one by one, "'a', 'b' and 3 more".
class Names {
 public:
  void add(const std::string& name) {
    constexpr int most = 20;
    if (++count_ <= most) names_ += (count_ == 1 ? "" : ", ") + name;
    if (count_ > most) rest_ = " and " + std::to_string(count_ - most) + " more";
  }
  // "; " + label + the names, if there are any.
  std::string sentence(const char* label) const {
    return count_ == 0 ? "" : std::string("; ") + label + names_ + rest_;
  }

 private:
  int count_ = 0;
  std::string names_, rest_;
};

// Do two tensors, one of which may be a view of the other, hold the same bits?
bool are_same(const Tensor& a, const Tensor& b) {
  const Tensor x = a.detach().to(Device::cpu()), y = b.detach().to(Device::cpu());
  return x.impl().element_bytes() == y.impl().element_bytes() &&
         std::memcmp(x.bytes(), y.bytes(), x.impl().element_bytes()) == 0;
}

// Is every element of the matrix 0 that is not at one of the places?
bool is_zero_elsewhere(const Tensor& matrix, const CompressedRows& places) {
  std::vector<double> values = matrix.to_vector();
  for (std::int64_t p = 0; p < places.size(); ++p) values[static_cast<std::size_t>(places.places()[p])] = 0;
  return std::all_of(values.begin(), values.end(), [](double value) { return value == 0; });
}

}  // namespace

void Parts::add(const std::string& name, const Tensor& parameter) {
  entries_.push_back({prefix_ + name, parameter, false, {}});
  check_given("Parts::add", entries_.back().name.c_str(), parameter);
}

void Parts::add(const std::string& name, const Tensor& parameter, const CompressedRows& places) {
  add(name, parameter);
  if (places && !(parameter.shape() == Shape{places.size()})) {
    fail("Parts::add", internal::shown(entries_.back().name), " must have the shape of its places, ",
         Shape{places.size()}, ", got ", parameter.shape());
  }
  entries_.back().places = places;
}

Tensor Parts::Entry::whole() const { return places ? sparse_to_dense(places, tensor.detach()) : tensor; }
Shape Parts::Entry::shape() const { return places ? Shape{places.rows(), places.columns()} : tensor.shape(); }

void Parts::add_buffer(const std::string& name, const Tensor& buffer) {
  entries_.push_back({prefix_ + name, buffer, true, {}});
  check_given("Parts::add_buffer", entries_.back().name.c_str(), buffer);
  if (buffer.wants_grad())
    fail("Parts::add_buffer", internal::shown(entries_.back().name),
         " asks for a gradient: a buffer is not trained");
}

void Parts::add(const std::string& name, const Module& module) {
  if (training_) module.training_ = *training_;
  const std::string outer = std::exchange(prefix_, prefix_ + name + ".");
  ++depth_;
  const std::size_t visit = visits_ ? visits_->size() : 0;
  if (visits_) {
    visits_->push_back(
        {std::string(2 * depth_, ' ') + name + ": " + internal::short_type_name(typeid(module)),
         prefix_.size(), entries_.size(), 0});
  }
  module.list(*this);
  if (visits_) (*visits_)[visit].end = entries_.size();
  --depth_;
  prefix_ = outer;
}

std::vector<Parts::Entry> Module::entries() const {
  Parts parts;
  list(parts);
  return std::move(parts.entries_);
}

std::vector<std::pair<std::string, Tensor>> Module::named(bool are_buffers) const {
  std::vector<std::pair<std::string, Tensor>> tensors;
  std::set<const internal::TensorImpl*> seen;
  for (auto& [name, tensor, is_buffer, places] : entries()) {
    if (is_buffer == are_buffers && seen.insert(&tensor.impl()).second)
      tensors.emplace_back(std::move(name), std::move(tensor));
  }
  return tensors;
}

std::vector<std::pair<std::string, Tensor>> Module::named_parameters() const { return named(false); }
std::vector<std::pair<std::string, Tensor>> Module::named_buffers() const { return named(true); }

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> parameters;
  for (auto& [name, parameter] : named_parameters()) parameters.push_back(std::move(parameter));
  return parameters;
}

void Module::zero_grad() const {
  for (Tensor& parameter : parameters()) parameter.zero_grad();
}

void Module::requires_grad(bool value) const {
  for (Tensor& parameter : parameters()) parameter.requires_grad(value);
}

std::map<std::string, Tensor> Module::state_dict() const {
  std::map<std::string, Tensor> tensors;
  for (const Parts::Entry& entry : entries()) {
    if (!tensors.emplace(entry.name, entry.whole().clone()).second)
      fail("state_dict", "two tensors are called ", internal::shown(entry.name));
  }
  return tensors;
}

void Module::load_state_dict(const std::map<std::string, Tensor>& tensors) const {
  check_state_dict("load_state_dict", "", "", tensors);
  for (auto& [name, tensor, is_buffer, places] : entries()) {
    const Tensor& from = tensors.at(name);
    internal::copy_elements(places ? gather(reshape(from.detach(), {from.size()}), places.places()) : from,
                            tensor);
  }
}

void Module::to(Device device) const {
  for (auto& [name, tensor, is_buffer, places] : entries()) tensor.move_to(device);
}

void Module::to(DType dtype) const {
  for (auto& [name, tensor, is_buffer, places] : entries()) tensor.move_to(dtype);
}

void Module::check_state_dict(const char* op, const std::string& where, const std::string& prefix,
                              const std::map<std::string, Tensor>& tensors) const {
  std::set<std::string> names;
  std::map<const std::byte*, std::string> first_names;  // of the elements of each tensor that fits
  Names twice, missing, wrong, extra, torn;
  for (const Parts::Entry& entry : entries()) {
    const auto& [name, here, is_buffer, places] = entry;
    const std::string quoted = internal::shown(prefix + name);
    if (!names.insert(name).second) {
      twice.add(quoted);
      continue;
    }
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      missing.add(quoted);
      continue;
    }
    const Tensor& tensor = found->second;
    if (tensor && tensor.shape() == entry.shape() && tensor.dtype() == here.dtype()) {
      if (places && !is_zero_elsewhere(tensor, places))
        wrong.add(quoted + " is not 0 in a place that the model does not store");
      const auto [first, is_new] = first_names.emplace(here.impl().data, name);
      if (!is_new && here.size() > 0 && !are_same(tensor, tensors.at(first->second)))
        torn.add(internal::shown(prefix + first->second) + " and " + quoted);
      continue;
    }
    const std::string got = tensor ? internal::text(tensor.dtype(), ' ', tensor.shape()) : "an empty handle";
    wrong.add(internal::text(quoted, " is ", got, ", wanted ", here.dtype(), ' ', entry.shape()));
  }
  for (const auto& [name, tensor] : tensors) {
    if (names.count(name) == 0) extra.add(internal::shown(prefix + name));
  }
  const std::string problems = twice.sentence("two tensors are called ") + missing.sentence("missing: ") +
                               extra.sentence("not in the model: ") + wrong.sentence("wrong: ") +
                               torn.sentence("one tensor in the model, but of different values here: ");
  if (!problems.empty()) fail(op, where, "the tensors don't fit the model", problems);
}

void Module::train(bool on) const {
  training_ = on;
  Parts parts;
  parts.training_ = on;
  list(parts);
}

}  // namespace taper::nn
