//===- SplitNorm.cpp - a norm and its tables apart ------------------------===//
//
// Where the device makes no tables. The roundings are those of docs/spec/numerics.md, "Sums of floats".
//
//===----------------------------------------------------------------------===//

#include "SplitNorm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace lutra;

void luttolmma::splitNorm(lut::NormPrecomputeOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto rows = cast<MemRefType>(op.getActivations().getType());
  Type f32 = b.getF32Type(), f64 = b.getF64Type();
  Value count = memref::DimOp::create(b, op.getActivations(), 0);
  SmallVector<Value> sizes;
  if (rows.isDynamicDim(0))
    sizes.push_back(count);
  Value squares = memref::AllocOp::create(b, MemRefType::get(rows.getShape().take_front(), f64), sizes);
  Value normal = memref::AllocOp::create(b, MemRefType::get(rows.getShape(), f32), sizes);
  auto real = [&](double value) -> Value { return arith::ConstantOp::create(b, b.getF64FloatAttr(value)); };
  linalg::FillOp::create(b, real(0.0), squares);
  AffineMap whole = b.getMultiDimIdentityMap(2), perRow = whole.getMajorSubMap(1), perColumn = whole.getMinorSubMap(1);
  const auto parallel = utils::IteratorType::parallel, reduction = utils::IteratorType::reduction;
  linalg::GenericOp::create(b, op.getActivations(), squares, ArrayRef<AffineMap>{whole, perRow}, {parallel, reduction},
                            [&](OpBuilder &nested, Location loc, ValueRange x) {
                              Value wide = arith::ExtFOp::create(nested, loc, f64, x[0]);
                              Value square = arith::MulFOp::create(nested, loc, wide, wide);
                              Value sum = arith::AddFOp::create(nested, loc, x[1], square, arith::FastMathFlags::reassoc);
                              linalg::YieldOp::create(nested, loc, sum);
                            });
  Value length = real(double(rows.getDimSize(1))), one = real(1.0), epsilon = real(op.getEpsilon().convertToFloat());
  linalg::GenericOp::create(b, ValueRange{op.getActivations(), squares, op.getWeight()}, normal,
                            ArrayRef<AffineMap>{whole, perRow, perColumn, whole}, {parallel, parallel},
                            [&](OpBuilder &nested, Location loc, ValueRange x) {
                              ImplicitLocOpBuilder body(loc, nested);
                              Value mean = arith::DivFOp::create(body, x[1], length);
                              Value root = math::SqrtOp::create(body, arith::AddFOp::create(body, mean, epsilon));
                              Value factor = arith::TruncFOp::create(body, f32, arith::DivFOp::create(body, one, root));
                              Value scaled = arith::MulFOp::create(body, x[0], factor);
                              linalg::YieldOp::create(body, Value(arith::MulFOp::create(body, scaled, x[2])));
                            });
  lut::PrecomputeOp::create(b, TypeRange(), normal, Value(), op.getEntries(), op.getScales(), op.getSums(), op.getGroupAttr(),
                            op.getSymmetricAttr(), b.getI64IntegerAttr(lowbit::kTableWidth));
  memref::DeallocOp::create(b, normal);
  memref::DeallocOp::create(b, squares);
  op.erase();
}
