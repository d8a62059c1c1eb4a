//===- Encoding.cpp - the binary form of a program ------------------------===//
//
// docs/spec/lmma-isa.md, "Binary encoding". The operands of an instruction are listed once, for the writer and for the
// reader. What a reader accepts is what the assembler accepts: a decoded program is printed and assembled again.
//
//===----------------------------------------------------------------------===//

#include "Format.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/LEB128.h"
#include "llvm/Support/xxhash.h"

#include <bit>

using namespace lutra::ltc;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

static constexpr llvm::StringLiteral kMagic = "LMMB";
static constexpr unsigned kHeader = 8, kChecksum = 8;

namespace {

/// Appends fields to a string.
class Writer {
public:
  void number(uint64_t value) { llvm::encodeULEB128(value, os); }
  void number(unsigned value) { llvm::encodeULEB128(value, os); }
  void number(int64_t value) { llvm::encodeSLEB128(value, os); }
  void number(int32_t value) { llvm::encodeSLEB128(value, os); }
  void number(float value) { llvm::encodeULEB128(std::bit_cast<uint32_t>(value), os); }
  void name(const std::string &value) {
    number(unsigned(value.size()));
    os << value;
  }
  template <typename Element>
  void listSize(const llvm::SmallVectorImpl<Element> &list) {
    number(unsigned(list.size()));
  }
  template <typename Enum>
  void byte(Enum value, unsigned, const char *) {
    os << char(value);
  }
  void field(const Instruction &i, Field which) { number(get(i, which)); }

  std::string bytes;
  llvm::raw_string_ostream os{bytes};
};

/// Takes fields from bytes; the first failure sticks, and every field after it is zero.
class Reader {
public:
  explicit Reader(StringRef bytes) : bytes(bytes) {}

  void number(uint64_t &value) {
    unsigned length = 0;
    const char *why = nullptr;
    value = llvm::decodeULEB128(bytes.bytes_begin() + at, &length, bytes.bytes_end(), &why);
    advance(length, why);
  }
  void number(int64_t &value) {
    unsigned length = 0;
    const char *why = nullptr;
    value = llvm::decodeSLEB128(bytes.bytes_begin() + at, &length, bytes.bytes_end(), &why);
    advance(length, why);
  }
  void number(unsigned &value) { narrow<uint64_t>(value); }
  void number(int32_t &value) { narrow<int64_t>(value); }
  void number(float &value) {
    unsigned bits = 0;
    number(bits);
    value = std::bit_cast<float>(bits);
  }
  template <typename Enum>
  void byte(Enum &value, unsigned count, const char *what) {
    uint8_t found = next();
    if (found >= count)
      fail("expected " + Twine(what) + " of 0 to " + Twine(count - 1) + ", but found " + Twine(unsigned(found)));
    else
      value = Enum(found);
  }
  void field(Instruction &i, Field which) {
    int64_t value = 0;
    number(value);
    set(i, which, value);
    if (get(i, which) != value)
      fail("expected a number of 32 bits for " + toString(which) + ", but found " + Twine(value));
  }
  uint8_t next() {
    if (at < bytes.size() && !failed())
      return uint8_t(bytes[at++]);
    fail("the file ends here; it is truncated");
    return 0;
  }
  void name(std::string &value) {
    unsigned size = count();
    value = bytes.substr(at, size).str();
    at += size;
  }
  template <typename Element>
  void listSize(llvm::SmallVectorImpl<Element> &list) {
    list.resize(std::min(count(), 8u));
  }
  /// A number of things that follow, each of a byte at least.
  unsigned count() {
    unsigned value = 0;
    number(value);
    if (value > bytes.size() - at)
      fail("expected " + Twine(value) + " more bytes at least; the file is truncated"), value = 0;
    return value;
  }
  void fail(const Twine &text) {
    if (message.empty()) {
      llvm::raw_string_ostream(message) << "byte " << llvm::format_hex(at, 6) << ": " << text;
      at = bytes.size();
    }
  }
  bool failed() const { return !message.empty(); }
  bool atEnd() const { return at >= bytes.size(); }

