//===- RoundMachine.h - a machine whose figures are easy to add up --*- C++ -*-===//
#ifndef LUTRA_UNITTESTS_SIMULATOR_ROUNDMACHINE_H
#define LUTRA_UNITTESTS_SIMULATOR_ROUNDMACHINE_H

#include "lutra/Simulator/TileModel.h"

namespace lutra::ltc {

/// Of the examples of docs/spec/tile-model.md: 10 cores at 1 GHz, 100 macs, shared memory 100 bytes a cycle, L2 1000
/// and 100 to a core, DRAM 50.
inline Accelerator roundMachine() {
  Accelerator machine;
  machine.name = "round";
  machine.cores = 10;
  machine.clockGHz = 1;
  machine.sharedBytes = 65536;
  machine.registerBytes = 8192;
  machine.sharedBytesPerCycle = 100;
  machine.sharedLatencyCycles = 5;
  machine.l2Bytes = 4000000;
  machine.l2BytesPerCycle = 1000;
  machine.l2PortBytesPerCycle = 100;
  machine.dramGBps = 100;
  machine.dramEfficiency = 0.5;
  machine.launchMicroseconds = 1;
  machine.fillCycles = 100;
  machine.groups = {4};
  machine.units = {{"f16", 100, 1}, {"lut", 400, 1}};
  return machine;
}

inline TileKernel product(int64_t m, int64_t n, int64_t k, ProductTypes types) {
  TileKernel kernel;
  kernel.name = "product";
  kernel.kind = TileKernel::Product;
  kernel.m = m, kernel.n = n, kernel.k = k;
  kernel.types = std::move(types);
  return kernel;
}

} // namespace lutra::ltc

#endif // LUTRA_UNITTESTS_SIMULATOR_ROUNDMACHINE_H
