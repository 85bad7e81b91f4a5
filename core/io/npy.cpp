// The .npy format: "\x93NUMPY", two bytes of the version, the length of the header (two bytes, and four since
// 2.0), the header, and the elements. The header is a dictionary as Python writes it,
//   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
// and is read as Python would read it: other orders, quotes and spaces mean the same. Source: NumPy
// Enhancement Proposal 1 (A Simple File Format for NumPy Arrays).
#include "npy.hpp"

#include "../fail.hpp"
#include "../text.hpp"
#include "files.hpp"
#include "safetensors.hpp"
#include "stored.hpp"

#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taper {
namespace {

using internal::Stored;
using internal::StoredArray;

constexpr const char* npy_op = "load_npy";

[[noreturn]] void reject(const std::string& path, const std::string& why) { fail(npy_op, path, ": ", why); }

struct NpyHeader {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

class NpyHeaderReader {
 public:
  NpyHeaderReader(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  NpyHeader read() {
    NpyHeader header;
    expect('{');
    while (!take('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr" && skip_spaces() == '[')
        reject(
            path_,
            "has fields (a structured dtype); save each as an array of its own: numpy.save(path, x['name'])");
      if (key == "descr" && !header.descr) {
        header.descr = string();
      } else if (key == "fortran_order" && !header.fortran_order) {
        header.fortran_order = truth();
      } else if (key == "shape" && !header.shape) {
        header.shape = extents();
      } else {
        wrong();
      }
      if (take('}')) break;
      expect(',');
    }
    if (skip_spaces() != '\0' || !header.descr || !header.fortran_order || !header.shape) wrong();
    return header;
  }

 private:
  [[noreturn]] void wrong() const { reject(path_, "has a header that is not that of a plain array"); }

  // The next character that is no space, '\0' at the end.
  char skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || (text_[at_] >= '\t' && text_[at_] <= '\r'))) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char wanted) {
    const bool there = skip_spaces() == wanted;
    at_ += there;
    return there;
  }
  void expect(char wanted) {
    if (!take(wanted)) wrong();
  }

  // 'text' or "text". No key and no dtype has a backslash in it.
  std::string string() {
    const char quote = skip_spaces();
    if (quote != '\'' && quote != '"') wrong();
    const std::size_t begin = at_ + 1, end = text_.find(quote, begin);
    if (end == text_.npos) wrong();
    at_ = end + 1;
    return std::string(text_.substr(begin, end - begin));
  }

  bool truth() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    }
    wrong();
  }

  // A tuple: (), (3,) or (3, 4); but (3) is a number.
  std::vector<std::int64_t> extents() {
    std::vector<std::int64_t> list;
    expect('(');
    bool comma = true;
    while (!take(')')) {
      if (!comma || list.size() == internal::max_axes) wrong();
      list.push_back(number());
      comma = take(',');
      if (!comma && list.size() == 1) wrong();
    }
    return list;
  }

  std::int64_t number() {
    skip_spaces();
    const std::size_t begin = at_;
    std::int64_t value = 0;
    bool overflows = false;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      overflows |= __builtin_mul_overflow(value, std::int64_t{10}, &value) ||
                   __builtin_add_overflow(value, std::int64_t{text_[at_] - '0'}, &value);
    }
    if (at_ == begin) wrong();
    if (overflows) reject(path_, "has a shape too large for memory");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // as Python 2 wrote them
    return value;
  }

  const std::string& path_;
  std::string_view text_;
  std::size_t at_ = 0;
};

// The kind that a descr names, such as "<f4" or "|b1", if it is one of numbers.
std::optional<Stored> kind_of(std::string_view descr) {
  if (!descr.empty() && std::string_view("<>=|").find(descr[0]) != descr.npos) descr.remove_prefix(1);
  constexpr std::pair<std::string_view, Stored> kinds[] = {
      {"b1", Stored::boolean}, {"i1", Stored::int8},    {"u1", Stored::uint8},   {"i2", Stored::int16},
      {"u2", Stored::uint16},  {"i4", Stored::int32},   {"u4", Stored::uint32},  {"i8", Stored::int64},
      {"u8", Stored::uint64},  {"f2", Stored::float16}, {"f4", Stored::float32}, {"f8", Stored::float64}};
  for (const auto& [name, kind] : kinds) {
    if (name == descr) return kind;
  }
  return std::nullopt;
}

