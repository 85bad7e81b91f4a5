// A chapter's page: what show() wrote, with the chapter's text, its numbers to drag and the module around it.
// And the page at which one begins, with the list of chapters.
#pragma once

#include "chapter.hpp"

#include <string>

namespace walkthrough {

// Turns the page that taper::show wrote into the chapter's. `printed` is what this run has printed; `module`
// the packed module, "" for a page whose numbers stay as they are. Throws if a file can't be read or written.
void make_chapter_page(const std::string& path, const Chapter& chapter, const std::string& printed,
                       const std::string& module);

// Writes that page: what docs/walkthrough/README.md says of the walkthrough and of each chapter. It expects
// the pages of the chapters beside it. Throws if a file can't be read or written.
void make_index_page(const std::string& path);

}  // namespace walkthrough
