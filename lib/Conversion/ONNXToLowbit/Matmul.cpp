//===- Matmul.cpp - MatMulNBits -------------------------------------------===//
//
// MatMulNBits becomes a `lowbit.weight` over the very bytes of the model and a `lowbit.matmul`; packed zero points are
// the only part that is copied, one byte each.
//
//===----------------------------------------------------------------------===//

#include "dialects/lowbit/IR/Lowbit.h"
#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Product.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
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

/// The same bytes under another shape or type.
ElementsAttr reshapeElements(ElementsAttr elements, RankedTensorType type) {
  if (elements.getType() == type)
    return elements;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  return cast<DenseElementsAttr>(elements).reshape(type);
}

/// The constant that defines an input, in `type`; the input may have `shape` or be flat.
FailureOr<ElementsAttr> getComponent(Node &node, unsigned index, RankedTensorType type) {
  int64_t flat = type.getNumElements();
  RankedTensorType found = node.getInputType(index);
  if (found.getShape() != type.getShape() && found.getShape() != ArrayRef(flat))
    return failure(failed(node.requireShape(index, type.getShape())));
  ElementsAttr elements = getConstant(node.getInput(index));
  if (!isa_and_present<DenseElementsAttr, DenseResourceElementsAttr>(elements))
    return node.error() << "input '" << node.getInputName(index)
                        << "' must be a constant (an initializer): weights are packed when the model is compiled";
  return reshapeElements(elements, type);
}

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
  FailureOr<ElementsAttr> constant = getComponent(node, index, packed);
  if (failed(constant))
    return failure();
  SmallVector<char> storage;
  std::optional<ArrayRef<char>> bytes = getConstantBytes(*constant, storage);
  if (!bytes)
    return node.error() << "input '" << node.getInputName(index) << "' has no data";
  int64_t groups = shape.groups();
  unsigned mask = (1u << shape.bits) - 1, midpoint = 1u << (shape.bits - 1);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(shape.rows * groups, 1, /*dataIsMutable=*/true);
  MutableArrayRef<char> zeros = blob.getMutableData();
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
  auto type = RankedTensorType::get({shape.rows, groups}, node.getI8Type());
  if (shape.rows * groups <= 64) {
    return ElementsAttr(DenseElementsAttr::getFromRawBuffer(type, zeros));
  }
  return ElementsAttr(DenseResourceElementsAttr::get(type, "zero_points", std::move(blob)));
}

/// The weight of a MatMulNBits node as a constant.
FailureOr<Value> buildWeight(Node &node, const WeightShape &shape) {
  Type i8 = node.getI8Type(), f32 = node.getF32Type();
  int64_t groups = shape.groups();
  auto perGroup = RankedTensorType::get({shape.rows, groups}, f32);
  // Unsigned bytes: requireElement() speaks of signed ones.
  if (node.getInputType(1).getElementType() != i8)
    return node.error() << "input 'B' must be ui8, but is " << node.getInputType(1);
  FailureOr<ElementsAttr> codes =
      getComponent(node, 1, RankedTensorType::get({shape.rows, groups, shape.groupBytes()}, i8));
  if (failed(codes) || failed(node.requireF32(2)))
    return failure();
  FailureOr<ElementsAttr> scales = getComponent(node, 2, perGroup);
  if (failed(scales))
    return failure();
  SmallVector<NamedAttribute> components = {node.getNamedAttr("codes", *codes), node.getNamedAttr("scales", *scales)};

  auto zero = lowbit::ZeroKind::Midpoint;
  if (node.hasInput(3)) {
    Type element = node.getInputType(3).getElementType();
    if (element != i8 && element != f32)
      return node.error() << "input 'zero_points' must be ui8 (packed) or f32, but is " << node.getInputType(3);
    FailureOr<ElementsAttr> zeros = element == f32 ? getComponent(node, 3, perGroup) : unpackZeros(node, 3, shape);
    if (failed(zeros))
      return failure();
    if (*zeros) {
      zero = element == f32 ? lowbit::ZeroKind::Float : lowbit::ZeroKind::Integer;
      components.push_back(node.getNamedAttr("zeros", *zeros));
    }
  }
  auto format = lowbit::UniformAttr::get(node.getContext(), static_cast<unsigned>(shape.bits), shape.block, zero);
  auto type = lowbit::WeightType::get(node.getContext(), shape.rows, shape.cols, format);
  return Value(lowbit::WeightOp::create(node, type, node.getDictionaryAttr(components)));
}

LogicalResult lowerMatMulNBits(Node &node) {
  // `accuracy_level` is a hint at the precision of a runtime's own kernels; here the table's element type decides.
  if (failed(node.check({"A", "B", "scales", "zero_points?", "g_idx!", "bias?"}, {"Y"},
                        {"K:i!", "N:i!", "bits:i", "block_size:i!", "accuracy_level:i", "weight_prepacked:i"})) ||
      failed(node.requireInt("weight_prepacked", 0)) || failed(node.requireF32(0)) || failed(node.requireF32(5)))
    return failure();
  FailureOr<WeightShape> shape = getWeightShape(node);
  if (failed(shape) || failed(node.requireShape(5, shape->rows)))
    return failure();
  FailureOr<Value> weight = buildWeight(node, *shape);
  if (failed(weight))
    return failure();
  FailureOr<Value> result =
      buildProduct(node, shape->rows, shape->cols, node.getInput(5), [&](Value flat) -> FailureOr<Value> {
        int64_t count = cast<RankedTensorType>(flat.getType()).getDimSize(0);
        auto type = RankedTensorType::get({count, shape->rows}, node.getF32Type());
        return Value(lowbit::MatmulOp::create(node, type, flat, *weight));
      });
  if (failed(result))
    return failure();
  return node.setOutput(0, *result);
}

} // namespace

void addMatmul(Registry &registry) {
  registry.add(microsoftDomain, "MatMulNBits", lowerMatMulNBits);
}

} // namespace lutra
