//===- Graph.h - what a conversion knows about its values -------*- C++ -*-===//
//
// One Graph lives as long as the conversion of one function. It remembers, for every converted value, its sizes and
// whether its integers are unsigned in ONNX (tensors themselves are signless).
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_GRAPH_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_GRAPH_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"

namespace lutra {

/// The sizes of a tensor: an index attribute, or an index value, for each dimension.
using Dims = llvm::SmallVector<mlir::OpFoldResult, 4>;

/// A constant that DequantizeLinear reads, as a product needs to know it: (code - zero) scale.
struct QuantizedConstant {
  /// Codes as the model has them (2 and 4 bits packed); `zeros` may be null. `globalScale` (one f32, or null) is what
  /// the stored scales are multiplied with.
  mlir::ElementsAttr codes, scales, zeros, globalScale;
  bool isUnsigned = false;
  /// The axis that scales vary along, and how many elements of it share one (0: a scale each).
  int64_t axis = 0, block = 0;
  /// Whether the value is the transpose of this constant.
  bool isTransposed = false;
};

/// What the conversion of a function knows about the values converted so far.
class Graph {
public:
  /// The sizes of `value`. A size that has been given (setDims) or asked for before is the same SSA value again, so
  /// equal values mean equal sizes.
  Dims getDims(mlir::ImplicitLocOpBuilder &builder, mlir::Value value);
  void setDims(mlir::Value value, llvm::ArrayRef<mlir::OpFoldResult> dims);

  /// The size that the inputs bind to the dimension name `symbol`, or null.
  mlir::Value getSymbol(llvm::StringRef symbol) const { return symbols.lookup(symbol); }
  /// The dimension name whose size is `size`, or an empty string.
  llvm::StringRef getSymbolOf(mlir::OpFoldResult size) const;

  bool isUnsigned(mlir::Value value) const { return unsignedValues.contains(value); }
  void setUnsigned(mlir::Value value) { unsignedValues.insert(value); }

  /// The element type of a value whose elements are codes in bytes (SmallTypes.h), or null.
  mlir::Type getSmallType(mlir::Value value) const { return smallTypes.lookup(value); }
  void setSmallType(mlir::Value value, mlir::Type element) { smallTypes[value] = element; }
  /// Whether `value` holds what a model that declares elements of type `element` means.
  bool hasElement(mlir::Value value, mlir::Type element) const;

  /// What `value` is made from by DequantizeLinear, or null.
  const QuantizedConstant *getQuantized(mlir::Value value) const {
    auto found = quantized.find(value);
    return found == quantized.end() ? nullptr : &found->second;
  }
  void setQuantized(mlir::Value value, const QuantizedConstant &constant) { quantized[value] = constant; }

  /// Makes the arguments of `function` signless, and binds the dimension names that they carry.
  void bindInputs(mlir::func::FuncOp function, mlir::ImplicitLocOpBuilder &builder);
  /// Turns the results of `function` into trailing writable buffers, and stores the results there.
  llvm::LogicalResult bindOutputs(mlir::func::FuncOp function);

private:
  llvm::DenseMap<mlir::Value, Dims> dims;
  llvm::StringMap<mlir::Value> symbols;
  llvm::DenseMap<mlir::Value, llvm::StringRef> symbolNames;
  llvm::DenseSet<mlir::Value> unsignedValues;
  llvm::DenseMap<mlir::Value, mlir::Type> smallTypes;
  llvm::DenseMap<mlir::Value, QuantizedConstant> quantized;
};

/// `type` with signless integers.
mlir::Type getSignless(mlir::Type type);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_GRAPH_H
