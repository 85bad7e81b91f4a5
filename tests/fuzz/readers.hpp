// The library's readers, each as a function of bytes that may be anything: what libFuzzer calls (fuzz.cpp), and what
// corpus_test.cpp calls with the inputs that it found.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace taper::test {

struct Reader {
  const char* name;  // of its folder in corpus/
  // Reads the bytes. taper::Error is as good an end as any; whatever else happens is a defect.
  void (*read)(std::string_view bytes);
  // Where the length of a header stands in the bytes, and how many bytes it takes; 0 if there is none. A mutation keeps it
  // right, since hardly any input gets past a wrong one.
  std::size_t length_at, length_size;
};

std::span<const Reader> readers();

}  // namespace taper::test
