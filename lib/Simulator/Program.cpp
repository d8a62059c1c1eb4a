//===- Program.cpp - a program of the LUT tensor core ---------------------===//
//
// Names and the printer. What is printed here is what Assembler.cpp reads.
//
//===----------------------------------------------------------------------===//

#include "Format.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace lutra::ltc;
using llvm::raw_ostream;
using llvm::StringRef;

StringRef lutra::ltc::toString(ElementType type) {
  static constexpr llvm::StringLiteral names[kElementTypes] = {"i8", "i16", "i32", "f16", "f32", "bf16", "f8", "bf8"};
  return names[static_cast<unsigned>(type)];
}

unsigned lutra::ltc::sizeOf(ElementType type) {
  switch (type) {
  case ElementType::I8:
  case ElementType::F8:
  case ElementType::BF8: return 1;
  case ElementType::I16:
  case ElementType::BF16:
  case ElementType::F16: return 2;
  case ElementType::I32:
  case ElementType::F32: return 4;
  }
  llvm_unreachable("unknown element type");
}

char lutra::ltc::letterOf(RegisterFile file) { return "twafscrxd"[static_cast<unsigned>(file)]; }

uint64_t Buffer::bytes() const {
  uint64_t size = sizeOf(type);
  for (int64_t extent : shape)
    size *= uint64_t(extent);
  return size;
}

unsigned Kernel::numArguments() const {
  return llvm::count_if(buffers, [](const Buffer &buffer) { return !buffer.isShared(); });
}

uint64_t Kernel::sharedBytes() const {
  uint64_t sum = 0;
  for (const Buffer &buffer : buffers)
    if (buffer.isShared())
      sum += llvm::alignTo(buffer.bytes(), 128);
  return sum;
}

std::vector<Block> lutra::ltc::blocksOf(const Kernel &kernel, int64_t rows) {
  const Grid &grid = kernel.grid;
  if (!grid.columns)
    return {{0, 0, rows}};
  const int64_t height = grid.rows ? grid.rows : std::max<int64_t>(rows, 1);
  std::vector<Block> blocks;
  for (int64_t first = 0; first < grid.columns; first += grid.swizzle)
    for (int64_t row = 0; row < rows; row += height)
      for (int64_t column = first; column < std::min(first + grid.swizzle, grid.columns); ++column)
        blocks.push_back({column, row, std::min(height, rows - row)});
  return blocks;
}

static void print(raw_ostream &os, const Affine &affine) {
  bool first = true;
  for (auto [index, coefficient] : llvm::enumerate(affine.coefficients)) {
    if (coefficient == 0)
      continue;
    os << (first ? "" : " + ");
    if (coefficient != 1)
      os << coefficient << "*";
    os << 'r' << index;
    first = false;
  }
  if (affine.constant != 0 || first)
    os << (first ? "" : " + ") << affine.constant;
}

static void print(raw_ostream &os, const Bound &bound) {
  if (bound.rowsMultiple)
    os << "rows(" << bound.rowsMultiple << ")";
  else
    os << bound.constant;
}

static void print(raw_ostream &os, const Kernel &kernel, const Address &address) {
  os << (address.buffer < kernel.buffers.size() ? StringRef(kernel.buffers[address.buffer].name) : "<no such buffer>")
     << '[';
  llvm::interleaveComma(address.indices, os, [&](const Affine &index) { ::print(os, index); });
  os << ']';
}

/// The operands that a format describes.
static void printOperands(raw_ostream &os, const Kernel &kernel, const Instruction &i) {
  bool first = true;
  for (const Operand &operand : formatOf(i.opcode).operands) {
    if (operand.kind == Operand::Default && get(i, operand.field) == defaultOf(operand.field))
      continue;
    os << (first ? " " : ", ");
    first = false;
    switch (operand.kind) {
    case Operand::Register:
      os << letterOf(fileOf(operand, i)) << (operand.index < 0 ? i.dst : i.src[operand.index]);
      break;
    case Operand::Address: ::print(os, kernel, i.address); break;
    case Operand::Source: ::print(os, kernel, i.source); break;
    case Operand::Number: os << get(i, operand.field); break;
    case Operand::Option:
    case Operand::Default: os << toString(operand.field) << '=' << get(i, operand.field); break;
    case Operand::Float: os << llvm::format("%.9g", i.value); break;
    case Operand::Sizes:
      os << "sizes=";
      llvm::interleave(i.sizes, os, "x");
      break;
    }
  }
}

