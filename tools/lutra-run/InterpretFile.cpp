//===- InterpretFile.cpp - a function of IR through the interpreter -------===//
//
// Diagnostics of the parser and the interpreter go to stderr with their source line, as in lutra-opt.
//
//===----------------------------------------------------------------------===//
#include "Run.h"

#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lut/IR/Lut.h"
#include "dialects/onnx/IR/ONNXDialect.h"
#include "lutra/Interpreter/Interpreter.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace lutra;

static std::string shapeOf(const InterpretedTensor &tensor) {
  std::string text;
  for (int64_t size : tensor.shape)
    text += (text.empty() ? "" : " x ") + (ShapedType::isDynamic(size) ? "?" : std::to_string(size));
  return text.empty() ? "scalar" : text;
}

llvm::Error lutra::interpretFile(const RunOptions &options) {
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  registry.insert<lowbit::LowbitDialect, lut::LutDialect, onnx::ONNXDialect>();
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(options.path, sources, &context);
  if (!module)
    return llvm::createStringError("'" + options.path + "' could not be read");
  auto function = module->lookupSymbol<func::FuncOp>(options.function);
  if (!function)
    return llvm::createStringError("'" + options.path + "' has no function '" + options.function + "'");

  auto failure = [&] { return llvm::createStringError("'" + options.path + "' could not be interpreted"); };
  std::vector<InterpretedTensor> inputs, outputs;
  if (failed(describeFunction(function, inputs, outputs)))
    return failure();
  if (options.describe) {
    for (const InterpretedTensor &tensor : inputs)
      printTensor("input", tensor.name, shapeOf(tensor), tensor.dtype);
    for (const InterpretedTensor &tensor : outputs)
      printTensor("output", tensor.name, shapeOf(tensor), tensor.dtype);
    return llvm::Error::success();
  }
  std::vector<std::string> names;
  for (const InterpretedTensor &tensor : inputs)
    names.push_back(tensor.name);
  llvm::Expected<std::vector<NpyArray>> arrays = readInputs(options, names);
  if (!arrays)
    return arrays.takeError();
  FailureOr<std::vector<NpyArray>> results = interpret(function, *arrays, {.tables = options.tables});
  if (failed(results))
    return failure();
  for (const auto &[tensor, array] : llvm::zip_equal(outputs, *results))
    if (llvm::Error error = emitOutput(options, tensor.name, array))
      return error;
  return llvm::Error::success();
}
