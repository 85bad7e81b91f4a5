// OpenBLAS as a whole: its threads, fork(), and what it has for this processor.
#include "openblas.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <string_view>
#include <thread>

#include <dlfcn.h>
#include <pthread.h>

extern "C" {
void openblas_set_num_threads(int count);
int openblas_get_num_threads();
int openblas_get_parallel();
char* openblas_get_corename();
}

namespace taper::kernels {
namespace {

// The two functions of the OpenMP library that OpenBLAS uses, or null if it uses none. Which OpenBLAS it is turns
// out when the program starts, not when it is linked: Debian lets the administrator choose.
struct OpenMp {
  OpenMp() {
    if (openblas_get_parallel() != 2) return;
    get = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
    set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  }
  explicit operator bool() const { return get && set; }

  int (*get)() = nullptr;
  void (*set)(int) = nullptr;
};

const OpenMp& openmp() {
  static const OpenMp instance;
  return instance;
}

// OpenBLAS without threads.
bool serves_one_thread() {
  static const bool does = openblas_get_parallel() == 0;
  return does;
}
constinit std::mutex one_thread_mutex;

// The process's setting.
constinit std::mutex setting_mutex;
constinit int users = 0;     // how many want it to be 1
constinit int programs = 1;  // what it was before the first of them

void begin_single_threaded() {
  const std::lock_guard lock(setting_mutex);
  if (users++ > 0) return;
  programs = openblas_get_num_threads();
  if (programs > 1) openblas_set_num_threads(1);
}

void end_single_threaded() {
  const std::lock_guard lock(setting_mutex);
  // If it is not 1, the program has set it meanwhile.
  if (--users == 0 && programs > 1 && openblas_get_num_threads() == 1) openblas_set_num_threads(programs);
}

class Caller;
constinit std::mutex callers_mutex;  // locked during fork()
constinit std::atomic<bool> is_forking = false;
constinit Caller* callers = nullptr;
constinit thread_local Caller* this_caller = nullptr;

// A thread that calls OpenBLAS. The threads stand in a list, so that entering costs no locked instruction.
class Caller {
 public:
  Caller() {
    const std::lock_guard lock(callers_mutex);
    next_ = callers;
    callers = this_caller = this;
  }
  ~Caller() {
    const std::lock_guard lock(callers_mutex);
    Caller** link = &callers;
    while (*link != this) link = &(*link)->next_;
    *link = next_;
    this_caller = nullptr;
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  void enter() {
    for (;;) {
      is_inside_.store(true, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      if (!is_forking.load(std::memory_order_relaxed)) return;
      leave();
      const std::lock_guard until_forked(callers_mutex);
    }
  }
  void leave() { is_inside_.store(false, std::memory_order_release); }

  static void before_fork() {
    callers_mutex.lock();
    is_forking = true;
    // Whoever has not seen this now is inside, and it takes a core less than a microsecond to let the others know.
    if (callers && (callers != this_caller || callers->next_))
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    for (const Caller* caller = callers; caller; caller = caller->next_) {
      while (caller != this_caller && caller->is_inside_.load(std::memory_order_acquire))
        std::this_thread::yield();
    }
  }
  static void after_fork_in_parent() {
    is_forking = false;
    callers_mutex.unlock();
  }
  static void after_fork_in_child() {
    callers = this_caller;
    if (callers) callers->next_ = nullptr;
    after_fork_in_parent();
  }

 private:
  std::atomic<bool> is_inside_ = false;
  Caller* next_;
};

Caller& caller() {
  thread_local Caller instance;
  return instance;
}

const int handlers_of_fork =
    pthread_atfork(Caller::before_fork, Caller::after_fork_in_parent, Caller::after_fork_in_child);

}  // namespace

OpenBlasCalls::OpenBlasCalls(bool may_use_threads) : is_alone_(serves_one_thread()) {
  caller().enter();
  if (is_alone_) one_thread_mutex.lock();
  sets_ = may_use_threads && !is_alone_ && !openmp();
  if (sets_) begin_single_threaded();
}

OpenBlasCalls::~OpenBlasCalls() {
  if (sets_) end_single_threaded();
  if (is_alone_) one_thread_mutex.unlock();
  caller().leave();
}

void OneOpenMpThread::begin() {
  if (!openmp()) return;
  before_ = openmp().get();
  if (before_ > 1) openmp().set(1);
}

void OneOpenMpThread::end() { openmp().set(before_); }

bool has_kernels_for_slices() {
  static const bool has = [] {
    const std::string_view core = openblas_get_corename();
    return core == "SkylakeX" || core == "Cooperlake" || core == "SapphireRapids";
  }();
  return has;
}

}  // namespace taper::kernels
