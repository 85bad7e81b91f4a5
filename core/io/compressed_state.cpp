// compress_state and expand_state: values and masks.
#include "compressed_state.hpp"

#include "../create.hpp"
#include "../fail.hpp"
#include "number_text.hpp"
#include "safetensors.hpp"
#include "stored.hpp"

#include <cmath>
#include <sstream>

namespace taper {
namespace {

constexpr std::int64_t bits = 24;  // of a number of a mask
constexpr const char* marker = "taper.compressed.";

template <class T>
bool is_stored(T x) {
  return x != 0 || std::signbit(x);
}

// The numbers of a text such as "384 128". Returns false if it is no shape.
bool read_shape(const std::string& text, Shape& shape) {
  std::istringstream words(text);
  std::vector<std::int64_t> extents;
  for (std::string word; words >> word;) {
    if (!internal::from_text(word, extents.emplace_back()) || extents.back() < 0) return false;
  }
  if (extents.size() > internal::max_axes) return false;
  shape = Shape(extents.data(), static_cast<int>(extents.size()));
  return true;
}

std::string text_of(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape) text += (text.empty() ? "" : " ") + internal::to_text(extent);
  return text;
}

// Adds the two parts of a tensor on the CPU to the state, if they are smaller. Returns whether they are.
template <class T>
bool compress_into(State& state, const std::string& name, const Tensor& tensor) {
  const T* const x = tensor.data<T>();
  const std::int64_t n = tensor.size(), words = (n + bits - 1) / bits;
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < n; ++i) count += is_stored(x[i]);
  if (count * std::int64_t{sizeof(T)} + words * std::int64_t{sizeof(float)} >= n * std::int64_t{sizeof(T)})
    return false;
  Tensor values = zeros({count}, tensor.dtype()), mask = zeros({words});
  T* to = values.mutable_data<T>();
  float* const numbers = mask.mutable_data<float>();
  for (std::int64_t i = 0; i < n; ++i) {
    if (!is_stored(x[i])) continue;
    *to++ = x[i];
    numbers[i / bits] += static_cast<float>(1 << i % bits);
  }
  const bool is_new = state.tensors.emplace(name + ".values", values).second &&
                      state.tensors.emplace(name + ".mask", mask).second &&
                      state.texts.emplace(marker + name, text_of(tensor.shape())).second;
  if (!is_new) fail("compress_state", "a name for a part of ", internal::shown(name), " is taken");
  return true;
}

// The tensor with the values where the mask says so.
Tensor expanded(const std::string& name, const Shape& shape, const Tensor& mask, const Tensor& values) {
  constexpr const char* op = "expand_state";
  std::int64_t bytes = 0;
  if (!internal::count_bytes(shape, size_of(values.dtype()), bytes) || values.rank() != 1 ||
      !(mask.shape() == Shape{(element_count(op, shape) + bits - 1) / bits}) || mask.dtype() != float32) {
    fail(op, internal::shown(name), " of shape ", shape, " has a mask ", mask.dtype(), ' ', mask.shape(),
         " and values ", values.shape());
  }
  Tensor result = zeros(shape, values.dtype());
  dispatch(values.dtype(), [&]<class T>() {
    const T* from = values.data<T>();
    T* const to = result.mutable_data<T>();
    const float* const numbers = mask.data<float>();
    std::int64_t left = values.size();
    for (std::int64_t word = 0; word < mask.size(); ++word) {
      const float number = numbers[word];
      const std::int64_t here = std::min(bits, result.size() - word * bits);
      if (!(number >= 0 && number < static_cast<float>(1 << here) && number == std::floor(number)))
        fail(op, "the mask of ", internal::shown(name), " has ", number, ", wanted ", here, " bits");
      const auto set = static_cast<std::uint32_t>(number);
      for (std::int64_t bit = 0; bit < here; ++bit) {
        if ((set >> bit & 1) == 0) continue;
        if (--left < 0)
          fail(op, "the mask of ", internal::shown(name), " wants more values than ", values.size());
        to[word * bits + bit] = *from++;
      }
    }
    if (left != 0) fail(op, "the mask of ", internal::shown(name), " leaves ", left, " values over");
  });
  return result;
}

}  // namespace

State compress_state(const State& state) {
  const auto text = state.texts.lower_bound(marker);
  if (text != state.texts.end() && text->first.starts_with(marker))
    fail("compress_state", "the state is compressed already: it has the text ", internal::shown(text->first));
  State result(std::map<std::string, Tensor>(), state.texts);
  result.others = state.others;
  for (const auto& [name, tensor] : state.tensors) {
    check_given("compress_state", name.c_str(), tensor);
    const Tensor host = tensor.detach().to(Device::cpu());
    const bool is_smaller =
        dispatch(host.dtype(), [&, &name = name]<class T>() { return compress_into<T>(result, name, host); });
    if (!is_smaller && !result.tensors.emplace(name, tensor).second)
      fail("compress_state", "a name for a part of a tensor is taken: ", internal::shown(name));
  }
  return result;
}

State expand_state(const State& state) {
  State result = state;
  for (auto text = result.texts.lower_bound(marker);
       text != result.texts.end() && text->first.starts_with(marker);) {
    const std::string name = text->first.substr(std::string_view(marker).size());
    Shape shape;
    if (!read_shape(text->second, shape)) {
      fail("expand_state", "text ", internal::shown(text->first), " must be a shape, got ",
           internal::shown(text->second));
    }
    const auto values = result.tensors.extract(name + ".values"),
               mask = result.tensors.extract(name + ".mask");
    if (!values || !mask || !values.mapped() || !mask.mapped())
      fail("expand_state", internal::shown(name), " lacks its values or its mask");
    const Tensor whole =
        expanded(name, shape, mask.mapped().to(Device::cpu()), values.mapped().to(Device::cpu()));
    if (!result.tensors.emplace(name, whole).second)
      fail("expand_state", internal::shown(name), " is there twice");
    text = result.texts.erase(text);
  }
  return result;
}

}  // namespace taper
