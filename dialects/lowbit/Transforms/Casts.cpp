//===- Casts.cpp - element-wise casts of activations ----------------------===//
#include "dialects/lowbit/Transforms/Casts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

Value lutra::lowbit::castElements(OpBuilder &builder, Location loc, Value matrix, Type element) {
  auto type = cast<RankedTensorType>(matrix.getType());
  if (type.getElementType() == element)
    return matrix;
  bool widens = type.getElementTypeBitWidth() < element.getIntOrFloatBitWidth();
  Value empty = tensor::EmptyOp::create(builder, loc, tensor::getMixedSizes(builder, loc, matrix), element);
  SmallVector<AffineMap> maps(2, builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> loops(type.getRank(), utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, loc, type.clone(element), matrix, empty, maps, loops, [&](OpBuilder &b, Location, ValueRange args) {
        Value result = widens ? arith::ExtFOp::create(b, loc, element, args[0]).getResult()
                              : arith::TruncFOp::create(b, loc, element, args[0]).getResult();
        linalg::YieldOp::create(b, loc, result);
      });
  return generic.getResult(0);
}
