//===- lutrac.cpp - the compiler driver -----------------------------------===//
//
// Options in, lib/Driver does the work. Exit code 0: done; 1: one diagnostic says what is wrong. `--help` fits one screen; what is
// needed rarely is in `--help-hidden`.
//
//===----------------------------------------------------------------------===//
#include "dialects/onnx/IR/NodeNames.h"
#include "lib/Conversion/ONNXToLowbit/ONNXToLowbit.h"
#include "lutra/Driver/Driver.h"
#include "lutra/InitAll.h"
#include "lutra/Support/Version.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Remark/RemarkStreamer.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Remarks/RemarkFormat.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/JSON.h"

#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <tuple>

using namespace llvm;

static constexpr StringLiteral kHelp = R"(OVERVIEW: Lutra compiles low-bit language models from ONNX to lookup-table code

USAGE: lutrac <model.onnx | module.mlir> -o <output> [options]

INPUT AND OUTPUT:
  -o <path>                       The artifact directory to write (replaced if it is an artifact); for --emit=
                                  other than artifact a file, or - for standard output
  --emit=<kind>                   artifact (default), mlir, llvm, asm or obj
  --compile-from=<phase>          Phase of a .mlir input, when its operations do not tell
  --compile-to=<phase>            Stop after a phase and write its MLIR:
                                  onnx, lowbit, tables, lut, loops or llvm
  --follow-links-within=<folder>  Read external data through symbolic links inside this folder (a hub's cache)

TARGET:
  --target=<name>                 cpu (default); --print-targets lists all with their options and facts
  --target-option=<t>.<key>=<v>   Set an option of a target; may be given several times
  --print-targets                 List targets, options and what this machine is, and exit

INSPECT AND DIAGNOSE:
  --dump-compilation-phases-to=<folder>   Write the module after each phase
  -Rpass=<regex>, -Rpass-missed=<regex>, -Rpass-analysis=<regex>
                                  Print what optimizations did, did not do, and measured
  --remarks-output-file=<file>    Write all of that as YAML
  --crash-reproducer=<file>       Where a failing pass leaves its input for lutra-opt (none: do not)
  --progress                      Print each step as it begins
  --mlir-timing                   Print how long each pass took
  --print-operators               List ONNX operators with what is understood of them, as JSON, and exit
  --help, --help-hidden, --version

EXAMPLES:
  lutrac model.onnx -o model.lutra
  lutrac model.onnx --target-option=cpu.mcpu=x86-64-v3 --target-option=cpu.table=f32 --compile-to=tables -o -
)";

static cl::opt<std::string> input(cl::Positional, cl::desc("<model>"));
static cl::opt<std::string> output("o", cl::desc("Output"));
static cl::opt<std::string> emitKind("emit", cl::init("artifact"), cl::desc("What to write"));
static cl::opt<std::string> compileFrom("compile-from", cl::desc("Phase of the input"));
static cl::opt<std::string> compileTo("compile-to", cl::desc("Stop after this phase"));
static cl::opt<std::string> followLinks("follow-links-within", cl::desc("Follow symbolic links inside this folder"));
static cl::opt<std::string> targetName("target", cl::init("cpu"), cl::desc("Target"));
static cl::list<std::string> targetOptions("target-option", cl::desc("<target>.<key>=<value>"));
static cl::opt<bool> printTargets("print-targets", cl::desc("List targets"));
static cl::opt<bool> printOperators("print-operators", cl::desc("List ONNX operators"));
static cl::opt<std::string> dumpFolder("dump-compilation-phases-to", cl::desc("Write the module after each phase"));
static cl::opt<std::string> passed("Rpass", cl::desc("Remarks of passes that did something"));
static cl::opt<std::string> missed("Rpass-missed", cl::desc("Remarks of passes that did not"));
static cl::opt<std::string> analysis("Rpass-analysis", cl::desc("Remarks of analyses"));
static cl::opt<std::string> remarksFile("remarks-output-file", cl::desc("Write remarks as YAML"));
static cl::opt<std::string> crashReproducer("crash-reproducer", cl::desc("Where a failing pass leaves a reproducer"));
static cl::opt<bool> progress("progress", cl::desc("Print each step"));

static int fail(const Twine &message) {
  WithColor::error(errs(), "lutrac") << message << '\n';
  return 1;
}

