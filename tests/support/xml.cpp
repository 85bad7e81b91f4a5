// Goes through the tags one by one, with a stack of those that are open.
#include "support/xml.hpp"

#include <vector>

namespace taper::test {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

std::string flaw(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t i = 0; i < xml.size(); ++i) {
    const std::string here = "'" + xml.substr(i, 40) + "'";
    if (xml[i] == '&') {
      const std::string entity = xml.substr(i, xml.find(';', i) - i + 1);
      if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;") return here;
    }
    if (xml[i] != '<') continue;
    if (xml.compare(i, 9, "<![CDATA[") == 0) {  // holds anything up to its end
      i = xml.find("]]>", i);
      if (i == std::string::npos) return here;
      continue;
    }
    const std::size_t end = xml.find('>', i);
    if (end == std::string::npos) return here;
    const std::string tag = xml.substr(i + 1, end - i - 1);
    if (contains(tag, "<") || count(tag, "\"") % 2 != 0) return here;
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag[0] == '/') {
      if (open.empty() || "/" + open.back() != tag)
        return here + " closes " + (open.empty() ? "" : open.back());
      open.pop_back();
    } else if (tag[0] != '!' && tag.back() != '/') {
      open.push_back(name);
    }
    i = end;
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

}  // namespace taper::test
