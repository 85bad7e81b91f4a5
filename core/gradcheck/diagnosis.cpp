// What the numbers say about the cause of a wrong gradient.
#include "checker.hpp"

#include <algorithm>
#include <cmath>

namespace taper::gradcheck_detail {
namespace {

constexpr double alike = 1e-4;  // relative: what counts as the same number here

bool same(double a, double b, double scale) { return std::abs(a - b) <= alike * scale; }

// The elements of one argument.
class Argument {
 public:
  Argument(const GradcheckReport& report, std::size_t number, const Shape& shape)
      : number(number), shape(shape) {
    std::int64_t count = 1;
    for (std::int64_t extent : shape) count *= extent;
    for (const Element& e : report.elements) {
      if (e.argument == number) all.push_back(&e);
    }
    for (const Element* e : all) {
      if (e->error > 1) wrong.push_back(e);
      if (std::isfinite(e->numeric)) scale = std::max(scale, std::abs(e->numeric));
    }
    complete = static_cast<std::int64_t>(all.size()) == count;
  }

  std::size_t number;
  Shape shape;
  std::vector<const Element*> all, wrong;
  bool complete = false;  // was each element compared? Then `all` is in row-major order.
  double scale = 0;
};

// "all elements" or "3 of 24 elements".
std::string how_many(const Argument& a) {
  if (a.wrong.size() == a.all.size()) return "all elements";
  return text(a.wrong.size(), " of ", a.all.size(), " elements");
}

// value(e) if it is the same for all elements that are wrong and tell something.
template <class Value>
std::optional<double> common(const Argument& a, Value value) {
  std::vector<double> values;
  for (const Element* e : a.wrong) {
    if (std::abs(e->numeric) > 100 * e->estimate) values.push_back(value(*e));
  }
  if (values.empty()) return {};
  const double middle = values[values.size() / 2];
  const bool agree =
      std::all_of(values.begin(), values.end(), [&](double v) { return same(v, middle, std::abs(middle)); });
  return agree && std::isfinite(middle) ? std::optional(middle) : std::nullopt;
}

std::string factor(const Argument& a, double r) {
  if (same(r, -1, 1)) return text("the sign is wrong in ", how_many(a));
  std::string hint;
  for (int axis = 0; axis < a.shape.size(); ++axis) {
    const auto n = static_cast<double>(a.shape[axis]);
    if (n < 2) continue;
    if (same(r, n, n)) hint = text(", the extent of axis ", axis, ": a sum in place of a mean?");
    if (same(r, 1 / n, 1)) hint = text(", 1 / the extent of axis ", axis, ": a mean in place of a sum?");
  }
  return text(how_many(a), " off by the factor ", r, hint);
}

// Ratios that depend on the element alone.
std::string proportion(const Argument& a) {
  const auto ratio = [](const Element& e) { return e.analytic / e.numeric; };
  if (const auto r = common(a, ratio)) return factor(a, *r);
  if (a.wrong.size() < 2) return "";
  const auto is_absolute = [](const Element* e) {
    return same(e->analytic, std::abs(e->numeric), std::abs(e->numeric));
  };
  if (std::all_of(a.wrong.begin(), a.wrong.end(), is_absolute))
    return text(how_many(a), " have the right size without its sign");
  const auto by_x = common(a, [&](const Element& e) { return ratio(e) / e.x; });
  if (by_x) return text(how_many(a), " off by the factor ", *by_x, " x: is x there once too often?");
  const auto by_inverse = common(a, [&](const Element& e) { return ratio(e) * e.x; });
  if (by_inverse) return text(how_many(a), " off by the factor ", *by_inverse, " / x: is x missing?");
  if (const auto d = common(a, [](const Element& e) { return e.analytic - e.numeric; }))
    return text(how_many(a), " off by the same amount, ", *d);
  if (const auto d = common(a, [](const Element& e) { return (e.analytic - e.numeric) / e.x; }))
    return text(how_many(a), " off by ", *d, " x: a term in x is missing, or has the wrong factor");
  return "";
}

// Is the analytic element k the right one of element source(k), for all k?
template <class Source>
bool is_rearranged(const Argument& a, Source source) {
  for (std::size_t k = 0; k < a.all.size(); ++k) {
    if (!same(a.all[k]->analytic, a.all[source(k)]->numeric, a.scale)) return false;
  }
  return true;
}

std::string rearrangement(const Argument& a) {
  const std::size_t n = a.all.size();
  if (!a.complete || n < 2) return "";
  // Elements that are small beside the largest one fit any order.
  const auto looks_right = [&](const Element* e) { return same(e->analytic, e->numeric, a.scale); };
  if (std::all_of(a.wrong.begin(), a.wrong.end(), looks_right)) return "";
  const int rank = a.shape.size();
  if (rank >= 2) {
    const auto rows = static_cast<std::size_t>(a.shape[rank - 2]),
               columns = static_cast<std::size_t>(a.shape[rank - 1]);
    const std::size_t matrix = rows * columns;
    const auto transposed = [&](std::size_t k) {  // read row by row, it is the transpose's order
      const std::size_t i = k % matrix;
      return k - i + i % rows * columns + i / rows;
    };
    if (is_rearranged(a, transposed)) return "it is the transpose of the right one, in the last two axes";
  }
  std::size_t inner = n;
  for (int axis = 0; axis < rank; ++axis) {
    const auto extent = static_cast<std::size_t>(a.shape[axis]);
    inner /= extent;
    const auto moved = [&](auto where) {
      return [=](std::size_t k) {
        const std::size_t at = k / inner % extent;
        return k - at * inner + where(at) * inner;
      };
    };
    if (extent < 2) continue;
    if (is_rearranged(a, moved([=](std::size_t at) { return extent - 1 - at; })))
      return text("it is the right one reversed along axis ", axis);
    for (const std::size_t shift : {std::size_t{1}, extent - 1}) {
      if (is_rearranged(a, moved([=](std::size_t at) { return (at + shift) % extent; })))
        return text("it is the right one shifted by one along axis ", axis);
    }
    for (const bool mean : {false, true}) {
      bool is_total = true;
      for (std::size_t k = 0; k < n && is_total; ++k) {
        double total = 0;
        const std::size_t at = k / inner % extent;
        for (std::size_t i = 0; i < extent; ++i) total += a.all[k - at * inner + i * inner]->numeric;
        is_total = same(a.all[k]->analytic, mean ? total / static_cast<double>(extent) : total,
                        a.scale * static_cast<double>(extent));
      }
      if (is_total)
        return text("each element has the ", mean ? "mean" : "sum", " of the right ones over axis ", axis);
    }
  }
  std::vector<double> tape, right;
  for (const Element* e : a.all) tape.push_back(e->analytic), right.push_back(e->numeric);
  std::sort(tape.begin(), tape.end());
  std::sort(right.begin(), right.end());
  const bool permuted = std::equal(tape.begin(), tape.end(), right.begin(),
                                   [&](double x, double y) { return same(x, y, a.scale); });
  return permuted ? "the right numbers, in another order" : "";
}

// What the places of the wrong elements have in common.
std::string place(const Argument& a) {
  if (a.wrong.size() == a.all.size() || a.all.size() < 3 || !a.complete) return "";
  const int rank = a.shape.size();
  if (rank >= 2 && a.shape[rank - 1] > 1 && a.shape[rank - 2] > 1) {
    const auto on_diagonal = [&](const Element* e) { return e->index[rank - 1] == e->index[rank - 2]; };
    const auto matches = [&](bool on) {
      const auto there = static_cast<std::size_t>(
          std::count_if(a.all.begin(), a.all.end(), [&](const Element* e) { return on_diagonal(e) == on; }));
      return a.wrong.size() == there && std::all_of(a.wrong.begin(), a.wrong.end(),
                                                    [&](const Element* e) { return on_diagonal(e) == on; });
    };
    if (matches(true)) return "wrong on the diagonal of the last two axes only";
    if (matches(false)) return "wrong off the diagonal of the last two axes only";
  }
  std::string found;
  for (int axis = 0; axis < rank; ++axis) {
    const std::int64_t extent = a.shape[axis], at = a.wrong.front()->index[axis];
    if (extent < 2) continue;
    if (!std::all_of(a.wrong.begin(), a.wrong.end(), [&](const Element* e) { return e->index[axis] == at; }))
      continue;
    found += text(found.empty() ? "wrong only at " : " and ",
                  at == extent - 1 ? "the last index, "
                  : at == 0        ? "the first index, "
                                   : "index ",
                  at, ", of axis ", axis);
  }
  if (!found.empty()) return found;
  for (const bool positive : {true, false}) {
    const auto there = [&](const Element* e) { return positive ? e->x > 0 : e->x < 0; };
    if (std::all_of(a.wrong.begin(), a.wrong.end(), there) &&
        std::none_of(a.all.begin(), a.all.end(), [&](const Element* e) { return there(e) && e->error <= 1; }))
      return text("wrong only if x ", positive ? "> 0" : "< 0");
  }
  return "";
}

// An amount that is the same along one axis, and differs from line to line.
std::string same_along_axis(const Argument& a) {
  if (!a.complete || a.wrong.size() != a.all.size()) return "";
  std::size_t inner = a.all.size();
  for (int axis = 0; axis < a.shape.size(); ++axis) {
    const auto extent = static_cast<std::size_t>(a.shape[axis]);
    inner /= extent;
    if (extent < 2) continue;
    bool is_same = true;
    for (std::size_t k = 0; k < a.all.size() && is_same; ++k) {
      const Element &here = *a.all[k], &first = *a.all[k - k / inner % extent * inner];
      is_same = same(here.analytic - here.numeric, first.analytic - first.numeric, a.scale);
    }
    if (is_same) return text("off by the same amount along axis ", axis, ": is a mean over it missing?");
  }
  return "";
}

std::string zero_or_nan(const Argument& a) {
  const auto count = [&](auto is) {
    return static_cast<std::size_t>(std::count_if(a.wrong.begin(), a.wrong.end(), is));
  };
  if (const std::size_t nans = count([](const Element* e) { return std::isnan(e->analytic); })) {
    const Element* first = *std::find_if(a.wrong.begin(), a.wrong.end(),
                                         [](const Element* e) { return std::isnan(e->analytic); });
    return text("NaN at x = ", first->x, nans > 1 ? text(" and ", nans - 1, " more") : "");
  }
  const std::size_t zeros = count([](const Element* e) { return e->analytic == 0; });
  const bool everywhere =
      std::all_of(a.all.begin(), a.all.end(), [](const Element* e) { return e->analytic == 0; });
  if (everywhere) return text("zero everywhere: has it no vjp, or was it detached?");
  if (zeros == a.wrong.size()) return text("zero in ", how_many(a));
  return "";
}

// Does `a` have the gradient of `b`?
bool has_gradient_of(const Argument& a, const Argument& b) {
  if (!a.complete || !b.complete || a.all.size() != b.all.size() || a.wrong.empty()) return false;
  for (std::size_t k = 0; k < a.all.size(); ++k) {
    if (!same(a.all[k]->analytic, b.all[k]->numeric, b.scale)) return false;
  }
  return true;
}

}  // namespace

std::vector<std::string> diagnose(const GradcheckReport& report, const std::vector<Shape>& shapes) {
  std::vector<Argument> arguments;
  for (std::size_t i = 0; i < shapes.size(); ++i) arguments.emplace_back(report, i, shapes[i]);
  std::vector<std::string> found;
  for (const Argument& a : arguments) {
    const std::string& name = report.names[a.number];
    const auto wrong_kinks = std::count_if(report.kinks.begin(), report.kinks.end(), [&](const Element& e) {
      return e.argument == a.number && e.error > 1;
    });
    if (wrong_kinks > 0) {
      found.push_back(text(name, ": wrong at ", wrong_kinks, wrong_kinks == 1 ? " kink" : " kinks",
                           ", where the derivative has to lie between the one-sided ones"));
    }
    if (a.wrong.empty()) continue;
    for (const Argument& b : arguments) {
      if (&a != &b && has_gradient_of(a, b))
        found.push_back(
            text(name, ": it has the gradient of ", report.names[b.number], ": are the products swapped?"));
    }
    std::string cause = zero_or_nan(a);
    if (cause.empty()) cause = proportion(a);
    if (cause.empty()) cause = rearrangement(a);
    if (cause.empty()) cause = same_along_axis(a);
    const std::string where = place(a);
    if (!cause.empty()) found.push_back(name + ": " + cause);
    if (!where.empty()) found.push_back(name + ": " + where);
  }
  return found;
}

}  // namespace taper::gradcheck_detail
