//===- Timing.cpp - the first timing model --------------------------------===//
//
// The equations of docs/spec/lmma-isa.md, "Timing": in-order issue into the queues of three units (memory, array,
// vector), each in order; an instruction starts when it is issued, its unit is free, its sources are ready and the tile
// that it overwrites is no longer needed.
//
//===----------------------------------------------------------------------===//

#include "Walk.h"
#include "lutra/Simulator/Simulator.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace lutra::ltc;

Timing &Timing::operator+=(const Timing &other) {
  cycles += other.cycles;
  instructions += other.instructions;
  lookups += other.lookups;
  loadBytes += other.loadBytes;
  storeBytes += other.storeBytes;
  arrayBusy += other.arrayBusy;
  memoryBusy += other.memoryBusy;
  vectorBusy += other.vectorBusy;
  return *this;
}

namespace {

/// When a tile was last written and read, in cycles.
struct TileTimes {
  /// A reader may start; an lmma that adds to the tile may start already at `forward`.
  uint64_t ready = 0, forward = 0;
  /// The last reader has finished with it.
  uint64_t released = 0;
};

struct Unit {
  Unit(const char *name, unsigned depth) : name(name), starts(depth) {}
  const char *name;
  uint64_t free = 0, busy = 0, count = 0;
  /// Start cycles of the last `queueDepth` instructions: issue waits for the slot of the oldest.
  std::vector<uint64_t> starts;
};

class Model {
public:
  Model(const Kernel &kernel, const Machine &machine, int64_t rows, TraceSink trace)
      : kernel(kernel), machine(machine), rows(rows), trace(std::move(trace)), memory("memory", machine.queueDepth),
        array("array", machine.queueDepth), vector("vector", machine.queueDepth) {
    for (unsigned file = 0; file < times.size(); ++file)
      times[file].resize(machine.registers(static_cast<RegisterFile>(file)));
  }
  void step(const Instruction &i, const LoopValues &loops);
  Timing finish() const;

private:
  TileTimes &tile(RegisterFile file, unsigned index) { return times[static_cast<unsigned>(file)][index]; }
  uint64_t sectors(uint64_t first, uint64_t bytes) const {
    return bytes == 0 ? 0 : (first + bytes - 1) / machine.dramSectorBytes - first / machine.dramSectorBytes + 1;
  }
  uint64_t bytesMoved(const Instruction &i, const LoopValues &loops) const;
  uint64_t start(Unit &unit, uint64_t earliest, uint64_t occupancy);
  void compute(Unit &unit, uint64_t occupancy, uint64_t latency, TileTimes &dst, bool forwards,
               std::initializer_list<TileTimes *> sources);

  const Kernel &kernel;
  const Machine &machine;
  int64_t rows;
  uint64_t issue = 0, last = 0;
  /// When the last copy of each token arrives.
  std::array<uint64_t, kTokens> arrivals{};
  TraceSink trace;
  const Instruction *current = nullptr;
  Unit memory, array, vector;
  std::array<std::vector<TileTimes>, 7> times;
  Timing result;
};

} // namespace

/// Whole sectors of the part of the access that lies inside of the buffer; buffers are dense and begin on a sector.
uint64_t Model::bytesMoved(const Instruction &i, const LoopValues &loops) const {
  const Buffer &buffer = kernel.buffers[i.address.buffer];
  const uint64_t size = sizeOf(buffer.type);
  llvm::SmallVector<int64_t, 3> index;
  for (const Affine &affine : i.address.indices)
    index.push_back(evaluate(affine, loops));
  uint64_t count = 0;
  if (i.opcode == Opcode::LoadWeights) {
    for (unsigned plane = 0; plane < i.planes; ++plane)
      count += sectors(index[0] + plane * i.pitch, uint64_t(i.tables) / 2 * machine.arrayN);
  } else if (i.opcode == Opcode::LoadCols) {
    count = sectors(index[0], machine.arrayN * sizeOf(i.type));
  } else {
    int64_t run = i.opcode == Opcode::LoadTable ? i.tables * 16 : i.opcode == Opcode::LoadRows ? 1 : machine.arrayN;
    run = std::min(run, buffer.shape.back() - index.back());
    for (int64_t row = index[0]; row < std::min<int64_t>(index[0] + machine.arrayM, rows); ++row) {
      uint64_t element = row;
      for (unsigned dimension = 1; dimension < buffer.shape.size(); ++dimension)
        element = element * buffer.shape[dimension] + index[dimension];
      count += sectors(element * size, run * size);
    }
  }
  return count * machine.dramSectorBytes;
}

/// Issues into `unit` and returns the cycle in which the instruction starts there.
uint64_t Model::start(Unit &unit, uint64_t earliest, uint64_t occupancy) {
  uint64_t &slot = unit.starts[unit.count++ % unit.starts.size()];
  issue = std::max(issue + 1, slot);
  uint64_t begin = std::max({issue, unit.free, earliest});
  if (trace)
    trace({unit.name, unsigned(current - kernel.code.data()), issue, begin, occupancy});
  slot = begin;
  unit.free = begin + occupancy;
  unit.busy += occupancy;
  return begin;
}

