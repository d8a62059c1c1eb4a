//===- Assembler.cpp - assembly text to a program -------------------------===//
//
// Reads the grammar of docs/spec/lmma-isa.md, "Assembly text", a line at a time: a line holds one directive or one
// instruction. Syntax and names end here; capacities and ranges are the verifier's.
//
//===----------------------------------------------------------------------===//

#include "lutra/Simulator/Program.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"

#include <cmath>
#include <cstdlib>
#include <optional>

using namespace lutra::ltc;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

namespace {

/// A cursor over one line. The first thing that does not fit sets `error`; what follows is then ignored.
class Line {
public:
  explicit Line(StringRef text) : rest(text.split(';').first.trim()) {}

  bool atEnd() const { return rest.empty(); }
  bool failed() const { return !message.empty(); }
  const std::string &error() const { return message; }
  void fail(const Twine &text) {
    if (message.empty())
      message = text.str();
  }

  /// The next word of a mnemonic, directive or name.
  StringRef word(const char *what) {
    StringRef result = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
    if (result.empty())
      return expected(what), "";
    return take(result.size());
  }
  bool consume(char c) {
    if (failed() || !rest.starts_with(StringRef(&c, 1)))
      return false;
    take(1);
    return true;
  }
  void expect(char c) {
    if (!consume(c))
      expected(("'" + Twine(c) + "'").str());
  }
  int64_t integer(const char *what) {
    StringRef digits = rest.take_front(rest.find_if_not([](char c) { return llvm::isDigit(c) || c == '-'; }));
    int64_t value = 0;
    if (digits.empty() || digits.getAsInteger(10, value))
      return expected(what), 0;
    take(digits.size());
    return value;
  }
  unsigned count(const char *what) {
    int64_t value = integer(what);
    if (value < 0 || value > 65535)
      return fail("expected " + Twine(what) + " between 0 and 65535, but found " + Twine(value)), 0;
    return value;
  }
  float number() {
    StringRef digits = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '.' || c == '-' || c == '+'; });
    std::string text = digits.str();
    char *end = nullptr;
    float value = std::strtof(text.c_str(), &end);
    if (digits.empty() || *end != 0 || !std::isfinite(value))
      return expected("a finite number"), 0;
    take(digits.size());
    return value;
  }
  /// A register of `file`, as in t12.
  unsigned reg(RegisterFile file) {
    char letter = letterOf(file);
    if (!rest.starts_with(StringRef(&letter, 1)) || rest.size() < 2 || !llvm::isDigit(rest[1]))
      return expected(("a register " + Twine(letter) + "0, " + Twine(letter) + "1, ...").str()), 0;
    take(1);
    return count("a register number");
  }
  /// `, key=integer`
  int64_t option(StringRef key) {
    expect(',');
    if (!failed() && !rest.consume_front(key))
      expected(key + "=");
    expect('=');
    int64_t value = integer("an integer");
    if (value < 0 || value > INT32_MAX)
      fail("expected " + key + "= between 0 and 2147483647, but found " + Twine(value));
    return value;
  }
  void expectEnd() {
    if (!atEnd())
      expected("the end of the line");
  }
  void expected(const Twine &what) {
    StringRef token = rest.take_until([](char c) { return c == ' ' || c == ','; });
    std::string found =
        rest.empty() ? "the end of the line" : ("'" + (token.empty() ? rest.take_front(1) : token) + "'").str();
    fail("expected " + what + ", but found " + found);
  }
  bool peekLetter(char c) const { return rest.size() > 1 && rest[0] == c && llvm::isDigit(rest[1]); }
  bool peekWord(StringRef text) const { return rest.starts_with(text); }

private:
  StringRef take(size_t size) {
    StringRef result = rest.take_front(size);
    rest = rest.drop_front(size).ltrim();
    return result;
  }
  StringRef rest;
  std::string message;
};

std::optional<ElementType> parseType(StringRef text) {
  return llvm::StringSwitch<std::optional<ElementType>>(text)
      .Case("i8", ElementType::I8)
      .Case("i16", ElementType::I16)
      .Case("i32", ElementType::I32)
      .Case("f16", ElementType::F16)
      .Case("f32", ElementType::F32)
      .Default(std::nullopt);
}

