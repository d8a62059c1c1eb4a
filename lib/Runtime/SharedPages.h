//===- SharedPages.h - memory of huge pages for small files -----*- C++ -*-===//
//
// Private to lib/Runtime. A file that is smaller than a huge page cannot be mapped by one: each 4 KB of it costs a walk
// of the page tables, which is as long as a walk to memory when other data passed in between, and longer in a virtual
// machine. So files like that are copied side by side into huge pages.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_RUNTIME_SHAREDPAGES_H
#define LUTRA_LIB_RUNTIME_SHAREDPAGES_H

#include <cstddef>
#include <memory>

namespace lutra {

/// Files from this size on are mapped: a huge page of x86-64, and of AArch64 with pages of 4 KB.
inline constexpr size_t kHugePageBytes = size_t(2) << 20;

/// A place for `bytes`, fewer than kHugePageBytes, in huge pages that others' pieces lie in, too; they are freed with
/// the last of these. Null where the system has no huge pages of that size, or no memory. Thread-safe.
std::shared_ptr<char> allocateSharedPages(size_t bytes);

} // namespace lutra

#endif // LUTRA_LIB_RUNTIME_SHAREDPAGES_H
