//===- Compare.h - whether two arrays are the same ------------------------===//
#ifndef LUTRA_TOOLS_LUTRA_BISECT_COMPARE_H
#define LUTRA_TOOLS_LUTRA_BISECT_COMPARE_H

#include "lutra/Support/Npy.h"
#include <optional>

namespace lutra {

/// How `left` and `right` differ, in words, or nothing when they are the same: bit for bit, an infinity or NaN being
/// the same as any other (docs/spec/numerics.md), or, with a positive `tolerance`, within that part of the greatest
/// finite magnitude of `left`.
std::optional<std::string> findDifference(const NpyArray &left, const NpyArray &right, double tolerance);

} // namespace lutra

#endif // LUTRA_TOOLS_LUTRA_BISECT_COMPARE_H
