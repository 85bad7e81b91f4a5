// Scope: a name for what the program is doing, which every error that is thrown meanwhile mentions.
#pragma once

#include <cstdint>
#include <string>

namespace taper {

// A named place, from its construction to the end of the block, on this thread:
//
//   for (std::size_t i = 0; i < blocks.size(); ++i) {
//     Scope scope("blocks", i);
//     x = blocks[i](x);
//   }
//
// An error inside then ends with " (in blocks.2.attention.key)": the open scopes, outermost first. Modules
// open one for each of their parts, named as in named_parameters(). A scope costs a few nanoseconds and no
// memory: the text is made when there is an error. The name must outlive the scope, as a literal does.
class [[nodiscard]] Scope {
 public:
  explicit Scope(const char* name) : Scope(name, none, true) {}
  // "name.index".
  Scope(const char* name, std::size_t index) : Scope(name, static_cast<std::int64_t>(index), true) {}
  // "index".
  explicit Scope(std::size_t index) : Scope(nullptr, index) {}
  // Opens the scope only if none is open: what a module calls itself if nobody else has named it.
  static Scope outermost(const char* name) { return Scope(name, none, open_ == nullptr); }
  ~Scope() { open_ = outer_; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // The open scopes, joined by dots: "blocks.2.attention.key"; "" if none is open.
  static std::string path();

 private:
  static constexpr std::int64_t none = -1;

  Scope(const char* name, std::int64_t index, bool opens) : name_(name), index_(index), outer_(open_) {
    if (opens) open_ = this;
  }

  static constinit thread_local const Scope* open_;  // the innermost

  const char* name_;  // null: the index alone
  std::int64_t index_;
  const Scope* outer_;
};

}  // namespace taper
