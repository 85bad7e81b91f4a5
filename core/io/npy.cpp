// .npy files through xtensor's xnpy.hpp, whose reader trusts its input. So the header is checked against the
// format, and the payload against the header, before the reader sees either. Format: NumPy Enhancement
// Proposal 1 (A Simple File Format for NumPy Arrays).
#include "npy.hpp"

#include "../xtensor.hpp"

#if __has_include(<xtensor/xnpy.hpp>)
#include <xtensor/xnpy.hpp>
#else
#include <xtensor/io/xnpy.hpp>
#endif

#include "../fail.hpp"
#include "files.hpp"

#include <regex>
#include <sstream>
#include <string>

namespace taper {
namespace {

[[noreturn]] void reject(const std::string& path, const std::string& why) {
  fail("load_npy", path, ": ", why);
}

// The dtype that the header names, after checking that the bytes hold a whole file.
DType checked_dtype(const std::string& path, const std::string& bytes) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i]));
  };
  if (bytes.size() < 12 || bytes.compare(0, 6, "\x93NUMPY") != 0) reject(path, "is not a .npy file");
  const bool short_length = byte(6) == 1;
  if ((byte(6) != 1 && byte(6) != 2) || byte(7) != 0)
    reject(path, "has a format version other than 1.0 and 2.0");
  const std::size_t start = short_length ? 10 : 12;
  const std::size_t length = byte(8) | byte(9) << 8 | (short_length ? 0 : byte(10) << 16 | byte(11) << 24);
  if (length > bytes.size() - start) reject(path, "is cut short in its header");

  // The padding, which may be long, is left out: std::regex recurses once a character.
  std::string header = bytes.substr(start, length);
  header.erase(header.find_last_not_of(" \n") + 1);
  if (header.size() > 1024) reject(path, "has a header that is not that of a plain array");
  static const std::regex form(
      R"(\{ *'descr': *'([<>|=]?[a-zA-Z]\d*)', *'fortran_order': *(?:True|False), *'shape': *\(((?:\d+ *(?:, *\d+ *)*,?)? *)\),? *\})");
  std::smatch match;
  if (!std::regex_match(header, match, form)) reject(path, "has a header that is not that of a plain array");
  const std::string descr = match[1], extents = match[2];
  if (descr != "<f4" && descr != "<f8")
    reject(path, "has dtype '" + descr + "', wanted '<f4' (float32) or '<f8' (float64)");
  const DType dtype = descr == "<f4" ? float32 : float64;

  std::size_t wanted = size_of(dtype);
  static const std::regex number(R"(\d+)");
  for (std::sregex_iterator it(extents.begin(), extents.end(), number), end; it != end; ++it) {
    if (it->length() > 18 || __builtin_mul_overflow(wanted, std::stoull(it->str()), &wanted)) {
      reject(path, "has a shape too large for memory: (" + extents + ")");
    }
  }
  const std::size_t payload = bytes.size() - start - length;
  if (payload < wanted) {
    reject(path, "is cut short: shape (" + extents + ") takes " + std::to_string(wanted) +
                     " bytes, the file has " + std::to_string(payload));
  }
  return dtype;
}

}  // namespace

Tensor load_npy(const std::string& path) {
  std::string bytes = internal::read_file("load_npy", path);
  const DType dtype = checked_dtype(path, bytes);
  std::istringstream stream(std::move(bytes));
  try {
    return dispatch(dtype, [&]<class T>() { return from_xtensor(xt::load_npy<T>(stream)); });
  } catch (const std::runtime_error& error) {  // xtensor is stricter about the header's padding
    reject(path, error.what());
  }
}

void save_npy(const std::string& path, const Tensor& tensor) {
  check_given("save_npy", "tensor", tensor);
  const Tensor host = tensor.detach().to(Device::cpu());
  const std::string bytes =
      dispatch(tensor.dtype(), [&]<class T>() { return xt::dump_npy(as_xtensor<T>(host)); });
  internal::write_file("save_npy", path, bytes);
}

}  // namespace taper
