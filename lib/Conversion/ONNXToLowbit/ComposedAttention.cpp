//===- ComposedAttention.cpp - attention of products and a softmax --------===//

#include "lib/Conversion/ONNXToLowbit/ComposedAttention.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/MatrixProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <cmath>

using namespace mlir;

namespace lutra {

static Value permute(Node &node, Value value, ArrayRef<int64_t> order) {
  Dims own = node.getDims(value), dims;
  for (int64_t from : order)
    dims.push_back(own[from]);
  Value init = createEmpty(node, dims, cast<RankedTensorType>(value.getType()).getElementType());
  Value result = linalg::TransposeOp::create(node, value, init, order).getResult()[0];
  node.setDims(result, dims);
  return result;
}

FailureOr<Value> splitHeads(Node &node, Value value, int64_t heads) {
  Dims dims = node.getDims(value);
  std::optional<int64_t> width = getConstantIntValue(dims[2]);
  if (heads <= 0 || !width || *width % heads != 0)
    return node.error() << "the last dimension of " << value.getType() << " must be a static multiple of " << heads
                        << " heads";
  Value split =
      buildReshape(node, value, {dims[0], dims[1], node.getIndexAttr(heads), node.getIndexAttr(*width / heads)});
  return permute(node, split, {0, 2, 1, 3});
}

FailureOr<Value> appendToCache(Node &node, Value past, Value value) {
  if (!past)
    return value;
  Dims a = node.getDims(past), b = node.getDims(value), dims = b;
  for (unsigned dim : {0u, 1u, 3u}) {
    FailureOr<OpFoldResult> size = node.unify(a[dim], b[dim], "dimension " + Twine(dim) + " of a cache and of what follows it");
    if (failed(size))
      return failure();
    a[dim] = b[dim] = dims[dim] = *size;
  }
  dims[2] = combineSizes<arith::AddIOp>(node, a[2], b[2]);
  Value result = createEmpty(node, dims, node.getF32Type());
  SmallVector<OpFoldResult> offsets(4, node.getIndexAttr(0)), strides(4, node.getIndexAttr(1));
  result = tensor::InsertSliceOp::create(node, node.refine(past, a), result, offsets, a, strides);
  offsets[2] = a[2];
  result = tensor::InsertSliceOp::create(node, node.refine(value, b), result, offsets, b, strides);
  node.setDims(result, dims);
  return result;
}

/// Scores [batch, heads, tokens, keys], or what weights make of values: heads in groups that share a head of `right`.
static FailureOr<Value> buildGrouped(Node &node, Value left, Value right, bool transposeRight) {
  Dims a = node.getDims(left), b = node.getDims(right);
  std::optional<int64_t> heads = getConstantIntValue(a[1]), shared = getConstantIntValue(b[1]);
  if (!heads || !shared || *shared == 0 || *heads % *shared != 0)
    return node.error() << "the heads of the query must be a static multiple of those of key and value, but they are "
                        << left.getType() << " and " << right.getType();
  FailureOr<OpFoldResult> batch = node.unify(a[0], b[0], "the batch of query, key and value");
  if (failed(batch))
    return failure();
  Value grouped = buildReshape(node, left, {*batch, b[1], node.getIndexAttr(*heads / *shared), a[2], a[3]});
  Value single = buildReshape(node, right, {*batch, b[1], node.getIndexAttr(1), b[2], b[3]});
  FailureOr<Value> product = buildMatrixProduct(node, grouped, single, false, transposeRight);
  if (failed(product))
    return failure();
  return buildReshape(node, *product, {*batch, a[1], a[2], b[transposeRight ? 2 : 3]});
}

/// One element of a mask that broadcasts to [batch, heads, tokens, keys]; of its last key, from `count` keys on.
static Value readMask(ImplicitLocOpBuilder &b, Value mask, Value count, ValueRange at) {
  auto type = cast<RankedTensorType>(mask.getType());
  SmallVector<Value> from(at.take_back(type.getRank()));
  for (auto [index, size] : llvm::zip(from, type.getShape()))
    if (size == 1)
      index = arith::ConstantIndexOp::create(b, 0);
  if (count) {
    Value last = arith::SubIOp::create(b, count, arith::ConstantIndexOp::create(b, 1));
    from.back() = arith::MinSIOp::create(b, from.back(), last);
  }
  return tensor::ExtractOp::create(b, mask, from);
}

/// Checks that the mask broadcasts to scores of `dims`. How many keys it has, where that may be fewer; else null.
static FailureOr<Value> checkMask(Node &node, const AttentionTerms &terms, const Dims &dims) {
  auto type = cast<RankedTensorType>(terms.mask.getType());
  if (type.getRank() > 4 || !(type.getElementType().isF32() || type.getElementType().isInteger(1)))
    return node.error() << "the mask must be bool or f32 and broadcast to the scores, but is " << type;
  Dims own = node.getDims(terms.mask);
  Value count;
  for (auto [index, size] : llvm::enumerate(own)) {
    OpFoldResult wanted = dims[4 - own.size() + index];
    if (getConstantIntValue(size) == 1 || isEqualConstantIntOrValue(size, wanted))
      continue;
    if (index + 1 == own.size() && terms.isMaskPadded) {
      count = node.toValue(size);
      Value fits = arith::CmpIOp::create(node, arith::CmpIPredicate::sle, count, node.toValue(wanted));
      node.assertThat(fits, "the mask must not have more keys than there are");
      Value isSome = arith::CmpIOp::create(node, arith::CmpIPredicate::sgt, count, node.toValue(node.getIndexAttr(0)));
      node.assertThat(isSome, "the mask must have a key");
    } else if (failed(node.unify(wanted, size, "sizes of the mask and of the scores"))) {
      return failure();
    }
  }
  return count;
}

FailureOr<Value> buildMaskedScores(Node &node, const AttentionTerms &terms, Value scores) {
  bool hasPositions = terms.isCausal || terms.left >= 0 || terms.right >= 0;
  if (!terms.mask && !hasPositions && !terms.validKeys)
    return scores;
  Dims dims = node.getDims(scores);
  FailureOr<Value> maskKeys = terms.mask ? checkMask(node, terms, dims) : Value();
  if (failed(maskKeys))
    return failure();
  Type f32 = node.getF32Type();
  Value past = node.toValue(terms.past), tokens = node.toValue(dims[2]);
  return buildGenerate(node, dims, f32, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value score = tensor::ExtractOp::create(b, scores, at), filter = createScalar(b, f32, terms.filter);
    auto keepIf = [&](arith::CmpIPredicate predicate, Value left, Value right) {
      Value isKept = arith::CmpIOp::create(b, predicate, left, right);
      score = arith::SelectOp::create(b, isKept, score, filter);
    };
    auto readIndex = [&](Value list) -> Value {
      Value entry = tensor::ExtractOp::create(b, list, at.take_front(1));
      return arith::IndexCastOp::create(b, b.getIndexType(), entry);
    };
    if (terms.mask) {
      Value entry = readMask(b, terms.mask, *maskKeys, at);
      score = entry.getType().isF32() ? Value(arith::AddFOp::create(b, score, entry))
                                      : Value(arith::SelectOp::create(b, entry, score, filter));
      if (*maskKeys)
        keepIf(arith::CmpIPredicate::slt, at[3], *maskKeys);
    }
    Value before = terms.firsts ? readIndex(terms.firsts) : past;
    if (terms.validKeys) {
      Value count = readIndex(terms.validKeys);
      keepIf(arith::CmpIPredicate::slt, at[3], count);
      before = arith::SubIOp::create(b, count, tokens);
    }
    if (!hasPositions)
      return score;
    Value position = arith::AddIOp::create(b, at[2], before);
    auto shifted = [&](int64_t by) -> Value {
      return arith::AddIOp::create(b, position, arith::ConstantIndexOp::create(b, by));
    };
    if (terms.isCausal)
      keepIf(arith::CmpIPredicate::sle, at[3], position);
    if (terms.left >= 0)
      keepIf(arith::CmpIPredicate::sge, at[3], shifted(-terms.left));
    if (terms.right >= 0)
      keepIf(arith::CmpIPredicate::sle, at[3], shifted(terms.right));
    return score;
  });
}

