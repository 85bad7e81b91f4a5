// What the examples with a command line share: a main() that turns errors into one line and exit status 1,
// and rows printed on one line.
#pragma once

#include <taper/taper.hpp>

#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

namespace example {

// Thrown if Ctrl-C stops a program that has saved its work: what() says how to go on; status() is main's exit
// status, 128 plus the number of the signal, as in a shell.
class Interrupted : public std::runtime_error {
 public:
  Interrupted(const std::string& advice, int signal) : std::runtime_error(advice), signal_(signal) {}
  int status() const { return 128 + signal_; }

 private:
  int signal_;
};

// Parses the command line and runs the body. Returns main's exit status: 0; 1 after a bad option or an error,
// which is printed as one line; or Interrupted's, if that was thrown.
template <class Body>
int run(CLI::App& app, int argc, char** argv, Body body) {
  try {
    app.parse(argc, argv);
    body();
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;  // --help is one of them
  } catch (const Interrupted& interrupted) {
    std::cerr << interrupted.what() << '\n';
    return interrupted.status();
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}

// The check that an option is a whole number of at least that size. (CLI11's own checks print the largest double as the upper bound.)
inline CLI::Validator at_least(std::int64_t least) {
  return CLI::Validator(
      [least](const std::string& word) {
        std::int64_t value = 0;
        return CLI::detail::lexical_cast(word, value) && value >= least
                   ? std::string()
                   : "must be a whole number of at least " + std::to_string(least) + ", got " + word;
      },
      "at least " + std::to_string(least));
}

// The elements of a tensor as [0.1, 0, 1.3], five digits each.
inline std::string row(const taper::Tensor& tensor) {
  std::ostringstream out;
  out.precision(5);
  const char* separator = "[";
  for (double value : tensor.to_vector()) out << std::exchange(separator, ", ") << value;
  return (tensor.size() == 0 ? "[" : "") + out.str() + "]";
}

}  // namespace example
