// Rows of the registry: sparse_attention, pattern_mask, which shows its patterns, and rotary, which turns its queries
// and keys.
#include "ops/registry.hpp"
#include "support/patterns.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

namespace taper::test {
namespace {

OpRow rotary_row() {
  OpRow op_row{"rotary", {}};
  const auto add_variant = [&](const std::string& name, const Shape& shape, std::int64_t first, double base) {
    const auto reference = [=](const std::vector<Array>& in) {
      return build(shape, [&](const Index& index) {
        const std::size_t last = index.size() - 1;
        const bool is_second = index[last] % 2 != 0;
        Index other = index;
        other[last] += is_second ? -1 : 1;
        const double exponent =
            -2.0 * static_cast<double>(index[last] / 2) / static_cast<double>(shape[shape.size() - 1]);
        const double angle = static_cast<double>(first + index[last - 1]) * std::pow(base, exponent);
        return at(in[0], index) * std::cos(angle) + (is_second ? 1 : -1) * at(in[0], other) * std::sin(angle);
      });
    };
    op_row.variants.push_back({name,
                               [=](const Tensors& x) { return rotary(x[0], first, base); },
                               reference,
                               {{shape, between(-2, 2)}}});
  };
  add_variant("a sequence", {5, 4}, 0, 10000);
  add_variant("a batch of heads", {2, 3, 4, 6}, 0, 10000);
  add_variant("later positions", {2, 3, 2}, 1000, 10000);
  add_variant("negative positions", {2, 3, 2}, -5, 10000);
  add_variant("another base", {4, 8}, 3, 20);
  add_variant("rank 7", {1, 2, 1, 2, 1, 3, 2}, 1, 100);
  add_variant("no positions", {2, 0, 4}, 0, 10000);
  add_variant("no elements", {3, 0}, 0, 10000);
  add_variant("no sequences", {0, 3, 2}, 0, 10000);
  op_row.errors = {
      {"rank 1", [] { rotary(zeros({4})); }, {"x", "(4,)"}},
      {"an odd width",
       [] {
         rotary(zeros({2, 3}));
       },
       {"even last extent", "(2, 3)"}},
      {"base 0",
       [] {
         rotary(zeros({2, 4}), 0, 0);
       },
       {"base", "got 0"}},
      {"a base that is no number",
       [] {
         rotary(zeros({2, 4}), 0, std::nan(""));
       },
       {"base", "nan"}},
  };
  return op_row;
}

// y = P V by the definition, one element at a time. The mask is null or (b, n, m) after broadcasting.
Reference attention_reference(std::int64_t k, double scale, bool causal, const Tensor& mask) {
  return [=](const std::vector<Array>& in) {
    const Array &queries = in[0], &keys = in[1], &values = in[2];
    const std::int64_t n = queries.shape[1], m = keys.shape[1], d = queries.shape[2];
    return build({queries.shape[0], n, values.shape[2]}, [&](const Index& index) {
      const std::int64_t b = index[0], i = index[1];
      Row scores;
      for (std::int64_t j = 0; j < m; ++j) {
        double score = 0;
        for (std::int64_t p = 0; p < d; ++p) score += at(queries, {b, i, p}) * at(keys, {b, j, p});
        const bool hidden =
            (causal && j > i + m - n) || (mask && at_broadcast(array_of(mask), {b, i, j}) == 0);
        scores.push_back(hidden ? -std::numeric_limits<double>::infinity() : scale * score);
      }
      const Row p = sparse_softmax_row(scores, k);
      double sum = 0;
      for (std::int64_t j = 0; j < m; ++j) {
        sum += p[static_cast<std::size_t>(j)] * at(values, {b, j, index[2]});
      }
      return sum;
    });
  };
}

// None of these inputs puts a score near tau or near another at the k-th place; a gradcheck that found a kink
// would say so.
OpRow sparse_attention_row() {
  OpRow op_row{.op = "sparse_attention", .arguments = {"queries", "keys", "values"}};
  const auto add_variant = [&](const char* name, std::int64_t k, const Shape& nmde,
                               const AttentionOptions& options = {}, std::int64_t batch = 2,
                               const Tensor& seen = {}) {
    const std::int64_t n = nmde[0], m = nmde[1], d = nmde[2], e = nmde[3];
    op_row.variants.push_back(
        {name,
         [=](const Tensors& x) {
           AttentionOptions there = options;
           if (there.mask) there.mask = on_the_device_of(x, there.mask);
           return sparse_attention(x[0], x[1], x[2], k, there);
         },
         attention_reference(k, options.scale, options.causal, seen ? seen : options.mask),
         {{{batch, n, d}, between(-1, 1)},
          {{batch, m, d}, between(-1, 1)},
          {{batch, m, e}, between(-2, 2)}}});
  };
  const Tensor by_query = tensor({{1, 0, 1, 1, 1}, {0, 0, 0, 0, 0}, {0, 1, 1, 1, 1}});
  const Tensor by_problem = tensor({{{1, 1, 0, 1, 1}}, {{0, 1, 1, 0, 1}}}, float64);
  add_variant("two keys a query", 2, {3, 5, 4, 3});
  add_variant("three keys a query", 3, {4, 9, 2, 1});
  add_variant("one key a query", 1, {3, 5, 4, 3});
  add_variant("k beyond the keys", 100, {3, 5, 4, 3});
  add_variant("scaled", 3, {3, 5, 4, 3}, {.scale = 0.5});
  add_variant("a negative scale", 3, {3, 5, 4, 3}, {.scale = -0.75});
  add_variant("causal", 2, {4, 4, 3, 2}, {.causal = true});
  add_variant("causal, more keys", 3, {3, 6, 3, 2}, {.scale = 0.5, .causal = true});
  add_variant("causal, first queries see nothing", 2, {5, 3, 3, 2}, {.causal = true});
  add_variant("a mask for each query, one sees nothing", 2, {3, 5, 4, 3}, {.mask = by_query});
  add_variant("a mask for each problem", 2, {3, 5, 4, 3}, {.scale = 0.5, .mask = by_problem});
  add_variant("a mask for all keys", 2, {3, 5, 4, 3}, {.mask = tensor({1, 1, 0, 1, 0})});
  add_variant("queries masked out", 2, {3, 5, 4, 3}, {.mask = tensor({{{1}, {0}, {1}}})});
  add_variant("causal and masked", 2, {3, 5, 4, 3}, {.causal = true, .mask = by_query});
  add_variant("many keys", 4, {2, 70, 3, 2}, {.causal = true}, 1);
  add_variant("no keys", 2, {3, 0, 4, 2});
  add_variant("no queries", 2, {0, 3, 4, 2}, {.causal = true});
  add_variant("no products", 2, {3, 5, 0, 2});
  add_variant("values without elements", 2, {3, 5, 4, 0});
  add_variant("an empty batch", 2, {3, 5, 4, 2}, {}, 0);

  const auto add_pattern = [&](const std::vector<PatternCase>& heads, const Shape& nmde, bool causal) {
    std::vector<AttentionPattern> patterns;
    std::string name = causal ? "causal" : "both ways";
    for (const PatternCase& head : heads) patterns.push_back(head.pattern), name += ", " + head.name;
    add_variant(name.c_str(), 3, nmde, {.causal = causal, .pattern = per_head(patterns)}, 2,
                dense_mask(heads, {2, nmde[0], nmde[1]}, causal));
  };
  add_pattern({window_case(3)}, {6, 6, 4, 2}, true);
  add_pattern({strided_case(3, Factor::merged)}, {5, 11, 3, 2}, true);
  add_pattern({fixed_case(4, 1, Factor::merged)}, {9, 9, 3, 2}, false);
  add_pattern({strided_case(2, Factor::second), fixed_case(4, 1, Factor::first)}, {7, 7, 3, 2}, true);
  add_pattern({tiles_case(2, tensor({{1, 0, 1}, {0, 0, 0}}))}, {4, 5, 3, 2}, false);

  const auto add_error = [&](const char* name, const Shape& queries, const Shape& keys, const Shape& values,
                             const std::vector<std::string>& says, std::int64_t k = 2,
                             const Tensor& mask = {}) {
    op_row.errors.push_back(
        {name, [=] { sparse_attention(zeros(queries), zeros(keys), zeros(values), k, {.mask = mask}); },
         says});
  };
  const Shape q{2, 3, 5}, key{2, 4, 5}, v{2, 4, 6};
  add_error("k = 0", q, key, v, {"k must be", "got 0"}, 0);
  add_error("k < 0", q, key, v, {"k must be", "got -3"}, -3);
  add_error("queries of rank 2", {3, 5}, key, v, {"rank 3", "queries", "(3, 5)"});
  add_error("keys of rank 4", q, {1, 2, 4, 5}, v, {"rank 3", "keys", "(1, 2, 4, 5)"});
  add_error("values of rank 2", q, key, {4, 6}, {"rank 3", "values", "(4, 6)"});
  add_error("batch of queries", {1, 3, 5}, key, v, {"batch", "(1, 3, 5)", "(2, 4, 5)"});
  add_error("batch of values", q, key, {3, 4, 6}, {"batch", "(2, 4, 5)", "(3, 4, 6)"});
  add_error("last extents", {2, 3, 7}, key, v, {"queries", "(2, 3, 7)", "keys", "(2, 4, 5)"});
  add_error("numbers of keys and values", q, key, {2, 3, 6}, {"keys", "(2, 4, 5)", "values", "(2, 3, 6)"});
  add_error("a mask of another extent", q, key, v, {"mask", "(2, 3, 4)", "(3, 3)"}, 2, ones({3, 3}));
  add_error("a mask of rank 4", q, key, v, {"mask", "(2, 3, 4)", "(1, 2, 3, 4)"}, 2, ones({1, 2, 3, 4}));
  add_error("a mask that scores broadcast to", {1, 3, 5}, {1, 4, 5}, {1, 4, 6},
            {"mask", "(1, 3, 4)", "(2, 3, 4)"}, 2, ones({2, 3, 4}));
  return op_row;
}

OpRow softmax_attention_row() {
  OpRow op_row{
      .op = "softmax_attention", .arguments = {"queries", "keys", "values"}, .header = "sparse_attention"};
  const auto add_variant = [&](const std::vector<PatternCase>& heads, const Shape& nmde, bool causal,
                               const Tensor& mask = {}) {
    const std::int64_t n = nmde[0], m = nmde[1], d = nmde[2], e = nmde[3], batch = 2;
    std::vector<AttentionPattern> patterns;
    std::string name = causal ? "causal" : "both ways";
    for (const PatternCase& head : heads) patterns.push_back(head.pattern), name += ", " + head.name;
    const AttentionOptions options{0.7, causal, per_head(patterns), mask};
    const Tensor shown = dense_mask(heads, {batch, n, m}, causal);
    const auto reference = [=, seen = array_of(mask ? where(mask, shown, scalar_like(0, shown)) : shown)](
                               const std::vector<Array>& in) {
      return build({batch, n, e}, [&](const Index& index) {
        const std::int64_t b = index[0], i = index[1];
        double total = 0, sum = 0;
        for (std::int64_t j = 0; j < m; ++j) {
          double score = 0;
          for (std::int64_t p = 0; p < d; ++p) score += at(in[0], {b, i, p}) * at(in[1], {b, j, p});
          const double weight = at(seen, {b, i, j}) * std::exp(0.7 * score);
          total += weight, sum += weight * at(in[2], {b, j, index[2]});
        }
        return total == 0 ? 0 : sum / total;
      });
    };
    op_row.variants.push_back({mask ? name + ", masked" : name,
                               [=](const Tensors& x) {
                                 AttentionOptions there = options;
                                 if (there.mask) there.mask = on_the_device_of(x, there.mask);
                                 return softmax_attention(x[0], x[1], x[2], there);
                               },
                               reference,
                               {{{batch, n, d}, between(-1, 1)},
                                {{batch, m, d}, between(-1, 1)},
                                {{batch, m, e}, between(-2, 2)}}});
  };
  add_variant({everything_case()}, {3, 5, 4, 3}, false);
  add_variant({window_case(3)}, {6, 6, 3, 2}, true);
  add_variant({strided_case(3, Factor::merged)}, {5, 9, 3, 2}, true, tensor({1, 0, 1, 1, 0, 1, 1, 1, 0}));
  add_variant({fixed_case(4, 1, Factor::merged), window_case(1)}, {7, 7, 3, 2}, false);
  add_variant({tiles_case(2, tensor({{1, 0, 1}, {0, 0, 0}}))}, {4, 5, 3, 2}, false);
  add_variant({strided_case(2, Factor::merged)}, {5, 3, 3, 2}, true);
  op_row.errors = {
      {"ranks",
       [] {
         softmax_attention(zeros({3, 5}), zeros({2, 4, 5}), zeros({2, 4, 6}));
       },
       {"rank 3", "(3, 5)"}},
      {"a mask of another extent",
       [] {
         softmax_attention(zeros({2, 3, 5}), zeros({2, 4, 5}), zeros({2, 4, 6}), {.mask = ones({3, 3})});
       },
       {"mask", "(2, 3, 4)", "(3, 3)"}},
      {"a mask of other elements",
       [] {
         softmax_attention(zeros({2, 3, 5}), zeros({2, 4, 5}), zeros({2, 4, 6}), {.mask = full({4}, 2)});
       },
       {"mask", "got 2"}},
      {"heads that don't divide the batch",
       [] {
         softmax_attention(zeros({2, 3, 5}), zeros({2, 4, 5}), zeros({2, 4, 6}),
                           {.pattern = per_head({Window{1}, Window{2}, Window{3}})});
       },
       {"3 heads", "batch, 2"}},
  };
  return op_row;
}

// As in the row of a comparison, the mask lets cubes through, so that there are gradients to check.
OpRow pattern_mask_row() {
  OpRow op_row{.op = "pattern_mask", .arguments = {"scores"}, .header = "attention_pattern"};
  const auto add_variant = [&](const std::vector<PatternCase>& heads, const Shape& scores, bool causal) {
    std::vector<AttentionPattern> patterns;
    std::string name = causal ? "causal" : "both ways";
    for (const PatternCase& head : heads) patterns.push_back(head.pattern), name += ", " + head.name;
    const AttentionPattern pattern = per_head(patterns);
    op_row.variants.push_back(
        {name,
         [=](const Tensors& x) {
           const Tensor seen = pattern_mask(x[0], pattern, causal);
           return seen * (x[0] * square(x[0]));
         },
         [seen = array_of(dense_mask(heads, scores, causal))](const std::vector<Array>& in) {
           return build(seen.shape, [&](const Index& i) { return at(seen, i) * std::pow(at(in[0], i), 3); });
         },
         {{scores, between(-2, 2)}}});
  };
  add_variant({window_case(2)}, {1, 5, 5}, true);
  add_variant({window_case(2), strided_case(3, Factor::merged)}, {4, 5, 9}, true);
  add_variant({fixed_case(3, 1, Factor::merged)}, {2, 7, 6}, false);
  add_variant({tiles_case(2, tensor({{1, 0}, {0, 1}}))}, {1, 3, 4}, false);
  op_row.errors = {
      {"rank 1", [] { pattern_mask(zeros({3}), Window{1}); }, {"(…, queries, keys)", "(3,)"}},
      {"heads that don't divide the matrices",
       [] {
         pattern_mask(zeros({3, 2, 2}), per_head({Window{1}, Window{2}}));
       },
       {"2 heads", "(3, 2, 2)"}},
  };
  return op_row;
}

}  // namespace

std::vector<OpRow> attention_ops() {
  return {rotary_row(), sparse_attention_row(), softmax_attention_row(), pattern_mask_row()};
}

}  // namespace taper::test
