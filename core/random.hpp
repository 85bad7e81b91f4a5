// Random tensors from an explicit generator whose stream is the same, bit for bit, on every machine.
#pragma once

#include "indices.hpp"
#include "tensor.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace taper {

class Generator;
namespace internal {
class DrawWatch;
extern constinit thread_local DrawWatch* draw_watch;  // draw_watch.hpp; null if none watches this thread
void note_draw(Generator& generator);
void note_end(const Generator& generator) noexcept;

// The stream of std::mt19937_64, whose header would take a tenth of the time in which a user's file compiles,
// and whose text is another with each standard library.
struct Engine {
  static constexpr std::size_t size = 312;

  explicit Engine(std::uint64_t seed);
  std::uint64_t operator()();

  std::uint64_t words[size];
  std::size_t next = size;  // the word that gives the next number; after the last one all are made anew
};

}  // namespace internal

// A stream of random numbers. The engine is that of std::mt19937_64, whose output the C++ standard fixes; the
// distributions are ours, because the standard leaves theirs open and libm's log differs between machines in
// the last bit.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0) : engine_(seed) {}
  Generator(const Generator&) = default;
  Generator& operator=(const Generator&) = default;
  ~Generator() {
    if (internal::draw_watch) [[unlikely]]
      internal::note_end(*this);
  }

  // 64 random bits.
  std::uint64_t bits() {
    if (internal::draw_watch) [[unlikely]]
      internal::note_draw(*this);
    return engine_();
  }
  // Uniform in [0, 1): a multiple of 2^-53.
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  // Standard normal, by Marsaglia's polar method (SIAM Review 6, 1964).
  double normal();

  // Where in the stream it stands, as a line of text: set_state() of any generator goes on from there,
  // bit for bit. The form of the text is the C++ standard library's own: libstdc++ and libc++ don't
  // read each other's.
  std::string state() const;
  // Throws, and changes nothing, if the text is not one that state() writes.
  void set_state(const std::string& text);

 private:
  internal::Engine engine_;
  double spare_ = 0;
  bool has_spare_ = false;
};

// The generator that is used if none is given. Each thread has one, seeded with 0; assign to it to reseed:
//   default_generator() = Generator(42);
Generator& default_generator();

// Standard normal elements. float32 elements are the rounded float64 ones of the same stream. On a device
// they are the same bits: the CPU draws them.
Tensor randn(const Shape& shape, Generator& generator, Kind kind = float32);
Tensor randn(const Shape& shape, Kind kind = float32);

// Elements uniform in [low, high). Throws unless low < high, both are finite, and a value of the dtype lies
// in [low, high).
Tensor uniform(const Shape& shape, double low, double high, Generator& generator, Kind kind = float32);
Tensor uniform(const Shape& shape, double low, double high, Kind kind = float32);

// The same, of like's shape and kind.
Tensor randn_like(const Tensor& like, Generator& generator);
Tensor randn_like(const Tensor& like);
Tensor uniform_like(const Tensor& like, double low, double high, Generator& generator);
Tensor uniform_like(const Tensor& like, double low, double high);

// Integers from low to high - 1, each as likely as the others. Throws unless low < high.
Indices randint(const Shape& shape, std::int64_t low, std::int64_t high, Generator& generator);
Indices randint(const Shape& shape, std::int64_t low, std::int64_t high);

}  // namespace taper
