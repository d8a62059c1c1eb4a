//===- Format.cpp - how instructions are written --------------------------===//

#include "Format.h"

#include "llvm/Support/ErrorHandling.h"

using namespace lutra::ltc;
using enum ElementType;
using File = RegisterFile;

static constexpr ElementType kEntries[] = {I8, I16, F16, BF16, F8, BF8, F32};
static constexpr ElementType kActivations[] = {F32, F16, BF16, F8, BF8, I8, I16};
static constexpr ElementType kColumns[] = {F16, BF16, F32, I8};
static constexpr ElementType kQuantized[] = {I8, I16};
static constexpr ElementType kSums[] = {I32, F32};
static constexpr ElementType kOutputs[] = {F32, F16, I32};
static constexpr ElementType kTiles[] = {F32, F16};
static constexpr ElementType kF32[] = {F32};

static constexpr Operand write(File file) { return {Operand::Register, file, false, -1, false, true}; }
static constexpr Operand update(File file) { return {Operand::Register, file, false, -1, true, true}; }
static constexpr Operand read(File file, int index) { return {Operand::Register, file, false, index, true, false}; }
static constexpr Operand readAcc(int index) { return {Operand::Register, File::AccF32, true, index, true, false}; }
/// A further register that is written: only table.scale has one.
static constexpr Operand alsoWrite(File file, int index) {
  return {Operand::Register, file, false, index, false, true};
}
static constexpr Operand kAddress = {Operand::Address};
static constexpr Operand kSource = {Operand::Source};
static constexpr Operand kFloat = {Operand::Float};
static constexpr Operand kSizes = {Operand::Sizes};
static constexpr Operand number(Field field) {
  return {Operand::Number, File::Loop, false, -1, false, false, field};
}
static constexpr Operand option(Field field) {
  return {Operand::Option, File::Loop, false, -1, false, false, field};
}
static constexpr Operand optional(Field field) {
  return {Operand::Default, File::Loop, false, -1, false, false, field};
}

static constexpr Operand kLoadTable[] = {write(File::Table), kAddress, option(Field::Tables), optional(Field::Pitch),
                                         optional(Field::Token)};
static constexpr Operand kLoadRows[] = {write(File::Rows), kAddress, optional(Field::Token)};
static constexpr Operand kLoadWeights[] = {write(File::Weight),   kAddress,
                                           option(Field::Planes), option(Field::Tables),
                                           option(Field::Pitch),  optional(Field::Token)};
static constexpr Operand kLoadCols[] = {write(File::Cols), kAddress, optional(Field::Token)};
static constexpr Operand kSetCols[] = {write(File::Cols), kFloat};
static constexpr Operand kShift[] = {update(File::AccF32), read(File::AccF32, 0), number(Field::Plane)};
static constexpr Operand kScale[] = {update(File::AccF32), readAcc(0),          read(File::Rows, 1),
                                     read(File::Rows, 2),  read(File::Cols, 3), read(File::Cols, 4)};
static constexpr Operand kFmaRows[] = {update(File::AccF32), readAcc(0), read(File::Rows, 1)};
static constexpr Operand kFmaCols[] = {update(File::AccF32), read(File::AccF32, 0), read(File::Cols, 1)};
static constexpr Operand kFmaOuter[] = {update(File::AccF32), read(File::Rows, 0), read(File::Cols, 1)};
static constexpr Operand kStore[] = {kAddress, readAcc(-1)};
static constexpr Operand kWait[] = {number(Field::Token)};
static constexpr Operand kCopy[] = {kAddress, kSource, kSizes, option(Field::Token)};
static constexpr Operand kLoadActs[] = {write(File::Acts), kAddress, option(Field::Count), optional(Field::Token)};
static constexpr Operand kLoadTile[] = {write(File::AccF32), kAddress, optional(Field::Token)};
static constexpr Operand kSum[] = {write(File::Rows), read(File::Acts, 0), option(Field::Tables),
                                   optional(Field::First)};
static constexpr Operand kSumMore[] = {update(File::Rows), read(File::Acts, 0), option(Field::Tables),
                                       optional(Field::First)};
static constexpr Operand kTableScale[] = {write(File::Rows), alsoWrite(File::Rows, 0), read(File::Rows, 1)};
static constexpr Operand kPrecompute[] = {write(File::Table), read(File::Acts, 0), option(Field::Tables),
                                          optional(Field::First)};
static constexpr Operand kQuantize[] = {write(File::Table), read(File::Acts, 0), read(File::Rows, 1),
                                        option(Field::Tables), optional(Field::First)};
static constexpr Operand kStoreTable[] = {kAddress, read(File::Table, -1), option(Field::Tables),
                                          optional(Field::Pitch)};
static constexpr Operand kStoreRows[] = {kAddress, read(File::Rows, -1)};
static constexpr Operand kSetRows[] = {write(File::Rows), kFloat};
static constexpr Operand kMulRows[] = {write(File::Rows), read(File::Rows, 0), read(File::Rows, 1)};
static constexpr Operand kSpread[] = {write(File::AccF32), read(File::Cols, 0)};
static constexpr Operand kBinary[] = {write(File::AccF32), read(File::AccF32, 0), read(File::AccF32, 1)};
static constexpr Operand kFunction[] = {write(File::AccF32), read(File::AccF32, 0)};
static constexpr Operand kSquares[] = {write(File::Sums), read(File::Acts, 0), option(Field::Count)};
static constexpr Operand kSquaresMore[] = {update(File::Sums), read(File::Acts, 0), option(Field::Count)};
static constexpr Operand kNorm[] = {write(File::Rows), read(File::Sums, 0), option(Field::Count), kFloat};
static constexpr Operand kMulActs[] = {write(File::Acts), read(File::Acts, 0), read(File::Acts, 1)};
static constexpr Operand kScaleActs[] = {write(File::Acts), read(File::Acts, 0), read(File::Rows, 1)};

