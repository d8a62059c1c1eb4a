//===- SafetensorsInternal.h - what the reader and the writer share -------===//
//
// Private to lib/Support.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_SUPPORT_SAFETENSORSINTERNAL_H
#define LUTRA_LIB_SUPPORT_SAFETENSORSINTERNAL_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace lutra {

/// Tensors of this prefix fill the gaps that alignment leaves: the format allows no holes.
inline constexpr llvm::StringLiteral kSafetensorsFiller = "lutra.filler.";

/// The format's own bound on the header's length.
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

} // namespace lutra

#endif // LUTRA_LIB_SUPPORT_SAFETENSORSINTERNAL_H
