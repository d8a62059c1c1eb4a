//===- Streams.cpp - how fast threads read memory -------------------------===//
#include "Streams.h"

#include "Team.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <sys/mman.h>

using namespace lutra::bench;

namespace {
/// As wide as the machine's loads: the compiler splits it where they are narrower.
using Vector = uint64_t __attribute__((vector_size(64)));

volatile uint64_t sink;

/// Sums `bytes` at `data`, cut into `Streams` equal parts that are read side by side.
template <int Streams> uint64_t sumStreams(const char *data, size_t bytes) {
  const size_t part = bytes / Streams / sizeof(Vector) * sizeof(Vector);
  Vector sums[Streams] = {};
  for (size_t i = 0; i < part; i += sizeof(Vector))
    for (int s = 0; s < Streams; ++s)
      sums[s] += *reinterpret_cast<const Vector *>(data + s * part + i);
  uint64_t total = 0;
  for (const Vector &sum : sums)
    for (int lane = 0; lane < 8; ++lane)
      total += sum[lane];
  return total;
}

template <int Streams> double rateOf(const Buffer &buffer, Team &team, double seconds) {
  using Clock = std::chrono::steady_clock;
  const size_t part = buffer.size() / team.size() / 4096 * 4096;
  // What fits a cache is read often between two looks at the clock.
  const size_t repeats = std::max<size_t>(1, (size_t(4) << 20) / (part * team.size()));
  size_t passes = 0;
  const Clock::time_point start = Clock::now();
  std::chrono::duration<double> taken{0};
  do {
    team.run([&](int thread) {
      for (size_t i = 0; i < repeats; ++i) {
        sink = sumStreams<Streams>(buffer.data() + thread * part, part);
        asm volatile("" ::: "memory"); // Each time anew.
      }
    });
    passes += repeats;
    taken = Clock::now() - start;
  } while (taken.count() < seconds);
  return double(passes) * part * team.size() / taken.count() * 1e-9;
}
} // namespace

double ReadRates::best() const { return std::max({streams1, streams4, streams8}); }

Buffer::Buffer(size_t wanted) {
  wanted = wanted / 4096 * 4096;
  void *mapped = wanted ? mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
  if (mapped == MAP_FAILED)
    return;
  madvise(mapped, wanted, MADV_HUGEPAGE);
  memory = static_cast<char *>(mapped);
  bytes = wanted;
  // Pages that nobody wrote are all the same one.
  for (size_t i = 0; i < bytes; i += 64)
    memory[i] = static_cast<char>(i >> 6);
}

Buffer::~Buffer() {
  if (memory)
    munmap(memory, bytes);
}

ReadRates lutra::bench::measureReads(const Buffer &buffer, int threads, double seconds) {
  Team team(threads);
  return {rateOf<1>(buffer, team, seconds), rateOf<4>(buffer, team, seconds), rateOf<8>(buffer, team, seconds)};
}
