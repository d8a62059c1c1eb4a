//===- Assembler.cpp - assembly text to a program -------------------------===//
//
// Reads the grammar of docs/spec/lmma-isa.md, "Assembly text", a line at a time: a line holds one directive or one
// instruction. Syntax and names end here; capacities and ranges are the verifier's.
//
//===----------------------------------------------------------------------===//

#include "Format.h"
#include "Line.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace lutra::ltc;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

namespace {

class Assembler {
public:
  Assembler(StringRef text, StringRef fileName) : text(text), fileName(fileName) {}
  llvm::Expected<Program> run();

private:
  Error directive(Line &line, StringRef source);
  void instruction(Line &line, Instruction &result);
  void lmma(Line &line, StringRef mnemonic, Instruction &result);
  bool opcode(StringRef mnemonic, Instruction &result);
  void operands(Line &line, Instruction &result);
  Error buffer(Line &line, StringRef source, MemorySpace space);
  Error grid(Line &line, StringRef source);
  Affine affine(Line &line);
  Address address(Line &line);
  Bound bound(Line &line);
  Error error(const Twine &message, StringRef source = "") const;
  Kernel &kernel() { return program.kernels.back(); }

  StringRef text, fileName;
  Program program;
  unsigned lineNumber = 0;
  bool sawVersion = false, inKernel = false;
};

} // namespace

Error Assembler::error(const Twine &message, StringRef source) const {
  std::string result;
  llvm::raw_string_ostream os(result);
  os << fileName << ":" << lineNumber << ": ";
  if (inKernel && !program.kernels.empty() && !source.starts_with("."))
    os << "kernel '" << program.kernels.back().name << "', address "
       << llvm::format_hex(program.kernels.back().code.size(), 6) << ": ";
  os << message;
  if (!source.empty())
    os << "\n  " << source;
  return llvm::createStringError(llvm::inconvertibleErrorCode(), result);
}

Affine Assembler::affine(Line &line) {
  Affine result;
  do {
    if (line.peekLetter('r')) {
      unsigned index = line.reg(RegisterFile::Loop);
      if (index >= kLoopRegisters)
        return line.fail("loop register r" + Twine(index) + " does not exist; there are r0 to r" +
                         Twine(kLoopRegisters - 1)),
               result;
      result.coefficients[index] += 1;
      continue;
    }
    int64_t value = line.integer("an integer or a loop register");
    if (!line.consume('*')) {
      result.constant += value;
      continue;
    }
    unsigned index = line.reg(RegisterFile::Loop);
    if (index >= kLoopRegisters)
      return line.fail("loop register r" + Twine(index) + " does not exist; there are r0 to r" +
                       Twine(kLoopRegisters - 1)),
             result;
    result.coefficients[index] += value;
  } while (line.consume('+'));
  return result;
}

Address Assembler::address(Line &line) {
  Address result;
  StringRef name = line.word("a buffer's name");
  auto found = llvm::find_if(kernel().buffers, [&](const Buffer &buffer) { return buffer.name == name; });
  if (!line.failed() && found == kernel().buffers.end())
    line.fail("no buffer is called '" + name + "' in this kernel; declare it with '.buffer " + name +
              " : type[sizes]'");
  result.buffer = found - kernel().buffers.begin();
  line.expect('[');
  do
    result.indices.push_back(affine(line));
  while (line.consume(','));
  line.expect(']');
  return result;
}

Bound Assembler::bound(Line &line) {
  Bound result;
  if (!line.peekWord("rows")) {
    result.constant = line.integer("an integer or rows(multiple)");
    return result;
  }
  line.word("rows");
  line.expect('(');
  result.rowsMultiple = line.integer("a multiple");
  if (!line.failed() && result.rowsMultiple < 1)
    line.fail("expected a multiple of at least 1 in rows(...), but found " + Twine(result.rowsMultiple));
  line.expect(')');
  return result;
}

