// The generic checks: each walks every variant of every op of the registry, on every device.
#include "ops/op_on_device.hpp"
#include <taper/core/gradcheck/gtest.hpp>
#include <taper/taper.hpp>

#include <filesystem>
#include <set>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

class Op : public TestOfOp {
 protected:
  // Calls check(variant, its inputs); a failure says which variant it was.
  template <class Check>
  void for_each_variant(Check check) {
    Generator generator(20240607);
    for (const Variant& variant : row.variants) {
      SCOPED_TRACE(row.op + ": " + variant.name);
      Tensors inputs;
      for (const Input& input : variant.inputs) {
        inputs.push_back(input.draw(input.shape, generator).to(device));
      }
      check(variant, inputs);
    }
  }
};

std::vector<Array> arrays_of(const Tensors& tensors) {
  std::vector<Array> arrays;
  for (const Tensor& tensor : tensors) arrays.push_back(array_of(tensor));
  return arrays;
}

// A cotangent that no two elements of a result have in common.
Tensor some_cotangent(const Tensor& y) {
  Generator generator(5);
  return uniform(y.shape(), 0.5, 1.5, generator, y.kind());
}

std::int64_t count(const Tensors& tensors) {
  std::int64_t elements = 0;
  for (const Tensor& tensor : tensors) elements += tensor.size();
  return elements;
}

TEST_P(Op, HasTheReferencesValue) {
  ASSERT_FALSE(row.variants.empty());
  for_each_variant([&](const Variant& variant, const Tensors& inputs) {
    const Tensor y = variant.f(inputs);
    EXPECT_EQ(y.dtype(), float64);
    EXPECT_EQ(y.device(), device);
    expect_close(y, variant.reference(arrays_of(inputs)), 1e-12);
  });
}

// Does `map` give different values at other inputs of the variant? (softmax of rows of one does not.)
bool varies(const Variant& variant, const std::function<Tensors(const Tensors&)>& map) {
  Generator generator(7);
  Tensors first;
  for (int draw = 0; draw < 12; ++draw) {
    Tensors inputs;
    for (const Input& input : variant.inputs) inputs.push_back(input.draw(input.shape, generator));
    const Tensors values = map(inputs);
    if (draw == 0) first = values;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i].to_vector() != first[i].to_vector()) return true;
    }
  }
  return false;
}

// The CPU's ops are compared element by element. Those of a device give the CPU's values, as tests/cuda checks;
// random directions are enough for the larger inputs there, for on the emulator each value takes long.
GradcheckOptions options_on(Device device) { return {.max_elements = device.is_cpu() ? 2048 : 48}; }

// Wants every element really compared: the registry's inputs lie away from kinks. If there is nothing to
// compare, that is no pass.
void expect_all_compared(const GradcheckReport& report, std::int64_t elements, bool varies) {
  if (!varies) {
    EXPECT_EQ(report.verdict, Verdict::undecided) << report;
    EXPECT_TRUE(report.undecided.empty()) << report;
    return;
  }
  EXPECT_TRUE(gradients_agree(report));
  EXPECT_TRUE(report.kinks.empty()) << report;
  EXPECT_EQ(static_cast<std::int64_t>(report.elements.size()),
            report.directions > 0 ? report.directions : elements);
}

TEST_P(Op, Gradcheck) {
  for_each_variant([&](const Variant& variant, const Tensors& inputs) {
    const auto value = [&](const Tensors& x) { return Tensors{variant.f(x)}; };
    expect_all_compared(gradcheck(variant.f, inputs, options_on(device)), count(inputs),
                        varies(variant, value));
  });
}

TEST_P(Op, Gradgradcheck) {
  for_each_variant([&](const Variant& variant, const Tensors& inputs) {
    const Tensor v = some_cotangent(variant.f(inputs)).to(Device::cpu());
    const auto gradient = [&, scale = 0.0](const Tensors& x) mutable {
      return gradients(variant.f, x, v * (scale += 1));
    };
    expect_all_compared(gradgradcheck(variant.f, inputs, options_on(device)), count(inputs) + v.size(),
                        varies(variant, gradient));
  });
}

// Both precisions get the same numbers, so that what differs is the arithmetic alone: a handful of roundings
// of 6e-8 each, in sums of up to some ten terms of size 4. 2e-6 is thirty roundings.
TEST_P(Op, Float32AgreesWithFloat64) {
  for_each_variant([&](const Variant& variant, const Tensors& inputs) {
    Tensors narrow, wide;
    for (const Tensor& input : inputs) {
      narrow.push_back(cast(input, float32));
      wide.push_back(cast(narrow.back(), float64));
    }
    const Tensor y = variant.f(wide), y32 = variant.f(narrow);
    EXPECT_EQ(y32.dtype(), float32);
    expect_close(y32, y, 2e-6);

    const Tensor v = cast(some_cotangent(y32), float64);
    const Tensors dx = gradients(variant.f, wide, v), dx32 = gradients(variant.f, narrow, cast(v, float32));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_EQ(dx32[i].dtype(), float32);
      expect_close(dx32[i], dx[i], 4e-6);
    }
  });
}

