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
#include <numeric>

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

/// A time in cycles, and what sets it.
struct Limit {
  double cycles;
  const char *bound;

  void atLeast(double other, const char *name) {
    if (other > cycles)
      *this = {other, name};
  }
};

/// The equations of one schedule of a product.
class ProductTime {
public:
  ProductTime(const TileKernel &kernel, const Accelerator &machine, const Schedule &schedule, double macs)
      : machine(machine), schedule(schedule), k(double(Schedule::roundedK(kernel.k))),
        steps(double(schedule.steps(kernel.k))), copied(k * schedule.copyBytes),
        stored(double(schedule.m * schedule.n) * kernel.types.outputBytes),
        products(k * double(schedule.m * schedule.n) / macs),
        tiles(int64_t(llvm::divideCeil(uint64_t(kernel.m), uint64_t(schedule.m)) *
                      llvm::divideCeil(uint64_t(kernel.n), uint64_t(schedule.n))) *
              kernel.batch),
        waves(int64_t(llvm::divideCeil(uint64_t(tiles), uint64_t(machine.cores)))),
        dramRate(machine.dramBytesPerSecond() / (machine.clockGHz * 1e9)),
        dramStores(spilledBytes(double(kernel.batch * kernel.m * kernel.n) * kernel.types.outputBytes, machine) /
                   double(tiles)),
        dramReads(productDramBytes(kernel, machine) / double(tiles) - dramStores) {}

  /// From the first block's start to the last result.
  Limit total() const;
  double sharedBytes() const { return (k * schedule.readBytes + copied) * double(tiles); }

  int64_t waveCount() const { return waves; }

private:
  /// Cycles until a core that asks alone has its first step, and until its results are gone.
  double firstStep() const {
    return double(schedule.k) * schedule.copyBytes *
           std::max({1 / machine.sharedBytesPerCycle, 1 / machine.l2PortBytesPerCycle, 1 / machine.l2BytesPerCycle});
  }
  double drain() const { return stored / machine.l2BytesPerCycle; }
  Limit block() const;
  Limit wave(int64_t active, bool first) const;

  const Accelerator &machine;
  const Schedule &schedule;
  /// Of one tile: k, its steps, bytes copied and stored, cycles of products.
  const double k, steps, copied, stored, products;
  const int64_t tiles, waves;
  /// Bytes of a cycle, and of a tile.
  const double dramRate, dramStores, dramReads;
};

} // namespace

/// From a block's first product to its last one, alone on its core.
Limit ProductTime::block() const {
  const double reads = k * schedule.readBytes / machine.sharedBytesPerCycle;
  const double copies = copied / machine.sharedBytesPerCycle;
  Limit time{std::max(products, reads), reads > products ? "shared" : "product"};
  if (!machine.asynchronous) {
    // The warps of a matrix unit take turns: one multiplies while another reads. A lone one does one after the other.
    const double warps = std::max(1.0, double(schedule.groups) / machine.matrixUnits);
    time.cycles += std::min(products, reads) / warps + steps * machine.sharedLatencyCycles;
  }
  time.atLeast(reads + copies, "shared");
  time.atLeast(copied / machine.l2PortBytesPerCycle, "l2");
  // A copy takes half of the fill; all stages but the one in use are on their way at once.
  time.atLeast(steps * machine.fillCycles / 2 / (schedule.stages - 1), "latency");
  return time;
}

/// `active` cores with a tile each. A core waits for its first step to be copied; where copies and stores are
/// asynchronous, only in the first wave. The chip's bandwidths are shared by all.
Limit ProductTime::wave(int64_t active, bool first) const {
  Limit time = block();
  const double cores = double(active), step = time.cycles / steps;
  const bool waits = first || !machine.asynchronous;
  const double wait = waits ? machine.fillCycles : 0;
  if (first) {
    // All cores ask at once: the last one has its first step when all have theirs, and its last step when all have all.
    // If results take longer than that, they queue too; from then on the cores are apart by their turn.
    time.cycles += std::max({firstStep(), double(schedule.k) * schedule.copyBytes * cores / machine.l2BytesPerCycle,
                             firstStep() + (cores - 1) * drain()});
    time.atLeast(copied * cores / machine.l2BytesPerCycle + step, "l2");
  } else if (waits) {
    time.cycles += firstStep();
  }
  time.cycles += wait;
  if (waits)
    time.cycles += drain();
  // L2 writes back while others read; but nobody asks for anything between two blocks.
  time.atLeast(wait + dramReads * cores / dramRate, "dram");
  const double idle = first ? machine.fillCycles : 0;
  time.atLeast(idle + (dramReads + dramStores) * cores / dramRate, "dram");
  time.atLeast(idle + (copied + stored) * cores / machine.l2BytesPerCycle, "l2");
  return time;
}

