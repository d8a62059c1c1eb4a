//===- VerifierRules.cpp - the rules of single instructions ---------------===//

#include "Format.h"
#include "KernelVerifier.h"

using namespace lutra::ltc;
using llvm::Error;
using llvm::Twine;

/// Bytes that a copy's runs begin at and consist of: what asynchronous copies of GPUs move at least.
static constexpr int64_t kCopyBytes = 4;

/// Reads and writes the registers of `i`; what is written is `written`.
Error KernelVerifier::registers(const Instruction &i, Tile written) {
  const llvm::SmallVector<RegisterUse, 6> uses = registersOf(i);
  for (const RegisterUse &use : uses)
    if (use.reads)
      if (Error failure = read(use.file, use.index))
        return failure;
  for (const RegisterUse &use : uses)
    if (use.writes)
      if (Error failure = write(use.file, use.index, written, isLoad(i.opcode) ? i.token : -1))
        return failure;
  return Error::success();
}

/// Rules of the lmma itself, whose registers have been read.
Error KernelVerifier::lmma(const Instruction &i) {
  if (i.planes < 1 || i.planes > 8)
    return error("expected weights of 1 to 8 bits, but found w" + Twine(i.planes));
  if (Error failure = registers(i, {}))
    return failure;
  const Tile &table = tile(RegisterFile::Table, i.src[0]), &weight = tile(RegisterFile::Weight, i.src[1]);
  if (table.type != i.type)
    return error("t" + Twine(i.src[0]) + " holds " + toString(table.type) + " entries; expected " + toString(i.type));
  if (i.table >= table.tables)
    return error("t" + Twine(i.src[0]) + " holds tables 0 to " + Twine(table.tables - 1) +
                 ", but the instruction names table " + Twine(i.table));
  if (i.weightTable >= weight.tables)
    return error("w" + Twine(i.src[1]) + " holds the codes of tables 0 to " + Twine(weight.tables - 1) +
                 ", but the instruction names table " + Twine(i.weightTable));
  if (i.plane + i.planes > weight.planes)
    return error("w" + Twine(i.src[1]) + " holds planes 0 to " + Twine(weight.planes - 1) +
                 ", but the instruction reads plane " + Twine(i.plane + i.planes - 1));
  return Error::success();
}

/// A box of a buffer in DRAM into a shared one of the same element type and rank.
Error KernelVerifier::copy(const Instruction &i) {
  const Buffer &to = kernel.buffers[i.address.buffer], &from = kernel.buffers[i.source.buffer];
  const size_t rank = to.shape.size();
  if (!to.isShared() || from.isShared())
    return error("a copy goes from a buffer in DRAM to a shared one");
  if (to.type != from.type || from.shape.size() != rank || i.address.indices.size() != rank ||
      i.source.indices.size() != rank || i.sizes.size() != rank)
    return error("expected two buffers of the same type and rank, and as many indices and sizes");
  for (int64_t size : i.sizes)
    if (size < 1)
      return error("expected sizes of at least 1, but found " + Twine(size));
  if (Error failure = access(i.address, to.type, i.sizes, /*rows=*/false))
    return failure;
  // What is past the end of the source arrives as zeros; where it begins must be inside.
  for (auto [dimension, index] : llvm::enumerate(i.source.indices))
    if (Error failure = inside(from, dimension, index, 1))
      return failure;
  const int64_t align = std::max<int64_t>(1, kCopyBytes / sizeOf(to.type));
  bool aligned = i.sizes.back() % align == 0 && isAligned(i.address.indices.back(), align) &&
                 isAligned(i.source.indices.back(), align);
  if (rank > 1)
    aligned &= to.shape.back() % align == 0 && from.shape.back() % align == 0;
  if (!aligned)
    return error("a copy moves words of " + Twine(kCopyBytes) +
                 " bytes: its last indices, size and dimensions must be multiples of " + Twine(align));
  return copyShared(i.address.buffer, i.token);
}

