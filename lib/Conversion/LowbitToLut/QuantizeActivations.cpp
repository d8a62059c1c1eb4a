//===- QuantizeActivations.cpp - activations to codes, by linalg ----------===//
//
// Rows become M x groups x group, padded with zeros, which no largest magnitude sees. Then: magnitudes are reduced, each gives
// a multiplier and its inverse, and each activation a code.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LowbitToLut/QuantizeActivations.h"

#include "dialects/lut/IR/Lut.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <limits>

using namespace mlir;
using namespace lutra;

namespace {
class Decomposition {
public:
  explicit Decomposition(lowbit::QuantizeActivationsOp op)
      : op(op), b(op.getLoc(), op), bipolar(op.getKind() == lowbit::ActivationCodes::Bipolar),
        largest(static_cast<float>((bipolar ? 1 << op.getBits() : 1 << (op.getBits() - 1)) - 1)) {
    cols = cast<RankedTensorType>(op.getActivations().getType()).getDimSize(1);
    group = std::min<int64_t>(op.getGroup().value_or(cols), cols);
    groups = (cols + group - 1) / group;
  }

  void emit();

private:
  Value inGroups();
  Value codeOf(OpBuilder &body, Value activation, Value multiplier);
  Value splat(OpBuilder &body, float value) {
    return arith::ConstantOp::create(body, op.getLoc(), body.getF32FloatAttr(value));
  }
  Value empty(ArrayRef<int64_t> others, Type element) {
    SmallVector<OpFoldResult> sizes{tensor::getMixedSize(b, b.getLoc(), op.getActivations(), 0)};
    for (int64_t size : others)
      sizes.push_back(b.getIndexAttr(size));
    return tensor::EmptyOp::create(b, sizes, element);
  }

  lowbit::QuantizeActivationsOp op;
  ImplicitLocOpBuilder b;
  bool bipolar;
  float largest;
  int64_t cols, group, groups;
};
} // namespace

/// The activations as M x groups x group.
Value Decomposition::inGroups() {
  Value activations = op.getActivations();
  auto type = cast<RankedTensorType>(activations.getType());
  int64_t padded = groups * group;
  if (padded != cols) {
    Value zero = splat(b, 0.0f);
    SmallVector<OpFoldResult> low{b.getIndexAttr(0), b.getIndexAttr(0)},
        high{b.getIndexAttr(0), b.getIndexAttr(padded - cols)};
    type = RankedTensorType::get({type.getDimSize(0), padded}, b.getF32Type());
    activations = tensor::PadOp::create(b, type, activations, low, high, zero);
  }
  auto expanded = RankedTensorType::get({type.getDimSize(0), groups, group}, b.getF32Type());
  SmallVector<OpFoldResult> sizes{tensor::getMixedSize(b, b.getLoc(), op.getActivations(), 0), b.getIndexAttr(groups),
                                  b.getIndexAttr(group)};
  return tensor::ExpandShapeOp::create(b, expanded, activations, SmallVector<ReassociationIndices>{{0}, {1, 2}}, sizes);
}

Value Decomposition::codeOf(OpBuilder &body, Value activation, Value multiplier) {
  Location loc = op.getLoc();
  Value scaled = arith::MulFOp::create(body, loc, activation, multiplier);
  auto clamp = [&](Value value, float least, float most) -> Value {
    value = arith::MaximumFOp::create(body, loc, value, splat(body, least));
    return arith::MinimumFOp::create(body, loc, value, splat(body, most));
  };
  Value code;
  if (bipolar) {
    // Odd integers are 2 j + 1.
    Value half = math::FloorOp::create(body, loc, arith::MulFOp::create(body, loc, scaled, splat(body, 0.5f)));
    half = clamp(half, -(largest + 1) / 2, (largest - 1) / 2);
    Value twice = arith::MulFOp::create(body, loc, half, splat(body, 2.0f));
    code = arith::AddFOp::create(body, loc, twice, splat(body, 1.0f));
  } else {
    // Adding 1.5 * 2^23 rounds to an integer, ties to even; codes are far smaller.
    Value magic = splat(body, 0x1.8p23f);
    Value rounded =
        arith::SubFOp::create(body, loc, arith::AddFOp::create(body, loc, scaled, magic), magic);
    code = clamp(rounded, -largest - 1, largest);
  }
  // A group with an infinity or a NaN has the multiplier 0, and codes 0.
  Value isUsed = arith::CmpFOp::create(body, loc, arith::CmpFPredicate::OGT, multiplier, splat(body, 0.0f));
  code = arith::SelectOp::create(body, loc, isUsed, code, splat(body, 0.0f));
  return arith::FPToSIOp::create(body, loc, body.getI8Type(), code);
}

