//===- Matmul.cpp - MatMulNBits -------------------------------------------===//
//
// MatMulNBits becomes a `lowbit.weight` over the very bytes of the model and a `lowbit.matmul`; packed zero points are
// copied, one byte each. With `g_idx` the weight's columns are sorted by group, and the activations' with them.
//
//===----------------------------------------------------------------------===//

#include "dialects/lowbit/IR/Lowbit.h"
#include "lib/Conversion/ONNXToLowbit/GroupOrder.h"
#include "lib/Conversion/ONNXToLowbit/Product.h"
#include "lib/Conversion/ONNXToLowbit/QuantizedWeight.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "lib/Conversion/ONNXToLowbit/WeightParts.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lutra {
namespace {

/// What a MatMulNBits node says about its weight: N x K codes of `bits` bits, a scale per `block` of them.
struct WeightShape {
  int64_t rows, cols, block, bits;
  int64_t groups() const { return llvm::divideCeil(cols, block); }
  int64_t groupBytes() const { return block * bits / 8; }
  int64_t zeroBytes() const { return llvm::divideCeil(groups() * bits, 8); }
};

FailureOr<WeightShape> getWeightShape(Node &node) {
  WeightShape shape = {node.getInt("N"), node.getInt("K"), node.getInt("block_size"), node.getInt("bits", 4)};
  if (shape.bits != 2 && shape.bits != 4 && shape.bits != 8)
    return node.error() << "attribute 'bits' must be 2, 4 or 8, but is " << shape.bits;
  if (shape.rows <= 0 || shape.cols <= 0)
    return node.error() << "attributes 'N' and 'K' must be positive, but are " << shape.rows << " and " << shape.cols;
  if (shape.block < 16 || !llvm::isPowerOf2_64(shape.block))
    return node.error() << "attribute 'block_size' must be a power of two of at least 16, but is " << shape.block;
  return shape;
}

/// The zero points of each row and group as bytes, unpacked from `shape.bits` bits each; a row begins at a byte. Null
/// when every one is the midpoint, which is the format's default.
FailureOr<ElementsAttr> unpackZeros(Node &node, unsigned index, const WeightShape &shape) {
  auto packed = RankedTensorType::get({shape.rows, shape.zeroBytes()}, node.getI8Type());
  FailureOr<ElementsAttr> constant = getWeightPart(node, index, packed);
  if (failed(constant))
    return failure();
  SmallVector<char> storage;
  FailureOr<ArrayRef<char>> bytes = getPartBytes(node, index, *constant, storage);
  if (failed(bytes))
    return failure();
  int64_t groups = shape.groups();
  unsigned mask = (1u << shape.bits) - 1, midpoint = 1u << (shape.bits - 1);
  SmallVector<char> zeros(shape.rows * groups);
  bool isMidpoint = true;
  for (int64_t row = 0; row < shape.rows; ++row) {
    for (int64_t group = 0; group < groups; ++group) {
      uint8_t byte = (*bytes)[row * shape.zeroBytes() + group * shape.bits / 8];
      unsigned zero = (byte >> (group * shape.bits % 8)) & mask;
      isMidpoint &= zero == midpoint;
      zeros[row * groups + group] = static_cast<char>(zero);
    }
  }
  if (isMidpoint)
    return ElementsAttr();
  return createElements(RankedTensorType::get({shape.rows, groups}, node.getI8Type()), zeros, "zero_points");
}

/// The codes, in the order of `order`.
FailureOr<ElementsAttr> sortCodes(Node &node, ElementsAttr codes, const WeightShape &shape, const GroupOrder &order) {
  SmallVector<char> storage, sorted;
  FailureOr<ArrayRef<char>> bytes = getPartBytes(node, 1, codes, storage);
  if (failed(bytes))
    return failure();
  unsigned mask = (1u << shape.bits) - 1;
  sorted.reserve(shape.rows * order.columns.size());
  for (int64_t row = 0; row < shape.rows; ++row) {
    const char *start = bytes->data() + row * shape.groups() * shape.groupBytes();
    for (int64_t col : order.columns) {
      // Blocks are whole bytes, so that a column's place in its row tells its bits.
      unsigned byte = col < 0 ? 0 : static_cast<uint8_t>(start[col * shape.bits / 8]);
      sorted.push_back(static_cast<char>(byte >> (std::max<int64_t>(col, 0) * shape.bits % 8) & mask));
    }
  }
  return packCodes(node, sorted, shape.rows, order.columns.size(), shape.bits, shape.block);
}

/// Scales or zero points of each row and group, as each block of `order` has them.
FailureOr<ElementsAttr> sortGroups(Node &node, unsigned index, ElementsAttr values, const WeightShape &shape,
                                   const GroupOrder &order) {
  SmallVector<char> storage;
  FailureOr<ArrayRef<char>> bytes = getPartBytes(node, index, values, storage);
  if (failed(bytes))
    return failure();
  Type element = values.getElementType();
  SmallVector<char> sorted =
      GroupOrder::pick(*bytes, shape.rows, shape.groups(), element.getIntOrFloatBitWidth() / 8, order.groups);
  auto type = RankedTensorType::get({shape.rows, static_cast<int64_t>(order.groups.size())}, element);
  return createElements(type, sorted, node.getInputName(index));
}

/// The zero points: bytes, f32, or null for the format's default.
FailureOr<ElementsAttr> getZeros(Node &node, const WeightShape &shape, Type scaleType) {
  if (!node.hasInput(3))
    return ElementsAttr();
  Type element = node.getInputType(3).getElementType();
  if (element != node.getI8Type() && element != scaleType)
    return node.error() << "input 'zero_points' must be ui8 (packed) or " << scaleType
                        << ", the type of the scales, but is " << node.getInputType(3);
  if (element == node.getI8Type())
    return unpackZeros(node, 3, shape);
  FailureOr<ElementsAttr> zeros = getWeightPart(node, 3, RankedTensorType::get({shape.rows, shape.groups()}, element));
  if (failed(zeros))
    return failure();
  if (ElementsAttr wide = widenElements(*zeros))
    return wide;
  return node.error() << "input 'zero_points' has no data";
}

/// The weight of a MatMulNBits node as a constant; its columns are those of `order`, if that is given.
FailureOr<Value> buildWeight(Node &node, const WeightShape &shape, const std::optional<GroupOrder> &order) {
  Type i8 = node.getI8Type(), scaleType = node.getInputType(2).getElementType();
  int64_t groups = shape.groups();
  // Unsigned bytes: requireElement() speaks of signed ones.
  if (node.getInputType(1).getElementType() != i8)
    return node.error() << "input 'B' must be ui8, but is " << node.getInputType(1);
  FailureOr<ElementsAttr> codes =
      getWeightPart(node, 1, RankedTensorType::get({shape.rows, groups, shape.groupBytes()}, i8));
  if (failed(codes) || failed(node.requireElement(2, {node.getF32Type(), node.getF16Type(), node.getBF16Type()})))
    return failure();
  FailureOr<ElementsAttr> scales = getWeightPart(node, 2, RankedTensorType::get({shape.rows, groups}, scaleType));
  FailureOr<ElementsAttr> zeros = failed(scales) ? scales : getZeros(node, shape, scaleType);
  if (failed(zeros))
    return failure();
  if (order) {
    codes = sortCodes(node, *codes, shape, *order);
    scales = sortGroups(node, 2, *scales, shape, *order);
    if (*zeros)
      zeros = sortGroups(node, 3, *zeros, shape, *order);
    if (failed(codes) || failed(scales) || failed(zeros))
      return failure();
  }
  SmallVector<NamedAttribute> components = {node.getNamedAttr("codes", *codes), node.getNamedAttr("scales", *scales)};
  auto zero = lowbit::ZeroKind::Midpoint;
  if (*zeros) {
    zero = isa<FloatType>(zeros->getElementType()) ? lowbit::ZeroKind::Float : lowbit::ZeroKind::Integer;
    components.push_back(node.getNamedAttr("zeros", *zeros));
  }
  auto format = lowbit::UniformAttr::get(node.getContext(), static_cast<unsigned>(shape.bits), shape.block, zero,
                                         /*is_signed=*/false, lowbit::Granularity::Group, scaleType);
  int64_t cols = order ? order->columns.size() : shape.cols;
  auto type = lowbit::WeightType::get(node.getContext(), shape.rows, cols, format);
  return Value(lowbit::WeightOp::create(node, type, node.getDictionaryAttr(components)));
}

LogicalResult lowerMatMulNBits(Node &node) {
  // `accuracy_level` is a hint at the precision of a runtime's own kernels; here the table's element type decides.
  if (failed(node.check({"A", "B", "scales", "zero_points?", "g_idx?", "bias?"}, {"Y"},
                        {"K:i!", "N:i!", "bits:i", "block_size:i!", "accuracy_level:i", "weight_prepacked:i"})) ||
      failed(node.requireInt("weight_prepacked", 0)))
    return failure();
  Type given = node.getInputType(0).getElementType();
  if (node.getInputType(2).getElementType() != given)
    return node.error() << "input 'scales' must be of the type of 'A', " << given << ", but is "
                        << node.getInputType(2);
  // Scales and float zero points stay as they are stored; the product is of f32, rounded once.
  if (failed(node.widenHalves(/*kept=*/{2, 3})) || failed(node.requireF32(0)) || failed(node.requireF32(5)))
    return failure();
  FailureOr<WeightShape> shape = getWeightShape(node);
  if (failed(shape) || failed(node.requireShape(5, shape->rows)))
    return failure();
  FailureOr<std::optional<GroupOrder>> order = std::optional<GroupOrder>();
  if (node.hasInput(4))
    order = GroupOrder::read(node, 4, shape->cols, shape->block, shape->groups());
  if (failed(order))
    return failure();
  FailureOr<Value> weight = buildWeight(node, *shape, *order);
  if (failed(weight))
    return failure();
  FailureOr<Value> result =
      buildProduct(node, shape->rows, shape->cols, node.getInput(5), [&](Value flat) -> FailureOr<Value> {
        if (*order)
          flat = (*order)->permute(node, flat);
        int64_t count = cast<RankedTensorType>(flat.getType()).getDimSize(0);
        auto type = RankedTensorType::get({count, shape->rows}, node.getF32Type());
        return Value(lowbit::MatmulOp::create(node, type, flat, *weight));
      });
  if (failed(result))
    return failure();
  return node.setOutput(0, *result);
}

} // namespace

void addMatmul(Registry &registry) { registry.add(microsoftDomain, "MatMulNBits", lowerMatMulNBits); }

} // namespace lutra
