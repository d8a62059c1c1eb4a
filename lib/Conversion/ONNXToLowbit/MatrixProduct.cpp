//===- MatrixProduct.cpp - MatMul, Gemm and FusedMatMul -------------------===//
//
// A product whose right side is what DequantizeLinear makes of a constant becomes `lowbit.matmul`; any other, loops.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/MatrixProduct.h"

#include "lib/Conversion/ONNXToLowbit/Elementwise.h"
#include "lib/Conversion/ONNXToLowbit/QuantizedWeight.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lutra {
namespace {

/// One side of a product under construction: its sizes, and the loops that index them.
struct Side {
  Value value;
  Dims sizes, kept;
  SmallVector<AffineExpr> exprs;
  bool isVector = false, isTransposed = false;
  /// Dimensions before the matrix.
  size_t batch = 0;

  Side(Node &node, Value value, bool isTransposed) : value(value), sizes(node.getDims(value)) {
    isVector = sizes.size() == 1;
    this->isTransposed = isTransposed && !isVector;
    batch = isVector ? 0 : sizes.size() - 2;
  }
  /// The place of the dimension that the product sums over, and of the other one, for the left side or the right.
  size_t getDepth(bool isLeft) const { return isVector ? 0 : batch + (isLeft != isTransposed ? 1 : 0); }
  size_t getOther(bool isLeft) const { return batch + (isLeft != isTransposed ? 0 : 1); }
};

} // namespace

FailureOr<Value> buildMatrixProduct(Node &node, Value a, Value b, bool transposeA, bool transposeB) {
  for (Value operand : {a, b})
    if (cast<RankedTensorType>(operand.getType()).getRank() == 0)
      return node.error() << "the operands of a product must have at least one dimension, but one is "
                          << operand.getType();
  Side sides[] = {Side(node, a, transposeA), Side(node, b, transposeB)};
  size_t batch = std::max(sides[0].batch, sides[1].batch);
  FailureOr<OpFoldResult> depth = node.unify(sides[0].sizes[sides[0].getDepth(true)],
                                             sides[1].sizes[sides[1].getDepth(false)], "the sizes that the product sums over");
  if (failed(depth))
    return failure();
  sides[0].sizes[sides[0].getDepth(true)] = *depth;
  sides[1].sizes[sides[1].getDepth(false)] = *depth;

  // Loops: batch dimensions, m unless A is a vector, n unless B is one, and the sum.
  Dims result;
  for (size_t dim = 0; dim < batch; ++dim) {
    // The operands that have the dimension and are not broadcast along it.
    SmallVector<std::pair<Side *, size_t>> owners;
    for (Side &side : sides)
      if (dim + side.batch >= batch && getConstantIntValue(side.sizes[dim + side.batch - batch]) != 1)
        owners.emplace_back(&side, dim + side.batch - batch);
    OpFoldResult size = owners.empty() ? node.getIndexAttr(1) : owners[0].first->sizes[owners[0].second];
    if (owners.size() == 2) {
      FailureOr<OpFoldResult> unified =
          node.unify(size, owners[1].first->sizes[owners[1].second], "batch sizes (neither of them is 1)");
      if (failed(unified))
        return failure();
      size = *unified;
    }
    result.push_back(size);
    for (auto [side, place] : owners) {
      side->sizes[place] = size;
      side->kept.push_back(size);
      side->exprs.push_back(node.getAffineDimExpr(dim));
    }
  }
  unsigned loops = batch + !sides[0].isVector + !sides[1].isVector + 1;
  AffineExpr sum = node.getAffineDimExpr(loops - 1);
  SmallVector<AffineMap> maps;
  SmallVector<Value> inputs;
  for (auto [index, side] : llvm::enumerate(sides)) {
    bool isLeft = index == 0;
    for (size_t dim = side.batch; dim < side.sizes.size(); ++dim) {
      bool isDepth = dim == side.getDepth(isLeft);
      side.kept.push_back(side.sizes[dim]);
      side.exprs.push_back(isDepth ? sum : node.getAffineDimExpr(isLeft ? batch : loops - 2));
    }
    if (!side.isVector)
      result.push_back(side.sizes[side.getOther(isLeft)]);
    inputs.push_back(buildReshape(node, node.refine(side.value, side.sizes), side.kept));
    maps.push_back(AffineMap::get(loops, 0, side.exprs, node.getContext()));
  }
  maps.push_back(node.getMultiDimIdentityMap(loops).dropResult(loops - 1));
  SmallVector<utils::IteratorType> iterators(loops, utils::IteratorType::parallel);
  iterators.back() = utils::IteratorType::reduction;
  Type element = cast<RankedTensorType>(a.getType()).getElementType();
  Value init = createFilled(node, result, cast<TypedAttr>(node.getZeroAttr(element)));
  auto product = linalg::GenericOp::create(node, TypeRange(init.getType()), inputs, ValueRange(init), maps, iterators,
                                           [&](OpBuilder &nested, Location loc, ValueRange x) {
                                             ImplicitLocOpBuilder b(loc, nested);
                                             Value sum;
                                             if (isa<FloatType>(element))
                                               sum = arith::AddFOp::create(b, x[2], arith::MulFOp::create(b, x[0], x[1]));
                                             else
                                               sum = arith::AddIOp::create(b, x[2], arith::MulIOp::create(b, x[0], x[1]));
                                             linalg::YieldOp::create(b, sum);
                                           });
  node.setDims(product.getResult(0), result);
  return product.getResult(0);
}

