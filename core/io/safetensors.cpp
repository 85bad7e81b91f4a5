// The safetensors format: the length of the header (8 bytes, little-endian), the header (JSON), and the
// tensors' elements one after the other. For each tensor the header has
//   "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}
// with offsets into what follows the header, and may hold texts under "__metadata__". Every byte belongs to
// exactly one tensor: no gaps, no overlap, nothing after the last one.
#include "safetensors.hpp"

#include "../fail.hpp"
#include "files.hpp"
#include "stored.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace taper {

std::string internal::shown(std::string_view text) {
  constexpr std::size_t longest = 100;
  // "…", escaped
  std::string json = nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  json.front() = json.back() = '\'';
  if (json.size() > longest + 2) json.replace(longest + 1, json.npos, "…'");
  return json;
}

namespace {

using internal::shown;
using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr const char* metadata = "__metadata__";
constexpr std::size_t length_bytes = 8;
constexpr std::size_t longest_header = 100'000'000;  // the reference implementation's limit

// What the header says about one tensor.
struct Entry {
  std::string dtype;
  std::vector<std::int64_t> shape, offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

struct Header {
  std::map<std::string, Entry> entries;
  std::map<std::string, std::string> texts;
};

// Takes in the header token by token, as nlohmann's parser reads it. No document is built, so that depth
// costs nothing and a name that stands twice is seen. Each token must be one that the format allows in its
// place; read_header has checked that the first one is '{'.
class HeaderReader final : public nlohmann::json_sax<json> {
 public:
  explicit HeaderReader(const std::string& path) : path_(path) {}

  Header header;

  bool start_object(std::size_t) override {
    if (place_ == Place::start) {
      place_ = Place::top;
    } else if (place_ == Place::top) {
      place_ = in_metadata_ ? Place::texts : Place::entry;
    } else {
      misplaced("an object");
    }
    return true;
  }

  bool key(std::string& name) override {
    if (place_ == Place::top) {
      name_ = name;
      in_metadata_ = name == metadata;
      if (in_metadata_ ? std::exchange(has_metadata_, true) : header.entries.count(name) != 0)
        reject("stands twice");
      if (name.find('\0') != std::string::npos) reject("has a zero byte in its name");
      entry_ = in_metadata_ ? nullptr : &header.entries[name];
    } else if (place_ == Place::texts) {
      key_ = name;
      if (header.texts.count(name) != 0) reject("has the text " + shown(name) + " twice");
    } else {
      key_ = name;
      bool* seen = name == "dtype"          ? &entry_->has_dtype
                   : name == "shape"        ? &entry_->has_shape
                   : name == "data_offsets" ? &entry_->has_offsets
                                            : nullptr;
      if (!seen) reject("has " + shown(name) + ", wanted 'dtype', 'shape' and 'data_offsets' alone");
      if (std::exchange(*seen, true)) reject("has " + shown(name) + " twice");
    }
    return true;
  }

  bool string(std::string& text) override {
    if (place_ == Place::texts) {
      header.texts[key_] = text;
    } else if (place_ == Place::entry && key_ == "dtype") {
      entry_->dtype = text;
    } else {
      misplaced("a string");
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::entry || key_ == "dtype") misplaced("an array");
    place_ = Place::numbers;
    return true;
  }

  bool number_unsigned(std::uint64_t number) override {
    if (place_ != Place::numbers) misplaced("a number");
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) wrong_number();
    std::vector<std::int64_t>& list = key_ == "shape" ? entry_->shape : entry_->offsets;
    if (key_ == "shape" && list.size() == internal::max_axes)
      reject("has more than " + std::to_string(internal::max_axes) + " axes");
    if (key_ != "shape" && list.size() == 2) reject("has more than two data_offsets");
    list.push_back(static_cast<std::int64_t>(number));
    return true;
  }
  bool number_integer(std::int64_t) override { wrong_number(); }  // a negative one
  bool number_float(double, const std::string&) override { wrong_number(); }

  bool end_array() override {
    place_ = Place::entry;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::entry && !(entry_->has_dtype && entry_->has_shape && entry_->offsets.size() == 2))
      reject("is wrong: wanted a dtype, a shape and two data_offsets");
    place_ = Place::top;
    return true;
  }

