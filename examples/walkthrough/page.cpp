// The chapter's parts are put into the page by replacing lines of nn/page/tape.html.
#include "page.hpp"

#include <taper/nn/html.hpp>

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <nlohmann/json.hpp>

namespace walkthrough {
namespace {

namespace internal = taper::internal;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": can't be opened");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string source(const std::string& file) { return contents(TAPER_SOURCE + ("/" + file)); }

// What docs/walkthrough/README.md says: title and words of the walkthrough, and of each chapter, in order.
struct Readme {
  struct Line {
    std::string name, title, words;
  };
  std::string title, words;
  std::vector<Line> chapters;
};

Readme readme() {
  std::istringstream file(source("docs/walkthrough/README.md"));
  Readme all;
  std::string line;
  for (int paragraph = -1; std::getline(file, line) && line.rfind("## ", 0) != 0;) {
    const std::size_t name = line.find("]("), words = line.find(".md): ");
    if (line.empty()) {
      ++paragraph;
    } else if (paragraph < 0) {
      all.title = line.substr(2);  // after "# "
    } else if (paragraph == 0) {
      all.words += line + '\n';
    } else if (line.rfind("- [", 0) == 0) {
      if (name == line.npos || words == line.npos) throw std::logic_error("no line of a chapter: " + line);
      all.chapters.push_back(
          {line.substr(name + 2, words - name - 2), line.substr(3, name - 3), line.substr(words + 6)});
    }
  }
  return all;
}

// Markdown as HTML, as far as a line of the list goes: `code`.
std::string html_of(const std::string& words) {
  std::string html;
  bool is_code = false;
  for (char c : internal::escaped(words)) {
    if (c != '`') {
      html += c;
      continue;
    }
    html += is_code ? "</code>" : "<code>";
    is_code = !is_code;
  }
  return html;
}

void write(const std::string& path, const std::string& page) {
  std::ofstream file(path, std::ios::binary);
  if (!(file << page).flush()) throw std::runtime_error(path + ": can't be written");
}

void replace(std::string& page, const std::string& from, const std::string& to) {
  const std::size_t at = page.find(from);
  if (at == std::string::npos) throw std::logic_error("nn/page/tape.html has no " + from);
  page.replace(at, from.size(), to);
}

}  // namespace

void make_chapter_page(const std::string& path, const Chapter& chapter, const std::string& printed,
                       const std::string& module) {
  auto json = nlohmann::ordered_json::parse(chapter.json());
  json["text"] = source("docs/walkthrough/" + chapter.name() + ".md");
  json["printed"] = printed;
  for (const Readme::Line& line : readme().chapters)
    json["chapters"].push_back({{"name", line.name}, {"title", line.title}});

  std::string page = contents(path);
  replace(page, "script-src 'unsafe-inline'", "script-src 'unsafe-inline' 'wasm-unsafe-eval'");
  replace(page, "</style>", source("examples/walkthrough/chapter.css") + "</style>");
  replace(page, "<main id=\"root\">",
          "<main>\n<article class=\"chapter\" id=\"chapter\"></article>\n<div id=\"root\">");
  replace(page, "</main>",
          "</div>\n</main>\n<script type=\"application/json\" id=\"about\">" +
              internal::script_json(json.dump()) + "</script>\n<script>" +
              (module.empty() ? "" : contents(module)) + "</script>");
  replace(page,
          "mountTape(document.getElementById(\"root\"), "
          "JSON.parse(document.getElementById(\"tape\").textContent), "
          "{ ownsPage: true });",
          source("examples/walkthrough/chapter.js") +
              "const read = (id) => JSON.parse(document.getElementById(id).textContent);\n"
              "const data = { ...read(\"tape\"), title: \"The tape\" };\n"
              "const shown = mountTape(document.getElementById(\"root\"), data, { ownsPage: true });\n"
              "mountChapter(document.getElementById(\"chapter\"), read(\"about\"), shown, data);");
  write(path, page);
}

void make_index_page(const std::string& path) {
  const Readme all = readme();
  std::string list;
  for (const Readme::Line& line : all.chapters)
    list += "<li><a href=\"" + line.name + ".html\">" + html_of(line.title) + "</a><p>" +
            html_of(line.words) + "</p></li>\n";
  const std::string style = source("nn/page/base.css") + source("examples/walkthrough/chapter.css");
  write(path, internal::filled(source("examples/walkthrough/index.html"), {{"TITLE", html_of(all.title)},
                                                                           {"TEXT", html_of(all.words)},
                                                                           {"STYLE", style},
                                                                           {"CHAPTERS", list}}));
}

}  // namespace walkthrough
