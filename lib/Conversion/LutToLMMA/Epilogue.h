//===- Epilogue.h - what follows a product, on the device -------*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LUTTOLMMA_EPILOGUE_H
#define LUTRA_CONVERSION_LUTTOLMMA_EPILOGUE_H

#include "KernelTools.h"

#include "mlir/IR/Region.h"

#include <optional>

namespace lutra::luttolmma {

struct ProductShape;

/// The epilogue of a product as operations of the vector unit. Its values are numbered: the product is 0, operands follow, then steps.
class Epilogue {
public:
  /// Reads the region of a lut.matmul and the buffers of its operands; nothing, and why, when the vector unit lacks one of its operations.
  static std::optional<Epilogue> read(mlir::Region &region, mlir::ValueRange operands, std::string &why);

  bool isEmpty() const { return steps.empty(); }
  /// What tells it from others.
  mlir::Attribute key(mlir::Builder &b) const;
  /// The types of the buffers that operands come from: a number for each column, or for each row and column, of `columns`.
  llvm::SmallVector<mlir::Type> bufferTypes(mlir::Builder &b, int64_t columns) const;
  /// Registers f and c that it takes at most.
  int64_t f32Tiles() const { return steps.size() + perColumn.size(); }
  int64_t colTiles() const;
  /// The outputs of a tile whose product is `product`, in its first row and column.
  mlir::Value apply(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange buffers, mlir::Value product, const Index &row,
                    const Index &column) const;

private:
  enum class Kind : int64_t { Constant, Negate, Add, Sub, Mul, Div, Max, Min, Exp, Erf, Tanh };
  struct Step {
    Kind kind;
    int64_t lhs, rhs;
    float value;
  };
  /// Of each operand: whether it has a number for each column only.
  llvm::SmallVector<bool> perColumn;
  llvm::SmallVector<Step> steps;
};

} // namespace lutra::luttolmma

#endif // LUTRA_CONVERSION_LUTTOLMMA_EPILOGUE_H
