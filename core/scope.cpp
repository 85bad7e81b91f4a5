// Scope: the text of the open scopes.
#include "scope.hpp"

namespace taper {

constinit thread_local const Scope* Scope::open_ = nullptr;

std::string Scope::path() {
  std::string path;
  for (const Scope* scope = open_; scope; scope = scope->outer_) {
    std::string name = scope->name_ ? scope->name_ : "";
    if (scope->index_ != none) {
      if (scope->name_) name += '.';
      name += std::to_string(scope->index_);
    }
    if (!path.empty()) name += '.';
    path = name + path;
  }
  return path;
}

}  // namespace taper
