//===- Values.h - what an SSA value holds while it is interpreted ---------===//
//
// Private to lib/Interpreter. A scalar, an array, or tables; weights are read where they are used (WeightReader).
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_INTERPRETER_VALUES_H
#define LUTRA_LIB_INTERPRETER_VALUES_H

#include "lutra/Interpreter/Interpreter.h"
#include "lutra/Interpreter/Reference.h"
#include "lutra/Support/ArrayElements.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"
#include <memory>
#include <variant>

namespace lutra {

using Array = std::shared_ptr<NpyArray>;
using Tables = std::shared_ptr<LookupTables>;
using RuntimeValue = std::variant<std::monostate, Scalar, Array, Tables>;

/// Values of the ops executed so far. Reading one is safe once checkOperands has passed for the op that reads it.
class Environment {
public:
  void set(mlir::Value value, RuntimeValue runtime) { values[value] = std::move(runtime); }
  const Scalar &scalar(mlir::Value value) const { return std::get<Scalar>(values.find(value)->second); }
  const Array &array(mlir::Value value) const { return std::get<Array>(values.find(value)->second); }
  const Tables &tables(mlir::Value value) const { return std::get<Tables>(values.find(value)->second); }
  bool contains(mlir::Value value) const { return values.contains(value); }
  /// Whether `value` has a value of the kind T.
  template <typename T>
  bool holds(mlir::Value value) const {
    auto it = values.find(value);
    return it != values.end() && std::holds_alternative<T>(it->second);
  }
  /// The value as it is, whatever its kind.
  const RuntimeValue &get(mlir::Value value) const { return values.find(value)->second; }
  int64_t integer(mlir::Value value) const { return scalar(value).i; }

  const InterpreterOptions *options = nullptr;
  /// The indices of the linalg loop in progress.
  llvm::SmallVector<int64_t, 6> loopIndices;
  /// Whether products have been through the passes that take weights apart and put them in planes.
  bool weightsAreCanonical = false;
  /// Calls in progress: recursion has an end.
  unsigned callDepth = 0;

private:
  llvm::DenseMap<mlir::Value, RuntimeValue> values;
};

/// The dtype of arrays with elements of `type`, or nothing. Signless i8 is I8; `index` is I64.
std::optional<DType> dtypeOfType(mlir::Type type);

/// An integer cut to the width of `type` and extended again (i1: 0 or 1).
int64_t wrapInteger(int64_t value, mlir::Type type);

/// A double rounded to a float type of at most 64 bits.
double roundTo(mlir::Type type, double value);

/// An attribute's value as a scalar.
std::optional<Scalar> scalarFromAttr(mlir::Attribute attr);

/// A constant tensor as an array; null after a diagnostic on `op`.
Array arrayFromAttr(mlir::Operation *op, mlir::ElementsAttr attr);

/// Static and dynamic sizes (or offsets, or strides) as numbers.
llvm::SmallVector<int64_t> evaluate(llvm::ArrayRef<mlir::OpFoldResult> sizes, Environment &env);

/// An affine expression of known dimensions and symbols; nothing when it divides by zero.
std::optional<int64_t> evaluateAffine(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> dims,
                                      llvm::ArrayRef<int64_t> symbols);

/// A slice of `destination` replaced by `source`; false when the slice leaves the array.
bool writeSlice(NpyArray &destination, const NpyArray &source, llvm::ArrayRef<int64_t> offsets,
                llvm::ArrayRef<int64_t> sizes, llvm::ArrayRef<int64_t> strides);

/// Whether every operand of `op` that is a tensor, a number or a table has its value; a diagnostic says which has not.
llvm::LogicalResult checkOperands(mlir::Operation *op, Environment &env);

/// Executes the ops of a block but its terminator, whose operands have values then.
llvm::LogicalResult executeBlock(mlir::Block &block, Environment &env);

/// Every element of `result` by `body`, which takes its indices and yields it.
llvm::LogicalResult computeElements(mlir::Block &body, NpyArray &result, Environment &env);

/// The values of a terminator's operands (or of any values).
llvm::SmallVector<RuntimeValue> valuesOf(mlir::ValueRange values, Environment &env);

/// Results of trying an op: it is of another family, or it was executed, or it failed with a diagnostic.
enum class Step { Unknown, Done, Failed };

/// The families of ops. Each knows its own and leaves the others.
Step executeScalarOp(mlir::Operation *op, Environment &env);
Step executeTensorOp(mlir::Operation *op, Environment &env);
Step executeSliceOp(mlir::Operation *op, Environment &env);
Step executeLinalgOp(mlir::Operation *op, Environment &env);
Step executeControlOp(mlir::Operation *op, Environment &env);
Step executeLowbitOp(mlir::Operation *op, Environment &env);
Step executeLutOp(mlir::Operation *op, Environment &env);
Step executeAttention(mlir::Operation *op, Environment &env);

/// Executes one op of any family; an unknown one is an error that names it.
llvm::LogicalResult executeOp(mlir::Operation *op, Environment &env);

} // namespace lutra

#endif // LUTRA_LIB_INTERPRETER_VALUES_H
