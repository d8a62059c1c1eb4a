//===- Rotary.cpp - RotaryEmbedding of the standard and of com.microsoft --===//
//
// For a head x of size H and its position p, with i counting the R/2 pairs of its first R elements:
//   y[first(i)] = x[first(i)] cos[p, i] - x[second(i)] sin[p, i]
//   y[second(i)] = x[second(i)] cos[p, i] + x[first(i)] sin[p, i]
// where the pair is (i, i + R/2), or (2i, 2i + 1) when interleaved; the elements from R on stay as they are.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Rotary.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lutra {

FailureOr<Value> buildCheckedPositions(Node &node, Value positions, int64_t limit) {
  Type i64 = node.getI64Type();
  Value inRange =
      buildReduce(node, positions, {0, 1}, node.getBoolAttr(true), [&](ImplicitLocOpBuilder &b, ValueRange x) {
        // Unsigned: a negative position is out of range too.
        Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, x[0], createScalar(b, i64, limit));
        return b.createOrFold<arith::AndIOp>(x[1], fits);
      });
  node.assertThat(tensor::ExtractOp::create(node, inRange),
                  "a position is not within the rows of the cos and sin caches");
  return buildElementwise(node, positions, i64, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
    Value low = arith::MaxSIOp::create(b, x[0], createScalar(b, i64, 0));
    return arith::MinSIOp::create(b, low, createScalar(b, i64, limit - 1));
  });
}

Value buildRotation(Node &node, Value input, const Rotation &rotation) {
  Dims dims = node.getDims(input);
  size_t tokenDim = dims.size() - 2;
  int64_t half = rotation.rotated / 2;
  return buildGenerate(node, dims, node.getF32Type(), [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    auto constant = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
    SmallVector<Value> row = {at[0], at[tokenDim]};
    if (rotation.positions)
      row = {arith::IndexCastOp::create(b, b.getIndexType(), tensor::ExtractOp::create(b, rotation.positions, row))};
    Value lane = arith::RemUIOp::create(b, at.back(), constant(rotation.headSize));
    Value isRotated = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, lane, constant(rotation.rotated));
    // Lanes that stay read the first pair and drop it.
    Value inPair = arith::SelectOp::create(b, isRotated, lane, constant(0));
    int64_t step = rotation.isInterleaved ? 1 : half;
    Value pair, isFirst;
    if (rotation.isInterleaved) {
      pair = arith::DivUIOp::create(b, inPair, constant(2));
      Value parity = arith::RemUIOp::create(b, inPair, constant(2));
      isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, parity, constant(0));
    } else {
      pair = arith::RemUIOp::create(b, inPair, constant(half));
      isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, inPair, constant(half));
    }
    Value up = arith::AddIOp::create(b, at.back(), constant(step));
    Value down = arith::SubIOp::create(b, at.back(), constant(step));
    Value partner = arith::SelectOp::create(b, isFirst, up, down);
    SmallVector<Value> from(at);
    from.back() = arith::SelectOp::create(b, isRotated, partner, at.back());
    Value mine = tensor::ExtractOp::create(b, input, at), other = tensor::ExtractOp::create(b, input, from);
    row.push_back(pair);
    Value cosine = tensor::ExtractOp::create(b, rotation.cos, row), sine = tensor::ExtractOp::create(b, rotation.sin, row);
    Value signedSine = arith::SelectOp::create(b, isFirst, arith::NegFOp::create(b, sine), sine);
    Value turned =
        arith::AddFOp::create(b, arith::MulFOp::create(b, mine, cosine), arith::MulFOp::create(b, other, signedSine));
    return arith::SelectOp::create(b, isRotated, turned, mine);
  });
}

