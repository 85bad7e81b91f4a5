// The rotary position embedding: its table of angles, and turning pairs by them.
#include "../cuda_backend.hpp"
#include "../index.hpp"
#include "../launch.cuh"
#include "../pack.cuh"

#include <cmath>

namespace taper::cuda {
namespace {

constexpr int threads = 256;

// table (n, pairs, 2): cosine and sine of position base^(-pair / pairs), in float64 as on the CPU.
//
// The floor: a power, a sine and a cosine of float64 for each pair, some 200 operations; the table
// is written once.
template <class T>
__global__ void __launch_bounds__(threads)
    rotary_table_kernel(std::int64_t first_position, double base, T* table, std::int64_t size,
                        std::int64_t pairs) {
  for (std::int64_t i = first_item(); i < size; i += item_stride()) {
    const std::int64_t t = i / pairs, pair = i - t * pairs;
    const double frequency = std::pow(base, -static_cast<double>(pair) / static_cast<double>(pairs));
    const double angle = (static_cast<double>(first_position) + static_cast<double>(t)) * frequency;
    store_pack(Pack<T, 2>{{static_cast<T>(std::cos(angle)), static_cast<T>(std::sin(angle))}}, table + 2 * i);
  }
}

// y = x with each pair (x_0, x_1) turned by the angle whose cosine and sine stand in the table. A pack is one
// pair, or two. Compiled without contraction, so that the bits are the CPU's.
//
// The floor: x is read once and y written once; the table is read from the caches.
template <int width, class T>
__global__ void __launch_bounds__(threads)
    rotate_kernel(const T* x, const T* table, T sign, T* y, Loops<1> loops, std::uint32_t packs) {
  const std::uint32_t pack = blockIdx.x * threads + threadIdx.x;
  if (pack >= packs) return;
  const std::int64_t i = std::int64_t{pack} * width;
  const Pack<T, width> in = load_pack<width>(x + i),
                       angles = load_pack<width>(table + loops.offsets(pack).of[0]);
  Pack<T, width> out;
  for (int j = 0; j < width; j += 2) {
    const T cosine = angles.at[j], sine = sign * angles.at[j + 1];
    out.at[j] = in.at[j] * cosine - in.at[j + 1] * sine;
    out.at[j + 1] = in.at[j] * sine + in.at[j + 1] * cosine;
  }
  store_pack(out, y + i);
}

template <int width, class T>
void launch_rotate(const Nest<1>& piece, const T* x, const T* table, T sign, T* y) {
  const std::int64_t packs = piece.size() / width;
  launch("rotary", rotate_kernel<width, T>, blocks_for(packs, threads), threads, 0, x,
         table + piece.offsets[0], sign, y, Loops<1>(piece, width), static_cast<std::uint32_t>(packs));
}

}  // namespace

void CudaBackend::rotary_table(std::int64_t first_position, double base, Tensor& table) const {
  if (table.size() == 0) return;
  const std::int64_t size = table.size() / 2;
  dispatch(table.dtype(), [&]<class T>() {
    launch("rotary", rotary_table_kernel<T>, blocks_for(size, threads), threads, 0, first_position, base,
           pointer<T>(table), size, table.extent(1));
  });
}

void CudaBackend::rotate(const Tensor& x, const Tensor& table, int direction, Tensor& y) const {
  if (x.size() == 0) return;
  // The table repeats for each matrix of x.
  const Nest<1> nest{{x.size() / table.size(), table.size()}, {Shape{0, 1}}, {}};
  dispatch(x.dtype(), [&]<class T>() {
    constexpr int widest = widest_pack<T>;
    const T *from = pointer<T>(x), *const angles = pointer<T>(table), sign = static_cast<T>(direction);
    T* to = pointer<T>(y);
    for_each_piece(nest, [&](const Nest<1>& piece) {
      const std::int64_t size = piece.size();
      const bool in_widest = size % widest == 0 && piece.is_in_packs(widest) && is_aligned(from) &&
                             is_aligned(angles + piece.offsets[0]) && is_aligned(to);
      in_widest ? launch_rotate<widest>(piece, from, angles, sign, to)
                : launch_rotate<2>(piece, from, angles, sign, to);
      from += size;
      to += size;
    });
  });
}

}  // namespace taper::cuda