void Decomposition::emit() {
  Location loc = op.getLoc();
  Type f32 = b.getF32Type();
  MLIRContext *context = b.getContext();
  Value activations = inGroups();
  AffineMap all = b.getMultiDimIdentityMap(3);
  AffineMap perGroup = AffineMap::get(3, 0, {b.getAffineDimExpr(0), b.getAffineDimExpr(1)}, context);
  auto parallel = utils::IteratorType::parallel, reduction = utils::IteratorType::reduction;

  Value perGroupEmpty = empty({groups}, f32);
  Value zeros = linalg::FillOp::create(b, splat(b, 0.0f), perGroupEmpty).getResult(0);
  auto magnitudes = linalg::GenericOp::create(
      b, zeros.getType(), activations, zeros, {all, perGroup}, {parallel, parallel, reduction},
      [&](OpBuilder &body, Location, ValueRange args) {
        Value magnitude = math::AbsFOp::create(body, loc, args[0]);
        linalg::YieldOp::create(body, loc, arith::MaximumFOp::create(body, loc, args[1], magnitude).getResult());
      });
  SmallVector<AffineMap> matrix(3, b.getMultiDimIdentityMap(2));
  auto multipliers = linalg::GenericOp::create(
      b, TypeRange{zeros.getType(), zeros.getType()}, magnitudes.getResult(0), ValueRange{perGroupEmpty, perGroupEmpty},
      matrix, {parallel, parallel}, [&](OpBuilder &body, Location, ValueRange args) {
        Value bounded = arith::MaximumFOp::create(body, loc, args[0], splat(body, 1e-5f));
        Value multiplier = arith::DivFOp::create(body, loc, splat(body, largest), bounded);
        Value scale = arith::DivFOp::create(body, loc, splat(body, 1.0f), multiplier);
        Value infinity = splat(body, std::numeric_limits<float>::infinity());
        Value isFinite = arith::CmpFOp::create(body, loc, arith::CmpFPredicate::OLT, args[0], infinity);
        multiplier = arith::SelectOp::create(body, loc, isFinite, multiplier, splat(body, 0.0f));
        scale = arith::SelectOp::create(body, loc, isFinite, scale,
                                        splat(body, std::numeric_limits<float>::quiet_NaN()));
        linalg::YieldOp::create(body, loc, ValueRange{multiplier, scale});
      });
  Value codesEmpty = empty({groups, group}, b.getI8Type());
  auto codes = linalg::GenericOp::create(
      b, codesEmpty.getType(), ValueRange{activations, multipliers.getResult(0)}, codesEmpty, {all, perGroup, all},
      {parallel, parallel, parallel}, [&](OpBuilder &body, Location, ValueRange args) {
        linalg::YieldOp::create(body, loc, codeOf(body, args[0], args[1]));
      });
  Value flat = tensor::CollapseShapeOp::create(b, codes.getResult(0), SmallVector<ReassociationIndices>{{0}, {1, 2}});
  if (groups * group != cols) {
    SmallVector<OpFoldResult> offsets(2, b.getIndexAttr(0)), strides(2, b.getIndexAttr(1)),
        sizes{tensor::getMixedSize(b, loc, op.getActivations(), 0), b.getIndexAttr(cols)};
    flat = tensor::ExtractSliceOp::create(b, flat, offsets, sizes, strides);
  }
  auto withType = [&](Value value, Type type) -> Value {
    return value.getType() == type ? value : tensor::CastOp::create(b, type, value).getResult();
  };
  Value results[] = {withType(flat, op.getCodes().getType()),
                     withType(multipliers.getResult(1), op.getScales().getType())};
  op->replaceAllUsesWith(ArrayRef<Value>(results));
  op.erase();
}

/// The structured op, which a machine computes in one pass over a row.
static void convertAbsmax(lowbit::QuantizeActivationsOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto type = cast<RankedTensorType>(op.getActivations().getType());
  int64_t cols = type.getDimSize(1), group = std::min<int64_t>(op.getGroup().value_or(cols), cols);
  auto empty = [&](int64_t count, Type element) -> Value {
    SmallVector<OpFoldResult> sizes{tensor::getMixedSize(b, b.getLoc(), op.getActivations(), 0), b.getIndexAttr(count)};
    return tensor::EmptyOp::create(b, sizes, element);
  };
  Value outputs[] = {empty(cols, b.getI8Type()), empty((cols + group - 1) / group, b.getF32Type())};
  auto codes = lut::QuantizeOp::create(b, ValueRange(outputs).getTypes(), op.getActivations(), outputs[0], outputs[1], group, op.getBits());
  for (auto [from, to] : llvm::zip_equal(op->getResults(), codes->getResults())) {
    Value value = from.getType() == to.getType() ? Value(to) : tensor::CastOp::create(b, from.getType(), to).getResult();
    from.replaceAllUsesWith(value);
  }
  op.erase();
}

LogicalResult lutra::decomposeQuantizeActivations(lowbit::QuantizeActivationsOp op) {
  if (cast<RankedTensorType>(op.getActivations().getType()).isDynamicDim(1))
    return op.emitOpError() << "needs activations whose K is static, but they are " << op.getActivations().getType();
  if (op.getKind() == lowbit::ActivationCodes::Absmax)
    convertAbsmax(op);
  else
    Decomposition(op).emit();
  return success();
}
