//===- Format.h - how instructions are written ------------------*- C++ -*-===//
//
// One description of each instruction's mnemonic, types and operands, for the printer, the assembler, the binary
// encoding, and for everything that asks which registers an instruction names. Zero, lmma and loop have a form of their
// own in the text; all else follows from here.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_SIMULATOR_FORMAT_H
#define LUTRA_LIB_SIMULATOR_FORMAT_H

#include "lutra/Simulator/Program.h"

#include <optional>

namespace lutra::ltc {

/// A number of an instruction.
enum class Field : uint8_t { Tables, Planes, Pitch, Token, First, Count, Plane };

/// One operand, in the order of the text.
struct Operand {
  enum Kind : uint8_t {
    Register, ///< t12
    Address,  ///< buffer[...], the place that is read or written
    Source,   ///< buffer[...], where a copy reads
    Number,   ///< 3
    Option,   ///< tables=8
    Default,  ///< the same, left out when it has its default
    Float,    ///< -0.5
    Sizes,    ///< sizes=2x9x64
  } kind;
  RegisterFile file = RegisterFile::Loop;
  /// The file is that of the accumulators of the mnemonic's type.
  bool byType = false;
  /// -1: dst; otherwise src[index].
  int index = -1;
  bool reads = false, writes = false;
  Field field = Field::Tables;
};

struct Format {
  llvm::StringLiteral mnemonic;
  /// The types that may follow the mnemonic; none: nothing follows.
  llvm::ArrayRef<ElementType> types;
  llvm::ArrayRef<Operand> operands;
};

/// The description of `opcode`.
const Format &formatOf(Opcode opcode);
/// "tables", "planes", ...
llvm::StringRef toString(Field field);
/// The value of a field, and what it is when it is left out.
int64_t get(const Instruction &i, Field field);
void set(Instruction &i, Field field, int64_t value);
int64_t defaultOf(Field field);
/// "w4", "wt", "wfp4".
std::string weightName(const Instruction &i);
std::optional<ElementType> parseElementType(llvm::StringRef text);
/// The file that accumulators of `type` are in.
inline RegisterFile accumulatorFile(ElementType type) {
  return isFloat(type) ? RegisterFile::AccF32 : RegisterFile::AccI32;
}
/// The file of an operand of `i`.
inline RegisterFile fileOf(const Operand &operand, const Instruction &i) {
  return operand.byType ? accumulatorFile(i.type) : operand.file;
}
/// i32 for integer entries, f32 for others.
inline ElementType accumulatorType(ElementType entry) { return isFloat(entry) ? ElementType::F32 : ElementType::I32; }

} // namespace lutra::ltc

#endif // LUTRA_LIB_SIMULATOR_FORMAT_H
