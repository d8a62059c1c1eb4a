//===- QuantizedWeight.cpp - quantized constants as weights ---------------===//
//
// DequantizeLinear of a constant in 2, 4 or 8 bits, before a product, is a uniform weight, and one of FP4 is a
// codebook: scales per tensor, per output channel, or per block of inputs, of the type that the model stores (MXFP4's
// and NVFP4's included). Where the model's bytes are laid out as the weight's, they are taken as they are.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/QuantizedWeight.h"

#include "dialects/lowbit/IR/Lowbit.h"
#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Product.h"
#include "lib/Conversion/ONNXToLowbit/WeightParts.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lutra {

/// Elements that share a scale where the model states one for a whole row: tables have scales of their own.
static constexpr int64_t rowGroup = 128;

/// The bytes of a constant, packed ones included.
static std::optional<ArrayRef<char>> getBytes(ElementsAttr constant, SmallVector<char> &storage) {
  auto type = cast<RankedTensorType>(constant.getType());
  if (type.getElementTypeBitWidth() >= 8)
    return getConstantBytes(constant, storage);
  auto resource = dyn_cast<DenseResourceElementsAttr>(constant);
  AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
  uint64_t size = llvm::divideCeil(type.getNumElements() * type.getElementTypeBitWidth(), 8);
  if (!blob || blob->getData().size() != size)
    return std::nullopt;
  return blob->getData();
}

std::optional<SmallVector<char>> unpackCodes(ElementsAttr codes, bool isUnsigned) {
  auto type = cast<RankedTensorType>(codes.getType());
  unsigned bits = type.getElementTypeBitWidth();
  SmallVector<char> storage;
  std::optional<ArrayRef<char>> bytes = getBytes(codes, storage);
  if (!bytes || bits > 8 || bits == 1)
    return std::nullopt;
  int64_t count = type.getNumElements(), perByte = 8 / bits;
  unsigned mask = (1u << bits) - 1, sign = isUnsigned ? 0 : 1u << (bits - 1);
  SmallVector<char> result(count);
  for (int64_t i = 0; i < count; ++i) {
    unsigned code = static_cast<uint8_t>((*bytes)[i / perByte]) >> (i % perByte * bits) & mask;
    result[i] = static_cast<char>(static_cast<int>(code ^ sign) - static_cast<int>(sign));
  }
  return result;
}

ElementsAttr packCodes(Builder &builder, ArrayRef<char> codes, int64_t rows, int64_t cols, int64_t bits,
                       int64_t group) {
  int64_t groups = llvm::divideCeil(cols, group), groupBytes = llvm::divideCeil(group * bits, 8);
  unsigned mask = (1u << bits) - 1;
  SmallVector<char> packed(rows * groups * groupBytes, 0);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t col = 0; col < cols; ++col) {
      char *start = packed.data() + (row * groups + col / group) * groupBytes;
      int64_t bit = col % group * bits;
      unsigned code = static_cast<uint8_t>(codes[row * cols + col]) & mask;
      // A code of 3, 5, 6 or 7 bits may straddle two bytes.
      unsigned shifted = code << (bit % 8);
      start[bit / 8] |= static_cast<char>(shifted);
      if (shifted > 255)
        start[bit / 8 + 1] |= static_cast<char>(shifted >> 8);
    }
  }
  return createElements(RankedTensorType::get({rows, groups, groupBytes}, builder.getI8Type()), packed, "codes");
}

/// `count` elements of `size` bytes of a matrix of `rows` rows, transposed when asked.
static SmallVector<char> transposeBytes(ArrayRef<char> bytes, int64_t rows, int64_t cols, int64_t size,
                                        bool isTransposed) {
  if (!isTransposed)
    return SmallVector<char>(bytes);
  SmallVector<char> result(bytes.size());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t col = 0; col < cols; ++col)
      std::copy_n(bytes.data() + (row * cols + col) * size, size, result.data() + (col * rows + row) * size);
  return result;
}

/// The scales' or zero points' bytes as a component of shape P x Q: those of the model, transposed where it has [K, N].
static ElementsAttr buildParameters(Node &node, ElementsAttr stored, bool isBytes, ArrayRef<int64_t> shape,
                                    bool isTransposed, bool isUnsigned) {
  auto type = cast<RankedTensorType>(stored.getType());
  SmallVector<char> storage, unpacked;
  std::optional<ArrayRef<char>> bytes;
  if (isBytes) {
    std::optional<SmallVector<char>> codes = unpackCodes(stored, isUnsigned);
    if (!codes)
      return {};
    unpacked = *codes;
    bytes = unpacked;
  } else {
    bytes = getBytes(stored, storage);
  }
  if (!bytes)
    return {};
  int64_t size = isBytes ? 1 : type.getElementTypeBitWidth() / 8;
  SmallVector<char> ordered = isTransposed && type.getRank() == 2
                                  ? transposeBytes(*bytes, type.getDimSize(0), type.getDimSize(1), size, true)
                                  : SmallVector<char>(*bytes);
  if (isBytes)
    return createElements(RankedTensorType::get(shape, node.getI8Type()), ordered, "zeros");
  return createElements(RankedTensorType::get(shape, type.getElementType()), ordered, "scales");
}

/// Which elements share a scale, as a weight's format says it.
struct ScaleShape {
  lowbit::Granularity per;
  SmallVector<int64_t> shape;
  int64_t group;
};

