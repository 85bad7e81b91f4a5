// Runs a kernel: its blocks one after another, the threads of a block as fibers, all in shuffled order.
#include "internal.hpp"
#include "shuffler.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>

#include <cuda_runtime.h>

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>

constinit thread_local uint3 threadIdx{};
constinit thread_local uint3 blockIdx{};
constinit thread_local dim3 blockDim{};
constinit thread_local dim3 gridDim{};

namespace cuda_emulator {

constexpr std::size_t guard_bytes = 64;  // after the dynamic shared memory, to see writes there
alignas(128) constinit thread_local unsigned char dynamic_shared[max_shared + guard_bytes];

namespace {

namespace context = boost::context;

constexpr std::size_t stack_bytes = 256 * 1024;

// Tells AddressSanitizer which stack comes next. `left` keeps what belongs to the stack that is left.
void before_switch([[maybe_unused]] void** left, [[maybe_unused]] const void* bottom,
                   [[maybe_unused]] std::size_t bytes) {
#ifdef CUDA_EMULATOR_ASAN
  __sanitizer_start_switch_fiber(left, bottom, bytes);
#endif
}
void after_switch([[maybe_unused]] void* entered, [[maybe_unused]] const void** old_bottom,
                  [[maybe_unused]] std::size_t* old_bytes) {
#ifdef CUDA_EMULATOR_ASAN
  __sanitizer_finish_switch_fiber(entered, old_bottom, old_bytes);
#endif
}

struct PendingCopy {
  void* to;
  const void* from;
  std::size_t bytes, zeros;
};

enum class State { ready, in_block_barrier, in_warp, ended };

// A fiber, which runs one CUDA thread after another.
struct Thread {
  context::fiber fiber;
  context::stack_context stack;
  void* asan_stack = nullptr;
  State state;
  uint3 index;
  Place place;                                   // where it waits
  std::vector<std::vector<PendingCopy>> groups;  // of copies; the last is open
};

// The threads that have come to a barrier which the others have not reached yet.
struct Barrier {
  int arrived = 0;
  Place place{};
};

struct Warp {
  Barrier barrier;
  int turn = 0;  // which of the two buffers the next exchange uses
  std::array<std::array<std::uint64_t, warp_size>, 2> given;
};

class Scheduler {
 public:
  Scheduler() : shuffler_(seed()) {}

  void run(const Kernel& kernel, const dim3& grid, const dim3& block, std::size_t shared_bytes);

  void wait_for_block(const Place& place);
  int count_in_block(bool predicate, const Place& place);
  const std::uint64_t* exchange_in_warp(unsigned mask, std::uint64_t bits, const Place& place);
  int lane() const { return running_ % warp_size; }
  Thread& running(const char* what);

  [[noreturn]] void stop(const std::string& problem) const;

 private:
  void add_thread();
  [[noreturn]] void run_threads(context::fiber&& caller);
  void run_block(std::size_t shared_bytes);
  void resume(int thread);
  void suspend(State state);
  bool arrive(Barrier& barrier, int expected, const Place& place, const char* whose);
  [[noreturn]] void stop_stuck() const;

  Shuffler shuffler_;
  Kernel kernel_{};
  int thread_count_ = 0;  // of the block
  std::vector<std::unique_ptr<Thread>> threads_;
  const std::vector<SharedRegion>* shared_ = nullptr;
  std::vector<std::uint64_t> blocks_;
  std::vector<int> now_, next_;  // threads that can run, in this round and the one after it
  int running_ = -1;
  int ended_ = 0;

  Barrier barrier_;
  std::array<int, 2> counts_{};  // of __syncthreads_count; alternate
  int count_turn_ = 0;
  std::array<Warp, max_threads / warp_size> warps_;

