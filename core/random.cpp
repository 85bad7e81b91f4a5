// Random numbers from exact IEEE operations only (+, -, *, /, sqrt). cmake/library.cmake compiles this file
// without fused multiply-adds, which round differently and which not every machine has.
#include "random.hpp"

#include "fail.hpp"
#include "memory/transfer.hpp"
#include "text.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <iomanip>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taper {
namespace {

// The natural logarithm of x > 0: with x = m 2^e, 1/sqrt(2) <= m < sqrt(2), and s = (m - 1) / (m + 1),
//   log x = e log 2 + 2 (s + s^3/3 + s^5/5 + …),   |s| < 0.172, so that eleven terms reach 1e-17.
double portable_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752440) {
    m *= 2;
    --exponent;
  }
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double series = 0;
  for (int k = 21; k >= 1; k -= 2) series = series * s2 + 1.0 / k;
  return exponent * 0.69314718055994530942 + 2 * s * series;
}

template <class Draw>
Tensor draw(const char* op, const Shape& shape, Kind kind, Draw next) {
  Tensor result = Tensor::uninitialized(op, shape, kind.dtype);
  dispatch(kind.dtype, [&]<class T>() {
    T* out = result.mutable_data<T>();
    for (std::int64_t i = 0, n = result.size(); i < n; ++i) out[i] = static_cast<T>(next());
  });
  return kind.device.is_cpu() ? result : internal::copied(op, result, kind);
}

}  // namespace

// The recurrence and the numbers in it are the standard's ([rand.eng.mers], [rand.predef]), from Matsumoto and
// Nishimura, "Mersenne Twister" (1998), in the 64-bit version of Nishimura (2000).
internal::Engine::Engine(std::uint64_t seed) {
  words[0] = seed;
  for (std::size_t i = 1; i < size; ++i)
    words[i] = 6364136223846793005u * (words[i - 1] ^ (words[i - 1] >> 62)) + i;
}

std::uint64_t internal::Engine::operator()() {
  if (next == size) {
    constexpr std::size_t half = size / 2;
    constexpr std::uint64_t low_bits = 0x7fffffff;
    const auto renew = [&](std::size_t i, std::size_t after, std::size_t across) {
      const std::uint64_t x = (words[i] & ~low_bits) | (words[after] & low_bits);
      words[i] = words[across] ^ (x >> 1) ^ ((x & 1) * 0xb5026f5aa96619e9u);
    };
    for (std::size_t i = 0; i < half; ++i) renew(i, i + 1, i + half);
    for (std::size_t i = half; i < size - 1; ++i) renew(i, i + 1, i - half);
    renew(size - 1, 0, half - 1);
    next = 0;
  }
  std::uint64_t x = words[next++];
  x ^= x >> 29 & 0x5555555555555555u;
  x ^= x << 17 & 0x71d67fffeda60000u;
  x ^= x << 37 & 0xfff7eee000000000u;
  return x ^ x >> 43;
}

double Generator::normal() {
  if (internal::draw_watch) [[unlikely]]
    internal::note_draw(*this);  // before the question, whose answer it may change
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  double u, v, s;
  do {
    u = 2 * uniform() - 1;
    v = 2 * uniform() - 1;
    s = u * u + v * v;
  } while (s >= 1 || s == 0);
  const double scale = std::sqrt(-2 * portable_log(s) / s);
  spare_ = v * scale;
  has_spare_ = true;
  return u * scale;
}

// "mt19937_64 <the engine's words and next> spare none", or the bits of the spare in 16 hexadecimal digits.
// set_state() refuses a text that state() would not write in exactly this way.
std::string Generator::state() const {
  std::string text = "mt19937_64 ";
  for (const std::uint64_t word : engine_.words) text += std::to_string(word) + ' ';
  text += std::to_string(engine_.next) + " spare ";
  if (!has_spare_) return text + "none";
  return text +
         internal::text(std::hex, std::setfill('0'), std::setw(16), std::bit_cast<std::uint64_t>(spare_));
}

