//===- Machine.h - the LUT tensor core that is modelled ---------*- C++ -*-===//
//
// The facts of one machine, as docs/spec/lmma-isa.md ("The machine", "Timing") names and sources them. The assembler
// knows none of them; the verifier checks capacities, the timing model uses rates.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SIMULATOR_MACHINE_H
#define LUTRA_SIMULATOR_MACHINE_H

#include "lutra/Simulator/Program.h"

namespace lutra::ltc {

struct Accelerator;

/// Cores with one LUT array each. The defaults are the machine "ltc-1".
struct Machine {
  std::string name = "ltc-1";

  /// The LUT array: `m` rows of tables against `n` groups of `k` one-bit weights (LUT Tensor Core, section 4.2.2): m 1 to
  /// 16, n 1 to 256, k 1 to 8. Codes of more than 4 bits (k > 4) take a byte, others half of one.
  unsigned arrayM = 2, arrayN = 64, arrayK = 4;

  /// Registers in each file, and what one tile of tables or weights holds.
  unsigned tableTiles = 32, weightTiles = 8, i32Tiles = 32, f32Tiles = 64, rowTiles = 64, colTiles = 16,
           actTiles = 16, sumTiles = 8;
  unsigned loopRegisters = kLoopRegisters;
  unsigned tablesPerTile = 16, planesPerTile = 8;

  /// Shared memory of a core, what it delivers, and how long a load from it takes.
  uint64_t sharedBytes = 167936;
  double sharedBytesPerCycle = 128;
  unsigned sharedLatency = 30;
  /// Cores, each with an array, registers and shared memory of its own.
  unsigned cores = 1;

  /// Clock: the A100's boost clock, which the paper's figures use.
  double clockGHz = 1.41;
  /// Instructions a unit's queue holds before issue waits.
  unsigned queueDepth = 16;
  /// A core's share of the DRAM's rate when all of them work: 1555 GB/s over 108 SMs at 1.41 GHz. When fewer do, each has more, up to
  /// what its port takes (0: no more).
  double dramBytesPerCycle = 10.2, portBytesPerCycle = 0;
  /// From a load's start to its first byte.
  unsigned dramLatency = 290;
  /// DRAM moves whole sectors.
  unsigned dramSectorBytes = 32;
  /// The array takes one plane of one lmma step per cycle; a result leaves it `arrayLatency` cycles after its last
  /// plane.
  unsigned arrayCyclesPerPlane = 1;
  unsigned arrayLatency = 8;
  /// f32 lanes of the vector unit (an SM's 64), and its latency.
  unsigned vectorLanes = 64;
  unsigned vectorLatency = 4;
  /// From the host's call to the first instruction.
  unsigned launchCycles = 1000;

  /// Picojoules of a lookup (the area model's array M2N64K4 of i8 tables: 31.9 k gates of 0.39 fJ for 128 lookups), of
  /// an f32 multiply-add (multiplier and adder of the same model), and of a byte from HBM2 (3.9 pJ a bit: O'Connor et
  /// al., MICRO 2017).
  double lookupPicojoules = 0.097, vectorPicojoules = 1.64, dramPicojoulesPerByte = 31.2;

  /// Registers in `file`.
  unsigned registers(RegisterFile file) const;
  /// Bytes of the codes of one plane of `tables` tables in a weight tile.
  uint64_t planeBytes(unsigned tables) const { return uint64_t(arrayN) * (arrayK > 4 ? tables : (tables + 1) / 2); }
  /// Entries of a table, of which half are stored.
  unsigned entries() const { return 1u << arrayK; }
  unsigned stored() const { return 1u << (arrayK - 1); }
  /// "m2n64k4"
  std::string arrayName() const;
  /// Takes an array of another shape, written as `arrayName` does, and with it the energy of a lookup.
  llvm::Error setArray(llvm::StringRef shape);
  /// An error when the array's shape is beyond what the machine's family has.
  llvm::Error check() const;
};

/// The machine whose cores are the matrix units of a chip: docs/spec/lmma-isa.md, "Machines". An error if it has no LUT arrays.
llvm::Expected<Machine> machineOf(const Accelerator &chip);

/// "ltc-1", the name of a shipped chip, or a .yaml file with one (loadAccelerator); with an array of another shape if `array` is not empty.
llvm::Expected<Machine> loadMachine(llvm::StringRef nameOrFile, llvm::StringRef array = "");

/// Checks all that does not depend on the launch: register numbers, capacities, types and ranges of every access,
/// loops, and that every tile is written before it is read. What passes can not fail while it runs. With `hazards`, that
/// holds for copies too: nothing is read or written before the wait for a copy that is on its way there.
llvm::Error verify(const Program &program, const Machine &machine, bool hazards = true);

} // namespace lutra::ltc

#endif // LUTRA_SIMULATOR_MACHINE_H