  context::fiber caller_;  // while a fiber runs: what resumed it
  void* caller_asan_stack_ = nullptr;
  const void* caller_bottom_ = nullptr;
  std::size_t caller_bytes_ = 0;
};

// With device_mutex() held. Never destroyed: kernels may run while the program ends. Its fibers are not
// destroyed either: a stack keeps AddressSanitizer's marks of frames, and a later thread may have its
// variables in that place.
Scheduler& scheduler() {
  static Scheduler& instance = *new Scheduler;
  return instance;
}

void Scheduler::add_thread() {
  threads_.push_back(std::make_unique<Thread>());
  Thread& thread = *threads_.back();
  context::protected_fixedsize_stack allocator(stack_bytes);
  thread.stack = allocator.allocate();
  thread.fiber = context::fiber(
      std::allocator_arg, context::preallocated(thread.stack.sp, thread.stack.size, thread.stack), allocator,
      [this](context::fiber&& caller) -> context::fiber { run_threads(std::move(caller)); });
}

void Scheduler::run_threads(context::fiber&& caller) {
  after_switch(nullptr, &caller_bottom_, &caller_bytes_);
  caller_ = std::move(caller);
  while (true) {
    kernel_.call(kernel_.arguments);
    ++ended_;
    suspend(State::ended);
  }
}

void Scheduler::resume(int i) {
  Thread& thread = *threads_[static_cast<std::size_t>(i)];
  running_ = i;
  threadIdx = thread.index;
  before_switch(&caller_asan_stack_, static_cast<char*>(thread.stack.sp) - thread.stack.size,
                thread.stack.size);
  thread.fiber = std::move(thread.fiber).resume();
  after_switch(caller_asan_stack_, nullptr, nullptr);
  running_ = -1;
}

void Scheduler::suspend(State state) {
  Thread& thread = *threads_[static_cast<std::size_t>(running_)];
  thread.state = state;
  before_switch(&thread.asan_stack, caller_bottom_, caller_bytes_);
  context::fiber caller = std::move(caller_).resume();
  after_switch(thread.asan_stack, &caller_bottom_, &caller_bytes_);
  caller_ = std::move(caller);
}

void Scheduler::run(const Kernel& kernel, const dim3& grid, const dim3& block, std::size_t shared_bytes) {
  kernel_ = kernel;
  shared_ = &shared_variables(kernel.address);
  gridDim = grid;
  blockDim = block;
  thread_count_ = static_cast<int>(block.x * block.y * block.z);
  while (static_cast<int>(threads_.size()) < thread_count_) add_thread();
  for (unsigned i = 0; i < static_cast<unsigned>(thread_count_); ++i) {
    threads_[i]->index = {i % block.x, i / block.x % block.y, i / block.x / block.y};
  }
  blocks_.resize(std::uint64_t{grid.x} * grid.y * grid.z);
  std::iota(blocks_.begin(), blocks_.end(), 0);
  shuffler_.shuffle(blocks_);
  for (const std::uint64_t i : blocks_) {
    blockIdx = {static_cast<unsigned>(i % grid.x), static_cast<unsigned>(i / grid.x % grid.y),
                static_cast<unsigned>(i / grid.x / grid.y)};
    run_block(shared_bytes);
  }
}

void Scheduler::run_block(std::size_t shared_bytes) {
  for (const SharedRegion& region : *shared_) {
    // Not by dynamic_shared + offset: the region lies beside that array.
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(dynamic_shared) + region.offset;
    std::memset(reinterpret_cast<void*>(address), garbage, region.bytes);
  }
  std::memset(dynamic_shared, garbage, shared_bytes + guard_bytes);
  ASAN_POISON_MEMORY_REGION(dynamic_shared + shared_bytes, sizeof dynamic_shared - shared_bytes);

  ended_ = 0;
  now_.resize(static_cast<std::size_t>(thread_count_));
  std::iota(now_.begin(), now_.end(), 0);
  while (!now_.empty()) {
    shuffler_.shuffle(now_);
    for (const int thread : now_) resume(thread);
    now_.swap(next_);
    next_.clear();
  }
  if (ended_ < thread_count_) stop_stuck();
  for (int i = 0; i < thread_count_; ++i) threads_[static_cast<std::size_t>(i)]->groups.clear();

  ASAN_UNPOISON_MEMORY_REGION(dynamic_shared, sizeof dynamic_shared);
  for (std::size_t i = 0; i < guard_bytes; ++i) {
    if (dynamic_shared[shared_bytes + i] != garbage) {
      stop("wrote behind its " + std::to_string(shared_bytes) + " bytes of dynamic shared memory");
    }
  }
}

std::string text(const Place& place) {
  return std::string(place.function) + " (" + place.file + ":" + std::to_string(place.line) + ")";
}

bool is_same(const char* a, const char* b) { return a == b || std::strcmp(a, b) == 0; }
bool is_same(const Place& a, const Place& b) {
  return a.line == b.line && is_same(a.file, b.file) && is_same(a.function, b.function);
}

// Is the running thread the last that the barrier waits for?
bool Scheduler::arrive(Barrier& barrier, int expected, const Place& place, const char* whose) {
  if (barrier.arrived > 0 && !is_same(barrier.place, place)) {
    stop("threads of one " + std::string(whose) + " wait at different places: " + text(barrier.place) +
         " and " + text(place));
  }
  barrier.place = place;
  threads_[static_cast<std::size_t>(running_)]->place = place;
  if (++barrier.arrived < expected) return false;
  barrier.arrived = 0;
  return true;
}

void Scheduler::wait_for_block(const Place& place) {
  running(place.function);
  if (!arrive(barrier_, thread_count_, place, "block")) return suspend(State::in_block_barrier);
  for (int i = 0; i < thread_count_; ++i) {
    if (i != running_) next_.push_back(i);
  }
}

int Scheduler::count_in_block(bool predicate, const Place& place) {
  running(place.function);
  if (barrier_.arrived == 0) {
    count_turn_ ^= 1;
    counts_[static_cast<std::size_t>(count_turn_)] = 0;
  }
  const int& count = counts_[static_cast<std::size_t>(count_turn_)];
  counts_[static_cast<std::size_t>(count_turn_)] += predicate;
  wait_for_block(place);
  return count;
}

const std::uint64_t* Scheduler::exchange_in_warp(unsigned mask, std::uint64_t bits, const Place& place) {
  running(place.function);
  if (mask != 0xffffffffu) stop("a mask of fewer than 32 lanes at " + text(place));
  const int first = running_ / warp_size * warp_size;
  if (first + warp_size > thread_count_) {
    stop("a warp of " + std::to_string(thread_count_ - first) + " threads calls " + text(place));
  }
  Warp& warp = warps_[static_cast<std::size_t>(first / warp_size)];
  auto& given = warp.given[static_cast<std::size_t>(warp.turn)];
  given[static_cast<std::size_t>(lane())] = bits;
  if (!arrive(warp.barrier, warp_size, place, "warp")) {
    suspend(State::in_warp);
  } else {
    warp.turn ^= 1;
    for (int i = first; i < first + warp_size; ++i) {
      if (i != running_) next_.push_back(i);
    }
  }
  return given.data();
}

Thread& Scheduler::running(const char* what) {
  if (running_ < 0) {
    std::fprintf(stderr, "CUDA emulator: host code calls %s\n", what);
    std::abort();
  }
  return *threads_[static_cast<std::size_t>(running_)];
}

void Scheduler::stop(const std::string& problem) const {
  std::fprintf(
      stderr,
      "CUDA emulator: %s, block (%u, %u, %u) of (%u, %u, %u), %d threads: %s [TAPER_EMULATOR_SEED=%llu]\n",
      function_name(kernel_.address).c_str(), blockIdx.x, blockIdx.y, blockIdx.z, gridDim.x, gridDim.y,
      gridDim.z, thread_count_, problem.c_str(), static_cast<unsigned long long>(seed()));
  std::abort();
}

// Names one thread that waits in vain.
void Scheduler::stop_stuck() const {
  for (int i = 0; i < thread_count_; ++i) {
    const Thread& thread = *threads_[static_cast<std::size_t>(i)];
    if (thread.state == State::ended) continue;
    stop("thread (" + std::to_string(thread.index.x) + ", " + std::to_string(thread.index.y) + ", " +
         std::to_string(thread.index.z) + ") waits in vain at " + text(thread.place) + " for others of its " +
         (thread.state == State::in_warp ? "warp; " : "block; ") + std::to_string(ended_) + " of " +
         std::to_string(thread_count_) + " threads have ended");
  }
  std::abort();
}

cudaError_t check_configuration(const Kernel& kernel, const dim3& grid, const dim3& block,
                                std::size_t shared_bytes) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || block.x == 0 || block.y == 0 || block.z == 0) {
    return cudaErrorInvalidConfiguration;
  }
  if (grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) return cudaErrorInvalidConfiguration;
  if (block.z > 64 || std::uint64_t{block.x} * block.y * block.z > max_threads)
    return cudaErrorInvalidConfiguration;
  if (shared_bytes > shared_limit(kernel.address)) return cudaErrorInvalidValue;
  return cudaSuccess;
}

}  // namespace