class Assembler {
public:
  Assembler(StringRef text, StringRef fileName) : text(text), fileName(fileName) {}
  llvm::Expected<Program> run();

private:
  Error directive(Line &line, StringRef source);
  void instruction(Line &line, Instruction &result);
  void lmma(Line &line, StringRef mnemonic, Instruction &result);
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
    line.fail("expected lmma.m<M>n<N>k<K>.<i8|i16|f16|f32>.w<1..8>.<i32|f32>.<i32|f32> with the accumulator of the "
              "table's kind, but found '" +
              mnemonic + "'");
  };
  StringRef shape = parts.size() == 6 ? parts[1] : "";
  auto number = [&](char letter, unsigned &value) {
    return shape.consume_front(StringRef(&letter, 1)) && !shape.consumeInteger(10, value);
  };
  if (parts.size() != 6 || !number('m', i.m) || !number('n', i.n) || !number('k', i.k) || !shape.empty())
    return bad();
  std::optional<ElementType> type = parseType(parts[2]), acc = parseType(parts[4]), out = parseType(parts[5]);
  StringRef width = parts[3];
  if (!type || !acc || acc != out || !width.consume_front("w") || width.getAsInteger(10, i.planes))
    return bad();
  if (type == ElementType::I32 || acc != (isFloat(*type) ? ElementType::F32 : ElementType::I32))
    return bad();
  i.opcode = Opcode::Lmma;
  i.type = *type;
  i.dst = line.reg(isFloat(*type) ? RegisterFile::AccF32 : RegisterFile::AccI32);
  line.expect(',');
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

