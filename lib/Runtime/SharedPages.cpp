//===- SharedPages.cpp - memory of huge pages for small files -------------===//
#include "SharedPages.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstdint>
#include <mutex>
#include <string>
#include <sys/mman.h>

using namespace llvm;
using namespace lutra;

namespace {
/// Pieces begin at pages, as mapped files do.
constexpr size_t kPageBytes = 4096;
/// Address space of a region. Pages are there once they are written to: only the last one is in part unused.
constexpr size_t kRegionBytes = 16 * kHugePageBytes;

struct Region {
  /// Null `begin`: the system gave nothing.
  Region() {
    void *mapped = ::mmap(nullptr, kRegionBytes + kHugePageBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
      return;
    base = mapped;
    begin = reinterpret_cast<char *>(alignTo(reinterpret_cast<uintptr_t>(mapped), kHugePageBytes));
    if (::madvise(begin, kRegionBytes, MADV_HUGEPAGE) != 0)
      begin = nullptr;
  }
  ~Region() {
    if (base)
      ::munmap(base, kRegionBytes + kHugePageBytes);
  }
  Region(const Region &) = delete;
  Region &operator=(const Region &) = delete;

  void *base = nullptr;
  char *begin = nullptr;
  size_t used = 0;
};
} // namespace

/// What Linux says about huge pages, once.
static bool hasHugePages() {
  static const bool has = [] {
    auto read = [](const char *name) {
      // The kernel states no sizes of these files.
      auto text = MemoryBuffer::getFileAsStream(Twine("/sys/kernel/mm/transparent_hugepage/") + name);
      return text ? (*text)->getBuffer().trim().str() : std::string();
    };
    return read("hpage_pmd_size") == std::to_string(kHugePageBytes) && !StringRef(read("enabled")).contains("[never]");
  }();
  return has;
}

std::shared_ptr<char> lutra::allocateSharedPages(size_t bytes) {
  if (!hasHugePages())
    return nullptr;
  static std::mutex mutex;
  static std::weak_ptr<Region> last;
  std::lock_guard<std::mutex> lock(mutex);
  const size_t room = alignTo(bytes, kPageBytes);
  std::shared_ptr<Region> region = last.lock();
  if (!region || kRegionBytes - region->used < room) {
    region = std::make_shared<Region>();
    if (!region->begin)
      return nullptr;
    last = region;
  }
  char *piece = region->begin + region->used;
  region->used += room;
  return std::shared_ptr<char>(std::move(region), piece);
}
