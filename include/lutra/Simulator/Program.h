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
inline constexpr unsigned kProgramVersion = 5;
/// Tokens of asynchronous copies.
inline constexpr unsigned kTokens = 16;
/// Loop registers that an address can name (r0, r1, ...).
inline constexpr unsigned kLoopRegisters = 8;
/// A buffer dimension that every launch binds: the rows M of the activations.
inline constexpr int64_t kDynamicRows = -1;

/// F8 is float8 e4m3fn, BF8 float8 e5m2.
enum class ElementType : uint8_t { I8, I16, I32, F16, F32, BF16, F8, BF8 };
inline constexpr unsigned kElementTypes = 8;
/// "i8", "i16", "i32", "f16", "f32", "bf16", "f8", "bf8".
llvm::StringRef toString(ElementType type);
/// Bytes of one element.
unsigned sizeOf(ElementType type);
/// Whether table entries of this type are summed in f32, in f registers; others are in i32, in a registers.
inline bool isFloat(ElementType type) { return type >= ElementType::F16; }

/// The weights of an lmma: planes of -1 and +1; ternary as two such planes of equal weight; FP4 (e2m1) as a sign, a
/// mantissa and two exponent planes, the exponent going to the shifter.
enum class WeightKind : uint8_t { Planes, Ternary, FP4 };

/// The instructions. Their text and operands are in lib/Simulator/Format.cpp, their meaning in docs/spec/lmma-isa.md.
enum class Opcode : uint8_t {
  LoadTable,   ///< ld.table.<type> t, buffer[row, group, first], tables=(, pitch=)
  LoadRows,    ///< ld.rows.f32 s, buffer[row, column]
  LoadWeights, ///< ld.weights w, buffer[byte], planes=, tables=, pitch=
  LoadCols,    ///< ld.cols.<f16|bf16|f32|i8> c, buffer[byte] or, of its own type, buffer[column]
  SetCols,     ///< set.cols c, value
  Zero,        ///< zero a | zero f | negzero f
  Lmma,        ///< lmma.m2n64k4.<A>.<W>.<acc>.<o> d, (acc,) t[table], w[table(, plane)]
  Shift,       ///< shift.f32 f, f, plane
  Scale,       ///< scale.<i32|f32> f, a|f, s, s, c, c
  FmaRows,     ///< fma.rows.<i32|f32> f, a|f, s
  FmaCols,     ///< fma.cols f, f, c
  FmaOuter,    ///< fma.outer f, s, c
  Store,       ///< st.<f32|f16|i32> buffer[row, column], f|a
  Loop,        ///< loop r, lower, upper, step
  End,         ///< end
  Wait,        ///< wait token
  Copy,        ///< copy shared[...], buffer[...], sizes=, token=
  LoadActs,    ///< ld.act.<type> x, buffer[row, column] or buffer[column], count=
  LoadTile,    ///< ld.tile.<f32|f16> f, buffer[row, column]
  Sum,         ///< sum x's tables: asum s, x, tables=(, first=)
  SumMore,     ///< asum.more s, x, tables=(, first=)
  Amax,        ///< amax s, x, tables=(, first=)
  AmaxMore,    ///< amax.more s, x, tables=(, first=)
  TableScale,  ///< table.scale.<i8|i16> s, s, s
  Precompute,  ///< precompute.<type> t, x, tables=(, first=)
  Quantize,    ///< quantize.<i8|i16> t, x, s, tables=(, first=)
  StoreTable,  ///< st.table.<type> buffer[row, group, first], t, tables=(, pitch=)
  StoreRows,   ///< st.rows.f32 buffer[row, column], s
  SetRows,     ///< set.rows s, value
  MulRows,     ///< mul.rows s, s, s
  Spread,      ///< spread f, c
  Add,         ///< add.f32 f, f, f
  Sub,         ///< sub.f32 f, f, f
  Mul,         ///< mul.f32 f, f, f
  Div,         ///< div.f32 f, f, f
  Max,         ///< max.f32 f, f, f
  Min,         ///< min.f32 f, f, f
  Exp,         ///< exp.f32 f, f
  Erf,         ///< erf.f32 f, f
  Tanh,        ///< tanh.f32 f, f
  Squares,     ///< squares d, x, count=
  SquaresMore, ///< squares.more d, x, count=
  Norm,        ///< norm s, d, count=, epsilon
  MulActs,     ///< mul.act x, x, x
  ScaleActs,   ///< scale.act x, x, s
};
inline constexpr unsigned kOpcodes = unsigned(Opcode::ScaleActs) + 1;

