//===- ExpandReshapes.cpp - memref.expand_shape with several unknown sizes ===//
//
// Upstream's `expand-strided-metadata` derives the sizes of a group from the source and so knows only groups with one dynamic
// size. The operation states all of them (`output_shape`): within a group, strides are products of the sizes after it.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace lutra {
#define GEN_PASS_DEF_EXPANDRESHAPES
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

static OpFoldResult multiply(OpBuilder &b, Location loc, OpFoldResult lhs, OpFoldResult rhs) {
  std::optional<int64_t> left = getConstantIntValue(lhs), right = getConstantIntValue(rhs);
  if (left && right)
    return b.getIndexAttr(*left * *right);
  if (left == 1)
    return rhs;
  if (right == 1)
    return lhs;
  return arith::MulIOp::create(b, loc, getValueOrCreateConstantIndexOp(b, loc, lhs), getValueOrCreateConstantIndexOp(b, loc, rhs))
      .getResult();
}

static void expand(memref::ExpandShapeOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, op.getSrc());
  auto sourceType = cast<MemRefType>(op.getSrc().getType());
  auto [typeStrides, typeOffset] = sourceType.getStridesAndOffset();
  auto known = [&](int64_t value, Value dynamic) -> OpFoldResult {
    return ShapedType::isDynamic(value) ? OpFoldResult(dynamic) : OpFoldResult(b.getIndexAttr(value));
  };

  SmallVector<OpFoldResult> sizes = op.getMixedOutputShape();
  SmallVector<OpFoldResult> strides(sizes.size());
  for (auto [dim, group] : llvm::enumerate(op.getReassociationIndices())) {
    OpFoldResult stride = known(typeStrides[dim], metadata.getStrides()[dim]);
    for (int64_t i : llvm::reverse(group)) {
      strides[i] = stride;
      stride = multiply(b, loc, stride, sizes[i]);
    }
  }
  auto type = cast<MemRefType>(op.getType());
  // What the type says of strides must be what the view says.
  auto [resultStrides, resultOffset] = type.getStridesAndOffset();
  for (auto [stride, stated] : llvm::zip_equal(strides, resultStrides))
    stride = ShapedType::isDynamic(stated) ? OpFoldResult(getValueOrCreateConstantIndexOp(b, loc, stride))
                                           : OpFoldResult(b.getIndexAttr(stated));
  Value view = memref::ReinterpretCastOp::create(b, loc, type, metadata.getBaseBuffer(),
                                                 known(resultOffset, metadata.getOffset()), sizes, strides);
  op.getResult().replaceAllUsesWith(view);
  op.erase();
}

namespace {
struct ExpandReshapes : lutra::impl::ExpandReshapesBase<ExpandReshapes> {
  void runOnOperation() override {
    SmallVector<memref::ExpandShapeOp> ops;
    getOperation()->walk([&](memref::ExpandShapeOp op) { ops.push_back(op); });
    for (memref::ExpandShapeOp op : ops)
      expand(op);
  }
};
} // namespace