// The array in a file, after checking that the bytes hold a whole one.
StoredArray array_of(const std::string& path, std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(bytes[i])}; };
  if (bytes.starts_with("PK\3\4"))
    reject(path, "is a .npz archive: unpack it, and read the .npy files in it");
  if (bytes.size() < 12 || !bytes.starts_with("\x93NUMPY")) reject(path, "is not a .npy file");
  const std::size_t version = byte(6);
  if (version < 1 || version > 3 || byte(7) != 0) {
    reject(path, "has format version " + std::to_string(version) + "." + std::to_string(byte(7)) +
                     ", wanted 1.0, 2.0 or 3.0");
  }
  const std::size_t start = version == 1 ? 10 : 12;
  const std::size_t length = byte(8) | byte(9) << 8 | (version == 1 ? 0 : byte(10) << 16 | byte(11) << 24);
  if (length > bytes.size() - start) reject(path, "is cut short in its header");

  const NpyHeader header = NpyHeaderReader(path, bytes.substr(start, length)).read();
  const std::optional<Stored> kind = kind_of(*header.descr);
  if (!kind) {
    reject(path, "has dtype " + internal::shown(*header.descr) +
                     ", wanted truth values, whole numbers or floats of at most 64 bits; NumPy converts to "
                     "them, as in "
                     "numpy.save(path, x.astype('float32'))");
  }
  const Shape shape(header.shape->data(), static_cast<int>(header.shape->size()));
  std::int64_t wanted = 0;
  if (!internal::count_bytes(shape, internal::size_of(*kind), wanted))
    fail(npy_op, path, ": has a shape too large for memory: ", shape);
  const std::string_view payload = bytes.substr(start + length);
  if (payload.size() < static_cast<std::size_t>(wanted)) {
    fail(npy_op, path, ": is cut short: shape ", shape, " takes ", wanted, " bytes, the file has ",
         payload.size());
  }
  return {*kind, shape, payload.substr(0, static_cast<std::size_t>(wanted)), (*header.descr)[0] == '>',
          *header.fortran_order};
}

}  // namespace

Tensor load_npy(const std::string& path) {
  const std::string bytes = internal::read_file(npy_op, path);
  const StoredArray array = array_of(path, bytes);
  const Stored kind = array.kind;
  if (kind != Stored::float32 && kind != Stored::float64) {
    const bool is_wide = internal::size_of(kind) >= 4;
    reject(path, std::string("has dtype ") + internal::name_of(kind) +
                     ", wanted float32 or float64; load_npy(path, " + (is_wide ? "float64" : "float32") +
                     ") converts it");
  }
  return internal::converted(npy_op, path, array, kind == Stored::float32 ? float32 : float64);
}

Tensor load_npy(const std::string& path, DType dtype) {
  const std::string bytes = internal::read_file(npy_op, path);
  return internal::converted(npy_op, path, array_of(path, bytes), dtype);
}

void save_npy(const std::string& path, const Tensor& tensor) {
  check_given("save_npy", "tensor", tensor);
  const Tensor host = tensor.detach().to(Device::cpu());
  std::string shape;
  for (const std::int64_t extent : host.shape())
    shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
  if (host.rank() == 1) shape += ',';
  std::string header = internal::text("{'descr': '", host.dtype() == float32 ? "<f4" : "<f8",
                                      "', 'fortran_order': False, 'shape': (", shape, "), }");
  // The elements begin at a multiple of 64 bytes.
  constexpr std::size_t start = 10, alignment = 64;
  header.append(alignment - (start + header.size() + 1) % alignment, ' ') += '\n';
  if (header.size() > 65535)
    fail("save_npy", path, ": the tensor has ", host.rank(), " axes, too many for the format");
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 255);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(host.impl().data),
               static_cast<std::size_t>(host.size()) * size_of(host.dtype()));
  internal::write_file("save_npy", path, bytes);
}

}  // namespace taper
