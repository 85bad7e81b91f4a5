// Logs: what CsvLog writes, load_csv_table reads; what EventLog writes, a reader of TFRecord and of Protocol
// Buffers that was written for this test alone. (TensorBoard itself reads such files too.)
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using training::CsvLog;
using training::EventLog;

class Logs : public Scratch {};

TEST_F(Logs, CsvHasAHeaderAndARowForEachStep) {
  const std::string file = write("an older file, which is longer than the new one will be");
  CsvLog log(file);
  EXPECT_EQ(read(file), "");
  log.add(0, {{"loss", 0.1}, {"a \"b\", c", 1e-7}});
  EXPECT_EQ(read(file), "step,loss,\"a \"\"b\"\", c\"\n0,0.1,1e-07\n");  // at once
  log.add(1000000, {{"loss", std::nan("")}, {"a \"b\", c", -std::numeric_limits<double>::infinity()}});
  EXPECT_EQ(read(file), "step,loss,\"a \"\"b\"\", c\"\n0,0.1,1e-07\n1000000,nan,-inf\n");
}

TEST_F(Logs, CsvIsATableThatReadsBackExactly) {
  Generator generator(fresh_seed());
  std::vector<double> values;
  {
    CsvLog log(path("run.csv"));
    for (int step = 0; step < 50; ++step) {
      values.push_back(generator.normal() * std::pow(10.0, step - 25));
      log.add(step, {{"x", values.back()}});
    }
  }
  const CsvTable table = load_csv_table(path("run.csv"));
  EXPECT_EQ(table.numbers({"x"}, {.dtype = float64}).to_vector(), values);
}

TEST_F(Logs, CsvRefusesOtherNames) {
  CsvLog log(path("run.csv"));
  expect_error("CsvLog", [&] { log.add(1, {}); }, {"step 1"});
  log.add(1, {{"a", 1}, {"b", 2}});
  expect_error("CsvLog", [&] { log.add(2, {{"a", 1}, {"c", 2}}); }, {"value 1", "'c'", "'b'"});
  expect_error("CsvLog", [&] { log.add(2, {{"a", 1}}); }, {"lacks 'b'"});
  expect_error("CsvLog", [&] { log.add(2, {{"a", 1}, {"b", 2}, {"c", 3}}); }, {"'c'"});
  log.add(2, {{"a", 3}, {"b", 4}});
  EXPECT_EQ(read(path("run.csv")), "step,a,b\n1,1,2\n2,3,4\n");
  expect_error("CsvLog", [&] { CsvLog(path("no/folder.csv")); }, {"no/folder.csv", "can't be written"});
}

// CRC32C, bit by bit.
std::uint32_t crc32c(const std::string& bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
  }
  return ~crc;
}

// Reads what stands at the front of a string, and takes it away.
struct Reader {
  std::string bytes;

