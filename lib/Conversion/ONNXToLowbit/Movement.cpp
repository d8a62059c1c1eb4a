//===- Movement.cpp - Transpose, Split, Concat and Slice ------------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <limits>

using namespace mlir;

namespace lutra {
namespace {

LogicalResult lowerTranspose(Node &node) {
  if (failed(node.check({"data"}, {"transposed"}, {"perm:is"})))
    return failure();
  Value data = node.getInput(0);
  Dims own = node.getDims(data), dims;
  SmallVector<int64_t> perm =
      node.getInts("perm").value_or(llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, own.size()))));
  if (perm.size() != own.size() || !isPermutationVector(perm))
    return node.error() << "attribute 'perm' must be a permutation of the " << own.size() << " dimensions of "
                        << node.getInputType(0);
  for (int64_t from : perm)
    dims.push_back(own[from]);
  // The result's dimension i is the data's perm[i].
  AffineMap identity = node.getMultiDimIdentityMap(own.size());
  AffineMap maps[] = {inversePermutation(AffineMap::getPermutationMap(perm, node.getContext())), identity};
  SmallVector<utils::IteratorType> iterators(own.size(), utils::IteratorType::parallel);
  Value init = createEmpty(node, dims, node.getInputType(0).getElementType());
  auto generic = linalg::GenericOp::create(
      node, TypeRange(init.getType()), ValueRange(data), ValueRange(init), maps, iterators,
      [](OpBuilder &b, Location loc, ValueRange x) { linalg::YieldOp::create(b, loc, x[0]); });
  node.setDims(generic.getResult(0), dims);
  if (const QuantizedConstant *source = node.getQuantized(data); source && perm == SmallVector<int64_t>{1, 0}) {
    QuantizedConstant transposed = *source;
    transposed.isTransposed = !source->isTransposed;
    node.setQuantized(generic.getResult(0), transposed);
  }
  return node.setOutput(0, generic.getResult(0));
}

/// The sizes that Split cuts: given (an input since opset 13, an attribute before), or equal parts of which the last
/// may be smaller.
FailureOr<Dims> getSplitSizes(Node &node, OpFoldResult total) {
  size_t parts = node.getNumOutputs();
  Dims sizes;
  if (std::optional<SmallVector<int64_t>> given = node.getInts("split")) {
    for (int64_t size : *given)
      sizes.push_back(node.getIndexAttr(size));
  } else if (node.hasInput(1)) {
    FailureOr<SmallVector<Value>> scalars = failure();
    if (succeeded(node.requireElement(1, {node.getI64Type()})) && succeeded(node.requireRank(1, 1)))
      scalars = readScalars(node, 1);
    if (failed(scalars))
      return failure();
    for (Value scalar : *scalars)
      sizes.push_back(getSize(node, scalar));
  } else {
    // ceil(total / parts) each, and the rest.
    OpFoldResult count = node.getIndexAttr(parts);
    OpFoldResult chunk = combineSizes<arith::CeilDivSIOp>(node, total, count);
    OpFoldResult before = combineSizes<arith::MulIOp>(node, chunk, node.getIndexAttr(parts - 1));
    sizes.append(parts - 1, chunk);
    sizes.push_back(parts == 1 ? total : combineSizes<arith::SubIOp>(node, total, before));
  }
  if (sizes.size() != parts)
    return node.error() << "'split' must be " << parts << " sizes, one for each output, but there are " << sizes.size();
  // Sizes that add up and are not negative make slices that lie within the input.
  OpFoldResult sum = node.getIndexAttr(0), zero = sum;
  for (OpFoldResult size : sizes) {
    std::optional<int64_t> known = getConstantIntValue(size);
    if (known && *known < 0)
      return node.error() << "a part of 'split' must not be negative, but is " << *known;
    if (!known)
      node.assertThat(arith::CmpIOp::create(node, arith::CmpIPredicate::sge, node.toValue(size), node.toValue(zero)),
                      "a part of the split must not be negative");
    sum = combineSizes<arith::AddIOp>(node, sum, size);
  }
  bool isGiven = node.hasInput(1) || node.getInts("split");
  if (isGiven && failed(node.unify(sum, total, "the sum of 'split' and the size of the axis that it cuts")))
    return failure();
  return sizes;
}

