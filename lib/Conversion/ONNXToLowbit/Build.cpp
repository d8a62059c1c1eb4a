//===- Build.cpp - tensor code that many lowerings share ------------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace lutra {

static bool isOne(OpFoldResult size) { return getConstantIntValue(size) == 1; }

Value createEmpty(Node &node, ArrayRef<OpFoldResult> dims, Type element) {
  Value empty = tensor::EmptyOp::create(node, dims, element);
  node.setDims(empty, dims);
  return empty;
}

Value createFilled(Node &node, ArrayRef<OpFoldResult> dims, TypedAttr element) {
  Value scalar = arith::ConstantOp::create(node, element);
  Value result = linalg::FillOp::create(node, scalar, createEmpty(node, dims, element.getType())).getResult(0);
  node.setDims(result, dims);
  return result;
}

Value createScalar(ImplicitLocOpBuilder &builder, Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(builder, builder.getFloatAttr(type, value));
  return arith::ConstantOp::create(builder, builder.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value createReassociableAdd(ImplicitLocOpBuilder &builder, Value x, Value y) {
  return arith::AddFOp::create(builder, x, y, arith::FastMathFlags::reassoc);
}

/// A generic op with one result of sizes `dims` = init's; `body` sees the inputs' elements and, last, the init's.
static Value createGeneric(Node &node, ValueRange inputs, Value init, ArrayRef<AffineMap> maps,
                           ArrayRef<utils::IteratorType> iterators, Body body) {
  auto generic = linalg::GenericOp::create(node, TypeRange(init.getType()), inputs, ValueRange(init), maps, iterators,
                                           [&](OpBuilder &nested, Location loc, ValueRange elements) {
                                             ImplicitLocOpBuilder builder(loc, nested);
                                             Value result = body(builder, elements);
                                             linalg::YieldOp::create(builder, result);
                                           });
  Value result = generic.getResult(0);
  node.setDims(result, node.getDims(init));
  return result;
}

/// The sizes of the broadcast operands, or failure after a diagnostic.
static FailureOr<Dims> broadcastDims(Node &node, ValueRange operands) {
  SmallVector<Dims> all;
  size_t rank = 0;
  for (Value operand : operands) {
    all.push_back(node.getDims(operand));
    rank = std::max(rank, all.back().size());
  }
  Dims result(rank, node.getIndexAttr(1));
  for (const Dims &dims : all) {
    size_t offset = rank - dims.size();
    for (auto [index, size] : llvm::enumerate(dims)) {
      OpFoldResult &into = result[offset + index];
      if (isOne(size))
        continue;
      if (isOne(into)) {
        into = size;
        continue;
      }
      FailureOr<OpFoldResult> unified = node.unify(
          into, size, "sizes of the operands along dimension " + Twine(offset + index) + " (neither of them is 1)");
      if (failed(unified))
        return failure();
      into = *unified;
    }
  }
  return result;
}

/// `operand` without the dimensions of size 1 that broadcast to `dims`, and the map from the loops to what is left.
static std::pair<Value, AffineMap> alignOperand(Node &node, Value operand, ArrayRef<OpFoldResult> dims) {
  Dims own = node.getDims(operand);
  size_t offset = dims.size() - own.size();
  Dims refined(ArrayRef(dims).drop_front(offset)), kept;
  SmallVector<AffineExpr> exprs;
  for (auto [index, size] : llvm::enumerate(own)) {
    if (isOne(size)) {
      refined[index] = size;
      if (!isOne(dims[offset + index]))
        continue;
    }
    kept.push_back(refined[index]);
    exprs.push_back(node.getAffineDimExpr(offset + index));
  }
  Value value = buildReshape(node, node.refine(operand, refined), kept);
  return {value, AffineMap::get(dims.size(), 0, exprs, node.getContext())};
}

/// Integer arithmetic on known scalars, or null when it is not that.
static Value computeOnScalars(Node &node, ValueRange operands, Type element, Body body) {
  if (!isa<IntegerType>(element))
    return {};
  SmallVector<SmallVector<Value>> scalars;
  size_t count = 1;
  bool rank0 = true;
  for (Value operand : operands) {
    std::optional<SmallVector<Value>> own = getScalars(node, operand);
    if (!own)
      return {};
    rank0 &= cast<RankedTensorType>(operand.getType()).getRank() == 0;
    if (own->size() != 1)
      count = own->size();
    scalars.push_back(*own);
  }
  SmallVector<Value> results;
  for (size_t i = 0; i < count; ++i) {
    SmallVector<Value> elements;
    for (ArrayRef<Value> own : scalars) {
      if (own.size() != 1 && own.size() != count)
        return {};
      elements.push_back(own[own.size() == 1 ? 0 : i]);
    }
    results.push_back(body(node, elements));
  }
  return createFromScalars(node, results, element, rank0);
}

FailureOr<Value> buildElementwise(Node &node, ValueRange operands, Type element, Body body) {
  if (Value result = computeOnScalars(node, operands, element, body))
    return result;
  FailureOr<Dims> dims = broadcastDims(node, operands);
  if (failed(dims))
    return failure();
  // A splat is a scalar in the body; everything else is an operand of the loops.
  SmallVector<Value> scalars(operands.size()), inputs;
  SmallVector<AffineMap> maps;
  for (auto [index, operand] : llvm::enumerate(operands)) {
    auto splat = dyn_cast_if_present<SplatElementsAttr>(getConstant(operand));
    if (splat) {
      scalars[index] = arith::ConstantOp::create(node, splat.getSplatValue<TypedAttr>());
      continue;
    }
    auto [value, map] = alignOperand(node, operand, *dims);
    inputs.push_back(value);
    maps.push_back(map);
  }
  maps.push_back(node.getMultiDimIdentityMap(dims->size()));
  SmallVector<utils::IteratorType> iterators(dims->size(), utils::IteratorType::parallel);
  return createGeneric(node, inputs, createEmpty(node, *dims, element), maps, iterators,
                       [&](ImplicitLocOpBuilder &builder, ValueRange elements) {
                         SmallVector<Value> arguments;
                         unsigned next = 0;
                         for (Value scalar : scalars)
                           arguments.push_back(scalar ? scalar : elements[next++]);
                         return body(builder, arguments);
                       });
}

Value buildBroadcast(Node &node, Value value, ArrayRef<OpFoldResult> dims) {
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  auto [source, map] = alignOperand(node, value, dims);
  AffineMap maps[] = {map, node.getMultiDimIdentityMap(dims.size())};
  SmallVector<utils::IteratorType> iterators(dims.size(), utils::IteratorType::parallel);
  return createGeneric(node, source, createEmpty(node, dims, element), maps, iterators,
                       [](ImplicitLocOpBuilder &, ValueRange x) { return x[0]; });
}

Value buildGenerate(Node &node, ArrayRef<OpFoldResult> dims, Type element, Body body) {
  AffineMap identity = node.getMultiDimIdentityMap(dims.size());
  SmallVector<utils::IteratorType> iterators(dims.size(), utils::IteratorType::parallel);
  return createGeneric(node, {}, createEmpty(node, dims, element), identity, iterators,
                       [&](ImplicitLocOpBuilder &builder, ValueRange) {
                         SmallVector<Value> indices;
                         for (size_t i = 0; i < dims.size(); ++i)
                           indices.push_back(linalg::IndexOp::create(builder, i));
                         return body(builder, indices);
                       });
}

Value buildReduce(Node &node, Value operand, ArrayRef<int64_t> axes, TypedAttr init, Body body) {
  Dims dims = node.getDims(operand), kept;
  SmallVector<utils::IteratorType> iterators;
  SmallVector<AffineExpr> exprs;
  for (auto [index, size] : llvm::enumerate(dims)) {
    bool reduced = llvm::is_contained(axes, static_cast<int64_t>(index));
    iterators.push_back(reduced ? utils::IteratorType::reduction : utils::IteratorType::parallel);
    if (reduced)
      continue;
    kept.push_back(size);
    exprs.push_back(node.getAffineDimExpr(index));
  }
  AffineMap maps[] = {node.getMultiDimIdentityMap(dims.size()),
                      AffineMap::get(dims.size(), 0, exprs, node.getContext())};
  return createGeneric(node, operand, createFilled(node, kept, init), maps, iterators, body);
}

Value buildSlice(Node &node, Value value, int64_t axis, OpFoldResult offset, OpFoldResult size, int64_t step) {
  Dims sizes = node.getDims(value);
  SmallVector<OpFoldResult> offsets(sizes.size(), node.getIndexAttr(0)), strides(sizes.size(), node.getIndexAttr(1));
  offsets[axis] = offset;
  strides[axis] = node.getIndexAttr(step);
  sizes[axis] = size;
  // A slice of nothing has no offset that is within it.
  if (llvm::any_of(sizes, [](OpFoldResult dim) { return getConstantIntValue(dim) == 0; }))
    return createEmpty(node, sizes, cast<RankedTensorType>(value.getType()).getElementType());
  Value result = tensor::ExtractSliceOp::create(node, value, offsets, sizes, strides);
  node.setDims(result, sizes);
  return result;
}

FailureOr<int64_t> normalizeAxis(Node &node, int64_t axis, int64_t rank) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  return node.error() << "axis " << axis << " is out of range for a tensor of " << rank << " dimensions";
}

} // namespace lutra
