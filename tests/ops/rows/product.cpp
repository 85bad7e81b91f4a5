// Rows of the registry: products of matrices.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <tuple>

namespace taper::test {
namespace {

// One variant for each of the four choices of flags, with a (…, m, k) and b (…, k, n) after the flags.
void add_flags(OpRow& op_row, Tensor (*f)(const Tensor&, const Tensor&, bool, bool), const std::string& name,
               const Shape& batch, std::int64_t m, std::int64_t k, std::int64_t n) {
  const auto matrix = [&](std::int64_t rows, std::int64_t columns, bool transposed) {
    Shape shape = Shape::filled(batch.size() + 2, transposed ? rows : columns);
    std::copy(batch.begin(), batch.end(), shape.begin());
    shape[batch.size()] = transposed ? columns : rows;
    return shape;
  };
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const auto reference = [=](const std::vector<Array>& in) {
        Shape shape = Shape::filled(batch.size() + 2, n);
        std::copy(batch.begin(), batch.end(), shape.begin());
        shape[batch.size()] = m;
        return build(shape, [&](const Index& index) {
          const auto element = [&](const Array& x, std::int64_t i, std::int64_t j, bool transposed) {
            Index source = index;
            source[source.size() - 2] = transposed ? j : i;
            source[source.size() - 1] = transposed ? i : j;
            return at(x, source);
          };
          double sum = 0;
          for (std::int64_t j = 0; j < k; ++j) {
            sum += element(in[0], index[index.size() - 2], j, ta) * element(in[1], j, index.back(), tb);
          }
          return sum;
        });
      };
      op_row.variants.push_back({name + (ta ? ", a^T" : ", a") + (tb ? " b^T" : " b"),
                                 [=](const Tensors& x) { return f(x[0], x[1], ta, tb); },
                                 reference,
                                 {{matrix(m, k, ta), between(-2, 2)}, {matrix(k, n, tb), between(-2, 2)}}});
    }
  }
}

OpRow bmm_row() {
  OpRow op_row{"bmm", {}};
  add_flags(op_row, bmm, "a batch", {3}, 2, 4, 5);
  add_flags(op_row, bmm, "an empty batch", {0}, 2, 3, 2);
  add_flags(op_row, bmm, "empty sums", {2}, 2, 0, 3);
  add_flags(op_row, bmm, "no rows", {2}, 0, 3, 2);
  op_row.errors = {
      {"inner dimensions",
       [] {
         bmm(zeros({2, 3, 5}), zeros({2, 4, 6}));
       },
       {"inner", "(2, 3, 5)", "(2, 4, 6)"}},
      {"inner dimensions, transposed",
       [] {
         bmm(zeros({2, 3, 5}), zeros({2, 5, 6}), true, true);
       },
       {"(2, 3, 5) transposed", "(2, 5, 6) transposed"}},
      {"batch sizes",
       [] {
         bmm(zeros({2, 3, 5}), zeros({3, 5, 6}));
       },
       {"batch", "(2, 3, 5)", "(3, 5, 6)"}},
      {"a rank of 2",
       [] {
         bmm(zeros({3, 5}), zeros({2, 5, 6}));
       },
       {"rank 3", "(3, 5)", "(2, 5, 6)"}},
      {"dtypes",
       [] {
         bmm(zeros({2, 3, 5}), zeros({2, 5, 6}, float64));
       },
       {"float32", "float64"}},
  };
  return op_row;
}

OpRow mm_row() {
  OpRow op_row{"mm", {}};
  add_flags(op_row, mm, "matrices", {}, 3, 4, 5);
  add_flags(op_row, mm, "a row and a column", {}, 1, 3, 1);
  add_flags(op_row, mm, "an empty sum", {}, 2, 0, 3);
  add_flags(op_row, mm, "no columns", {}, 2, 3, 0);
  op_row.errors = {
      {"inner dimensions",
       [] {
         mm(zeros({3, 5}), zeros({4, 6}));
       },
       {"inner", "a is (3, 5)", "b is (4, 6)"}},
      {"a rank of 3",
       [] {
         mm(zeros({3, 5}), zeros({2, 5, 6}));
       },
       {"rank 2", "(3, 5)", "(2, 5, 6)"}},
      {"a vector",
       [] {
         mm(zeros({5}), zeros({5, 6}));
       },
       {"rank 2", "(5,)", "(5, 6)"}},
  };
  op_row.header = "bmm";
  return op_row;
}

