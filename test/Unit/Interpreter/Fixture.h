//===- Fixture.h - weights and functions from a line of IR ----------------===//
#ifndef LUTRA_TEST_UNIT_INTERPRETER_FIXTURE_H
#define LUTRA_TEST_UNIT_INTERPRETER_FIXTURE_H

#include "lutra/Interpreter/Interpreter.h"
#include "lutra/Interpreter/Reference.h"

#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lutra {

/// A context with the dialects, the diagnostics kept, and the modules kept alive.
class InterpreterFixture : public testing::Test {
protected:
  InterpreterFixture()
      : handler(&context, [this](mlir::Diagnostic &diagnostic) { messages += diagnostic.str() + "\n"; }) {
    mlir::DialectRegistry registry;
    mlir::registerAllDialects(registry);
    registry.insert<lowbit::LowbitDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// The function @main of a module.
  mlir::func::FuncOp parse(const std::string &text) {
    modules.push_back(mlir::parseSourceString<mlir::ModuleOp>(text, &context));
    if (!modules.back()) {
      ADD_FAILURE() << messages << "\nin\n" << text;
      return {};
    }
    return modules.back()->lookupSymbol<mlir::func::FuncOp>("main");
  }

  /// A reader of the constant weight that `definition` (ops that define %w of type `type`) makes.
  lowbit::WeightReader weight(const std::string &definition) {
    mlir::func::FuncOp function = parse("func.func @main() {\n" + definition + "\nreturn\n}");
    mlir::Operation *last = function.front().getTerminator()->getPrevNode();
    mlir::FailureOr<lowbit::WeightReader> reader = lowbit::WeightReader::create(last->getResult(0));
    if (mlir::failed(reader))
      llvm::report_fatal_error(llvm::StringRef(messages));
    return *reader;
  }

  /// Runs @main of `text`; an empty list when it failed.
  std::vector<NpyArray> run(const std::string &text, const std::vector<NpyArray> &inputs,
                            const InterpreterOptions &options = {}) {
    mlir::func::FuncOp function = parse(text);
    if (!function)
      return {};
    mlir::FailureOr<std::vector<NpyArray>> results = interpret(function, inputs, options);
    return mlir::failed(results) ? std::vector<NpyArray>() : *results;
  }

  static NpyArray floats(std::vector<float> values, std::vector<int64_t> shape) {
    NpyArray array = NpyArray::zeros(DType::F32, shape);
    llvm::copy(values, array.as<float>().begin());
    return array;
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  std::string messages;
  mlir::ScopedDiagnosticHandler handler;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

/// "dense<\"0x...\"> : tensor<AxBx..xT>" of bytes.
template <typename T>
std::string denseText(llvm::ArrayRef<T> values, llvm::ArrayRef<int64_t> shape, llvm::StringRef type) {
  std::string text = "dense<\"0x";
  for (uint8_t byte : llvm::ArrayRef(reinterpret_cast<const uint8_t *>(values.data()), values.size() * sizeof(T)))
    text += llvm::formatv("{0:X-2}", byte).str();
  text += "\"> : tensor<";
  for (int64_t dim : shape)
    text += std::to_string(dim) + "x";
  return text + type.str() + ">";
}

} // namespace lutra

#endif // LUTRA_TEST_UNIT_INTERPRETER_FIXTURE_H
