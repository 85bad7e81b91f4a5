// The program's own symbol table: names of kernels for messages, and where __shared__ variables lie.
#include "internal.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string_view>

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cuda_emulator {

extern constinit thread_local unsigned char dynamic_shared[];

namespace {

// The scratch of a device function that kernels share, such as a reduction's, has at most this many bytes.
constexpr std::size_t scratch_bytes = 1024;

[[noreturn]] void give_up(const char* problem) {
  std::fprintf(stderr, "CUDA emulator: the program's symbol table: %s\n", problem);
  std::abort();
}

// The program's file, mapped for good.
const unsigned char* program_file() {
  const int file = open("/proc/self/exe", O_RDONLY);
  struct stat status {};
  if (file < 0 || fstat(file, &status) != 0) give_up("the program's file can't be opened");
  void* bytes = mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (bytes == MAP_FAILED) give_up("the program's file can't be mapped");
  return static_cast<const unsigned char*>(bytes);
}

// Where the program was loaded: what to add to the addresses in its file.
std::uintptr_t load_address() {
  std::uintptr_t address = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        *static_cast<std::uintptr_t*>(result) = info->dlpi_addr;
        return 1;  // the program itself comes first
      },
      &address);
  return address;
}

struct SharedVariable {
  std::string_view function;  // whose variable it is, mangled, without _Z
  std::ptrdiff_t offset;      // from dynamic_shared, in each thread's memory
  std::size_t bytes;
};

class Symbols {
 public:
  Symbols() : load_address_(load_address()) {
    const unsigned char* const file = program_file();
    const auto& header = *reinterpret_cast<const ElfW(Ehdr)*>(file);
    const std::span sections(reinterpret_cast<const ElfW(Shdr)*>(file + header.e_shoff), header.e_shnum);
    for (const ElfW(Shdr) & section : sections) {
      if (section.sh_type != SHT_SYMTAB) continue;
      symbols_ = {reinterpret_cast<const ElfW(Sym)*>(file + section.sh_offset),
                  section.sh_size / sizeof(ElfW(Sym))};
      names_ = reinterpret_cast<const char*>(file + sections[section.sh_link].sh_offset);
    }
    find_shared_variables();
  }

  // The mangled name of the function at this address.
  std::string_view name(const void* function) const {
    const auto address = reinterpret_cast<std::uintptr_t>(function) - load_address_;
    for (const ElfW(Sym) & symbol : symbols_) {
      if (symbol.st_value == address && type(symbol) == STT_FUNC) return names_ + symbol.st_name;
    }
    give_up("no function at a kernel's address");
  }

  const std::vector<SharedVariable>& shared() const { return shared_; }

 private:
  static int type(const ElfW(Sym) & symbol) { return ELF64_ST_TYPE(symbol.st_info); }

  // A variable of a function F is named _ZZ<F>E<its name>. In the namespace of the kernels, those with one
  // copy for each thread are the __shared__ ones.
  void find_shared_variables() {
    std::ptrdiff_t own_offset = -1;
    for (const ElfW(Sym) & symbol : symbols_) {
      if (type(symbol) != STT_TLS) continue;
      const std::string_view name = names_ + symbol.st_name;
      if (name == "_ZN13cuda_emulator14dynamic_sharedE") {
        own_offset = static_cast<std::ptrdiff_t>(symbol.st_value);
      } else if (name.starts_with("_ZZN5taper4cuda")) {
        shared_.push_back({name.substr(3), static_cast<std::ptrdiff_t>(symbol.st_value), symbol.st_size});
      }
    }
    if (own_offset < 0) give_up("it is missing; was the program stripped?");
    for (SharedVariable& variable : shared_) variable.offset -= own_offset;
  }

  std::uintptr_t load_address_;
  std::span<const ElfW(Sym)> symbols_;
  const char* names_ = nullptr;
  std::vector<SharedVariable> shared_;
};

const Symbols& symbols() {
  static const Symbols& instance = *new Symbols;  // never destroyed: kernels may run while the program ends
  return instance;
}

}  // namespace

std::string function_name(const void* address) {
  const std::string mangled(symbols().name(address));
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, nullptr), std::free);
  return name ? name.get() : mangled;
}

const std::vector<SharedRegion>& shared_variables(const void* kernel) {
  // Guarded by device_mutex(), as is all that runs kernels.
  static auto& of_kernels = *new std::map<const void*, std::vector<SharedRegion>>;
  const auto [found, is_new] = of_kernels.try_emplace(kernel);
  if (is_new) {
    const std::string own = std::string(symbols().name(kernel).substr(2)) + "E";
    for (const SharedVariable& variable : symbols().shared()) {
      if (variable.bytes <= scratch_bytes || variable.function.starts_with(own)) {
        found->second.push_back({variable.offset, variable.bytes});
      }
    }
  }
  return found->second;
}

}  // namespace cuda_emulator