Array matmul_reference(const std::vector<Array>& in) {
  const bool row_vector = in[0].shape.size() == 1, column_vector = in[1].shape.size() == 1;
  // A vector gets its missing axis of extent 1, which disappears from the result again.
  Array a = in[0], b = in[1];
  if (row_vector) a.shape = {1, in[0].shape[0]};
  if (column_vector) b.shape = {in[1].shape[0], 1};
  const int rank = std::max(a.shape.size(), b.shape.size());
  Shape shape = Shape::filled(rank, 1);
  for (const Array* x : {&a, &b}) {
    for (int axis = 0; axis < x->shape.size() - 2; ++axis) {
      std::int64_t& extent = shape[rank - x->shape.size() + axis];
      if (x->shape[axis] != 1) extent = x->shape[axis];
    }
  }
  shape[rank - 2] = a.shape[a.shape.size() - 2];
  shape[rank - 1] = b.shape[b.shape.size() - 1];
  Array y = build(shape, [&](const Index& index) {
    const auto element = [&](const Array& x, std::int64_t i, std::int64_t j) {
      const auto own_rank = static_cast<std::ptrdiff_t>(x.shape.size());
      Index source(index.end() - own_rank, index.end());
      for (std::size_t axis = 0; axis + 2 < source.size(); ++axis) {
        if (x.shape[static_cast<int>(axis)] == 1) source[axis] = 0;
      }
      source[source.size() - 2] = i;
      source[source.size() - 1] = j;
      return at(x, source);
    };
    double sum = 0;
    for (std::int64_t k = 0; k < a.shape[a.shape.size() - 1]; ++k) {
      sum += element(a, index[index.size() - 2], k) * element(b, k, index.back());
    }
    return sum;
  });
  Shape visible = Shape::filled(rank - row_vector - column_vector, 0);
  int out = 0;
  for (int axis = 0; axis < rank; ++axis) {
    if ((axis == rank - 2 && row_vector) || (axis == rank - 1 && column_vector)) continue;
    visible[out++] = shape[axis];
  }
  y.shape = visible;
  return y;
}

OpRow affine_row() {
  const MultiFunction f = [](const Tensors& x) { return affine(x[0], x[1], x[2]); };
  const Reference reference = [](const std::vector<Array>& x) {
    Array y = matmul_reference({x[0], x[1]});
    for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += x[2].values[i % x[2].values.size()];
    return y;
  };
  OpRow op_row{.op = "affine", .arguments = {"x", "weight", "bias"}};
  const auto add_variant = [&](const char* name, const Shape& x, std::int64_t outputs) {
    op_row.variants.push_back(
        {name,
         f,
         reference,
         {{x, between(-2, 2)}, {{x[x.size() - 1], outputs}, between(-2, 2)}, {{outputs}, between(-2, 2)}}});
  };
  add_variant("rows", {4, 3}, 5);
  add_variant("a vector", {3}, 2);
  add_variant("a stack", {2, 3, 4}, 3);
  add_variant("rank 5", {2, 1, 2, 1, 3}, 2);
  add_variant("one output", {4, 3}, 1);
  add_variant("no inputs", {3, 0}, 2);
  add_variant("no rows", {2, 0, 3}, 2);
  op_row.errors = {
      {"a scalar",
       [] {
         affine(ones({}), ones({2, 3}), ones({3}));
       },
       {"x is ()"}},
      {"weight",
       [] {
         affine(ones({4, 2}), ones({3, 3}), ones({3}));
       },
       {"x is (4, 2)", "weight (3, 3)"}},
      {"weight of rank 3",
       [] {
         affine(ones({4, 2}), ones({1, 2, 3}), ones({3}));
       },
       {"weight (1, 2, 3)"}},
      {"bias",
       [] {
         affine(ones({4, 2}), ones({2, 3}), ones({2}));
       },
       {"bias (2,)"}},
      {"bias of rank 2",
       [] {
         affine(ones({4, 2}), ones({2, 3}), ones({1, 3}));
       },
       {"bias (1, 3)"}},
  };
  return op_row;
}

