// Files, messages and prints are the same in every locale. Elsewhere a locale that groups digits has written the
// shape (1,000, 3) into a file, and read (1, 0, 3) out of it.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/nn/training/format.hpp>
#include <taper/taper.hpp>

#include <clocale>
#include <functional>
#include <locale>
#include <sstream>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// German digits: 1.234,5.
struct German : std::numpunct<char> {
  char do_thousands_sep() const override { return '.'; }
  char do_decimal_point() const override { return ','; }
  std::string do_grouping() const override { return "\3"; }
};

// The C++ locale, and C's if the machine has a German one.
class InGerman {
 public:
  InGerman() {
    std::locale::global(std::locale(std::locale::classic(), new German));
    std::setlocale(LC_ALL, "de_DE.UTF-8");
  }
  ~InGerman() { std::locale::global(std::locale::classic()); }
  InGerman(const InGerman&) = delete;
  InGerman& operator=(const InGerman&) = delete;
};

class Locales : public Scratch {
 protected:
  std::string message_of(const std::function<void()>& call) const {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  // What the library writes: printed into streams of the global locale, or as files.
  std::string everything() const {
    std::ostringstream out;
    const auto add = [&](const std::string& piece) { out << piece << '\n'; };
    Generator generator(7);
    const Tensor x = randn({1500, 2}, generator);
    const nn::Linear model(1000, 2, generator);

    out << x.shape() << x << model << '\n';
    add(message_of([&] { add_of_wrong_shapes(); }));
    add(message_of([&] { model(x); }));
    add(message_of([&] { check_finite(); }));
    add(generator.state());
    out << gradcheck([](const Tensor& t) { return square(t); }, randn({1100}, generator, float64)) << '\n';
    const auto wrong = [](const Tensor& t) {
      return record("wrong", square(t).detach(), vjp(t, [t](const Tensor& dy) { return 2.5 * t * dy; }));
    };
    const GradcheckReport report = gradcheck(wrong, ones({3}, float64), {.seed = 123456});
    out << report << report.json() << '\n';
    Tape tape({.keep_values = true});
    sum(square(x.detach().requires_grad()));
    add(tape.dot());
    for (const double value : {1234567.0, 0.000123456, 1.5, 1e20}) add(training::number(value));

    save_npy(path("x.npy"), x);
    add(read(path("x.npy")));
    nn::save(path("x.safetensors"), model);
    add(read(path("x.safetensors")));
    expect_same(load_npy(path("x.npy")), x);
    nn::load(path("x.safetensors"), model);
    expect_values(load_csv(write("1000.5,2\n-0.25,1e3\n")), {1000.5, 2, -0.25, 1000}, 1e-7);
    Generator other;
    other.set_state(generator.state());
    EXPECT_EQ(other.state(), generator.state());
    return out.str();
  }

 private:
  static void add_of_wrong_shapes() { add(zeros({1000, 2}), zeros({2000, 2})); }
  static void check_finite() {
    Tape tape({.check_finite = true});
    const Tensor x = full({1234}, 1e30).requires_grad();
    square(x);
  }
};

TEST_F(Locales, NothingChangesWithThem) {
  const std::string expected = everything();
  const InGerman german;
  ASSERT_EQ((std::ostringstream() << 1234.5).str(), "1.234,5");
  EXPECT_EQ(everything(), expected);
}

}  // namespace
}  // namespace taper::test
