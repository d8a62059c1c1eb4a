//===- Streams.h - how fast threads read memory -----------------*- C++ -*-===//
//
// The read roofline: every thread sums a part of a buffer of its own, as 1, 4 or 8 streams of the widest loads. Reading once is what a
// decoding step must at least do with the weights.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_BENCHMARKS_STREAMS_H
#define LUTRA_BENCHMARKS_STREAMS_H

#include <cstddef>
#include <memory>

namespace lutra::bench {

/// GB/s of reads as 1, 4 and 8 streams a thread.
struct ReadRates {
  double streams1 = 0, streams4 = 0, streams8 = 0;

  double best() const;
};

/// Memory that is there, in huge pages where the system gives them.
class Buffer {
public:
  /// `bytes` is rounded down to a multiple of 4096. Empty when the system has not so much.
  explicit Buffer(size_t bytes);
  ~Buffer();
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

  const char *data() const { return memory; }
  size_t size() const { return bytes; }

private:
  char *memory = nullptr;
  size_t bytes = 0;
};

/// Reads `buffer`, cut into a part for each of `threads` threads, until each kind took at least `seconds`.
ReadRates measureReads(const Buffer &buffer, int threads, double seconds);

} // namespace lutra::bench

#endif // LUTRA_BENCHMARKS_STREAMS_H
