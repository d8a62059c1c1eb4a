//===- Sizes.cpp - reshapes, and integers that are known scalars ----------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace lutra {

/// Integer tensors of more elements are data, not sizes.
static constexpr int64_t maxScalars = 16;

OpFoldResult multiplySizes(Node &node, ArrayRef<OpFoldResult> sizes) {
  OpFoldResult product = node.getIndexAttr(1);
  for (OpFoldResult size : sizes)
    product = combineSizes<arith::MulIOp>(node, product, size);
  return product;
}

/// One group per dimension, but a group of `count` dimensions at `first`.
static SmallVector<ReassociationIndices> groupDims(size_t first, size_t count, size_t rank) {
  SmallVector<ReassociationIndices> groups;
  for (size_t dim = 0; dim < rank;) {
    size_t end = dim == first ? dim + count : dim + 1;
    groups.push_back(llvm::to_vector<2>(llvm::seq<int64_t>(dim, end)));
    dim = end;
  }
  return groups;
}

static SmallVector<int64_t> getStaticShape(ArrayRef<OpFoldResult> dims) {
  SmallVector<int64_t> shape;
  for (OpFoldResult dim : dims)
    shape.push_back(getConstantIntValue(dim).value_or(ShapedType::kDynamic));
  return shape;
}

/// `value` with exactly the static sizes of `dims`, no more and no fewer.
static Value castShape(Node &node, Value value, ArrayRef<OpFoldResult> dims) {
  auto type = cast<RankedTensorType>(value.getType()).clone(getStaticShape(dims));
  if (type == value.getType())
    return value;
  Value result = tensor::CastOp::create(node, type, value);
  node.setDims(result, dims);
  return result;
}

static bool isSameShape(ArrayRef<OpFoldResult> a, ArrayRef<OpFoldResult> b) {
  return llvm::equal(a, b, [](OpFoldResult x, OpFoldResult y) { return isEqualConstantIntOrValue(x, y); });
}

/// Reshape to or from a tensor of one element and no dimensions.
static Value reshapeRank0(Node &node, Value value, ArrayRef<OpFoldResult> dims) {
  Dims ones(std::max(dims.size(), node.getDims(value).size()), node.getIndexAttr(1));
  Value result;
  if (dims.empty()) {
    result = tensor::CollapseShapeOp::create(node, castShape(node, value, ones), ArrayRef<ReassociationIndices>{});
  } else {
    auto type = cast<RankedTensorType>(value.getType()).clone(SmallVector<int64_t>(dims.size(), 1));
    result = tensor::ExpandShapeOp::create(node, type, value, ArrayRef<ReassociationIndices>{});
    node.setDims(result, ones);
    return castShape(node, result, dims);
  }
  node.setDims(result, dims);
  return result;
}

Value buildReshape(Node &node, Value value, ArrayRef<OpFoldResult> dims) {
  if (auto expand = value.getDefiningOp<tensor::ExpandShapeOp>();
      expand && isSameShape(node.getDims(expand.getSrc()), dims))
    return expand.getSrc();
  Dims own = node.getDims(value);
  size_t prefix = 0, suffix = 0, shorter = std::min(own.size(), dims.size());
  while (prefix < shorter && isEqualConstantIntOrValue(own[prefix], dims[prefix]))
    ++prefix;
  while (prefix + suffix < shorter &&
         isEqualConstantIntOrValue(own[own.size() - 1 - suffix], dims[dims.size() - 1 - suffix]))
    ++suffix;
  if (prefix + suffix == own.size() && own.size() == dims.size())
    return value;
  if (own.empty() || dims.empty())
    return reshapeRank0(node, value, dims);
  // Dimensions of size 1 appear or vanish next to one that stays: that one belongs to their group.
  if (prefix + suffix == shorter)
    prefix > 0 ? --prefix : --suffix;

  size_t from = own.size() - prefix - suffix, to = dims.size() - prefix - suffix;
  OpFoldResult middle = from == 1 ? own[prefix]
                        : to == 1 ? dims[prefix]
                                  : multiplySizes(node, ArrayRef(own).slice(prefix, from));
  if (from > 1) {
    value = tensor::CollapseShapeOp::create(node, value, groupDims(prefix, from, own.size()));
    own.erase(own.begin() + prefix, own.begin() + prefix + from);
    own.insert(own.begin() + prefix, middle);
    if (!getConstantIntValue(middle))
      node.setDims(value, own);
  }
  own[prefix] = middle;
  if (to == 1) {
    own[prefix] = dims[prefix];
    value = castShape(node, value, own);
    node.setDims(value, dims);
    return value;
  }
  // A group expands to dynamic sizes only from a dynamic one, and to static ones only from a static one.
  ArrayRef<OpFoldResult> target = dims.slice(prefix, to);
  bool isStatic = llvm::all_of(target, [](OpFoldResult size) { return getConstantIntValue(size).has_value(); });
  SmallVector<int64_t> shape(cast<RankedTensorType>(value.getType()).getShape());
  int64_t size = ShapedType::kDynamic;
  if (isStatic) {
    size = 1;
    for (OpFoldResult factor : target)
      size *= *getConstantIntValue(factor);
  }
  if (shape[prefix] != size) {
    shape[prefix] = size;
    value = tensor::CastOp::create(node, cast<RankedTensorType>(value.getType()).clone(shape), value);
  }
  auto type = cast<RankedTensorType>(value.getType()).clone(getStaticShape(dims));
  value = tensor::ExpandShapeOp::create(node, type, value, groupDims(prefix, to, dims.size()), dims);
  node.setDims(value, dims);
  return value;
}

