// Pictures: PNG by stb_image and stb_image_write; PPM and PGM by hand, since stb_image takes files that are cut short.
#include "image.hpp"

#include "../fail.hpp"
#include "files.hpp"

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string_view>
#include <vector>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace taper {
namespace {

constexpr std::int64_t largest = std::int64_t{1} << 30;  // numbers of a picture

// Rows of pixels, whose channels stand side by side: (height, width, channels), each from 0 to `white`.
template <class T>
Tensor from_pixels(const std::string& path, const T* pixels, std::int64_t height, std::int64_t width,
                   std::int64_t channels, int white) {
  Tensor image = Tensor::uninitialized("load_image", {channels, height, width}, float32);
  float* out = image.mutable_data<float>();
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    for (std::int64_t i = channel; i < height * width * channels; i += channels) {
      if (pixels[i] > white)
        fail("load_image", path, ": has the value ", +pixels[i], ", and the largest is ", white);
      *out++ = static_cast<float>(pixels[i]) / static_cast<float>(white);
    }
  }
  return image;
}

// Throws unless the file may hold what its lengths promise: stb_image asks for the memory first. A PNG file is
// chunks behind a signature of eight bytes: length, type, content, checksum.
void check_png(const std::string& path, const std::string& bytes) {
  const auto number = [&](std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  };
  for (std::size_t at = 8; at + 8 <= bytes.size();) {
    const std::uint64_t length = number(at);
    const std::string_view type(bytes.data() + at + 4, 4);
    if (type == "IEND") return;
    at += 8;
    if (length + 4 > bytes.size() - at) break;
    if (type == "IHDR" && length == 13) {
      constexpr int channels_of[] = {1, 0, 3, 1, 2, 0, 4};
      const std::uint64_t width = number(at), height = number(at + 4);
      const auto depth = static_cast<unsigned char>(bytes[at + 8]),
                 colours = static_cast<unsigned char>(bytes[at + 9]);
      const int channels = colours < std::size(channels_of) ? channels_of[colours] : 0;
      // No code of deflate makes more than 1032 bytes out of one.
      if (height * (1 + width * channels * depth / 8) / 1032 > bytes.size()) {
        fail("load_image", path, ": is cut short: ", bytes.size(), " bytes can't hold ", width, " x ", height,
             " pixels");
      }
    }
    at += length + 4;
  }
  fail("load_image", path, ": is damaged or cut short");
}

Tensor load_png(const std::string& path, const std::string& bytes) {
  if (bytes.size() > INT_MAX) fail("load_image", path, ": is larger than 2 GiB");
  check_png(path, bytes);
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const auto size = static_cast<int>(bytes.size());
  int width = 0, height = 0, channels = 0;
  const auto read = [&]<class T>(T* pixels, int white) {
    const std::unique_ptr<T, void (*)(void*)> held(pixels, stbi_image_free);
    if (!pixels) fail("load_image", path, ": is damaged, cut short or too large: ", stbi_failure_reason());
    return from_pixels(path, pixels, height, width, channels, white);
  };
  if (stbi_is_16_bit_from_memory(data, size)) {
    return read(stbi_load_16_from_memory(data, size, &width, &height, &channels, 0), 65535);
  }
  return read(stbi_load_from_memory(data, size, &width, &height, &channels, 0), 255);
}

// The header of a PPM or PGM file is three numbers, between which there are spaces and comments.
class ImageHeader {
 public:
  ImageHeader(const std::string& path, std::string_view rest) : path_(path), rest_(rest) {}

  std::int64_t number(const char* name, std::int64_t most) {
    for (bool is_comment = false; !rest_.empty(); rest_.remove_prefix(1)) {
      is_comment = is_comment ? rest_[0] != '\n' : rest_[0] == '#';
      if (!is_comment && !is_space(rest_[0])) break;
    }
    std::int64_t value = 0;
    for (; !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9' && value <= most; rest_.remove_prefix(1)) {
      value = 10 * value + (rest_[0] - '0');
    }
    if (value < 1 || value > most) {
      fail("load_image", path_, ": ", name, " is not a number from 1 to ", most);
    }
    return value;
  }
  // What comes after a single space behind the numbers.
  std::string_view pixels() const {
    if (rest_.empty() || !is_space(rest_[0])) fail("load_image", path_, ": is cut short in its header");
    return rest_.substr(1);
  }

