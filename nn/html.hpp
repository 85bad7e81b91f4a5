// What the pages that the library writes have in common: a frame with places to fill, escaped text, and data
// for the page's script. cmake/embed_page.cmake puts frame, style sheets and scripts into the library.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace taper::internal {

// The text with & < > " written as XML wants them. Bytes that no XML document may hold (broken UTF-8, and
// control characters except tab and newline) become U+FFFD.
std::string escaped(std::string_view text);

// JSON as it may stand in a <script> of a page that is XML too: with < > & as \u003c and so on. In JSON they
// occur in strings only, so that the data stay what they were.
std::string script_json(std::string_view json);

// The texts one after the other.
std::string joined(std::span<const std::string_view> texts);

// The frame with each @NAME@ replaced by the part of that name.
std::string filled(std::string_view frame, const std::map<std::string_view, std::string>& parts);

}  // namespace taper::internal
