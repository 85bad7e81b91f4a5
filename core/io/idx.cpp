// The idx format: two zero bytes, a byte for the type of the elements, a byte for the number of axes, the extents as
// 32-bit numbers, and the elements in row-major order. All numbers are big-endian.
#include "idx.hpp"

#include "../fail.hpp"
#include "files.hpp"
#include "stored.hpp"

#include <optional>
#include <string_view>

namespace taper {
namespace {

using internal::Stored;
using internal::StoredArray;

std::optional<Stored> kind_of(unsigned char type) {
  switch (type) {
    case 0x08:
      return Stored::uint8;
    case 0x09:
      return Stored::int8;
    case 0x0b:
      return Stored::int16;
    case 0x0c:
      return Stored::int32;
    case 0x0d:
      return Stored::float32;
    case 0x0e:
      return Stored::float64;
    default:
      return std::nullopt;
  }
}

StoredArray checked(const char* op, const std::string& path, std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.starts_with("\x1f\x8b"))
    fail(op, path, ": is compressed; gunzip makes the file that is read here");
  if (bytes.size() < 4 || byte(0) != 0 || byte(1) != 0 || !kind_of(byte(2)) || byte(3) == 0)
    fail(op, path, ": is not an idx file");
  const std::size_t rank = byte(3), header = 4 + 4 * rank;
  if (bytes.size() < header) fail(op, path, ": is cut short in its header");
  Shape shape = Shape::filled(static_cast<int>(rank), 0);
  const StoredArray extents{Stored::uint32, shape, bytes.substr(4, 4 * rank), true};
  internal::for_each_number(extents, [&](std::int64_t axis, auto extent) {
    shape[static_cast<int>(axis)] = static_cast<std::int64_t>(extent);
  });
  const StoredArray array{*kind_of(byte(2)), shape, bytes.substr(header), true};
  std::int64_t wanted = 0;
  const bool overflows = !internal::count_bytes(shape, internal::size_of(array.kind), wanted);
  const std::size_t size = array.bytes.size();
  if (overflows || static_cast<std::size_t>(wanted) != size) {
    fail(op, path, ": has the shape ", shape, ", for which ", size, " bytes are too ",
         overflows || static_cast<std::size_t>(wanted) > size ? "few" : "many");
  }
  return array;
}

}  // namespace

Tensor load_idx(const std::string& path) {
  const std::string bytes = internal::read_file("load_idx", path);
  const StoredArray array = checked("load_idx", path, bytes);
  const bool wide = array.kind == Stored::int32 || array.kind == Stored::float64;
  return internal::converted("load_idx", path, array, wide ? float64 : float32);
}

Indices load_idx_labels(const std::string& path) {
  constexpr const char* op = "load_idx_labels";
  const std::string bytes = internal::read_file(op, path);
  const StoredArray array = checked(op, path, bytes);
  if (array.kind == Stored::float32 || array.kind == Stored::float64)
    fail(op, path, ": holds floats; load_idx reads them");
  std::vector<std::int64_t> values(static_cast<std::size_t>(element_count(op, array.shape)));
  internal::for_each_number(array, [&](std::int64_t i, auto number) {
    values[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(number);
  });
  return {std::move(values), array.shape};
}

}  // namespace taper