void Kernel::printInstruction(raw_ostream &os, unsigned at) const {
  const Instruction &i = code[at];
  const Format &format = formatOf(i.opcode);
  switch (i.opcode) {
  case Opcode::Zero:
    os << (std::signbit(i.value) ? "negzero " : "zero ") << letterOf(accumulatorFile(i.type)) << i.dst;
    return;
  case Opcode::Lmma: {
    const ElementType acc = accumulatorType(i.type);
    os << "lmma.m" << i.m << "n" << i.n << "k" << i.k << "." << toString(i.type) << "." << weightName(i) << "."
       << toString(acc) << "." << toString(i.out) << " " << letterOf(accumulatorFile(i.out)) << i.dst;
    if (i.out != acc)
      os << ", " << letterOf(accumulatorFile(acc)) << i.src[2];
    os << ", t" << i.src[0] << "[" << i.table << "], w" << i.src[1] << "[" << i.weightTable;
    if (i.plane)
      os << ", " << i.plane;
    os << "]";
    return;
  }
  case Opcode::Loop:
    os << "loop r" << i.dst << ", ";
    ::print(os, i.lower);
    os << ", ";
    ::print(os, i.upper);
    os << ", " << i.step;
    return;
  default: break;
  }
  os << format.mnemonic;
  if (!format.types.empty())
    os << '.' << toString(i.type);
  printOperands(os, *this, i);
}

llvm::Error Kernel::errorAt(unsigned address, const llvm::Twine &message) const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "kernel '" << name << "', address " << llvm::format_hex(address, 6);
  if (code[address].line)
    os << " (line " << code[address].line << ")";
  os << ", '";
  printInstruction(os, address);
  os << "': " << message;
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

llvm::Error Kernel::matchLoops() {
  llvm::SmallVector<unsigned, kLoopRegisters> open;
  for (unsigned at = 0; at < code.size(); ++at) {
    if (code[at].opcode == Opcode::Loop) {
      open.push_back(at);
    } else if (code[at].opcode == Opcode::End) {
      if (open.empty())
        return errorAt(at, "no loop is open here; remove this 'end', or begin a loop before it");
      code[at].match = open.back();
      code[open.pop_back_val()].match = at;
    }
  }
  if (!open.empty())
    return errorAt(open.back(), "the kernel ends inside this loop; close it with 'end'");
  return llvm::Error::success();
}

void Program::print(raw_ostream &os, bool addresses) const {
  os << ".lmma " << version << "\n";
  for (const Kernel &kernel : kernels) {
    os << "\n.kernel " << kernel.name << "\n";
    for (const Buffer &buffer : kernel.buffers) {
      os << (buffer.isShared() ? ".shared " : ".buffer ") << buffer.name << " : " << toString(buffer.type) << "[";
      llvm::interleaveComma(buffer.shape, os, [&](int64_t size) {
        if (size == kDynamicRows)
          os << "M";
        else
          os << size;
      });
      os << "]\n";
    }
    if (const Grid &grid = kernel.grid; grid.columns)
      os << ".grid r" << grid.reg << ", columns=" << grid.columns << ", rows=" << grid.rows
         << ", swizzle=" << grid.swizzle << "\n";
    unsigned depth = 1;
    for (unsigned at = 0; at < kernel.code.size(); ++at) {
      if (kernel.code[at].opcode == Opcode::End && depth > 1)
        --depth;
      std::string text(2 * depth, ' ');
      llvm::raw_string_ostream line(text);
      kernel.printInstruction(line, at);
      os << text;
      if (addresses)
        os << std::string(text.size() < 72 ? 72 - text.size() : 1, ' ') << "; " << llvm::format_hex(at, 6);
      os << "\n";
      if (kernel.code[at].opcode == Opcode::Loop)
        ++depth;
    }
    os << ".end\n";
  }
}