  bool null() override { misplaced("null"); }
  bool boolean(bool) override { misplaced("a truth value"); }
  bool binary(json::binary_t&) override { misplaced("binary data"); }

  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    fail("load_safetensors", path_, ": has a header that is not JSON in UTF-8, at its byte ", position);
  }

 private:
  enum class Place { start, top, texts, entry, numbers };

  [[noreturn]] void reject(const std::string& why) const {
    fail("load_safetensors", path_, ": ", name_ == metadata ? "" : "tensor ", shown(name_), " ", why);
  }
  [[noreturn]] void wrong_number() const {
    if (place_ != Place::numbers) misplaced("a number");
    reject("has a number in its " + key_ + " that is not a whole one from 0 to 2^63 - 1");
  }
  [[noreturn]] void misplaced(const char* what) const {
    reject(std::string("has ") + what +
           (place_ == Place::top       ? ", wanted an object"
            : place_ == Place::texts   ? " under " + shown(key_) + ", wanted a string"
            : place_ == Place::numbers ? " in its " + key_ + ", wanted whole numbers"
            : key_ == "dtype"          ? " as its dtype, wanted a string"
                                       : " as its " + key_ + ", wanted an array"));
  }

  const std::string& path_;
  Place place_ = Place::start;
  std::string name_, key_;  // the tensor's name, and the key inside its entry
  Entry* entry_ = nullptr;
  bool in_metadata_ = false, has_metadata_ = false;
};

// Where a tensor lies in the data.
struct Slot {
  const std::string* name;
  Shape shape;
  DType dtype;
  std::int64_t begin, end;
};

// The header of a file, taken apart, and the place where it ends.
Header read_header(const std::string& path, const std::string& file, std::size_t& end) {
  constexpr const char* op = "load_safetensors";
  if (file.size() < length_bytes)
    fail(op, path, ": is cut short, or no safetensors file: it has ", file.size(), " bytes");
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), length_bytes);
  if (length > longest_header) {
    fail(op, path, ": is no safetensors file: its header would have ", length, " bytes, of at most ",
         longest_header);
  }
  if (length > file.size() - length_bytes) {
    fail(op, path, ": is cut short in its header: it has ", file.size(), " bytes, the header alone ", length);
  }
  const std::string_view text(file.data() + length_bytes, length);
  // nlohmann skips a byte order mark, and takes a zero byte for the end.
  if (text.empty() || text[0] != '{') fail(op, path, ": has a header that does not begin with '{'");
  if (const std::size_t zero = text.find('\0'); zero != text.npos)
    fail(op, path, ": has a header with a zero byte, at its byte ", zero + 1);
  HeaderReader reader(path);
  json::sax_parse(text.begin(), text.end(), &reader);
  end = length_bytes + length;
  return std::move(reader.header);
}

// The entries in the order of their data, checked against its size and against one another.
std::vector<Slot> checked_slots(const std::string& path, const std::map<std::string, Entry>& entries,
                                std::int64_t size) {
  std::vector<Slot> slots;
  for (const auto& named : entries) {
    const Entry& entry = named.second;
    const auto reject = [&](const auto&... why) {
      fail("load_safetensors", path, ": tensor ", shown(named.first), " ", why...);
    };
    if (entry.dtype != "F32" && entry.dtype != "F64")
      reject("has dtype ", shown(entry.dtype), ", wanted 'F32' (float32) or 'F64' (float64)");
    const Slot slot{&named.first,
                    {entry.shape.data(), static_cast<int>(entry.shape.size())},
                    entry.dtype == "F32" ? float32 : float64,
                    entry.offsets[0],
                    entry.offsets[1]};
    if (slot.begin > slot.end) reject("has data_offsets that run backwards: ", slot.begin, " to ", slot.end);
    if (slot.end > size)
      reject("is cut short: its data_offsets are ", slot.begin, " to ", slot.end, ", the file has ", size);
    std::int64_t bytes = 0;
    if (!internal::count_bytes(slot.shape, size_of(slot.dtype), bytes))
      reject("has a shape too large for memory: ", slot.shape);
    if (bytes != slot.end - slot.begin) {
      reject("is ", slot.dtype, " ", slot.shape, ", which takes ", bytes, " bytes, but has data_offsets ",
             slot.begin, " to ", slot.end);
    }
    slots.push_back(slot);
  }
  std::sort(slots.begin(), slots.end(), [](const Slot& a, const Slot& b) {
    return std::tie(a.begin, a.end, *a.name) < std::tie(b.begin, b.end, *b.name);
  });
  std::int64_t reached = 0;
  for (const Slot& slot : slots) {
    if (slot.begin != reached) {
      fail("load_safetensors", path, ": tensor ", shown(*slot.name), " begins at ", slot.begin,
           " of the data, wanted ", reached,
           slot.begin < reached ? ": it overlaps the one before" : ": there is a gap");
    }
    reached = slot.end;
  }
  if (reached != size)
    fail("load_safetensors", path, ": has ", size - reached, " bytes behind its last tensor");
  return slots;
}

}  // namespace