Value buildScalarReshape(Node &node, Value value, ArrayRef<OpFoldResult> dims) {
  if (std::optional<SmallVector<Value>> scalars = getScalars(node, value); scalars && dims.size() <= 1)
    return createFromScalars(node, *scalars, cast<RankedTensorType>(value.getType()).getElementType(), dims.empty());
  return buildReshape(node, value, dims);
}

Value buildFlatten(Node &node, Value value) {
  Dims dims = node.getDims(value);
  return buildReshape(node, value, {multiplySizes(node, ArrayRef(dims).drop_back()), dims.back()});
}

ElementsAttr getConstant(Value tensor) {
  ElementsAttr elements;
  return matchPattern(tensor, m_Constant(&elements)) ? elements : ElementsAttr();
}

ElementsAttr getSignlessElements(ElementsAttr elements) {
  auto type = cast<RankedTensorType>(elements.getType());
  auto signless = cast<RankedTensorType>(getSignless(type));
  if (type == signless)
    return elements;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
    return DenseResourceElementsAttr::get(signless, resource.getRawHandle());
  if (auto dense = dyn_cast<DenseElementsAttr>(elements))
    return dense.bitcast(signless.getElementType());
  return {};
}

std::optional<ArrayRef<char>> getConstantBytes(ElementsAttr constant, SmallVector<char> &storage) {
  auto type = cast<RankedTensorType>(constant.getType());
  unsigned width = type.getElementTypeBitWidth();
  if (width % 8 != 0)
    return std::nullopt;
  size_t bytes = type.getNumElements() * (width / 8);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != bytes)
      return std::nullopt;
    return blob->getData();
  }
  auto dense = dyn_cast<DenseElementsAttr>(constant);
  if (!dense)
    return std::nullopt;
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat())
    return raw;
  storage.resize(bytes);
  for (size_t i = 0; i < bytes; ++i)
    storage[i] = raw[i % (width / 8)];
  return ArrayRef<char>(storage);
}

std::optional<SmallVector<int64_t>> getConstantInts(Value tensor) {
  ElementsAttr constant = getConstant(tensor);
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!constant || type.getRank() > 1)
    return std::nullopt;
  auto element = dyn_cast<IntegerType>(type.getElementType());
  if (!element || (element.getWidth() != 64 && element.getWidth() != 32))
    return std::nullopt;
  SmallVector<char> storage;
  std::optional<ArrayRef<char>> bytes = getConstantBytes(constant, storage);
  if (!bytes)
    return std::nullopt;
  SmallVector<int64_t> result;
  for (int64_t i = 0, count = type.getNumElements(); i < count; ++i) {
    int64_t wide = 0;
    int32_t narrow = 0;
    if (element.getWidth() == 64)
      std::memcpy(&wide, bytes->data() + 8 * i, 8);
    else
      std::memcpy(&narrow, bytes->data() + 4 * i, 4);
    result.push_back(element.getWidth() == 64 ? wide : narrow);
  }
  return result;
}

std::optional<SmallVector<Value>> getScalars(Node &node, Value tensor) {
  if (auto elements = tensor.getDefiningOp<tensor::FromElementsOp>())
    return SmallVector<Value>(elements.getElements());
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.hasStaticShape() || type.getNumElements() > maxScalars)
    return std::nullopt;
  std::optional<SmallVector<int64_t>> constant = getConstantInts(tensor);
  if (!constant)
    return std::nullopt;
  SmallVector<Value> scalars;
  for (int64_t value : *constant)
    scalars.push_back(arith::ConstantOp::create(node, node.getIntegerAttr(type.getElementType(), value)));
  return scalars;
}

FailureOr<SmallVector<Value>> readScalars(Node &node, unsigned input) {
  Value tensor = node.getInput(input);
  if (std::optional<SmallVector<Value>> known = getScalars(node, tensor))
    return *known;
  RankedTensorType type = node.getInputType(input);
  if (!type.hasStaticShape() || type.getRank() > 1)
    return node.error() << "input '" << node.getInputName(input) << "' must have a static length, but is " << type;
  SmallVector<Value> scalars;
  if (type.getRank() == 0)
    scalars.push_back(tensor::ExtractOp::create(node, tensor));
  else
    for (int64_t i = 0; i < type.getDimSize(0); ++i)
      scalars.push_back(tensor::ExtractOp::create(node, tensor, Value(arith::ConstantIndexOp::create(node, i))));
  return scalars;
}

Value createFromScalars(Node &node, ArrayRef<Value> scalars, Type element, bool rank0) {
  auto type = rank0 ? RankedTensorType::get({}, element)
                    : RankedTensorType::get({static_cast<int64_t>(scalars.size())}, element);
  return tensor::FromElementsOp::create(node, type, scalars);
}

OpFoldResult getSize(Node &node, Value scalar) {
  APInt constant;
  if (matchPattern(scalar, m_ConstantInt(&constant)))
    return node.getIndexAttr(constant.getSExtValue());
  // A size that went through a Cast is the same size: it fits in any type that a model counts with.
  Value origin = scalar;
  while (true) {
    if (auto truncation = origin.getDefiningOp<arith::TruncIOp>())
      origin = truncation.getIn();
    else if (auto extension = origin.getDefiningOp<arith::ExtSIOp>())
      origin = extension.getIn();
    else
      break;
  }
  if (auto cast = origin.getDefiningOp<arith::IndexCastOp>(); cast && isa<IndexType>(cast.getIn().getType()))
    return cast.getIn();
  return node.createOrFold<arith::IndexCastOp>(node.getIndexType(), scalar);
}

Value createScalarFromSize(Node &node, OpFoldResult size, Type element) {
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return arith::ConstantOp::create(node, node.getIntegerAttr(element, *constant));
  return arith::IndexCastOp::create(node, element, cast<Value>(size));
}

} // namespace lutra
