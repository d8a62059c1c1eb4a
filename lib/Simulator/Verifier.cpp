//===- Verifier.cpp - what a program must satisfy before it runs ----------===//
//
// One walk over each kernel with the range of every loop register. All ranges but the rows M are constants, and rows
// past M are defined to read as zero and not to be stored, so every access is decided here. Copies and their waits are
// followed by the state; the rules of single instructions are in VerifierRules.cpp.
//
//===----------------------------------------------------------------------===//

#include "KernelVerifier.h"

#include "llvm/Support/ErrorHandling.h"

#include <limits>
#include <numeric>

using namespace lutra::ltc;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

unsigned Machine::registers(RegisterFile file) const {
  switch (file) {
  case RegisterFile::Table: return tableTiles;
  case RegisterFile::Weight: return weightTiles;
  case RegisterFile::AccI32: return i32Tiles;
  case RegisterFile::AccF32: return f32Tiles;
  case RegisterFile::Rows: return rowTiles;
  case RegisterFile::Cols: return colTiles;
  case RegisterFile::Loop: return loopRegisters;
  case RegisterFile::Acts: return actTiles;
  case RegisterFile::Sums: return sumTiles;
  }
  llvm_unreachable("unknown register file");
}

Error Machine::check() const {
  auto inside = [](unsigned value, unsigned most) { return value >= 1 && value <= most; };
  if (inside(arrayM, 16) && inside(arrayN, 256) && inside(arrayK, 8) && queueDepth >= 1 && cores >= 1)
    return Error::success();
  return llvm::createStringError("machine '" + name + "': the array needs m of 1 to 16, n of 1 to 256 and k of 1 to 8, and the "
                                 "machine a queue and a core of at least 1; found " + arrayName());
}

Error KernelVerifier::inFile(RegisterFile file, unsigned index) const {
  unsigned count = machine.registers(file);
  if (index < count)
    return Error::success();
  char letter = letterOf(file);
  return error("register " + Twine(letter) + Twine(index) + " does not exist; machine '" + machine.name + "' has " +
               Twine(letter) + "0 to " + Twine(letter) + Twine(count - 1));
}

/// An error when a copy into the register has not been waited for.
Error KernelVerifier::waited(RegisterFile file, unsigned index) const {
  const Tile &tile = state.tiles[static_cast<unsigned>(file)][index];
  if (tile.token < 0 || !hazards)
    return Error::success();
  return error("the copy into " + Twine(letterOf(file)) + Twine(index) + " at address " + Twine(tile.copiedAt) +
               " has not been waited for; put 'wait " + Twine(tile.token) + "' before this");
}

Error KernelVerifier::read(RegisterFile file, unsigned index) {
  if (Error failure = inFile(file, index))
    return failure;
  if (Error failure = waited(file, index))
    return failure;
  if (!tile(file, index).written)
    return error(Twine(letterOf(file)) + Twine(index) + " is read, but nothing has written it on every way here");
  return Error::success();
}

Error KernelVerifier::tokenExists(int32_t token) const {
  if (token < int32_t(kTokens))
    return Error::success();
  return error("token " + Twine(token) + " does not exist; the machine has 0 to " + Twine(kTokens - 1));
}

Error KernelVerifier::write(RegisterFile file, unsigned index, Tile value, int32_t token) {
  if (Error failure = inFile(file, index))
    return failure;
  if (Error failure = waited(file, index))
    return failure;
  if (Error failure = tokenExists(token))
    return failure;
  value.written = true;
  value.token = token;
  value.copiedAt = at;
  tile(file, index) = value;
  return Error::success();
}

/// An error when a copy into the shared buffer is on its way.
Error KernelVerifier::arrived(unsigned buffer) const {
  if (!hazards)
    return Error::success();
  for (auto [token, copiedAt] : llvm::enumerate(state.shared[buffer].copies))
    if (copiedAt >= 0)
      return error("the copy into '" + Twine(kernel.buffers[buffer].name) + "' at address " + Twine(copiedAt) +
                   " has not been waited for; put 'wait " + Twine(token) + "' before this");
  return Error::success();
}

Error KernelVerifier::readShared(unsigned buffer) {
  if (!kernel.buffers[buffer].isShared())
    return Error::success();
  if (Error failure = arrived(buffer))
    return failure;
  if (!state.shared[buffer].written)
    return error("'" + Twine(kernel.buffers[buffer].name) + "' is read, but nothing has written it on every way here");
  return Error::success();
}

