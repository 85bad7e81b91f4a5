// Pictures: what save_image writes, load_image reads; files of other programs; damage.
#include "support/helpers.hpp"
#include "support/random_cases.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

class Image : public Scratch {
 protected:
  void expect_rejected(const std::string& bytes, const std::string& why) const {
    const std::string file = write(bytes);
    expect_error("load_image", [&] { load_image(file); }, {file, why});
  }
};

// Random colours that 8 bits hold exactly, and the same as float32.
Tensor picture(const Shape& shape, Generator& generator) {
  Tensor x = Tensor::uninitialized("picture", shape, float32);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    x.mutable_data<float>()[i] = static_cast<float>(generator.bits() % 256) / 255.0f;
  }
  return x;
}

TEST_F(Image, ComesBackAsItWas) {
  Generator generator(fresh_seed());
  for (const std::int64_t channels : {1, 2, 3, 4}) {
    for (const Shape& size : {Shape{1, 1}, Shape{5, 3}, Shape{64, 100}}) {
      const Tensor x = picture({channels, size[0], size[1]}, generator);
      save_image(path("x.png"), x);
      expect_same(load_image(path("x.png")), x);
      if (channels == 2 || channels == 4) continue;
      const std::string plain = path(channels == 1 ? "x.pgm" : "x.ppm");
      save_image(plain, x.to(float64));
      expect_same(load_image(plain), x);
    }
  }
  save_image(path("grey.png"), tensor({{0, 1}}));
  expect_same(load_image(path("grey.png")), tensor({{{0, 1}}}));
}

TEST_F(Image, IsRoundedAndCutOff) {
  save_image(path("x.pgm"),
             tensor({{-1.0, -INFINITY, 0.499 / 255, 0.501 / 255, 1.0, 7.0, INFINITY}}, float64));
  EXPECT_EQ(read(path("x.pgm")), std::string("P5\n7 1\n255\n\0\0\0\1\xff\xff\xff", 18));
}

TEST_F(Image, ReadsFilesOfOtherPrograms) {
  // Two pixels, red and half green, with a comment.
  expect_values(load_image(write(std::string("P6 # made by hand\n2\t1\r\n 2\n\2\0\0\0\1\0", 32))),
                {1, 0, 0, 0.5, 0, 0}, 0);
  // 16 bits: the higher byte is first.
  expect_values(load_image(write(std::string("P5 2 1 65535\n\0\1\xff\xff", 17))), {1.0 / 65535, 1}, 1e-9);
  // By Pillow 13.0.0: a palette of two colours in one bit a pixel, and 16 bits of grey.
  const auto from_hex = [](const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2)
      bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
  };
  const Tensor palette = load_image(
      write(from_hex("89504e470d0a1a0a0000000d4948445200000002000000010103000000ceecedc900000006504c54"
                     "45003300ffff006e5ab2060000000a49444154789c63700000004200412937f4ef0000000049454e"
                     "44ae426082")));
  EXPECT_EQ(palette.shape(), (Shape{3, 1, 2}));
  expect_values(palette, {0, 1, 0.2, 1, 0, 0}, 1e-7);
  expect_values(load_image(write(from_hex(
                    "89504e470d0a1a0a0000000d494844520000000200000001100000000081d9fc150000000d494441"
                    "54789c636064faff1f00030c02021b01adb70000000049454e44ae426082"))),
                {258.0 / 65535, 1}, 1e-9);
}

TEST_F(Image, SaysWhatIsWrong) {
  expect_rejected("", "not a PNG file");
  expect_rejected("hello", "not a PNG file");
  expect_rejected("\xff\xd8\xff", "JPEG");
  expect_rejected("P6", "width");
  expect_rejected("P6 2 x", "height");
  expect_rejected("P6 2 0 255\n", "height");
  expect_rejected("P6 2 1 65536\n", "the largest value");
  expect_rejected("P6 99999999999999999999 1 255\n", "width");
  expect_rejected("P6 2 1 255", "header");
  expect_rejected("P6 2 1 255\n12345", "take 6 bytes, and there are 5");
  expect_rejected("P5 2 1 256\n123", "take 4 bytes, and there are 3");
  expect_rejected("P5 2 1 7\n\7\x8", "has the value 8, and the largest is 7");
  expect_rejected("P5 1000000 1000000 255\n1", "too many");
  expect_rejected("\x89PNG\r\n\x1a\n", "damaged");
  // Lengths that would have stb_image ask for gigabytes.
  const std::string signature = "\x89PNG\r\n\x1a\n";
  expect_rejected(signature + std::string("\0\0\0\x0dIHDR\0\0\x75\x30\0\0\x75\x30\x8\6\0\0\0crc!", 25),
                  "33 bytes can't hold 30000 x 30000 pixels");
  expect_rejected(signature + std::string("\0\0\0\x0dIHDR\0\0\0\1\0\0\0\1\x8\6\0\0\0crc!", 25) +
                      std::string("\x3f\xff\xff\xffIDAT", 8),
                  "is damaged or cut short");
  expect_error("load_image", [&] { load_image(path("none.png")); }, {"none.png"});
  expect_error("load_image", [&] { load_image(folder.string()); }, {"directory"});

  const auto save = [&](const std::string& name, const Tensor& x, const std::string& why) {
    expect_error("save_image", [&] { save_image(path(name), x); }, {name, why});
  };
  save("x.jpg", ones({3, 2, 2}), ".png, .ppm or .pgm");
  save("x.png", ones({5, 2, 2}), "5 channels");
  save("x.ppm", ones({1, 2, 2}), "1 channels");
  save("x.pgm", ones({3, 2, 2}), "3 channels");
  save("x.png", ones({2}), "(2,)");
  save("x.png", ones({1, 0, 2}), "(1, 0, 2)");
  save("x.png", full({2, 2}, NAN), "NaN");
  save("no/x.png", ones({2, 2}), "can't be written");
  expect_error("save_image", [&] { save_image("x.png", Tensor()); }, {"image"});
}

// Whatever is read: either numbers from 0 to 1, or an Error.
TEST_F(Image, SurvivesHostileFiles) {
  Generator generator(fresh_seed());
  const auto attempt = [&](const std::string& bytes) {
    try {
      const Tensor x = load_image(write(bytes));
      for (const double value : x.to_vector()) ASSERT_TRUE(value >= 0 && value <= 1);
    } catch (const Error&) {
    }
  };
  for (const char* name : {"x.png", "x.ppm"}) {
    save_image(path(name), picture({3, 7, 9}, generator));
    const std::string whole = read(path(name));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::string file = write(whole.substr(0, size));
      // A PNG file without its last chunks may be whole as a picture.
      if (std::string(name) == "x.ppm") expect_error("load_image", [&] { load_image(file); }, {file});
      attempt(whole.substr(0, size));
    }
    for (int round = 0; round < 2000; ++round) {
      std::string damaged = whole;
      for (std::uint64_t i = 0; i <= generator.bits() % 4; ++i) {
        damaged[generator.bits() % damaged.size()] = static_cast<char>(generator.bits());
      }
      attempt(damaged);
    }
  }
}

}  // namespace
}  // namespace taper::test