OpRow matmul_row() {
  OpRow op_row{"matmul", {}};
  const auto add_variant = [&](const char* name, const Shape& a, const Shape& b) {
    op_row.variants.push_back({name,
                               [](const Tensors& x) { return matmul(x[0], x[1]); },
                               matmul_reference,
                               {{a, between(-2, 2)}, {b, between(-2, 2)}}});
  };
  add_variant("matrices", {2, 3}, {3, 4});
  add_variant("vectors", {3}, {3});
  add_variant("vector and matrix", {3}, {3, 4});
  add_variant("matrix and vector", {2, 3}, {3});
  add_variant("vector and stack", {3}, {2, 3, 4});
  add_variant("stack and vector", {2, 4, 3}, {3});
  add_variant("stack and matrix", {2, 4, 3}, {3, 5});
  add_variant("matrix and stack", {4, 3}, {2, 3, 5});
  add_variant("stacks", {2, 4, 3}, {2, 3, 5});
  add_variant("stacks crosswise", {2, 1, 4, 3}, {3, 3, 2});
  add_variant("rank 7", {2, 1, 1, 2, 1, 2, 3}, {2, 1, 2, 3, 2});
  add_variant("vector and rank 4", {3}, {2, 2, 3, 2});
  add_variant("empty sum", {2, 0}, {0, 3});
  add_variant("empty sum, stack and matrix", {2, 2, 0}, {0, 3});
  add_variant("empty sum of vectors", {0}, {0});
  add_variant("no elements", {0, 2, 3}, {3, 2});
  add_variant("empty stack", {0, 2, 3}, {1, 3, 2});
  op_row.errors = {
      {"inner dimensions",
       [] {
         matmul(zeros({2, 3}), zeros({4, 2}));
       },
       {"inner", "(2, 3)", "(4, 2)"}},
      {"inner dimensions of vectors", [] { matmul(zeros({3}), zeros({4})); }, {"inner", "(3,)", "(4,)"}},
      {"inner dimensions of a vector and a stack",
       [] {
         matmul(zeros({3}), zeros({2, 4, 3}));
       },
       {"inner", "(3,)", "(2, 4, 3)"}},
      {"rank 0", [] { matmul(zeros({}), zeros({3})); }, {"at least one axis", "()", "(3,)"}},
      {"leading axes",
       [] {
         matmul(zeros({2, 2, 3}), zeros({3, 3, 2}));
       },
       {"broadcast", "(2,)", "(3,)"}},
      {"dtypes of matrices",
       [] {
         matmul(zeros({2, 3}), zeros({3, 2}, float64));
       },
       {"float32", "float64"}},
      {"dtypes of a stack and a matrix",
       [] {
         matmul(zeros({2, 2, 3}), zeros({3, 2}, float64));
       },
       {"float32", "float64"}},
      {"dtypes of stacks",
       [] {
         matmul(zeros({2, 2, 3}), zeros({2, 3, 2}, float64));
       },
       {"float32", "float64"}},
  };
  return op_row;
}

Array transposed_of(const Array& x) {
  return build({x.shape[1], x.shape[0]}, [&](const Index& i) { return at(x, {i[1], i[0]}); });
}

