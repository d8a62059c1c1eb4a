//===- SampleHash.h - a hash of a part of a large file ----------*- C++ -*-===//
//
// Reading every byte of a model's weights takes as long as computing its first token. A sample of them tells the file apart from one
// of another compilation, from one with a hole where a copy stopped, and from one that was shifted or overwritten by whole megabytes.
// It does not see a few changed bytes: those are for the hash of the whole file.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SUPPORT_SAMPLEHASH_H
#define LUTRA_SUPPORT_SAMPLEHASH_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace lutra {

/// Files up to this size are hashed as a whole when they are opened.
inline constexpr uint64_t kSampledBytes = uint64_t(64) << 20;

/// xxh3 of the xxh3s of the first MiB, of 4 KiB in each MiB after it, and of the last 4 KiB.
uint64_t sampleHash(llvm::StringRef bytes);

} // namespace lutra

#endif // LUTRA_SUPPORT_SAMPLEHASH_H