namespace {

/// Where the inputs stand: the two operators differ in their order.
struct Inputs {
  unsigned positions, cos, sin;
};

struct Rotary {
  int64_t headSize, rotated, positions;
  bool isInterleaved;
};

/// The sizes that the caches and attributes state, or an error.
FailureOr<Rotary> getRotary(Node &node, const Inputs &inputs) {
  RankedTensorType input = node.getInputType(0), cos = node.getInputType(inputs.cos);
  if (input.getRank() != 3 && input.getRank() != 4)
    return node.error() << "input '" << node.getInputName(0) << "' must have 3 or 4 dimensions, but is " << input;
  // Without positions, the caches are [batch, tokens, pairs]: a row for each token.
  bool hasPositions = node.hasInput(inputs.positions);
  int64_t cacheRank = hasPositions ? 2 : 3;
  if (failed(node.requireRank(inputs.cos, cacheRank)) || failed(node.requireRank(inputs.sin, cacheRank)))
    return failure();
  if (hasPositions ? !cos.hasStaticShape() || cos.getDimSize(0) == 0 : cos.isDynamicDim(2))
    return node.error() << "input '" << node.getInputName(inputs.cos) << "' must have a static shape and a row, but is "
                        << cos;
  if (failed(node.requireShape(inputs.sin, cos.getShape())))
    return failure();
  Rotary rotary = {0, 2 * cos.getShape().back(), cos.getDimSize(0), node.getInt("interleaved", 0) != 0};
  int64_t declared = node.getInt("rotary_embedding_dim", 0), heads = node.getInt("num_heads", 0);
  if (declared != 0 && declared != rotary.rotated)
    return node.error() << "attribute 'rotary_embedding_dim' = " << declared << " must be twice the "
                        << cos.getShape().back() << " columns of '" << node.getInputName(inputs.cos) << "'";
  int64_t width = input.getShape().back();
  if (ShapedType::isDynamic(width))
    return node.error() << "the last dimension of input '" << node.getInputName(0) << "' must be static, but it is "
                        << input;
  rotary.headSize = input.getRank() == 4 ? width : heads > 0 ? width / heads : rotary.rotated;
  if (rotary.headSize < rotary.rotated || rotary.rotated == 0 || width % rotary.headSize != 0 ||
      (input.getRank() == 3 && heads > 0 && width % heads != 0))
    return node.error() << "heads of " << rotary.headSize << " elements, of which " << rotary.rotated
                        << " are rotated, do not fit input '" << node.getInputName(0) << "': " << input;
  return rotary;
}

/// The position of each token as a [batch, tokens] tensor of values within the caches; others are reported.
FailureOr<Value> getPositions(Node &node, unsigned index, OpFoldResult batch, OpFoldResult tokens, int64_t limit) {
  Type i64 = node.getI64Type();
  Value ids = node.getInput(index);
  RankedTensorType type = node.getInputType(index);
  FailureOr<Value> positions;
  if (type.getRank() == 1 && type.getDimSize(0) == 1) {
    // One number: the position of the first token.
    Value first = tensor::ExtractOp::create(node, ids, Value(arith::ConstantIndexOp::create(node, 0)));
    positions = buildGenerate(node, {batch, tokens}, i64, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
      return arith::AddIOp::create(b, first, arith::IndexCastOp::create(b, i64, at[1]));
    });
  } else if (type.getRank() == 2) {
    Dims dims = node.getDims(ids);
    FailureOr<OpFoldResult> sameBatch = node.unify(batch, dims[0], "the batch of the input and of the positions");
    FailureOr<OpFoldResult> sameTokens = node.unify(tokens, dims[1], "the tokens of the input and of the positions");
    if (failed(sameBatch) || failed(sameTokens))
      return failure();
    positions = node.refine(ids, {*sameBatch, *sameTokens});
  } else {
    return node.error() << "input '" << node.getInputName(index)
                        << "' must be [1] (the first position) or [batch, tokens], but is " << type;
  }

  return buildCheckedPositions(node, *positions, limit);
}

LogicalResult lowerRotary(Node &node, const Inputs &inputs) {
  for (unsigned index : {0u, inputs.cos, inputs.sin})
    if (failed(node.requireF32(index)))
      return failure();
  if (failed(node.requireElement(inputs.positions, {node.getI64Type()})))
    return failure();
  FailureOr<Rotary> rotary = getRotary(node, inputs);
  if (failed(rotary))
    return failure();
  Value input = node.getInput(0), cos = node.getInput(inputs.cos), sin = node.getInput(inputs.sin);
  Dims dims = node.getDims(input);
  size_t tokenDim = dims.size() - 2;
  bool hasPositions = node.hasInput(inputs.positions);
  FailureOr<Value> positions = Value();
  if (hasPositions)
    positions = getPositions(node, inputs.positions, dims[0], dims[tokenDim], rotary->positions);
  if (failed(positions))
    return failure();
  for (Value cache : {cos, sin}) {
    Dims own = node.getDims(cache);
    if (!hasPositions && (failed(node.unify(dims[0], own[0], "the batch of the input and of the caches")) ||
                          failed(node.unify(dims[tokenDim], own[1], "the tokens of the input and of the caches"))))
      return failure();
  }

  Rotation rotation = {cos, sin, *positions, rotary->headSize, rotary->rotated, rotary->isInterleaved};
  return node.setOutput(0, buildRotation(node, input, rotation));
}

LogicalResult lowerMicrosoftRotary(Node &node) {
  if (failed(
          node.check({"input", "position_ids", "cos_cache", "sin_cache"}, {"output"},
                     {"interleaved:i", "num_heads:i", "rotary_embedding_dim:i", "scale:f", "is_packed_batching:i"})) ||
      failed(node.requireInt("is_packed_batching", 0)))
    return failure();
  if (node.getFloat("scale", 1.0f) != 1.0f)
    return node.error() << "attribute 'scale' = " << node.getAttr("scale") << " is not supported: only 1 is";
  return lowerRotary(node, {1, 2, 3});
}

LogicalResult lowerStandardRotary(Node &node) {
  if (failed(node.check({"X", "cos_cache", "sin_cache", "position_ids?"}, {"Y"},
                        {"interleaved:i", "num_heads:i", "rotary_embedding_dim:i"})))
    return failure();
  return lowerRotary(node, {3, 1, 2});
}

} // namespace

void addRotary(Registry &registry) {
  registry.add(microsoftDomain, "RotaryEmbedding", lowerMicrosoftRotary, Halves::InF32);
  registry.add("", "RotaryEmbedding", lowerStandardRotary, Halves::InF32);
}

} // namespace lutra
