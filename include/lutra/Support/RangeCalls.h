//===- RangeCalls.h - calls that do a range of work -------------*- C++ -*-===//
//
// A function that does items [begin, end) of some work does in one call what it does in calls for [begin, middle) and [middle, end). Who makes
// a parallel loop of such calls, one for each item, says so; who deals the loop out to threads then makes one call for each, which can do better
// than item by item (read several parts of a weight side by side, say). A call for an empty range does nothing.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SUPPORT_RANGECALLS_H
#define LUTRA_SUPPORT_RANGECALLS_H

#include "llvm/ADT/StringRef.h"

namespace lutra {

/// i64 attribute of a call: the number of the operand that is the range's begin; the next one is its end. No other operand depends on the
/// innermost index of the loop around the call.
inline constexpr llvm::StringLiteral kRangeAttr = "lutra.range";

/// Unit attribute of such a call, and of the product that it is made from: its loop may run at the same time as the next one in the block, since neither reads
/// or writes what the other writes.
inline constexpr llvm::StringLiteral kWithNextAttr = "lutra.with_next";

/// Unit attribute of an scf.if: of value only where one thread runs the loops. Who deals them out leaves it to that case.
inline constexpr llvm::StringLiteral kAloneAttr = "lutra.alone";

} // namespace lutra

#endif // LUTRA_SUPPORT_RANGECALLS_H
