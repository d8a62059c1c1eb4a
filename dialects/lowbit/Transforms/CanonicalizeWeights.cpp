//===- CanonicalizeWeights.cpp - weights to bit planes --------------------===//
//
// lowbit-canonicalize-weights: see Passes.td. A weight that several products read is converted once. WeightNarrowing.cpp drops
// the bits that a constant does not use.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Weights.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Remarks.h"
#include "dialects/lowbit/Transforms/WeightNarrowing.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

#define DEBUG_TYPE "lowbit-canonicalize-weights"

namespace lutra::lowbit {
#define GEN_PASS_DEF_CANONICALIZEWEIGHTS
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

namespace {
struct CanonicalizeWeights : lutra::lowbit::impl::CanonicalizeWeightsBase<CanonicalizeWeights> {
  using CanonicalizeWeightsBase::CanonicalizeWeightsBase;

  void runOnOperation() override {
    llvm::DenseMap<Value, Value> converted;
    WalkResult result = getOperation()->walk([&](MatmulOp matmul) {
      // A dense product reads values, and zeta may round what they are with a float zero point.
      if (matmul.getStrategy() == Strategy::Dense)
        return WalkResult::advance();
      Value weight = matmul.getWeight();
      auto [place, isNew] = converted.try_emplace(weight);
      if (isNew) {
        FailureOr<Value> planes = convert(weight);
        if (failed(planes))
          return WalkResult::interrupt();
        place->second = *planes;
      }
      matmul.getWeightMutable().assign(place->second);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
  }

private:
  /// The planes of `weight`, or `weight` itself when it has none or is made of other weights.
  FailureOr<Value> convert(Value weight) {
    auto type = cast<WeightType>(weight.getType());
    WeightFormatInterface format = type.getUnpackedFormat();
    if (isPlanesFormat(format) || format.isComposite())
      return weight;
    OpBuilder builder(&getContext());
    WeightFormatInterface planes = format.getPlanesFormat();
    if (isConstantWeight(weight)) {
      FailureOr<WeightReader> reader = WeightReader::create(weight);
      if (failed(reader))
        return failure();
      if (auto constant = weight.getDefiningOp<WeightOp>()) {
        builder.setInsertionPointAfter(constant);
        if (WeightOp uniform = convertCodebook(builder, constant, *reader)) {
          remark::passed(weight.getLoc(), remarkOf(DEBUG_TYPE, weight.getLoc()))
              << remark::reason("the table is of integers, which take {0} bits", uniform.getType().getBits());
          weight = uniform;
          type = uniform.getType();
          reader = WeightReader::create(weight);
          if (failed(reader))
            return failure();
        }
      }
      if (auto constant = weight.getDefiningOp<WeightOp>(); constant && narrow) {
        builder.setInsertionPointAfter(constant);
        if (WeightOp narrowed = narrowWeight(builder, constant, *reader)) {
          remark::passed(weight.getLoc(), remarkOf(DEBUG_TYPE, weight.getLoc()))
              << remark::reason("the codes use {0} of {1} bits", narrowed.getType().getBits(), type.getBits())
              << remark::metric("rows", type.getRows()) << remark::metric("cols", type.getCols());
          weight = narrowed;
          type = narrowed.getType();
          reader = WeightReader::create(weight);
          if (failed(reader))
            return failure();
        }
      }
      planes = reader->getSource().findPlanesFormat();
    }
    if (!planes) {
      remark::missed(weight.getLoc(), remarkOf(DEBUG_TYPE, weight.getLoc()))
          << remark::reason("a weight in this format has no bit planes; it is dequantized (lowbit-lower-to-dense)");
      return weight;
    }
    if (planes == type.getFormat())
      return weight;
    builder.setInsertionPointAfterValue(weight);
    return ReinterpretOp::create(builder, weight.getLoc(), type.withFormat(planes), weight).getResult();
  }
};
} // namespace
