// The header is an object in JSON. For each tensor it has
//   "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}
// with offsets into what follows the header, and may hold texts under "__metadata__". Every byte belongs to
// exactly one tensor: no gaps, no overlap, nothing after the last one.
#include "safetensors_header.hpp"

#include "../fail.hpp"
#include "safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

namespace taper::internal {
namespace {

using nlohmann::json;

constexpr const char* safetensors_op = "load_safetensors";

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
      in_metadata_ = name == safetensors_metadata;
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
    if (key_ == "shape" && list.size() == max_axes)
      reject("has more than " + std::to_string(max_axes) + " axes");
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

  // The reference implementation takes null for no metadata.
  bool null() override {
    if (place_ != Place::top || !in_metadata_) misplaced("null");
    return true;
  }
  bool boolean(bool) override { misplaced("a truth value"); }
  bool binary(json::binary_t&) override { misplaced("binary data"); }

  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    fail(safetensors_op, path_, ": has a header that is not JSON in UTF-8, at its byte ", position);
  }

 private:
  enum class Place { start, top, texts, entry, numbers };

  [[noreturn]] void reject(const std::string& why) const {
    fail(safetensors_op, path_, ": ", name_ == safetensors_metadata ? "" : "tensor ", shown(name_), " ", why);
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

// The header as it stands in the file. Sets `end` to the place where it ends.
Header parsed(const std::string& path, std::string_view file, std::size_t& end) {
  if (file.size() < safetensors_length_bytes)
    fail(safetensors_op, path, ": is cut short, or no safetensors file: it has ", file.size(), " bytes");
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), safetensors_length_bytes);
  if (length > safetensors_longest_header) {
    fail(safetensors_op, path, ": is no safetensors file: its header would have ", length,
         " bytes, of at most ", safetensors_longest_header);
  }
  if (length > file.size() - safetensors_length_bytes) {
    fail(safetensors_op, path, ": is cut short in its header: it has ", file.size(),
         " bytes, the header alone ", length);
  }
  const std::string_view text = file.substr(safetensors_length_bytes, length);
  // nlohmann skips a byte order mark, and takes a zero byte for the end.
  if (text.empty() || text[0] != '{')
    fail(safetensors_op, path, ": has a header that does not begin with '{'");
  if (const std::size_t zero = text.find('\0'); zero != text.npos)
    fail(safetensors_op, path, ": has a header with a zero byte, at its byte ", zero + 1);
  HeaderReader reader(path);
  json::sax_parse(text.begin(), text.end(), &reader);
  end = safetensors_length_bytes + length;
  return std::move(reader.header);
}

// A tensor's entry, and where its bytes begin and end in the data.
struct Slot {
  SafetensorsEntry entry;
  std::int64_t begin, end;
};

// Checks what a file says about one tensor against the number of its bytes.
Slot checked(const std::string& path, const std::string& name, const Entry& entry, std::int64_t size) {
  const auto reject = [&](const auto&... why) {
    fail(safetensors_op, path, ": tensor ", shown(name), " ", why...);
  };
  const std::int64_t begin = entry.offsets[0], end = entry.offsets[1];
  if (begin > end) reject("has data_offsets that run backwards: ", begin, " to ", end);
  if (end > size) reject("is cut short: its data_offsets are ", begin, " to ", end, ", the file has ", size);
  const Shape shape{entry.shape.data(), static_cast<int>(entry.shape.size())};
  const std::optional<Stored> kind = kind_of_safetensors(entry.dtype);
  std::int64_t bytes = 0;
  if (!count_bytes(shape, kind ? size_of(*kind) : 1, bytes))
    reject("has a shape too large for memory: ", shape);
  if (kind && bytes != end - begin) {
    reject("is ", name_of(*kind), " ", shape, ", which takes ", bytes, " bytes, but has data_offsets ", begin,
           " to ", end);
  }
  return {{name, entry.dtype, kind, shape, {}}, begin, end};
}

}  // namespace

std::optional<Stored> kind_of_safetensors(std::string_view dtype) {
  constexpr std::pair<std::string_view, Stored> kinds[] = {
      {"BOOL", Stored::boolean}, {"I8", Stored::int8},       {"U8", Stored::uint8},
      {"I16", Stored::int16},    {"U16", Stored::uint16},    {"I32", Stored::int32},
      {"U32", Stored::uint32},   {"I64", Stored::int64},     {"U64", Stored::uint64},
      {"F16", Stored::float16},  {"BF16", Stored::bfloat16}, {"F32", Stored::float32},
      {"F64", Stored::float64}};
  for (const auto& [name, kind] : kinds) {
    if (name == dtype) return kind;
  }
  return std::nullopt;
}

SafetensorsHeader read_safetensors_header(const std::string& path, std::string_view file) {
  std::size_t header_end = 0;
  Header header = parsed(path, file, header_end);
  const std::string_view data = file.substr(header_end);
  const auto size = static_cast<std::int64_t>(data.size());
  std::vector<Slot> slots;
  for (const auto& [name, entry] : header.entries) slots.push_back(checked(path, name, entry, size));
  std::sort(slots.begin(), slots.end(), [](const Slot& a, const Slot& b) {
    return std::tie(a.begin, a.end, a.entry.name) < std::tie(b.begin, b.end, b.entry.name);
  });

  SafetensorsHeader result{{}, std::move(header.texts)};
  std::int64_t reached = 0;
  for (Slot& slot : slots) {
    if (slot.begin != reached) {
      fail(safetensors_op, path, ": tensor ", shown(slot.entry.name), " begins at ", slot.begin,
           " of the data, wanted ", reached,
           slot.begin < reached ? ": it overlaps the one before" : ": there is a gap");
    }
    reached = slot.end;
    slot.entry.bytes =
        data.substr(static_cast<std::size_t>(slot.begin), static_cast<std::size_t>(slot.end - slot.begin));
    result.entries.push_back(std::move(slot.entry));
  }
  if (reached != size) fail(safetensors_op, path, ": has ", size - reached, " bytes behind its last tensor");
  return result;
}

}  // namespace taper::internal
