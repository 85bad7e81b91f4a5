// Names of types, by the demangler of the compiler's own library.
#include "type_name.hpp"

#include <cstdlib>
#include <memory>

#include <cxxabi.h>

namespace taper::internal {

std::string type_name(const std::type_info& type) {
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, nullptr), std::free);
  return name ? name.get() : type.name();
}

std::string short_type_name(const std::type_info& type) {
  const std::string name = type_name(type);
  std::size_t begin = 0;
  int depth = 0;  // of brackets: what stands in them has qualifiers of its own
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<' || name[i] == '(') ++depth;
    if (name[i] == '>' || name[i] == ')') --depth;
    if (name[i] == ':' && depth == 0) begin = i + 1;
  }
  return name.substr(begin);
}

}  // namespace taper::internal