/// lmma.m2n64k4.i8.w4.i32.i32 a0, t0[3], w0[3]
void Assembler::lmma(Line &line, StringRef mnemonic, Instruction &i) {
  llvm::SmallVector<StringRef, 6> parts;
  mnemonic.split(parts, '.');
  auto bad = [&] {
    line.fail("expected lmma.m<M>n<N>k<K>.<i8|i16|f16|bf16|f8|bf8|f32>.<w1..w8|wt|wfp4>.<i32|f32>.<i32|f32|f16> with the "
              "accumulator of the table's kind, but found '" +
              mnemonic + "'");
  };
  StringRef shape = parts.size() == 6 ? parts[1] : "";
  auto number = [&](char letter, unsigned &value) {
    return shape.consume_front(StringRef(&letter, 1)) && !shape.consumeInteger(10, value);
  };
  if (parts.size() != 6 || !number('m', i.m) || !number('n', i.n) || !number('k', i.k) || !shape.empty())
    return bad();
  std::optional<ElementType> type = parseElementType(parts[2]), acc = parseElementType(parts[4]),
                             out = parseElementType(parts[5]);
  StringRef width = parts[3];
  if (!type || !acc || !out || !width.consume_front("w"))
    return bad();
  if (width == "t")
    i.weights = WeightKind::Ternary, i.planes = 2;
  else if (width == "fp4")
    i.weights = WeightKind::FP4, i.planes = 4;
  else if (width.getAsInteger(10, i.planes))
    return bad();
  const bool isLegal = out == acc || out == ElementType::F16 || out == ElementType::F32;
  if (type == ElementType::I32 || (*acc != ElementType::I32 && *acc != ElementType::F32) || !isLegal)
    return bad();
  // Sums of integers are exact in i32 and not in f32; f32 is for what leaves the array.
  if (const ElementType own = accumulatorType(*type); acc != own) {
    std::string advice;
    if (own == ElementType::I32)
      advice = "; for a sum in f32 write " + llvm::join(llvm::ArrayRef(parts).take_front(4), ".") + ".i32.f32";
    return line.fail("entries of " + toString(*type) + " accumulate in " + toString(own) + ", not in " + toString(*acc) + advice);
  }
  i.opcode = Opcode::Lmma;
  i.type = *type;
  i.out = *out;
  i.dst = line.reg(accumulatorFile(*out));
  line.expect(',');
  if (out != acc) {
    i.src[2] = line.reg(accumulatorFile(*acc));
    line.expect(',');
  }
  i.src[0] = line.reg(RegisterFile::Table);
  line.expect('[');
  i.table = line.count("a table");
  line.expect(']');
  line.expect(',');
  i.src[1] = line.reg(RegisterFile::Weight);
  line.expect('[');
  i.weightTable = line.count("a table");
  if (line.consume(','))
    i.plane = line.count("a plane");
  line.expect(']');
}

/// The operands that a format describes.
void Assembler::operands(Line &line, Instruction &i) {
  bool first = true;
  for (const Operand &operand : formatOf(i.opcode).operands) {
    if (operand.kind == Operand::Default && !line.peekOption(toString(operand.field))) {
      set(i, operand.field, defaultOf(operand.field));
      continue;
    }
    if (!first && operand.kind != Operand::Option && operand.kind != Operand::Default)
      line.expect(',');
    first = false;
    switch (operand.kind) {
    case Operand::Register: (operand.index < 0 ? i.dst : i.src[operand.index]) = line.reg(fileOf(operand, i)); break;
    case Operand::Address: i.address = address(line); break;
    case Operand::Source: i.source = address(line); break;
    case Operand::Number: set(i, operand.field, line.count(("a " + toString(operand.field)).str().c_str())); break;
    case Operand::Option:
    case Operand::Default: set(i, operand.field, line.option(toString(operand.field))); break;
    case Operand::Float: i.value = line.number(); break;
    case Operand::Sizes:
      line.key("sizes");
      do
        i.sizes.push_back(line.integer("a size"));
      while (line.consume('x'));
      break;
    }
  }
}

