//===- Verifier.cpp - what a program must satisfy before it runs ----------===//
//
// One walk over each kernel with the range of every loop register. All ranges but the rows M are constants, and rows
// past M are defined to read as zero and not to be stored, so every access is decided here.
//
//===----------------------------------------------------------------------===//

#include "lutra/Simulator/Machine.h"

#include "llvm/Support/ErrorHandling.h"

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
  }
  llvm_unreachable("unknown register file");
}

namespace {

constexpr unsigned kFiles = 7;
constexpr int64_t kTableEntries = 16;

/// What is known of a register tile.
struct Tile {
  bool written = false;
  ElementType type = ElementType::F32;
  unsigned planes = 0, tables = 0;
  /// The token of the copy that is on its way here, and the address of that copy; -1 when it has been waited for.
  int32_t token = -1;
  unsigned copiedAt = 0;
};

/// A loop that is open: its register takes values from `first` to `last` (when constant).
struct OpenLoop {
  unsigned index;
  bool constant;
  int64_t first, last;
  /// The tiles as they were before the loop, when its body may not run at all.
  bool mayBeEmpty;
  std::array<std::vector<Tile>, kFiles> before;
  /// The copies on their way at the start of the body.
  std::array<std::vector<int32_t>, kFiles> tokens;
};

class KernelVerifier {
public:
  KernelVerifier(const Kernel &kernel, const Machine &machine) : kernel(kernel), machine(machine) {
    for (unsigned file = 0; file < kFiles; ++file)
      tiles[file].resize(machine.registers(static_cast<RegisterFile>(file)));
  }
  Error run();

private:
  Error check(const Instruction &i);
  Error loop(const Instruction &i);
  Error end();
  Error error(const Twine &message) const { return kernel.errorAt(at, message); }
  Error inFile(RegisterFile file, unsigned index) const;
  Error read(RegisterFile file, unsigned index);
  Error write(RegisterFile file, unsigned index, Tile tile, int32_t token = -1);
  Error waited(RegisterFile file, unsigned index) const;
  std::array<std::vector<int32_t>, kFiles> tokens() const;
  Error access(const Address &address, ElementType type, llvm::ArrayRef<int64_t> extents, bool rows,
               bool clipColumns = false);
  Error bytes(const Address &address, int64_t extent, int64_t align);
  Tile &tile(RegisterFile file, unsigned index) { return tiles[static_cast<unsigned>(file)][index]; }

  const Kernel &kernel;
  const Machine &machine;
  unsigned at = 0;
  std::array<std::vector<Tile>, kFiles> tiles;
  std::vector<OpenLoop> loops;
};

} // namespace

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
  const Tile &tile = tiles[static_cast<unsigned>(file)][index];
  if (tile.token < 0)
    return Error::success();
  return error("the copy into " + Twine(letterOf(file)) + Twine(index) + " at address " + Twine(tile.copiedAt) +
               " has not been waited for; put 'wait " + Twine(tile.token) + "' before this");
}