const Format &lutra::ltc::formatOf(Opcode opcode) {
  // In the order of the opcodes.
  static const Format formats[kOpcodes] = {
      {"ld.table", kEntries, kLoadTable},
      {"ld.rows", kF32, kLoadRows},
      {"ld.weights", {}, kLoadWeights},
      {"ld.cols", kColumns, kLoadCols},
      {"set.cols", {}, kSetCols},
      {"zero", {}, {}},
      {"lmma", {}, {}},
      {"shift", kF32, kShift},
      {"scale", kSums, kScale},
      {"fma.rows", kSums, kFmaRows},
      {"fma.cols", {}, kFmaCols},
      {"fma.outer", {}, kFmaOuter},
      {"st", kOutputs, kStore},
      {"loop", {}, {}},
      {"end", {}, {}},
      {"wait", {}, kWait},
      {"copy", {}, kCopy},
      {"ld.act", kActivations, kLoadActs},
      {"ld.tile", kTiles, kLoadTile},
      {"asum", {}, kSum},
      {"asum.more", {}, kSumMore},
      {"amax", {}, kSum},
      {"amax.more", {}, kSumMore},
      {"table.scale", kQuantized, kTableScale},
      {"precompute", kEntries, kPrecompute},
      {"quantize", kQuantized, kQuantize},
      {"st.table", kEntries, kStoreTable},
      {"st.rows", kF32, kStoreRows},
      {"set.rows", {}, kSetRows},
      {"mul.rows", {}, kMulRows},
      {"spread", {}, kSpread},
      {"add", kF32, kBinary},
      {"sub", kF32, kBinary},
      {"mul", kF32, kBinary},
      {"div", kF32, kBinary},
      {"max", kF32, kBinary},
      {"min", kF32, kBinary},
      {"exp", kF32, kFunction},
      {"erf", kF32, kFunction},
      {"tanh", kF32, kFunction},
      {"squares", {}, kSquares},
      {"squares.more", {}, kSquaresMore},
      {"norm", {}, kNorm},
      {"mul.act", {}, kMulActs},
      {"scale.act", {}, kScaleActs},
  };
  return formats[static_cast<unsigned>(opcode)];
}

llvm::StringRef lutra::ltc::toString(Field field) {
  static constexpr llvm::StringLiteral names[] = {"tables", "planes", "pitch", "token", "first", "count", "plane"};
  return names[static_cast<unsigned>(field)];
}

int64_t lutra::ltc::get(const Instruction &i, Field field) {
  switch (field) {
  case Field::Tables: return i.tables;
  case Field::Planes: return i.planes;
  case Field::Pitch: return i.pitch;
  case Field::Token: return i.token;
  case Field::First: return i.first;
  case Field::Count: return i.count;
  case Field::Plane: return i.plane;
  }
  llvm_unreachable("unknown field");
}

void lutra::ltc::set(Instruction &i, Field field, int64_t value) {
  switch (field) {
  case Field::Tables: i.tables = unsigned(value); return;
  case Field::Planes: i.planes = unsigned(value); return;
  case Field::Pitch: i.pitch = value; return;
  case Field::Token: i.token = int32_t(value); return;
  case Field::First: i.first = unsigned(value); return;
  case Field::Count: i.count = unsigned(value); return;
  case Field::Plane: i.plane = unsigned(value); return;
  }
  llvm_unreachable("unknown field");
}

int64_t lutra::ltc::defaultOf(Field field) { return field == Field::Token ? -1 : 0; }

std::string lutra::ltc::weightName(const Instruction &i) {
  switch (i.weights) {
  case WeightKind::Planes: return "w" + std::to_string(i.planes);
  case WeightKind::Ternary: return "wt";
  case WeightKind::FP4: return "wfp4";
  }
  llvm_unreachable("unknown kind of weights");
}

std::optional<ElementType> lutra::ltc::parseElementType(llvm::StringRef text) {
  for (unsigned type = 0; type < kElementTypes; ++type)
    if (toString(ElementType(type)) == text)
      return ElementType(type);
  return std::nullopt;
}

llvm::SmallVector<RegisterUse, 6> lutra::ltc::registersOf(const Instruction &i) {
  llvm::SmallVector<RegisterUse, 6> result;
  if (i.opcode == Opcode::Zero)
    result.push_back({accumulatorFile(i.type), i.dst, false, true});
  if (i.opcode == Opcode::Lmma) {
    const ElementType acc = accumulatorType(i.type);
    result.push_back({accumulatorFile(i.out), i.dst, i.out == acc, true});
    if (i.out != acc)
      result.push_back({accumulatorFile(acc), i.src[2], true, false});
    result.push_back({File::Table, i.src[0], true, false});
    result.push_back({File::Weight, i.src[1], true, false});
  }
  for (const Operand &operand : formatOf(i.opcode).operands)
    if (operand.kind == Operand::Register)
      result.push_back({fileOf(operand, i), operand.index < 0 ? i.dst : i.src[operand.index], operand.reads,
                        operand.writes});
  return result;
}

bool lutra::ltc::isLoad(Opcode opcode) {
  switch (opcode) {
  case Opcode::LoadTable:
  case Opcode::LoadRows:
  case Opcode::LoadWeights:
  case Opcode::LoadCols:
  case Opcode::LoadActs:
  case Opcode::LoadTile: return true;
  default: return false;
  }
}

bool lutra::ltc::isStore(Opcode opcode) {
  return opcode == Opcode::Store || opcode == Opcode::StoreTable || opcode == Opcode::StoreRows;
}
