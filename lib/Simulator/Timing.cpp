//===- Timing.cpp - the first timing model --------------------------------===//
//
// The equations of docs/spec/lmma-isa.md, "Timing": in-order issue into the queues of four units (memory, shared memory,
// array, vector), each in order; an instruction starts when it is issued, its unit is free, its sources are ready and the tile
// that it overwrites is no longer needed.
//
//===----------------------------------------------------------------------===//

#include "Format.h"
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
  sharedBusy += other.sharedBusy;
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
  Model(const Kernel &kernel, const Machine &machine, const TraceSink &trace)
      : kernel(kernel), machine(machine), trace(trace), shared(kernel.buffers.size()),
        memory("memory", machine.queueDepth), sharedMemory("shared", machine.queueDepth),
        array("array", machine.queueDepth), vector("vector", machine.queueDepth) {
    for (unsigned file = 0; file < times.size(); ++file)
      times[file].resize(machine.registers(static_cast<RegisterFile>(file)));
  }
  void run(const Block &block);
  Timing finish() const;

private:
  void step(const Instruction &i, const LoopValues &loops);
  void load(const Instruction &i, const LoopValues &loops);
  void store(const Instruction &i, const LoopValues &loops);
  void copy(const Instruction &i, const LoopValues &loops);
  uint64_t vectorOperations(const Instruction &i) const;
  TileTimes &tile(RegisterFile file, unsigned index) { return times[static_cast<unsigned>(file)][index]; }
  uint64_t sectors(uint64_t first, uint64_t bytes) const {
    return bytes == 0 ? 0 : (first + bytes - 1) / machine.dramSectorBytes - first / machine.dramSectorBytes + 1;
  }
  uint64_t bytesMoved(const Instruction &i, const LoopValues &loops) const;
  uint64_t start(Unit &unit, uint64_t earliest, uint64_t occupancy);
  void compute(Unit &unit, uint64_t occupancy, uint64_t latency, TileTimes &dst, bool forwards,
               llvm::ArrayRef<TileTimes *> sources);

  const Kernel &kernel;
  const Machine &machine;
  Block block;
  uint64_t issue = 0, last = 0;
  /// When the last copy of each token arrives.
  std::array<uint64_t, kTokens> arrivals{};
  const TraceSink &trace;
  const Instruction *current = nullptr;
  /// Of each shared buffer.
  std::vector<TileTimes> shared;
  Unit memory, sharedMemory, array, vector;
  std::array<std::vector<TileTimes>, kRegisterFiles> times;
  Timing result;
};

} // namespace

/// What an access moves: of DRAM, whole sectors of the part that lies inside of the buffer (buffers are dense and begin on a
/// sector); of shared memory, its bytes.
uint64_t Model::bytesMoved(const Instruction &i, const LoopValues &loops) const {
  const Buffer &buffer = kernel.buffers[i.address.buffer];
  const uint64_t size = sizeOf(buffer.type);
  llvm::SmallVector<int64_t, 3> index;
  for (const Affine &affine : i.address.indices)
    index.push_back(evaluate(affine, loops));
  uint64_t count = 0, bytes = 0;
  auto add = [&](uint64_t first, uint64_t length) {
    count += sectors(first, length);
    bytes += length;
  };
  if (i.opcode == Opcode::LoadWeights) {
    for (unsigned plane = 0; plane < i.planes; ++plane)
      add(index[0] + plane * i.pitch, machine.planeBytes(i.tables));
  } else if (i.opcode == Opcode::LoadCols) {
    // At an element of a buffer of this type, or at a byte.
    const uint64_t first = index[0] * size, end = buffer.shape[0] * size;
    add(first, std::min<uint64_t>(machine.arrayN * sizeOf(i.type), end - first));
  } else if (i.opcode == Opcode::LoadActs && index.size() == 1) {
    add(index[0] * size, std::clamp<int64_t>(buffer.shape[0] - index[0], 0, i.count) * size);
  } else {
    int64_t run = 1;
    if (i.opcode == Opcode::LoadTable || i.opcode == Opcode::StoreTable)
      run = i.tables * (i.pitch ? i.pitch : machine.entries());
    else if (i.opcode == Opcode::LoadActs)
      run = i.count;
    else if (i.opcode != Opcode::LoadRows && i.opcode != Opcode::StoreRows)
      run = machine.arrayN;
    run = std::clamp<int64_t>(buffer.shape.back() - index.back(), 0, run);
    const int64_t end = buffer.shape[0] == kDynamicRows ? block.rows : buffer.shape[0];
    for (int64_t row = index[0]; row < std::min<int64_t>(index[0] + machine.arrayM, end); ++row) {
      uint64_t element = row + (buffer.shape[0] == kDynamicRows ? block.firstRow : 0);
      for (unsigned dimension = 1; dimension < buffer.shape.size(); ++dimension)
        element = element * buffer.shape[dimension] + index[dimension];
      add(element * size, run * size);
    }
  }
  return buffer.isShared() ? bytes : count * machine.dramSectorBytes;
}

