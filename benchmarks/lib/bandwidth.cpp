//===- bandwidth.cpp - How fast one thread reads memory -------------------===//
//
// Prints the best read bandwidth in GB/s of one thread that sums a buffer much
// larger than the caches, read as 1, 4 or 8 streams. That is the roofline of
// decoding: every token reads every weight once.
//
// Usage: bandwidth [MiB] [passes]
//
//===----------------------------------------------------------------------===//

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

using Vector = uint64_t __attribute__((vector_size(64)));

/// Sums `bytes` at `data`, cut into `Streams` equal parts that are read side by side.
template <int Streams>
static uint64_t sumStreams(const char *data, size_t bytes) {
  const size_t part = bytes / Streams;
  Vector sums[Streams] = {};
  for (size_t i = 0; i < part; i += sizeof(Vector))
    for (int s = 0; s < Streams; ++s)
      sums[s] += *reinterpret_cast<const Vector *>(data + s * part + i);
  uint64_t total = 0;
  for (int s = 0; s < Streams; ++s)
    for (int lane = 0; lane < 8; ++lane)
      total += sums[s][lane];
  return total;
}

static volatile uint64_t sink;

template <int Streams>
static double bestOf(int passes, const char *data, size_t bytes) {
  double best = 0;
  for (int pass = 0; pass < passes; ++pass) {
    auto start = std::chrono::steady_clock::now();
    sink = sumStreams<Streams>(data, bytes);
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    double rate = bytes / seconds.count() * 1e-9;
    best = rate > best ? rate : best;
  }
  return best;
}

int main(int argc, char **argv) {
  const size_t bytes = (argc > 1 ? strtoull(argv[1], nullptr, 10) : 512) << 20;
  const int passes = argc > 2 ? atoi(argv[2]) : 5;
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || bytes == 0 || passes < 1) {
    fprintf(stderr, "bandwidth: cannot map %zu bytes\n", bytes);
    return 1;
  }
  madvise(memory, bytes, MADV_HUGEPAGE);
  auto *data = static_cast<char *>(memory);
  for (size_t i = 0; i < bytes; i += 64)
    data[i] = static_cast<char>(i >> 6);
  double rates[] = {bestOf<1>(passes, data, bytes), bestOf<4>(passes, data, bytes), bestOf<8>(passes, data, bytes)};
  double best = 0;
  for (double rate : rates)
    best = rate > best ? rate : best;
  printf("{\"streams1\": %.3f, \"streams4\": %.3f, \"streams8\": %.3f, \"best\": %.3f}\n", rates[0], rates[1], rates[2],
         best);
  return 0;
}
