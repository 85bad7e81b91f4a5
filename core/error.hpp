// Error: the one exception that the library throws on bad input.
#pragma once

#include <stdexcept>

namespace taper {

// what() reads "[op] what is wrong: what came, what was wanted (in the open scopes)"; scope.hpp
// explains the last.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace taper