Error KernelVerifier::copyShared(unsigned buffer, int32_t token) {
  if (token < 0)
    return error("expected a token of 0 to " + Twine(kTokens - 1) + ", but found " + Twine(token));
  if (Error failure = tokenExists(token))
    return failure;
  Shared &shared = state.shared[buffer];
  for (auto [other, copiedAt] : llvm::enumerate(shared.copies))
    if (hazards && copiedAt >= 0 && int32_t(other) != token)
      return error("the copy into '" + Twine(kernel.buffers[buffer].name) + "' at address " + Twine(copiedAt) +
                   " has another token and has not been waited for; put 'wait " + Twine(other) + "' before this");
  shared.written = true;
  shared.copies[token] = at;
  return Error::success();
}

void KernelVerifier::wait(int32_t token) {
  for (auto &file : state.tiles)
    for (Tile &tile : file)
      if (tile.token == token)
        tile.token = -1;
  for (Shared &shared : state.shared)
    shared.copies[token] = -1;
}

/// The values that an index can have; `known` is whether they do not depend on M.
llvm::Expected<KernelVerifier::Range> KernelVerifier::rangeOf(const Affine &index) const {
  Range range{index.constant, index.constant, true};
  for (auto [number, coefficient] : llvm::enumerate(index.coefficients)) {
    if (coefficient == 0)
      continue;
    auto found = llvm::find_if(loops, [&, index = number](const OpenLoop &open) { return open.index == index; });
    if (found == loops.end())
      return error("r" + Twine(number) + " is not the register of a loop that is open here");
    range.known &= found->known;
    range.low += coefficient > 0 ? coefficient * found->first : coefficient * found->last;
    range.high += coefficient > 0 ? coefficient * found->last : coefficient * found->first;
  }
  return range;
}

/// Checks that the tile of `extents` elements at `address` is inside of the buffer. The first dimension of a buffer of M
/// rows may pass M; with `clipColumns`, the last one may pass its end, and with `mayBegin` even begin there.
Error KernelVerifier::access(const Address &address, ElementType type, llvm::ArrayRef<int64_t> extents, bool rows,
                             bool clipColumns, bool mayBegin) {
  const Buffer &buffer = kernel.buffers[address.buffer];
  if (buffer.type != type)
    return error("buffer '" + Twine(buffer.name) + "' holds " + toString(buffer.type) + "; expected " + toString(type));
  if (buffer.shape.size() != extents.size() || address.indices.size() != extents.size())
    return error("expected a buffer of " + Twine(extents.size()) + " dimensions and as many indices, but '" +
                 buffer.name + "' has " + Twine(buffer.shape.size()) + " and the address " +
                 Twine(address.indices.size()));
  if (!buffer.isShared() && rows != (buffer.shape[0] == kDynamicRows))
    return error("the first size of buffer '" + Twine(buffer.name) + "' must " +
                 (rows ? "be M" : "be a number, not M"));
  for (auto [dimension, index] : llvm::enumerate(address.indices)) {
    const bool clips = clipColumns && dimension + 1 == extents.size();
    const int64_t reach = clips && mayBegin ? std::numeric_limits<int32_t>::min() : clips ? 1 : extents[dimension];
    if (Error failure = inside(buffer, dimension, index, reach))
      return failure;
  }
  return Error::success();
}

/// Checks that `index` and the `extent - 1` after it are inside of one dimension.
Error KernelVerifier::inside(const Buffer &buffer, size_t dimension, const Affine &index, int64_t extent) {
  llvm::Expected<Range> range = rangeOf(index);
  if (!range)
    return range.takeError();
  if (range->low < 0)
    return error("index " + Twine(dimension) + " of '" + buffer.name + "' can be " + Twine(range->low) +
                 "; it must not be negative");
  if (buffer.shape[dimension] == kDynamicRows)
    return Error::success();
  if (!range->known)
    return error("index " + Twine(dimension) + " of '" + buffer.name +
                 "' counts rows; only the first index of a buffer with M rows may, or one in a grid's blocks");
  if (range->high + extent > buffer.shape[dimension])
    return error("index " + Twine(dimension) + " of '" + buffer.name + "' reaches " + Twine(range->high + extent - 1) +
                 ", but its size is " + Twine(buffer.shape[dimension]));
  return Error::success();
}

/// Whether every value of the index is a multiple of `align` elements.
bool KernelVerifier::isAligned(const Affine &index, int64_t align) const {
  bool aligned = index.constant % align == 0;
  for (int64_t coefficient : index.coefficients)
    aligned &= coefficient % align == 0;
  return aligned;
}

/// An access to `extent` bytes of a flat buffer of bytes.
Error KernelVerifier::bytes(const Address &address, int64_t extent, int64_t align) {
  if (Error failure = access(address, ElementType::I8, {extent}, /*rows=*/false))
    return failure;
  return isAligned(address.indices[0], align) ? Error::success()
                                              : error("the byte index must be a multiple of " + Twine(align));
}