namespace {

/// Refuses operands that are not of one type of floats or, where those are allowed, of integers of 32 or 64 bits.
LogicalResult requireOperands(Node &node, bool allowIntegers) {
  for (unsigned i : {0u, 1u}) {
    Type element = node.getInputType(i).getElementType();
    if (element.isF32() || (allowIntegers && (element.isInteger(32) || element.isInteger(64))))
      continue;
    if (failed(node.requireF32(i)))
      return failure();
  }
  if (node.getInputType(0).getElementType() == node.getInputType(1).getElementType())
    return success();
  return node.error() << "inputs must be of one type, but are " << node.getInputType(0) << " and "
                      << node.getInputType(1);
}

/// The product of inputs 0 and 1: a lookup where input 1 is a low-bit constant.
FailureOr<Value> buildInputProduct(Node &node, bool transposeA = false, bool transposeB = false) {
  if (!transposeA)
    if (const QuantizedConstant *constant = node.getQuantized(node.getInput(1))) {
      FailureOr<Value> product = buildQuantizedProduct(node, *constant, /*isTransposed=*/transposeB);
      if (failed(product) || *product)
        return product;
    }
  return buildMatrixProduct(node, node.getInput(0), node.getInput(1), transposeA, transposeB);
}

LogicalResult lowerMatMul(Node &node) {
  if (failed(node.check({"A", "B"}, {"Y"}, {})) || failed(requireOperands(node, /*allowIntegers=*/true)))
    return failure();
  FailureOr<Value> result = buildInputProduct(node);
  return failed(result) ? failure() : node.setOutput(0, *result);
}

FailureOr<Value> buildScaled(Node &node, Value value, float factor) {
  if (factor == 1.0f)
    return value;
  return buildElementwise(node, value, node.getF32Type(), [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return arith::MulFOp::create(b, x[0], createScalar(b, x[0].getType(), factor));
  });
}

/// alpha A B + beta C for matrices.
LogicalResult lowerGemm(Node &node) {
  if (failed(node.check({"A", "B", "C?"}, {"Y"}, {"alpha:f", "beta:f", "transA:i", "transB:i"})) ||
      failed(requireOperands(node, /*allowIntegers=*/false)) || failed(node.requireF32(2)) ||
      failed(node.requireRank(0, 2)) || failed(node.requireRank(1, 2)))
    return failure();
  FailureOr<Value> product = buildInputProduct(node, node.getInt("transA"), node.getInt("transB"));
  if (failed(product))
    return failure();
  product = buildScaled(node, *product, node.getFloat("alpha", 1.0f));
  if (failed(product) || !node.hasInput(2))
    return failed(product) ? failure() : node.setOutput(0, *product);
  if (node.getInputType(2).getRank() > 2)
    return node.error() << "input 'C' must broadcast to a matrix, but is " << node.getInputType(2);
  FailureOr<Value> bias = buildScaled(node, node.getInput(2), node.getFloat("beta", 1.0f));
  if (failed(bias))
    return failure();
  return setElementwise(node, {*product, *bias}, node.getF32Type(), [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return arith::AddFOp::create(b, x[0], x[1]);
  });
}

LogicalResult lowerFusedMatMul(Node &node) {
  if (failed(node.check({"A", "B"}, {"Y"}, {"alpha:f", "transA:i", "transB:i", "transBatchA:i", "transBatchB:i"})) ||
      failed(requireOperands(node, /*allowIntegers=*/false)) || failed(node.requireInt("transBatchA", 0)) ||
      failed(node.requireInt("transBatchB", 0)))
    return failure();
  FailureOr<Value> product = buildInputProduct(node, node.getInt("transA"), node.getInt("transB"));
  if (failed(product))
    return failure();
  product = buildScaled(node, *product, node.getFloat("alpha", 1.0f));
  return failed(product) ? failure() : node.setOutput(0, *product);
}

} // namespace

void addMatrixProduct(Registry &registry) {
  registry.add("", "MatMul", lowerMatMul, Halves::InF32);
  registry.add("", "Gemm", lowerGemm, Halves::InF32);
  registry.add(microsoftDomain, "FusedMatMul", lowerFusedMatMul, Halves::InF32);
}

} // namespace lutra