LogicalResult lowerSplit(Node &node) {
  if (failed(node.check({"input", "split?"}, {"outputs*"}, {"axis:i", "num_outputs:i", "split:is"})))
    return failure();
  Value input = node.getInput(0);
  Dims dims = node.getDims(input);
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 0), dims.size());
  if (failed(axis))
    return failure();
  if (int64_t parts = node.getNumOutputs(); node.getInt("num_outputs", parts) != parts)
    return node.error() << "attribute 'num_outputs' must be the number of outputs, " << parts << ", but is "
                        << node.getInt("num_outputs");
  FailureOr<Dims> sizes = getSplitSizes(node, dims[*axis]);
  if (failed(sizes))
    return failure();
  OpFoldResult offset = node.getIndexAttr(0);
  for (auto [index, size] : llvm::enumerate(*sizes)) {
    Dims partDims = dims;
    partDims[*axis] = size;
    Value part = getConstantIntValue(size) == 0 ? createEmpty(node, partDims, node.getInputType(0).getElementType())
                                                : buildSlice(node, input, *axis, offset, size);
    if (failed(node.setOutput(index, part)))
      return failure();
    offset = combineSizes<arith::AddIOp>(node, offset, size);
  }
  return success();
}

/// Lists of known scalars, one after the other; null when an input is not that.
Value concatScalars(Node &node) {
  SmallVector<Value> all;
  for (unsigned i = 0; i < node.getNumInputs(); ++i) {
    std::optional<SmallVector<Value>> own = getScalars(node, node.getInput(i));
    if (!own || node.getInputType(i).getRank() != 1)
      return {};
    llvm::append_range(all, *own);
  }
  return createFromScalars(node, all, node.getInputType(0).getElementType());
}

LogicalResult lowerConcat(Node &node) {
  if (failed(node.check({"inputs*"}, {"concat_result"}, {"axis:i!"})))
    return failure();
  RankedTensorType first = node.getInputType(0);
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis"), first.getRank());
  if (failed(axis))
    return failure();
  Dims dims = node.getDims(node.getInput(0));
  for (unsigned i = 1; i < node.getNumInputs(); ++i) {
    RankedTensorType type = node.getInputType(i);
    if (type.getElementType() != first.getElementType() || type.getRank() != first.getRank())
      return node.error() << "inputs must have one element type and rank, but they are " << first << " and " << type;
    for (auto [dim, size, other] : llvm::enumerate(dims, node.getDims(node.getInput(i)))) {
      if (static_cast<int64_t>(dim) == *axis) {
        size = combineSizes<arith::AddIOp>(node, size, other);
        continue;
      }
      FailureOr<OpFoldResult> unified = node.unify(size, other, "dimension " + Twine(dim) + " of the inputs");
      if (failed(unified))
        return failure();
      size = *unified;
    }
  }
  if (node.getNumInputs() == 1)
    return node.setOutput(0, node.getInput(0));
  if (Value scalars = concatScalars(node))
    return node.setOutput(0, scalars);

  Value result = createEmpty(node, dims, first.getElementType());
  OpFoldResult offset = node.getIndexAttr(0);
  SmallVector<OpFoldResult> strides(dims.size(), node.getIndexAttr(1));
  for (Value input : node.getInputs()) {
    if (getConstantIntValue(node.getDims(input)[*axis]) == 0)
      continue;
    Dims sizes = dims;
    sizes[*axis] = node.getDims(input)[*axis];
    SmallVector<OpFoldResult> offsets(dims.size(), node.getIndexAttr(0));
    offsets[*axis] = offset;
    result = tensor::InsertSliceOp::create(node, node.refine(input, sizes), result, offsets, sizes, strides);
    node.setDims(result, dims);
    offset = combineSizes<arith::AddIOp>(node, offset, sizes[*axis]);
  }
  return node.setOutput(0, result);
}

