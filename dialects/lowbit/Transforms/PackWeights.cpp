//===- PackWeights.cpp - weights in the target's layout -------------------===//
//
// lowbit-pack-weights: see Passes.td. Chooses the storage types; the bytes are made later, by packWeight.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Weights.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

#define DEBUG_TYPE "lowbit-pack-weights"

namespace lutra::lowbit {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

namespace {
struct PackWeights : lutra::lowbit::impl::PackWeightsBase<PackWeights> {
  using PackWeightsBase::PackWeightsBase;

  LogicalResult initialize(MLIRContext *context) override {
    if (rows < 1)
      return emitError(UnknownLoc::get(context)) << DEBUG_TYPE ": rows must be positive, but is " << rows.getValue();
    return success();
  }

  void runOnOperation() override {
    llvm::DenseMap<Value, Value> packed;
    WalkResult result = getOperation()->walk([&](LookupMatmulOp op) {
      if (op.getWeight().getType().getLayout())
        return WalkResult::advance();
      auto [place, isNew] = packed.try_emplace(op.getWeight());
      if (isNew) {
        FailureOr<Value> value = pack(op.getWeight());
        if (failed(value))
          return WalkResult::interrupt();
        place->second = *value;
      }
      op.getWeightMutable().assign(place->second);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

private:
  FailureOr<Value> pack(Value weight) {
    FailureOr<WeightReader> reader = WeightReader::create(weight);
    if (failed(reader))
      return failure();
    auto type = cast<WeightType>(weight.getType());
    LayoutAttr layout = chooseLayout(*reader, rows, symmetric);
    auto format = PackedAttr::get(&getContext(), type.getFormat(), layout);
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(weight);
    auto op = PackOp::create(builder, weight.getLoc(), type.withFormat(format), weight);
    int64_t bytes = format.getTotalBytes(type.getRows(), type.getCols());
    remark::analysis(weight.getLoc(), remarkOf(DEBUG_TYPE, weight.getLoc()))
        << remark::add("{0:F2} bits per weight", 8.0 * bytes / (double(type.getRows()) * type.getCols()))
        << remark::metric("bytes", bytes);
    return op.getResult();
  }
};
} // namespace
