//===- Npy.cpp - NumPy's .npy files ---------------------------------------===//
//
// The header is a Python dict literal: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }. The parser accepts
// just that shape of text, keys in any order, and nothing else.
//
//===----------------------------------------------------------------------===//
#include "lutra/Support/Npy.h"

#include "lutra/Support/WriteFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace lutra;

static constexpr StringLiteral kMagic = "\x93NUMPY";

namespace {
struct Descr {
  DType dtype;
  StringLiteral text;
};
} // namespace

static constexpr Descr descrs[] = {
    {DType::F32, "<f4"}, {DType::F64, "<f8"}, {DType::F16, "<f2"}, {DType::I8, "|i1"},
    {DType::I16, "<i2"}, {DType::I32, "<i4"}, {DType::I64, "<i8"}, {DType::U8, "|u1"},
    {DType::U16, "<u2"}, {DType::U32, "<u4"}, {DType::U64, "<u8"}, {DType::Bool, "|b1"},
};

SmallVector<int64_t, 4> lutra::rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t, 4> strides(shape.size(), 1);
  for (size_t i = shape.size(); i > 1; --i)
    strides[i - 2] = strides[i - 1] * shape[i - 1];
  return strides;
}

std::string lutra::shapeText(ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "scalar";
  return llvm::join(llvm::map_range(shape, [](int64_t dim) { return std::to_string(dim); }), "x");
}

int64_t NpyArray::numElements() const {
  int64_t count = 1;
  for (int64_t dim : shape)
    count *= dim;
  return count;
}

SmallVector<int64_t, 4> NpyArray::strides() const { return rowMajorStrides(shape); }

NpyArray NpyArray::zeros(DType dtype, ArrayRef<int64_t> shape) {
  NpyArray array;
  array.dtype = dtype;
  array.shape.assign(shape.begin(), shape.end());
  array.bytes.assign(array.numElements() * dtypeSize(dtype), 0);
  return array;
}

namespace {
/// A cursor over the header's dict literal.
struct DictParser {
  StringRef rest;

  bool eat(StringRef token) {
    rest = rest.ltrim(" \n");
    return rest.consume_front(token);
  }
  std::optional<StringRef> quoted() {
    rest = rest.ltrim(" \n");
    if (rest.empty() || (rest.front() != '\'' && rest.front() != '"'))
      return std::nullopt;
    size_t close = rest.find(rest.front(), 1);
    if (close == StringRef::npos)
      return std::nullopt;
    StringRef text = rest.slice(1, close);
    rest = rest.drop_front(close + 1);
    return text;
  }
  bool shape(SmallVectorImpl<int64_t> &dims) {
    if (!eat("("))
      return false;
    while (!eat(")")) {
      rest = rest.ltrim(' ');
      uint64_t dim;
      if (rest.consumeInteger(10, dim) || dim > INT64_MAX)
        return false;
      rest.consume_front("L");
      dims.push_back(dim);
      if (!eat(",")) {
        if (!eat(")"))
          return false;
        break;
      }
    }
    return true;
  }
};
} // namespace

static Error npyError(StringRef path, const Twine &message) { return createStringError("'" + path + "': " + message); }

