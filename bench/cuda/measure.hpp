// What the parts of cuda_timings share: the device's clock and memory, random inputs, lines of JSON.
#pragma once

#include <taper/core/tensor.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>

#include <nlohmann/json.hpp>

namespace bench {

using Json = nlohmann::ordered_json;

// The time of a run of work(0), work(1), … on the device, from the event before it to the one after it, for
// about `seconds` in all. The first runs don't count. Returns {"seconds": the median, "lower_quartile",
// "upper_quartile", "runs"}.
Json time_on_device(double seconds, const std::function<void(int run)>& work);

// The bytes that one run of `work` takes from the device in addition to what is in use now: the blocks of the
// pool, which begins without cached ones.
std::size_t bytes_taken(const std::function<void()>& work);

// A tensor of standard normal numbers on the device, the same in every run of the program for one seed.
taper::Tensor normal(const taper::Shape& shape, std::uint64_t seed, taper::DType dtype = taper::float32);

// Writes one line of JSON: what was measured, and in which group the report wants it.
void print(const char* group, Json line);
// Prints measure()'s line, or the error that it ended with.
void print_measured(const char* group, const Json& about, const std::function<Json()>& measure);

// How many lines of print_measured were errors.
int failures();

}  // namespace bench
