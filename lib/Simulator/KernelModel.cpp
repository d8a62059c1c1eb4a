//===- KernelModel.cpp - events of a kernel on a chip ---------------------===//
//
// docs/spec/tile-model.md, "The kernel level". Time is in cycles. Every server takes requests in the order of their
// events' times; what one core does between two events touches nothing that others share.
//
//===----------------------------------------------------------------------===//
#include "lutra/Simulator/KernelModel.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <deque>
#include <queue>

using namespace lutra::ltc;

namespace {

/// A bandwidth that requests share, first come, first served.
struct Server {
  explicit Server(double bytesPerCycle) : rate(bytesPerCycle) {}
  double rate, free = 0, busy = 0, bytes = 0;

  /// The cycle in which the last of `amount` bytes has passed.
  double take(double now, double amount) {
    free = std::max(free, now) + amount / rate;
    busy += amount / rate;
    bytes += amount;
    return free;
  }
};

/// DRAM: reads go first. L2 holds what is to be written, and writes it back when nobody reads, or when it is too much.
struct Memory : Server {
  Memory(double bytesPerCycle, double room) : Server(bytesPerCycle), room(room) {}
  double room, pending = 0;

  double read(double now, double amount) {
    if (now > free) {
      const double part = std::min(pending, (now - free) * rate);
      pending -= part;
      free += part / rate;
    }
    return take(now, amount);
  }
  void write(double now, double amount) {
    read(now, 0);
    pending += amount;
    busy += amount / rate;
    bytes += amount;
    if (pending > room) {
      free = std::max(free, now) + (pending - room) / rate;
      pending = room;
    }
  }
  /// When all is written.
  double flushed() const { return free + pending / rate; }
};

/// A tile of the output.
struct BlockIndex {
  int64_t number, batch, row, column;
};

/// A copy that has arrived at a core and waits for shared memory's port.
struct Write {
  int64_t step;
  double cycles;
};

struct CoreState {
  CoreState(double sharedRate, unsigned units) : shared(sharedRate), unitFree(units) {}
  /// The port of shared memory. Reads go first; copies are written in the cycles between them.
  Server shared;
  std::deque<Write> writes;
  double writtenUntil = 0;
  /// Steps whose copies are in shared memory; copies land in their order.
  int64_t landed = 0;
  std::vector<double> unitFree;
  std::vector<BlockIndex> stageBlock;
  /// Steps since the launch: copies that were asked for, and products that have begun.
  int64_t copied = 0, begun = 0;
  /// The block whose copies are asked for, and its next step; no block at -1.
  BlockIndex copying{-1, 0, 0, 0};
  int64_t copyStep = 0;
  bool working = false;
  double finished = 0;
  /// The way from L2 to this core.
  double portFree = 0;

  /// Writes copies in the cycles up to `now` that reads have left.
  void write(double now) {
    double at = std::max(writtenUntil, shared.free);
    while (!writes.empty() && at < now) {
      const double part = std::min(writes.front().cycles, now - at);
      at += part;
      shared.busy += part;
      // What is left of a sum of parts is not always zero.
      if ((writes.front().cycles -= part) > 1e-6)
        continue;
      landed = writes.front().step + 1;
      writes.pop_front();
    }
    writtenUntil = std::max(writtenUntil, now);
  }
};

struct Event {
  enum Kind { Start, Copy, Arrive, Ready, Begin, End };
  double time;
  /// Among events of one time: first steps first, so that no core's later copies go before another's first.
  int64_t step;
  uint64_t order;
  unsigned core;
  Kind kind;
  bool operator>(const Event &other) const {
    if (time != other.time)
      return time > other.time;
    return step != other.step ? step > other.step : order > other.order;
  }
};

class ProductWalk {
public:
  ProductWalk(const TileKernel &kernel, const Accelerator &machine, const KernelTrace &trace,
              const std::function<void(double)> &progress)
      : kernel(kernel), machine(machine), schedule(predict(kernel, machine).schedule), trace(trace), progress(progress),
        latency(machine.fillCycles / 2), l2(machine.l2BytesPerCycle),
        dram(machine.dramBytesPerSecond() / (machine.clockGHz * 1e9), double(machine.l2Bytes) / 2) {
    const MatrixUnit &unit = *machine.unit(kernel.types.unit);
    macs = unit.macsPerCycle * unit.sustained / (kernel.types.unit == "lut" ? kernel.types.weightBits : 1);
    rows = llvm::divideCeil(uint64_t(kernel.m), uint64_t(schedule.m));
    columns = llvm::divideCeil(uint64_t(kernel.n), uint64_t(schedule.n));
    steps = schedule.steps(kernel.k);
    blocks = rows * columns * kernel.batch;
    weights.resize(size_t(columns * steps * kernel.batch), -1);
    const ProductTypes &types = kernel.types;
    if (spilledBytes(double(kernel.batch * kernel.m * kernel.k) * types.activationBytes, machine) != 0)
      activations.resize(size_t(rows * steps * kernel.batch), -1);
    storesSpill = spilledBytes(double(kernel.batch * kernel.m * kernel.n) * types.outputBytes, machine) != 0;
    for (unsigned core = 0; core < machine.cores; ++core) {
      cores.emplace_back(machine.sharedBytesPerCycle, machine.asynchronous ? 1 : machine.matrixUnits);
      cores.back().stageBlock.resize(schedule.stages);
    }
  }