/// What an instruction's numbers and addresses must satisfy.
Error KernelVerifier::operands(const Instruction &i) {
  const int64_t m = machine.arrayM, n = machine.arrayN, stored = machine.stored();
  auto tables = [&]() -> Error {
    if (i.tables < 1 || i.tables > machine.tablesPerTile)
      return error("expected 1 to " + Twine(machine.tablesPerTile) + " tables in a tile, but found " + Twine(i.tables));
    if (i.first + uint64_t(i.tables) > machine.tablesPerTile)
      return error("a tile has the activations of " + Twine(machine.tablesPerTile) +
                   " tables, but the instruction reads table " + Twine(i.first + i.tables - 1));
    return Error::success();
  };
  switch (i.opcode) {
  case Opcode::LoadTable:
  case Opcode::StoreTable: {
    if (Error failure = tables())
      return failure;
    const int64_t pitch = i.pitch ? i.pitch : machine.entries();
    if (pitch < stored)
      return error("expected a pitch of at least " + Twine(stored) + ", the stored half of a table, but found " +
                   Twine(pitch));
    return access(i.address, i.type, {m, 1, i.pitch ? (i.tables - 1) * pitch + stored : i.tables * pitch}, true);
  }
  case Opcode::LoadRows:
  case Opcode::StoreRows: return access(i.address, ElementType::F32, {m, 1}, true);
  case Opcode::LoadActs:
    if (i.count < 1 || i.count > machine.tablesPerTile * machine.arrayK)
      return error("expected 1 to " + Twine(machine.tablesPerTile * machine.arrayK) +
                   " activations in a tile, but found " + Twine(i.count));
    // A group that is left may end before its padding begins.
    if (kernel.buffers[i.address.buffer].shape.size() == 1)
      return access(i.address, i.type, {i.count}, false, /*clipColumns=*/true, /*mayBegin=*/true);
    return access(i.address, i.type, {m, i.count}, true, /*clipColumns=*/true, /*mayBegin=*/true);
  case Opcode::LoadTile: return access(i.address, i.type, {m, n}, true, /*clipColumns=*/true);
  case Opcode::Store: return access(i.address, i.type, {m, n}, true, /*clipColumns=*/true);
  case Opcode::LoadWeights: {
    if (Error failure = tables())
      return failure;
    if (i.planes < 1 || i.planes > machine.planesPerTile)
      return error("expected 1 to " + Twine(machine.planesPerTile) + " planes in a tile, but found " + Twine(i.planes));
    if (i.tables % 2 && machine.arrayK <= 4)
      return error("a byte holds the codes of two tables: expected an even number of tables, but found " +
                   Twine(i.tables));
    const int64_t run = machine.planeBytes(i.tables);
    if (i.planes > 1 && i.pitch < run)
      return error("expected a pitch of at least " + Twine(run) + " bytes, the codes of one plane, but found " +
                   Twine(i.pitch));
    return bytes(i.address, (i.planes - 1) * i.pitch + run, 1);
  }
  case Opcode::LoadCols:
    // Of bytes, or of columns that may pass the buffer's end.
    if (i.type != ElementType::I8 && kernel.buffers[i.address.buffer].type == i.type)
      return access(i.address, i.type, {n}, /*rows=*/false, /*clipColumns=*/true);
    return bytes(i.address, n * sizeOf(i.type), sizeOf(i.type));
  case Opcode::Sum:
  case Opcode::SumMore:
  case Opcode::Amax:
  case Opcode::AmaxMore:
  case Opcode::Precompute:
  case Opcode::Quantize: return tables();
  case Opcode::Squares:
  case Opcode::SquaresMore:
    if (i.count < 1 || i.count > machine.tablesPerTile * machine.arrayK)
      return error("expected 1 to " + Twine(machine.tablesPerTile * machine.arrayK) + " activations of a tile, but found " +
                   Twine(i.count));
    return Error::success();
  case Opcode::Norm:
    return i.count < 1 ? error("expected the number of the elements whose squares were added, but found 0") : Error::success();
  case Opcode::Shift:
    return i.plane > 7 ? error("expected a plane of 0 to 7, but found " + Twine(i.plane)) : Error::success();
  default: return Error::success();
  }
}

Error KernelVerifier::check(const Instruction &i) {
  switch (i.opcode) {
  case Opcode::Loop: return loop(i);
  case Opcode::End: return end();
  case Opcode::Lmma: return lmma(i);
  case Opcode::Copy: return copy(i);
  case Opcode::Wait:
    if (i.token < 0)
      return error("token " + Twine(i.token) + " does not exist; the machine has 0 to " + Twine(kTokens - 1));
    if (Error failure = tokenExists(i.token))
      return failure;
    wait(i.token);
    return Error::success();
  default: break;
  }
  if (Error failure = operands(i))
    return failure;
  if (isLoad(i.opcode))
    if (Error failure = readShared(i.address.buffer))
      return failure;
  if (isStore(i.opcode) && kernel.buffers[i.address.buffer].isShared()) {
    if (Error failure = arrived(i.address.buffer))
      return failure;
    state.shared[i.address.buffer].written = true;
  }
  if (i.opcode == Opcode::StoreTable) {
    if (Error failure = registers(i, {}))
      return failure;
    const Tile &table = tile(RegisterFile::Table, i.dst);
    if (table.type != i.type || i.tables > table.tables)
      return error("t" + Twine(i.dst) + " holds " + Twine(table.tables) + " tables of " + toString(table.type));
    return Error::success();
  }
  return registers(i, {true, i.opcode == Opcode::LoadWeights ? ElementType::I8 : i.type, i.planes, i.tables});
}
