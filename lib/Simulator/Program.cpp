//===- Program.cpp - a program of the LUT tensor core ---------------------===//
//
// Names and the printer. What is printed here is what Assembler.cpp reads.
//
//===----------------------------------------------------------------------===//

#include "lutra/Simulator/Program.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Format.h"

#include <cmath>

using namespace lutra::ltc;
using llvm::raw_ostream;
using llvm::StringRef;

StringRef lutra::ltc::toString(ElementType type) {
  switch (type) {
  case ElementType::I8: return "i8";
  case ElementType::I16: return "i16";
  case ElementType::I32: return "i32";
  case ElementType::F16: return "f16";
  case ElementType::F32: return "f32";
  }
  llvm_unreachable("unknown element type");
}

unsigned lutra::ltc::sizeOf(ElementType type) {
  switch (type) {
  case ElementType::I8: return 1;
  case ElementType::I16:
  case ElementType::F16: return 2;
  case ElementType::I32:
  case ElementType::F32: return 4;
  }
  llvm_unreachable("unknown element type");
}

char lutra::ltc::letterOf(RegisterFile file) { return "twafscr"[static_cast<unsigned>(file)]; }

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

void Kernel::printInstruction(raw_ostream &os, unsigned at) const {
  const Instruction &i = code[at];
  const bool isF32 = isFloat(i.type);
  const char acc = isF32 ? 'f' : 'a';
  auto token = [&] {
    if (i.token >= 0)
      os << ", token=" << i.token;
  };
  switch (i.opcode) {
  case Opcode::LoadTable:
    os << "ld.table." << toString(i.type) << " t" << i.dst << ", ";
    ::print(os, *this, i.address);
    os << ", tables=" << i.tables;
    return token();
  case Opcode::LoadRows:
    os << "ld.rows.f32 s" << i.dst << ", ";
    ::print(os, *this, i.address);
    return token();
  case Opcode::LoadWeights:
    os << "ld.weights w" << i.dst << ", ";
    ::print(os, *this, i.address);
    os << ", planes=" << i.planes << ", tables=" << i.tables << ", pitch=" << i.pitch;
    return token();
  case Opcode::LoadCols:
    os << "ld.cols." << toString(i.type) << " c" << i.dst << ", ";
    ::print(os, *this, i.address);
    return token();
  case Opcode::SetCols: os << "set.cols c" << i.dst << ", " << llvm::format("%.9g", i.value); return;
  case Opcode::Zero: os << (std::signbit(i.value) ? "negzero " : "zero ") << acc << i.dst; return;
  case Opcode::Lmma: {
    StringRef out = isF32 ? "f32" : "i32";
    os << "lmma.m" << i.m << "n" << i.n << "k" << i.k << "." << toString(i.type) << ".w" << i.planes << "." << out
       << "." << out << " " << acc << i.dst << ", t" << i.src[0] << "[" << i.table << "], w" << i.src[1] << "["
       << i.weightTable;
    if (i.plane)
      os << ", " << i.plane;
    os << "]";
    return;
  }
  case Opcode::Shift: os << "shift.f32 f" << i.dst << ", f" << i.src[0] << ", " << i.plane; return;
  case Opcode::Scale:
    os << "scale." << toString(i.type) << " f" << i.dst << ", " << acc << i.src[0] << ", s" << i.src[1] << ", s"
       << i.src[2] << ", c" << i.src[3] << ", c" << i.src[4];
    return;
  case Opcode::FmaRows:
    os << "fma.rows." << toString(i.type) << " f" << i.dst << ", " << acc << i.src[0] << ", s" << i.src[1];
    return;
  case Opcode::FmaCols: os << "fma.cols f" << i.dst << ", f" << i.src[0] << ", c" << i.src[1]; return;
  case Opcode::FmaOuter: os << "fma.outer f" << i.dst << ", s" << i.src[0] << ", c" << i.src[1]; return;
  case Opcode::Store:
    os << "st.f32 ";
    ::print(os, *this, i.address);
    os << ", f" << i.dst;
    return;
  case Opcode::Loop:
    os << "loop r" << i.dst << ", ";
    ::print(os, i.lower);
    os << ", ";
    ::print(os, i.upper);
    os << ", " << i.step;
    return;
  case Opcode::End: os << "end"; return;
  case Opcode::Wait: os << "wait " << i.token; return;
  }
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
      os << ".buffer " << buffer.name << " : " << toString(buffer.type) << "[";
      llvm::interleaveComma(buffer.shape, os, [&](int64_t size) {
        if (size == kDynamicRows)
          os << "M";
        else
          os << size;
      });
      os << "]\n";
    }
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
