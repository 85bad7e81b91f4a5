// The index arithmetic of the CUDA kernels, on the host, for sizes on both sides of 2^31: no memory is behind
// it. Random cases, other ones in each run.
#include "support/helpers.hpp"
#include <taper/core/random.hpp>
#include <taper/cuda/kernels/layout/layout.hpp>
#include <taper/cuda/kernels/layout/positions_by_place.hpp>
#include <taper/cuda/kernels/reduction/reduce_passes.hpp>
#include <taper/ops/kernels/elementwise/elementwise.hpp>

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using namespace cuda;

struct Random {
  Generator generator{fresh_seed()};
  // From low to high, both included.
  std::int64_t operator()(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(generator.bits() % static_cast<std::uint64_t>(high - low + 1));
  }
};

// The offset of a turn in operand k, digit by digit in 64 bits.
template <int N>
std::int64_t offset_of(const Nest<N>& nest, int k, std::int64_t turn) {
  std::int64_t offset = nest.offsets[static_cast<std::size_t>(k)];
  for (int loop = nest.extents.size() - 1; loop >= 0; --loop) {
    offset += turn % nest.extents[loop] * nest.strides[static_cast<std::size_t>(k)][loop];
    turn /= nest.extents[loop];
  }
  return offset;
}

// Walks the nest as the kernels do, and checks the first, the last and some other turns of each piece, in
// packs too.
template <int N>
void check_pieces(const Nest<N>& nest, Random& random, std::int64_t most = max_piece_size) {
  std::int64_t done = 0;
  for_each_piece(
      nest,
      [&](const Nest<N>& piece) {
        const std::int64_t size = piece.size();
        ASSERT_GE(size, 1);
        ASSERT_LE(size, most);
        ASSERT_GE(piece.extents.size(), 1);
        ASSERT_LE(piece.extents.size(), max_loops);
        for (const int width : {1, 2, 4}) {
          if (!piece.is_in_packs(width)) continue;
          const Loops<N> loops(piece, width);
          const int inner = piece.extents.size() - 1;
          const std::int64_t packs = size / width;
          if (packs == 0) continue;
          for (const std::int64_t pack :
               {std::int64_t{0}, packs - 1, random(0, packs - 1), random(0, packs - 1)}) {
            const auto offsets = loops.offsets(static_cast<std::uint32_t>(pack));
            for (int k = 0; k < N; ++k) {
              if (piece.strides[static_cast<std::size_t>(k)][inner] == 1) {
                ASSERT_EQ(offsets.of[k] % width, 0) << "a pack that is not aligned";
              }
              for (int j = 0; j < width; ++j) {
                ASSERT_EQ(piece.offsets[static_cast<std::size_t>(k)] + offsets.of[k] +
                              j * piece.strides[static_cast<std::size_t>(k)][inner],
                          offset_of(nest, k, done + pack * width + j))
                    << "operand " << k << ", turn " << done + pack * width + j << ", packs of " << width;
              }
            }
          }
        }
        done += size;
      },
      most);
  ASSERT_EQ(done, nest.size());
}

TEST(CudaIndex, ADivisorDividesAllOf31Bits) {
  Random random;
  const std::int64_t end = std::int64_t{1} << 31;
  std::vector<std::int64_t> divisors{1, 2, 3, 5, 7, 10, 641, 65535, 65536, 65537, end - 1, end};
  for (int bit = 2; bit < 31; ++bit)
    for (const std::int64_t d : {-1, 0, 1}) divisors.push_back((std::int64_t{1} << bit) + d);
  for (int i = 0; i < 1000; ++i) divisors.push_back(random(1, std::int64_t{1} << random(1, 31)));
  for (const std::int64_t d : divisors) {
    const Divisor divisor(d);
    EXPECT_EQ(divisor.divisor(), d);
    std::vector<std::int64_t> numbers{0, 1, d - 1, d, d + 1, end / 2, end - 1};
    const std::int64_t multiple =
        (end - 1) / d * d;  // the largest one, where a rounding error would show first
    numbers.insert(numbers.end(), {multiple - 1, multiple, multiple + 1});
    for (int i = 0; i < 20; ++i) numbers.push_back(random(0, (end - 1) / d) * d - random(0, 1));
    for (int i = 0; i < 20; ++i) numbers.push_back(random(0, end - 1));
    for (const std::int64_t n : numbers) {
      if (n < 0 || n >= end) continue;
      const std::uint32_t quotient = divisor.quotient(static_cast<std::uint32_t>(n));
      ASSERT_EQ(quotient, n / d) << n << " / " << d;
      ASSERT_EQ(divisor.remainder(static_cast<std::uint32_t>(n), quotient), n % d) << n << " mod " << d;
    }
  }
}

