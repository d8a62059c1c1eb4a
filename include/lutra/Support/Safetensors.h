//===- Safetensors.h - reading and writing the safetensors container ------===//
//
// A safetensors file is an 8-byte little-endian header length, a JSON header (name -> dtype, shape, data_offsets) and
// the tensors' bytes. The reader refuses everything that the format forbids (holes, overlaps, sizes that disagree with
// shapes, bytes after the last tensor). The writer streams: no more than one tensor is in memory, the data starts at a
// page, tensors start at 64 bytes (the gaps are named filler tensors, since the format allows no holes), and the file
// appears under its name only when it is complete.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SUPPORT_SAFETENSORS_H
#define LUTRA_SUPPORT_SAFETENSORS_H

#include "lutra/Support/DType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <string>
#include <vector>

namespace lutra {

/// One tensor of a file. `offset` counts from the start of the data, not of the file.
struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::U8;
  llvm::SmallVector<int64_t, 4> shape;
  uint64_t offset = 0;
  uint64_t size = 0;
};

/// The parsed header of a file.
struct SafetensorsHeader {
  /// Where the data starts in the file.
  uint64_t dataOffset = 0;
  /// Ordered by offset, filler tensors left out.
  std::vector<SafetensorsEntry> entries;

  /// The entry of that name, or null.
  const SafetensorsEntry *find(llvm::StringRef name) const;
};

/// Parses and checks the header of the file whose bytes are `file`; `path` is for the messages.
llvm::Expected<SafetensorsHeader> parseSafetensors(llvm::StringRef file, llvm::StringRef path);

/// What a written file is, for a manifest.
struct SafetensorsSummary {
  uint64_t dataOffset = 0;
  uint64_t bytes = 0;
  uint64_t xxh3 = 0;
};

/// Lays out and writes a file:
///   SafetensorsWriter writer;
///   uint64_t offset = writer.add("w", DType::U8, {1024});
///   Expected<SafetensorsSummary> s = writer.write(path, [&](size_t i, MutableArrayRef<char> out) { ...; });
class SafetensorsWriter {
public:
  /// Tensors start at multiples of this in the data.
  static constexpr uint64_t kTensorAlignment = 64;
  /// The data starts at a multiple of this in the file.
  static constexpr uint64_t kDataAlignment = 4096;

  /// Fills the whole buffer with the bytes of the tensor that the `index`-th call of `add` declared.
  using Producer = std::function<llvm::Error(size_t index, llvm::MutableArrayRef<char> bytes)>;

  /// Appends a tensor and returns its offset from the start of the data. Names must be unique (`write` checks).
  uint64_t add(llvm::StringRef name, DType dtype, llvm::ArrayRef<int64_t> shape);

  /// Bytes of the data so far: the size of the buffer that the offsets point into.
  uint64_t dataSize() const { return end; }

  /// Writes the file. Each tensor is produced once, in the order of `add`, into a buffer of its size.
  llvm::Expected<SafetensorsSummary> write(llvm::StringRef path, const Producer &produce) const;

private:
  std::vector<SafetensorsEntry> entries; // Fillers included.
  std::vector<size_t> added;             // Entry of the i-th `add`.
  uint64_t end = 0;
};

} // namespace lutra

#endif // LUTRA_SUPPORT_SAFETENSORS_H
