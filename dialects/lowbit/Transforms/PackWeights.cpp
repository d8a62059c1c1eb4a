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
    auto packOf = [&](TypedValue<WeightType> weight, OpOperand &use) {
      if (weight.getType().getLayout())
        return WalkResult::advance();
      auto [place, isNew] = packed.try_emplace(weight);
      if (isNew) {
        FailureOr<Value> value = pack(weight);
        if (failed(value))
          return WalkResult::interrupt();
        place->second = *value;
      }
      use.set(place->second);
      return WalkResult::advance();
    };
    WalkResult result = getOperation()->walk([&](Operation *op) {
      if (auto product = dyn_cast<LookupMatmulOp>(op))
        return packOf(product.getWeight(), product.getWeightMutable());
      if (auto product = dyn_cast<MatmulOp>(op); product && dense && isDenseOfPlanes(product))
        return packOf(product.getWeight(), product.getWeightMutable());
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

private:
  /// A dense product whose weight a machine can make numbers of as it goes: of planes that share an alpha.
  static bool isDenseOfPlanes(MatmulOp op) {
    return op.getStrategy() == Strategy::Dense && !op.getPrecision() && isa<BipolarAttr>(op.getWeight().getType().getFormat());
  }

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
