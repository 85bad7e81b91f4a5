// The idx format: two zero bytes, a byte for the type of the elements, a byte for the number of axes, the extents as
// 32-bit numbers, and the elements in row-major order. All numbers are big-endian.
#include "idx.hpp"

#include "../fail.hpp"
#include "files.hpp"

#include <bit>
#include <cstring>
#include <string_view>

namespace taper {
namespace {

static_assert(std::endian::native == std::endian::little, "the bytes are turned around");

template <class T>
T big_endian(const char* bytes) {
  char turned[sizeof(T)];
  for (std::size_t i = 0; i < sizeof(T); ++i) turned[i] = bytes[sizeof(T) - 1 - i];
  T value;
  std::memcpy(&value, turned, sizeof(T));
  return value;
}

struct Array {
  unsigned char type;
  Shape shape;
  std::string_view elements;
};

std::size_t bytes_of(unsigned char type) {
  switch (type) {
    case 0x08:
    case 0x09:
      return 1;
    case 0x0b:
      return 2;
    case 0x0c:
    case 0x0d:
      return 4;
    case 0x0e:
      return 8;
    default:
      return 0;
  }
}

Array checked(const char* op, const std::string& path, std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.starts_with("\x1f\x8b"))
    fail(op, path, ": is compressed; gunzip makes the file that is read here");
  if (bytes.size() < 4 || byte(0) != 0 || byte(1) != 0 || bytes_of(byte(2)) == 0 || byte(3) == 0)
    fail(op, path, ": is not an idx file");
  const std::size_t rank = byte(3), header = 4 + 4 * rank;
  if (bytes.size() < header) fail(op, path, ": is cut short in its header");
  Array array{byte(2), Shape::filled(static_cast<int>(rank), 0), bytes.substr(header)};
  std::uint64_t wanted = bytes_of(array.type);
  bool overflows = false, empty = false;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const auto extent = big_endian<std::uint32_t>(bytes.data() + 4 + 4 * axis);
    array.shape[static_cast<int>(axis)] = extent;
    empty |= extent == 0;
    overflows |= extent != 0 && __builtin_mul_overflow(wanted, extent, &wanted);
  }
  if (empty) wanted = 0;
  if (overflows || wanted != array.elements.size()) {
    fail(op, path, ": has the shape ", array.shape, ", for which ", array.elements.size(), " bytes are too ",
         overflows || wanted > array.elements.size() ? "few" : "many");
  }
  return array;
}

// Calls write(i, element) for each element.
template <class T, class Write>
void walk(const Array& array, const Write& write) {
  const auto count = static_cast<std::int64_t>(array.elements.size() / sizeof(T));
  for (std::int64_t i = 0; i < count; ++i) {
    write(i, big_endian<T>(array.elements.data() + static_cast<std::size_t>(i) * sizeof(T)));
  }
}

// The same for whichever type the array has.
template <class Write>
void walk(const Array& array, const Write& write) {
  switch (array.type) {
    case 0x08:
      return walk<std::uint8_t>(array, write);
    case 0x09:
      return walk<std::int8_t>(array, write);
    case 0x0b:
      return walk<std::int16_t>(array, write);
    case 0x0c:
      return walk<std::int32_t>(array, write);
    case 0x0d:
      return walk<float>(array, write);
    default:
      return walk<double>(array, write);
  }
}

}  // namespace

Tensor load_idx(const std::string& path) {
  const std::string bytes = internal::read_file("load_idx", path);
  const Array array = checked("load_idx", path, bytes);
  const bool wide = array.type == 0x0c || array.type == 0x0e;
  Tensor result = Tensor::uninitialized("load_idx", array.shape, wide ? float64 : float32);
  dispatch(result.dtype(), [&]<class T>() {
    T* out = result.mutable_data<T>();
    walk(array, [out](std::int64_t i, auto element) { out[i] = static_cast<T>(element); });
  });
  return result;
}

Indices load_idx_labels(const std::string& path) {
  constexpr const char* op = "load_idx_labels";
  const std::string bytes = internal::read_file(op, path);
  const Array array = checked(op, path, bytes);
  if (array.type >= 0x0d) fail(op, path, ": holds floats; load_idx reads them");
  std::vector<std::int64_t> values(array.elements.size() / bytes_of(array.type));
  walk(array, [&](std::int64_t i, auto element) {
    values[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(element);
  });
  return {std::move(values), array.shape};
}

}  // namespace taper
