// The two functions of <sched.h> that core/threads.cpp calls and emscripten's C library only declares: there
// is one processor.
#include <sched.h>

extern "C" {

int sched_getaffinity(pid_t, size_t, cpu_set_t* set) {
  CPU_ZERO(set);
  CPU_SET(0, set);
  return 0;
}

int __sched_cpucount(size_t, const cpu_set_t*) { return 1; }

}  // extern "C"