std::array<std::vector<int32_t>, kFiles> KernelVerifier::tokens() const {
  std::array<std::vector<int32_t>, kFiles> result;
  for (unsigned file = 0; file < kFiles; ++file)
    for (const Tile &tile : tiles[file])
      result[file].push_back(tile.token);
  return result;
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

Error KernelVerifier::write(RegisterFile file, unsigned index, Tile value, int32_t token) {
  if (Error failure = inFile(file, index))
    return failure;
  if (Error failure = waited(file, index))
    return failure;
  if (token >= int32_t(kTokens))
    return error("token " + Twine(token) + " does not exist; the machine has 0 to " + Twine(kTokens - 1));
  value.written = true;
  value.token = token;
  value.copiedAt = at;
  tile(file, index) = value;
  return Error::success();
}

/// Checks that the tile of `extents` elements at `address` is inside of the buffer. With `rows`, the first dimension
/// may pass M; with `clipColumns`, the last one may pass its end (a store writes what is inside).
Error KernelVerifier::access(const Address &address, ElementType type, llvm::ArrayRef<int64_t> extents, bool rows,
                             bool clipColumns) {
  const Buffer &buffer = kernel.buffers[address.buffer];
  if (buffer.type != type)
    return error("buffer '" + Twine(buffer.name) + "' holds " + toString(buffer.type) + "; expected " + toString(type));
  if (buffer.shape.size() != extents.size() || address.indices.size() != extents.size())
    return error("expected a buffer of " + Twine(extents.size()) + " dimensions and as many indices, but '" +
                 buffer.name + "' has " + Twine(buffer.shape.size()) + " and the address " +
                 Twine(address.indices.size()));
  if (rows != (buffer.shape[0] == kDynamicRows))
    return error("the first size of buffer '" + Twine(buffer.name) + "' must " +
                 (rows ? "be M" : "be a number, not M"));
  for (auto [dimension, index] : llvm::enumerate(address.indices)) {
    int64_t low = index.constant, high = index.constant;
    bool known = true;
    for (auto [number, coefficient] : llvm::enumerate(index.coefficients)) {
      if (coefficient == 0)
        continue;
      auto found = llvm::find_if(loops, [&, index = number](const OpenLoop &open) { return open.index == index; });
      if (found == loops.end())
        return error("r" + Twine(number) + " is not the register of a loop that is open here");
      known &= found->constant;
      low += coefficient > 0 ? coefficient * found->first : coefficient * found->last;
      high += coefficient > 0 ? coefficient * found->last : coefficient * found->first;
    }
    if (low < 0)
      return error("index " + Twine(dimension) + " of '" + buffer.name + "' can be " + Twine(low) +
                   "; it must not be negative");
    if (buffer.shape[dimension] == kDynamicRows)
      continue;
    if (!known)
      return error("index " + Twine(dimension) + " of '" + buffer.name +
                   "' counts rows; only the first index of a buffer with M rows may");
    int64_t reach = clipColumns && dimension + 1 == extents.size() ? 1 : extents[dimension];
    if (high + reach > buffer.shape[dimension])
      return error("index " + Twine(dimension) + " of '" + buffer.name + "' reaches " + Twine(high + reach - 1) +
                   ", but its size is " + Twine(buffer.shape[dimension]));
  }
  return Error::success();
}

/// An access to `extent` bytes of a flat buffer of bytes.
Error KernelVerifier::bytes(const Address &address, int64_t extent, int64_t align) {
  if (Error failure = access(address, ElementType::I8, {extent}, /*rows=*/false))
    return failure;
  const Affine &index = address.indices[0];
  bool aligned = index.constant % align == 0;
  for (int64_t coefficient : index.coefficients)
    aligned &= coefficient % align == 0;
  return aligned ? Error::success() : error("the byte index must be a multiple of " + Twine(align));
}

Error KernelVerifier::loop(const Instruction &i) {
  if (Error failure = inFile(RegisterFile::Loop, i.dst))
    return failure;
  if (i.step < 1)
    return error("expected a step of at least 1, but found " + Twine(i.step));
  for (const OpenLoop &open : loops)
    if (open.index == i.dst)
      return error("r" + Twine(i.dst) + " counts an outer loop; take another register");
  OpenLoop open{i.dst, true, i.lower.constant, 0, false, {}, tokens()};
  open.constant = !i.lower.rowsMultiple && !i.upper.rowsMultiple;
  if (!i.lower.rowsMultiple && i.lower.constant < 0)
    return error("expected a lower bound of at least 0, but found " + Twine(i.lower.constant));
  open.first = i.lower.rowsMultiple ? 0 : i.lower.constant;
  open.mayBeEmpty = !open.constant || i.lower.constant >= i.upper.constant;
  open.last =
      open.mayBeEmpty ? open.first : i.lower.constant + (i.upper.constant - 1 - i.lower.constant) / i.step * i.step;
  if (open.mayBeEmpty)
    open.before = tiles;
  loops.push_back(std::move(open));
  return Error::success();
}

Error KernelVerifier::end() {
  OpenLoop closed = std::move(loops.back());
  loops.pop_back();
  // The next iteration begins with what this one leaves: the body is checked once, for all of them.
  if (tokens() != closed.tokens)
    return error("the copies on their way at the end of this loop must be those at its start; wait for the others "
                 "inside of it");
  if (closed.mayBeEmpty)
    tiles = std::move(closed.before);
  return Error::success();
}

Error KernelVerifier::check(const Instruction &i) {
  auto first = [](std::initializer_list<llvm::function_ref<Error()>> checks) -> Error {
    for (auto &one : checks)
      if (Error failure = one())
        return failure;
    return Error::success();
  };
  auto counts = [&](bool planes) -> Error {
    if (i.tables < 1 || i.tables > machine.tablesPerTile)
      return error("expected 1 to " + Twine(machine.tablesPerTile) + " tables in a tile, but found " + Twine(i.tables));
    if (planes && (i.planes < 1 || i.planes > machine.planesPerTile))
      return error("expected 1 to " + Twine(machine.planesPerTile) + " planes in a tile, but found " + Twine(i.planes));
    return Error::success();
  };
  switch (i.opcode) {
  case Opcode::LoadTable:
    return first({[&] { return counts(false); },
                  [&] {
                    return access(i.address, i.type, {machine.arrayM, 1, i.tables * kTableEntries}, true);
                  },
                  [&] {
                    return write(RegisterFile::Table, i.dst, {true, i.type, 0, i.tables}, i.token);
                  }});
  case Opcode::LoadRows:
    return first({[&] {
                    return access(i.address, ElementType::F32, {machine.arrayM, 1}, true);
                  },
                  [&] { return write(RegisterFile::Rows, i.dst, {}, i.token); }});
  case Opcode::LoadWeights: {
    if (Error failure = counts(true))
      return failure;
    if (i.tables % 2)
      return error("a byte holds the codes of two tables: expected an even number of tables, but found " +
                   Twine(i.tables));
    int64_t run = int64_t(i.tables) / 2 * machine.arrayN;
    if (i.planes > 1 && i.pitch < run)
      return error("expected a pitch of at least " + Twine(run) + " bytes, the codes of one plane, but found " +
                   Twine(i.pitch));
    return first({[&] { return bytes(i.address, (i.planes - 1) * i.pitch + run, 1); },
                  [&] {
                    return write(RegisterFile::Weight, i.dst, {true, ElementType::I8, i.planes, i.tables}, i.token);
                  }});
  }
  case Opcode::LoadCols:
    return first({[&] { return bytes(i.address, machine.arrayN * sizeOf(i.type), sizeOf(i.type)); },
                  [&] { return write(RegisterFile::Cols, i.dst, {}, i.token); }});
  case Opcode::SetCols: return write(RegisterFile::Cols, i.dst, {});
  case Opcode::Zero: return write(i.type == ElementType::F32 ? RegisterFile::AccF32 : RegisterFile::AccI32, i.dst, {});
  case Opcode::Lmma: {
    if (i.m != machine.arrayM || i.n != machine.arrayN || i.k != machine.arrayK)
      return error("machine '" + Twine(machine.name) + "' has an m" + Twine(machine.arrayM) + "n" +
                   Twine(machine.arrayN) + "k" + Twine(machine.arrayK) + " array");
    if (i.planes < 1 || i.planes > 8)
      return error("expected weights of 1 to 8 bits, but found w" + Twine(i.planes));
    if (isFloat(i.type) && i.planes != 1)
      return error("an f32 accumulator holds one plane: expected w1, but found w" + Twine(i.planes));
    if (Error failure = first(
            {[&] { return read(RegisterFile::Table, i.src[0]); }, [&] { return read(RegisterFile::Weight, i.src[1]); },
             [&] { return read(isFloat(i.type) ? RegisterFile::AccF32 : RegisterFile::AccI32, i.dst); }}))
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
  case Opcode::Shift:
    if (i.plane > 7)
      return error("expected a plane of 0 to 7, but found " + Twine(i.plane));
    return first(
        {[&] { return read(RegisterFile::AccF32, i.src[0]); }, [&] { return read(RegisterFile::AccF32, i.dst); }});
  case Opcode::Scale:
    return first(
        {[&] { return read(RegisterFile::AccF32, i.dst); },
         [&] { return read(i.type == ElementType::F32 ? RegisterFile::AccF32 : RegisterFile::AccI32, i.src[0]); },
         [&] { return read(RegisterFile::Rows, i.src[1]); }, [&] { return read(RegisterFile::Rows, i.src[2]); },
         [&] { return read(RegisterFile::Cols, i.src[3]); }, [&] { return read(RegisterFile::Cols, i.src[4]); }});
  case Opcode::FmaRows:
    return first(
        {[&] { return read(RegisterFile::AccF32, i.dst); },
         [&] { return read(i.type == ElementType::F32 ? RegisterFile::AccF32 : RegisterFile::AccI32, i.src[0]); },
         [&] { return read(RegisterFile::Rows, i.src[1]); }});
  case Opcode::FmaCols:
    return first({[&] { return read(RegisterFile::AccF32, i.dst); },
                  [&] { return read(RegisterFile::AccF32, i.src[0]); },
                  [&] { return read(RegisterFile::Cols, i.src[1]); }});
  case Opcode::FmaOuter:
    return first({[&] { return read(RegisterFile::AccF32, i.dst); }, [&] { return read(RegisterFile::Rows, i.src[0]); },
                  [&] { return read(RegisterFile::Cols, i.src[1]); }});
  case Opcode::Store:
    return first({[&] {
                    return access(i.address, ElementType::F32, {machine.arrayM, machine.arrayN}, true, true);
                  },
                  [&] { return read(RegisterFile::AccF32, i.dst); }});
  case Opcode::Loop: return loop(i);
  case Opcode::End: return end();
  case Opcode::Wait: {
    if (i.token < 0 || i.token >= int32_t(kTokens))
      return error("token " + Twine(i.token) + " does not exist; the machine has 0 to " + Twine(kTokens - 1));
    for (auto &file : tiles)
      for (Tile &tile : file)
        if (tile.token == i.token)
          tile.token = -1;
    return Error::success();
  }
  }
  llvm_unreachable("unknown opcode");
}

Error KernelVerifier::run() {
  for (const Instruction &i : kernel.code) {
    if (i.address.buffer >= kernel.buffers.size() && !i.address.indices.empty())
      return error("buffer " + Twine(i.address.buffer) + " does not exist; the kernel declares " +
                   Twine(kernel.buffers.size()));
    if (Error failure = check(i))
      return failure;
    ++at;
  }
  return Error::success();
}

Error lutra::ltc::verify(const Program &program, const Machine &machine) {
  if (program.version != kProgramVersion)
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "program version " + Twine(program.version) +
                                                                       " is not supported; expected " +
                                                                       Twine(kProgramVersion));
  for (const Kernel &kernel : program.kernels)
    if (Error failure = KernelVerifier(kernel, machine).run())
      return failure;
  return Error::success();
}