static FailureOr<Value> buildSoftmax(Node &node, Value scores, Value sink) {
  Type f32 = node.getF32Type();
  Dims kept = node.getDims(scores);
  kept[3] = node.getIndexAttr(1);
  auto reduce = [&](Value value, float init, bool isMax) {
    Value result = buildReduce(node, value, {3}, node.getF32FloatAttr(init),
                               [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
                                 if (isMax)
                                   return arith::MaximumFOp::create(b, x[0], x[1]);
                                 return createReassociableAdd(b, x[0], x[1]);
                               });
    return buildReshape(node, result, kept);
  };
  // From the lowest finite number on: a row of -inf has exponentials of 0, not of NaN.
  FailureOr<Value> top = reduce(scores, std::numeric_limits<float>::lowest(), /*isMax=*/true);
  if (sink) {
    sink = buildReshape(node, sink, {node.getDims(sink)[0], kept[3], kept[3]});
    top = buildElementwise(node, {*top, sink}, f32, [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
      return arith::MaximumFOp::create(b, x[0], x[1]);
    });
  }
  auto exponential = [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return math::ExpOp::create(b, arith::SubFOp::create(b, x[0], x[1]));
  };
  FailureOr<Value> exps = failed(top) ? top : buildElementwise(node, {scores, *top}, f32, exponential);
  if (failed(exps))
    return failure();
  FailureOr<Value> sum = reduce(*exps, 0.0f, /*isMax=*/false);
  if (sink)
    sum = buildElementwise(node, {*sum, sink, *top}, f32, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
      return arith::AddFOp::create(b, x[0], exponential(b, x.drop_front()));
    });
  if (failed(sum))
    return failure();
  return buildElementwise(node, {*exps, *sum}, f32, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value zero = createScalar(b, f32, 0);
    Value isEmpty = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x[1], zero);
    return arith::SelectOp::create(b, isEmpty, zero, arith::DivFOp::create(b, x[0], x[1]));
  });
}

