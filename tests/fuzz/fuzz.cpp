// A fuzzer of the readers: taper_fuzz --reader=npy CORPUS…, with libFuzzer's options. run.sh runs all.
#include "fuzz/readers.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

const taper::test::Reader* reader = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  constexpr std::string_view option = "--reader=";
  for (int i = 1; i < *count; ++i) {
    const std::string_view argument = (*arguments)[i];
    for (const taper::test::Reader& each : taper::test::readers()) {
      if (argument.starts_with(option) && argument.substr(option.size()) == each.name) reader = &each;
    }
  }
  if (reader) return 0;
  std::fprintf(stderr, "wanted --reader= and the name of a reader\n");
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  reader->read({reinterpret_cast<const char*>(data), size});
  return 0;
}

// Mutates the header or what is behind it, and sets the header's length anew; or, now and then, any bytes.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed) {
  const std::size_t start = reader->length_at + reader->length_size;
  std::uint64_t length = 0;
  if (start == 0 || size < start || seed % 8 == 0) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(&length, data + reader->length_at, reader->length_size);
  length = std::min<std::uint64_t>(length, size - start);
  const std::vector<std::uint8_t> rest(data + start + length, data + size);
  if (seed % 8 == 1)
    return start + length + LLVMFuzzerMutate(data + start + length, rest.size(), most - start - length);
  length = LLVMFuzzerMutate(data + start, length, std::min<std::size_t>(most - start - rest.size(), 65535));
  std::memcpy(data + reader->length_at, &length, reader->length_size);
  std::copy(rest.begin(), rest.end(), data + start + length);
  return start + length + rest.size();
}