/// Prints a diagnostic that no source file goes with: an ONNX node has a name instead of a line.
static void printDiagnostic(mlir::Diagnostic &diagnostic) {
  std::string message = diagnostic.str();
  SmallVector<StringRef> nodes;
  lutra::onnx::collectNodeNames(diagnostic.getLocation(), nodes);
  // A remark names its nodes once, in front.
  if (std::string field = " | Function=" + join(nodes, ", "); diagnostic.getSeverity() == mlir::DiagnosticSeverity::Remark)
    if (size_t place = message.find(field); place != std::string::npos)
      message.erase(place, field.size());
  if (any_of(nodes, [&](StringRef node) { return !StringRef(message).contains(node); }))
    message = (Twine(nodes.size() == 1 ? "node '" : "nodes '") + join(nodes, "', '") + "': " + message).str();
  switch (diagnostic.getSeverity()) {
  case mlir::DiagnosticSeverity::Error:
    WithColor::error(errs(), "lutrac") << message << '\n';
    break;
  case mlir::DiagnosticSeverity::Warning:
    WithColor::warning(errs(), "lutrac") << message << '\n';
    break;
  case mlir::DiagnosticSeverity::Note:
    WithColor::note(errs(), "lutrac") << message << '\n';
    break;
  case mlir::DiagnosticSeverity::Remark:
    WithColor::remark(errs(), "lutrac") << message << '\n';
    break;
  }
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    printDiagnostic(note);
}

static void printVersion(raw_ostream &os) {
  os << "lutrac " << lutra::versionNumber() << " (" << lutra::versionCommit() << "), LLVM " << lutra::versionLLVM() << '\n';
}

static void printAllTargets(raw_ostream &os) {
  for (std::unique_ptr<lutra::Target> &target : lutra::createAllTargets()) {
    os << target->name() << ": " << target->description() << '\n';
    for (const lutra::TargetOption &option : target->options()) {
      os << "  --target-option=" << target->name() << '.' << option.key << "=";
      os << (option.choices.empty() ? "<value>" : join(option.choices, "|"));
      os << "  " << option.help << " (default " << option.defaultValue << ")\n";
    }
    if (Error error = target->setOptions({})) {
      os << "  not usable here: " << toString(std::move(error)) << '\n';
      continue;
    }
    for (auto &[name, value] : target->facts())
      os << "  " << name << ": " << value << '\n';
  }
}

/// One object for each operator, and one more from each opset on that changes what is understood of it.
static void printAllOperators(raw_ostream &os) {
  constexpr int64_t firstOpset = 13, lastOpset = 26;
  mlir::MLIRContext context;
  std::map<std::pair<std::string, std::string>, lutra::ONNXOperator> last;
  json::OStream json(os, /*IndentSize=*/1);
  auto write = [&](StringRef key, ArrayRef<std::string> values) {
    json.attributeArray(key, [&] {
      for (const std::string &value : values)
        json.value(value);
    });
  };
  json.arrayBegin();
  for (int64_t opset = firstOpset; opset <= lastOpset; ++opset) {
    for (const lutra::ONNXOperator &op : lutra::describeONNXOperators(context, opset)) {
      auto [known, isNew] = last.try_emplace({op.domain, op.opType}, op);
      if (!isNew && std::tie(known->second.inputs, known->second.outputs, known->second.attributes) ==
                        std::tie(op.inputs, op.outputs, op.attributes))
        continue;
      known->second = op;
      json.object([&] {
        json.attribute("domain", op.domain);
        json.attribute("op_type", op.opType);
        json.attribute("opset", opset);
        write("inputs", op.inputs);
        write("outputs", op.outputs);
        write("attributes", op.attributes);
      });
    }
  }
  json.arrayEnd();
  os << '\n';
}

static std::optional<lutra::EmitKind> parseEmitKind(StringRef name) {
  return StringSwitch<std::optional<lutra::EmitKind>>(name)
      .Case("artifact", lutra::EmitKind::Artifact)
      .Case("mlir", lutra::EmitKind::MLIR)
      .Case("llvm", lutra::EmitKind::LLVMIR)
      .Case("asm", lutra::EmitKind::Assembly)
      .Case("obj", lutra::EmitKind::Object)
      .Default(std::nullopt);
}

