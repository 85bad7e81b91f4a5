// The chapter's parts are put into the page by replacing lines of nn/page/tape.html.
#include "page.hpp"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace walkthrough {
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": can't be opened");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string source(const std::string& file) { return contents(TAPER_SOURCE + ("/" + file)); }

// The files of all chapters and the first line of each.
nlohmann::ordered_json table_of_contents() {
  std::map<std::string, std::string> titles;
  for (const auto& entry : std::filesystem::directory_iterator(TAPER_SOURCE "/docs/walkthrough")) {
    const std::string name = entry.path().stem().string();
    if (std::isdigit(static_cast<unsigned char>(name[0]))) {
      const std::string text = contents(entry.path().string());
      titles[name] = text.substr(2, text.find('\n') - 2);  // after "# "
    }
  }
  auto table = nlohmann::ordered_json::array();
  for (const auto& [name, title] : titles) table.push_back({{"name", name}, {"title", title}});
  return table;
}

void replace(std::string& page, const std::string& from, const std::string& to) {
  const std::size_t at = page.find(from);
  if (at == std::string::npos) throw std::logic_error("nn/page/tape.html has no " + from);
  page.replace(at, from.size(), to);
}

// As the text of a <script>: in JSON a "<" stands in strings only.
std::string as_script(const nlohmann::ordered_json& json) {
  std::string text = json.dump();
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos; at += 6)
    text.replace(at, 1, "\\u003c");
  return text;
}

}  // namespace

void make_chapter_page(const std::string& path, const Chapter& chapter, const std::string& printed,
                       const std::string& module) {
  auto json = nlohmann::ordered_json::parse(chapter.json());
  json["text"] = source("docs/walkthrough/" + chapter.name() + ".md");
  json["printed"] = printed;
  json["chapters"] = table_of_contents();

  std::string page = contents(path);
  replace(page, "script-src 'unsafe-inline'", "script-src 'unsafe-inline' 'wasm-unsafe-eval'");
  replace(page, "</style>", source("examples/walkthrough/chapter.css") + "</style>");
  replace(page, "<main id=\"root\">",
          "<main>\n<article class=\"chapter\" id=\"chapter\"></article>\n<div id=\"root\">");
  replace(page, "</main>",
          "</div>\n</main>\n<script type=\"application/json\" id=\"about\">" + as_script(json) +
              "</script>\n<script>" + (module.empty() ? "" : contents(module)) + "</script>");
  replace(page,
          "mountTape(document.getElementById(\"root\"), "
          "JSON.parse(document.getElementById(\"tape\").textContent), "
          "{ ownsPage: true });",
          source("examples/walkthrough/chapter.js") +
              "const read = (id) => JSON.parse(document.getElementById(id).textContent);\n"
              "const data = { ...read(\"tape\"), title: \"The tape\" };\n"
              "const shown = mountTape(document.getElementById(\"root\"), data, { ownsPage: true });\n"
              "mountChapter(document.getElementById(\"chapter\"), read(\"about\"), shown, data);");
  std::ofstream file(path, std::ios::binary);
  if (!(file << page).flush()) throw std::runtime_error(path + ": can't be written");
}

}  // namespace walkthrough