Limit ProductTime::total() const {
  const int64_t cores = machine.cores, rest = tiles % cores, full = tiles / cores;
  const int64_t last = rest != 0 ? rest : cores;
  Limit time = wave(std::min(tiles, cores), true);
  if (full > 1)
    time.cycles += double(full - 1) * wave(cores, false).cycles;
  if (full > 0 && rest != 0)
    time.cycles += wave(rest, false).cycles;
  // The last stores.
  time.cycles += dramStores * double(last) / dramRate;
  return time;
}

static TileTime predictProduct(const TileKernel &kernel, const Accelerator &machine) {
  const ProductTypes &types = kernel.types;
  const MatrixUnit *unit = machine.unit(types.unit);
  assert(unit && "the machine lacks the unit");
  const double macs = unit->macsPerCycle * unit->sustained / (types.unit == "lut" ? types.weightBits : 1);
  TileTime best;
  for (const Schedule &schedule : schedulesOf(kernel, machine)) {
    const ProductTime product(kernel, machine, schedule, macs);
    const Limit total = product.total();
    const double seconds = total.cycles / (machine.clockGHz * 1e9) + machine.launchMicroseconds * 1e-6;
    if (best.seconds != 0 && seconds >= best.seconds)
      continue;
    best.seconds = seconds;
    best.sharedBytes = product.sharedBytes();
    best.schedule = schedule;
    best.waves = product.waveCount();
    best.bound = total.bound;
  }
  best.flops = 2.0 * double(kernel.m) * double(kernel.n) * double(kernel.k) * double(kernel.batch);
  best.dramBytes = productDramBytes(kernel, machine);
  return best;
}

static TileTime predictStream(const TileKernel &kernel, const Accelerator &machine, double rate) {
  TileTime time;
  const double bytes = kernel.bytes();
  double spilled = 0;
  for (double operand : kernel.operands)
    spilled += spilledBytes(operand, machine);
  double seconds = bytes / machine.l2BytesPerSecond();
  time.bound = "l2";
  // A measured rate is that of all bytes.
  const double dramSeconds =
      rate != 0 ? bytes / std::min(rate, machine.dramBytesPerSecond()) : spilled / machine.dramBytesPerSecond();
  if (dramSeconds > seconds)
    seconds = dramSeconds, time.bound = "dram";
  const double launch = kernel.launches * machine.launchMicroseconds * 1e-6;
  if (launch > seconds)
    time.bound = "launch";
  time.seconds = seconds + launch;
  time.dramBytes = spilled;
  return time;
}

/// Blocks of 128 queries against 128 keys; a row of blocks stops at the diagonal. One block of queries is one block of
/// threads, so the last row of blocks is the least time.
static TileTime predictFlash(const TileKernel &kernel, const Accelerator &machine) {
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

double TileKernel::bytes() const { return std::accumulate(operands.begin(), operands.end(), 0.0); }

double lutra::ltc::productDramBytes(const TileKernel &kernel, const Accelerator &machine) {
  const ProductTypes &types = kernel.types;
  const double m = double(kernel.m), n = double(kernel.n), k = double(kernel.k), batch = double(kernel.batch);
  return batch * n * k * types.weightBytes + spilledBytes(batch * m * k * types.activationBytes, machine) +
         spilledBytes(batch * m * n * types.outputBytes, machine);
}

double lutra::ltc::spilledBytes(double bytes, const Accelerator &machine) {
  return bytes > double(machine.l2Bytes) / 2 ? bytes : 0;
}

llvm::Error lutra::ltc::checkRuns(const TileKernel &kernel, const Accelerator &machine) {
  if (kernel.kind != TileKernel::Product)
    return llvm::Error::success();
  if (!machine.unit(kernel.types.unit))
    return llvm::createStringError("the machine '" + machine.name + "' has no unit '" + kernel.types.unit + "'");
  if (schedulesOf(kernel, machine).empty())
    return llvm::createStringError("no schedule of kernel '" + kernel.name + "' fits the machine '" + machine.name +
                                   "': its tiles need more shared memory or registers");
  return llvm::Error::success();
}

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
    time.dramBytes = kernel.bytes();
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