  std::string message;

private:
  template <typename Wide, typename Narrow>
  void narrow(Narrow &value) {
    Wide wide = 0;
    number(wide);
    value = Narrow(wide);
    if (Wide(value) != wide)
      fail("expected a number of 32 bits, but found " + Twine(wide)), value = 0;
  }
  void advance(unsigned length, const char *why) {
    if (why)
      fail("expected a number in LEB128; the file is truncated or altered here");
    else
      at += length;
  }

  StringRef bytes;
  size_t at = 0;
};

} // namespace

template <typename Stream, typename Affine>
static void visitAffine(Stream &stream, Affine &affine) {
  stream.number(affine.constant);
  for (auto &coefficient : affine.coefficients)
    stream.number(coefficient);
}

template <typename Stream, typename Address>
static void visitAddress(Stream &stream, Address &address) {
  stream.number(address.buffer);
  stream.listSize(address.indices);
  for (auto &index : address.indices)
    visitAffine(stream, index);
}

template <typename Stream, typename Type>
static void visitType(Stream &stream, Type &type) {
  stream.byte(type, kElementTypes, "an element type");
}

/// The operands after the opcode, in the order of the text.
template <typename Stream, typename Instruction>
static void visitOperands(Stream &stream, Instruction &i) {
  switch (i.opcode) {
  case Opcode::Zero:
    visitType(stream, i.type);
    stream.number(i.dst);
    return stream.number(i.value);
  case Opcode::Lmma:
    for (auto *size : {&i.m, &i.n, &i.k})
      stream.number(*size);
    visitType(stream, i.type);
    stream.byte(i.weights, 3, "a kind of weights");
    visitType(stream, i.out);
    for (auto *value : {&i.planes, &i.dst, &i.src[2], &i.src[0], &i.table, &i.src[1], &i.weightTable, &i.plane})
      stream.number(*value);
    return;
  case Opcode::Loop:
    stream.number(i.dst);
    for (auto *bound : {&i.lower, &i.upper}) {
      stream.number(bound->constant);
      stream.number(bound->rowsMultiple);
    }
    return stream.number(i.step);
  default: break;
  }
  const Format &format = formatOf(i.opcode);
  if (!format.types.empty())
    visitType(stream, i.type);
  for (const Operand &operand : format.operands) {
    switch (operand.kind) {
    case Operand::Register: stream.number(operand.index < 0 ? i.dst : i.src[operand.index]); break;
    case Operand::Address: visitAddress(stream, i.address); break;
    case Operand::Source: visitAddress(stream, i.source); break;
    case Operand::Number:
    case Operand::Option:
    case Operand::Default: stream.field(i, operand.field); break;
    case Operand::Float: stream.number(i.value); break;
    case Operand::Sizes:
      stream.listSize(i.sizes);
      for (auto &size : i.sizes)
        stream.number(size);
      break;
    }
  }
}

/// A kernel's buffer, as the directives say.
template <typename Stream, typename Buffer>
static void visitBuffer(Stream &stream, Buffer &buffer) {
  stream.name(buffer.name);
  visitType(stream, buffer.type);
  stream.byte(buffer.space, 2, "a memory");
  stream.listSize(buffer.shape);
  for (auto &size : buffer.shape)
    stream.number(size);
}

/// The grid: no columns where there is none.
template <typename Stream, typename Grid>
static void visitGrid(Stream &stream, Grid &grid) {
  stream.number(grid.columns);
  if (!grid.columns)
    return;
  stream.number(grid.rows);
  stream.number(grid.swizzle);
  stream.number(grid.reg);
}

