//===- Shape.cpp - Shape, Reshape and other operators on sizes ------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lutra {
namespace {

LogicalResult lowerIdentity(Node &node) {
  if (failed(node.check({"input"}, {"output"}, {})))
    return failure();
  return node.setOutput(0, node.getInput(0));
}

/// The sizes from `start` to before `end`, as a list of i64.
LogicalResult lowerShape(Node &node) {
  if (failed(node.check({"data"}, {"shape"}, {"start:i", "end:i"})))
    return failure();
  Dims dims = node.getDims(node.getInput(0));
  int64_t rank = dims.size();
  auto clamp = [&](int64_t position) {
    return std::clamp(position < 0 ? position + rank : position, int64_t(0), rank);
  };
  int64_t start = clamp(node.getInt("start", 0)), end = clamp(node.getInt("end", rank));
  SmallVector<Value> scalars;
  for (int64_t i = start; i < end; ++i)
    scalars.push_back(createScalarFromSize(node, dims[i], node.getI64Type()));
  return node.setOutput(0, createFromScalars(node, scalars, node.getI64Type()), /*isUnsigned=*/false);
}

/// The quotient of two products of sizes that is left when the factors they share are cancelled: products of dynamic
/// sizes, and a static factor each.
struct Quotient {
  Dims above, below;
  int64_t staticAbove = 1, staticBelow = 1;