/// The register files, each with its letter.
enum class RegisterFile : uint8_t { Table, Weight, AccI32, AccF32, Rows, Cols, Loop, Acts, Sums };
inline constexpr unsigned kRegisterFiles = 9;
/// The letter of a register file: t w a f s c r x d.
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
  /// The type in the mnemonic: of the table's entries (ld.table, precompute, lmma), of the memory (ld.cols, ld.act, st),
  /// of the accumulator (scale).
  ElementType type = ElementType::F32;
  /// O of an lmma: what leaves the array. The accumulator is i32 for integer entries and f32 for others; where O is
  /// another type, the accumulator is a register of its own, src[2].
  ElementType out = ElementType::I32;
  WeightKind weights = WeightKind::Planes;
  /// Register that is written (or read, by a store); the loop register of a loop.
  unsigned dst = 0;
  /// Registers that are read, in the order of the text.
  std::array<unsigned, 5> src{};
  /// The array's shape in an lmma mnemonic.
  unsigned m = 0, n = 0, k = 0;
  /// Bit planes: of ld.weights, and w<bits> of an lmma.
  unsigned planes = 0;
  /// Tables of ld.table, ld.weights, and of what makes tables.
  unsigned tables = 0;
  /// The first table within x of what makes tables; the activations that ld.act loads, squares adds, or norm has the squares of.
  unsigned first = 0, count = 0;
  /// The table within t, the table within w, and the first plane within w, of an lmma; `plane` is also shift's
  /// exponent.
  unsigned table = 0, weightTable = 0, plane = 0;
  /// Bytes between planes (ld.weights); elements between tables (ld.table, st.table), 0 for whole ones.
  int64_t pitch = 0;
  /// The token of an asynchronous load, which a wait names; -1 of a load that the machine itself waits for.
  int32_t token = -1;
  /// Value of set.cols and set.rows; -0 in a negzero; what norm adds to the mean.
  float value = 0;
  Address address;
  /// Where a copy reads, and how many elements of each dimension it moves.
  Address source;
  llvm::SmallVector<int64_t, 3> sizes;
  Bound lower, upper;
  int64_t step = 1;
  /// Line in the text it came from; 0 when built by a program.
  unsigned line = 0;
  /// For loop and end: the address of the matching end or loop (set by `matchLoops`).
  unsigned match = 0;
};

/// Whether a launch binds a buffer to an array of the host, or it is the core's own while a block runs.
enum class MemorySpace : uint8_t { Dram, Shared };

/// An array in memory.
struct Buffer {
  std::string name;
  ElementType type = ElementType::F32;
  /// Sizes; the first may be kDynamicRows, in DRAM.
  llvm::SmallVector<int64_t, 3> shape;
  MemorySpace space = MemorySpace::Dram;
  unsigned line = 0;

  bool isShared() const { return space == MemorySpace::Shared; }
  /// Bytes of a buffer whose sizes are numbers.
  uint64_t bytes() const;
};

/// How a launch is cut into blocks, each of which runs the whole code on one core: `columns` values of a loop register
/// by blocks of `rows` rows. Without a grid there is one block.
struct Grid {
  /// Blocks along the columns; 0: no grid.
  int64_t columns = 0;
  /// Rows of a block: M, rows(k) and row 0 are the block's; 0: all of them.
  int64_t rows = 0;
  /// Columns that the blocks of all rows take before the next ones are begun, so that cores that run at once share them.
  int64_t swizzle = 1;
  /// The loop register that holds the block's column.
  unsigned reg = 0;
  unsigned line = 0;
};

/// A kernel. A launch names it by its position in the program.
struct Kernel {
  std::string name;
  /// Those that a launch binds first, then the shared ones.
  std::vector<Buffer> buffers;
  Grid grid;
  std::vector<Instruction> code;

  /// Buffers that a launch binds.
  unsigned numArguments() const;
  /// Bytes of shared memory that a block takes, each buffer aligned to 128.
  uint64_t sharedBytes() const;
  /// Writes the instruction at `address` as assembly text, without indentation or line end.
  void printInstruction(llvm::raw_ostream &os, unsigned address) const;
  /// Pairs every loop with its end; an error names the first one without a partner.
  llvm::Error matchLoops();
  /// An error about the instruction at `address`: names the kernel, the address, the line and the text.
  llvm::Error errorAt(unsigned address, const llvm::Twine &message) const;
};

/// A block of a launch.
struct Block {
  int64_t column = 0, firstRow = 0, rows = 0;
};
/// The blocks of a launch with `rows` rows, in the order in which cores take them.
std::vector<Block> blocksOf(const Kernel &kernel, int64_t rows);

/// A register that an instruction names.
struct RegisterUse {
  RegisterFile file;
  unsigned index;
  bool reads, writes;
};
/// All registers of an instruction but those of loops and addresses, in the order of the text.
llvm::SmallVector<RegisterUse, 6> registersOf(const Instruction &i);
/// Whether an instruction reads `i.address` (a load, a copy: `i.source`) or writes it (a store).
bool isLoad(Opcode opcode);
bool isStore(Opcode opcode);

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
