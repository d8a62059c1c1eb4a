//===- WeightsFile.cpp - maps and checks the weights ----------------------===//
//
// The mapping is private and read-only. A file that shrinks afterwards would fault, as with any mapping: the checks
// are about what is there when the session opens. Of a small file they are about the copy.
//
//===----------------------------------------------------------------------===//
#include "lutra/Runtime/WeightsFile.h"

#include "SharedPages.h"
#include "lutra/Support/SampleHash.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/xxhash.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 // Linux 5.14; older kernels answer EINVAL, which is ignored.
#endif

using namespace llvm;
using namespace lutra;

/// Reads `bytes` from the beginning of the file; false with errno set, or 0 where the file ends before.
static bool readWhole(int fd, char *to, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    const ssize_t count = ::pread(fd, to + done, bytes - done, done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) {
      errno = count < 0 ? errno : 0;
      return false;
    }
    done += count;
  }
  return true;
}

Expected<MappedFile> MappedFile::open(StringRef path, FileUse use) {
  auto fail = [&](const char *what) {
    return createStringError("cannot " + Twine(what) + " '" + path + "': " + (errno ? std::strerror(errno) : "it ends before its size"));
  };
  const int fd = ::open(path.str().c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail("open");
  auto closing = llvm::scope_exit([&] { ::close(fd); });
  struct stat info;
  if (::fstat(fd, &info) != 0)
    return fail("examine");
  if (!S_ISREG(info.st_mode))
    return createStringError("'" + path + "' is not a regular file");
  MappedFile file;
  const size_t size = info.st_size;
  if (size == 0)
    return file;
  if (std::shared_ptr<char> copy = use == FileUse::Lasting && size < kHugePageBytes ? allocateSharedPages(size) : nullptr) {
    if (!readWhole(fd, copy.get(), size))
      return fail("read");
    file.text = {copy.get(), size};
    file.memory = std::move(copy);
    return file;
  }
  void *base = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (base == MAP_FAILED)
    return fail("map");
  file.text = {static_cast<char *>(base), size};
  file.memory = std::shared_ptr<void>(base, [size](void *mapped) { ::munmap(mapped, size); });
  // Hints: failures change speed only. Huge pages first, so that populating can use them where the file system can.
  ::madvise(base, size, MADV_HUGEPAGE);
  ::madvise(base, size, MADV_WILLNEED);
  ::madvise(base, size, MADV_POPULATE_READ);
  return file;
}

Error lutra::checkFile(const Manifest &manifest, const ManifestFile &file, StringRef bytes, HashCheck check) {
  std::string path = manifest.pathOf(file.file);
  if (bytes.size() != file.bytes)
    return createStringError("'" + Twine(path) + "' has " + Twine(bytes.size()) + " bytes, but manifest.json says " +
                             Twine(file.bytes) +
                             ": the file is truncated or of another compilation; compile the model again");
  if (check == HashCheck::None)
    return Error::success();
  // An artifact without a hash of samples is checked as a whole.
  bool isSampled = check == HashCheck::Sample && bytes.size() > kSampledBytes && file.sample;
  uint64_t hash = isSampled ? sampleHash(bytes) : xxh3_64bits(bytes), expected = isSampled ? *file.sample : file.xxh3;
  if (hash == expected)
    return Error::success();
  return createStringError(formatv("'{0}' was altered: its xxh3{1} is {2:x-16}, but manifest.json says {3:x-16}; copy the artifact "
                                   "again or compile the model again",
                                   path, isSampled ? " of samples" : "", hash, expected)
                               .str());
}

Expected<WeightsFile> WeightsFile::open(const Manifest &manifest, HashCheck check) {
  std::string path = manifest.pathOf(manifest.weights.file);
  Expected<MappedFile> file = MappedFile::open(path, FileUse::Lasting);
  if (!file)
    return file.takeError();
  if (Error error = checkFile(manifest, manifest.weights, file->bytes(), check))
    return error;
  WeightsFile weights;
  weights.file = std::move(*file);
  Expected<SafetensorsHeader> header = parseSafetensors(weights.file.bytes(), path);
  if (!header)
    return header.takeError();
  if (header->dataOffset != manifest.weights.dataOffset)
    return createStringError("'" + Twine(path) + "': the data starts at byte " + Twine(header->dataOffset) +
                             ", but manifest.json says " + Twine(manifest.weights.dataOffset));
  weights.header = std::move(*header);
  return weights;
}