FailureOr<AttentionResults> buildAttention(Node &node, AttentionTerms terms) {
  Type f32 = node.getF32Type();
  std::optional<int64_t> size = getConstantIntValue(node.getDims(terms.q)[3]);
  if (!size || *size == 0)
    return node.error() << "the size of a head must be static, but the query is " << terms.q.getType();
  if (terms.scale == 0)
    terms.scale = 1.0f / std::sqrt(static_cast<float>(*size));
  FailureOr<Value> raw = buildGrouped(node, terms.q, terms.k, /*transposeRight=*/true);
  if (failed(raw))
    return failure();
  FailureOr<Value> scaled = buildElementwise(node, *raw, f32, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    return arith::MulFOp::create(b, x[0], createScalar(b, f32, terms.scale));
  });
  FailureOr<Value> capped = scaled;
  if (succeeded(scaled) && terms.softcap > 0)
    capped = buildElementwise(node, *scaled, f32, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
      Value cap = createScalar(b, f32, terms.softcap);
      return arith::MulFOp::create(b, math::TanhOp::create(b, arith::DivFOp::create(b, x[0], cap)), cap);
    });
  if (failed(capped))
    return failure();
  FailureOr<Value> masked = buildMaskedScores(node, terms, *capped);
  FailureOr<Value> weights = failed(masked) ? masked : buildSoftmax(node, *masked, terms.sink);
  FailureOr<Value> y = failed(weights) ? weights : buildGrouped(node, *weights, terms.v, /*transposeRight=*/false);
  if (failed(y))
    return failure();
  return AttentionResults{*y, *scaled, *masked, *capped, *weights};
}

Value joinHeads(Node &node, Value value) {
  Value order = permute(node, value, {0, 2, 1, 3});
  Dims dims = node.getDims(order);
  return buildReshape(node, order, {dims[0], dims[1], multiplySizes(node, ArrayRef(dims).drop_front(2))});
}

} // namespace lutra
