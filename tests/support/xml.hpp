// Is a text well-formed XML, and does it contain another?
#pragma once

#include <string>

namespace taper::test {

bool contains(const std::string& text, const std::string& part);
std::size_t count(const std::string& text, const std::string& part);

// What is wrong with the document as XML: tags that do not close, stray & and <, attributes without quotes;
// empty if nothing is.
std::string flaw(const std::string& xml);

}  // namespace taper::test
