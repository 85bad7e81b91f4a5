// Files that load_safetensors must refuse, each for its own reason, and files damaged at random: read or
// refused, and nothing else. The gate runs this under the sanitizers.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/core/create.hpp>
#include <taper/core/io/safetensors.hpp>

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// A file with this header, which may be any text, and this data.
std::string file_of(const std::string& header, const std::string& data = "") {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

class HostileSafeTensors : public Scratch {
 protected:
  // Expects an error that names the file and says this.
  void expect_refused(const std::string& bytes, const std::vector<std::string>& says) const {
    const std::string file = write(bytes);
    std::vector<std::string> all = says;
    all.push_back(file);
    SCOPED_TRACE(testing::PrintToString(bytes.substr(0, 200)));
    expect_error(
        "load_safetensors", [&] { load_safetensors(file); }, all);
  }
  // The same for a file whose header is {"t": …} with 16 bytes of data.
  void expect_entry_refused(const std::string& entry, const std::vector<std::string>& says) const {
    std::vector<std::string> all = says;
    all.push_back("tensor 't'");
    expect_refused(file_of("{\"t\":" + entry + "}", std::string(16, 0)), all);
  }
  State loaded(const std::string& bytes) const { return load_safetensors(write(bytes)); }
};

TEST_F(HostileSafeTensors, TheHeadersThatAreNone) {
  expect_error("load_safetensors", [&] { load_safetensors(path("missing")); }, {path("missing"), "exist"});
  expect_error("load_safetensors", [&] { load_safetensors(folder.string()); }, {"is a directory"});
  expect_refused("", {"0 bytes"});
  expect_refused("1234567", {"7 bytes"});
  expect_refused(std::string(8, '\xff'), {"18446744073709551615"});
  expect_refused(std::string("\x01\xe1\xf5\x05\0\0\0\0", 8), {"100000001", "100000000"});
  expect_refused(std::string("\x00\xe1\xf5\x05\0\0\0\0", 8), {"cut short in its header"});
  expect_refused(std::string("\x03\0\0\0\0\0\0\0{}", 10), {"cut short in its header"});
  expect_refused(file_of(""), {"'{'"});
  for (const char* header : {"[]", "null", "5", "\"{}\"", " {}", "\xef\xbb\xbf{}", "\n{}"})
    expect_refused(file_of(header), {"does not begin with '{'"});
  for (const char* header :
       {"{", "{]", "{} {}", "{}x", "{'a':1}", "{\"a\"}", "{\"a\":}", "{,}", "{}//", "{\"\\ud800\":{}}",
        "{\"\\x\":{}}", "{\"a\nb\":{}}", "{\"\xff\":{}}", "{\"\xed\xa0\x80\":{}}", "{\"\xc0\x80\":{}}",
        "{}\xc2\xa0", "{\"a\":nul}", "{\"t\":{\"shape\":[01"})
    expect_refused(file_of(header), {"not JSON"});
  expect_refused(file_of(std::string("{}\0", 3)), {"zero byte"});
  expect_refused(file_of(std::string("{}\0garbage", 10)), {"zero byte"});
  expect_refused(file_of("{}", "x"), {"1 bytes behind its last tensor"});
}

TEST_F(HostileSafeTensors, EntriesOfAnotherForm) {
  for (const char* value : {"null", "true", "1", "-1", "1.5", "\"F32\"", "[]", "[[]]"})
    expect_entry_refused(value, {"wanted an object"});
  expect_entry_refused("{}", {"wanted a dtype, a shape and two data_offsets"});
  expect_entry_refused("{\"dtype\":\"F32\",\"shape\":[4]}", {"wanted a dtype, a shape and two data_offsets"});
  expect_entry_refused("{\"dtype\":\"F32\",\"data_offsets\":[0,16]}",
                       {"wanted a dtype, a shape and two data_offsets"});
  expect_entry_refused("{\"shape\":[4],\"data_offsets\":[0,16]}",
                       {"wanted a dtype, a shape and two data_offsets"});
  expect_entry_refused("{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16],\"stride\":[1]}",
                       {"'stride'"});
  expect_entry_refused("{\"dtype\":\"F32\",\"shape\":[4],\"shape\":[4],\"data_offsets\":[0,16]}",
                       {"'shape' twice"});
  for (const char* value : {"null", "true", "1", "1.5", "-1", "[]", "{}", "[\"F32\"]"})
    expect_entry_refused("{\"dtype\":" + std::string(value) + ",\"shape\":[4],\"data_offsets\":[0,16]}",
                         {"as its dtype, wanted a string"});
  for (const char* key : {"shape", "data_offsets"}) {
    for (const char* value : {"null", "false", "1", "1.5", "-1", "\"[4]\"", "{}", "{\"a\":1}"})
      expect_entry_refused("{\"" + std::string(key) + "\":" + value + "}",
                           {"as its " + std::string(key) + ", wanted an array"});
    for (const char* value : {"[null]", "[true]", "[\"4\"]", "[[4]]", "[{}]"})
      expect_entry_refused("{\"" + std::string(key) + "\":" + value + "}",
                           {" in its " + std::string(key) + ", wanted whole numbers"});
    for (const char* value : {"[-1]", "[-0]", "[4.0]", "[0.5]", "[4e0]", "[9223372036854775808]",
                              "[18446744073709551616]", "[99999999999999999999999999]"})
      expect_entry_refused("{\"" + std::string(key) + "\":" + value + "}", {"not a whole one"});
  }
}

TEST_F(HostileSafeTensors, ShapesThatDoNotFit) {
  expect_entry_refused(entry("F32", "[3]", "[0,16]"), {"float32 (3,)", "12 bytes", "0 to 16"});
  expect_entry_refused(entry("F64", "[4]", "[0,16]"), {"float64 (4,)", "32 bytes"});
  expect_entry_refused(entry("F32", "[]", "[0,16]"), {"float32 ()", "4 bytes"});
  expect_entry_refused(entry("F32", "[4,0]", "[0,16]"), {"0 bytes"});
  expect_entry_refused(entry("I64", "[4]", "[0,16]"), {"int64 (4,)", "32 bytes"});
  expect_entry_refused(entry("BF16", "[4]", "[0,16]"), {"bfloat16 (4,)", "8 bytes"});
  expect_entry_refused(entry("F32", "[4294967296,4294967296]", "[0,16]"), {"too large", "4294967296"});
  expect_entry_refused(entry("F32", "[4611686018427387904]", "[0,16]"), {"too large"});
  expect_entry_refused(entry("F64", "[4611686018427387906]", "[0,16]"), {"too large"});  // 16, modulo 2^64
  expect_entry_refused(entry("F32", "[9223372036854775807,9223372036854775807,0]", "[0,0]"), {"too large"});
  std::string axes = "[4";
  for (int i = 0; i < 64; ++i) axes += ",1";
  expect_entry_refused(entry("F32", axes + "]", "[0,16]"), {"more than 64 axes"});
}

TEST_F(HostileSafeTensors, OffsetsThatAreWrong) {
  expect_entry_refused(entry("F32", "[4]", "[16,0]"), {"backwards: 16 to 0"});
  expect_entry_refused(entry("F32", "[5]", "[0,20]"), {"cut short", "0 to 20", "the file has 16"});
  expect_entry_refused(entry("F32", "[0]", "[17,17]"), {"cut short"});
  expect_entry_refused(entry("F32", "[4]", "[9223372036854775791,9223372036854775807]"), {"cut short"});
  expect_entry_refused(entry("F32", "[4]", "[]"), {"two data_offsets"});
  expect_entry_refused(entry("F32", "[4]", "[16]"), {"two data_offsets"});
  expect_entry_refused(entry("F32", "[4]", "[0,16,16]"), {"two data_offsets"});
  expect_entry_refused(entry("F32", "[3]", "[4,16]"), {"begins at 4", "wanted 0", "gap"});
  expect_refused(file_of("{\"t\":" + entry("F32", "[3]", "[0,12]") + "}", std::string(16, 0)),
                 {"4 bytes behind"});
  const auto two = [](const std::string& a, const std::string& b) {
    return file_of("{\"a\":" + a + ",\"b\":" + b + "}", std::string(16, 0));
  };
  expect_refused(two(entry("F32", "[2]", "[0,8]"), entry("F32", "[3]", "[4,16]")),
                 {"tensor 'b'", "overlaps"});
  expect_refused(two(entry("F32", "[4]", "[0,16]"), entry("F32", "[4]", "[0,16]")), {"overlaps"});
  expect_refused(two(entry("F32", "[4]", "[0,16]"), entry("F32", "[0]", "[8,8]")),
                 {"tensor 'b'", "overlaps"});
  expect_refused(two(entry("F32", "[1]", "[12,16]"), entry("F32", "[2]", "[0,8]")), {"tensor 'a'", "gap"});
  // In any order, and with empty tensors at any border, it is a file.
  EXPECT_EQ(loaded(two(entry("F32", "[2]", "[8,16]"), entry("F32", "[2]", "[0,8]"))).tensors.size(), 2u);
  for (const char* at : {"[0,0]", "[16,16]"})
    EXPECT_EQ(loaded(two(entry("F32", "[4]", "[0,16]"), entry("F32", "[0]", at))).tensors.size(), 2u);
}

TEST_F(HostileSafeTensors, NamesThatStandTwice) {
  const std::string a = entry("F32", "[1]", "[0,4]"), b = entry("F32", "[1]", "[4,8]");
  expect_refused(file_of("{\"t\":" + a + ",\"t\":" + b + "}", std::string(8, 0)),
                 {"tensor 't' stands twice"});
  expect_refused(file_of("{\"t\":" + a + ",\"\\u0074\":" + a + "}", std::string(4, 0)),
                 {"tensor 't' stands twice"});
  expect_refused(file_of("{\"__metadata__\":{},\"__metadata__\":{}}"), {"'__metadata__' stands twice"});
  expect_refused(file_of("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}"), {"'__metadata__'", "'k' twice"});
  expect_refused(file_of("{\"t\\u0000x\":" + a + "}", std::string(4, 0)),
                 {"tensor 't\\u0000x'", "zero byte"});
}

TEST_F(HostileSafeTensors, TextsThatAreNone) {
  for (const char* value : {"[]", "\"text\"", "1", "-1", "1.5", "true"})
    expect_refused(file_of("{\"__metadata__\":" + std::string(value) + "}"),
                   {"'__metadata__'", "wanted an object"});
  for (const char* value : {"null", "[]", "{}", "1", "-1", "1.5", "true"})
    expect_refused(file_of("{\"__metadata__\":{\"k\":" + std::string(value) + "}}"),
                   {"under 'k', wanted a string"});
  EXPECT_TRUE(loaded(file_of("{\"__metadata__\":{}}")).texts.empty());
  // As the Python package reads it.
  EXPECT_TRUE(loaded(file_of("{\"__metadata__\":null}")).texts.empty());
  EXPECT_EQ(
      loaded(file_of("{\"__metadata__\":null,\"t\":" + entry("F32", "[1]", "[0,4]") + "}", std::string(4, 0)))
          .tensors.count("t"),
      1u);
  expect_refused(file_of("{\"__metadata__\":null,\"__metadata__\":{}}"), {"'__metadata__' stands twice"});
  EXPECT_TRUE(loaded(file_of("{}")).tensors.empty());
  EXPECT_TRUE(loaded(file_of("{ \t\r\n}  \n")).tensors.empty());
}

// A parser that recurses would need more stack than there is; a message must not show a name of a megabyte.
TEST_F(HostileSafeTensors, DepthAndLength) {
  const std::string deep(5'000'000, '[');
  expect_refused(file_of("{\"t\":" + deep), {"tensor 't'"});
  expect_entry_refused("{\"shape\":" + deep, {"in its shape"});
  std::string objects = "{\"t\":";
  for (int i = 0; i < 500'000; ++i) objects += "{\"shape\":";
  expect_refused(file_of(objects), {"tensor 't'"});
  const std::string name(1'000'000, 'n');
  try {
    loaded(file_of("{\"" + name + "\":" + entry("F32", "[]", "[0,0]") + "}"));
    ADD_FAILURE() << "was read";
  } catch (const Error& error) {
    EXPECT_LT(std::string(error.what()).size(), 500u);
  }
}

// A file with all that a header can have.
std::string whole_file() {
  return file_of(
      "{\"__metadata__\":{\"step\":\"12\",\"k\":\"\\u00e4\"},\"a.b\":" + entry("F64", "[2]", "[0,16]") +
          ",\"c\":" + entry("F32", "[2,1]", "[16,24]") + ",\"d\":" + entry("F32", "[0]", "[24,24]") +
          ",\"e\":" + entry("F32", "[]", "[24,28]") + "}   ",
      bytes_of<double>({1, 2}) + bytes_of<float>({3, 4, 5}));
}

TEST_F(HostileSafeTensors, TheWholeFileIsRead) {
  const State state = loaded(whole_file());
  EXPECT_EQ(state.texts, (std::map<std::string, std::string>{{"step", "12"}, {"k", "ä"}}));
  ASSERT_EQ(state.tensors.size(), 4u);
  expect_same(state.tensors.at("a.b"), tensor({1, 2}, float64));
  expect_same(state.tensors.at("c"), tensor({{3}, {4}}));
  expect_same(state.tensors.at("d"), zeros({0}));
  expect_same(state.tensors.at("e"), full({}, 5));
}

TEST_F(HostileSafeTensors, CutShortAtEveryByte) {
  const std::string whole = whole_file();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string file = write(whole.substr(0, size));
    expect_error("load_safetensors", [&] { load_safetensors(file); }, {file, "cut short"});
    if (HasFailure()) return;
  }
}

TEST_F(HostileSafeTensors, SurvivesRandomDamage) {
  const std::string whole = whole_file();
  int read = 0, refused = 0;
  const auto read_or_refused = [&](const std::string& bytes) {
    const std::string file = write(bytes);
    try {
      std::int64_t elements = 0;
      for (const auto& [name, tensor] : load_safetensors(file).tensors) elements += tensor.size();
      EXPECT_LE(elements, 7);  // 28 bytes
      ++read;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).rfind("[load_safetensors] " + file, 0), 0u) << error.what();
      ++refused;
    } catch (const std::exception& error) {
      ADD_FAILURE() << "threw something else than taper::Error: " << error.what();
    }
  };
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(generator.bits() % n); };
  const std::string likely = "0123456789{}[]:,\".-eE\\utf nabcdshpeF_";
  for (int round = 0; round < 6000; ++round) {
    std::string bytes = whole;
    for (std::size_t change = below(4) + 1; change > 0; --change) {
      const std::size_t header = bytes.size() - std::min<std::size_t>(28, bytes.size());
      const std::size_t at = below(round % 8 ? std::max<std::size_t>(header, 1) : bytes.size());
      const char byte = round % 3 ? likely[below(likely.size())] : static_cast<char>(generator.bits());
      switch (below(8)) {
        case 0:
          bytes.insert(at, 1, byte);
          break;
        case 1:
          bytes.erase(at, 1);
          break;
        case 2:
          bytes.insert(at, bytes.substr(below(bytes.size()), below(40)));
          break;  // a piece twice
        default:
          bytes[at] = byte;
      }
      if (bytes.empty()) bytes = "x";
    }
    if (round % 2 && bytes.size() > 36) {  // so that most headers are read to their end
      const std::uint64_t length = bytes.size() - 8 - 28;
      std::memcpy(bytes.data(), &length, 8);
    }
    SCOPED_TRACE(testing::PrintToString(bytes));
    read_or_refused(bytes);
    if (HasFailure()) return;
  }
  EXPECT_GT(read, 20);
  EXPECT_GT(refused, 3000);
}

}  // namespace
}  // namespace taper::test
