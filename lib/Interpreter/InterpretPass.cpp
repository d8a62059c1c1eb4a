//===- InterpretPass.cpp - lowbit-interpret: values in tests --------------===//
//
// See Passes.td.
//
//===----------------------------------------------------------------------===//
#include "lutra/Interpreter/Interpreter.h"
#include "lutra/Support/ArrayElements.h"
#include "lutra/Interpreter/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace lutra {
#define GEN_PASS_DEF_LOWBITINTERPRET
#include "lib/Interpreter/Passes.h.inc"
} // namespace lutra

using namespace mlir;

namespace {
struct LowbitInterpret : lutra::impl::LowbitInterpretBase<LowbitInterpret> {
  using LowbitInterpretBase::LowbitInterpretBase;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(runOnFunction(function)))
        signalPassFailure();
  }

private:
  LogicalResult runOnFunction(func::FuncOp function) {
    // Inputs are tensors; an output buffer is none.
    if (function.isExternal() ||
        llvm::any_of(function.getArgumentTypes(), [](Type type) { return !isa<MemRefType>(type); }))
      return success();
    lutra::InterpreterOptions options;
    options.tables = {exactTables ? lutra::lowbit::TableElement::F32 : lutra::lowbit::TableElement::I8};
    FailureOr<std::vector<lutra::NpyArray>> results = lutra::interpret(function, {}, options);
    if (failed(results))
      return failure();
    std::vector<lutra::InterpretedTensor> inputs, outputs;
    if (failed(lutra::describeFunction(function, inputs, outputs)))
      return failure();
    for (auto [tensor, array] : llvm::zip_equal(outputs, *results)) {
      unsigned arguments = function.getNumArguments();
      Location loc = function.front().getTerminator()->getLoc();
      if (tensor.index < arguments)
        emitRemark(loc) << "output " << tensor.name << ": " << lutra::arrayText(array);
      else
        emitRemark(loc) << "result " << tensor.index - arguments << ": "
                        << function.getResultTypes()[tensor.index - arguments] << " = " << lutra::arrayText(array);
    }
    return success();
  }
};
} // namespace
