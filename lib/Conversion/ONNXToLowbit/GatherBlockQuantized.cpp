//===- GatherBlockQuantized.cpp - rows of a quantized table ---------------===//
//
// The table stays as it was stored; what is gathered is decoded, an element at a time: (code - zero) scale. Codes are
// in bytes (uint8, packed along the last axis, as MatMulNBits has them) or elements of 4 bits (int4, uint4, without
// gaps).
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/PackedCodes.h"
#include "lib/Conversion/ONNXToLowbit/Positions.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lutra {
namespace {

/// What a GatherBlockQuantized node says about its table.
struct TableShape {
  /// Codes along each axis, and scales.
  SmallVector<int64_t> sizes, scales;
  int64_t bits, block, gatherAxis, quantizeAxis;
  bool isInBytes;
  int64_t rank() const { return sizes.size(); }
};

FailureOr<TableShape> getTableShape(Node &node) {
  if (failed(node.check({"data", "indices", "scales", "zero_points?"}, {"output"},
                        {"bits:i", "block_size:i", "gather_axis:i", "quantize_axis:i"})) ||
      failed(node.requireElement(1, {node.getI64Type(), node.getI32Type()})) ||
      failed(node.requireElement(2, {node.getF32Type(), node.getF16Type(), node.getBF16Type()})))
    return failure();
  RankedTensorType data = node.getInputType(0);
  TableShape table = {SmallVector<int64_t>(data.getShape()), {}, node.getInt("bits", 4),
                      node.getInt("block_size", 128),        0,  0,
                      data.getElementType().isInteger(8)};
  if (!data.hasStaticShape() || data.getRank() == 0 || data.getNumElements() == 0)
    return node.error() << "input 'data' must have a static shape and at least one element, but is " << data;
  if (!data.getElementType().isInteger(4) && !(table.isInBytes && node.isUnsigned(node.getInput(0))))
    return node.error() << "input 'data' must be uint8 (codes packed in bytes), int4 or uint4, but is " << data;
  if (table.bits != 2 && table.bits != 4 && table.bits != 8)
    return node.error() << "attribute 'bits' must be 2, 4 or 8, but is " << table.bits;
  if (!table.isInBytes && table.bits != 4)
    return node.error() << "attribute 'bits' must be 4, as input 'data' is " << data << ", but is " << table.bits;
  if (table.block < 16 || !llvm::isPowerOf2_64(table.block))
    return node.error() << "attribute 'block_size' must be a power of two of at least 16, but is " << table.block;
  FailureOr<int64_t> gather = normalizeAxis(node, node.getInt("gather_axis", 0), data.getRank());
  FailureOr<int64_t> quantize = normalizeAxis(node, node.getInt("quantize_axis", 1), data.getRank());
  if (failed(gather) || failed(quantize))
    return failure();
  table.gatherAxis = *gather;
  table.quantizeAxis = *quantize;
  if (*gather == *quantize)
    return node.error() << "attributes 'gather_axis' and 'quantize_axis' must be two axes, but both are " << *gather;
  if (table.isInBytes && (*gather != 0 || *quantize != data.getRank() - 1))
    return node.error()
           << "with uint8 'data', attribute 'gather_axis' must be 0 and 'quantize_axis' the last axis, but "
           << "they are " << *gather << " and " << *quantize;
  if (table.isInBytes)
    table.sizes.back() *= 8 / table.bits;
  table.scales = table.sizes;
  table.scales[*quantize] = llvm::divideCeil(table.sizes[*quantize], table.block);
  SmallVector<int64_t> zeros = table.scales;
  if (table.isInBytes)
    zeros.back() = llvm::divideCeil(zeros.back() * table.bits, 8);
  if (failed(node.requireRank(2, table.rank())) || failed(node.requireShape(2, table.scales)) ||
      failed(node.requireRank(3, table.rank())) || failed(node.requireShape(3, zeros)))
    return failure();
  if (node.hasInput(3) && (node.getInputType(3).getElementType() != data.getElementType() ||
                           node.isUnsigned(node.getInput(3)) != node.isUnsigned(node.getInput(0))))
    return node.error() << "input 'zero_points' must be of the type of 'data', " << data << ", but is "
                        << node.getInputType(3);
  return table;
}

/// An input as packed codes of `sizes`.
FailureOr<PackedCodes> getCodes(Node &node, unsigned index, const TableShape &table, SmallVector<int64_t> sizes) {
  Value value = node.getInput(index);
  if (table.isInBytes) {
    // A row begins at a byte.
    sizes.back() = llvm::alignTo(sizes.back(), 8 / table.bits);
    OpFoldResult count = node.getIndexAttr(node.getInputType(index).getNumElements());
    return PackedCodes{buildReshape(node, value, count), std::move(sizes), table.bits, /*isSigned=*/false};
  }
  ElementsAttr constant = getConstant(value);
  if (auto codes = constant ? PackedCodes::create(node, constant, !node.isUnsigned(value)) : std::nullopt)
    return std::move(*codes);
  return node.error() << "input '" << node.getInputName(index) << "' must be a constant (an initializer), as its "
                      << "elements have 4 bits";
}

/// Unlike Gather's, an index out of range gives zeros.
LogicalResult lowerGatherBlockQuantized(Node &node) {
  FailureOr<TableShape> table = getTableShape(node);
  if (failed(table))
    return failure();
  FailureOr<PackedCodes> codes = getCodes(node, 0, *table, table->sizes);
  FailureOr<PackedCodes> zeros = codes;
  if (succeeded(codes) && node.hasInput(3))
    zeros = getCodes(node, 3, *table, table->scales);
  if (failed(codes) || failed(zeros))
    return failure();
  Value indices = node.getInput(1), scales = node.getInput(2);
  Dims inner = node.getDims(indices), result;
  for (int64_t axis = 0; axis < table->rank(); ++axis) {
    if (axis == table->gatherAxis)
      llvm::append_range(result, inner);
    else
      result.push_back(node.getIndexAttr(table->sizes[axis]));
  }
  Type f32 = node.getF32Type(), i32 = node.getI32Type(), element = node.getInputType(2).getElementType();
  bool hasZeros = node.hasInput(3);
  Value output = buildGenerate(node, result, element, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value index = tensor::ExtractOp::create(b, indices, at.slice(table->gatherAxis, inner.size()));
    Value count = createScalar(b, index.getType(), table->sizes[table->gatherAxis]);
    SmallVector<Value> from(at.take_front(table->gatherAxis));
    from.push_back(arith::IndexCastOp::create(b, b.getIndexType(), createPosition(b, index, count)));
    llvm::append_range(from, at.drop_front(table->gatherAxis + inner.size()));
    SmallVector<Value> shared(from);
    shared[table->quantizeAxis] =
        arith::DivUIOp::create(b, from[table->quantizeAxis], arith::ConstantIndexOp::create(b, table->block));
    Value scale = tensor::ExtractOp::create(b, scales, shared);
    if (element != f32)
      scale = arith::ExtFOp::create(b, f32, scale);
    Value code = codes->extract(b, from);
    if (hasZeros || table->isInBytes) {
      Value zero = hasZeros ? zeros->extract(b, shared) : createScalar(b, i32, 1 << (table->bits - 1));
      code = arith::SubIOp::create(b, code, zero);
    }
    Value value = arith::MulFOp::create(b, arith::SIToFPOp::create(b, f32, code), scale);
    value = arith::SelectOp::create(b, createInRange(b, index, count), value, createScalar(b, f32, 0));
    return element == f32 ? value : Value(arith::TruncFOp::create(b, element, value));
  });
  return node.setOutput(0, output, /*isUnsigned=*/false);
}

} // namespace

void addGatherBlockQuantized(Registry &registry) {
  registry.add(microsoftDomain, "GatherBlockQuantized", lowerGatherBlockQuantized);
}

} // namespace lutra
