// Module: what has parameters, or is made of modules that have.
#pragma once

#include "../core/compressed_rows.hpp"
#include "../core/scope.hpp"
#include "../core/tensor.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taper::nn {

class Module;
struct Run;
void load(const std::string& path, const Module& model);

// The list of a module's parts, by name: its parameters, its buffers and the modules that it is made of.
class Parts {
 public:
  // Throws if the parameter is an empty handle.
  void add(const std::string& name, const Tensor& parameter);
  // A matrix of which only the elements at these places are stored: the parameter has them, (places.size()), and
  // state_dict() has the matrix. Throws if it has another shape. With an empty handle as places, the same as above.
  void add(const std::string& name, const Tensor& parameter, const CompressedRows& places);
  void add(const std::string& name, const Module& module);
  // A buffer: a tensor that is saved and moved with the module but not trained, such as a running mean, into
  // whose elements the module writes. Throws if it is an empty handle or asks for a gradient.
  void add_buffer(const std::string& name, const Tensor& buffer);

 private:
  friend class Module;
  friend class MovingAverage;
  friend std::ostream& operator<<(std::ostream& out, const Module& model);
  // A module on the way, for printing.
  struct Visit {
    std::string line;        // indented: "    hidden: Linear"
    std::size_t prefix;      // how long the prefix of its tensors' names is
    std::size_t begin, end;  // which entries are inside it
  };
  struct Entry {
    std::string name;
    Tensor tensor;
    bool is_buffer;
    CompressedRows places = {};

    // What state_dict() has.
    Tensor whole() const;
    Shape shape() const;
  };

  std::string prefix_;
  std::vector<Visit>* visits_ = nullptr;  // null unless the modules are to be noted
  std::size_t depth_ = 0;
  std::vector<Entry> entries_;
  std::optional<bool> training_;  // if set, the mode that each module on the way is put into
};

// clang-format off
// The base of all layers and models. A module is a value: a copy shares the parameters and buffers. To write
// one, list its parts:
//
//   struct Model : nn::Module {
//     nn::Linear hidden{5, 16}, output{16, 1};
//     void list(nn::Parts& parts) const override {
//       parts.add("hidden", hidden), parts.add("output", output);
//     }
//     Tensor operator()(const Tensor& x) const { return output(relu(hidden(x))); }
//   };
// clang-format on
class Module {
 public:
  virtual ~Module() = default;

  // All parameters with their names, depth first in the order of list(): "hidden.weight", "hidden.bias", …
  // A tensor that is listed several times, because two layers share it, comes once, under its first name.
  std::vector<std::pair<std::string, Tensor>> named_parameters() const;
  // The same without names, as an optimizer takes them.
  std::vector<Tensor> parameters() const;
  // All buffers, likewise.
  std::vector<std::pair<std::string, Tensor>> named_buffers() const;
  // Clears every parameter's gradient.
  void zero_grad() const;
  // Freezes every parameter (with false) or lets it learn again: no gradient is computed for a frozen one, and
  // optimizers and clip_gradients pass over it.
  void requires_grad(bool value = true) const;

  // A copy of every parameter and buffer by its name, which save_safetensors writes; of a shared one, by each
  // of its names. Later steps don't change it. Throws if two have the same name.
  std::map<std::string, Tensor> state_dict() const;
  // Copies each element into the parameter or buffer of that name, in place, so that an optimizer goes on with
  // it. Throws unless there is exactly one tensor for each name, of its shape and dtype, and the same numbers
  // for all names of a shared one; then nothing has changed. The message names every tensor that is wrong,
  // missing, or too many.
  void load_state_dict(const std::map<std::string, Tensor>& tensors) const;

  // Moves every parameter, its gradient and every buffer to that device, in place, so that an optimizer goes on with it:
  // its moments follow. To be called between tapes. Throws if there is no such device or it is out of memory;
  // then some may have moved, and to() with the earlier device brings them back.
  void to(Device device) const;
  // Converts every parameter, its gradient and every buffer to that dtype, likewise. float32 to float64 and back brings
  // every number back bit for bit.
  void to(DType dtype) const;

  // Puts this module and all those inside it into training mode, in which each module starts, or out of it.
  // Some modules compute something else in training, as Dropout does. The mode is no part of a module's
  // value, just as a gradient is no part of a parameter's: that is why it can be changed in a const module. A
  // copy starts in the mode of its original and goes its own way from there. Not to be called while another
  // thread uses the module.
  void train(bool on = true) const;
  // train(false), for evaluation.
  void eval() const { train(false); }
  bool is_training() const { return training_; }

  // Tells `parts` each parameter, each buffer and each module inside this one.
  virtual void list(Parts& parts) const = 0;

 private:
  friend void load(const std::string& path, const Module& model);
  friend void load_checkpoint(const std::string& path, Run& run);
  friend class MovingAverage;
  // The checks of load_state_dict: throws Error("[op] " + where + …), each tensor named with `prefix`.
  void check_state_dict(const char* op, const std::string& where, const std::string& prefix,
                        const std::map<std::string, Tensor>& tensors) const;

  // Everything that is listed, as often as it is listed.
  std::vector<Parts::Entry> entries() const;
  std::vector<std::pair<std::string, Tensor>> named(bool are_buffers) const;

  friend class Parts;
  mutable bool training_ = true;
};

// Prints the modules inside one another with their parameters and buffers: dtype, shape, number of elements
// and bytes. A parameter that asks for no gradient is "frozen"; a tensor that stands in several places is
// counted in the first, and "shared" in the others. The elements of a "buffer" are no parameters.
std::ostream& operator<<(std::ostream& out, const Module& model);

// part(arguments…) in a Scope of that name. With the name under which list() adds the part, an error inside
// says which of the parameters' names it concerns: "(in Mlp.hidden)".
template <class Part, class... Arguments>
Tensor call(const char* name, const Part& part, const Arguments&... arguments) {
  const Scope scope(name);
  return part(arguments...);
}

}  // namespace taper::nn