/// Finds the instruction that `mnemonic` names: its own, or its own and a type.
bool Assembler::opcode(StringRef mnemonic, Instruction &i) {
  for (unsigned number = 0; number < kOpcodes; ++number) {
    const Format &format = formatOf(Opcode(number));
    StringRef suffix = mnemonic;
    if (Opcode(number) == Opcode::Lmma || !suffix.consume_front(format.mnemonic))
      continue;
    i.opcode = Opcode(number);
    if (format.types.empty() && suffix.empty())
      return true;
    if (!suffix.consume_front("."))
      continue;
    std::optional<ElementType> type = parseElementType(suffix);
    if (!type || !llvm::is_contained(format.types, *type))
      continue;
    i.type = *type;
    return true;
  }
  return false;
}

/// "ld.table.<i8|i16>, ld.rows.f32, ..."
static std::string allMnemonics() {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (unsigned number = 0; number < kOpcodes; ++number) {
    const Format &format = formatOf(Opcode(number));
    os << (number == 0 ? "" : number + 1 < kOpcodes ? ", " : " or ") << format.mnemonic;
    if (format.types.size() > 1) {
      os << ".<";
      llvm::interleave(format.types, os, [&](ElementType type) { os << toString(type); }, "|");
      os << ">";
    } else if (!format.types.empty()) {
      os << "." << toString(format.types.front());
    }
    os << (Opcode(number) == Opcode::Lmma ? ".*" : Opcode(number) == Opcode::Zero ? ", negzero" : "");
  }
  return text;
}

void Assembler::instruction(Line &line, Instruction &i) {
  StringRef mnemonic = line.word("an instruction");
  if (line.failed())
    return;
  if (mnemonic.starts_with("lmma."))
    return lmma(line, mnemonic, i);
  const bool negative = mnemonic == "negzero";
  if (!opcode(negative ? "zero" : mnemonic, i))
    return line.fail("unknown instruction '" + mnemonic + "'; expected " + allMnemonics());
  switch (i.opcode) {
  case Opcode::Zero:
    i.type = negative || line.peekLetter('f') ? ElementType::F32 : ElementType::I32;
    i.value = negative ? -0.0f : 0.0f;
    i.dst = line.reg(accumulatorFile(i.type));
    return;
  case Opcode::Loop:
    i.dst = line.reg(RegisterFile::Loop);
    line.expect(',');
    i.lower = bound(line);
    line.expect(',');
    i.upper = bound(line);
    line.expect(',');
    i.step = line.integer("a step");
    return;
  default: operands(line, i);
  }
}

Error Assembler::buffer(Line &line, StringRef source, MemorySpace space) {
  if (!inKernel || !kernel().code.empty())
    return error("a buffer belongs between '.kernel' and the kernel's first instruction", source);
  if (space == MemorySpace::Dram && kernel().numArguments() < kernel().buffers.size())
    return error("expected the buffers of a launch before the shared ones", source);
  Buffer buffer;
  buffer.line = lineNumber;
  buffer.space = space;
  buffer.name = line.word("a buffer's name").str();
  for (const Buffer &other : kernel().buffers)
    if (other.name == buffer.name)
      return error("a buffer called '" + Twine(buffer.name) + "' exists already; choose another name", source);
  line.expect(':');
  StringRef typeName = line.failed() ? "" : line.word("an element type");
  std::optional<ElementType> type = parseElementType(typeName);
  if (!type && !line.failed())
    return error("unknown element type '" + typeName + "'; expected i8, i16, i32, f16, bf16, f8 or f32", source);
  buffer.type = type.value_or(ElementType::I8);
  line.expect('[');
  do {
    if (line.peekWord("M")) {
      line.word("M");
      if (!buffer.shape.empty() || buffer.isShared())
        return error("only the first size of a buffer in DRAM may be M", source);
      buffer.shape.push_back(kDynamicRows);
    } else {
      buffer.shape.push_back(line.integer("a size or M"));
      if (!line.failed() && buffer.shape.back() < 1)
        return error("expected a size of at least 1, but found " + Twine(buffer.shape.back()), source);
    }
  } while (line.consume(','));
  line.expect(']');
  kernel().buffers.push_back(std::move(buffer));
  return Error::success();
}

