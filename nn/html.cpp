// Escaping, and the filling of a frame.
#include "html.hpp"

#include "../core/io/utf8.hpp"

#include <algorithm>

namespace taper::internal {

std::string escaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text.substr(i));
    const std::string_view character = text.substr(i, length);
    const char c = character.empty() ? '\0' : character[0];
    if (length == 0 || (length == 1 && c < ' ' && c != '\t' && c != '\n') || c == 0x7f) {
      out += "\uFFFD";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += character;
    }
    i += length == 0 ? 1 : length;
  }
  return out;
}

std::string script_json(std::string_view json) {
  std::string out;
  for (char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else if (c == '>') {
      out += "\\u003e";
    } else if (c == '&') {
      out += "\\u0026";
    } else {
      out += c;
    }
  }
  return out;
}

std::string joined(std::span<const std::string_view> texts) {
  std::string all;
  for (const std::string_view text : texts) all += text;
  return all;
}

std::string filled(std::string_view frame, const std::map<std::string_view, std::string>& parts) {
  std::string page;
  while (!frame.empty()) {
    const std::size_t begin = frame.find('@');
    page += frame.substr(0, begin);
    if (begin == std::string_view::npos) break;
    const std::size_t length = std::min(frame.find('@', begin + 1), frame.size()) - begin - 1;
    const auto part = parts.find(frame.substr(begin + 1, length));
    page += part == parts.end() ? "@" : part->second;
    frame.remove_prefix(part == parts.end() ? begin + 1 : begin + length + 2);
  }
  return page;
}

}  // namespace taper::internal
