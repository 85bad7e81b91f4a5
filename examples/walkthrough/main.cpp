// A chapter as a native program: prints what it prints in its page, and writes the page.
#include "../common/support.hpp"
#include "page.hpp"

#include <nlohmann/json.hpp>

int main(int argc, char** argv) {
  const walkthrough::Chapter& chapter = *walkthrough::Chapter::all().front();
  CLI::App app("Chapter " + chapter.name() + " of the walkthrough: " + chapter.title());
  std::map<std::string, double> values;
  for (const walkthrough::Parameter& parameter : chapter.parameters()) {
    std::ostringstream range;
    range << "from " << parameter.from << " to " << parameter.to;
    double& value = values[parameter.name] = parameter.start;
    app.add_option("--" + parameter.name, value, range.str())->capture_default_str();
  }
  std::string page, module, index;
  bool as_json = false;
  app.add_option("--page", page, "write the chapter's page to this file");
  app.add_option("--module", module, "the WebAssembly module, for a page that computes (build/wasm has it)");
  app.add_option("--index", index, "write the page that lists all chapters to this file");
  app.add_flag("--json", as_json, "print what the page is given, as JSON");

  return example::run(app, argc, argv, [&] {
    const auto write = [&](const taper::Tape& tape, const std::vector<taper::StepCurve>& curves) {
      if (!page.empty()) show(tape, page, {.title = chapter.title(), .curves = curves});
    };
    const std::string result = chapter.recompute(nlohmann::json(values).dump(), write);
    const auto json = nlohmann::json::parse(result);
    if (json.contains("error")) throw std::runtime_error(json["error"].get<std::string>());
    const auto printed = json["printed"].get<std::string>();
    if (!page.empty()) make_chapter_page(page, chapter, printed, module);
    if (!index.empty()) walkthrough::make_index_page(index);
    std::cout << (as_json ? result + '\n' : printed);
  });
}
