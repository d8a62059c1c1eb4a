//===- SelectStrategy.cpp - how each product is computed ------------------===//
//
// lowbit-select-strategy: the cost model is in Passes.td. What it knows of a machine are the pass's options.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

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
  double lookup, dense, int8;
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
    if (int8Rate < 0 || (int8Rate > 0 && !all))
      return emitError(UnknownLoc::get(context))
             << DEBUG_TYPE ": int8-rate is a rate like the others and comes with them, but is " << int8Rate.getValue();
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
    // Unpacking a plane of a panel costs about as much as multiplying a row with it. Codes take a pass over the activations.
    double unpacked = m + planes;
    cost.int8 = int8Rate == 0 || !bipolar ? std::numeric_limits<double>::infinity()
                                          : std::max(packed / bandwidth, unpacked * n * k / int8Rate) + m * k / tableRate;
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
    if (preferInt8)
      return chosen(Strategy::Int8, "integer activations are asked for");
    if (bandwidth == 0)
      return chosen(Strategy::Lut, "the weight is in bit planes, and no facts of the machine are given");
    Cost cost = predict(op);
    std::string int8 = std::isinf(cost.int8) ? std::string() : llvm::formatv(", int8 {0:F1} us", cost.int8 / 1000).str();
    auto analysis = remark::analysis(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()));
    analysis << remark::add("predicted: lut {0:F1} us, dense {1:F1} us{2}", cost.lookup / 1000, cost.dense / 1000, int8)
             << remark::metric("lut-ns", int64_t(cost.lookup)) << remark::metric("dense-ns", int64_t(cost.dense));
    if (!int8.empty())
      analysis << remark::metric("int8-ns", int64_t(cost.int8));
    const char *why = "predicted to be the fastest";
    if (cost.int8 < std::min(cost.lookup, cost.dense))
      return chosen(Strategy::Int8, why);
    return chosen(cost.lookup <= cost.dense ? Strategy::Lut : Strategy::Dense, why);
  }
};
} // namespace