// Every turn of small nests, with up to 11 loops, in tiny pieces.
TEST(CudaIndex, PiecesOfSmallNestsMakeAllTurnsInOrder) {
  Random random;
  for (int round = 0; round < 300; ++round) {
    const int loops = static_cast<int>(random(0, 11));
    Nest<2> nest{Shape::filled(loops, 1), {Shape::filled(loops, 0), Shape::filled(loops, 0)}, {}};
    for (int loop = 0; loop < loops; ++loop) {
      nest.extents[loop] = random(1, loops > 6 ? 2 : 5);
      for (Shape& strides : nest.strides) strides[loop] = random(0, 9);
    }
    for (std::int64_t& offset : nest.offsets) offset = random(0, 100);
    std::int64_t done = 0;
    for_each_piece(
        nest,
        [&](const Nest<2>& piece) {
          const Loops<2> at(piece);
          for (std::int64_t turn = 0; turn < piece.size(); ++turn, ++done) {
            const auto offsets = at.offsets(static_cast<std::uint32_t>(turn));
            for (int k = 0; k < 2; ++k)
              ASSERT_EQ(piece.offsets[static_cast<std::size_t>(k)] + offsets.of[k], offset_of(nest, k, done));
          }
        },
        std::int64_t{1} << random(0, 8));
    ASSERT_EQ(done, nest.size());
  }
}

TEST(CudaIndex, MergingKeepsAsFewLoopsAsItCan) {
  const Nest<2> contiguous{{2, 1, 3, 4}, {Shape{12, 7, 4, 1}, Shape{0, 7, 0, 0}}, {5, 6}};
  EXPECT_EQ(printed(merged(contiguous).extents), "(24,)");
  EXPECT_EQ(printed(merged(contiguous).strides[0]), "(1,)");
  EXPECT_EQ(printed(merged(contiguous).strides[1]), "(0,)");
  EXPECT_EQ(merged(contiguous).offsets[1], 6);
  const Nest<2> broadcast{{2, 3, 4}, {Shape{12, 4, 1}, Shape{4, 0, 1}}, {}};
  EXPECT_EQ(printed(merged(broadcast).extents), "(2, 3, 4)");
  EXPECT_EQ(printed(merged(Nest<1>{{}, {Shape{}}, {}}).extents), "(1,)");
  EXPECT_EQ(printed(merged(Nest<1>{{1, 1}, {Shape{3, 1}}, {}}).extents), "(1,)");
  EXPECT_EQ(merged(Nest<1>{{3, 0}, {Shape{0, 1}}, {}}).size(), 0);
}

TEST(CudaIndex, BroadcastsBeyond2To31Elements) {
  Random random;
  for (int round = 0; round < 200; ++round) {
    const int rank = static_cast<int>(random(1, 7));
    Shape result = Shape::filled(rank, 1);
    for (int axis = 0; axis < rank; ++axis) {
      const std::int64_t most = std::int64_t{1} << (36 / rank);
      result[axis] = round % 2 == 0 ? random(most - 3, most) : random(1, most);
    }
    std::array<Shape, 2> shapes{result, result};
    for (Shape& shape : shapes)
      for (std::int64_t& extent : shape) extent = random(0, 2) == 0 ? 1 : extent;
    const auto plan = kernels::plan_broadcast<2>("test", {&shapes[0], &shapes[1]}, result);
    check_pieces(Nest<2>{plan.extents, plan.strides, {}}, random);
  }
  // Rows of 2^32 elements each, and a column.
  check_pieces(Nest<2>{{3, std::int64_t{1} << 32}, {Shape{std::int64_t{1} << 32, 1}, Shape{1, 0}}, {}},
               random);
}

TEST(CudaIndex, StridedCopiesBeyond2To31Elements) {
  Random random;
  for (int round = 0; round < 200; ++round) {
    const std::int64_t outer = random(1, 5000), count = random(1, 5000), run = random(1, 5000);
    kernels::StridedCopy call{{outer, count, run}, {}, {}};
    for (kernels::StridedCopy::Side* side : {&call.from, &call.to}) {
      const std::int64_t stride = run * random(1, 3), direction = random(0, 1) == 0 ? -1 : 1;
      side->offset = random(0, std::int64_t{1} << 40);
      side->strides = {stride * count + random(0, 1) * random(0, 9), direction * stride, direction};
    }
    const Nest<2> nest = nest_of(call);
    const std::int64_t i = random(0, outer - 1), j = random(0, count - 1), l = random(0, run - 1);
    int k = 0;
    for (const kernels::StridedCopy::Side* side : {&call.from, &call.to}) {
      const Shape& strides = side->strides;
      EXPECT_EQ(offset_of(nest, k++, (i * count + j) * run + l),
                side->offset + i * strides[0] + j * strides[1] + l * strides[2]);
    }
    check_pieces(nest, random);
  }
}

