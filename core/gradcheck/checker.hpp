// One gradient check, from the first call of f to the report. Inside the gradient checker: checker.cpp holds
// what is checked once, elements.cpp the comparison element by element, second_look.cpp what may excuse a
// failure, directions.cpp the comparison of large inputs, float32.cpp the one of two dtypes, diagnosis.cpp
// what the numbers say about the cause.
#pragma once

#include "../random.hpp"
#include "../text.hpp"
#include "gradcheck.hpp"
#include "problem.hpp"
#include "progress.hpp"

#include <optional>

namespace taper::gradcheck_detail {

using Element = GradcheckReport::Element;

class Checker {
 public:
  // f's results may be differences of terms as large as `inner`, and rounded like those.
  Checker(const char* op, const ManyToMany& f, const Tensors& inputs, const GradcheckOptions& options,
          double inner = 0);
  GradcheckReport run();  // once

 private:
  // How an element came out.
  enum class Outcome { passed, kink, undecided, failed };
  struct Comparison {
    Outcome outcome = Outcome::passed;
    Element element;
    bool at_kink = false;
  };
  // A vector through all inputs.
  using Direction = std::vector<Values>;

  // --- checker.cpp ---
  bool calls_agree();  // determinism and purity of f and backward; false if nothing can be compared
  void check_linearity();
  void finish();

  // --- elements.cpp ---
  void check_elements();
  Comparison compare(std::size_t input, std::int64_t i);
  // Along `line`; `project` takes the derivative along it from the gradients of all inputs.
  using Project = std::function<double(const std::vector<Values>&)>;
  Comparison compare(Line& line, const Project& project, const Element& element, int first_step);
  Comparison judge(Line& line, std::size_t c, const Derivative& found, double analytic, double rounding,
                   Element element);
  void add(Comparison comparison);
  void look_for_support_change();
  bool depends_on_inputs();

  // --- second_look.cpp ---
  Comparison judge(Line& line, std::size_t c, const Derivative& found, const Project& project,
                   const Element& element);
  struct Failure;
  std::optional<Comparison> look_for_rounding(Failure& failure);
  std::optional<Comparison> look_for_kinks(Failure& failure);
  // f and its backward at x under another rounding, or at a point nearby.
  struct Sample {
    Direction x;
    Values y;
    std::vector<std::vector<Values>> gradients;  // indexed as analytic_ is
  };
  Sample record_sample();
  const std::vector<Sample>& rounded_otherwise();
  const std::vector<std::vector<Sample>>& neighbours();
  // By how much rounding may have moved the tape's value, and each result of f.
  double rounding_of(std::size_t c, const Project& project);
  Values rounding_of_y();
  struct Surroundings {
    Derivative bounds;
    int pieces;  // how many different slopes the tape gives there
  };
  std::optional<Surroundings> look_around(const Failure& failure);

  // --- float32.cpp ---
  void check_float32();

  // --- directions.cpp ---
  void check_directions();
  void check_ties();
  Direction random_direction(int kind);
  Line line_along(const Direction& direction);
  Comparison compare(const Direction& direction);
  void bisect(const Direction& direction, Element whole);
  void sample_neighbours(std::size_t input, std::int64_t around);

  std::string name(std::size_t argument) const;

  const char* op_;
  const ManyToMany& f_;
  const GradcheckOptions& options_;
  double inner_;
  Problem problem_;
  Generator generator_;
  Progress progress_;
  GradcheckReport report_;
  Tensors given_;                                // the inputs, if one of them is float32
  Values at_x_;                                  // f's results at x
  std::vector<Values> cotangents_;               // v and u
  std::vector<std::vector<Values>> analytic_;    // [cotangent][input][element]
  std::vector<Sample> rounded_;                  // filled when the first element looks wrong, as is the next
  std::vector<std::vector<Sample>> neighbours_;  // by distance
  std::vector<double> scale_;                    // the largest of each input's gradients
  bool failure_stands_ = false;                  // after a second look
  bool all_finite_ = true;                       // f's results at x
  bool depends_ = false;                         // did a result of f change anywhere?
};

// Two cotangents for f's results: v has both signs and no zeros, so that no result goes unseen; u has zeros,
// both signs and several magnitudes. Results that are not finite count for nothing.
std::vector<Values> draw_cotangents(const Values& results, Generator& generator);

// Sentences about the cause, from the elements that failed. Those of an argument stand in the order
// of its elements.
std::vector<std::string> diagnose(const GradcheckReport& report, const std::vector<Shape>& shapes);

using internal::text;

}  // namespace taper::gradcheck_detail
