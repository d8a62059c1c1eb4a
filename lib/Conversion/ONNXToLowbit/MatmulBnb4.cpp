//===- MatmulBnb4.cpp - MatMulBnb4 ----------------------------------------===//
//
// Codes of 4 bits that index bitsandbytes' NF4 or FP4 table. Blocks that share a scale run over the flattened weight,
// row after row, so that one may begin within a row: in groups of a divisor of both the row and the block, each group
// has one scale, and the weight is `#lowbit.codebook`, exactly.
//
//===----------------------------------------------------------------------===//

#include "dialects/lowbit/IR/Lowbit.h"
#include "lib/Conversion/ONNXToLowbit/Product.h"
#include "lib/Conversion/ONNXToLowbit/QuantizedWeight.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "lib/Conversion/ONNXToLowbit/WeightParts.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace lutra {
namespace {

/// What a MatMulBnb4 node says about its weight.
struct Bnb4Shape {
  int64_t rows, cols, block, kind;
  int64_t count() const { return rows * cols; }
  /// Neighbouring elements of a row that share a scale, whatever the row.
  int64_t group() const { return std::gcd(cols, block); }
};

FailureOr<Bnb4Shape> getBnb4Shape(Node &node) {
  Bnb4Shape shape = {node.getInt("N"), node.getInt("K"), node.getInt("block_size"), node.getInt("quant_type")};
  constexpr int64_t most = int64_t(1) << 31;
  if (shape.rows <= 0 || shape.cols <= 0 || shape.rows > most || shape.cols > most)
    return node.error() << "attributes 'N' and 'K' must be 1 to 2^31, but are " << shape.rows << " and " << shape.cols;
  if (shape.block < 16 || !llvm::isPowerOf2_64(shape.block))
    return node.error() << "attribute 'block_size' must be a power of two of at least 16, but is " << shape.block;
  if (shape.kind != 0 && shape.kind != 1)
    return node.error() << "attribute 'quant_type' must be 0 (FP4) or 1 (NF4), but is " << shape.kind;
  return shape;
}

/// The codes, a group at a time, each beginning at a byte. The model has them without gaps, high half first.
ElementsAttr packGroups(Node &node, ArrayRef<char> bytes, const Bnb4Shape &shape) {
  SmallVector<char> codes(shape.count());
  for (int64_t at = 0; at < shape.count(); ++at)
    codes[at] = static_cast<char>(static_cast<uint8_t>(bytes[at / 2]) >> (at % 2 ? 0 : 4) & 15);
  return packCodes(node, codes, shape.rows, shape.cols, /*bits=*/4, shape.group());
}

/// The scale of each group: that of the block in which it lies.
ElementsAttr spreadScales(ElementsAttr absmax, ArrayRef<char> bytes, const Bnb4Shape &shape) {
  Type element = absmax.getElementType();
  int64_t size = element.getIntOrFloatBitWidth() / 8, groups = shape.cols / shape.group();
  auto type = RankedTensorType::get({shape.rows, groups}, element);
  if (shape.group() == shape.block)
    return reshapeElements(absmax, type);
  SmallVector<char> scales(shape.rows * groups * size);
  for (int64_t at = 0; at < shape.rows * groups; ++at)
    std::copy_n(bytes.data() + at * shape.group() / shape.block * size, size, scales.data() + at * size);
  return createElements(type, scales, "absmax");
}

FailureOr<Value> buildBnb4Weight(Node &node, const Bnb4Shape &shape) {
  if (node.getInputType(1).getElementType() != node.getI8Type() || !node.isUnsigned(node.getInput(1)))
    return node.error() << "input 'B' must be uint8, but is " << node.getInputType(1);
  int64_t bytes = llvm::divideCeil(shape.count(), 2), blocks = llvm::divideCeil(shape.count(), shape.block);
  Type scaleType = node.getInputType(2).getElementType();
  FailureOr<ElementsAttr> codes = getWeightPart(node, 1, RankedTensorType::get({bytes}, node.getI8Type()));
  FailureOr<ElementsAttr> absmax =
      failed(codes) ? codes : getWeightPart(node, 2, RankedTensorType::get({blocks}, scaleType));
  if (failed(absmax))
    return failure();
  SmallVector<char> codeStorage, scaleStorage;
  FailureOr<ArrayRef<char>> codeBytes = getPartBytes(node, 1, *codes, codeStorage);
  FailureOr<ArrayRef<char>> scaleBytes = getPartBytes(node, 2, *absmax, scaleStorage);
  if (failed(codeBytes) || failed(scaleBytes))
    return failure();
  NamedAttribute components[] = {node.getNamedAttr("codes", packGroups(node, *codeBytes, shape)),
                                 node.getNamedAttr("scales", spreadScales(*absmax, *scaleBytes, shape))};
  auto table = shape.kind == 1 ? lowbit::CodebookTable::NF4 : lowbit::CodebookTable::BnbFP4;
  auto format = lowbit::CodebookAttr::get(node.getContext(), /*bits=*/4, shape.group(), table,
                                          lowbit::Granularity::Group, scaleType, /*global_scale=*/false);
  auto type = lowbit::WeightType::get(node.getContext(), shape.rows, shape.cols, format);
  return Value(lowbit::WeightOp::create(node, type, node.getDictionaryAttr(components)));
}

LogicalResult lowerMatMulBnb4(Node &node) {
  // `training_mode` only says that the weight's gradient is wanted too: it does not change the product.
  if (failed(node.check({"A", "B", "absmax"}, {"Y"},
                        {"K:i!", "N:i!", "block_size:i!", "quant_type:i!", "training_mode:i", "transB:i"})) ||
      failed(node.requireInt("transB", 1)) ||
      failed(node.requireElement(2, {node.getF32Type(), node.getF16Type(), node.getBF16Type()})))
    return failure();
  if (node.getInputType(2).getElementType() != node.getInputType(0).getElementType())
    return node.error() << "input 'absmax' must be of the type of 'A', " << node.getInputType(0).getElementType()
                        << ", but is " << node.getInputType(2);
  if (failed(node.widenHalves(/*kept=*/{2})))
    return failure();
  FailureOr<Bnb4Shape> shape = getBnb4Shape(node);
  FailureOr<Value> weight = failed(shape) ? FailureOr<Value>(failure()) : buildBnb4Weight(node, *shape);
  if (failed(weight))
    return failure();
  FailureOr<Value> result = buildProduct(node, shape->rows, shape->cols, {}, [&](Value flat) -> FailureOr<Value> {
    int64_t count = cast<RankedTensorType>(flat.getType()).getDimSize(0);
    auto type = RankedTensorType::get({count, shape->rows}, node.getF32Type());
    return Value(lowbit::MatmulOp::create(node, type, flat, *weight));
  });
  return failed(result) ? failure() : node.setOutput(0, *result);
}

} // namespace

void addMatmulBnb4(Registry &registry) { registry.add(microsoftDomain, "MatMulBnb4", lowerMatMulBnb4); }

} // namespace lutra
