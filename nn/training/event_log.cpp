// EventLog: records as TFRecord has them, each an event in the encoding of Protocol Buffers.
//
// Sources: tensorflow/core/lib/io/record_writer.h for the records, tensorflow/core/util/event.proto and
// framework/summary.proto for the events, https://protobuf.dev/programming-guides/encoding, and RFC 3720,
// appendix B.4, for CRC32C.
#include "../../core/fail.hpp"
#include "logs.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <filesystem>

#include <unistd.h>

namespace taper::training {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers stand in the file as in memory");

template <class T>
std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// The remainders of all bytes modulo Castagnoli's polynomial, with the lowest bit as the highest power.
constexpr std::array<std::uint32_t, 256> remainders = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ (rest & 1 ? 0x82f63b78 : 0);
    table[byte] = rest;
  }
  return table;
}();

// CRC32C, masked, since a CRC of bytes that hold a CRC of their own would be weak.
std::uint32_t masked_crc(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ remainders[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
}

// Fields of a message: a tag, which is the field's number and how it is encoded, and the value.
std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes += static_cast<char>(value);
}
std::string tag(unsigned number, unsigned encoding) { return varint(number << 3 | encoding); }
std::string whole(unsigned number, std::int64_t value) {
  return tag(number, 0) + varint(static_cast<std::uint64_t>(value));
}
std::string real(unsigned number, double value) { return tag(number, 1) + bytes_of(value); }
std::string real(unsigned number, float value) { return tag(number, 5) + bytes_of(value); }
std::string text(unsigned number, std::string_view value) {
  return tag(number, 2) + varint(value.size()) + std::string(value);
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The folder is there now; the name is one that no other log has.
std::string new_file(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) fail("EventLog", folder, ": can't be made: ", error.message());
  static std::atomic<int> count{0};
  const std::string name = "events.out.tfevents." + std::to_string(static_cast<std::int64_t>(now())) +
                           ".taper." + std::to_string(getpid()) + '.' + std::to_string(count++);
  return (std::filesystem::path(folder) / name).string();
}

}  // namespace

EventLog::EventLog(const std::string& folder) : file_("EventLog", new_file(folder)) {
  write(real(1, now()) + text(3, "brain.Event:2"));
}

void EventLog::add(std::int64_t step, const Scalars& values) {
  std::string summary;
  for (const auto& [name, value] : values) {
    summary += text(1, text(1, name) + real(2, static_cast<float>(value)));
  }
  write(real(1, now()) + whole(2, step) + text(5, summary));
}

void EventLog::write(std::string_view event) {
  const std::string size = bytes_of(static_cast<std::uint64_t>(event.size()));
  file_.append(size + bytes_of(masked_crc(size)) + std::string(event) + bytes_of(masked_crc(event)));
}

}  // namespace taper::training
