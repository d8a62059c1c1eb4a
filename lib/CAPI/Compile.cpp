//===- Compile.cpp - the compiler through the C API -----------------------===//
//
// Diagnostics become the error's text. A crash of the compiler in the calling thread (a fatal error of LLVM's backend,
// say) becomes an error too: the caller may be an interpreter with work of its own to save.
//
//===----------------------------------------------------------------------===//
#include "Guard.h"

#include "lutra-c/lutra.h"
#include "lutra/Driver/Driver.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lutra;

/// "file:line:col: ", or "node 'name': ", or nothing.
static std::string describeLocation(Location loc) {
  std::string text;
  loc->walk([&](Location part) {
    if (auto file = dyn_cast<FileLineColLoc>(part))
      text = (file.getFilename().getValue() + ":" + Twine(file.getLine()) + ":" + Twine(file.getColumn()) + ": ").str();
    else if (auto name = dyn_cast<NameLoc>(part))
      text = ("'" + name.getName().getValue() + "': ").str();
    return text.empty() ? WalkResult::advance() : WalkResult::interrupt();
  });
  return text;
}

static llvm::Error compile(const CompileOptions &options) {
  DialectRegistry registry;
  registerForCompilation(registry);
  MLIRContext context(registry);
  std::string messages;
  llvm::raw_string_ostream os(messages);
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return failure(); // Warnings and remarks: the next handler's.
    os << (messages.empty() ? "" : "\n") << describeLocation(diagnostic.getLocation()) << diagnostic;
    for (Diagnostic &note : diagnostic.getNotes())
      os << "\n  " << describeLocation(note.getLocation()) << note;
    return success();
  });
  if (succeeded(compileModel(options, context)))
    return llvm::Error::success();
  return llvm::createStringError(messages.empty() ? "compilation failed without a diagnostic (a bug: please report it)"
                                                  : messages);
}

int lutraCompile(const char *model, const char *outDir, const char *target, const char *const *targetOptions,
                 int numTargetOptions, void (*progress)(const char *phase, double fraction, void *user), void *user,
                 char **error) {
  if (!model || !outDir)
    return toStatus(llvm::createStringError("lutraCompile: the model or the output directory is null"), error);
  if (numTargetOptions < 0 || (numTargetOptions > 0 && !targetOptions))
    return toStatus(llvm::createStringError("lutraCompile: the target options are null"), error);
  CompileOptions options;
  options.input = model;
  options.output = outDir;
  if (target)
    options.target = target;
  for (int i = 0; i < numTargetOptions; ++i) {
    if (!targetOptions[i])
      return toStatus(llvm::createStringError("lutraCompile: target option " + Twine(i) + " is null"), error);
    options.targetOptions.push_back(targetOptions[i]);
  }
  if (progress)
    options.progress = [=](llvm::StringRef step, double fraction) { progress(step.str().c_str(), fraction, user); };

  int status = 1;
  llvm::CrashRecoveryContext::Enable();
  llvm::CrashRecoveryContext recovery;
  bool survived = recovery.RunSafely([&] { status = toStatus(compile(options), error); });
  llvm::CrashRecoveryContext::Disable();
  if (survived)
    return status;
  return toStatus(llvm::createStringError("the compiler crashed on '" + llvm::StringRef(model) +
                                          "' (a bug: please report it; lutrac on the same model prints where)"),
                  error);
}
