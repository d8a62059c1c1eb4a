//===- SelectStrategy.cpp - lookup or dequantized, per product ------------===//
//
// lowbit-select-strategy: the cost model is in Passes.td. What it knows of a machine are the pass's options.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "lowbit-select-strategy"

namespace lutra::lowbit {
#define GEN_PASS_DEF_SELECTSTRATEGY
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

namespace {
/// Predicted times in nanoseconds.
struct Cost {
  double lookup, dense;
};

struct SelectStrategy : lutra::lowbit::impl::SelectStrategyBase<SelectStrategy> {
  using SelectStrategyBase::SelectStrategyBase;

  LogicalResult initialize(MLIRContext *context) override {
    double facts[] = {bandwidth, lookupRate, tableRate, fmaRate};
    bool none = llvm::all_of(facts, [](double fact) { return fact == 0; });
    bool all = llvm::all_of(facts, [](double fact) { return fact > 0; });
    if (!none && !all)
      return emitError(UnknownLoc::get(context))
             << DEBUG_TYPE ": bandwidth, lookup-rate, table-rate and fma-rate must all be positive, or none be given, but are "
             << bandwidth.getValue() << ", " << lookupRate.getValue() << ", " << tableRate.getValue() << " and "
             << fmaRate.getValue();
    if (rows < 1)
      return emitError(UnknownLoc::get(context)) << DEBUG_TYPE ": rows must be positive, but is " << rows.getValue();
    return success();
  }

  void runOnOperation() override {
    getOperation()->walk([&](MatmulOp op) {
      if (op.getStrategy()) {
        remark::missed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
            << remark::reason("the product already states {0}", stringifyStrategy(*op.getStrategy()).str());
        return;
      }
      op.setStrategy(choose(op));
    });
  }

private:
  Cost predict(MatmulOp op) const {
    WeightType weight = op.getWeight().getType();
    int64_t known = cast<RankedTensorType>(op.getType()).getDimSize(0);
    double m = ShapedType::isDynamic(known) ? double(rows) : double(known);
    double n = weight.getRows(), k = weight.getCols(), groups = weight.getNumGroups(), planes = weight.getBits();
    double tables = groups * getTablesPerGroup(weight.getGroup());
    auto bipolar = dyn_cast<BipolarAttr>(weight.getFormat());
    double numbers = bipolar ? 1 + !bipolar.getZeta() : planes + 1;
    double packed = n * groups * (planes * getTablesPerGroup(weight.getGroup()) / 2 + 4 * numbers);
    Cost cost;
    cost.lookup = std::max(packed / bandwidth, m * n * tables * planes / lookupRate) + m * tables * 8 / tableRate;
    cost.dense = std::max(4 * n * k / bandwidth, m * n * k / fmaRate);
    return cost;
  }

  Strategy choose(MatmulOp op) const {
    WeightFormatInterface format = op.getWeight().getType().getFormat();
    auto chosen = [&](Strategy strategy, StringRef why) {
      remark::passed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
          << remark::reason("{0}: {1}", stringifyStrategy(strategy).str(), why.str());
      return strategy;
    };
    if (!isPlanesFormat(format)) {
      std::string text;
      llvm::raw_string_ostream(text) << format;
      return chosen(Strategy::Dense, "the weight has no bit planes to look up, its format is " + text);
    }
    if (bandwidth == 0)
      return chosen(Strategy::Lut, "the weight is in bit planes, and no facts of the machine are given");
    Cost cost = predict(op);
    remark::analysis(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
        << remark::add("predicted: lut {0:F1} us, dense {1:F1} us", cost.lookup / 1000, cost.dense / 1000)
        << remark::metric("lut-ns", int64_t(cost.lookup)) << remark::metric("dense-ns", int64_t(cost.dense));
    return cost.lookup <= cost.dense ? chosen(Strategy::Lut, "predicted to be the fastest")
                                     : chosen(Strategy::Dense, "predicted to be the fastest");
  }
};
} // namespace