  template <class T>
  T number() {
    T value{};
    if (bytes.size() < sizeof value) throw std::runtime_error("cut short");
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes.erase(0, sizeof value);
    return value;
  }
  std::string take(std::size_t count) {
    if (bytes.size() < count) throw std::runtime_error("cut short");
    const std::string taken = bytes.substr(0, count);
    bytes.erase(0, count);
    return taken;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = number<unsigned char>();
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
  void check_crc(const std::string& of) {
    const std::uint32_t unmasked = number<std::uint32_t>() - 0xa282ead8;
    EXPECT_EQ((unmasked >> 17) | (unmasked << 15), crc32c(of));
  }
};

struct Event {
  double time = 0;
  std::int64_t step = 0;
  std::string version;
  std::map<std::string, float> values;
};

void read_value(Reader value, Event& event) {
  std::string name;
  while (!value.bytes.empty()) {
    const std::uint64_t tag = value.varint();
    if (tag == (1 << 3 | 2)) {
      name = value.take(value.varint());
    } else if (tag == (2 << 3 | 5)) {
      event.values[name] = value.number<float>();
    } else {
      FAIL() << "a value has the tag " << tag;
    }
  }
}

void read_event(Reader fields, Event& event) {
  while (!fields.bytes.empty()) {
    const std::uint64_t tag = fields.varint();
    if (tag == (1 << 3 | 1)) {
      event.time = fields.number<double>();
    } else if (tag == (2 << 3 | 0)) {
      event.step = static_cast<std::int64_t>(fields.varint());
    } else if (tag == (3 << 3 | 2)) {
      event.version = fields.take(fields.varint());
    } else if (tag == (5 << 3 | 2)) {
      Reader summary{fields.take(fields.varint())};
      while (!summary.bytes.empty()) {
        ASSERT_EQ(summary.varint(), 1 << 3 | 2);
        read_value({summary.take(summary.varint())}, event);
      }
    } else {
      FAIL() << "an event has the tag " << tag;
    }
  }
}

std::vector<Event> events_of(const std::string& bytes) {
  Reader file{bytes};
  std::vector<Event> events;
  while (!file.bytes.empty()) {
    const std::string size = file.take(8);
    file.check_crc(size);
    const std::string record = file.take(Reader{size}.number<std::uint64_t>());
    file.check_crc(record);
    read_event({record}, events.emplace_back());
  }
  return events;
}

TEST_F(Logs, TheReaderOfThisTestKnowsCrc32c) {
  // The check value of the catalogue of CRCs, and a vector of RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c("123456789"), 0xe3069283);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aa);
}

TEST_F(Logs, EventsReadBack) {
  const auto now = [] { return static_cast<double>(time(nullptr)); };
  const double begin = now();
  EventLog log(path("runs/first"));
  const std::string name = "a rather long name, so that its length takes two bytes: " + std::string(100, 'x');
  log.add(0, {{"loss", 0.1}, {name, -3}});
  log.add(300, {{"loss", std::nan("")}});
  log.add(std::int64_t{1} << 40, {{"loss", 1e300}});
  ASSERT_EQ(names(), std::vector<std::string>{"runs"});
  std::string file;
  for (const auto& entry : std::filesystem::directory_iterator(path("runs/first")))
    file = entry.path().string();
  EXPECT_NE(file.find("events.out.tfevents."), std::string::npos);

  const std::vector<Event> events = events_of(read(file));  // while the log is still open
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].version, "brain.Event:2");
  EXPECT_EQ(events[1].values, (std::map<std::string, float>{{"loss", 0.1f}, {name, -3.0f}}));
  EXPECT_EQ(events[2].step, 300);
  EXPECT_TRUE(std::isnan(events[2].values.at("loss")));
  EXPECT_EQ(events[3].step, std::int64_t{1} << 40);
  EXPECT_TRUE(std::isinf(events[3].values.at("loss")));
  for (const Event& event : events) EXPECT_TRUE(event.time >= begin && event.time <= now() + 1);
}

TEST_F(Logs, EachEventLogHasAFileOfItsOwn) {
  {
    EventLog first(folder.string()), second(folder.string());
    first.add(1, {{"loss", 1}}), second.add(2, {{"loss", 2}});
  }
  EXPECT_EQ(names().size(), 2u);
  for (const std::string& name : names()) EXPECT_EQ(events_of(read(path(name))).size(), 2u);
  write("", "file");
  expect_error("EventLog", [&] { EventLog(path("file/run")); }, {"file/run", "can't be made"});
}

TEST_F(Logs, FitWritesThem) {
  const nn::Linear model(1, 1);
  optim::Sgd sgd(model.parameters());
  const nn::Dataset data(ones({4, 1}), ones({4, 1}));
  CsvLog csv(path("run.csv"));
  EventLog events(path("run"));
  training::fit(model, sgd, nn::mean_squared_error, data, data,
                {.epochs = 3,
                 .after_epoch =
                     [&](std::int64_t epoch, const training::History& history) {
                       csv.add(epoch, history.at(epoch)), events.add(epoch, history.at(epoch));
                     },
                 .progress = false});
  const CsvTable table = load_csv_table(path("run.csv"));
  EXPECT_EQ(table.numbers({"step", "loss", "validation loss"}).shape(), (Shape{3, 3}));
}

}  // namespace
}  // namespace taper::test