Error KernelVerifier::loop(const Instruction &i) {
  if (Error failure = inFile(RegisterFile::Loop, i.dst))
    return failure;
  if (i.step < 1)
    return error("expected a step of at least 1, but found " + Twine(i.step));
  for (const OpenLoop &open : loops)
    if (open.index == i.dst)
      return error("r" + Twine(i.dst) + " counts an outer loop; take another register");
  if (!i.lower.rowsMultiple && i.lower.constant < 0)
    return error("expected a lower bound of at least 0, but found " + Twine(i.lower.constant));
  // In a block of a grid, rows are at most as many as a block has.
  const int64_t most = kernel.grid.columns ? kernel.grid.rows : 0;
  const bool countsRows = i.lower.rowsMultiple || i.upper.rowsMultiple;
  OpenLoop open{i.dst, !countsRows || most > 0, 0, 0, false, {}};
  open.first = i.lower.rowsMultiple ? 0 : i.lower.constant;
  const int64_t upper = i.upper.evaluate(most);
  open.mayBeEmpty = countsRows || i.lower.constant >= i.upper.constant;
  // The counter is `first` and multiples of what divides both the step and the lower bound.
  const int64_t unit = i.lower.rowsMultiple ? std::gcd(i.step, i.lower.rowsMultiple) : i.step;
  open.last = upper <= open.first ? open.first : open.first + (upper - 1 - open.first) / unit * unit;
  open.before = state;
  loops.push_back(std::move(open));
  return Error::success();
}

Error KernelVerifier::end() {
  OpenLoop closed = std::move(loops.back());
  loops.pop_back();
  // The next iteration begins with what this one leaves: the body is checked once, for all of them.
  if (hazards && !state.hasCopiesOf(closed.before))
    return error("the copies on their way at the end of this loop must be those at its start; wait for the others "
                 "inside of it");
  if (closed.mayBeEmpty)
    state = std::move(closed.before);
  return Error::success();
}

bool VerifierState::hasCopiesOf(const VerifierState &other) const {
  for (auto [mine, theirs] : llvm::zip_equal(tiles, other.tiles))
    for (auto [one, two] : llvm::zip_equal(mine, theirs))
      if (one.token != two.token)
        return false;
  for (auto [mine, theirs] : llvm::zip_equal(shared, other.shared))
    for (auto [one, two] : llvm::zip_equal(mine.copies, theirs.copies))
      if ((one < 0) != (two < 0))
        return false;
  return true;
}

KernelVerifier::KernelVerifier(const Kernel &kernel, const Machine &machine, bool hazards)
    : kernel(kernel), machine(machine), hazards(hazards) {
  for (unsigned file = 0; file < kRegisterFiles; ++file)
    state.tiles[file].resize(machine.registers(static_cast<RegisterFile>(file)));
  state.shared.resize(kernel.buffers.size());
}

Error KernelVerifier::run() {
  auto kernelError = [&](const Twine &message) {
    return llvm::createStringError("kernel '" + kernel.name + "': " + message);
  };
  if (kernel.sharedBytes() > machine.sharedBytes)
    return kernelError("its shared buffers take " + Twine(kernel.sharedBytes()) + " bytes, but machine '" +
                       machine.name + "' has " + Twine(machine.sharedBytes) + "; make its tiles smaller");
  if (const Grid &grid = kernel.grid; grid.columns) {
    if (grid.reg >= machine.loopRegisters || grid.columns < 1 || grid.rows < 0 || grid.swizzle < 1)
      return kernelError("the grid needs a loop register of the machine, columns and a swizzle of at least 1");
    loops.push_back({grid.reg, true, 0, grid.columns - 1, false, {}});
  }
  // A program for another array fails everywhere: this says why.
  for (const Instruction &i : kernel.code) {
    if (i.opcode == Opcode::Lmma && (i.m != machine.arrayM || i.n != machine.arrayN || i.k != machine.arrayK))
      return error("machine '" + Twine(machine.name) + "' has an " + machine.arrayName() + " array");
    ++at;
  }
  at = 0;
  for (const Instruction &i : kernel.code) {
    for (const Address *address : {&i.address, &i.source})
      if (address->buffer >= kernel.buffers.size() &&
          (!address->indices.empty() || isLoad(i.opcode) || isStore(i.opcode) || i.opcode == Opcode::Copy))
        return error("buffer " + Twine(address->buffer) + " does not exist; the kernel declares " +
                     Twine(kernel.buffers.size()));
    if (Error failure = check(i))
      return failure;
    ++at;
  }
  return Error::success();
}

Error lutra::ltc::verify(const Program &program, const Machine &machine, bool hazards) {
  if (Error failure = machine.check())
    return failure;
  if (program.version != kProgramVersion)
    return llvm::createStringError("program version " + Twine(program.version) + " is not supported; expected " +
                                   Twine(kProgramVersion));
  for (const Kernel &kernel : program.kernels)
    if (Error failure = KernelVerifier(kernel, machine, hazards).run())
      return failure;
  return Error::success();
}