TEST(CudaIndex, SwappedAxesBeyond2To31Elements) {
  Random random;
  for (int round = 0; round < 300; ++round) {
    const int bits = static_cast<int>(random(1, 4));
    const auto extent = [&] { return random(1, std::int64_t{1} << bits); };
    kernels::SwapExtents e{extent(), extent(), extent(), extent(), round % 2 == 0 ? 1 : extent()};
    if (round % 3 == 0) e.rows = random(1, 1 << 20);
    if (round % 5 == 0) e.columns = random(1, 1 << 12);
    const Nest<2> nest = nest_of(e);
    check_pieces(nest, random);
    const std::int64_t o = random(0, e.outer - 1), r = random(0, e.rows - 1), m = random(0, e.middle - 1),
                       c = random(0, e.columns - 1), l = random(0, e.inner - 1);
    const std::int64_t in_x = (((o * e.rows + r) * e.middle + m) * e.columns + c) * e.inner + l;
    const std::int64_t in_y = (((o * e.columns + c) * e.middle + m) * e.rows + r) * e.inner + l;
    EXPECT_EQ(offset_of(nest, 0, in_y), in_x);
    EXPECT_EQ(offset_of(nest, 1, in_y), in_y);
    if (e.inner > 1) continue;
    const SwapTiles tiles(e);
    const std::int64_t down = divided_up(e.rows, tile_size), across = divided_up(e.columns, tile_size);
    ASSERT_EQ(tiles_of(e), e.outer * e.middle * down * across);
    const std::int64_t tile = ((o * e.middle + m) * down + r / tile_size) * across + c / tile_size;
    const SwapTiles::Place place = tiles.place(static_cast<std::uint32_t>(tile));
    const std::int64_t row = r - place.row, column = c - place.column;
    EXPECT_EQ(row, r % tile_size);
    EXPECT_EQ(column, c % tile_size);
    EXPECT_EQ(place.from + row * tiles.x_row() + column, in_x);
    EXPECT_EQ(place.to + column * tiles.y_row() + row, in_y);
  }
}

TEST(CudaIndex, ColumnsStartBeyond2To31Elements) {
  Random random;
  for (int round = 0; round < 1000; ++round) {
    const std::int64_t rows = random(1, 1 << 20), columns = random(1, std::int64_t{1} << random(1, 33));
    const std::int64_t batch = random(0, 1 << 10), column = random(0, columns - 1);
    EXPECT_EQ(column_start(batch * columns + column, rows, columns), batch * rows * columns + column);
  }
}

// The reduction of an axis mask, in passes over numbers that stand for sums of the elements' indices, modulo
// 2^64: what the kernels do, one element after the other.
std::vector<std::uint64_t> reduce_on_host(ReduceLoops loops, std::vector<std::uint64_t> x, int widest) {
  for (;;) {
    const ReducePass pass = first_pass(loops, widest);
    std::vector<std::uint64_t> y(static_cast<std::size_t>(pass.results()), 0);
    for (std::int64_t b = 0; b < pass.batch; ++b) {
      for (std::int64_t part = 0; part < pass.parts; ++part) {
        const std::int64_t begin = part * pass.part_length,
                           end = std::min(pass.length, begin + pass.part_length);
        EXPECT_LT(begin, end) << "an empty part";
        for (std::int64_t i = begin; i < end; ++i) {
          for (std::int64_t c = 0; c < pass.columns; ++c) {
            const std::int64_t to =
                pass.is_of_rows() ? b * pass.parts + part : (part * pass.batch + b) * pass.columns + c;
            y[static_cast<std::size_t>(to)] += x[static_cast<std::size_t>(
                column_start(b * pass.columns + c, pass.length, pass.columns) + i * pass.columns)];
          }
        }
      }
    }
    if (pass.is_last) return y;
    loops = pass.next;
    x = std::move(y);
  }
}

