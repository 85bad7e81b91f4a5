// Files, messages and prints are the same in every locale. Elsewhere a locale that groups digits has written the
// shape (1,000, 3) into a file, and read (1, 0, 3) out of it.
#include "support/german_locale.hpp"
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/nn/training/format.hpp>
#include <taper/taper.hpp>

#include <functional>
#include <sstream>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

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

    out << x.shape() << x << model << Size2d{1000, 2000} << '\n';
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
    const CsvTable table = load_csv_table(write("a,b\n1000.5,10\n-0.25,9\n"));
    expect_values(table.numbers({"a"}), {1000.5, -0.25}, 0);
    EXPECT_EQ(table.labels("b").names, (std::vector<std::string>{"9", "10"}));
    std::string digits(5000, '1');  // g++ 12 warns of an overflow that is none if this is one expression
    digits += '\n';
    add(message_of([&] { load_csv(write(digits)); }));
    add(message_of([&] { load_csv_table(write("a\n" + std::string(1500, '\n') + "1,2\n")); }));
    add(message_of([&] { load_npy(write("\x93NUMPY")); }));
    add(message_of([&] { load_safetensors(write(std::string(8, '\x01'))); }));
    add(message_of([&] { load_image(write("P5 2000 2000 255\n")); }));
    save_image(path("x.pgm"), full({1000, 1}, 0.5));
    add(read(path("x.pgm")));
    EXPECT_EQ(load_image(path("x.pgm")).shape(), (Shape{1, 1000, 1}));
    add(schedules());
    add(checkpoint());
    add(logs_and_pages());
    Generator other;
    other.set_state(generator.state());
    EXPECT_EQ(other.state(), generator.state());
    return out.str();
  }

 private:
  static std::string schedules() {
    const auto cosine = optim::Schedule::cosine(0.00125, 10000, 1.5e-6).warm_up(1000);
    const nn::KSchedule k(6400, 1000, 2000, 3000);
    EXPECT_EQ(optim::Schedule::parse(cosine.text()).text(), cosine.text());
    EXPECT_EQ(nn::KSchedule::parse(k.text()).text(), k.text());
    return cosine.text() + k.text();
  }

  std::string checkpoint() const {
    Generator generator(8);
    generator.normal();
    const nn::Linear model(2, 2, generator);
    optim::Adam adam(model.parameters(), {.learning_rate = 0.00125});
    adam.scale_learning_rate({model.bias}, 1.5);
    nn::Run run{model, adam, generator, 123456, {}};
    save_checkpoint(path("run"), run);
    const std::string bytes = read(path("run"));
    Generator other;
    nn::Run again{model, adam, other};
    load_checkpoint(path("run"), again);
    EXPECT_EQ(again.step, 123456);
    EXPECT_EQ(other.state(), generator.state());
    save_checkpoint(path("run"), again);
    EXPECT_EQ(read(path("run")), bytes);
    return bytes;
  }

  std::string logs_and_pages() const {
    {
      training::CsvLog log(path("run.csv"));
      log.add(123456, {{"loss", 1234.5}, {"rate", 1e-7}});
    }
    const std::vector<double> row =
        load_csv_table(path("run.csv")).numbers({}, {.dtype = float64}).to_vector();
    EXPECT_EQ(row, (std::vector<double>{123456, 1234.5, 1e-7}));

    Generator generator(9);
    const nn::Linear model(1000, 2, generator);
    training::History history("run");
    for (std::int64_t step = 1000; step < 1003; ++step) {
      history.add("loss", step, 1234.5 + static_cast<double>(step));
      history.add_histograms(model, step);
    }
    training::History again("run");
    again.load_state(history.state());
    EXPECT_EQ(again.curve("loss").value, history.curve("loss").value);
    training::Page page("A run", "of 1000 steps");
    page.charts({{.title = "Loss", .x_label = "step", .series = {training::series(again, "loss")}}});
    page.maps({{.title = "a map", .rows = 1, .columns = 2, .values = {0.12345, 0.25}}});
    page.histograms(again);
    page.table({{"time", training::duration(12345)}, {"share", training::percent(0.125)}});
    return page.html();
  }

  static void add_of_wrong_shapes() { add(zeros({1000, 2}), zeros({2000, 2})); }
  static void check_finite() {
    Tape tape({.check_finite = true});
    const Tensor x = full({1234}, 1e30).requires_grad();
    square(x);
  }
};

TEST_F(Locales, NothingChangesWithThem) {
  const std::string expected = everything();
  const InGerman german(folder.string());
  ASSERT_EQ((std::ostringstream() << 1234.5).str(), "1.234,5");
  EXPECT_EQ(everything(), expected);
}

}  // namespace
}  // namespace taper::test
