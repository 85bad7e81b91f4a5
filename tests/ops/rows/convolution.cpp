// Rows of the registry: convolution and pooling.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <limits>

namespace taper::test {
namespace {

// x at a position that may lie outside of the picture: then `outside`.
double at_or(const Array& x, std::int64_t b, std::int64_t c, std::int64_t row, std::int64_t column,
             double outside) {
  if (row < 0 || row >= x.shape[2] || column < 0 || column >= x.shape[3]) return outside;
  return at(x, {b, c, row, column});
}

// Along one axis: how many windows there are.
std::int64_t windows(std::int64_t extent, std::int64_t size, std::int64_t stride, std::int64_t padding,
                     std::int64_t dilation) {
  return (extent + 2 * padding - dilation * (size - 1) - 1) / stride + 1;
}

Reference convolution(const Conv2dOptions& o) {
  return [=](const std::vector<Array>& in) {
    const Array &x = in[0], &weight = in[1];
    const std::int64_t inputs = weight.shape[1], kh = weight.shape[2], kw = weight.shape[3];
    const std::int64_t of_group = weight.shape[0] / o.groups;
    const Shape shape{x.shape[0], weight.shape[0],
                      windows(x.shape[2], kh, o.stride.height, o.padding.height, o.dilation.height),
                      windows(x.shape[3], kw, o.stride.width, o.padding.width, o.dilation.width)};
    return build(shape, [&](const Index& index) {
      double sum = in.size() > 2 ? at(in[2], {index[1]}) : 0;
      for (std::int64_t c = 0; c < inputs; ++c) {
        for (std::int64_t i = 0; i < kh; ++i) {
          for (std::int64_t j = 0; j < kw; ++j) {
            sum += at(weight, {index[1], c, i, j}) *
                   at_or(x, index[0], index[1] / of_group * inputs + c,
                         index[2] * o.stride.height + i * o.dilation.height - o.padding.height,
                         index[3] * o.stride.width + j * o.dilation.width - o.padding.width, 0);
          }
        }
      }
      return sum;
    });
  };
}

OpRow conv2d_row() {
  OpRow op_row{.op = "conv2d", .arguments = {"x", "weight", "bias"}};
  const auto add_variant = [&](const char* name, const Shape& x, const Shape& weight, bool has_bias,
                               const Conv2dOptions& options) {
    std::vector<Input> inputs{{x, between(-2, 2)}, {weight, between(-2, 2)}};
    if (has_bias) inputs.push_back({{weight[0]}, between(-2, 2)});
    op_row.variants.push_back({name,
                               [=](const Tensors& t) {
                                 return has_bias ? conv2d(t[0], t[1], t[2], options)
                                                 : conv2d(t[0], t[1], options);
                               },
                               convolution(options), inputs});
  };
  add_variant("the smallest", {1, 1, 1, 1}, {1, 1, 1, 1}, true, {});
  add_variant("plain", {2, 2, 4, 5}, {3, 2, 3, 2}, true, {});
  add_variant("without bias", {1, 2, 4, 4}, {2, 2, 2, 2}, false, {});
  add_variant("padded", {2, 1, 3, 4}, {2, 1, 3, 3}, true, {.padding = 1});
  add_variant("strides", {1, 2, 6, 5}, {2, 2, 2, 3}, true, {.stride = {2, 1}});
  add_variant("strides that leave a rest", {1, 1, 6, 8}, {2, 1, 3, 3}, false,
              {.stride = {2, 3}, .padding = {1, 0}});
  add_variant("dilated", {1, 2, 5, 6}, {1, 2, 2, 3}, true, {.padding = {0, 1}, .dilation = {3, 2}});
  add_variant("groups", {2, 4, 3, 3}, {6, 2, 2, 2}, true, {.groups = 2});
  add_variant("a filter for each channel", {1, 3, 4, 4}, {3, 1, 3, 3}, true, {.padding = 1, .groups = 3});
  add_variant("single elements", {2, 3, 2, 3}, {4, 3, 1, 1}, true, {});
  add_variant("the whole picture", {3, 2, 3, 2}, {2, 2, 3, 2}, true, {});
  add_variant("more windows than elements", {1, 1, 2, 2}, {2, 1, 1, 1}, true, {.padding = 2});
  add_variant("many outputs, long rows", {1, 1, 2, 53}, {9, 1, 1, 2}, true, {});
  add_variant("no pictures", {0, 2, 3, 3}, {2, 2, 2, 2}, true, {});
  op_row.errors = {
      {"rank",
       [] {
         conv2d(ones({1, 3, 3}), ones({1, 1, 2, 2}));
       },
       {"x is (1, 3, 3)", "weight (1, 1, 2, 2)"}},
      {"channels",
       [] {
         conv2d(ones({1, 3, 4, 4}), ones({1, 2, 2, 2}));
       },
       {"for 3 inputs", "(1, 2, 2, 2)", "(1, 3, 4, 4)"}},
      {"channels of a group",
       [] {
         conv2d(ones({1, 4, 4, 4}), ones({2, 4, 2, 2}), {.groups = 2});
       },
       {"for 2 inputs of each group", "(2, 4, 2, 2)"}},
      {"groups",
       [] {
         conv2d(ones({1, 4, 4, 4}), ones({3, 2, 2, 2}), {.groups = 2});
       },
       {"2 groups", "3 outputs"}},
      {"no groups",
       [] {
         conv2d(ones({1, 4, 4, 4}), ones({3, 2, 2, 2}), {.groups = 0});
       },
       {"0 groups"}},
      {"bias",
       [] {
         conv2d(ones({1, 1, 2, 2}), ones({3, 1, 1, 1}), ones({2}));
       },
       {"bias", "(3,)", "(2,)"}},
      {"a filter that is too large",
       [] {
         conv2d(ones({1, 1, 2, 5}), ones({1, 1, 3, 3}), {.dilation = {2, 1}});
       },
       {"weight does not fit", "{5, 3}", "{2, 5}"}},
      {"an empty filter",
       [] {
         conv2d(ones({1, 1, 2, 2}), ones({1, 1, 0, 1}));
       },
       {"weight must be at least 1", "{0, 1}"}},
      {"stride",
       [] {
         conv2d(ones({1, 1, 2, 2}), ones({1, 1, 1, 1}), {.stride = {1, 0}});
       },
       {"stride", "{1, 0}"}},
      {"padding",
       [] {
         conv2d(ones({1, 1, 2, 2}), ones({1, 1, 1, 1}), {.padding = -1});
       },
       {"padding", "{-1, -1}"}},
      {"dilation",
       [] {
         conv2d(ones({1, 1, 2, 2}), ones({1, 1, 1, 1}), {.dilation = 0});
       },
       {"dilation", "{0, 0}"}},
      {"an empty picture",
       [] {
         conv2d(ones({1, 1, 0, 2}), ones({1, 1, 1, 1}), {.padding = 1});
       },
       {"picture", "{0, 2}"}},
  };
  return op_row;
}

// The windows of a pooling; f takes the elements inside the picture, and how many a window has.
Reference pooling(const Size2d& size, const Pool2dOptions& o, double (*f)(const Row&, std::int64_t)) {
  return [=](const std::vector<Array>& in) {
    const Array& x = in[0];
    const Size2d stride = o.stride == Size2d(0) ? size : o.stride;
    const int rank = x.shape.size();
    Shape shape = x.shape;
    shape[rank - 2] = windows(x.shape[rank - 2], size.height, stride.height, o.padding.height, 1);
    shape[rank - 1] = windows(x.shape[rank - 1], size.width, stride.width, o.padding.width, 1);
    return build(shape, [&](const Index& index) {
      Row inside;
      for (std::int64_t i = 0; i < size.area(); ++i) {
        Index place = index;
        std::int64_t &row = place[place.size() - 2], &column = place.back();
        row = row * stride.height + i / size.width - o.padding.height;
        column = column * stride.width + i % size.width - o.padding.width;
        if (row >= 0 && row < x.shape[rank - 2] && column >= 0 && column < x.shape[rank - 1])
          inside.push_back(at(x, place));
      }
      return f(inside, size.area());
    });
  };
}

OpRow pool_row(const char* op, Tensor (*pool)(const Tensor&, const Size2d&, const Pool2dOptions&),
               double (*f)(const Row&, std::int64_t), const Draw& draw) {
  OpRow op_row{op};
  op_row.header = "pool2d";
  const auto add_variant = [&](const char* name, const Shape& x, const Size2d& size,
                               const Pool2dOptions& options) {
    op_row.variants.push_back({name,
                               [=](const Tensors& t) { return pool(t[0], size, options); },
                               pooling(size, options, f),
                               {{x, draw}}});
  };
  add_variant("quarters", {2, 3, 4, 6}, 2, {});
  add_variant("quarters with a rest", {1, 2, 5, 7}, 2, {});
  add_variant("long rows", {1, 1, 2, 75}, 2, {});
  add_variant("oblong windows", {2, 1, 6, 4}, {3, 1}, {});
  add_variant("overlapping", {1, 2, 5, 6}, {2, 3}, {.stride = 1});
  add_variant("overlapping and padded", {1, 2, 5, 7}, 3, {.stride = 2, .padding = 1});
  add_variant("with gaps", {1, 1, 5, 8}, 2, {.stride = {3, 4}});
  add_variant("padded on one axis", {2, 1, 2, 3}, {1, 2}, {.padding = {0, 1}});
  add_variant("single elements", {1, 2, 3, 3}, 1, {});
  add_variant("the whole picture", {2, 2, 3, 4}, {3, 4}, {});
  add_variant("one picture", {4, 4}, 2, {});
  add_variant("rank 5", {1, 2, 1, 4, 2}, 2, {});
  add_variant("no pictures", {0, 2, 4, 4}, 2, {});
  const auto call = [=](const Shape& shape, const Size2d& size, const Pool2dOptions& options) {
    return [=] { pool(ones(shape), size, options); };
  };
  op_row.errors = {
      {"rank", call({4}, 2, {}), {"(…, height, width)", "(4,)"}},
      {"a window that is too large",
       call({1, 1, 2, 3}, {2, 4}, {}),
       {"size does not fit", "{2, 4}", "{2, 3}"}},
      {"size", call({1, 1, 2, 2}, 0, {.stride = 1}), {"size", "{0, 0}"}},
      {"stride", call({1, 1, 2, 2}, 2, {.stride = {1, 0}}), {"stride", "{1, 0}"}},
      {"padding", call({1, 1, 2, 2}, 2, {.padding = -1}), {"padding", "{-1, -1}"}},
      {"too much padding", call({1, 1, 4, 4}, {2, 4}, {.padding = 2}), {"half", "{2, 4}", "{2, 2}"}},
      {"an empty picture", call({1, 1, 0, 2}, 2, {.padding = 1}), {"picture", "{0, 2}"}},
  };
  return op_row;
}

double largest_element(const Row& x, std::int64_t) { return *std::max_element(x.begin(), x.end()); }
double mean_of(const Row& x, std::int64_t size) {
  double sum = 0;
  for (const double value : x) sum += value;
  return sum / static_cast<double>(size);
}

}  // namespace

std::vector<OpRow> convolution_ops() {
  return {conv2d_row(), pool_row("max_pool2d", max_pool2d, largest_element, distinct),
          pool_row("avg_pool2d", avg_pool2d, mean_of, between(-2, 2))};
}

}  // namespace taper::test
