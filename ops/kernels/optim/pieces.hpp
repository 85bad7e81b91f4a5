// Sharing out work on the elements of many tensors, some large and some tiny, among threads.
#pragma once

#include "../../../core/memory/pool.hpp"
#include "../../../core/threads.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace taper::kernels {

// The number of tasks that elements of tensors of these sizes make.
inline std::int64_t task_count(const internal::PoolVector<std::int64_t>& sizes) {
  return (std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}) + part_size - 1) / part_size;
}

// Lays the elements of tensors of these sizes end to end, cuts that line into tasks, and calls body(task, i,
// begin, end) for each stretch [begin, end) of a tensor i that falls into a task. One task's stretches come
// in order, on one thread. The cuts depend on nothing but the sizes.
template <class Body>
void for_each_piece(const internal::PoolVector<std::int64_t>& sizes, const Body& body) {
  parallel_for(task_count(sizes), [&](std::int64_t task) {
    const std::int64_t first = task * part_size, last = first + part_size;
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < sizes.size() && offset < last; offset += sizes[i++]) {
      const std::int64_t begin = std::max<std::int64_t>(first - offset, 0);
      const std::int64_t end = std::min(last - offset, sizes[i]);
      if (begin < end) body(task, i, begin, end);
    }
  });
}

}  // namespace taper::kernels
