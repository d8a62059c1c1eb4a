//===- Artifact.cpp - an artifact directory appears whole or not ----------===//
#include "lutra/Codegen/Artifact.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace lutra;

/// Whether a directory may be replaced: it is empty or was made by this compiler.
static bool isReplaceable(StringRef path) {
  std::error_code error;
  if (sys::fs::directory_iterator(path, error) == sys::fs::directory_iterator() && !error)
    return true;
  SmallString<128> manifest(path);
  sys::path::append(manifest, "manifest.json");
  ErrorOr<std::unique_ptr<MemoryBuffer>> text = MemoryBuffer::getFile(manifest);
  return text && (*text)->getBuffer().contains("\"lutra-artifact\"");
}

Expected<ArtifactDirectory> ArtifactDirectory::create(StringRef path) {
  ArtifactDirectory artifact;
  while (path.size() > 1 && path.ends_with("/"))
    path = path.drop_back();
  if (path.empty())
    return createStringError("expected the name of a directory to write to");
  artifact.destination = path.str();
  if (sys::fs::exists(path)) {
    if (!sys::fs::is_directory(path))
      return createStringError("cannot write the artifact '" + path + "': a file of that name is in the way");
    if (!isReplaceable(path))
      return createStringError("will not replace the directory '" + path +
                               "': it holds files, but it is not an artifact of lutrac (no manifest.json); remove it or choose "
                               "another name");
  }
  SmallString<128> temporary;
  for (int attempt = 0; attempt < 16; ++attempt) {
    sys::fs::createUniquePath(path + ".tmp-%%%%%%%%", temporary, /*MakeAbsolute=*/false);
    std::error_code error = sys::fs::create_directory(temporary, /*IgnoreExisting=*/false, sys::fs::all_all);
    if (!error) {
      artifact.temporary = temporary.str().str();
      return artifact;
    }
    if (error != std::errc::file_exists)
      return createStringError("cannot write the artifact '" + path + "': " + error.message());
  }
  return createStringError("cannot make a temporary directory beside '" + path + "'");
}

ArtifactDirectory::ArtifactDirectory(ArtifactDirectory &&other)
    : destination(std::move(other.destination)), temporary(std::move(other.temporary)) {
  other.temporary.clear();
}

ArtifactDirectory::~ArtifactDirectory() {
  if (!temporary.empty())
    sys::fs::remove_directories(temporary);
}

std::string ArtifactDirectory::file(StringRef name) const {
  SmallString<128> path(temporary);
  sys::path::append(path, name);
  return path.str().str();
}

Error ArtifactDirectory::commit() {
  std::string old;
  if (sys::fs::exists(destination)) {
    old = temporary + ".old";
    if (std::error_code error = sys::fs::rename(destination, old))
      return createStringError("cannot replace '" + destination + "': " + error.message());
  }
  if (std::error_code error = sys::fs::rename(temporary, destination)) {
    if (!old.empty())
      sys::fs::rename(old, destination);
    return createStringError("cannot put the artifact in place at '" + destination + "': " + error.message());
  }
  temporary.clear();
  if (!old.empty())
    sys::fs::remove_directories(old);
  return Error::success();
}
