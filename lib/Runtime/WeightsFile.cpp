//===- WeightsFile.cpp - maps and checks the weights ----------------------===//
//
// The mapping is private and read-only. A file that shrinks afterwards would fault, as with any mapping: the checks
// are about what is there when the session opens.
//
//===----------------------------------------------------------------------===//
#include "lutra/Runtime/WeightsFile.h"

#include "lutra/Support/SampleHash.h"
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

MappedFile::~MappedFile() {
  if (base)
    ::munmap(base, length);
}

Expected<MappedFile> MappedFile::open(StringRef path) {
  auto fail = [&](const char *what) {
    return createStringError("cannot " + Twine(what) + " '" + path + "': " + std::strerror(errno));
  };
  int fd = ::open(path.str().c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail("open");
  struct stat info;
  if (::fstat(fd, &info) != 0) {
    Error error = fail("examine");
    ::close(fd);
    return error;
  }
  MappedFile file;
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    return createStringError("'" + path + "' is not a regular file");
  }
  if (info.st_size > 0) {
    void *base = ::mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (base == MAP_FAILED) {
      Error error = fail("map");
      ::close(fd);
      return error;
    }
    file.base = static_cast<char *>(base);
    file.length = info.st_size;
    // Hints: failures change speed only. Huge pages first, so that populating can use them where the file system can.
    ::madvise(base, info.st_size, MADV_HUGEPAGE);
    ::madvise(base, info.st_size, MADV_WILLNEED);
    ::madvise(base, info.st_size, MADV_POPULATE_READ);
  }
  ::close(fd);
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
  Expected<MappedFile> file = MappedFile::open(path);
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
