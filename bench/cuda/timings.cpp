// cuda_timings: how long Taper takes on a CUDA device, and whether it computes there what it
// computes on the CPU.
//
//   cuda_timings check [--heads H] [--rows N]   compares attention on the device with the CPU's
//   cuda_timings time CASES                     times the cases in that file of JSON; prints a line of JSON
//   for each
//
// timings.py writes the cases and reads the lines.
#include "timings.hpp"

#include <taper/cuda/device.hpp>
#include <taper/taper.hpp>

#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

using namespace taper;

namespace bench {
namespace {

// C_i = A_i B_i^T for the batch: A (m, k), B (n, k).
void time_products(const Json& cases) {
  for (const Json& about : cases.at("products")) {
    const std::int64_t batch = about.at("batch"), m = about.at("m"), n = about.at("n"), k = about.at("k");
    const DType dtype = about.at("dtype") == "float64" ? float64 : float32;
    Json line = about;
    line["operations"] = 2.0 * static_cast<double>(batch * m) * static_cast<double>(n * k);
    print_measured("products", line, [&] {
      const Tensor a = normal({batch, m, k}, 1, dtype), b = normal({batch, n, k}, 2, dtype);
      return time_on_device(cases.at("seconds"), [&](int) { bmm(a, b, false, true); });
    });
  }
}

// sparse_attention on queries, keys and values of (heads, n, d), whose scores have the standard deviation
// that the case asks for. The operations counted are those of the scores, which no implementation in
// float32 avoids.
void time_attention(const Json& cases) {
  std::vector<Tensor> x;  // queries, keys, values; the cotangent
  for (const Json& about : cases.at("attention")) {
    const std::int64_t heads = about.at("heads"), n = about.at("n"), d = about.at("d"), k = about.at("k");
    const bool causal = about.at("causal");
    const Shape shape{heads, n, d};
    const AttentionOptions options{
        .scale = about.at("deviation").get<double>() / std::sqrt(static_cast<double>(d)), .causal = causal};
    const auto scores = static_cast<double>(heads * n) * static_cast<double>(causal ? (n + 1) / 2 : n);
    const auto measure = [&](const char* part, const std::function<void()>& work) {
      Json line = about;
      line["part"] = part;
      line["operations"] = 2 * scores * static_cast<double>(d);
      print_measured("attention", line, [&] {
        if (x.empty() || x[0].shape() != shape) {
          x.clear();
          for (std::uint64_t i = 0; i < 4; ++i) x.push_back(normal(shape, i));
        }
        work();  // makes what is made only once, which is no run's memory
        const std::size_t taken = bytes_taken(work);
        const double inputs =
            4.0 * static_cast<double>(heads * n * d) * (part == std::string("forward") ? 3 : 4);
        Json result = time_on_device(cases.at("seconds"), [&](int) { work(); });
        result["peak_bytes"] = static_cast<double>(taken) + inputs;
        return result;
      });
    };
    measure("forward", [&] { sparse_attention(x[0], x[1], x[2], k, options); });
    measure("forward and backward", [&] {
      std::vector<Tensor> leaves;
      for (std::size_t i = 0; i < 3; ++i) leaves.push_back(x[i].detach().requires_grad());
      Tape tape;
      const Tensor y = sparse_attention(leaves[0], leaves[1], leaves[2], k, options);
      tape.gradient(y, leaves, {.cotangent = x[3]});
    });
  }
}

int time_cases(const std::string& path) {
  std::ifstream file(path);
  const Json cases = Json::parse(file);
  print("facts", {{"what", "device"}, {"name", cuda::description()}});
  time_kernels(cases);
  time_products(cases);
  time_attention(cases);
  time_training(cases);
  return failures() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  CLI::App app("Taper on a CUDA device: checked against the CPU, and timed.");
  app.require_subcommand(1);
  std::int64_t heads = 2, rows = 4096;
  std::string path;
  CLI::App* check = app.add_subcommand("check", "compare attention on the device with the CPU's");
  check->add_option("--heads", heads, "of the large comparison")->capture_default_str();
  check->add_option("--rows", rows, "queries and keys of each head")->capture_default_str();
  CLI::App* time = app.add_subcommand("time", "time what a file of JSON lists");
  time->add_option("cases", path, "the file")->required()->check(CLI::ExistingFile);
  CLI11_PARSE(app, argc, argv);
  try {
    if (!cuda::available()) throw std::runtime_error("no CUDA device: " + cuda::description());
    if (time->parsed()) return bench::time_cases(path);
    return bench::check_device(heads, rows) ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
