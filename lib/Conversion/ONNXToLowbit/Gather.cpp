//===- Gather.cpp - Gather and GatherBlockQuantized -----------------------===//
//
// An index outside the table is reported by one check over all indices, before the gather; the gather itself reads at
// clamped indices, so it stays in bounds whatever the check found.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lutra {
namespace {

/// `count` as a scalar of `type`.
Value createCount(Node &node, OpFoldResult count, Type type) { return createScalarFromSize(node, count, type); }

/// Whether -count <= x < count.
Value createInRange(ImplicitLocOpBuilder &b, Value x, Value count) {
  Value lowest = arith::SubIOp::create(b, createScalar(b, x.getType(), 0), count);
  Value low = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, x, lowest);
  Value high = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, count);
  return arith::AndIOp::create(b, low, high);
}

/// The position in 0..count-1 that index `x` stands for: negative ones count from the end, others are clamped.
Value createPosition(ImplicitLocOpBuilder &b, Value x, Value count) {
  Type type = x.getType();
  Value zero = createScalar(b, type, 0);
  Value negative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, zero);
  Value wrapped = arith::SelectOp::create(b, negative, arith::AddIOp::create(b, x, count), x);
  Value last = arith::SubIOp::create(b, count, createScalar(b, type, 1));
  return arith::MaxSIOp::create(b, zero, arith::MinSIOp::create(b, last, wrapped));
}

/// Gather from a list of known scalars by constant indices (what a graph does with the result of Shape), or null.
Value gatherScalars(Node &node) {
  std::optional<SmallVector<Value>> scalars = getScalars(node, node.getInput(0));
  std::optional<SmallVector<int64_t>> indices = getConstantInts(node.getInput(1));
  if (!scalars || !indices || node.getInputType(0).getRank() != 1)
    return {};
  int64_t count = scalars->size();
  SmallVector<Value> picked;
  for (int64_t index : *indices) {
    if (index < -count || index >= count)
      return {};
    picked.push_back((*scalars)[index < 0 ? index + count : index]);
  }
  return createFromScalars(node, picked, node.getInputType(0).getElementType(), node.getInputType(1).getRank() == 0);
}

LogicalResult lowerGather(Node &node) {
  if (failed(node.check({"data", "indices"}, {"output"}, {"axis:i"})) ||
      failed(node.requireElement(1, {node.getI64Type(), node.getI32Type()})))
    return failure();
  Value data = node.getInput(0), indices = node.getInput(1);
  Dims sizes = node.getDims(data), indexDims = node.getDims(indices);
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 0), sizes.size());
  if (failed(axis))
    return failure();
  if (Value picked = gatherScalars(node))
    return node.setOutput(0, picked);
  if (getConstantIntValue(sizes[*axis]) == 0)
    return node.error() << "input 'data' has no element along axis " << *axis << ": " << node.getInputType(0);

  FailureOr<Value> positions = buildPositions(node, indices, sizes[*axis], Twine(*axis) + " of 'data'");
  if (failed(positions))
    return failure();

  Dims result(ArrayRef(sizes).take_front(*axis));
  llvm::append_range(result, indexDims);
  llvm::append_range(result, ArrayRef(sizes).drop_front(*axis + 1));
  Value output = buildGenerate(
      node, result, node.getInputType(0).getElementType(), [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
        Value position = tensor::ExtractOp::create(b, *positions, at.slice(*axis, indexDims.size()));
        SmallVector<Value> from(at.take_front(*axis));
        from.push_back(arith::IndexCastOp::create(b, b.getIndexType(), position));
        llvm::append_range(from, at.drop_front(*axis + indexDims.size()));
        return tensor::ExtractOp::create(b, data, from);
      });
  return node.setOutput(0, output);
}

/// Element `column` of row `row` of a matrix of `bits`-bit unsigned codes packed in bytes, low bits first, as f32.
Value extractCode(ImplicitLocOpBuilder &b, Value packed, Value row, Value column, int64_t bits) {
  Type i8 = b.getI8Type();
  int64_t perByte = 8 / bits;
  Value byteIndex = column;
  if (perByte > 1)
    byteIndex = arith::DivUIOp::create(b, column, arith::ConstantIndexOp::create(b, perByte));
  Value code = tensor::ExtractOp::create(b, packed, ValueRange{row, byteIndex});
  if (perByte > 1) {
    Value lane = arith::RemUIOp::create(b, column, arith::ConstantIndexOp::create(b, perByte));
    Value shift = arith::MulIOp::create(b, lane, arith::ConstantIndexOp::create(b, bits));
    code = arith::ShRUIOp::create(b, code, arith::IndexCastOp::create(b, i8, shift));
    code = arith::AndIOp::create(b, code, createScalar(b, i8, (1 << bits) - 1));
  }
  return arith::UIToFPOp::create(b, b.getF32Type(), code);
}

/// What a GatherBlockQuantized node says about its table: rows x cols codes of `bits` bits, a scale per `block` of
/// them.
struct TableShape {
  int64_t rows, cols, bits, block;
};

