// A chapter as a native program.
#include "../common/support.hpp"
#include "chapter.hpp"

#include <nlohmann/json.hpp>

int main(int argc, char** argv) {
  const walkthrough::Chapter& chapter = *walkthrough::Chapter::all().front();
  CLI::App app("Chapter " + chapter.name() + " of the walkthrough: " + chapter.title());
  std::map<std::string, double> values;
  for (const walkthrough::Parameter& parameter : chapter.parameters()) {
    double& value = values[parameter.name] = parameter.start;
    const std::string range = (std::ostringstream() << parameter.from << " to " << parameter.to).str();
    app.add_option("--" + parameter.name, value, "from " + range)->capture_default_str();
  }
  bool as_json = false;
  app.add_flag("--json", as_json, "print what the page is given, as JSON");

  return example::run(app, argc, argv, [&] {
    const std::string result = chapter.recompute(nlohmann::json(values).dump());
    const auto json = nlohmann::json::parse(result);
    if (json.contains("error")) throw std::runtime_error(json["error"].get<std::string>());
    std::cout << (as_json ? result + '\n' : json["printed"].get<std::string>());
  });
}