int run(const Kernel& kernel, const std::uint32_t (&grid)[3], const std::uint32_t (&block)[3],
        std::size_t shared_bytes) {
  const std::lock_guard lock(device_mutex());
  const dim3 blocks(grid[0], grid[1], grid[2]), threads(block[0], block[1], block[2]);
  if (const cudaError_t error = check_configuration(kernel, blocks, threads, shared_bytes)) return error;
  const Access access;
  scheduler().run(kernel, blocks, threads, shared_bytes);
  return cudaSuccess;
}

void check_pointer(const Kernel& kernel, int index, const void* pointer) {
  if (!pointer || is_device_memory(pointer, 0)) return;
  std::fprintf(stderr, "CUDA emulator: parameter %d of %s is no device memory\n", index,
               function_name(kernel.address).c_str());
  std::abort();
}

void wait_for_block(const Place& place) { scheduler().wait_for_block(place); }
int count_in_block(bool predicate, const Place& place) {
  return scheduler().count_in_block(predicate, place);
}
const std::uint64_t* exchange_in_warp(unsigned mask, std::uint64_t bits, const Place& place) {
  return scheduler().exchange_in_warp(mask, bits, place);
}
int lane() { return scheduler().lane(); }

void copy_later(void* to, const void* from, std::size_t bytes, std::size_t zeros, const Place& place) {
  Thread& thread = scheduler().running(place.function);
  const bool aligned = reinterpret_cast<std::uintptr_t>(to) % bytes == 0 &&
                       reinterpret_cast<std::uintptr_t>(from) % bytes == 0;
  if ((bytes != 4 && bytes != 8 && bytes != 16) || zeros > bytes || !aligned) {
    scheduler().stop("a copy that is not of 4, 8 or 16 bytes, or not aligned to them, at " + text(place));
  }
  if (thread.groups.empty()) thread.groups.emplace_back();
  thread.groups.back().push_back({to, from, bytes, zeros});
}

void commit_copies() {
  Thread& thread = scheduler().running("__pipeline_commit");
  if (thread.groups.empty()) thread.groups.emplace_back();
  thread.groups.emplace_back();
}

void wait_for_copies(std::size_t groups_left) {
  auto& groups = scheduler().running("__pipeline_wait_prior").groups;
  while (groups.size() > groups_left + 1) {
    for (const PendingCopy& copy : groups.front()) {
      std::memcpy(copy.to, copy.from, copy.bytes - copy.zeros);
      std::memset(static_cast<char*>(copy.to) + copy.bytes - copy.zeros, 0, copy.zeros);
    }
    groups.erase(groups.begin());
  }
}

}  // namespace cuda_emulator
