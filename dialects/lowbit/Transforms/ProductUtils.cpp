//===- ProductUtils.cpp - activations of a product as numbers -------------===//
#include "dialects/lowbit/Transforms/ProductUtils.h"

#include "dialects/lowbit/Transforms/Casts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"

using namespace mlir;
using namespace lutra::lowbit;

OpFoldResult lutra::lowbit::getProductRows(OpBuilder &builder, MatmulOp product) {
  return tensor::getMixedSize(builder, product.getLoc(), product.getActivations(), 0);
}

/// An M x `cols` tensor of `element` that nothing is in yet, with M of `product`.
static Value createEmpty(OpBuilder &builder, MatmulOp product, int64_t cols, Type element) {
  SmallVector<OpFoldResult> sizes{getProductRows(builder, product), builder.getIndexAttr(cols)};
  return tensor::EmptyOp::create(builder, product.getLoc(), sizes, element);
}

Value lutra::lowbit::createFloatActivations(OpBuilder &builder, MatmulOp product) {
  Location loc = product.getLoc();
  Value activations = product.getActivations();
  auto type = cast<RankedTensorType>(activations.getType());
  Type f32 = builder.getF32Type();
  if (type.getElementType() == f32)
    return activations;
  WeightType weight = product.getWeight().getType();
  Value scales = product.getScales();
  if (!scales)
    return castElements(builder, loc, activations, f32);
  SmallVector<AffineMap> maps(2, builder.getMultiDimIdentityMap(2));
  SmallVector<utils::IteratorType> iterators(2, utils::IteratorType::parallel);
  Value empty = createEmpty(builder, product, weight.getCols(), f32);
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    Value row = linalg::IndexOp::create(b, loc, 0), place = arith::ConstantIndexOp::create(b, loc, 0);
    if (cast<RankedTensorType>(scales.getType()).getDimSize(1) != 1)
      place = arith::DivUIOp::create(b, loc, linalg::IndexOp::create(b, loc, 1),
                                     arith::ConstantIndexOp::create(b, loc, weight.getGroup()));
    Value scale = tensor::ExtractOp::create(b, loc, scales, ValueRange{row, place});
    Value code = arith::SIToFPOp::create(b, loc, f32, args[0]);
    Value number = arith::MulFOp::create(b, loc, scale, code);
    linalg::YieldOp::create(b, loc, number);
  };
  return linalg::GenericOp::create(builder, loc, empty.getType(), ValueRange{activations}, ValueRange{empty}, maps,
                                   iterators, body)
      .getResult(0);
}

Value lutra::lowbit::createZeroOutputs(OpBuilder &builder, MatmulOp product) {
  Location loc = product.getLoc();
  Value empty = createEmpty(builder, product, product.getWeight().getType().getRows(), builder.getF32Type());
  Value zero = arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(0));
  return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
}

Value lutra::lowbit::createProductResult(OpBuilder &builder, MatmulOp product, Value value) {
  Location loc = product.getLoc();
  auto type = cast<RankedTensorType>(product.getType());
  value = castElements(builder, loc, value, type.getElementType());
  // The result may say less about M, or more.
  return value.getType() == type ? value : tensor::CastOp::create(builder, loc, type, value).getResult();
}

bool lutra::lowbit::moveBefore(Value value, Operation *place, DominanceInfo &dominance) {
  if (dominance.properlyDominates(value, place))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != place->getBlock() || op == place || op->getNumRegions() != 0 || !isMemoryEffectFree(op) ||
      !llvm::all_of(op->getOperands(), [&](Value operand) { return moveBefore(operand, place, dominance); }))
    return false;
  op->moveBefore(place);
  return true;
}

Block *lutra::lowbit::getBlockToMake(Value value, Operation *op) {
  Block *block = op->getBlock();
  while (block != value.getParentBlock() && !isa<scf::IfOp>(block->getParentOp()))
    block = block->getParentOp()->getBlock();
  return block;
}

/// Whether `lookup` is of codes of 8 bits, which machines that multiply these do not look up (lut-multiply-codes).
static bool isOfCodes(LookupMatmulOp lookup) {
  auto made = lookup.getTable().getDefiningOp<PrecomputeOp>();
  return made && made.getScales() && made.getType().getElement().isInteger(16);
}

bool lutra::lowbit::canMultiplyCodes(WeightType type) {
  const int64_t factor = (int64_t(1) << type.getBits()) - 1;
  return isa<BipolarAttr>(type.getUnpackedFormat()) && 128 * factor <= std::numeric_limits<int32_t>::max() / type.getGroup();
}

bool lutra::lowbit::multipliesCodes(LookupMatmulOp lookup) { return isOfCodes(lookup) && canMultiplyCodes(lookup.getWeight().getType()); }

bool lutra::lowbit::isReadAsCodes(Value weight) {
  return canMultiplyCodes(cast<WeightType>(weight.getType())) && llvm::all_of(weight.getUsers(), [](Operation *user) {
           auto lookup = dyn_cast<LookupMatmulOp>(user);
           return !lookup || isOfCodes(lookup);
         });
}