State load_safetensors(const std::string& path) {
  const std::string file = internal::read_file("load_safetensors", path);
  std::size_t header_end = 0;
  Header header = read_header(path, file, header_end);
  const std::string_view data = std::string_view(file).substr(header_end);
  const std::vector<Slot> slots = checked_slots(path, header.entries, static_cast<std::int64_t>(data.size()));

  State state;
  for (const Slot& slot : slots) {
    const Tensor tensor = Tensor::uninitialized("load_safetensors", slot.shape, slot.dtype);
    std::memcpy(tensor.impl().data, data.data() + slot.begin,
                static_cast<std::size_t>(slot.end - slot.begin));
    state.tensors.emplace(*slot.name, tensor);
  }
  state.texts = std::move(header.texts);
  return state;
}

void save_safetensors(const std::string& path, const State& state) {
  constexpr const char* op = "save_safetensors";
  // A JSON string, quotes and all; throws if it is not UTF-8.
  const auto quoted = [&](const std::string& text, const std::string& what) {
    try {
      return json(text).dump();
    } catch (const json::type_error&) {
      fail(op, path, ": ", what, " is not UTF-8");
    }
  };
  std::string header;
  const auto add = [&](const auto&... pieces) { ((header += pieces), ...); };
  const char* comma = "{";
  if (!state.texts.empty()) {
    add("{\"", metadata, "\":");
    for (const auto& [name, text] : state.texts) {
      add(comma, quoted(name, "the name of text " + shown(name)), ":",
          quoted(text, "the text " + shown(name)));
      comma = ",";
    }
    add("}");
  }
  // The wider dtype comes first, so that every tensor is aligned for whoever maps the file; then the
  // order is by name.
  std::int64_t reached = 0;
  for (const DType dtype : {float64, float32}) {
    for (const auto& named : state.tensors) {
      const auto& [name, tensor] = named;
      const auto reject = [&](const auto&... why) {
        fail(op, path, ": tensor ", shown(named.first), " ", why...);
      };
      if (!tensor) reject("is ", internal::an_empty_handle);
      if (tensor.dtype() != dtype) continue;
      if (name == metadata) reject("has a name that the format keeps for texts");
      if (name.find('\0') != std::string::npos) reject("has a zero byte in its name");
      if (tensor.rank() > internal::max_axes)
        reject("has ", tensor.rank(), " axes, wanted at most ", internal::max_axes);
      std::int64_t bytes = 0;
      if (!internal::count_bytes(tensor.shape(), size_of(dtype), bytes))
        reject("has a shape too large: ", tensor.shape());
      const std::vector<std::int64_t> shape(tensor.shape().begin(), tensor.shape().end());
      add(comma, quoted(name, "the name of tensor " + shown(name)), ":{\"dtype\":\"",
          dtype == float32 ? "F32" : "F64", "\",\"shape\":", json(shape).dump(), ",\"data_offsets\":[",
          std::to_string(reached), ",", std::to_string(reached + bytes), "]}");
      comma = ",";
      reached += bytes;
    }
  }
  add(header.empty() ? "{}" : "}");
  header.resize((header.size() + 7) / 8 * 8, ' ');
  if (header.size() > longest_header)
    fail(op, path, ": the names and texts take ", header.size(), " bytes, of at most ", longest_header);

  const std::uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), length_bytes);
  file.reserve(length_bytes + header.size() + static_cast<std::size_t>(reached));
  file += header;
  for (const DType dtype : {float64, float32}) {
    for (const auto& [name, tensor] : state.tensors) {
      if (tensor.dtype() != dtype) continue;
      const Tensor host = tensor.detach().to(Device::cpu());
      file.append(reinterpret_cast<const char*>(host.impl().data),
                  static_cast<std::size_t>(host.size()) * size_of(dtype));
    }
  }
  internal::write_file(op, path, file);
}

}  // namespace taper
