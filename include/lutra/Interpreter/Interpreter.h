//===- Interpreter.h - runs a function of tensors, exactly ----------------===//
//
// Evaluates a `func.func` at every phase on tensors (`lowbit`, `tables`, `lut`) and after each pass on the way: lowbit and
// lut ops by the reference arithmetic (Reference.h), the tensor, linalg, scf, arith and math ops around them element by
// element in row-major order. It is what compiled code is compared with, so it shares none of the compiler's lowerings.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_INTERPRETER_INTERPRETER_H
#define LUTRA_INTERPRETER_INTERPRETER_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "lutra/Support/Npy.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <functional>
#include <string>
#include <vector>

namespace lutra {

/// How a function is interpreted.
struct InterpreterOptions {
  /// The tables that a `lowbit.matmul` of floats means when it does not name their kind: i8 with a scale per group.
  lowbit::TableKind tables;
  /// When set: called with each array that an op of the function's own block results in; a scalar is an array of rank 0.
  std::function<void(mlir::Value, const NpyArray &)> observe = nullptr;
};

/// An input or output of a function at these phases.
struct InterpretedTensor {
  std::string name;
  DType dtype;
  /// Dynamic sizes are mlir::ShapedType::kDynamic.
  llvm::SmallVector<int64_t, 4> shape;
  /// The argument that carries it; for a returned value, its number after the arguments.
  unsigned index;
};

/// The inputs (arguments) and outputs (arguments marked `lutra.output`, then results) of a function; names from
/// `onnx.name`, else "arg<i>" and "result<i>". An element type that arrays cannot have is an error on the function.
llvm::LogicalResult describeFunction(mlir::func::FuncOp function, std::vector<InterpretedTensor> &inputs,
                                     std::vector<InterpretedTensor> &outputs);

/// Runs `function` on `inputs` and returns its outputs, in the order of describeFunction. What cannot be evaluated (an
/// unknown op, a wrong shape, a failed cf.assert) is an error diagnostic at the op.
mlir::FailureOr<std::vector<NpyArray>> interpret(mlir::func::FuncOp function, llvm::ArrayRef<NpyArray> inputs,
                                                 const InterpreterOptions &options = {});

} // namespace lutra

#endif // LUTRA_INTERPRETER_INTERPRETER_H