TEST(CudaIndex, PassesOfAReductionAddUpEveryElementOnce) {
  Random random;
  for (int round = 0; round < 300; ++round) {
    const int rank = static_cast<int>(random(0, 7));
    Shape shape = Shape::filled(rank, 1), reduced = Shape::filled(rank, 0);
    for (int axis = 0; axis < rank; ++axis) {
      shape[axis] = random(1, rank > 3 ? 6 : 40);
      reduced[axis] = random(0, 1);
    }
    if (rank > 0 && round % 3 == 0)
      shape[static_cast<int>(random(0, rank - 1))] = random(1, 20000) / (rank * rank) + 1;
    const kernels::ReducePlan plan = kernels::plan_reduction(shape, reduced, false);
    const std::int64_t size = element_count("test", shape);
    std::vector<std::uint64_t> x(static_cast<std::size_t>(size));
    std::vector<std::uint64_t> expected(static_cast<std::size_t>(element_count("test", plan.result)), 0);
    for (std::int64_t i = 0; i < size; ++i) {
      const auto number = static_cast<std::uint64_t>(i * i + 1);
      x[static_cast<std::size_t>(i)] = number;
      std::int64_t to = 0, left = i, stride = 1;
      for (int axis = rank - 1; axis >= 0; --axis) {
        if (!reduced[axis]) {
          to += left % shape[axis] * stride;
          stride *= shape[axis];
        }
        left /= shape[axis];
      }
      expected[static_cast<std::size_t>(to)] += number;
    }
    ASSERT_EQ(reduce_on_host(loops_of(plan), x, 1 << random(0, 2)), expected)
        << printed(shape) << " reduced " << printed(reduced);
  }
}

TEST(CudaIndex, PassesOfAReductionBeyond2To31Elements) {
  Random random;
  for (int round = 0; round < 1000; ++round) {
    const int rank = static_cast<int>(random(1, 6));
    Shape shape = Shape::filled(rank, 1), reduced = Shape::filled(rank, 0);
    for (int axis = 0; axis < rank; ++axis) {
      const std::int64_t most = std::int64_t{1} << (38 / rank);
      shape[axis] = round % 2 == 0 ? random(most - 3, most) : random(1, most);
      reduced[axis] = random(0, 1);
    }
    const kernels::ReducePlan plan = kernels::plan_reduction(shape, reduced, false);
    std::int64_t size = element_count("test", shape);
    ReduceLoops loops = loops_of(plan);
    for (;;) {
      const ReducePass pass = first_pass(loops, 4);
      ASSERT_EQ(pass.batch * pass.length * pass.columns, size);
      ASSERT_GE(pass.parts * pass.part_length, pass.length);
      ASSERT_LT((pass.parts - 1) * pass.part_length, pass.length);
      ASSERT_LE(pass.parts, 65535);
      ASSERT_LT(pass.blocks(), std::int64_t{1} << 31);
      ASSERT_TRUE(pass.lanes >= 1 && reduction_threads % pass.lanes == 0);
      ASSERT_EQ((pass.is_of_rows() ? pass.length : pass.columns) % pass.width, 0);
      ASSERT_EQ(pass.part_length % pass.width, 0);
      std::int64_t left = 1;
      for (const std::int64_t extent : pass.next.extents) left *= extent;
      ASSERT_EQ(left, pass.results());
      if (pass.is_last) break;
      ASSERT_LT(pass.results(), size) << "a pass that gains nothing";
      size = pass.results();
      loops = pass.next;
    }
    EXPECT_EQ(first_pass(loops, 4).results(), element_count("test", plan.result));
  }
}

TEST(CudaIndex, PositionsAreSortedByPlace) {
  Random random;
  for (int round = 0; round < 200; ++round) {
    const std::int64_t length = random(1, std::int64_t{1} << random(1, 40)), count = random(0, 200);
    const std::int64_t few = std::min(length, random(1, 50));  // so that places repeat
    std::vector<std::int64_t> values;
    std::map<std::int64_t, std::vector<std::int64_t>> expected;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t place = random(0, 1) == 0 ? random(0, few - 1) : random(length - few, length - 1);
      values.push_back(random(0, 1) == 0 ? place : place - length);
      expected[place].push_back(i);
    }
    const PositionsByPlace sorted = positions_by_place(Indices(values), length);
    ASSERT_EQ(sorted.begins.size(), expected.size() + 1);
    ASSERT_EQ(sorted.order.size(), static_cast<std::size_t>(count));
    std::size_t s = 0;
    for (const auto& [place, positions] : expected) {
      ASSERT_EQ(sorted.places[s], place);
      const std::vector<std::int64_t> got(sorted.order.begin() + sorted.begins[s],
                                          sorted.order.begin() + sorted.begins[s + 1]);
      ASSERT_EQ(got, positions);
      ++s;
    }
  }
}

}  // namespace
}  // namespace taper::test
