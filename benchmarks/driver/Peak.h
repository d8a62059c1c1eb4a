//===- Peak.h - what the vector units do in registers -----------*- C++ -*-===//
//
// Loops of independent instructions on registers alone: no kernel of the same instructions can be faster.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_BENCHMARKS_PEAK_H
#define LUTRA_BENCHMARKS_PEAK_H

#include <string>
#include <utility>
#include <vector>

namespace lutra::bench {

/// A mix of instructions by name, and 10^9 operations a second of all threads together: a multiplication and an addition are two; a
/// looked-up byte (`lookup`) is one.
using Peak = std::pair<std::string, double>;

/// All mixes that the machine has: `fp32` (fused multiply-add), `int8` (bytes multiplied, summed in 16 bits), `int8_wide` (summed in 32
/// bits), `int8_dot` (the dot-product instruction), `lookup` (byte shuffle). Each takes about `seconds`.
std::vector<Peak> measurePeaks(int threads, double seconds);

} // namespace lutra::bench

#endif // LUTRA_BENCHMARKS_PEAK_H
