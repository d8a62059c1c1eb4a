//===- Values.h - what an SSA value holds while it is interpreted ---------===//
//
// Private to lib/Interpreter. A scalar, an array, or tables; weights are read where they are used (WeightReader).
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_INTERPRETER_VALUES_H
#define LUTRA_LIB_INTERPRETER_VALUES_H

#include "lutra/Interpreter/Interpreter.h"
#include "lutra/Interpreter/Reference.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"
#include <memory>
#include <variant>

namespace lutra {

/// An integer (sign-extended from its width; i1 is 0 or 1) or a float (f32 values are exact in a double).
struct Scalar {
  int64_t i = 0;
  double f = 0;
};

using Array = std::shared_ptr<NpyArray>;
using Tables = std::shared_ptr<LookupTables>;
using RuntimeValue = std::variant<std::monostate, Scalar, Array, Tables>;

/// Values of the ops executed so far.
class Environment {
public:
  void set(mlir::Value value, RuntimeValue runtime) { values[value] = std::move(runtime); }
  const Scalar &scalar(mlir::Value value) const { return std::get<Scalar>(values.find(value)->second); }
  const Array &array(mlir::Value value) const { return std::get<Array>(values.find(value)->second); }
  const Tables &tables(mlir::Value value) const { return std::get<Tables>(values.find(value)->second); }
  bool contains(mlir::Value value) const { return values.contains(value); }
  int64_t integer(mlir::Value value) const { return scalar(value).i; }

  const InterpreterOptions *options = nullptr;
  /// The indices of the linalg loop in progress.
  llvm::SmallVector<int64_t, 6> loopIndices;

private:
  llvm::DenseMap<mlir::Value, RuntimeValue> values;
};

/// The dtype of arrays with elements of `type`, or nothing. Signless i8 is I8; `index` is I64.
std::optional<DType> dtypeOfType(mlir::Type type);

/// Element `index` of an array, and its replacement. Reading and writing round nothing but f16 and bf16 stores.
Scalar loadElement(const NpyArray &array, int64_t index);
void storeElement(NpyArray &array, int64_t index, const Scalar &value);

/// An integer cut to the width of `type` and extended again (i1: 0 or 1).
int64_t wrapInteger(int64_t value, mlir::Type type);

/// Results of trying an op: it is of another family, or it was executed, or it failed with a diagnostic.
enum class Step { Unknown, Done, Failed };

/// The families of ops. Each knows its own and leaves the others.
Step executeScalarOp(mlir::Operation *op, Environment &env);
Step executeTensorOp(mlir::Operation *op, Environment &env);
Step executeLinalgOp(mlir::Operation *op, Environment &env);
Step executeLowbitOp(mlir::Operation *op, Environment &env);

/// Executes one op of any family; an unknown one is an error that names it.
llvm::LogicalResult executeOp(mlir::Operation *op, Environment &env);

} // namespace lutra

#endif // LUTRA_LIB_INTERPRETER_VALUES_H
