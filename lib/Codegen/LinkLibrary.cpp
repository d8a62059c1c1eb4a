//===- LinkLibrary.cpp - an object file becomes a shared library ----------===//
//
// LLD in a process of its own: the library form of LLD may leave the process in a bad state after an error. The output holds
// no path and no time, so that equal inputs give equal bytes.
//
// For a machine other than the host, the libraries that the model needs are stood in for by empty ones of the same names: the
// linker writes down the names, and the loader of that machine finds the symbols.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Emit.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;

/// LLD of the LLVM that Lutra was built with, else whatever the PATH has under a name that says its version.
static std::optional<std::string> findLinker() {
  if (sys::fs::can_execute(LUTRA_LLD_PATH))
    return LUTRA_LLD_PATH;
  for (StringRef name : {"ld.lld-22", "ld.lld"})
    if (ErrorOr<std::string> path = sys::findProgramByName(name))
      return *path;
  return std::nullopt;
}

/// Runs the linker; what it complains about goes to `problem`.
static bool runLinker(StringRef linker, ArrayRef<StringRef> args, std::string &problem) {
  SmallString<128> log;
  if (std::error_code error = sys::fs::createTemporaryFile("lutra-link", "log", log)) {
    problem = "cannot make a temporary file: " + error.message();
    return false;
  }
  FileRemover removeLog(log);
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log), StringRef(log)};
  SmallVector<StringRef> all{linker};
  all.append(args.begin(), args.end());
  int code = sys::ExecuteAndWait(linker, all, /*Env=*/std::nullopt, redirects, /*SecondsToWait=*/0, /*MemoryLimit=*/0, &problem);
  if (code == 0)
    return true;
  if (ErrorOr<std::unique_ptr<MemoryBuffer>> text = MemoryBuffer::getFile(log))
    problem += (*text)->getBuffer().rtrim();
  return false;
}

/// The linker's name for how `triple`'s files look.
static StringRef getEmulation(const Triple &triple) { return triple.isAArch64() ? "aarch64linux" : "elf_x86_64"; }

/// Empty libraries of the given names in a new temporary directory.
static std::optional<std::string> makeStandIns(StringRef linker, StringRef emulation, ArrayRef<StringRef> names,
                                               SmallVectorImpl<std::string> &paths, std::string &problem) {
  SmallString<128> directory;
  if (std::error_code error = sys::fs::createUniqueDirectory("lutra-link", directory)) {
    problem = "cannot make a temporary directory: " + error.message();
    return std::nullopt;
  }
  // The linker wants an input; an empty linker script is one.
  SmallString<128> script(directory);
  sys::path::append(script, "empty.ld");
  std::error_code error;
  raw_fd_ostream(script, error).flush();
  for (StringRef name : names) {
    SmallString<128> path(directory);
    sys::path::append(path, name);
    paths.push_back(path.str().str());
    if (!runLinker(linker, {"-m", emulation, "-shared", "-soname", name, "-o", path, script}, problem))
      break;
  }
  return directory.str().str();
}

mlir::LogicalResult lutra::linkLibrary(StringRef objectPath, StringRef libraryPath, const Machine &machine,
                                       mlir::Location loc) {
  std::optional<std::string> linker = findLinker();
  if (!linker)
    return mlir::emitError(loc) << "cannot find the linker 'ld.lld' (looked for " << LUTRA_LLD_PATH
                                << " and on the PATH): install lld-22, or run scripts/setup";
  std::string soname = sys::path::filename(libraryPath).str();
  SmallVector<StringRef> args{"-shared", "-o", libraryPath, "-soname", soname, objectPath};
  SmallVector<std::string> standIns;
  std::string standInDirectory, problem;
  llvm::scope_exit removeStandIns([&] {
    if (!standInDirectory.empty())
      sys::fs::remove_directories(standInDirectory);
  });
  StringRef libraries[] = {LUTRA_OMP_LIBRARY, LUTRA_MATH_LIBRARY, LUTRA_C_LIBRARY};
  // Where Lutra was not built but installed, they may lie elsewhere; their names are enough.
  if (machine.isHost() && all_of(libraries, [](StringRef library) { return sys::fs::exists(library); })) {
    args.append(std::begin(libraries), std::end(libraries));
    args.append({"--as-needed", "--no-undefined"});
  } else {
    StringRef emulation = getEmulation(Triple(machine.triple()));
    auto directory = makeStandIns(*linker, emulation, {"libomp.so.5", "libm.so.6", "libc.so.6"}, standIns, problem);
    standInDirectory = directory.value_or("");
    if (!problem.empty())
      return mlir::emitError(loc) << "cannot link the compiled model: " << problem;
    args.append({"-m", emulation, "--no-as-needed"});
    args.append(standIns.begin(), standIns.end());
  }
  args.append({"--gc-sections", "--build-id=none", "-z", "noexecstack", "-z", "now", "-z", "relro"});
  if (runLinker(*linker, args, problem))
    return mlir::success();
  return mlir::emitError(loc) << "cannot link the compiled model: " << *linker << " failed: " << problem;
}
