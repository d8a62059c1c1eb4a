//===- lutra-opt.cpp - run passes on textual IR ---------------------------===//
//
// An ordinary mlir-opt with upstream's and Lutra's dialects and passes. `--help` lists what is Lutra's own and the
// options used every day; `--help-hidden` has everything that MLIR and LLVM registered.
//
//===----------------------------------------------------------------------===//
#include "lutra/InitAll.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <utility>
#include <vector>

static constexpr llvm::StringLiteral usage = R"(OVERVIEW: run MLIR and Lutra passes on a .mlir file

USAGE: lutra-opt [options] [passes] [input.mlir]        (standard input when no file is named)

RUN:
  --<pass>[="option=value ..."]        Run a pass; several run in the order given
  --pass-pipeline=<text>               Run a textual pipeline, as in 'builtin.module(func.func(canonicalize))'
  -o <file>                            Write there instead of to standard output
  --split-input-file                   Treat parts divided by '// -----' as separate files
  --verify-diagnostics                 Check diagnostics against 'expected-error' comments
  --run-reproducer                     Run the pipeline that a crash reproducer carries

INSPECT:
  --mlir-print-ir-after-all            Print the IR after each pass (also -before-all, -after-change, -after=<pass>)
  --mlir-print-debuginfo               Print locations: the ONNX node of each operation
  --mlir-elide-elementsattrs-if-larger=<n>, --mlir-elide-resource-strings-if-larger=<n>
                                       Do not print large constants
  --mlir-timing                        Print how long each pass took
  -Rpass=<regex>, -Rpass-missed=<regex>, -Rpass-analysis=<regex>
                                       Print what passes did, did not do, and measured, and why
  --remarks-output-file=<file>         Write remarks as YAML instead: those asked for, else all
  --emit-bytecode                      Write bytecode instead of text
  --help, --help-hidden, --version     This page; every option, with those of MLIR and LLVM; versions

LUTRA )";

static constexpr llvm::StringLiteral examples = R"(
Upstream's passes (canonicalize, cse, one-shot-bufferize, ...) are there too: see --list-passes.

EXAMPLES:
  lutra-opt model.mlir --convert-onnx-to-lowbit --canonicalize
  lutra-opt model.mlir --pass-pipeline='builtin.module(func.func(cse))' --mlir-print-ir-after-all
)";

/// Clang's names of the options for remarks, as in lutrac, in terms of MLIR's.
static std::vector<std::string> translateRemarkOptions(llvm::ArrayRef<char *> arguments) {
  constexpr std::pair<llvm::StringLiteral, llvm::StringLiteral> filters[] = {
      {"Rpass=", "--remarks-filter-passed="},
      {"Rpass-missed=", "--remarks-filter-missed="},
      {"Rpass-analysis=", "--remarks-filter-analyse="}};
  std::vector<std::string> result;
  bool isFiltered = false, isTranslated = false;
  std::string file;
  for (llvm::StringRef argument : arguments) {
    llvm::StringRef name = argument.starts_with("-") ? argument.ltrim('-') : llvm::StringRef();
    auto *filter = llvm::find_if(filters, [&](auto &candidate) { return name.starts_with(candidate.first); });
    if (filter != std::end(filters)) {
      // Clang's patterns match anywhere in a name, MLIR's the whole of it.
      result.push_back((filter->second + llvm::Twine(".*(") + name.drop_front(filter->first.size()) + ").*").str());
      isTranslated = true;
    } else {
      result.push_back(argument.str());
    }
    isFiltered |= filter != std::end(filters) || name.starts_with("remarks-filter");
    if (name.consume_front("remarks-output-file="))
      file = name.str();
  }
  auto isGiven = [&](llvm::StringRef option) {
    return llvm::any_of(result, [&](llvm::StringRef argument) { return argument.ltrim('-').starts_with(option); });
  };
  if (!file.empty() && !isFiltered)
    result.push_back("--remarks-filter=.*");
  if (!file.empty() && !isGiven("remark-format="))
    result.push_back("--remark-format=yaml");
  if ((isTranslated || !file.empty()) && !isGiven("remark-policy="))
    result.push_back("--remark-policy=all");
  return result;
}

int main(int argc, char **argv) {
  // Lutra's passes first: on --help the registry then holds nothing else.
  lutra::registerAllLutraPasses();
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef arg = argv[i];
    if (arg == "--help" || arg == "-help" || arg == "-h") {
      llvm::outs() << usage;
      llvm::outs().flush();
      mlir::printRegisteredPasses();
      llvm::outs() << examples;
      return 0;
    }
  }
  mlir::registerAllPasses();
  mlir::DialectRegistry registry;
  lutra::registerEverything(registry);
  std::vector<std::string> arguments = translateRemarkOptions(llvm::ArrayRef(argv, argc));
  std::vector<char *> pointers;
  for (std::string &text : arguments)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(static_cast<int>(arguments.size()), pointers.data(), "Lutra's optimizer driver\n", registry));
}