void Assembler::instruction(Line &line, Instruction &i) {
  StringRef mnemonic = line.word("an instruction");
  auto comma = [&] { line.expect(','); };
  auto token = [&] {
    if (!line.failed() && !line.atEnd())
      i.token = line.option("token");
  };
  auto typed = [&](StringRef prefix, std::initializer_list<ElementType> allowed) {
    StringRef suffix = mnemonic;
    if (!suffix.consume_front(prefix))
      return false;
    for (ElementType type : allowed)
      if (suffix == toString(type)) {
        i.type = type;
        return true;
      }
    return false;
  };
  if (mnemonic.starts_with("lmma."))
    return lmma(line, mnemonic, i);
  if (typed("ld.table.", {ElementType::I8, ElementType::I16, ElementType::F16, ElementType::F32})) {
    i.opcode = Opcode::LoadTable;
    i.dst = line.reg(RegisterFile::Table);
    comma();
    i.address = address(line);
    i.tables = line.option("tables");
    token();
  } else if (mnemonic == "ld.rows.f32") {
    i.opcode = Opcode::LoadRows;
    i.dst = line.reg(RegisterFile::Rows);
    comma();
    i.address = address(line);
    token();
  } else if (mnemonic == "ld.weights") {
    i.opcode = Opcode::LoadWeights;
    i.dst = line.reg(RegisterFile::Weight);
    comma();
    i.address = address(line);
    i.planes = line.option("planes");
    i.tables = line.option("tables");
    i.pitch = line.option("pitch");
    token();
  } else if (typed("ld.cols.", {ElementType::F16, ElementType::F32, ElementType::I8})) {
    i.opcode = Opcode::LoadCols;
    i.dst = line.reg(RegisterFile::Cols);
    comma();
    i.address = address(line);
    token();
  } else if (mnemonic == "set.cols") {
    i.opcode = Opcode::SetCols;
    i.dst = line.reg(RegisterFile::Cols);
    comma();
    i.value = line.number();
  } else if (mnemonic == "zero") {
    i.opcode = Opcode::Zero;
    i.type = line.peekLetter('f') ? ElementType::F32 : ElementType::I32;
    i.dst = line.reg(i.type == ElementType::F32 ? RegisterFile::AccF32 : RegisterFile::AccI32);
  } else if (mnemonic == "negzero") {
    i.opcode = Opcode::Zero;
    i.value = -0.0f;
    i.dst = line.reg(RegisterFile::AccF32);
  } else if (mnemonic == "shift.f32") {
    i.opcode = Opcode::Shift;
    i.dst = line.reg(RegisterFile::AccF32);
    comma();
    i.src[0] = line.reg(RegisterFile::AccF32);
    comma();
    i.plane = line.count("a plane");
  } else if (typed("scale.", {ElementType::I32, ElementType::F32})) {
    i.opcode = Opcode::Scale;
    i.dst = line.reg(RegisterFile::AccF32);
    comma();
    i.src[0] = line.reg(i.type == ElementType::F32 ? RegisterFile::AccF32 : RegisterFile::AccI32);
    for (unsigned index = 1; index < 5; ++index) {
      comma();
      i.src[index] = line.reg(index < 3 ? RegisterFile::Rows : RegisterFile::Cols);
    }
  } else if (typed("fma.rows.", {ElementType::I32, ElementType::F32})) {
    i.opcode = Opcode::FmaRows;
    i.dst = line.reg(RegisterFile::AccF32);
    comma();
    i.src[0] = line.reg(i.type == ElementType::F32 ? RegisterFile::AccF32 : RegisterFile::AccI32);
    comma();
    i.src[1] = line.reg(RegisterFile::Rows);
  } else if (mnemonic == "fma.cols" || mnemonic == "fma.outer") {
    const bool isOuter = mnemonic == "fma.outer";
    i.opcode = isOuter ? Opcode::FmaOuter : Opcode::FmaCols;
    i.dst = line.reg(RegisterFile::AccF32);
    comma();
    i.src[0] = line.reg(isOuter ? RegisterFile::Rows : RegisterFile::AccF32);
    comma();
    i.src[1] = line.reg(RegisterFile::Cols);
  } else if (mnemonic == "st.f32") {
    i.opcode = Opcode::Store;
    i.address = address(line);
    comma();
    i.dst = line.reg(RegisterFile::AccF32);
  } else if (mnemonic == "loop") {
    i.opcode = Opcode::Loop;
    i.dst = line.reg(RegisterFile::Loop);
    comma();
    i.lower = bound(line);
    comma();
    i.upper = bound(line);
    comma();
    i.step = line.integer("a step");
  } else if (mnemonic == "end") {
    i.opcode = Opcode::End;
  } else if (mnemonic == "wait") {
    i.opcode = Opcode::Wait;
    i.token = int32_t(std::min(line.count("a token"), unsigned(INT32_MAX)));
  } else if (!line.failed()) {
    line.fail("unknown instruction '" + mnemonic +
              "'; expected ld.table.<i8|i16|f16|f32>, ld.rows.f32, ld.weights, ld.cols.<f16|f32|i8>, set.cols, zero, "
              "negzero, "
              "lmma.*, shift.f32, "
              "scale.<i32|f32>, fma.rows.<i32|f32>, fma.cols, fma.outer, st.f32, loop, end or wait");
  }
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
  } else if (name == ".buffer") {
    if (!inKernel || !kernel().code.empty())
      return error("'.buffer' belongs between '.kernel' and the kernel's first instruction", source);
    Buffer buffer;
    buffer.line = lineNumber;
    buffer.name = line.word("a buffer's name").str();
    for (const Buffer &other : kernel().buffers)
      if (other.name == buffer.name)
        return error("a buffer called '" + Twine(buffer.name) + "' exists already; choose another name", source);
    line.expect(':');
    StringRef typeName = line.failed() ? "" : line.word("an element type");
    std::optional<ElementType> type = parseType(typeName);
    if (!type && !line.failed())
      return error("unknown element type '" + typeName + "'; expected i8, i16, i32, f16 or f32", source);
    buffer.type = type.value_or(ElementType::I8);
    line.expect('[');
    do {
      if (line.peekWord("M")) {
        line.word("M");
        if (!buffer.shape.empty())
          return error("only the first size of a buffer may be M", source);
        buffer.shape.push_back(kDynamicRows);
      } else {
        buffer.shape.push_back(line.integer("a size or M"));
        if (!line.failed() && buffer.shape.back() < 1)
          return error("expected a size of at least 1, but found " + Twine(buffer.shape.back()), source);
      }
    } while (line.consume(','));
    line.expect(']');
    kernel().buffers.push_back(std::move(buffer));
  } else if (name == ".end") {
    if (!inKernel)
      return error("'.end' without '.kernel'", source);
    inKernel = false;
    if (Error loops = kernel().matchLoops())
      return error(llvm::toString(std::move(loops)));
  } else if (!line.failed()) {
    return error("unknown directive '" + name + "'; expected .lmma, .kernel, .buffer or .end", source);
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
