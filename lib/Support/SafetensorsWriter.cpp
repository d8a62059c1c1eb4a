//===- SafetensorsWriter.cpp - streams tensors into a safetensors file ----===//
//
// The sizes are known before the bytes, so the header goes first and each tensor is produced into one reused buffer.
// The bytes go to a temporary file beside the target, renamed at the end: a reader never sees half a file.
//
//===----------------------------------------------------------------------===//
#include "lutra/Support/Safetensors.h"

#include "SafetensorsInternal.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace llvm;
using namespace lutra;

/// Bytes of one write, each at a multiple of itself: a file system whose cache has huge pages (2 MiB on x86-64 and AArch64) takes whole ones for them, which a
/// mapping of the weights then shares. A product reads those 10 to 20 % faster than single pages of 4 KiB.
static constexpr size_t kWriteBytes = size_t(4) << 20;

uint64_t SafetensorsWriter::add(StringRef name, DType dtype, ArrayRef<int64_t> shape) {
  uint64_t start = alignTo(end, kTensorAlignment);
  if (start != end) {
    SafetensorsEntry filler;
    filler.name = (kSafetensorsFiller + Twine(added.size())).str();
    filler.shape.push_back(start - end);
    filler.offset = end;
    filler.size = start - end;
    entries.push_back(std::move(filler));
  }
  SafetensorsEntry entry;
  entry.name = name.str();
  entry.dtype = dtype;
  entry.shape.assign(shape.begin(), shape.end());
  entry.offset = start;
  entry.size = dtypeSize(dtype);
  for (int64_t dim : shape)
    entry.size *= dim;
  end = start + entry.size;
  added.push_back(entries.size());
  entries.push_back(std::move(entry));
  return start;
}

/// The length word and the JSON header, padded with spaces so that the data starts at a multiple of the alignment.
static std::string makeHeader(ArrayRef<SafetensorsEntry> entries) {
  std::string text(8, '\0');
  raw_string_ostream os(text);
  json::OStream writer(os);
  writer.object([&] {
    for (const SafetensorsEntry &entry : entries)
      writer.attributeObject(entry.name, [&] {
        writer.attribute("dtype", dtypeSafetensorsName(entry.dtype));
        writer.attributeArray("shape", [&] {
          for (int64_t dim : entry.shape)
            writer.value(dim);
        });
        writer.attributeArray("data_offsets", [&] {
          writer.value(static_cast<int64_t>(entry.offset));
          writer.value(static_cast<int64_t>(entry.offset + entry.size));
        });
      });
  });
  writer.flush();
  text.resize(alignTo(text.size(), SafetensorsWriter::kDataAlignment), ' ');
  support::endian::write64le(text.data(), text.size() - 8);
  return text;
}

static Error writeTo(raw_ostream &os, ArrayRef<SafetensorsEntry> entries, const SafetensorsWriter::Producer &produce) {
  std::vector<char> buffer;
  size_t index = 0;
  for (const SafetensorsEntry &entry : entries) {
    if (StringRef(entry.name).starts_with(kSafetensorsFiller)) {
      os.write_zeros(entry.size);
      continue;
    }
    buffer.assign(entry.size, 0);
    if (Error error = produce(index++, buffer))
      return error;
    os.write(buffer.data(), buffer.size());
  }
  return Error::success();
}

Expected<SafetensorsSummary> SafetensorsWriter::write(StringRef path, const Producer &produce) const {
  StringSet<> names;
  for (size_t index : added)
    if (!names.insert(entries[index].name).second)
      return createStringError("'" + path + "': two tensors are named '" + entries[index].name + "'");

  std::string header = makeHeader(entries);
  if (header.size() - 8 > kMaxSafetensorsHeader)
    return createStringError("'" + path + "': the safetensors header of " + Twine(header.size()) +
                             " bytes is above the format's bound");
  Expected<sys::fs::TempFile> temp = sys::fs::TempFile::create(path + ".tmp-%%%%%%");
  if (!temp)
    return createStringError("cannot create '" + path + "': " + toString(temp.takeError()));
  {
    raw_fd_ostream os(temp->FD, /*shouldClose=*/false);
    os.SetBufferSize(kWriteBytes);
    os << header;
    Error error = writeTo(os, entries, produce);
    os.flush();
    if (!error && os.has_error())
      error = createStringError("cannot write '" + path + "': " + os.error().message());
    os.clear_error();
    if (error)
      return joinErrors(std::move(error), temp->discard());
  }
  if (Error error = temp->keep(path))
    return createStringError("cannot write '" + path + "': " + toString(std::move(error)));

  ErrorOr<std::unique_ptr<MemoryBuffer>> written =
      MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!written)
    return createStringError("cannot read '" + path + "' back: " + written.getError().message());
  SafetensorsSummary summary;
  summary.dataOffset = header.size();
  summary.bytes = (*written)->getBufferSize();
  summary.xxh3 = xxh3_64bits((*written)->getBuffer());
  if (summary.bytes != header.size() + end)
    return createStringError("'" + path + "' holds " + Twine(summary.bytes) + " bytes instead of " +
                             Twine(header.size() + end));
  return summary;
}
