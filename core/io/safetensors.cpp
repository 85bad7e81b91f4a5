// The safetensors format: the length of the header (8 bytes, little-endian), the header (JSON,
// safetensors_header.cpp), and the tensors' elements one after the other.
#include "safetensors.hpp"

#include "../fail.hpp"
#include "files.hpp"
#include "safetensors_header.hpp"

#include <bit>
#include <set>
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

using internal::SafetensorsEntry;
using internal::shown;
using internal::Stored;
using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

// Why a tensor is not read as it is, and what reads it.
std::string refusal(const std::string& name, const std::string& dtype) {
  return "tensor " + shown(name) + " has dtype " + shown(dtype) +
         ", wanted 'F32' (float32) or 'F64' (float64)" +
         (internal::kind_of_safetensors(dtype) ? "; load_safetensors(path, {.dtype = float64}) converts it"
                                               : "");
}

}  // namespace

void internal::check_all_read(const char* op, const std::string& path, const State& state) {
  if (state.others.empty()) return;
  const auto& [name, dtype] = *state.others.begin();
  fail(op, path, ": ", refusal(name, dtype));
}

State load_safetensors(const std::string& path, const SafetensorsOptions& options) {
  constexpr const char* op = "load_safetensors";
  const std::string file = internal::read_file(op, path);
  internal::SafetensorsHeader header = internal::read_safetensors_header(path, file);
  std::set<std::string_view> missing(options.names.begin(), options.names.end());
  const bool all = missing.empty();

  State state;
  for (const SafetensorsEntry& entry : header.entries) {
    if (missing.erase(entry.name) == 0 && !all) continue;
    const bool is_float = entry.kind == Stored::float32 || entry.kind == Stored::float64;
    if (!is_float && !(options.dtype && entry.kind)) {
      if (!all) fail(op, path, ": ", refusal(entry.name, entry.dtype));
      state.others.emplace(entry.name, entry.dtype);
      continue;
    }
    const DType dtype = options.dtype.value_or(entry.kind == Stored::float32 ? float32 : float64);
    state.tensors.emplace(entry.name, internal::converted(op, path + ": tensor " + shown(entry.name),
                                                          {*entry.kind, entry.shape, entry.bytes}, dtype));
  }
  if (!missing.empty()) fail(op, path, ": has no tensor ", shown(*missing.begin()));
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
  if (!state.others.empty()) {
    fail(op, path, ": tensor ", shown(state.others.begin()->first), " has dtype ",
         shown(state.others.begin()->second),
         ", and only float32 and float64 are written; clear State::others to leave it out");
  }
  std::string header;
  const auto add = [&](const auto&... pieces) { ((header += pieces), ...); };
  const char* comma = "{";
  if (!state.texts.empty()) {
    add("{\"", internal::safetensors_metadata, "\":");
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
      if (name == internal::safetensors_metadata) reject("has a name that the format keeps for texts");
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
  if (header.size() > internal::safetensors_longest_header)
    fail(op, path, ": the names and texts take ", header.size(), " bytes, of at most ",
         internal::safetensors_longest_header);

  const std::uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), internal::safetensors_length_bytes);
  file.reserve(internal::safetensors_length_bytes + header.size() + static_cast<std::size_t>(reached));
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
