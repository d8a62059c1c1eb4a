//===- TileModel.cpp - interacting rooflines of one kernel ----------------===//
//
// The equations of docs/spec/tile-model.md. Products try all tiles that fit a core, as a tuned library would, and take
// the fastest.
//
//===----------------------------------------------------------------------===//
#include "lutra/Simulator/TileModel.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cassert>
#include <cmath>

using namespace lutra::ltc;

ProductTypes lutra::ltc::f16Product() { return {"f16", 2, 2, 2, 2, 16}; }
ProductTypes lutra::ltc::f8Product() { return {"f8", 1, 1, 1, 2, 8}; }
ProductTypes lutra::ltc::i8Product() { return {"i8", 1, 1, 1, 2, 8}; }
ProductTypes lutra::ltc::lookupProduct(unsigned bits) { return {"lut", 1, 2, bits / 8.0, 2, double(bits)}; }

TileTime &TileTime::operator+=(const TileTime &other) {
  seconds += other.seconds;
  flops += other.flops;
  dramBytes += other.dramBytes;
  sharedBytes += other.sharedBytes;
  return *this;
}

namespace {

/// One tile of a product's output on one core.
struct Tile {
  int64_t m, n;
};

/// Bytes that the groups of a block read from shared memory for one step of k: each needs its rows and its columns.
double groupReads(const Tile &tile, const ProductTypes &types, const Accelerator &machine) {
  double best = 0;
  for (unsigned groups : machine.groups)
    for (unsigned rows = 1; rows <= groups; rows *= 2) {
      // Less than 16 rows or columns leave the multipliers of a group without work.
      if (groups % rows || tile.m / rows < 16 || tile.n / (groups / rows) < 16)
        continue;
      double bytes = groups * (double(tile.m) / rows * types.sharedActivationBytes +
                               double(tile.n) / (groups / rows) * types.weightBytes);
      best = best == 0 ? bytes : std::min(best, bytes);
    }
  return best;
}

/// The tiles that compilers offer: powers of two; with doubled registers every multiple of 32 rows or 64 columns.
std::vector<Tile> tilesOf(const Accelerator &machine) {
  std::vector<Tile> tiles;
  const std::vector<int64_t> rows = machine.wideRegisters ? std::vector<int64_t>{16, 32, 64, 96, 128, 160, 192, 256}
                                                          : std::vector<int64_t>{16, 32, 64, 128, 256};
  const std::vector<int64_t> columns = machine.wideRegisters
                                           ? std::vector<int64_t>{32, 64, 128, 192, 256, 320, 384, 448, 512, 576, 640}
                                           : std::vector<int64_t>{32, 64, 128, 256};
  for (int64_t m : rows)
    for (int64_t n : columns)
      // Half of the registers hold accumulators of 4 bytes.
      if (m * n * 4 <= int64_t(machine.registerBytes / 2))
        tiles.push_back({m, n});
  return tiles;
}

TileTime predictProduct(const TileKernel &kernel, const Accelerator &machine) {
  const ProductTypes &types = kernel.types;
  const MatrixUnit *unit = machine.unit(types.unit);
  assert(unit && "the machine lacks the unit");
  const double macs = unit->macsPerCycle * unit->sustained / (types.unit == "lut" ? types.weightBits : 1);
  const double m = double(kernel.m), n = double(kernel.n), k = double(kernel.k), batch = double(kernel.batch);
  // Weights come from DRAM; activations only when L2 cannot have kept them.
  auto spilled = [&](double bytes) { return bytes > double(machine.l2Bytes) / 2 ? bytes : 0; };
  const double dram = batch * n * k * types.weightBytes + spilled(batch * m * k * types.activationBytes) +
                      spilled(batch * m * n * types.outputBytes);
  const double dramSeconds = dram / machine.dramBytesPerSecond();
  TileTime best;
  for (const Tile &tile : tilesOf(machine)) {
    const double reads = groupReads(tile, types, machine);
    if (reads == 0)
      continue;
    const double copies = double(tile.m) * types.sharedActivationBytes + double(tile.n) * types.weightBytes;
    const double products = double(tile.m * tile.n) / macs;
    const double shared = (reads + copies) / machine.sharedBytesPerCycle;
    const double l2 = copies * machine.cores / machine.l2BytesPerCycle;
    const double longer = std::max(products, shared);
    const double step = std::max(longer + (1 - machine.overlap) * (products + shared - longer), l2);
    const int64_t tiles = int64_t(llvm::divideCeil(uint64_t(kernel.m), uint64_t(tile.m)) *
                                  llvm::divideCeil(uint64_t(kernel.n), uint64_t(tile.n))) *
                          kernel.batch;
    const int64_t waves = int64_t(llvm::divideCeil(uint64_t(tiles), uint64_t(machine.cores)));
    const double drain = double(tile.m * tile.n) * types.outputBytes * machine.cores / machine.l2BytesPerCycle;
    const double core = (double(waves) * k * step + machine.fillCycles + drain) / (machine.clockGHz * 1e9);
    const double seconds = std::max(core, dramSeconds) + machine.launchMicroseconds * 1e-6;
    if (best.seconds != 0 && seconds >= best.seconds)
      continue;
    best.seconds = seconds;
    best.sharedBytes = (reads + copies) * k * double(tiles);
    best.tileM = tile.m;
    best.tileN = tile.n;
    best.waves = waves;
    best.bound = dramSeconds > core ? "dram" : l2 >= step ? "l2" : shared > products ? "shared" : "product";
  }
  best.flops = 2 * m * n * k * batch;
  best.dramBytes = dram;
  return best;
}

TileTime predictStream(const TileKernel &kernel, const Accelerator &machine, double rate) {
  TileTime time;
  const bool spills = kernel.bytes / kernel.operands > double(machine.l2Bytes) / 2;
  double seconds = kernel.bytes / machine.l2BytesPerSecond();
  time.bound = "l2";
  if (spills || rate != 0) {
    rate = rate != 0 ? std::min(rate, machine.dramBytesPerSecond()) : machine.dramBytesPerSecond();
    seconds = std::max(seconds, kernel.bytes / rate);
    time.bound = "dram";
  }
  const double launch = kernel.launches * machine.launchMicroseconds * 1e-6;
  if (launch > seconds)
    time.bound = "launch";
  time.seconds = seconds + launch;
  time.dramBytes = spills ? kernel.bytes : 0;
  return time;
}

/// Blocks of 128 queries against 128 keys; a row of blocks stops at the diagonal. One block of queries is one block of
/// threads, so the last row of blocks is the least time.
TileTime predictFlash(const TileKernel &kernel, const Accelerator &machine) {
  const double rows = double(llvm::divideCeil(uint64_t(kernel.m), uint64_t(128)));
  const double heads = double(kernel.batch), blockFlops = 2.0 * 2 * 128 * 128 * double(kernel.n);
  const double block = blockFlops * machine.cores / (machine.flashTflops * 1e12);
  const double fixed = machine.flashBlockMicroseconds * 1e-6;
  const double all = heads * (rows * (rows + 1) / 2 * block + rows * fixed) / machine.cores;
  TileTime time;
  time.seconds = std::max(all, rows * block + fixed) + machine.launchMicroseconds * 1e-6;
  time.flops = heads * rows * (rows + 1) / 2 * blockFlops;
  time.bound = "product";
  return time;
}

} // namespace