/// Turns remarks on as the options ask.
static mlir::LogicalResult setUpRemarks(mlir::MLIRContext &context) {
  bool isPrinted = !passed.empty() || !missed.empty() || !analysis.empty();
  if (!isPrinted && remarksFile.empty())
    return mlir::success();
  mlir::remark::RemarkCategories categories;
  auto set = [&](std::optional<std::string> &category, StringRef regex) {
    if (!regex.empty() || !isPrinted)
      category = regex.empty() ? ".*" : (".*(" + regex + ").*").str(); // Anywhere in the name, as clang's.
  };
  set(categories.passed, passed);
  set(categories.missed, missed);
  set(categories.analysis, analysis);
  set(categories.failed, missed);
  auto policy = std::make_unique<mlir::remark::RemarkEmittingPolicyAll>();
  if (remarksFile.empty())
    return mlir::remark::enableOptimizationRemarks(context, nullptr, std::move(policy), categories, /*printAsEmitRemarks=*/true);
  return mlir::remark::enableOptimizationRemarksWithLLVMStreamer(context, remarksFile, remarks::Format::YAML, std::move(policy),
                                                                 categories, /*printAsEmitRemarks=*/isPrinted);
}

static int compile() {
  lutra::CompileOptions options;
  options.input = input;
  options.output = output;
  options.target = targetName;
  options.targetOptions.assign(targetOptions.begin(), targetOptions.end());
  options.dumpDirectory = dumpFolder;
  options.crashReproducer = crashReproducer;
  options.followLinksWithin = followLinks;
  if (compileTo.getNumOccurrences() && !emitKind.getNumOccurrences())
    emitKind = "mlir";
  std::optional<lutra::EmitKind> kind = parseEmitKind(emitKind);
  if (!kind)
    return fail("unknown kind of output '" + emitKind + "': expected artifact, mlir, llvm, asm or obj" +
                lutra::didYouMean(emitKind, {"artifact", "mlir", "llvm", "asm", "obj"}));
  options.emit = *kind;
  for (auto [text, phase] : {std::pair(&compileFrom, &options.compileFrom), std::pair(&compileTo, &options.compileTo)}) {
    if (text->empty())
      continue;
    Expected<lutra::Phase> parsed = lutra::parsePhase(*text);
    if (!parsed)
      return fail(toString(parsed.takeError()));
    *phase = *parsed;
  }
  if (options.emit == lutra::EmitKind::Artifact && options.output.empty())
    return fail("expected -o <directory>: the artifact is a directory of several files");
  if (progress)
    options.progress = [](StringRef step, double fraction) {
      errs() << format("%3.0f%% ", fraction * 100) << step << '\n';
    };
  options.instrument = [](mlir::PassManager &pm) {
    mlir::applyDefaultTimingPassManagerCLOptions(pm);
    return mlir::applyPassManagerCLOptions(pm);
  };

  mlir::DialectRegistry registry;
  lutra::registerForCompilation(registry);
  mlir::MLIRContext context(registry);
  // The module that an error stands in may be long; --dump-compilation-phases-to shows it whole.
  context.printOpOnDiagnostic(false);
  SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler diagnostics(sources, &context, errs());
  context.getDiagEngine().registerHandler([](mlir::Diagnostic &diagnostic) {
    if (diagnostic.getLocation()->findInstanceOf<mlir::FileLineColLoc>())
      return mlir::failure();
    printDiagnostic(diagnostic);
    return mlir::success();
  });
  if (failed(setUpRemarks(context)))
    return fail("cannot write remarks to '" + remarksFile + "'");
  return failed(lutra::compileModel(options, context)) ? 1 : 0;
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  for (StringRef arg : ArrayRef(argv + 1, argc - 1)) {
    if (arg == "--help" || arg == "-help" || arg == "-h") {
      outs() << kHelp;
      return 0;
    }
  }
  // LLVM's own options are of no use to whoever compiles a model.
  for (auto &[name, option] : cl::getRegisteredOptions())
    if (option->getOptionHiddenFlag() == cl::NotHidden)
      option->setHiddenFlag(cl::Hidden);
  mlir::registerAsmPrinterCLOptions();
  mlir::registerMLIRContextCLOptions();
  mlir::registerPassManagerCLOptions();
  mlir::registerDefaultTimingManagerCLOptions();
  cl::SetVersionPrinter(printVersion);
  cl::ParseCommandLineOptions(argc, argv, "Lutra compiles low-bit language models from ONNX to lookup-table code\n");
  lutra::registerAllLutraTargets();
  if (printOperators) {
    printAllOperators(outs());
    return 0;
  }
  if (printTargets) {
    printAllTargets(outs());
    return 0;
  }
  if (input.empty())
    return fail("expected a model to compile: lutrac model.onnx -o model.lutra (see lutrac --help)");
  return compile();
}
