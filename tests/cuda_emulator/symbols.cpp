// The program's own symbol table: names of kernels for messages, and where __shared__ variables lie.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include "internal.hpp"

namespace cuda_emulator {

extern constinit thread_local unsigned char dynamic_shared[];

namespace {

// The scratch of a device function that the kernels share, such as a reduction's, has at most as many bytes.
constexpr std::size_t scratch_bytes = 1024;

struct SharedVariable {
  std::string function;   // whose variable it is, mangled without _Z
  std::ptrdiff_t offset;  // from dynamic_shared, in each thread's memory
  std::size_t bytes;
};

struct Symbols {
  std::map<std::uintptr_t, std::pair<std::size_t, std::string>>
      functions;  // size and mangled name by address
  std::vector<SharedVariable> shared;
};

// A variable of a function F is named _ZZ<F>E<its name>. In a program's kernels, those with one copy a thread
// are the
// __shared__ ones.
bool is_shared_variable(const std::string& name) {
  return name.starts_with("_ZZN5taper4cuda") && name.find('E') != std::string::npos;
}

Symbols read_symbols() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto at = [&]<class T>(std::size_t offset, T*) {
    T value{};
    if (offset + sizeof(T) <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
  };
  const ElfW(Addr) base = [] {
    ElfW(Addr) first = 0;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* result) {
          *static_cast<ElfW(Addr)*>(result) = info->dlpi_addr;
          return 1;  // the program itself comes first
        },
        &first);
    return first;
  }();
  Symbols symbols;
  const auto header = at(0, static_cast<ElfW(Ehdr)*>(nullptr));
  std::ptrdiff_t own_offset = -1;
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    const auto table = at(header.e_shoff + i * sizeof(ElfW(Shdr)), static_cast<ElfW(Shdr)*>(nullptr));
    if (table.sh_type != SHT_SYMTAB) continue;
    const auto names =
        at(header.e_shoff + table.sh_link * sizeof(ElfW(Shdr)), static_cast<ElfW(Shdr)*>(nullptr));
    for (std::size_t offset = 0; offset < table.sh_size; offset += sizeof(ElfW(Sym))) {
      const auto symbol = at(table.sh_offset + offset, static_cast<ElfW(Sym)*>(nullptr));
      const char* name = bytes.data() + names.sh_offset + symbol.st_name;
      const int type = ELF64_ST_TYPE(symbol.st_info);
      if (type == STT_FUNC && symbol.st_size > 0) {
        symbols.functions[base + symbol.st_value] = {symbol.st_size, name};
      } else if (type == STT_TLS && std::strcmp(name, "_ZN13cuda_emulator14dynamic_sharedE") == 0) {
        own_offset = static_cast<std::ptrdiff_t>(symbol.st_value);
      } else if (type == STT_TLS && is_shared_variable(name)) {
        symbols.shared.push_back(
            {std::string(name + 3), static_cast<std::ptrdiff_t>(symbol.st_value), symbol.st_size});
      }
    }
  }
  if (own_offset < 0) {
    std::fprintf(stderr, "CUDA emulator: the program has no symbol table; was it stripped?\n");
    std::abort();
  }
  for (SharedVariable& variable : symbols.shared) variable.offset -= own_offset;
  return symbols;
}

const Symbols& symbols() {
  static const Symbols& instance = *new Symbols(read_symbols());
  return instance;
}

std::string mangled_name(const void* address) {
  const auto found = symbols().functions.find(reinterpret_cast<std::uintptr_t>(address));
  return found == symbols().functions.end() ? "?" : found->second.second;
}

}  // namespace

std::string function_name(const void* address) {
  const std::string mangled = mangled_name(address);
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, nullptr), std::free);
  return name ? name.get() : mangled;
}

std::vector<Region> shared_variables(const void* kernel) {
  const std::string mangled = mangled_name(kernel);
  std::vector<Region> regions;
  for (const SharedVariable& variable : symbols().shared) {
    const bool own = mangled.size() > 2 && variable.function.starts_with(mangled.substr(2) + "E");
    if (own || variable.bytes <= scratch_bytes)
      regions.push_back({dynamic_shared + variable.offset, variable.bytes});
  }
  return regions;
}

}  // namespace cuda_emulator