 private:
  // isspace() goes by the locale.
  static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

  const std::string& path_;
  std::string_view rest_;
};

Tensor load_ppm(const std::string& path, std::string_view bytes, std::int64_t channels) {
  ImageHeader header(path, bytes.substr(2));
  const std::int64_t width = header.number("width", largest), height = header.number("height", largest);
  const auto white = static_cast<int>(header.number("the largest value", 65535));
  const std::string_view pixels = header.pixels();
  if (height > largest / channels / width) {
    fail("load_image", path, ": ", width, " x ", height, " pixels are too many");
  }
  const std::int64_t count = width * height * channels, wanted = count * (white > 255 ? 2 : 1);
  if (static_cast<std::int64_t>(pixels.size()) < wanted) {
    fail("load_image", path, ": is cut short: ", width, " x ", height, " pixels take ", wanted,
         " bytes, and there are ", pixels.size());
  }
  const auto* data = reinterpret_cast<const std::uint8_t*>(pixels.data());
  if (white <= 255) return from_pixels(path, data, height, width, channels, white);
  std::vector<std::uint16_t> numbers(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<std::uint16_t>(data[2 * i] << 8 | data[2 * i + 1]);
  }
  return from_pixels(path, numbers.data(), height, width, channels, white);
}

void append(void* to, void* bytes, int size) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

}  // namespace

Tensor load_image(const std::string& path) {
  const std::string bytes = internal::read_file("load_image", path);
  if (bytes.starts_with("\x89PNG")) return load_png(path, bytes);
  if (bytes.starts_with("P6")) return load_ppm(path, bytes, 3);
  if (bytes.starts_with("P5")) return load_ppm(path, bytes, 1);
  fail("load_image", path, ": is not a PNG file, nor a binary PPM or PGM file",
       bytes.starts_with("\xff\xd8") ? ", but JPEG: convert it first" : "");
}

void save_image(const std::string& path, const Tensor& image) {
  constexpr const char* op = "save_image";
  check_given(op, "image", image);
  const bool is_grey = image.rank() == 2;
  if (!is_grey && image.rank() != 3) {
    fail(op, path, ": a picture is (channels, height, width) or (height, width), got ", image.shape());
  }
  const std::int64_t channels = is_grey ? 1 : image.extent(0), height = image.extent(-2),
                     width = image.extent(-1);
  const bool is_png = path.ends_with(".png"), is_ppm = path.ends_with(".ppm"),
             is_pgm = path.ends_with(".pgm");
  if (!is_png && !is_ppm && !is_pgm) fail(op, path, ": the name must end in .png, .ppm or .pgm");
  if (is_png ? channels < 1 || channels > 4 : channels != (is_ppm ? 3 : 1)) {
    fail(op, path, ": this format can't have ", channels, " channels, those of an image ", image.shape());
  }
  if (image.size() < 1 || image.size() > largest) {
    fail(op, path, ": wanted 1 to 2^30 numbers, got ", image.shape());
  }

  std::string pixels(static_cast<std::size_t>(image.size()), '\0');
  const Tensor host = image.detach().to(Device::cpu());
  dispatch(image.dtype(), [&]<class T>() {
    const T* in = host.data<T>();
    for (std::int64_t channel = 0; channel < channels; ++channel) {
      for (std::int64_t i = channel; i < image.size(); i += channels, ++in) {
        if (std::isnan(*in)) fail(op, path, ": the image holds NaN");
        pixels[static_cast<std::size_t>(i)] =
            static_cast<char>(std::lround(255 * std::clamp(*in, T(0), T(1))));
      }
    }
  });
  std::string bytes;
  if (is_png) {
    const bool done = stbi_write_png_to_func(append, &bytes, static_cast<int>(width),
                                             static_cast<int>(height), static_cast<int>(channels),
                                             pixels.data(), static_cast<int>(width * channels)) != 0;
    if (!done) fail(op, path, ": out of memory");
  } else {
    bytes = (is_ppm ? "P6\n" : "P5\n") + std::to_string(width) + ' ' + std::to_string(height) + "\n255\n" +
            pixels;
  }
  internal::write_file(op, path, bytes);
}

}  // namespace taper
