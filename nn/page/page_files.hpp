// What cmake/embed_page.cmake puts into the library: the sources of the page, and what is known of each op.
#pragma once

#include <span>
#include <string_view>

namespace taper::internal {

extern const std::string_view page_frame;  // tape.html, with @TITLE@, @STYLE@, @SCRIPT@ and @DATA@
extern const std::span<const std::string_view> page_css, page_js;

struct OpText {
  std::string_view name;  // under which the op records
  std::string_view page;  // its page in docs/ops, without .md
  std::string_view formulas, text;
};
extern const std::span<const OpText> op_texts;

}  // namespace taper::internal
