// The CUDA device's copies, transposes, gathers and their adjoints against the CPU's: the same bits. A
// failure prints the seed; set the environment variable TAPER_SEED to it to repeat the run.
#include "cuda/fixture.hpp"
#include <taper/taper.hpp>

namespace taper::test {
namespace {

class CudaLayout : public CudaTest {
 protected:
  Tensor random_tensor(const Shape& shape) { return randn(shape, generator, dtype()); }
  Indices random_indices(std::int64_t count, std::int64_t length) {
    std::vector<std::int64_t> values(static_cast<std::size_t>(count));
    const std::int64_t few = std::min<std::int64_t>(length, one_of<std::int64_t>({1, 3, 1000000}));
    for (std::int64_t& value : values) value = integer(0, few - 1) - (integer(0, 1) == 0 ? length : 0);
    return Indices(values);
  }
};

TEST_F(CudaLayout, Slices) {
  for (int round = 0; round < 100; ++round) {
    const Tensor x = random_tensor(shape(1, 6, 20000));
    const int axis = static_cast<int>(integer(0, x.rank() - 1));
    const std::int64_t extent = x.extent(axis), start = integer(0, extent), stop = integer(0, extent);
    const std::int64_t step = one_of<std::int64_t>({1, 1, 2, 3});
    SCOPED_TRACE(printed(x.shape()));
    const Tensor y = slice(x, axis, start, stop, step);
    expect_same(slice(x.to(gpu), axis, start, stop, step), y);
    const auto f = [&](const Tensor& z) { return slice(z, axis, start, stop, step); };
    const Tensor dy = randn(y.shape(), generator, y.dtype());
    expect_same(gradient_of(f, x.to(gpu), dy.to(gpu)), gradient_of(f, x, dy));
  }
}

// From the second on, their cotangents are added in place.
TEST_F(CudaLayout, SlicesThatAreUsedTogether) {
  for (int round = 0; round < 60; ++round) {
    const Tensor x = random_tensor(shape(1, 5, 6000));
    const int axis = static_cast<int>(integer(0, x.rank() - 1));
    const std::int64_t extent = x.extent(axis), cut = integer(0, extent),
                       step = one_of<std::int64_t>({1, 2, 3});
    SCOPED_TRACE(printed(x.shape()));
    const auto f = [&](const Tensor& z) {
      return sum(square(slice(z, axis, cut, extent))) + sum(square(slice(z, axis, 0, cut))) +
             sum(square(slice(z, axis, 0, extent, step)));
    };
    expect_same(gradient_of(f, x.to(gpu)), gradient_of(f, x));
  }
}

TEST_F(CudaLayout, Concatenations) {
  for (int round = 0; round < 60; ++round) {
    const Shape first = shape(1, 5, 5000);
    const int axis = static_cast<int>(integer(0, first.size() - 1));
    const DType dtype = this->dtype();
    Tensors here, there;
    for (std::int64_t i = integer(1, 4); i > 0; --i) {
      Shape shape = first;
      shape[axis] = one_of<std::int64_t>({0, 1, 2, 4, 5, 8});
      here.push_back(randn(shape, generator, dtype));
      there.push_back(here.back().to(gpu));
    }
    expect_same(concat(there, axis), concat(here, axis));
  }
}

TEST_F(CudaLayout, Transposes) {
  for (int round = 0; round < 150; ++round) {
    const Tensor x = random_tensor(shape(1, 7, 20000));
    const int a = static_cast<int>(integer(0, x.rank() - 1)), b = static_cast<int>(integer(0, x.rank() - 1));
    SCOPED_TRACE(printed(x.shape()) + ", axes " + std::to_string(a) + " and " + std::to_string(b));
    expect_same(transpose(x.to(gpu), a, b), transpose(x, a, b));
  }
}

TEST_F(CudaLayout, Permutations) {
  for (int round = 0; round < 100; ++round) {
    const Tensor x = random_tensor(shape(1, 6, 10000));
    Shape order = Shape::filled(x.rank(), 0);
    for (int i = 0; i < x.rank(); ++i) order[i] = i;
    for (int i = x.rank() - 1; i > 0; --i) std::swap(order[i], order[static_cast<int>(integer(0, i))]);
    SCOPED_TRACE(printed(x.shape()) + ", axes " + printed(order));
    expect_same(permute(x.to(gpu), order), permute(x, order));
  }
}

TEST_F(CudaLayout, Flips) {
  for (int round = 0; round < 100; ++round) {
    const Tensor x = random_tensor(shape(1, 6, 10000));
    std::vector<std::int64_t> axes;
    for (int axis = 0; axis < x.rank(); ++axis) {
      if (integer(0, 1) == 0) axes.push_back(axis);
    }
    const Axes flipped(Shape(axes.data(), static_cast<int>(axes.size())));
    SCOPED_TRACE(printed(x.shape()));
    expect_same(flip(x.to(gpu), flipped), flip(x, flipped));
  }
}

TEST_F(CudaLayout, Paddings) {
  for (int round = 0; round < 60; ++round) {
    const Tensor x = random_tensor(shape(1, 4, 3000));
    std::vector<Padding> paddings;
    for (int axis = 0; axis < x.rank(); ++axis) paddings.push_back({integer(0, 4), integer(0, 4)});
    SCOPED_TRACE(printed(x.shape()));
    const auto f = [&](const Tensor& z) { return pad(z, paddings, 2.5); };
    const Tensor y = f(x);
    expect_same(f(x.to(gpu)), y);
    const Tensor dy = randn(y.shape(), generator, y.dtype());
    expect_same(gradient_of(f, x.to(gpu), dy.to(gpu)), gradient_of(f, x, dy));
  }
}

// Tiles that are full, or cut at one edge or both.
TEST_F(CudaLayout, TransposedMatrices) {
  for (const std::int64_t rows : {1, 7, 8, 31, 32, 33, 64, 100}) {
    for (const std::int64_t columns : {1, 7, 8, 31, 32, 33, 64, 100}) {
      const Tensor x = random_tensor({3, rows, columns}), y = random_tensor({rows, 3, columns});
      expect_same(transpose(x.to(gpu), 1, 2), transpose(x, 1, 2));
      expect_same(transpose(y.to(gpu), 0, 2), transpose(y, 0, 2));
    }
  }
}

TEST_F(CudaLayout, Gathers) {
  for (int round = 0; round < 150; ++round) {
    const Tensor x = random_tensor(shape(1, 5, 5000));
    const int axis = static_cast<int>(integer(0, x.rank() - 1));
    const std::int64_t count = x.extent(axis) == 0 ? 0 : one_of<std::int64_t>({0, 1, 2, 7, 64, 300});
    const Indices indices = random_indices(count, x.extent(axis));
    SCOPED_TRACE(printed(x.shape()) + ", axis " + std::to_string(axis));
    const Tensor y = gather(x, indices, axis);
    expect_same(gather(x.to(gpu), indices, axis), y);
    // The adjoint adds up in the CPU's order, so that the bits are the same.
    const auto f = [&](const Tensor& z) { return gather(z, indices, axis); };
    const Tensor dy = randn(y.shape(), generator, y.dtype());
    expect_same(gradient_of(f, x.to(gpu), dy.to(gpu)), gradient_of(f, x, dy));
  }
}

// One row of a table picked thousands of times, beside rows that are picked once or never.
TEST_F(CudaLayout, AnEmbeddingOfOneWord) {
  for (const std::int64_t width : {1, 3, 4, 64, 257}) {
    const Tensor table = random_tensor({50, width});
    std::vector<std::int64_t> words(3001, 7);
    words[1000] = 49;
    words[2000] = 0;
    const Indices indices(words);
    const auto f = [&](const Tensor& z) { return gather(z, indices); };
    const Tensor dy = randn({3001, width}, generator, table.dtype());
    expect_same(gradient_of(f, table.to(gpu), dy.to(gpu)), gradient_of(f, table, dy));
  }
}

}  // namespace
}  // namespace taper::test
