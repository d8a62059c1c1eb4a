//===- Accelerator.h - a whole chip, as the tile level sees it --*- C++ -*-===//
//
// The facts of a GPU, with or without LUT arrays beside its tensor cores, read from YAML (lib/Simulator/machines has
// those that ship). docs/spec/tile-model.md names the source of each number. The kernel level's Machine is one core of
// such a chip.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SIMULATOR_ACCELERATOR_H
#define LUTRA_SIMULATOR_ACCELERATOR_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace lutra::ltc {

/// A matrix unit: what one core multiplies in a cycle, for one pair of types.
struct MatrixUnit {
  /// "f16", "f8", "i8" for both operands; "lut" for the LUT arrays.
  std::string type;
  /// Multiply-adds of a core in a cycle; of a LUT array those with weights of one bit.
  double macsPerCycle = 0;
  /// The share of that rate that the best large product of a microbenchmark reaches; 1 where none was measured.
  double sustained = 1;
};

/// A chip.
struct Accelerator {
  std::string name, source;
  unsigned cores = 0;
  double clockGHz = 0;
  /// Of one core.
  uint64_t sharedBytes = 0, registerBytes = 0;
  double sharedBytesPerCycle = 128;
  /// f32 operations of a core's vector unit in a cycle.
  double vectorLanes = 64;
  /// The same of f16, in packed pairs.
  double vectorF16Lanes = 256;
  /// Of the chip.
  uint64_t l2Bytes = 0;
  double l2BytesPerCycle = 0, dramGBps = 0;
  /// From the L2 to one core.
  double l2PortBytesPerCycle = 64;
  /// The share of the DRAM's rate that a long stream reaches.
  double dramEfficiency = 1;
  /// From one kernel's end to the next one's start, and from a tile's first load to its first product.
  double launchMicroseconds = 0, fillCycles = 0;
  /// From a read of shared memory to its first byte.
  double sharedLatencyCycles = 0;
  /// Matrix units of a core, each of which has its part of the rates in `units`.
  unsigned matrixUnits = 4;
  /// Matrix units read shared memory themselves, beside the products (wgmma), and the next tile's copies go on beside
  /// the last one's results. Otherwise a warp reads, then multiplies (mma), and a block begins when one has ended.
  bool asynchronous = false;
  /// Into how many parts a block cuts a tile, each of which reads its operands from shared memory, and the threads of
  /// a part.
  std::vector<unsigned> groups;
  unsigned groupThreads = 32;
  /// Copies of steps of k that can be on their way or in use, at most.
  unsigned stages = 8;
  /// Copies permute the 16-byte units of shared memory's lines, so that reads of rows are free of bank conflicts.
  bool swizzled = true;
  /// Doubled registers (the paper's DRM), for a thread too: 512.
  bool wideRegisters = false;
  std::vector<MatrixUnit> units;
  /// Attention in one kernel (0: scores go through memory): the chip's rate, and what each block costs beside.
  double flashTflops = 0, flashBlockMicroseconds = 0;
  /// Reads of a key-value cache by single queries, and of strided or broadcast operands by element-wise kernels.
  double decodeAttentionGBps = 0, stridedGBps = 0;
  /// A normalization waits for the sum of a row: seconds beside the bytes, for each element of a row.
  double layerNormNanoseconds = 0, rmsNormNanoseconds = 0;

  /// The unit for `type`, or null.
  const MatrixUnit *unit(llvm::StringRef type) const;
  /// Rate of the DRAM that a stream reaches, and of the L2, in bytes a second.
  double dramBytesPerSecond() const { return dramGBps * 1e9 * dramEfficiency; }
  double l2BytesPerSecond() const { return l2BytesPerCycle * clockGHz * 1e9; }
  double vectorOperationsPerSecond() const { return vectorLanes * cores * clockGHz * 1e9; }
  double vectorF16OperationsPerSecond() const { return vectorF16Lanes * cores * clockGHz * 1e9; }
  /// Operations a second of a unit at its peak: two for a multiply-add; a LUT array does one weight bit in a cycle.
  double peak(const MatrixUnit &unit, double weightBits = 1) const;
};

/// Reads YAML. An error names `fileName`, the line and the key.
llvm::Expected<Accelerator> parseAccelerator(llvm::StringRef yaml, llvm::StringRef fileName);

/// Whether a machine is named by its file: what has a '/' or ends in .yaml.
bool isMachineFile(llvm::StringRef nameOrFile);

/// A shipped machine by its name ("a100-lut-4x"), or one from a file.
llvm::Expected<Accelerator> loadAccelerator(llvm::StringRef nameOrFile);

/// The names of the shipped machines.
std::vector<llvm::StringRef> acceleratorNames();

} // namespace lutra::ltc

#endif // LUTRA_SIMULATOR_ACCELERATOR_H