/// Issues into `unit` and returns the cycle in which the instruction starts there.
uint64_t Model::start(Unit &unit, uint64_t earliest, uint64_t occupancy) {
  uint64_t &slot = unit.starts[unit.count++ % unit.starts.size()];
  issue = std::max(issue + 1, slot);
  uint64_t begin = std::max({issue, unit.free, earliest});
  if (trace && current)
    trace({unit.name, unsigned(current - kernel.code.data()), issue, begin, occupancy});
  slot = begin;
  unit.free = begin + occupancy;
  unit.busy += occupancy;
  return begin;
}

void Model::compute(Unit &unit, uint64_t occupancy, uint64_t latency, TileTimes &dst, bool forwards,
                    llvm::ArrayRef<TileTimes *> sources) {
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

void Model::load(const Instruction &i, const LoopValues &loops) {
  const uint64_t bytes = bytesMoved(i, loops);
  TileTimes &target = tile(registersOf(i)[0].file, i.dst);
  if (kernel.buffers[i.address.buffer].isShared()) {
    compute(sharedMemory, uint64_t(std::ceil(double(bytes) / machine.sharedBytesPerCycle)), machine.sharedLatency,
            target, false, {&shared[i.address.buffer]});
  } else {
    result.loadBytes += bytes;
    compute(memory, uint64_t(std::ceil(double(bytes) / machine.dramBytesPerCycle)), machine.dramLatency, target, false,
            {});
  }
  if (i.token >= 0)
    arrivals[i.token] = std::max(arrivals[i.token], target.ready);
}

void Model::store(const Instruction &i, const LoopValues &loops) {
  const uint64_t bytes = bytesMoved(i, loops);
  TileTimes &source = tile(registersOf(i)[0].file, i.dst);
  if (kernel.buffers[i.address.buffer].isShared())
    return compute(sharedMemory, uint64_t(std::ceil(double(bytes) / machine.sharedBytesPerCycle)), 0,
                   shared[i.address.buffer], false, {&source});
  result.storeBytes += bytes;
  const uint64_t cycles = uint64_t(std::ceil(double(bytes) / machine.dramBytesPerCycle));
  const uint64_t begin = start(memory, source.ready, cycles);
  source.released = std::max(source.released, memory.free);
  last = std::max(last, begin + cycles);
}

/// The innermost runs of a box, each of them whole sectors.
void Model::copy(const Instruction &i, const LoopValues &loops) {
  const Buffer &source = kernel.buffers[i.source.buffer];
  const uint64_t size = sizeOf(source.type);
  uint64_t runs = 1, first = 0, length = 0;
  for (auto [dimension, affine] : llvm::enumerate(i.source.indices)) {
    const bool countsRows = source.shape[dimension] == kDynamicRows;
    const int64_t index = evaluate(affine, loops), extent = countsRows ? block.rows : source.shape[dimension];
    const uint64_t inside = std::clamp<int64_t>(extent - index, 0, i.sizes[dimension]);
    first = first * (countsRows ? 1 : source.shape[dimension]) + index;
    (dimension + 1 == i.sizes.size() ? length = inside : runs *= inside);
  }
  const uint64_t bytes = runs * sectors(first * size, length * size) * machine.dramSectorBytes;
  result.loadBytes += bytes;
  compute(memory, uint64_t(std::ceil(double(bytes) / machine.dramBytesPerCycle)), machine.dramLatency,
          shared[i.address.buffer], true, {});
  arrivals[i.token] = std::max(arrivals[i.token], shared[i.address.buffer].ready);
}

/// Operations of the vector unit, one for each lane and cycle.
uint64_t Model::vectorOperations(const Instruction &i) const {
  const uint64_t m = machine.arrayM, n = machine.arrayN, stored = machine.stored();
  switch (i.opcode) {
  case Opcode::SetCols: return n;
  case Opcode::SetRows:
  case Opcode::MulRows: return m;
  // One conversion, one product and two fused multiply-adds for each element.
  case Opcode::Scale: return 4 * m * n;
  // A conversion and a fused multiply-add; of f32 only the latter.
  case Opcode::FmaRows: return (i.type == ElementType::F32 ? 1 : 2) * m * n;
  case Opcode::TableScale: return 4 * m;
  // The f32 operations of their definitions (docs/spec/numerics.md, "Functions").
  case Opcode::Exp: return 20 * m * n;
  case Opcode::Erf: return 16 * m * n;
  case Opcode::Tanh: return 17 * m * n;
  // An operation in f64 takes two lanes: a fused multiply-add for each element; two quotients, a root, a sum, a rounding.
  case Opcode::Squares:
  case Opcode::SquaresMore: return 2 * m * i.count;
  case Opcode::Norm: return 2 * 5 * m;
  case Opcode::MulActs:
  case Opcode::ScaleActs: return m * machine.tablesPerTile * machine.arrayK;
  case Opcode::Sum:
  case Opcode::SumMore: return m * i.tables * machine.arrayK;
  // An addition for each entry, made from its neighbour's, and a comparison; or a product and a rounding.
  case Opcode::Amax:
  case Opcode::AmaxMore: return 2 * m * i.tables * stored;
  case Opcode::Precompute: return m * i.tables * stored;
  case Opcode::Quantize: return 3 * m * i.tables * stored;
  default: return m * n;
  }
}

void Model::step(const Instruction &i, const LoopValues &loops) {
  ++result.instructions;
  current = &i;
  switch (i.opcode) {
  case Opcode::Loop:
  case Opcode::End: ++issue; return;
  // Nothing issues before the last copy with this token has arrived.
  case Opcode::Wait: issue = std::max(issue + 1, arrivals[i.token]); return;
  case Opcode::Copy: return copy(i, loops);
  default: break;
  }
  if (isLoad(i.opcode))
    return load(i, loops);
  if (isStore(i.opcode))
    return store(i, loops);
  llvm::SmallVector<TileTimes *, 6> sources;
  TileTimes *target = nullptr;
  for (const RegisterUse &use : registersOf(i)) {
    if (use.writes && !target)
      target = &tile(use.file, use.index);
    else
      sources.push_back(&tile(use.file, use.index));
  }
  if (i.opcode == Opcode::Lmma) {
    const uint64_t planes = i.weights == WeightKind::FP4 ? 8 : i.planes;
    result.lookups += uint64_t(machine.arrayM) * machine.arrayN * planes;
    compute(array, planes * machine.arrayCyclesPerPlane, machine.arrayLatency, *target, true, sources);
    return;
  }
  compute(vector, llvm::divideCeil(vectorOperations(i), machine.vectorLanes), machine.vectorLatency, *target, false,
          sources);
  if (i.opcode == Opcode::TableScale)
    tile(RegisterFile::Rows, i.src[0]).ready = target->ready;
}

/// The blocks of a core, one after the other.
void Model::run(const Block &next) {
  block = next;
  walk(kernel, block, [&](const Instruction &i, size_t, const LoopValues &loops) {
    step(i, loops);
    return true;
  });
}

Timing Model::finish() const {
  Timing timing = result;
  timing.cycles = machine.launchCycles + std::max(issue, last);
  timing.arrayBusy = array.busy;
  timing.memoryBusy = memory.busy;
  timing.vectorBusy = vector.busy;
  timing.sharedBusy = sharedMemory.busy;
  return timing;
}

Timing lutra::ltc::estimate(const Kernel &kernel, const Machine &machine, int64_t rows, TraceSink trace) {
  // Cores take blocks in turns; the longest one is the launch.
  const std::vector<Block> blocks = blocksOf(kernel, rows);
  const size_t working = std::min<size_t>(machine.cores, std::max<size_t>(blocks.size(), 1));
  // Those that work share the DRAM.
  Machine shared = machine;
  shared.dramBytesPerCycle = std::min(std::max(machine.dramBytesPerCycle, machine.portBytesPerCycle),
                                      machine.dramBytesPerCycle * machine.cores / double(working));
  Timing total;
  for (size_t core = 0; core < working; ++core) {
    Model model(kernel, shared, trace);
    for (size_t index = core; index < blocks.size(); index += machine.cores)
      model.run(blocks[index]);
    Timing part = model.finish();
    const uint64_t longest = std::max(total.cycles, part.cycles);
    total += part;
    total.cycles = longest;
  }
  return total;
}