Error Assembler::grid(Line &line, StringRef source) {
  if (!inKernel || !kernel().code.empty() || kernel().grid.columns)
    return error("one '.grid' may stand between '.kernel' and the kernel's first instruction", source);
  Grid &grid = kernel().grid;
  grid.line = lineNumber;
  grid.reg = line.reg(RegisterFile::Loop);
  grid.columns = line.option("columns");
  grid.rows = line.option("rows");
  grid.swizzle = line.option("swizzle");
  if (!line.failed() && (grid.columns < 1 || grid.swizzle < 1))
    return error("expected columns and a swizzle of at least 1", source);
  if (!line.failed() && grid.reg >= kLoopRegisters)
    return error("loop register r" + Twine(grid.reg) + " does not exist; there are r0 to r" + Twine(kLoopRegisters - 1),
                 source);
  return Error::success();
}

Error Assembler::directive(Line &line, StringRef source) {
  StringRef name = line.word("a directive");
  if (name == ".lmma") {
    if (sawVersion)
      return error("the version was stated before; remove this line", source);
    program.version = line.count("a version");
    sawVersion = true;
    if (!line.failed() && program.version != kProgramVersion)
      return error("program version " + Twine(program.version) + " is not supported; this reader expects version " +
                       Twine(kProgramVersion) + ": compile the model again with this Lutra",
                   source);
  } else if (!sawVersion) {
    return error("expected '.lmma " + Twine(kProgramVersion) + "' as the first line", source);
  } else if (name == ".kernel") {
    if (inKernel)
      return error("kernel '" + Twine(kernel().name) + "' is not closed; end it with '.end'", source);
    StringRef kernelName = line.word("a kernel's name");
    for (const Kernel &other : program.kernels)
      if (other.name == kernelName)
        return error("a kernel called '" + kernelName + "' exists already; choose another name", source);
    program.kernels.emplace_back();
    kernel().name = kernelName.str();
    inKernel = true;
  } else if (name == ".buffer" || name == ".shared") {
    if (Error failure = buffer(line, source, name == ".shared" ? MemorySpace::Shared : MemorySpace::Dram))
      return failure;
  } else if (name == ".grid") {
    if (Error failure = grid(line, source))
      return failure;
  } else if (name == ".end") {
    if (!inKernel)
      return error("'.end' without '.kernel'", source);
    inKernel = false;
    if (Error loops = kernel().matchLoops())
      return error(llvm::toString(std::move(loops)));
  } else if (!line.failed()) {
    return error("unknown directive '" + name + "'; expected .lmma, .kernel, .buffer, .shared, .grid or .end", source);
  }
  line.expectEnd();
  return line.failed() ? error(line.error(), source) : Error::success();
}

llvm::Expected<Program> Assembler::run() {
  StringRef rest = text;
  while (!rest.empty()) {
    StringRef source;
    std::tie(source, rest) = rest.split('\n');
    source = source.trim();
    ++lineNumber;
    Line line(source);
    if (line.atEnd())
      continue;
    if (source.starts_with(".")) {
      if (Error failure = directive(line, source))
        return failure;
      continue;
    }
    if (!sawVersion)
      return error("expected '.lmma " + Twine(kProgramVersion) + "' as the first line", source);
    if (!inKernel)
      return error("an instruction stands outside of a kernel; begin one with '.kernel name'", source);
    Instruction result;
    result.line = lineNumber;
    instruction(line, result);
    line.expectEnd();
    if (line.failed())
      return error(line.error(), source);
    kernel().code.push_back(std::move(result));
  }
  if (!sawVersion)
    return error("the file is empty; expected '.lmma " + Twine(kProgramVersion) + "' as the first line");
  if (inKernel)
    return error("the file ends inside this kernel; it is truncated, or '.end' is missing");
  return std::move(program);
}

llvm::Expected<Program> lutra::ltc::assemble(StringRef text, StringRef fileName) {
  return Assembler(text, fileName).run();
}
