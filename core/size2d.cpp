// Size2d: how it is written.
#include "size2d.hpp"

#include <ostream>

namespace taper {

std::ostream& operator<<(std::ostream& out, const Size2d& size) {
  return out << '{' << size.height << ", " << size.width << '}';
}

}  // namespace taper
