//===- Machines.cpp - the machines that programs run on -------------------===//
//
// ltc-1, and the chips of lib/Simulator/machines: docs/spec/lmma-isa.md, "Machines", has the equations. A core of a program's machine is a
// matrix unit of a chip, with its part of what the chip's cores have.
//
//===----------------------------------------------------------------------===//

#include "lutra/Simulator/Accelerator.h"
#include "lutra/Simulator/Area.h"
#include "lutra/Simulator/Machine.h"

#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <cmath>

using namespace lutra::ltc;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

std::string Machine::arrayName() const {
  return ("m" + Twine(arrayM) + "n" + Twine(arrayN) + "k" + Twine(arrayK)).str();
}

Error Machine::setArray(StringRef shape) {
  StringRef rest = shape;
  unsigned sizes[3] = {};
  const char letters[] = {'m', 'n', 'k'};
  for (unsigned i = 0; i < 3; ++i)
    if (!rest.consume_front(StringRef(&letters[i], 1)) || rest.consumeInteger(10, sizes[i]))
      rest = "?";
  if (!rest.empty())
    return llvm::createStringError("expected the shape of an array, as m2n64k4, but found '" + shape + "'");
  arrayM = sizes[0], arrayN = sizes[1], arrayK = sizes[2];
  if (Error failure = check())
    return failure;
  // The area model's array of i8 tables and weights of several bits: what its gates take in a cycle, for m n lookups.
  LutArray array;
  array.weightBits = 2;
  array.m = arrayM, array.n = arrayN, array.k = arrayK;
  const UnitCosts costs;
  lookupPicojoules = gatesOf(array, costs).total() * costs.gateEnergy * 1e-3 / (double(arrayM) * arrayN);
  return Error::success();
}

/// The array of a matrix unit that makes `macs` multiply-adds a cycle: M2 Nn K4 up to n = 256, then more rows.
static std::string arrayOf(double macs) {
  unsigned m = 2;
  while (macs / (4.0 * m) > 256 && m < 16)
    m *= 2;
  return ("m" + Twine(m) + "n" + Twine(int64_t(macs / (4.0 * m))) + "k4").str();
}

Expected<Machine> lutra::ltc::machineOf(const Accelerator &chip) {
  const MatrixUnit *lut = chip.unit("lut");
  if (!lut)
    return llvm::createStringError("machine '" + chip.name + "' has no LUT arrays to run a program on");
  const Machine first;
  Machine machine;
  machine.name = chip.name;
  if (Error failure = machine.setArray(arrayOf(lut->macsPerCycle / chip.matrixUnits)))
    return std::move(failure);
  const double units = chip.matrixUnits;
  machine.cores = chip.cores * chip.matrixUnits;
  machine.clockGHz = chip.clockGHz;
  machine.sharedBytes = uint64_t(chip.sharedBytes / units) / 128 * 128;
  machine.sharedBytesPerCycle = chip.sharedBytesPerCycle / units;
  machine.sharedLatency = unsigned(std::lround(chip.sharedLatencyCycles));
  machine.dramBytesPerCycle = chip.dramBytesPerSecond() / (chip.clockGHz * 1e9 * machine.cores);
  machine.portBytesPerCycle = std::max(machine.dramBytesPerCycle, chip.l2PortBytesPerCycle / units);
  machine.vectorLanes = std::max(1u, unsigned(chip.vectorLanes / units));
  machine.launchCycles = unsigned(std::lround(chip.launchMicroseconds * 1e3 * chip.clockGHz));
  // Each file has the bytes that it has in ltc-1, but no fewer registers than a product with 8 planes needs.
  auto scaled = [](unsigned count, unsigned size, unsigned firstSize, unsigned least) {
    return std::clamp(unsigned(uint64_t(count) * firstSize / size), least, count);
  };
  const unsigned tile = machine.arrayM * machine.arrayN, firstTile = first.arrayM * first.arrayN;
  machine.f32Tiles = scaled(first.f32Tiles, tile, firstTile, 12);
  machine.i32Tiles = scaled(first.i32Tiles, tile, firstTile, 8);
  machine.weightTiles = scaled(first.weightTiles, machine.arrayN, first.arrayN, 2);
  machine.tableTiles = scaled(first.tableTiles, machine.arrayM, first.arrayM, 8);
  machine.actTiles = scaled(first.actTiles, machine.arrayM, first.arrayM, 8);
  return machine;
}

Expected<Machine> lutra::ltc::loadMachine(StringRef nameOrFile, StringRef array) {
  Machine machine;
  if (nameOrFile != machine.name) {
    Expected<Accelerator> chip = loadAccelerator(nameOrFile);
    if (!chip)
      return llvm::createStringError(llvm::toString(chip.takeError()) + "; or " + machine.name);
    Expected<Machine> core = machineOf(*chip);
    if (!core)
      return core.takeError();
    machine = std::move(*core);
  }
  if (!array.empty())
    if (Error failure = machine.setArray(array))
      return std::move(failure);
  return machine;
}