TileTime lutra::ltc::predict(const TileKernel &kernel, const Accelerator &machine) {
  switch (kernel.kind) {
  case TileKernel::Product: return predictProduct(kernel, machine);
  case TileKernel::Stream: return predictStream(kernel, machine, 0);
  case TileKernel::Strided: return predictStream(kernel, machine, machine.stridedGBps * 1e9);
  case TileKernel::Norm: {
    TileTime time = predictStream(kernel, machine, 0);
    time.seconds +=
        double(kernel.n) * 1e-9 * (kernel.rmsNorm ? machine.rmsNormNanoseconds : machine.layerNormNanoseconds);
    return time;
  }
  case TileKernel::FlashAttention: return predictFlash(kernel, machine);
  case TileKernel::DecodeAttention: {
    // Keys and values come from memory, however few they are.
    const double rate = machine.decodeAttentionGBps * 1e9;
    TileTime time = predictStream(kernel, machine, rate != 0 ? rate : machine.dramBytesPerSecond());
    time.seconds += machine.fillCycles / (machine.clockGHz * 1e9);
    time.dramBytes = kernel.bytes;
    return time;
  }
  }
  llvm_unreachable("unknown kind of kernel");
}

TileTime lutra::ltc::predict(llvm::ArrayRef<TileKernel> kernels, const Accelerator &machine) {
  TileTime total;
  for (const TileKernel &kernel : kernels)
    total += predict(kernel, machine);
  return total;
}