FailureOr<TableShape> checkGatherBlockQuantized(Node &node) {
  if (failed(node.check({"data", "indices", "scales", "zero_points?"}, {"output"},
                        {"bits:i", "block_size:i", "gather_axis:i", "quantize_axis:i"})) ||
      failed(node.requireElement(1, {node.getI64Type(), node.getI32Type()})) || failed(node.requireF32(2)) ||
      failed(node.requireRank(0, 2)) || failed(node.requireRank(2, 2)) || failed(node.requireInt("gather_axis", 0)))
    return failure();
  for (unsigned index : {0u, 3u})
    if (node.hasInput(index) &&
        (!node.getInputType(index).getElementType().isInteger(8) || !node.isUnsigned(node.getInput(index))))
      return node.error() << "input '" << node.getInputName(index) << "' must be uint8 (codes packed in bytes), but is "
                          << node.getInputType(index) << ": int4 and uint4 tensors are not supported";
  int64_t quantizeAxis = node.getInt("quantize_axis", 1);
  if (quantizeAxis != 1 && quantizeAxis != -1)
    return node.error() << "attribute 'quantize_axis' = " << quantizeAxis
                        << " is not supported: only the last axis, 1, is";
  TableShape table = {0, 0, node.getInt("bits", 4), node.getInt("block_size", 128)};
  if (table.bits != 2 && table.bits != 4 && table.bits != 8)
    return node.error() << "attribute 'bits' must be 2, 4 or 8, but is " << table.bits;
  if (table.block < 16 || !llvm::isPowerOf2_64(table.block))
    return node.error() << "attribute 'block_size' must be a power of two of at least 16, but is " << table.block;
  RankedTensorType data = node.getInputType(0);
  if (!data.hasStaticShape() || data.getDimSize(0) == 0)
    return node.error() << "input 'data' must have a static shape and at least one row, but is " << data;
  table.rows = data.getDimSize(0);
  table.cols = data.getDimSize(1) * (8 / table.bits);
  int64_t groups = llvm::divideCeil(table.cols, table.block);
  if (failed(node.requireShape(2, {table.rows, groups})) ||
      failed(node.requireShape(3, {table.rows, static_cast<int64_t>(llvm::divideCeil(groups * table.bits, 8))})))
    return failure();
  return table;
}

/// Rows of (code - zero) * scale; unlike Gather's, an index out of range gives a row of zeros.
LogicalResult lowerGatherBlockQuantized(Node &node) {
  FailureOr<TableShape> table = checkGatherBlockQuantized(node);
  if (failed(table))
    return failure();
  Value data = node.getInput(0), indices = node.getInput(1), scales = node.getInput(2), zeros = node.getInput(3);
  Dims result = node.getDims(indices);
  size_t indexRank = result.size();
  result.push_back(node.getIndexAttr(table->cols));
  Type f32 = node.getF32Type();
  Value output = buildGenerate(node, result, f32, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value index = tensor::ExtractOp::create(b, indices, at.take_front(indexRank));
    Value count = createScalar(b, index.getType(), table->rows);
    Value row = arith::IndexCastOp::create(b, b.getIndexType(), createPosition(b, index, count));
    Value column = at.back();
    Value group = arith::DivUIOp::create(b, column, arith::ConstantIndexOp::create(b, table->block));
    Value scale = tensor::ExtractOp::create(b, scales, ValueRange{row, group});
    Value code = extractCode(b, data, row, column, table->bits);
    Value zero = zeros ? extractCode(b, zeros, row, group, table->bits) : createScalar(b, f32, 1 << (table->bits - 1));
    Value value = arith::MulFOp::create(b, arith::SubFOp::create(b, code, zero), scale);
    return arith::SelectOp::create(b, createInRange(b, index, count), value, createScalar(b, f32, 0));
  });
  return node.setOutput(0, output, /*isUnsigned=*/false);
}

} // namespace

FailureOr<Value> buildPositions(Node &node, Value indices, OpFoldResult count, const Twine &axis) {
  auto type = cast<RankedTensorType>(indices.getType());
  Value countValue = createCount(node, count, type.getElementType());
  SmallVector<int64_t> allAxes = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  Value inRange =
      buildReduce(node, indices, allAxes, node.getBoolAttr(true), [&](ImplicitLocOpBuilder &b, ValueRange x) {
        return b.createOrFold<arith::AndIOp>(x[1], createInRange(b, x[0], countValue));
      });
  node.assertThat(tensor::ExtractOp::create(node, inRange), "an index is out of range for axis " + axis);
  return buildElementwise(node, indices, type.getElementType(),
                          [&](ImplicitLocOpBuilder &b, ValueRange x) { return createPosition(b, x[0], countValue); });
}

void addGather(Registry &registry) {
  registry.add("", "Gather", lowerGather);
  registry.add(microsoftDomain, "GatherBlockQuantized", lowerGatherBlockQuantized);
}

} // namespace lutra