/// Nothing when the scales are not along the inputs in blocks, of output channels, or of the tensor.
static std::optional<ScaleShape> getScaleShape(const QuantizedConstant &constant, int64_t rows, int64_t cols,
                                               bool isKByN) {
  int64_t axis = constant.axis < 0 ? constant.axis + 2 : constant.axis, group = std::min(cols, rowGroup);
  bool isAlongK = (axis == 0) == isKByN;
  if (constant.scales.getNumElements() == 1)
    return ScaleShape{lowbit::Granularity::Tensor, {1, 1}, group};
  if (constant.block == 0 && !isAlongK)
    return ScaleShape{lowbit::Granularity::Channel, {rows, 1}, group};
  if (constant.block > 0 && isAlongK)
    return ScaleShape{lowbit::Granularity::Group,
                      {rows, static_cast<int64_t>(llvm::divideCeil(cols, constant.block))},
                      constant.block};
  return std::nullopt;
}

/// The format of a constant's codes, or null.
static lowbit::WeightFormatInterface getFormat(Node &node, const QuantizedConstant &constant,
                                               const ScaleShape &scales) {
  MLIRContext *context = node.getContext();
  Type element = constant.codes.getElementType(), scaleType = constant.scales.getElementType();
  unsigned bits = element.getIntOrFloatBitWidth();
  bool isWide = scaleType.isF32() || scaleType.isF16() || scaleType.isBF16();
  if (isa<Float4E2M1FNType>(element)) {
    bool isSmall = isa<Float8E8M0FNUType, Float8E4M3FNType>(scaleType);
    if (constant.zeros || !(isWide || isSmall))
      return {};
    return lowbit::CodebookAttr::get(context, bits, scales.group, lowbit::CodebookTable::E2M1, scales.per, scaleType,
                                     /*global_scale=*/static_cast<bool>(constant.globalScale));
  }
  if (!element.isInteger() || (bits != 2 && bits != 4 && bits != 8) || !(isWide || isa<Float8E8M0FNUType>(scaleType)) ||
      constant.globalScale)
    return {};
  auto zero = constant.zeros ? lowbit::ZeroKind::Integer : lowbit::ZeroKind::None;
  return lowbit::UniformAttr::get(context, bits, scales.group, zero, /*is_signed=*/!constant.isUnsigned, scales.per,
                                  scaleType);
}

/// The weight, or null when no format states it exactly.
static Value buildWeight(Node &node, const QuantizedConstant &constant, bool isKByN) {
  auto type = cast<RankedTensorType>(constant.codes.getType());
  unsigned bits = type.getElementTypeBitWidth();
  if (type.getRank() != 2 || type.getNumElements() == 0)
    return {};
  int64_t rows = type.getDimSize(isKByN ? 1 : 0), cols = type.getDimSize(isKByN ? 0 : 1);
  std::optional<ScaleShape> shape = getScaleShape(constant, rows, cols, isKByN);
  lowbit::WeightFormatInterface format = shape ? getFormat(node, constant, *shape) : lowbit::WeightFormatInterface();
  if (!format)
    return {};
  ElementsAttr scales = buildParameters(node, constant.scales, /*isBytes=*/false, shape->shape, isKByN, false);
  SmallVector<NamedAttribute> components = {node.getNamedAttr("scales", scales)};
  if (!scales)
    return {};
  if (constant.zeros) {
    ElementsAttr zeros =
        buildParameters(node, constant.zeros, /*isBytes=*/true, shape->shape, isKByN, constant.isUnsigned);
    if (!zeros)
      return {};
    components.push_back(node.getNamedAttr("zeros", zeros));
  }
  if (constant.globalScale)
    components.push_back(node.getNamedAttr(
        "global_scale", reshapeElements(constant.globalScale, RankedTensorType::get({1}, node.getF32Type()))));

  ElementsAttr codes;
  bool fits = !isKByN && cols % shape->group == 0 && shape->group * bits % 8 == 0;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant.codes); resource && fits) {
    int64_t bytes = shape->group * bits / 8;
    auto packed = RankedTensorType::get({rows, cols / shape->group, bytes}, node.getI8Type());
    codes = DenseResourceElementsAttr::get(packed, resource.getRawHandle());
  } else {
    std::optional<SmallVector<char>> unpacked = unpackCodes(constant.codes, constant.isUnsigned);
    if (!unpacked)
      return {};
    codes = packCodes(node, transposeBytes(*unpacked, type.getDimSize(0), type.getDimSize(1), 1, isKByN), rows, cols,
                      bits, shape->group);
  }
  components.push_back(node.getNamedAttr("codes", codes));
  auto weightType = lowbit::WeightType::get(node.getContext(), rows, cols, format);
  return lowbit::WeightOp::create(node, weightType, node.getDictionaryAttr(components));
}

FailureOr<Value> buildQuantizedProduct(Node &node, const QuantizedConstant &constant, bool isTransposed) {
  if (node.getInputType(0).getRank() == 0)
    return Value();
  Value weight = buildWeight(node, constant, /*isKByN=*/constant.isTransposed == isTransposed);
  if (!weight)
    return Value();
  auto type = cast<lowbit::WeightType>(weight.getType());
  return buildProduct(node, type.getRows(), type.getCols(), {}, [&](Value flat) -> FailureOr<Value> {
    int64_t count = cast<RankedTensorType>(flat.getType()).getDimSize(0);
    auto result = RankedTensorType::get({count, type.getRows()}, node.getF32Type());
    return Value(lowbit::MatmulOp::create(node, result, flat, weight));
  });
}

} // namespace lutra