TEST_P(Op, LeavesItsInputsAndTheCotangentAlone) {
  for_each_variant([&](const Variant& variant, const Tensors& inputs) {
    Tensors leaves, before;
    for (const Tensor& input : inputs) {
      leaves.push_back(input.clone().requires_grad());
      before.push_back(input.clone());
    }
    Tape tape;
    const Tensor y = variant.f(leaves);
    const Tensor value = y.clone(), v = some_cotangent(y), v_before = v.clone();
    tape.gradient(y, leaves, {.create_graph = true, .cotangent = v});
    tape.backward(y, {.cotangent = v});
    for (std::size_t i = 0; i < leaves.size(); ++i) expect_same(leaves[i], before[i]);
    expect_same(y, value);
    expect_same(v, v_before);
  });
}

TEST_P(Op, RecordsOnlyWhatNeedsAGradient) {
  for_each_variant([&](const Variant& variant, const Tensors& inputs) {
    {
      Tape tape;
      variant.f(inputs);
      EXPECT_EQ(tape.node_count(), 0u) << "no input asks for a gradient";
    }
    Tensors leaves;
    for (const Tensor& input : inputs) leaves.push_back(input.clone().requires_grad());
    EXPECT_FALSE(Tape::tracks(variant.f(leaves).detach()));
    const Tensor untracked = variant.f(leaves);
    for (const Tensor& leaf : leaves) {
      if (&untracked.impl() == &leaf.impl()) return;  // an op that had nothing to do returns its input
    }
    EXPECT_FALSE(Tape::tracks(untracked)) << "no tape records";
  });
}

// Whether an input gets the same gradient when the others ask for none.
TEST_P(Op, DifferentiatesEachInputAlone) {
  for_each_variant([&](const Variant& variant, const Tensors& inputs) {
    const Tensor v = some_cotangent(variant.f(inputs));
    const Tensors all = gradients(variant.f, inputs, v);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto alone = [&](const Tensor& x) {
        Tensors others = inputs;
        others[i] = x;
        return variant.f(others);
      };
      expect_same(gradient_of(alone, inputs[i], v), all[i]);
    }
  });
}

TEST_P(Op, RefusesAnEmptyHandle) {
  for_each_variant([&](const Variant& variant, const Tensors& inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Tensors with_empty = inputs;
      with_empty[i] = Tensor();
      expect_error(row.op, [&] { variant.f(with_empty); },
                   {"] " + row.argument(i) + " is an empty handle: default-constructed"});
    }
  });
}

TEST_P(Op, RefusesMixedDtypes) {
  for_each_variant([&](const Variant& variant, const Tensors& inputs) {
    for (std::size_t i = 0; inputs.size() > 1 && i < inputs.size(); ++i) {
      Tensors mixed = inputs;
      mixed[i] = cast(mixed[i], float32);
      expect_error(row.op, [&] { variant.f(mixed); }, {"float32", "float64"});
    }
  });
}

TEST_P(Op, RefusesMixedDevices) {
  for_each_variant([&](const Variant& variant, const Tensors& inputs) {
    for (std::size_t i = 0; inputs.size() > 1 && i < inputs.size(); ++i) {
      Tensors mixed = inputs;
      mixed[i] = mixed[i].to(Device::cpu());
      if (mixed[i].device() == inputs[i].device()) return;
      expect_error(row.op, [&] { variant.f(mixed); }, {"cpu", "cuda"});
    }
  });
}

TEST_P(Op, NamesItselfInErrors) {
  for (const ErrorCase& error : row.errors) {
    SCOPED_TRACE(error.name);
    expect_error(row.op, error.call, error.says);
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, Op, testing::ValuesIn(on_device(registry(), Device::cpu())), name_of_op);
INSTANTIATE_TEST_SUITE_P(RegistryOnCuda, Op, testing::ValuesIn(on_device(registry(), Device::cuda())),
                         name_of_op);

TEST(Registry, HasARowForEveryHeaderOfOps) {
  std::set<std::string> registered, present;
  for (const OpRow& op_row : registry()) registered.insert(op_row.family + "/" + op_row.header);
  for (const auto& family : std::filesystem::directory_iterator(TAPER_OPS_DIR)) {
    if (!family.is_directory() || family.path().filename() == "kernels") continue;
    for (const auto& entry : std::filesystem::directory_iterator(family)) {
      if (entry.path().extension() != ".hpp") continue;
      present.insert(family.path().filename().string() + "/" + entry.path().stem().string());
    }
  }
  EXPECT_FALSE(present.empty());
  EXPECT_EQ(registered, present)
      << "a header of ops/ without a row in its family's file of tests/ops/rows/, or the other way";
}

}  // namespace

}  // namespace taper::test
