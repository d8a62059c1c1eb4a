//===- SafetensorsReader.cpp - a strict parser of safetensors headers -----===//
//
// The header comes from outside: no number in it is trusted before it is compared with the file's size.
//
//===----------------------------------------------------------------------===//
#include "lutra/Support/Safetensors.h"

#include "SafetensorsInternal.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"

using namespace llvm;
using namespace lutra;

const SafetensorsEntry *SafetensorsHeader::find(StringRef name) const {
  auto it = llvm::find_if(entries, [&](const SafetensorsEntry &e) { return e.name == name; });
  return it == entries.end() ? nullptr : &*it;
}

namespace {
/// Parses one header; every failure names the file.
class HeaderParser {
public:
  HeaderParser(StringRef file, StringRef path) : file(file), path(path) {}

  Expected<SafetensorsHeader> parse();

private:
  Error fail(const Twine &message) const { return createStringError("'" + path + "': " + message); }
  Expected<SafetensorsEntry> parseEntry(StringRef name, const json::Value &value) const;

  StringRef file, path;
};
} // namespace

Expected<SafetensorsEntry> HeaderParser::parseEntry(StringRef name, const json::Value &value) const {
  auto bad = [&](const Twine &what) { return fail("tensor '" + name + "' in the safetensors header: " + what); };
  const json::Object *object = value.getAsObject();
  if (!object)
    return bad("expected an object with dtype, shape and data_offsets");
  SafetensorsEntry entry;
  entry.name = name.str();

  std::optional<StringRef> dtypeText = object->getString("dtype");
  if (!dtypeText)
    return bad("'dtype' is missing or not a string");
  std::optional<DType> dtype = dtypeFromSafetensorsName(*dtypeText);
  if (!dtype)
    return bad("unknown dtype '" + *dtypeText + "'");
  entry.dtype = *dtype;

  const json::Array *shape = object->getArray("shape");
  if (!shape)
    return bad("'shape' is missing or not an array");
  uint64_t bytes = dtypeSize(*dtype);
  for (const json::Value &dim : *shape) {
    std::optional<int64_t> size = dim.getAsInteger();
    if (!size || *size < 0)
      return bad("'shape' must hold non-negative integers");
    entry.shape.push_back(*size);
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(*size), &bytes))
      return bad("the shape's size does not fit 64 bits");
  }

  const json::Array *offsets = object->getArray("data_offsets");
  std::optional<int64_t> begin, end;
  if (offsets && offsets->size() == 2) {
    begin = (*offsets)[0].getAsInteger();
    end = (*offsets)[1].getAsInteger();
  }
  if (!begin || !end || *begin < 0 || *end < *begin)
    return bad("'data_offsets' must be two ascending non-negative integers");
  entry.offset = *begin;
  entry.size = *end - *begin;
  if (entry.size != bytes)
    return bad("data_offsets span " + Twine(entry.size) + " bytes, but dtype and shape need " + Twine(bytes));
  return entry;
}

Expected<SafetensorsHeader> HeaderParser::parse() {
  if (file.size() < 8)
    return fail("not a safetensors file: " + Twine(file.size()) + " bytes, fewer than the 8 of the header length");
  uint64_t length = support::endian::read64le(file.data());
  if (length < 2 || length > kMaxSafetensorsHeader || length > file.size() - 8)
    return fail("the safetensors header length " + Twine(length) + " does not fit the file of " + Twine(file.size()) +
                " bytes: the file is truncated or not a safetensors file");
  SafetensorsHeader header;
  header.dataOffset = 8 + length;
  StringRef text = file.substr(8, length);
  if (text.front() != '{')
    return fail("the safetensors header does not start with '{'");
  Expected<json::Value> value = json::parse(text.rtrim(' '));
  if (!value)
    return fail("the safetensors header is not JSON: " + toString(value.takeError()));
  const json::Object *object = value->getAsObject();
  if (!object)
    return fail("the safetensors header is not a JSON object");

  for (const auto &[key, member] : *object) {
    if (key == "__metadata__")
      continue;
    Expected<SafetensorsEntry> entry = parseEntry(key, member);
    if (!entry)
      return entry.takeError();
    header.entries.push_back(std::move(*entry));
  }
  llvm::sort(header.entries, [](const SafetensorsEntry &a, const SafetensorsEntry &b) {
    return std::tie(a.offset, a.size, a.name) < std::tie(b.offset, b.size, b.name);
  });
  uint64_t end = 0;
  for (const SafetensorsEntry &entry : header.entries) {
    if (entry.offset != end)
      return fail("tensor '" + Twine(entry.name) + "' starts at data offset " + Twine(entry.offset) + ", expected " +
                  Twine(end) + ": safetensors allows neither holes nor overlaps");
    end = entry.offset + entry.size;
  }
  uint64_t dataBytes = file.size() - header.dataOffset;
  if (end > dataBytes)
    return fail("the safetensors header describes " + Twine(end) + " bytes of data, but the file holds " +
                Twine(dataBytes) + ": it is truncated");
  if (end < dataBytes)
    return fail(Twine(dataBytes - end) + " bytes follow the last tensor: not a valid safetensors file");
  llvm::erase_if(header.entries,
                 [](const SafetensorsEntry &e) { return StringRef(e.name).starts_with(kSafetensorsFiller); });
  return header;
}

Expected<SafetensorsHeader> lutra::parseSafetensors(StringRef file, StringRef path) {
  return HeaderParser(file, path).parse();
}
