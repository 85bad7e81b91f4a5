// Each reader gets a file in memory, and what it reads is held against what the library would write.
#include "fuzz/readers.hpp"

#include <taper/taper.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

namespace taper::test {
namespace {

// Ends the program: the mark of a defect, for libFuzzer as for a test.
void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

// A file in memory, with a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : number_(memfd_create("input", MFD_CLOEXEC)) {
    const ssize_t written = ::write(number_, bytes.data(), bytes.size());
    require(written == static_cast<ssize_t>(bytes.size()), "the input can be written into memory");
  }
  ~MemoryFile() { close(number_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(number_); }

 private:
  int number_;
};

// Is it read? Then `use` gets it.
template <class Read, class Use>
void attempt(const Read& read, const Use& use) {
  try {
    use(read());
  } catch (const Error& error) {
    require(std::string_view(error.what()).starts_with('['), "a message begins with the op");
  }
}

void touch(const Tensor& tensor) {
  double sum = 0;
  for (const double value : tensor.to_vector()) sum += value;
  (void)sum;
}

bool are_same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.bytes(), b.bytes(), a.impl().element_bytes()) == 0;
}

void read_npy(std::string_view bytes) {
  const MemoryFile file(bytes);
  attempt([&] { return load_npy(file.path()); }, touch);
  for (const DType dtype : {float32, float64}) {
    attempt([&] { return load_npy(file.path(), dtype); }, touch);
  }
}

// The first byte says how.
void read_csv(std::string_view bytes) {
  const unsigned how = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]);
  const char separator = ",;|\t"[how % 4];
  const DType dtype = how & 4 ? float64 : float32;
  const MemoryFile file(bytes.substr(bytes.empty() ? 0 : 1));
  attempt(
      [&] {
        return load_csv(file.path(), {.header_lines = how >> 3 & 1, .dtype = dtype, .separator = separator});
      },
      [](const Tensor& table) {
        for (const double value : table.to_vector())
          require(std::isfinite(value), "load_csv reads finite numbers");
      });
  attempt(
      [&] {
        return load_csv_table(file.path(),
                              {.header = (how & 8) != 0, .separator = separator, .missing = {"", "NA"}});
      },
      [&](const CsvTable& table) {
        attempt([&] { return table.numbers({}, {.missing = 0.0, .dtype = dtype}); }, touch);
        attempt([&] { return table.labels(0, {.missing = "none"}); },
                [&](const CsvLabels& labels) {
                  require(labels.indices.size() == table.rows(), "every row has a label");
                });
        attempt([&] { return table.texts(-1); }, [](const std::vector<std::string>&) {});
        attempt([&] { return table.all_but({0}); }, [](const std::vector<CsvColumn>&) {});
      });
}

void read_idx(std::string_view bytes) {
  const MemoryFile file(bytes);
  attempt([&] { return load_idx(file.path()); }, touch);
  attempt([&] { return load_idx_labels(file.path()); }, [](const Indices&) {});
}

void read_image(std::string_view bytes) {
  const MemoryFile file(bytes);
  attempt([&] { return load_image(file.path()); },
          [](const Tensor& image) {
            for (const double value : image.to_vector())
              require(value >= 0 && value <= 1, "a picture is in [0, 1]");
          });
}

// The bytes are a PNG file's fields and its rows before compression: no mutation of compressed rows is as likely to be
// right. Neither stb_image nor the library checks the checksums, which are left at 0.
void read_rows(std::string_view bytes) {
  if (bytes.size() < 6) return;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  std::string file = "\x89PNG\r\n\x1a\n";
  const auto add_number = [&](std::size_t value, int bits) {
    for (int shift = bits - 8; shift >= 0; shift -= 8) file += static_cast<char>(value >> shift);
  };
  const auto add_chunk = [&](const char* type, const std::string& content) {
    add_number(content.size(), 32);
    (file += type) += content;
    add_number(0, 32);
  };
  const std::string width(1, bytes[0]), height(1, bytes[1]), zeros(3, '\0');
  add_chunk("IHDR", zeros + width + zeros + height + static_cast<char>(1 << byte(2) % 5) +
                        "\0\2\3\4\6"[byte(3) % 5] + std::string(2, '\0') + static_cast<char>(byte(4) & 1));
  const std::size_t colours = byte(5);
  bytes.remove_prefix(6);
  const auto take = [&](std::size_t size) {
    const std::string taken(bytes.substr(0, size));
    bytes.remove_prefix(taken.size());
    return taken;
  };
  if (colours > 0) add_chunk("PLTE", take(3 * colours));
  if (colours % 4 == 3) add_chunk("tRNS", take(colours));
  // One block of deflate, stored as it is.
  const std::string rows = take(65535);
  const auto size = static_cast<std::uint16_t>(rows.size()), inverse = static_cast<std::uint16_t>(~size);
  const std::string lengths{static_cast<char>(size), static_cast<char>(size >> 8), static_cast<char>(inverse),
                            static_cast<char>(inverse >> 8)};
  add_chunk("IDAT", "\x78\1\1" + lengths + rows + std::string(4, '\0'));
  add_chunk("IEND", "");
  read_image(file);
}

// A file on a disk in memory, for what is written.
std::string scratch() { return "/dev/shm/taper_fuzz_" + std::to_string(getpid()); }