/// `position` (possibly counted from the end) within 0..size.
OpFoldResult clampPosition(Node &node, OpFoldResult position, OpFoldResult size) {
  std::optional<int64_t> constant = getConstantIntValue(position);
  if (constant == 0)
    return position;
  // What exporters write for "to the end".
  if (constant && *constant >= std::numeric_limits<int32_t>::max())
    return size;
  OpFoldResult zero = node.getIndexAttr(0);
  if (constant && *constant < 0)
    return combineSizes<arith::MaxSIOp>(node, combineSizes<arith::AddIOp>(node, size, position), zero);
  if (!constant) {
    Value value = cast<Value>(position);
    if (isEqualConstantIntOrValue(position, size))
      return size;
    Value isNegative = arith::CmpIOp::create(node, arith::CmpIPredicate::slt, value, node.toValue(zero));
    Value fromEnd = arith::AddIOp::create(node, value, node.toValue(size));
    Value wrapped = arith::SelectOp::create(node, isNegative, fromEnd, value);
    position = combineSizes<arith::MaxSIOp>(node, wrapped, zero);
  }
  return combineSizes<arith::MinSIOp>(node, position, size);
}

/// One axis of Slice.
struct Range {
  int64_t axis;
  OpFoldResult start, end;
  int64_t step;
};

FailureOr<SmallVector<Range>> getRanges(Node &node) {
  int64_t rank = node.getInputType(0).getRank();
  SmallVector<Value> lists[2];
  for (unsigned i : {0u, 1u}) {
    if (failed(node.requireElement(i + 1, {node.getI64Type(), node.getI32Type()})) ||
        failed(node.requireRank(i + 1, 1)))
      return failure();
    FailureOr<SmallVector<Value>> scalars = readScalars(node, i + 1);
    if (failed(scalars))
      return failure();
    lists[i] = *scalars;
  }
  size_t count = lists[0].size();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, count)), steps(count, 1);
  for (unsigned i : {3u, 4u}) {
    if (!node.hasInput(i))
      continue;
    std::optional<SmallVector<int64_t>> constant = getConstantInts(node.getInput(i));
    if (!constant)
      return node.error() << "input '" << node.getInputName(i) << "' must be a constant list of integers";
    (i == 3 ? axes : steps) = *constant;
  }
  if (lists[1].size() != count || axes.size() != count || steps.size() != count)
    return node.error() << "inputs 'starts', 'ends', 'axes' and 'steps' must have one length";
  SmallVector<Range> ranges;
  for (size_t i = 0; i < count; ++i) {
    FailureOr<int64_t> axis = normalizeAxis(node, axes[i], rank);
    if (failed(axis))
      return failure();
    if (steps[i] == 0)
      return node.error() << "a step must not be 0";
    ranges.push_back({*axis, getSize(node, lists[0][i]), getSize(node, lists[1][i]), steps[i]});
  }
  return ranges;
}

/// A list of known scalars cut at static positions, or null.
Value sliceScalars(Node &node, ArrayRef<Range> ranges) {
  std::optional<SmallVector<Value>> scalars = getScalars(node, node.getInput(0));
  if (!scalars || ranges.size() != 1 || node.getInputType(0).getRank() != 1 || ranges[0].step < 0)
    return {};
  OpFoldResult size = node.getIndexAttr(scalars->size());
  std::optional<int64_t> start = getConstantIntValue(clampPosition(node, ranges[0].start, size));
  std::optional<int64_t> end = getConstantIntValue(clampPosition(node, ranges[0].end, size));
  if (!start || !end)
    return {};
  SmallVector<Value> kept;
  for (int64_t i = *start; i < *end; i += ranges[0].step)
    kept.push_back((*scalars)[i]);
  return createFromScalars(node, kept, node.getInputType(0).getElementType());
}