  Quotient(ArrayRef<OpFoldResult> numerator, ArrayRef<OpFoldResult> denominator) {
    for (OpFoldResult size : numerator) {
      if (std::optional<int64_t> constant = getConstantIntValue(size))
        staticAbove *= *constant;
      else
        above.push_back(size);
    }
    for (OpFoldResult size : denominator) {
      if (std::optional<int64_t> constant = getConstantIntValue(size))
        staticBelow *= *constant;
      else if (auto *shared = llvm::find(above, size); shared != above.end())
        above.erase(shared);
      else
        below.push_back(size);
    }
  }
  OpFoldResult getAbove(Node &node) const {
    return combineSizes<arith::MulIOp>(node, multiplySizes(node, above), node.getIndexAttr(staticAbove));
  }
  OpFoldResult getBelow(Node &node) const {
    return combineSizes<arith::MulIOp>(node, multiplySizes(node, below), node.getIndexAttr(staticBelow));
  }
};

/// The size that -1 stands for: all elements of `own` over those of the `other` sizes.
FailureOr<OpFoldResult> inferSize(Node &node, ArrayRef<OpFoldResult> own, ArrayRef<OpFoldResult> others) {
  Quotient quotient(own, others);
  auto misfit = [&] {
    return node.error() << "input 'shape' does not divide the elements of " << node.getInputType(0);
  };
  if (quotient.staticBelow == 0)
    return misfit();
  if (quotient.below.empty() && quotient.staticAbove % quotient.staticBelow == 0) {
    quotient.staticAbove /= quotient.staticBelow;
    return quotient.getAbove(node);
  }
  if (quotient.above.empty() && quotient.below.empty())
    return misfit();
  Value above = node.toValue(quotient.getAbove(node)), below = node.toValue(quotient.getBelow(node));
  Value rest = arith::RemUIOp::create(node, above, below);
  Value divides = arith::CmpIOp::create(node, arith::CmpIPredicate::eq, rest, arith::ConstantIndexOp::create(node, 0));
  node.assertThat(divides, "the shape does not divide the elements of the input");
  return OpFoldResult(Value(arith::DivUIOp::create(node, above, below)));
}

/// Makes sure that `own` and `dims` have as many elements.
LogicalResult requireSameCount(Node &node, ArrayRef<OpFoldResult> own, ArrayRef<OpFoldResult> dims) {
  Quotient quotient(own, dims);
  if (quotient.above.empty() && quotient.below.empty()) {
    if (quotient.staticAbove == quotient.staticBelow)
      return success();
    return node.error() << "the shape holds " << quotient.staticBelow << " elements where the input has "
                        << quotient.staticAbove << " (" << node.getInputType(0) << ")";
  }
  Value same = arith::CmpIOp::create(node, arith::CmpIPredicate::eq, node.toValue(quotient.getAbove(node)),
                                     node.toValue(quotient.getBelow(node)));
  node.assertThat(same, "the shape and the input must have as many elements");
  return success();
}

/// The size that `scalar`, read at run time, asks for at position `index`: 0 stands for the input's; -1 stays.
Value resolveZero(Node &node, Value scalar, ArrayRef<OpFoldResult> own, size_t index) {
  Value size = arith::IndexCastOp::create(node, node.getIndexType(), scalar);
  if (index >= own.size() || node.getInt("allowzero"))
    return size;
  Value isZero = arith::CmpIOp::create(node, arith::CmpIPredicate::eq, size, arith::ConstantIndexOp::create(node, 0));
  return arith::SelectOp::create(node, isZero, node.toValue(own[index]), size);
}

/// Replaces a -1 among sizes known only at run time by what the number of elements leaves.
void resolveMinusOne(Node &node, ArrayRef<OpFoldResult> own, Dims &dims) {
  Value minusOne = arith::ConstantIndexOp::create(node, -1), one = arith::ConstantIndexOp::create(node, 1);
  Dims known;
  SmallVector<Value> isInferred;
  for (OpFoldResult size : dims) {
    Value value = node.toValue(size);
    isInferred.push_back(arith::CmpIOp::create(node, arith::CmpIPredicate::eq, value, minusOne));
    known.push_back(Value(arith::SelectOp::create(node, isInferred.back(), one, value)));
  }
  Value product = arith::MaxSIOp::create(node, node.toValue(multiplySizes(node, known)), one);
  Value inferred = arith::DivSIOp::create(node, node.toValue(multiplySizes(node, own)), product);
  for (auto [size, isMinusOne] : llvm::zip(dims, isInferred))
    if (!getConstantIntValue(size))
      size = Value(arith::SelectOp::create(node, isMinusOne, inferred, node.toValue(size)));
}

LogicalResult lowerReshape(Node &node) {
  if (failed(node.check({"data", "shape"}, {"reshaped"}, {"allowzero:i"})) ||
      failed(node.requireElement(1, {node.getI64Type()})) || failed(node.requireRank(1, 1)))
    return failure();
  Value data = node.getInput(0);
  Dims own = node.getDims(data), dims, others;
  FailureOr<SmallVector<Value>> scalars = readScalars(node, 1);
  if (failed(scalars))
    return failure();
  std::optional<size_t> inferred;
  bool isReadAtRunTime = false;
  for (auto [index, scalar] : llvm::enumerate(*scalars)) {
    OpFoldResult size = getSize(node, scalar);
    std::optional<int64_t> constant = getConstantIntValue(size);
    if (scalar.getDefiningOp<tensor::ExtractOp>()) {
      size = resolveZero(node, scalar, own, index);
      isReadAtRunTime = true;
    } else if (constant == 0 && !node.getInt("allowzero")) {
      if (index >= own.size())
        return node.error() << "element " << index << " of input 'shape' is 0 (copy), but the input is "
                            << node.getInputType(0);
      size = own[index];
    } else if (constant == -1) {
      if (inferred)
        return node.error() << "input 'shape' has -1 more than once";
      inferred = index;
    } else if (constant && *constant < 0) {
      return node.error() << "element " << index << " of input 'shape' is " << *constant;
    }
    dims.push_back(size);
  }
  if (isReadAtRunTime) {
    resolveMinusOne(node, own, dims);
    if (inferred)
      return node.error()
             << "input 'shape' mixes -1 with sizes that are data: compute the shape with Shape and Gather only";
  } else if (inferred) {
    llvm::append_range(others, ArrayRef(dims).take_front(*inferred));
    llvm::append_range(others, ArrayRef(dims).drop_front(*inferred + 1));
    FailureOr<OpFoldResult> size = inferSize(node, own, others);
    if (failed(size))
      return failure();
    dims[*inferred] = *size;
    return node.setOutput(0, buildScalarReshape(node, data, dims));
  }
  if (failed(requireSameCount(node, own, dims)))
    return failure();
  return node.setOutput(0, buildScalarReshape(node, data, dims));
}

/// The axes of Squeeze and Unsqueeze: an input since opset 13, an attribute before; within `rank`. Nothing when absent.
FailureOr<std::optional<SmallVector<int64_t>>> getAxes(Node &node, int64_t rank) {
  std::optional<SmallVector<int64_t>> axes = node.getInts("axes");
  if (node.hasInput(1)) {
    axes = getConstantInts(node.getInput(1));
    if (!axes)
      return node.error() << "input 'axes' must be a constant list of integers";
  }
  if (!axes)
    return axes;
  for (int64_t &axis : *axes) {
    FailureOr<int64_t> normalized = normalizeAxis(node, axis, rank);
    if (failed(normalized))
      return failure();
    axis = *normalized;
  }
  return axes;
}

LogicalResult lowerUnsqueeze(Node &node) {
  if (failed(node.check({"data", "axes?"}, {"expanded"}, {"axes:is"})))
    return failure();
  Dims own = node.getDims(node.getInput(0)), dims;
  std::optional<SmallVector<int64_t>> listed =
      node.hasInput(1) ? getConstantInts(node.getInput(1)) : node.getInts("axes");
  if (!listed)
    return node.error() << "'axes' must be a constant list of integers";
  int64_t rank = own.size() + listed->size();
  FailureOr<std::optional<SmallVector<int64_t>>> axes = getAxes(node, rank);
  if (failed(axes))
    return failure();
  for (int64_t dim = 0, next = 0; dim < rank; ++dim) {
    bool isNew = llvm::is_contained(**axes, dim);
    if (!isNew && next == static_cast<int64_t>(own.size()))
      return node.error() << "'axes' has an axis more than once";
    dims.push_back(isNew ? OpFoldResult(node.getIndexAttr(1)) : own[next++]);
  }
  return node.setOutput(0, buildScalarReshape(node, node.getInput(0), dims));
}

LogicalResult lowerSqueeze(Node &node) {
  if (failed(node.check({"data", "axes?"}, {"squeezed"}, {"axes:is"})))
    return failure();
  Dims own = node.getDims(node.getInput(0)), dims;
  FailureOr<std::optional<SmallVector<int64_t>>> axes = getAxes(node, own.size());
  if (failed(axes))
    return failure();
  for (auto [dim, size] : llvm::enumerate(own)) {
    bool isOne = getConstantIntValue(size) == 1;
    bool isDropped = *axes ? llvm::is_contained(**axes, static_cast<int64_t>(dim)) : isOne;
    if (!isDropped) {
      dims.push_back(size);
      continue;
    }
    if (failed(node.unify(size, node.getIndexAttr(1), "a squeezed dimension and 1")))
      return failure();
    size = node.getIndexAttr(1);
  }
  return node.setOutput(0, buildScalarReshape(node, node.refine(node.getInput(0), own), dims));
}

/// [d0 ... d(axis-1), d(axis) ...] as a matrix.
LogicalResult lowerFlatten(Node &node) {
  if (failed(node.check({"input"}, {"output"}, {"axis:i"})))
    return failure();
  Dims own = node.getDims(node.getInput(0));
  int64_t rank = own.size(), axis = node.getInt("axis", 1);
  if (axis < -rank || axis > rank)
    return node.error() << "attribute 'axis' = " << axis << " is out of range for " << node.getInputType(0);
  axis = axis < 0 ? axis + rank : axis;
  Dims dims = {multiplySizes(node, ArrayRef(own).take_front(axis)),
               multiplySizes(node, ArrayRef(own).drop_front(axis))};
  return node.setOutput(0, buildReshape(node, node.getInput(0), dims));
}

/// Broadcast to a shape; a 1 there keeps the input's size.
LogicalResult lowerExpand(Node &node) {
  if (failed(node.check({"input", "shape"}, {"output"}, {})) || failed(node.requireElement(1, {node.getI64Type()})) ||
      failed(node.requireRank(1, 1)))
    return failure();
  FailureOr<SmallVector<Value>> scalars = readScalars(node, 1);
  if (failed(scalars))
    return failure();
  Dims own = node.getDims(node.getInput(0)), dims;
  for (Value scalar : *scalars)
    dims.push_back(getSize(node, scalar));
  while (dims.size() < own.size())
    dims.insert(dims.begin(), OpFoldResult(node.getIndexAttr(1)));
  for (size_t i = 0, offset = dims.size() - own.size(); i < own.size(); ++i) {
    OpFoldResult &size = dims[offset + i];
    if (getConstantIntValue(own[i]) == 1)
      continue;
    if (getConstantIntValue(size) == 1) {
      size = own[i];
      continue;
    }
    FailureOr<OpFoldResult> unified = node.unify(
        own[i], size, "sizes of input and shape along dimension " + Twine(offset + i) + " (neither of them is 1)");
    if (failed(unified))
      return failure();
    size = *unified;
  }
  return node.setOutput(0, buildBroadcast(node, node.getInput(0), dims));
}

} // namespace

void addShape(Registry &registry) {
  registry.add("", "Identity", lowerIdentity);
  registry.add("", "Shape", lowerShape);
  registry.add("", "Reshape", lowerReshape);
  registry.add("", "Unsqueeze", lowerUnsqueeze);
  registry.add("", "Squeeze", lowerSqueeze);
  registry.add("", "Flatten", lowerFlatten);
  registry.add("", "Expand", lowerExpand);
}

} // namespace lutra