std::string lutra::ltc::encode(const Program &program) {
  Writer writer;
  writer.os << kMagic;
  char version[4];
  llvm::support::endian::write32le(version, program.version);
  writer.os << StringRef(version, sizeof(version));
  writer.number(unsigned(program.kernels.size()));
  for (const Kernel &kernel : program.kernels) {
    writer.name(kernel.name);
    writer.number(unsigned(kernel.buffers.size()));
    for (const Buffer &buffer : kernel.buffers)
      visitBuffer(writer, buffer);
    visitGrid(writer, kernel.grid);
    writer.number(unsigned(kernel.code.size()));
    for (const Instruction &i : kernel.code) {
      writer.os << char(i.opcode);
      visitOperands(writer, i);
    }
  }
  char checksum[kChecksum];
  llvm::support::endian::write64le(checksum, llvm::xxh3_64bits(writer.bytes));
  writer.os << StringRef(checksum, sizeof(checksum));
  return std::move(writer.bytes);
}

static void decodeKernel(Reader &reader, Kernel &kernel, std::string &where) {
  reader.name(kernel.name);
  kernel.buffers.resize(reader.count());
  for (Buffer &buffer : kernel.buffers)
    visitBuffer(reader, buffer);
  visitGrid(reader, kernel.grid);
  const unsigned size = reader.count();
  for (unsigned at = 0; at < size && !reader.failed(); ++at) {
    where.clear();
    llvm::raw_string_ostream(where) << "kernel '" << kernel.name << "', address " << llvm::format_hex(at, 6) << ": ";
    Instruction i;
    const uint8_t opcode = reader.next();
    if (opcode >= kOpcodes)
      return reader.fail("expected an opcode of 0 to " + Twine(kOpcodes - 1) + ", but found " +
                         Twine(unsigned(opcode)));
    i.opcode = Opcode(opcode);
    visitOperands(reader, i);
    kernel.code.push_back(std::move(i));
  }
  where.clear();
}

llvm::Expected<Program> lutra::ltc::decode(StringRef bytes, StringRef fileName) {
  auto error = [&](const Twine &message) { return llvm::createStringError(fileName + ": " + message); };
  if (!bytes.starts_with(kMagic) || bytes.size() < kHeader + kChecksum)
    return error("expected a program of the LUT tensor core, which begins with '" + Twine(kMagic) +
                 "' and has at least " + Twine(kHeader + kChecksum) + " bytes");
  const uint32_t version = llvm::support::endian::read32le(bytes.data() + kMagic.size());
  if (version != kProgramVersion)
    return error("program version " + Twine(version) + " is not supported; this reader expects version " +
                 Twine(kProgramVersion) + ": compile the model again with this Lutra");
  const StringRef hashed = bytes.drop_back(kChecksum);
  Program program;
  Reader reader(hashed);
  for (unsigned skipped = 0; skipped < kHeader; ++skipped)
    reader.next();
  std::string where;
  program.kernels.resize(reader.count());
  for (Kernel &kernel : program.kernels)
    if (!reader.failed())
      decodeKernel(reader, kernel, where);
  if (!reader.failed() && !reader.atEnd())
    reader.fail("expected the end of the file; there are bytes after the last kernel");
  if (reader.failed())
    return error(where + reader.message);
  if (llvm::support::endian::read64le(bytes.data() + hashed.size()) != llvm::xxh3_64bits(hashed))
    return error("the checksum does not fit; the file is truncated or altered");
  std::string text, again;
  llvm::raw_string_ostream os(text);
  program.print(os);
  llvm::Expected<Program> checked = assemble(text, fileName);
  if (!checked)
    return checked.takeError();
  llvm::raw_string_ostream osAgain(again);
  checked->print(osAgain);
  if (text != again)
    return error("a name or an operand has no form in the assembly text");
  return std::move(*checked);
}

llvm::Expected<Program> lutra::ltc::readProgram(StringRef bytes, StringRef fileName) {
  return bytes.starts_with(kMagic) ? decode(bytes, fileName) : assemble(bytes, fileName);
}
