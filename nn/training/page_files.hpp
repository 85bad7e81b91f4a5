// What cmake/embed_page.cmake puts into the library: the sources of a training page, in nn/training/page.
#pragma once

#include <span>
#include <string_view>

namespace taper::internal {

extern const std::string_view training_page_frame;  // with @TITLE@, @STYLE@, @BODY@, @DATA@ and @SCRIPT@
extern const std::span<const std::string_view> training_page_css, training_page_js;

}  // namespace taper::internal
