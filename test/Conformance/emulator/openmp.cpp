//===- openmp.cpp - the part of libomp that compiled models call ----------===//
//
// Stands in for libomp.so.5 on an emulated machine, for which the host's distribution has none. A parallel region is a team of
// `omp_set_num_threads` threads made for it and joined at its end; a region inside another one runs on one thread. Static
// schedules only: compiled models have no others.
//
//===----------------------------------------------------------------------===//
#include <barrier>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace {
int requestedThreads = 1;
thread_local int threadNumber = 0, teamSize = 1;
thread_local std::barrier<> *teamBarrier = nullptr;

/// kmp.h's sched_type for static schedules without a chunk, which may carry modifier bits above.
constexpr int kStatic = 34, kModifiers = 0x3 << 29;

template <typename T>
void divide(int schedule, int32_t *isLast, T *lower, T *upper, T *stride, T step) {
  if ((schedule & ~kModifiers) != kStatic || step != 1) {
    std::fprintf(stderr, "openmp: schedule %d with step %lld is not supported\n", schedule, (long long)step);
    std::abort();
  }
  // An empty loop stays empty: its upper bound is below the lower one.
  if (*upper < *lower) {
    *isLast = 0;
    return;
  }
  T count = *upper - *lower + 1, share = count / teamSize, rest = count % teamSize;
  T number = threadNumber, begin = *lower + number * share + (number < rest ? number : rest);
  T end = begin + share + (number < rest ? 1 : 0);
  *stride = count;
  *isLast = end == *upper + 1 && end > begin;
  *lower = begin;
  // A thread without iterations gets an empty range; unsigned bounds may not go below 0.
  if (end > begin) {
    *upper = end - 1;
  } else {
    *lower = 1;
    *upper = 0;
  }
}
} // namespace

using Microtask = void (*)(int32_t *, int32_t *, ...);

extern "C" {
void omp_set_num_threads(int count) { requestedThreads = count < 1 ? 1 : count; }
int omp_get_max_threads() { return requestedThreads; }
int omp_get_num_threads() { return teamSize; }
int omp_get_thread_num() { return threadNumber; }

int32_t __kmpc_global_thread_num(void *) { return threadNumber; }
void __kmpc_push_num_threads(void *, int32_t, int32_t count) { omp_set_num_threads(count); }

void __kmpc_fork_call(void *, int32_t count, Microtask task, ...) {
  if (count > 2) {
    std::fprintf(stderr, "openmp: a region with %d arguments is not supported\n", count);
    std::abort();
  }
  va_list list;
  va_start(list, task);
  void *first = count > 0 ? va_arg(list, void *) : nullptr, *second = count > 1 ? va_arg(list, void *) : nullptr;
  va_end(list);
  int size = teamBarrier ? 1 : requestedThreads;
  std::barrier<> barrier(size);
  auto work = [&](int number) {
    int outerNumber = threadNumber, outerSize = teamSize;
    std::barrier<> *outerBarrier = teamBarrier;
    threadNumber = number;
    teamSize = size;
    teamBarrier = &barrier;
    int32_t global = number, bound = number;
    task(&global, &bound, first, second);
    threadNumber = outerNumber;
    teamSize = outerSize;
    teamBarrier = outerBarrier;
  };
  std::vector<std::thread> others;
  for (int number = 1; number < size; ++number)
    others.emplace_back(work, number);
  work(0);
  for (std::thread &other : others)
    other.join();
}

void __kmpc_barrier(void *, int32_t) {
  if (teamBarrier)
    teamBarrier->arrive_and_wait();
}

void __kmpc_for_static_init_8u(void *, int32_t, int32_t schedule, int32_t *isLast, uint64_t *lower, uint64_t *upper,
                               int64_t *stride, int64_t step, int64_t) {
  uint64_t wide = 0;
  divide<uint64_t>(schedule, isLast, lower, upper, &wide, step);
  *stride = wide;
}
void __kmpc_for_static_init_8(void *, int32_t, int32_t schedule, int32_t *isLast, int64_t *lower, int64_t *upper,
                              int64_t *stride, int64_t step, int64_t) {
  divide<int64_t>(schedule, isLast, lower, upper, stride, step);
}
void __kmpc_for_static_fini(void *, int32_t) {}
}
