//===- lutra-bisect.cpp - which op makes two runs differ ------------------===//
//
// Exit codes: 0 the outputs are the same, 1 an error (one message on stderr), 2 they differ, and the op is named.
//
//===----------------------------------------------------------------------===//
#include "Search.h"

#include "lutra/Driver/Driver.h"
#include "lutra/InitAll.h"
#include "lutra/Interpreter/Interpreter.h"
#include "lutra/Simulator/Device.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace lutra;

static constexpr StringLiteral kHelp =
    R"(OVERVIEW: name the first operation whose value differs between two runs of a module

USAGE: lutra-bisect <module.mlir> --left=<way> --right=<way> [options]
       lutra-bisect <module.mlir> <other.mlir> [options]

A way is 'interpret', 'interpret:passes=<pipeline>' (run after these passes), 'interpret:table=f32' (the tables of a lowbit.matmul
that does not say), or a target with its options: 'cpu', 'cpu:mcpu=haswell,table=f32', 'ltc'. The module's @main is at phase
'lowbit', 'tables' or 'lut' (lutrac --compile-to=lowbit model.onnx).

OPTIONS:
  --left=<way>, --right=<way>     How each side is run (default: interpret)
  --input=<name>=<file.npy>       An input's array; once for each input
  --tolerance=<t>                 Values that differ by at most t of the greatest one are the same (default 0: bit for bit)
  --one-at-a-time                 Look at one value in each run, halving, as is done when looking at all changes the outputs
  --verbose                       Say what is compared
  --help, --version

EXAMPLES:
  lutra-bisect model.mlir --right=cpu:mcpu=haswell --input ids=ids.npy
  lutra-bisect model.mlir --left=interpret:passes=lowbit-split-precompute --right=interpret --input a=a.npy
  lutra-bisect good.mlir bad.mlir --input a=a.npy
)";

static cl::list<std::string> files(cl::Positional, cl::desc("<module> [<other>]"));
static cl::opt<std::string> leftWay("left", cl::init("interpret"), cl::desc("How the module is run"));
static cl::opt<std::string> rightWay("right", cl::init("interpret"), cl::desc("How the other side is run"));
static cl::list<std::string> inputFlags("input", cl::desc("name=file.npy"));
static cl::opt<double> tolerance("tolerance", cl::init(0), cl::desc("Relative to the greatest magnitude"));
static cl::opt<bool> oneAtATime("one-at-a-time", cl::desc("Look at one value in each run"));
static cl::opt<bool> verbose("verbose", cl::desc("Say what is compared"));

static Expected<std::vector<NpyArray>> readInputs(mlir::func::FuncOp function) {
  std::vector<InterpretedTensor> inputs, outputs;
  if (failed(describeFunction(function, inputs, outputs)))
    return createStringError("@main cannot be run");
  std::vector<NpyArray> arrays;
  for (const InterpretedTensor &input : inputs) {
    auto flag = llvm::find_if(inputFlags,
                              [&](const std::string &text) { return StringRef(text).rsplit('=').first == input.name; });
    if (flag == inputFlags.end())
      return createStringError("input '" + input.name + "' is not given: add --input " + input.name + "=file.npy");
    Expected<NpyArray> array = readNpy(StringRef(*flag).rsplit('=').second);
    if (!array)
      return array.takeError();
    arrays.push_back(std::move(*array));
  }
  if (arrays.size() != inputFlags.size())
    return createStringError("more arrays are given than @main has inputs (" + Twine(arrays.size()) + ")");
  return arrays;
}

static void report(const Finding &finding, const Comparison &comparison) {
  outs() << "left:  " << comparison.leftWay.text << "\nright: " << comparison.rightWay.text << "\n";
  if (!finding.op) {
    outs() << "only an output differs, no value that can be looked at: " << finding.difference << "\n";
    return;
  }
  std::string text;
  raw_string_ostream os(text);
  mlir::OpPrintingFlags flags;
  finding.op->print(os, flags.elideLargeElementsAttrs(8).elideLargeResourceString(0).skipRegions());
  outs() << "first difference: result " << finding.result << " of '" << finding.op->getName() << "' at "
         << finding.op->getLoc() << "\n  " << text << "\n  " << finding.difference << "\n(" << finding.candidates
         << " values compared in " << finding.runs << " runs)\n";
}

static Expected<int> run() {
  if (files.empty() || files.size() > 2)
    return createStringError("expected one module, or two to compare (see --help)");
  mlir::DialectRegistry registry;
  registerForCompilation(registry);
  mlir::MLIRContext context(registry);
  context
      .loadDialect<mlir::arith::ArithDialect, mlir::bufferization::BufferizationDialect, mlir::tensor::TensorDialect>();
  context.printOpOnDiagnostic(false);
  SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler diagnostics(sources, &context, errs());
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
  for (const std::string &file : files) {
    modules.push_back(mlir::parseSourceFile<mlir::ModuleOp>(file, &context));
    if (!modules.back())
      return createStringError("'" + file + "' could not be read");
    auto function = modules.back()->lookupSymbol<mlir::func::FuncOp>("main");
    if (!function || function.isExternal() || !hasSingleElement(function.getBody()))
      return createStringError("'" + file + "' has no function @main of one block");
  }
  Comparison comparison;
  comparison.left = *modules.front();
  comparison.right = *modules.back();
  Expected<Way> left = Way::parse(leftWay), right = Way::parse(rightWay);
  if (!left || !right)
    return joinErrors(left ? Error::success() : left.takeError(), right ? Error::success() : right.takeError());
  comparison.leftWay = *left;
  comparison.rightWay = *right;
  Expected<std::vector<NpyArray>> inputs = readInputs(comparison.left.lookupSymbol<mlir::func::FuncOp>("main"));
  if (!inputs)
    return inputs.takeError();
  comparison.inputs = std::move(*inputs);
  comparison.tolerance = tolerance;
  comparison.oneAtATime = oneAtATime;
  comparison.verbose = verbose;
  SmallString<128> folder;
  if (std::error_code error = sys::fs::createUniqueDirectory("lutra-bisect", folder))
    return createStringError("cannot make a temporary folder: " + error.message());
  comparison.folder = folder.str();
  Expected<std::optional<Finding>> finding = bisect(comparison);
  sys::fs::remove_directories(folder);
  if (!finding)
    return finding.takeError();
  if (!*finding) {
    outs() << "the outputs are the same\n";
    return 0;
  }
  report(**finding, comparison);
  return 2;
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  for (StringRef arg : ArrayRef(argv + 1, argc - 1)) {
    if (arg == "--help" || arg == "-help" || arg == "-h") {
      outs() << kHelp;
      return 0;
    }
  }
  ltc::registerDevice();
  mlir::registerAllPasses();
  registerAllLutraPasses();
  registerAllLutraTargets();
  cl::ParseCommandLineOptions(argc, argv, "lutra-bisect: which op makes two runs differ\n");
  Expected<int> code = run();
  if (code)
    return *code;
  outs().flush();
  handleAllErrors(code.takeError(), [](const ErrorInfoBase &info) {
    WithColor::error(errs(), "lutra-bisect") << info.message() << "\n";
  });
  return 1;
}
