// Numbers in German: 1.000,5.
#pragma once

#include <clocale>
#include <cstdlib>
#include <locale>
#include <string>

#include <gtest/gtest.h>

namespace taper::test {

// As long as it lives, the C++ locale and C's are German: C's is the machine's, or one that localedef makes in the
// folder out of what the package `locales` has. If neither is to be had, the test fails.
class InGerman {
 public:
  explicit InGerman(const std::string& folder) {
    std::locale::global(std::locale(std::locale::classic(), new Punctuation));
    if (set()) return;
    const std::string command =
        "localedef -i de_DE -f UTF-8 '" + folder + "/de_DE.UTF-8' > '" + folder + "/log' 2>&1";
    if (std::system(command.c_str()) == 0 && setenv("LOCPATH", folder.c_str(), 1) == 0 && set()) return;
    ADD_FAILURE()
        << "There is no German locale, and localedef could not make one: is the package locales there?";
  }
  ~InGerman() {
    std::locale::global(std::locale::classic());  // C's too
    unsetenv("LOCPATH");
  }
  InGerman(const InGerman&) = delete;
  InGerman& operator=(const InGerman&) = delete;

 private:
  struct Punctuation : std::numpunct<char> {
    char do_thousands_sep() const override { return '.'; }
    char do_decimal_point() const override { return ','; }
    std::string do_grouping() const override { return "\3"; }
  };

  static bool set() { return std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr; }
};

}  // namespace taper::test
