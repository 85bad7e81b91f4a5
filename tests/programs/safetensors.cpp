// What tests/io/safetensors_interop.py has the C++ side do. For each tensor, in the order of the names, it
// writes FOLDER/0.npy, 1.npy, … and prints "tensor NAME"; for each text it prints "text NAME TEXT", names and
// texts in hexadecimal.
//   safetensors_program write SEED FOLDER   a state of random tensors and texts goes to FOLDER/x.safetensors
//   safetensors_program copy FILE FOLDER    what FILE holds goes to FOLDER/x.safetensors
#include <taper/taper.hpp>

#include <cstring>
#include <iostream>
#include <string>

namespace {

using namespace taper;

std::string hexadecimal(const std::string& text) {
  std::string digits;
  for (const char c : text) {
    digits += "0123456789abcdef"[static_cast<unsigned char>(c) / 16];
    digits += "0123456789abcdef"[static_cast<unsigned char>(c) % 16];
  }
  return digits;
}

State random_state(Generator& generator) {
  const auto below = [&](std::uint64_t n) { return generator.bits() % n; };
  const auto word = [&] {
    static const char* const pieces[] = {"weight", ".",      "é", "𝛕",  "\"", "\\", "\n",
                                         "0",      "layers", " ", "\t", "ü",  "/",  "{"};
    std::string result = std::to_string(below(1000));
    for (std::uint64_t i = below(5); i > 0; --i) result += pieces[below(std::size(pieces))];
    return result;
  };
  State state;
  for (std::uint64_t count = below(30); count > 0; --count) {
    Shape shape = Shape::filled(static_cast<int>(below(6)), 0);
    for (std::int64_t& extent : shape) extent = static_cast<std::int64_t>(below(6));
    Tensor tensor = zeros(shape, below(2) ? float32 : float64);
    std::byte* bytes = tensor.impl().data;  // any bits: NaN with payloads, subnormal numbers, infinities
    for (std::int64_t i = 0; i < tensor.size() * static_cast<std::int64_t>(size_of(tensor.dtype())); ++i)
      bytes[i] = static_cast<std::byte>(below(256));
    state.tensors[word()] = tensor;
  }
  for (std::uint64_t count = below(5); count > 0; --count) state.texts[word()] = word();
  return state;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    const std::string command = argv[1], folder = argv[3];
    State state;
    if (command == "write") {
      Generator generator(std::stoull(argv[2]));
      state = random_state(generator);
    } else {
      state = load_safetensors(argv[2]);
    }
    save_safetensors(folder + "/x.safetensors", state);
    int number = 0;
    for (const auto& [name, tensor] : state.tensors) {
      save_npy(folder + "/" + std::to_string(number++) + ".npy", tensor);
      std::cout << "tensor " << hexadecimal(name) << '\n';
    }
    for (const auto& [name, text] : state.texts)
      std::cout << "text " << hexadecimal(name) << ' ' << hexadecimal(text) << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