void Generator::set_state(const std::string& text) {
  Generator read;
  std::string_view rest(text);
  const auto take = [&] {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    return word;
  };
  const auto take_number = [&](auto& number, int base) {
    const std::string_view word = take();
    std::from_chars(word.data(), word.data() + word.size(), number, base);
  };
  take();
  for (std::uint64_t& word : read.engine_.words) take_number(word, 10);
  take_number(read.engine_.next, 10);
  take();
  read.has_spare_ = rest != "none";
  if (read.has_spare_) {
    std::uint64_t bits = 0;
    take_number(bits, 16);
    read.spare_ = std::bit_cast<double>(bits);
  }
  if (read.engine_.next > internal::Engine::size || !std::isfinite(read.spare_) || read.state() != text) {
    fail("set_state", "wanted the text that a generator's state() gives, got ", text.size(),
         " bytes of another");
  }
  // No seed gives the state of zeros, which would stay zero for ever.
  Generator probe = read;
  bool is_alive = false;
  for (std::size_t i = 0; i < internal::Engine::size && !is_alive; ++i) is_alive = probe.bits() != 0;
  if (!is_alive) fail("set_state", "the engine's numbers are all 0");
  *this = read;
}

Generator& default_generator() {
  thread_local Generator generator;
  return generator;
}

Tensor randn(const Shape& shape, Generator& generator, Kind kind) {
  return draw("randn", shape, kind, [&] { return generator.normal(); });
}
Tensor randn(const Shape& shape, Kind kind) { return randn(shape, default_generator(), kind); }

Tensor uniform(const Shape& shape, double low, double high, Generator& generator, Kind kind) {
  if (!(std::isfinite(low) && std::isfinite(high) && low < high)) {
    fail("uniform", "wanted finite low < high, got low ", low, ", high ", high);
  }
  // The least and the largest value in [low, high) that the dtype can hold: rounding must not leave it.
  double least = low, largest = std::nextafter(high, low);
  if (kind.dtype == float32) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const float first = static_cast<float>(low), end = static_cast<float>(high);
    least = first < low ? std::nextafter(first, infinity) : first;
    largest = end < high ? end : std::nextafter(end, -infinity);
  }
  if (least > largest) {
    fail("uniform", "wanted a ", kind.dtype, " in [low, high), got low ", low, ", high ", high);
  }
  return draw("uniform", shape, kind, [&] {
    // low + (high - low) u, in halves, because high - low may overflow.
    const double x = 2 * (low / 2 + (high / 2 - low / 2) * generator.uniform());
    return std::clamp(x, least, largest);
  });
}
Tensor uniform(const Shape& shape, double low, double high, Kind kind) {
  return uniform(shape, low, high, default_generator(), kind);
}

Tensor randn_like(const Tensor& like, Generator& generator) {
  check_given("randn_like", "like", like);
  return randn(like.shape(), generator, like.kind());
}
Tensor randn_like(const Tensor& like) { return randn_like(like, default_generator()); }

Tensor uniform_like(const Tensor& like, double low, double high, Generator& generator) {
  check_given("uniform_like", "like", like);
  return uniform(like.shape(), low, high, generator, like.kind());
}
Tensor uniform_like(const Tensor& like, double low, double high) {
  return uniform_like(like, low, high, default_generator());
}

Indices randint(const Shape& shape, std::int64_t low, std::int64_t high, Generator& generator) {
  if (low >= high) fail("randint", "wanted low < high, got low ", low, ", high ", high);
  // Unsigned arithmetic wraps: right even if high - low overflows.
  const std::uint64_t count = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  const std::uint64_t excess =
      (0 - count) % count;  // 2^64 mod count: without that many, each remainder is as likely
  std::vector<std::int64_t> values(static_cast<std::size_t>(element_count("randint", shape)));
  for (std::int64_t& value : values) {
    std::uint64_t bits;
    do bits = generator.bits();
    while (bits < excess);
    value = static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + bits % count);
  }
  return Indices(std::move(values), shape);
}
Indices randint(const Shape& shape, std::int64_t low, std::int64_t high) {
  return randint(shape, low, high, default_generator());
}

}  // namespace taper