/// One axis from `start` downwards to after `end`, every |step|-th: positions are within -1 .. size - 1 here.
Value buildReversedSlice(Node &node, Value value, const Range &range) {
  Dims dims = node.getDims(value);
  OpFoldResult size = dims[range.axis], zero = node.getIndexAttr(0), minusOne = node.getIndexAttr(-1);
  auto clamp = [&](OpFoldResult position) -> OpFoldResult {
    std::optional<int64_t> constant = getConstantIntValue(position), known = getConstantIntValue(size);
    // What exporters write for "to the beginning".
    if (constant && *constant <= std::numeric_limits<int32_t>::min())
      return minusOne;
    if (constant && known)
      return node.getIndexAttr(std::clamp<int64_t>(*constant < 0 ? *constant + *known : *constant, -1, *known - 1));
    Value given = node.toValue(position),
          last = arith::AddIOp::create(node, node.toValue(size), node.toValue(minusOne));
    Value isNegative = arith::CmpIOp::create(node, arith::CmpIPredicate::slt, given, node.toValue(zero));
    Value fromEnd = arith::AddIOp::create(node, given, node.toValue(size));
    Value wrapped = arith::SelectOp::create(node, isNegative, fromEnd, given);
    return Value(arith::MinSIOp::create(node, arith::MaxSIOp::create(node, wrapped, node.toValue(minusOne)), last));
  };
  OpFoldResult first = clamp(range.start);
  OpFoldResult span =
      combineSizes<arith::MaxSIOp>(node, combineSizes<arith::SubIOp>(node, first, clamp(range.end)), zero);
  dims[range.axis] = combineSizes<arith::CeilDivSIOp>(node, span, node.getIndexAttr(-range.step));
  Value start = node.toValue(first), step = arith::ConstantIndexOp::create(node, -range.step);
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  return buildGenerate(node, dims, element, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    SmallVector<Value> from(at);
    from[range.axis] = arith::SubIOp::create(b, start, arith::MulIOp::create(b, at[range.axis], step));
    return tensor::ExtractOp::create(b, value, from);
  });
}

LogicalResult lowerSlice(Node &node) {
  if (failed(node.check({"data", "starts", "ends", "axes?", "steps?"}, {"output"}, {})))
    return failure();
  FailureOr<SmallVector<Range>> ranges = getRanges(node);
  if (failed(ranges))
    return failure();
  if (Value scalars = sliceScalars(node, *ranges))
    return node.setOutput(0, scalars);
  Value result = node.getInput(0);
  OpFoldResult zero = node.getIndexAttr(0);
  for (const Range &range : *ranges) {
    if (range.step < 0) {
      result = buildReversedSlice(node, result, range);
      continue;
    }
    OpFoldResult size = node.getDims(result)[range.axis];
    OpFoldResult start = clampPosition(node, range.start, size), end = clampPosition(node, range.end, size);
    OpFoldResult length = end;
    if (!isEqualConstantIntOrValue(start, zero))
      length = combineSizes<arith::MaxSIOp>(node, combineSizes<arith::SubIOp>(node, end, start), zero);
    if (range.step != 1)
      length = combineSizes<arith::CeilDivSIOp>(node, length, node.getIndexAttr(range.step));
    if (isEqualConstantIntOrValue(start, zero) && isEqualConstantIntOrValue(length, size))
      continue;
    // Nothing is read from after the end either.
    if (getConstantIntValue(length) == 0)
      start = zero;
    result = buildSlice(node, result, range.axis, start, length, range.step);
  }
  return node.setOutput(0, result);
}

} // namespace

void addMovement(Registry &registry) {
  registry.add("", "Transpose", lowerTranspose);
  registry.add("", "Split", lowerSplit);
  registry.add("", "Concat", lowerConcat);
  registry.add("", "Slice", lowerSlice);
}

} // namespace lutra