static Error parseDict(StringRef text, StringRef path, NpyArray &array) {
  DictParser dict{text};
  bool descr = false, order = false, shape = false;
  auto malformed = [&] { return npyError(path, "malformed .npy header: " + text.trim()); };
  if (!dict.eat("{"))
    return malformed();
  while (!dict.eat("}")) {
    std::optional<StringRef> key = dict.quoted();
    if (!key || !dict.eat(":"))
      return malformed();
    if (*key == "descr") {
      std::optional<StringRef> value = dict.quoted();
      if (!value)
        return npyError(path, "structured .npy types are not supported: " + text.trim());
      std::string wanted = value->str();
      if (wanted.size() == 3 && wanted[2] == '1')
        wanted[0] = '|'; // One-byte types have no byte order.
      const Descr *found = llvm::find_if(descrs, [&](const Descr &d) { return d.text == wanted; });
      if (found == std::end(descrs))
        return npyError(path, "unsupported .npy element type '" + *value +
                                  "' (expected little-endian f2, f4, f8, i1 to i8, u1 to u8 or b1)");
      array.dtype = found->dtype;
      descr = true;
    } else if (*key == "fortran_order") {
      if (dict.eat("True"))
        return npyError(path, "Fortran-ordered .npy files are not supported: save numpy.ascontiguousarray(a)");
      if (!dict.eat("False"))
        return malformed();
      order = true;
    } else if (*key == "shape") {
      if (!dict.shape(array.shape))
        return malformed();
      shape = true;
    } else {
      return npyError(path, "unexpected key '" + *key + "' in the .npy header");
    }
    dict.eat(",");
  }
  if (!descr || !order || !shape)
    return npyError(path, "the .npy header lacks 'descr', 'fortran_order' or 'shape'");
  return Error::success();
}

Expected<NpyArray> lutra::parseNpy(StringRef bytes, StringRef path) {
  if (!bytes.starts_with(kMagic) || bytes.size() < 10)
    return npyError(path, "not a .npy file (no \\x93NUMPY at its start)");
  unsigned major = static_cast<unsigned char>(bytes[6]);
  size_t lengthBytes = major == 1 ? 2 : 4;
  if (major < 1 || major > 3)
    return npyError(path, ".npy format " + Twine(major) + " is not supported (expected 1.0 or 2.0)");
  if (bytes.size() < 8 + lengthBytes)
    return npyError(path, "truncated .npy header");
  uint64_t length =
      major == 1 ? support::endian::read16le(bytes.data() + 8) : support::endian::read32le(bytes.data() + 8);
  size_t headerEnd = 8 + lengthBytes + length;
  if (headerEnd > bytes.size())
    return npyError(path, "truncated .npy header");
  NpyArray array;
  if (Error error = parseDict(bytes.slice(8 + lengthBytes, headerEnd), path, array))
    return error;
  int64_t need = dtypeSize(array.dtype);
  for (int64_t dim : array.shape)
    if (__builtin_mul_overflow(need, dim, &need))
      return npyError(path, "the shape's size does not fit 64 bits");
  StringRef data = bytes.drop_front(headerEnd);
  if (data.size() != static_cast<uint64_t>(need))
    return npyError(path, "holds " + Twine(data.size()) + " bytes of data, but " + shapeText(array.shape) + " " +
                              dtypeName(array.dtype) + " needs " + Twine(need));
  array.bytes.assign(data.begin(), data.end());
  return array;
}

Expected<NpyArray> lutra::readNpy(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer =
      MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError("cannot read '" + path + "': " + buffer.getError().message());
  return parseNpy((*buffer)->getBuffer(), path);
}

Error lutra::writeNpy(StringRef path, const NpyArray &array) {
  const Descr *descr = llvm::find_if(descrs, [&](const Descr &d) { return d.dtype == array.dtype; });
  if (descr == std::end(descrs))
    return npyError(path, "the .npy format has no type for " + dtypeName(array.dtype));
  std::string dict = ("{'descr': '" + descr->text + "', 'fortran_order': False, 'shape': (").str();
  for (int64_t dim : array.shape)
    dict += std::to_string(dim) + ",";
  dict += "), }";
  // The data starts at a multiple of 64; the header ends in a newline.
  dict.resize(alignTo(10 + dict.size() + 1, 64) - 10 - 1, ' ');
  dict += '\n';
  char length[2];
  support::endian::write16le(length, dict.size());
  return writeFile(path, [&](raw_ostream &os) {
    os << kMagic << '\x01' << '\x00' << StringRef(length, 2) << dict;
    os.write(array.bytes.data(), array.bytes.size());
    return Error::success();
  });
}
