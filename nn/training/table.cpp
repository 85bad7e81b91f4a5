// Tables: in a box that scrolls, with a shadow that says where there is more.
#include "../html.hpp"
#include "page_part.hpp"

namespace taper::internal {

std::string scroller(const std::string& classes, const std::string& name, const std::string& content) {
  return "<div class=\"scroller " + classes + "\" tabindex=\"0\" role=\"group\" aria-label=\"" +
         escaped(name) + "\">\n" + content + "</div>\n";
}

namespace {

// The name of a row, which may break after the dots of a parameter's name.
std::string row_name(const std::string& name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    out += name[i];
    const char next = i + 1 < name.size() ? name[i + 1] : '\0';
    // isalpha() goes by the locale.
    if (name[i] == '.' && ((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z'))) out += "<wbr/>";
  }
  return out;
}

}  // namespace

std::string table_html(const training::Rows& rows) {
  std::string out = "<table>\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out += i == 0 ? "<thead><tr>" : "<tr>";
    for (std::size_t j = 0; j < rows[i].size(); ++j) {
      const std::string text = escaped(rows[i][j]);
      if (i == 0) {
        out += "<th scope=\"col\">" + text + "</th>";
      } else {
        out += j == 0 ? "<th scope=\"row\">" + row_name(text) + "</th>" : "<td>" + text + "</td>";
      }
    }
    out += i == 0 ? "</tr></thead>\n<tbody>\n" : "</tr>\n";
  }
  if (!rows.empty()) out += "</tbody>\n";
  return scroller("table", rows.empty() || rows[0].empty() ? "table" : "table: " + rows[0][0],
                  out + "</table>\n");
}

}  // namespace taper::internal