void read_safetensors(std::string_view bytes) {
  const MemoryFile file(bytes);
  attempt([&] { return load_safetensors(file.path()); },
          [](State state) {
            state.others.clear();
            save_safetensors(scratch(), state);
            const State again = load_safetensors(scratch());
            require(again.texts == state.texts, "texts come back");
            require(again.tensors.size() == state.tensors.size(), "tensors come back");
            for (const auto& [name, tensor] : state.tensors) {
              require(are_same(again.tensors.at(name), tensor), "a tensor comes back");
            }
          });
  for (const DType dtype : {float32, float64}) {
    attempt([&] { return load_safetensors(file.path(), {.dtype = dtype}); },
            [](const State& state) {
              for (const auto& [name, tensor] : state.tensors) touch(tensor);
            });
  }
  attempt([&] { return load_safetensors(file.path(), {.names = {"x"}}); }, [](const State&) {});
}

// A training run whose checkpoint is changed.
struct Training {
  Generator generator{1};
  nn::Linear model{2, 1, generator};
  optim::Adam adam{model.parameters()};
  nn::Run run{model, adam, generator};
  training::History history{"run"};
};

State checkpoint_of(Training& training) {
  training.history.add("loss", 1, 0.5);
  training.history.add_histograms(training.model, 0);
  training.run.extras = training.history.state();
  save_checkpoint(scratch(), training.run);
  return load_safetensors(scratch());
}

// The bytes are changes of a checkpoint's parts, one after the other: what to do, to which part, how long the content is,
// and the content. No mutation of the file itself would get as far.
State changed(State state, std::string_view bytes) {
  const auto nth = [](auto& map, unsigned i) { return std::next(map.begin(), i % map.size()); };
  while (bytes.size() >= 3) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned what = byte(0) % 5, which = byte(1);
    const std::string content(bytes.substr(3, byte(2)));
    bytes.remove_prefix(std::min(bytes.size(), 3 + std::size_t{byte(2)}));
    if (state.texts.empty() || state.tensors.empty()) continue;
    if (what == 0) {
      nth(state.texts, which)->second = content;
    } else if (what == 1) {
      auto part = state.texts.extract(nth(state.texts, which));
      part.key() = content;
      state.texts.insert(std::move(part));
    } else if (what == 2) {
      auto part = state.tensors.extract(nth(state.tensors, which));
      part.key() = content;
      state.tensors.insert(std::move(part));
    } else if (what == 3) {
      std::vector<std::int64_t> shape;
      for (const char extent : content.substr(0, 3)) shape.push_back(static_cast<unsigned char>(extent) % 40);
      nth(state.tensors, which)->second =
          full(Shape(shape.data(), static_cast<int>(shape.size())), 0.5, which & 128 ? float32 : float64);
    } else {
      Tensor& tensor = nth(state.tensors, which)->second;
      std::vector<double> values = tensor.to_vector();
      double value = 0;
      std::memcpy(&value, content.data(), std::min(content.size(), sizeof value));
      if (!values.empty()) values[content.size() % values.size()] = value;
      tensor = taper::tensor(values, tensor.shape(), tensor.dtype());
    }
  }
  return state;
}

void read_checkpoint(std::string_view bytes) {
  Training first;
  static const State whole = checkpoint_of(first);
  const State state = changed(whole, bytes);
  try {
    save_safetensors(scratch(), state);
  } catch (const Error&) {
    return;  // a name that is not UTF-8
  }
  Training second;
  const std::map<std::string, Tensor> before = second.model.state_dict();
  try {
    load_checkpoint(scratch(), second.run);
  } catch (const Error&) {
    for (const auto& [name, tensor] : second.model.state_dict())
      require(are_same(tensor, before.at(name)), "a checkpoint that is refused changes nothing");
    return;
  }
  attempt([&] { return second.history.load_state(second.run.extras), true; },
          [&](bool) {
            training::Page page("a run", "");
            page.histograms(second.history);
            for (const auto& [name, curve] : second.history.curves()) {
              page.charts(
                  {{.title = name, .x_label = "step", .series = {training::series(second.history, name)}}});
            }
            require(!page.html().empty(), "a history can be shown");
          });
}

// The first byte says which.
void read_text(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::string text(bytes.substr(1));
  if (bytes[0] == 's') {
    attempt([&] { return optim::Schedule::parse(text); },
            [](const optim::Schedule& schedule) {
              require(optim::Schedule::parse(schedule.text()).text() == schedule.text(),
                      "a schedule comes back");
              for (const std::int64_t step : {std::int64_t{0}, std::int64_t{1} << 62})
                require(schedule(step) >= 0, "a rate is a number of at least 0");
            });
  } else if (bytes[0] == 'k') {
    attempt([&] { return nn::KSchedule::parse(text); },
            [](const nn::KSchedule& schedule) {
              require(nn::KSchedule::parse(schedule.text()).text() == schedule.text(),
                      "a schedule comes back");
              for (const std::int64_t step : {0, 1, 1000}) require(schedule(step) >= 1, "k is at least 1");
            });
  } else {
    Generator generator;
    attempt([&] { return generator.set_state(text), true; },
            [&](bool) { require(generator.state() == text, "a generator comes back"); });
  }
}

constexpr Reader all[] = {{"npy", read_npy, 8, 2},
                          {"csv", read_csv, 0, 0},
                          {"idx", read_idx, 0, 0},
                          {"image", read_image, 0, 0},
                          {"rows", read_rows, 0, 0},
                          {"safetensors", read_safetensors, 0, 8},
                          {"checkpoint", read_checkpoint, 0, 0},
                          {"text", read_text, 0, 0}};

}  // namespace

std::span<const Reader> readers() { return all; }

}  // namespace taper::test