  KernelTime run();

private:
  void push(double time, Event::Kind kind, unsigned core, int64_t step) {
    queue.push({time, step, order++, core, kind});
  }
  /// Activations of a row in step `step` of a block.
  int64_t width(int64_t step) const { return std::min(schedule.k, Schedule::roundedK(kernel.k) - step * schedule.k); }
  void emit(const char *unit, int core, unsigned index, const BlockIndex &block, int64_t step, double start,
            double end) const {
    const double cycle = 1 / (machine.clockGHz * 1e9), launch = machine.launchMicroseconds * 1e-6;
    trace({unit, core, index, block.number, step, launch + start * cycle, (end - start) * cycle});
  }
  /// Whether the core has a block to copy for; takes the next one if it has none.
  bool nextBlock(CoreState &core);
  void copy(unsigned index, double now);
  double firstTouch(std::vector<double> &arrivals, size_t chunk, double now, double bytes);
  void tryBegin(unsigned index, double now);
  void begin(unsigned index, double now);
  void end(unsigned index, double now);
  double products(CoreState &core, unsigned index, const BlockIndex &block, int64_t step, double now);

  const TileKernel &kernel;
  const Accelerator &machine;
  const Schedule schedule;
  const KernelTrace &trace;
  const std::function<void(double)> &progress;
  const double latency;
  Server l2;
  Memory dram;
  double macs = 0, matrixBusy = 0;
  int64_t rows = 0, columns = 0, steps = 0, blocks = 0, taken = 0, done = 0;
  bool storesSpill = false;
  /// When each part of the weights, and of activations that do not fit L2, arrives there; below 0: nobody asked yet.
  std::vector<double> weights, activations;
  std::vector<CoreState> cores;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> queue;
  uint64_t order = 0;
};

bool ProductWalk::nextBlock(CoreState &core) {
  if (core.copying.number >= 0 && core.copyStep < steps)
    return true;
  if (taken == blocks)
    return false;
  // Blocks of a wave share columns: rows go first.
  const int64_t number = taken++, inBatch = number % (rows * columns);
  core.copying = {number, number / (rows * columns), inBatch % rows, inBatch / rows};
  core.copyStep = 0;
  return true;
}

/// L2 has what was asked for before; the first to ask waits for DRAM, and those who ask meanwhile with it.
double ProductWalk::firstTouch(std::vector<double> &arrivals, size_t chunk, double now, double bytes) {
  if (arrivals[chunk] < 0)
    arrivals[chunk] = dram.read(now, bytes);
  return arrivals[chunk];
}

void ProductWalk::copy(unsigned index, double now) {
  CoreState &core = cores[index];
  // One copy after the other comes through the core's port.
  if (now < core.portFree)
    return push(core.portFree, Event::Copy, index, core.copied);
  // Those that wait for the port are asked for once more, by the end of a step.
  const bool all = core.copyStep == steps && !machine.asynchronous;
  if (all || !nextBlock(core))
    return;
  const BlockIndex block = core.copying;
  const int64_t step = core.copyStep++, k = width(step);
  const ProductTypes &types = kernel.types;
  const double m = double(std::min(schedule.m, kernel.m - block.row * schedule.m));
  const double n = double(std::min(schedule.n, kernel.n - block.column * schedule.n));
  const double weightBytes = n * double(k) * types.weightBytes, dramBefore = dram.free;
  const double bytes = m * double(k) * types.sharedActivationBytes + weightBytes;
  core.portFree = now + bytes / machine.l2PortBytesPerCycle;
  double ready = std::max(core.portFree, l2.take(now, bytes));
  ready = std::max(
      ready, firstTouch(weights, size_t((block.batch * columns + block.column) * steps + step), now, weightBytes));
  if (!activations.empty())
    ready = std::max(ready, firstTouch(activations, size_t((block.batch * rows + block.row) * steps + step), now,
                                       m * double(k) * types.activationBytes));
  const int64_t stage = core.copied++ % schedule.stages;
  core.stageBlock[stage] = block;
  if (trace) {
    emit("copy", int(index), 0, block, step, now, ready + latency);
    if (dram.free > dramBefore)
      emit("dram", -1, 0, block, step, std::max(now, dramBefore), dram.free);
  }
  // A copy is written as it arrives.
  push(std::max(now, ready + latency - double(k) * schedule.copyBytes / machine.sharedBytesPerCycle), Event::Arrive,
       index, core.copied - 1);
}

void ProductWalk::tryBegin(unsigned index, double now) {
  CoreState &core = cores[index];
  if (core.working || core.begun == core.copied)
    return;
  core.write(now);
  if (core.landed > core.begun) {
    core.working = true;
    push(now, Event::Begin, index, core.begun);
    return;
  }
  // Nothing is read meanwhile: the copies that have arrived are written at the port's rate.
  double ready = std::max(now, core.shared.free);
  for (const Write &write : core.writes) {
    ready += write.cycles;
    if (write.step == core.begun)
      return push(ready, Event::Ready, index, core.begun);
  }
}

/// Reads and products of one step; returns when its last product is done.
double ProductWalk::products(CoreState &core, unsigned index, const BlockIndex &block, int64_t step, double now) {
  const double k = double(width(step)), work = k * double(schedule.m * schedule.n);
  const double bytes = k * schedule.readBytes;
  double last = 0;
  if (machine.asynchronous) {
    // The unit fetches its operands while it multiplies.
    const double read = core.shared.take(now, bytes);
    last = std::max(read, now + work / macs);
    matrixBusy += work / macs;
    if (trace) {
      emit("shared", int(index), 0, block, step, read - bytes / core.shared.rate, read);
      emit("matrix", int(index), 0, block, step, now, now + work / macs);
    }
    return last;
  }
  // Each group of threads reads its fragments, then multiplies them on its unit.
  const double unitMacs = macs / machine.matrixUnits;
  for (unsigned group = 0; group < schedule.groups; ++group) {
    const double read = core.shared.take(now, bytes / schedule.groups);
    double &free = core.unitFree[group % machine.matrixUnits];
    const double start = std::max(free, read + machine.sharedLatencyCycles);
    free = start + work / schedule.groups / unitMacs;
    matrixBusy += (free - start) / machine.matrixUnits;
    last = std::max(last, free);
    if (trace) {
      emit("shared", int(index), 0, block, step, read - bytes / schedule.groups / core.shared.rate, read);
      emit("matrix", int(index), group % machine.matrixUnits, block, step, start, free);
    }
  }
  return last;
}

void ProductWalk::begin(unsigned index, double now) {
  CoreState &core = cores[index];
  const int64_t stage = core.begun % schedule.stages, step = core.begun % steps;
  push(products(core, index, core.stageBlock[stage], step, now), Event::End, index, core.begun);
  ++core.begun;
}

void ProductWalk::end(unsigned index, double now) {
  CoreState &core = cores[index];
  core.working = false;
  const int64_t finished = core.begun - 1;
  if ((finished + 1) % steps != 0) {
    // The stage is free again.
    if (machine.asynchronous || core.copyStep < steps)
      copy(index, now);
    return tryBegin(index, now);
  }
  const BlockIndex block = core.stageBlock[finished % schedule.stages];
  const double m = double(std::min(schedule.m, kernel.m - block.row * schedule.m));
  const double n = double(std::min(schedule.n, kernel.n - block.column * schedule.n));
  const double bytes = m * n * kernel.types.outputBytes;
  const double stored = l2.take(now, bytes);
  core.finished = std::max(core.finished, stored);
  // L2 writes back later; only the kernel's end waits for it.
  if (storesSpill)
    dram.write(stored, bytes);
  if (trace)
    emit("l2", -1, 0, block, steps, stored - bytes / l2.rate, stored);
  ++done;
  if (progress)
    progress(double(done) / double(blocks));
  if (machine.asynchronous) {
    copy(index, now);
    return tryBegin(index, now);
  }
  // The next block of threads begins when this one is gone.
  if (taken < blocks)
    push(stored, Event::Start, index, 0);
}

KernelTime ProductWalk::run() {
  for (unsigned core = 0; core < std::min<int64_t>(machine.cores, blocks); ++core)
    push(0, Event::Start, core, 0);
  KernelTime time;
  while (!queue.empty()) {
    const Event event = queue.top();
    queue.pop();
    ++time.events;
    CoreState &core = cores[event.core];
    switch (event.kind) {
    case Event::Start: {
      // What to do comes first (a load), then the copies of all stages.
      if (!nextBlock(core))
        break;
      const int64_t first = machine.asynchronous ? schedule.stages : std::min<int64_t>(schedule.stages, steps);
      for (int64_t step = 0; step < first; ++step)
        push(event.time + latency, Event::Copy, event.core, step);
      break;
    }
    case Event::Copy: copy(event.core, event.time); break;
    case Event::Arrive: {
      const double bytes = double(width(event.step % steps)) * schedule.copyBytes;
      core.write(event.time);
      core.shared.bytes += bytes;
      core.writes.push_back({event.step, bytes / core.shared.rate});
      tryBegin(event.core, event.time);
      break;
    }
    case Event::Ready: tryBegin(event.core, event.time); break;
    case Event::Begin: begin(event.core, event.time); break;
    case Event::End: end(event.core, event.time); break;
    }
  }
  double cycles = storesSpill ? dram.flushed() : 0, sharedBusy = 0;
  for (const CoreState &core : cores) {
    cycles = std::max(cycles, core.finished);
    sharedBusy += core.shared.busy;
    time.sharedBytes += core.shared.bytes;
  }
  time.seconds = cycles / (machine.clockGHz * 1e9) + machine.launchMicroseconds * 1e-6;
  time.dramBytes = dram.bytes;
  time.l2Bytes = l2.bytes;
  time.matrixBusy = matrixBusy / (cycles * machine.cores);
  time.sharedBusy = sharedBusy / (cycles * machine.cores);
  time.l2Busy = l2.busy / cycles;
  time.dramBusy = dram.busy / cycles;
  time.blocks = blocks;
  return time;
}

/// Bytes in and out in pieces of what a block of threads asks for at once. The launch's time covers the latency (it is
/// that of a kernel with one load).
KernelTime streamKernel(const TileKernel &kernel, const Accelerator &machine) {
  constexpr double kPiece = 32768;
  const double hertz = machine.clockGHz * 1e9;
  double rate = machine.dramBytesPerSecond();
  if (kernel.kind == TileKernel::Strided && machine.stridedGBps != 0)
    rate = std::min(rate, machine.stridedGBps * 1e9);
  if (kernel.kind == TileKernel::DecodeAttention && machine.decodeAttentionGBps != 0)
    rate = std::min(rate, machine.decodeAttentionGBps * 1e9);
  // A measured rate is that of all bytes.
  const bool measured =
      kernel.kind == TileKernel::DecodeAttention || (kernel.kind == TileKernel::Strided && machine.stridedGBps != 0);
  Server l2(machine.l2BytesPerCycle), dram(rate / hertz);
  KernelTime time;
  double cycles = 0;
  for (double operand : kernel.operands) {
    const bool spills = measured || spilledBytes(operand, machine) != 0;
    for (double left = operand; left > 0; left -= kPiece, ++time.events) {
      const double piece = std::min(left, kPiece);
      cycles = std::max({cycles, l2.take(0, piece), spills ? dram.take(0, piece) : 0});
    }
  }
  if (kernel.kind == TileKernel::DecodeAttention)
    cycles += machine.fillCycles;
  time.seconds = cycles / hertz + kernel.launches * machine.launchMicroseconds * 1e-6;
  if (kernel.kind == TileKernel::Norm)
    // The sum of a row is waited for.
    time.seconds +=
        double(kernel.n) * 1e-9 * (kernel.rmsNorm ? machine.rmsNormNanoseconds : machine.layerNormNanoseconds);
  time.dramBytes = dram.bytes;
  time.l2Bytes = l2.bytes;
  time.l2Busy = cycles != 0 ? l2.busy / cycles : 0;
  time.dramBusy = cycles != 0 ? dram.busy / cycles : 0;
  return time;
}

} // namespace

llvm::Expected<KernelTime> lutra::ltc::simulateKernel(const TileKernel &kernel, const Accelerator &machine,
                                                      const KernelTrace &trace,
                                                      const std::function<void(double)> &progress) {
  if (kernel.kind == TileKernel::FlashAttention)
    return llvm::createStringError(
        "kernel '" + kernel.name +
        "' has no kernel level: attention in one kernel has a measured rate, not a schedule");
  if (kernel.kind != TileKernel::Product)
    return streamKernel(kernel, machine);
  if (llvm::Error error = checkRuns(kernel, machine))
    return std::move(error);
  return ProductWalk(kernel, machine, trace, progress).run();
}
