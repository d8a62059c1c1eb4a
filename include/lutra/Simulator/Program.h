//===- Program.h - a program of the LUT tensor core -------------*- C++ -*-===//
//
// The structure behind the assembly text of docs/spec/lmma-isa.md: kernels, their buffers and their instructions. It
// depends on LLVM's support library alone, so that a run time can load kernels without a compiler.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SIMULATOR_PROGRAM_H
#define LUTRA_SIMULATOR_PROGRAM_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace lutra::ltc {

/// The version of the program file that this library reads and writes.
inline constexpr unsigned kProgramVersion = 2;
/// Tokens of asynchronous copies.
inline constexpr unsigned kTokens = 16;
/// Loop registers that an address can name (r0, r1, ...).
inline constexpr unsigned kLoopRegisters = 8;
/// A buffer dimension that every launch binds: the rows M of the activations.
inline constexpr int64_t kDynamicRows = -1;

enum class ElementType : uint8_t { I8, I16, I32, F16, F32 };
/// "i8", "i16", "i32", "f16", "f32".
llvm::StringRef toString(ElementType type);
/// Bytes of one element.
unsigned sizeOf(ElementType type);
/// Whether table entries of this type are summed in f32, in f registers; others are in i32, in a registers.
inline bool isFloat(ElementType type) { return type == ElementType::F16 || type == ElementType::F32; }

enum class Opcode : uint8_t {
  LoadTable,   ///< ld.table.<i8|i16|f16|f32> t, buffer[row, group, first], tables=
  LoadRows,    ///< ld.rows.f32 s, buffer[row, group]
  LoadWeights, ///< ld.weights w, buffer[byte], planes=, tables=, pitch=
  LoadCols,    ///< ld.cols.<f16|f32|i8> c, buffer[byte]
  SetCols,     ///< set.cols c, value
  Zero,        ///< zero a | zero f | negzero f
  Lmma,        ///< lmma.m2n64k4.<A>.w<bits>.<acc>.<o> a|f, t[table], w[table(, plane)]
  Shift,       ///< shift.f32 f, f, plane
  Scale,       ///< scale.<i32|f32> f, a|f, s, s, c, c
  FmaRows,     ///< fma.rows.<i32|f32> f, a|f, s
  FmaCols,     ///< fma.cols f, f, c
  FmaOuter,    ///< fma.outer f, s, c
  Store,       ///< st.f32 buffer[row, column], f
  Loop,        ///< loop r, lower, upper, step
  End,         ///< end
  Wait,        ///< wait token
};

/// The register files, each with its letter.
enum class RegisterFile : uint8_t { Table, Weight, AccI32, AccF32, Rows, Cols, Loop };
/// The letter of a register file: t w a f s c r.
char letterOf(RegisterFile file);

/// constant + sum of coefficients[i] * r_i.
struct Affine {
  int64_t constant = 0;
  std::array<int64_t, kLoopRegisters> coefficients{};
};

/// A position in a buffer: one affine index per dimension.
struct Address {
  unsigned buffer = 0;
  llvm::SmallVector<Affine, 3> indices;
};

/// A loop bound: a constant, or the rows M of this launch rounded down to a multiple of `rowsMultiple`.
struct Bound {
  int64_t constant = 0;
  int64_t rowsMultiple = 0;

  int64_t evaluate(int64_t rows) const { return rowsMultiple ? rows / rowsMultiple * rowsMultiple : constant; }
};

/// One instruction; which fields count is said beside each opcode.
struct Instruction {
  Opcode opcode = Opcode::End;
  /// The type in the mnemonic: of the table's entries (ld.table, lmma), of the memory (ld.cols), of the accumulator
  /// (scale).
  ElementType type = ElementType::F32;
  /// Register that is written (or read, by a store); the loop register of a loop.
  unsigned dst = 0;
  /// Registers that are read, in the order of the text.
  std::array<unsigned, 5> src{};
  /// The array's shape in an lmma mnemonic.
  unsigned m = 0, n = 0, k = 0;
  /// Bit planes: of ld.weights, and w<bits> of an lmma.
  unsigned planes = 0;
  /// Tables of ld.table and ld.weights.
  unsigned tables = 0;
  /// The table within t, the table within w, and the first plane within w, of an lmma; `plane` is also shift's
  /// exponent.
  unsigned table = 0, weightTable = 0, plane = 0;
  /// Bytes between planes (ld.weights).
  int64_t pitch = 0;
  /// The token of an asynchronous load, which a wait names; -1 of a load that the machine itself waits for.
  int32_t token = -1;
  /// Value of set.cols; -0 in a negzero.
  float value = 0;
  Address address;
  Bound lower, upper;
  int64_t step = 1;
  /// Line in the text it came from; 0 when built by a program.
  unsigned line = 0;
  /// For loop and end: the address of the matching end or loop (set by `matchLoops`).
  unsigned match = 0;
};

/// A buffer in DRAM that every launch binds to an array of the host.
struct Buffer {
  std::string name;
  ElementType type = ElementType::F32;
  /// Sizes; the first may be kDynamicRows.
  llvm::SmallVector<int64_t, 3> shape;
  unsigned line = 0;
};

/// A kernel. A launch names it by its position in the program.
struct Kernel {
  std::string name;
  std::vector<Buffer> buffers;
  std::vector<Instruction> code;

  /// Writes the instruction at `address` as assembly text, without indentation or line end.
  void printInstruction(llvm::raw_ostream &os, unsigned address) const;
  /// Pairs every loop with its end; an error names the first one without a partner.
  llvm::Error matchLoops();
  /// An error about the instruction at `address`: names the kernel, the address, the line and the text.
  llvm::Error errorAt(unsigned address, const llvm::Twine &message) const;
};

/// A program file.
struct Program {
  unsigned version = kProgramVersion;
  std::vector<Kernel> kernels;

  /// Writes assembly text that `assemble` reads back to an equal program; `addresses` adds them as comments.
  void print(llvm::raw_ostream &os, bool addresses = false) const;
};

/// Writes the binary encoding of docs/spec/lmma-isa.md.
std::string encode(const Program &program);
/// Reads it. An error names `fileName`, the byte, and, where there is one, the instruction's address and text.
llvm::Expected<Program> decode(llvm::StringRef bytes, llvm::StringRef fileName);
/// Reads either form.
llvm::Expected<Program> readProgram(llvm::StringRef bytes, llvm::StringRef fileName);

/// Reads assembly text. An error names `fileName`, the line, the address of the instruction and its text.
llvm::Expected<Program> assemble(llvm::StringRef text, llvm::StringRef fileName);

} // namespace lutra::ltc

#endif // LUTRA_SIMULATOR_PROGRAM_H