void Model::compute(Unit &unit, uint64_t occupancy, uint64_t latency, TileTimes &dst, bool forwards,
                    std::initializer_list<TileTimes *> sources) {
  uint64_t earliest = std::max(dst.released, forwards ? dst.forward : dst.ready);
  for (TileTimes *source : sources)
    earliest = std::max(earliest, source->ready);
  uint64_t begin = start(unit, earliest, occupancy);
  for (TileTimes *source : sources)
    source->released = std::max(source->released, begin + occupancy);
  dst.ready = begin + occupancy + latency;
  dst.forward = forwards ? begin + occupancy : dst.ready;
  last = std::max(last, dst.ready);
}

void Model::step(const Instruction &i, const LoopValues &loops) {
  ++result.instructions;
  current = &i;
  const RegisterFile acc = isFloat(i.type) ? RegisterFile::AccF32 : RegisterFile::AccI32;
  const uint64_t tileElements = uint64_t(machine.arrayM) * machine.arrayN;
  auto vectorCycles = [&](uint64_t operations) { return llvm::divideCeil(operations, machine.vectorLanes); };
  auto transferCycles = [&](uint64_t bytes) { return uint64_t(std::ceil(double(bytes) / machine.dramBytesPerCycle)); };
  auto load = [&](RegisterFile file) {
    uint64_t bytes = bytesMoved(i, loops);
    result.loadBytes += bytes;
    compute(memory, transferCycles(bytes), machine.dramLatency, tile(file, i.dst), false, {});
    if (i.token >= 0)
      arrivals[i.token] = std::max(arrivals[i.token], tile(file, i.dst).ready);
  };
  switch (i.opcode) {
  case Opcode::LoadTable: return load(RegisterFile::Table);
  case Opcode::LoadRows: return load(RegisterFile::Rows);
  case Opcode::LoadWeights: return load(RegisterFile::Weight);
  case Opcode::LoadCols: return load(RegisterFile::Cols);
  case Opcode::Store: {
    uint64_t bytes = bytesMoved(i, loops);
    result.storeBytes += bytes;
    TileTimes &source = tile(RegisterFile::AccF32, i.dst);
    uint64_t begin = start(memory, source.ready, transferCycles(bytes));
    source.released = std::max(source.released, memory.free);
    last = std::max(last, begin + transferCycles(bytes));
    return;
  }
  case Opcode::SetCols:
    return compute(vector, vectorCycles(machine.arrayN), machine.vectorLatency, tile(RegisterFile::Cols, i.dst), false,
                   {});
  case Opcode::Zero:
    return compute(vector, vectorCycles(tileElements), machine.vectorLatency, tile(acc, i.dst), false, {});
  case Opcode::Lmma:
    result.lookups += tileElements * i.planes;
    return compute(array, uint64_t(i.planes) * machine.arrayCyclesPerPlane, machine.arrayLatency, tile(acc, i.dst),
                   true, {&tile(RegisterFile::Table, i.src[0]), &tile(RegisterFile::Weight, i.src[1])});
  case Opcode::Shift:
    return compute(vector, vectorCycles(tileElements), machine.vectorLatency, tile(RegisterFile::AccF32, i.dst), false,
                   {&tile(RegisterFile::AccF32, i.src[0])});
  case Opcode::Scale:
    // One conversion, one product and two fused multiply-adds for each element.
    return compute(vector, vectorCycles(4 * tileElements), machine.vectorLatency, tile(RegisterFile::AccF32, i.dst),
                   false,
                   {&tile(acc, i.src[0]), &tile(RegisterFile::Rows, i.src[1]), &tile(RegisterFile::Rows, i.src[2]),
                    &tile(RegisterFile::Cols, i.src[3]), &tile(RegisterFile::Cols, i.src[4])});
  case Opcode::FmaRows:
    // A conversion and a fused multiply-add; of f32 only the latter.
    return compute(vector, vectorCycles((i.type == ElementType::F32 ? 1 : 2) * tileElements), machine.vectorLatency,
                   tile(RegisterFile::AccF32, i.dst), false,
                   {&tile(acc, i.src[0]), &tile(RegisterFile::Rows, i.src[1])});
  case Opcode::FmaCols:
    return compute(vector, vectorCycles(tileElements), machine.vectorLatency, tile(RegisterFile::AccF32, i.dst), false,
                   {&tile(RegisterFile::AccF32, i.src[0]), &tile(RegisterFile::Cols, i.src[1])});
  case Opcode::FmaOuter:
    return compute(vector, vectorCycles(tileElements), machine.vectorLatency, tile(RegisterFile::AccF32, i.dst), false,
                   {&tile(RegisterFile::Rows, i.src[0]), &tile(RegisterFile::Cols, i.src[1])});
  case Opcode::Loop:
  case Opcode::End: ++issue; return;
  // Nothing issues before the last copy with this token has arrived.
  case Opcode::Wait: issue = std::max(issue + 1, arrivals[i.token]); return;
  }
  llvm_unreachable("unknown opcode");
}

Timing Model::finish() const {
  Timing timing = result;
  timing.cycles = machine.launchCycles + std::max(issue, last);
  timing.arrayBusy = array.busy;
  timing.memoryBusy = memory.busy;
  timing.vectorBusy = vector.busy;
  return timing;
}

Timing lutra::ltc::estimate(const Kernel &kernel, const Machine &machine, int64_t rows, TraceSink trace) {
  Model model(kernel, machine, rows, std::move(trace));
  walk(kernel, rows, [&](const Instruction &i, size_t, const LoopValues &loops) { model.step(i, loops); });
  return model.finish();
}