OpRow sparse_matmul_row() {
  OpRow op_row{.op = "sparse_matmul", .arguments = {"x", "values"}};
  const auto add_variant = [&](const char* name, const Shape& x, std::int64_t rows, std::int64_t columns,
                               bool transposed) {
    const CompressedRows places = some_places(rows, columns);
    op_row.variants.push_back(
        {name,
         [=](const Tensors& in) { return sparse_matmul(in[0], places, in[1], transposed); },
         [=](const std::vector<Array>& in) {
           const Array w = with_zeros(places, in[1]);
           return matmul_reference({in[0], transposed ? w : transposed_of(w)});
         },
         {{x, between(-2, 2)}, {{places.size()}, between(-2, 2)}}});
  };
  add_variant("rows", {4, 7}, 5, 7, false);
  add_variant("rows, transposed", {4, 5}, 5, 7, true);
  add_variant("one row", {1, 40}, 3, 40, false);
  add_variant("one row, transposed", {1, 3}, 3, 20, true);
  add_variant("a vector", {6}, 4, 6, false);
  add_variant("a stack", {2, 3, 4}, 6, 4, false);
  add_variant("a stack, transposed", {2, 9, 4}, 4, 3, true);
  add_variant("no rows", {0, 4}, 3, 4, false);
  add_variant("nothing stored", {2, 3}, 0, 3, false);
  op_row.errors = {
      {"no places",
       [] {
         sparse_matmul(ones({2, 3}), {}, ones({1}));
       },
       {"places is an empty handle"}},
      {"values",
       [] {
         sparse_matmul(ones({2, 3}), some_places(3, 3), ones({5}));
       },
       {"values must be (2,)", "got (5,)"}},
      {"x",
       [] {
         sparse_matmul(ones({2, 4}), some_places(2, 3), ones({1}));
       },
       {"x must be (…, 3)", "(2, 3)", "got (2, 4)"}},
      {"x, transposed",
       [] {
         sparse_matmul(ones({2, 4}), some_places(2, 3), ones({1}), true);
       },
       {"x must be (…, 2)", "transposed", "got (2, 4)"}},
      {"a scalar", [] { sparse_matmul(ones({}), some_places(2, 3), ones({1})); }, {"got ()"}},
  };
  return op_row;
}

OpRow sampled_matmul_row() {
  OpRow op_row{.op = "sampled_matmul", .header = "sparse_matmul"};
  const auto add_variant = [&](const char* name, std::int64_t n, std::int64_t rows, std::int64_t columns) {
    const CompressedRows places = some_places(rows, columns);
    op_row.variants.push_back({name,
                               [=](const Tensors& in) { return sampled_matmul(in[0], in[1], places); },
                               [=](const std::vector<Array>& in) {
                                 const Array all = matmul_reference({transposed_of(in[0]), in[1]});
                                 Array sampled{{places.size()}, {}};
                                 for (std::int64_t p = 0; p < places.size(); ++p)
                                   sampled.values.push_back(
                                       all.values[static_cast<std::size_t>(places.places()[p])]);
                                 return sampled;
                               },
                               {{{n, rows}, between(-2, 2)}, {{n, columns}, between(-2, 2)}}});
  };
  add_variant("matrices", 4, 5, 7);
  add_variant("one row", 1, 3, 6);
  add_variant("many rows", 40, 2, 3);
  add_variant("an empty sum", 0, 3, 3);
  op_row.errors = {
      {"rows",
       [] {
         sampled_matmul(ones({2, 4}), ones({3, 5}), some_places(4, 5));
       },
       {"a (r, 4)", "b (r, 5)", "(2, 4) and (3, 5)"}},
      {"columns",
       [] {
         sampled_matmul(ones({2, 4}), ones({2, 4}), some_places(4, 5));
       },
       {"(2, 4) and (2, 4)"}},
      {"a stack",
       [] {
         sampled_matmul(ones({1, 2, 4}), ones({2, 5}), some_places(4, 5));
       },
       {"(1, 2, 4)"}},
      {"no places",
       [] {
         sampled_matmul(ones({2, 4}), ones({2, 5}), {});
       },
       {"places is an empty handle"}},
  };
  return op_row;
}

OpRow sparse_to_dense_row() {
  OpRow op_row{.op = "sparse_to_dense", .arguments = {"values"}, .header = "sparse_matmul"};
  for (const auto& [name, rows, columns] : {std::tuple{"a matrix", 5, 7}, {"nothing stored", 0, 3}}) {
    const CompressedRows places = some_places(rows, columns);
    op_row.variants.push_back({name,
                               [=](const Tensors& in) { return sparse_to_dense(places, in[0]); },
                               [=](const std::vector<Array>& in) { return with_zeros(places, in[0]); },
                               {{{places.size()}, between(-2, 2)}}});
  }
  op_row.errors = {
      {"values", [] { sparse_to_dense(some_places(4, 5), ones({3})); }, {"one for each place", "(3,)"}},
      {"no places", [] { sparse_to_dense({}, ones({3})); }, {"places is an empty handle"}},
  };
  return op_row;
}

}  // namespace

std::vector<OpRow> product_ops() {
  return {affine_row(),         bmm_row(), matmul_row(), mm_row(), sparse_matmul_row(), sampled_matmul_row(),
          sparse_to_dense_row()};
}

}  // namespace taper::test
