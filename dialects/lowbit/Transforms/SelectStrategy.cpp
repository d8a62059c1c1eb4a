//===- SelectStrategy.cpp - how each product is computed ------------------===//
//
// lowbit-select-strategy: the cost model is described in ProductPasses.td, and computed in CostModel.cpp. What it knows of a machine are the pass's
// options.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Weights.h"
#include "dialects/lowbit/Transforms/CostModel.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Remarks.h"
#include "dialects/lowbit/Transforms/RowChoice.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

#define DEBUG_TYPE "lowbit-select-strategy"

namespace lutra::lowbit {
#define GEN_PASS_DEF_SELECTSTRATEGY
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

/// Numbers of rows at which a choice by rows compares: each of the few, and some of the many.
static constexpr int64_t kFewRows = 62, kManyRows[] = {64, 96, 128, 192, 256, 384, 512};
/// The numbers of rows that remarks tell of.
static constexpr int64_t kToldRows[] = {1, 4, 16, 64, 512};

namespace {
struct SelectStrategy : lutra::lowbit::impl::SelectStrategyBase<SelectStrategy> {
  using SelectStrategyBase::SelectStrategyBase;

  LogicalResult initialize(MLIRContext *context) override {
    auto error = [&] { return emitError(UnknownLoc::get(context)) << DEBUG_TYPE ": "; };
    llvm::Expected<CostRates> parsed = CostRates::parse(*rates);
    if (!parsed)
      return error() << "rates: " << llvm::toString(parsed.takeError());
    known = *parsed;
    if (rows < 1)
      return error() << "rows must be positive, but is " << rows.getValue();
    if (preferInt8 && preferDense)
      return error() << "prefer-int8 and prefer-dense exclude each other";
    if (byRows && (known.int8 == 0 || preferInt8 || preferDense))
      return error() << "by-rows chooses between lut and int8, and needs int8-rate, but no prefer-int8 or prefer-dense";
    return success();
  }

  void runOnOperation() override {
    fewCodes.clear();
    // Products whose rows are not known, by what they read: they are decided about together, so that one branch makes their tables.
    llvm::MapVector<std::pair<Value, Block *>, SmallVector<MatmulOp>> undecided;
    getOperation()->walk([&](MatmulOp op) {
      if (op.getStrategy())
        remark::missed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
            << remark::reason("the product already states {0}", stringifyStrategy(*op.getStrategy()).str());
      else if (hasFewCodes(op))
        op.setStrategy(passed(op, Strategy::Int8, "the codes are few, and indices of 4 bits are fewer bytes than their planes"));
      else if (byRows && dependsOnRows(op))
        undecided[{op.getActivations(), op->getBlock()}].push_back(op);
      else
        op.setStrategy(choose(op));
    });
    for (auto &[key, products] : undecided)
      chooseByRows(products);
  }

private:
  /// Whether the fastest way may be another with more rows: their number is only known at run time, and both ways are open.
  bool dependsOnRows(MatmulOp op) const {
    return cast<RankedTensorType>(op.getType()).isDynamicDim(0) && !op.hasIntegerActivations() && !op.getPrecision() &&
           isPlanesFormat(op.getWeight().getType().getFormat()) && std::isfinite(predictCost(known, op, 1).int8);
  }

  /// Whether the weight is stored as indices into a codebook where codes are multiplied (lowbit-pack-weights), on a machine that is known to do so.
  bool hasFewCodes(MatmulOp op) {
    Value weight = op.getWeight();
    if (known.int8 == 0 || preferInt8 || preferDense || op.hasIntegerActivations() || op.getPrecision() ||
        !isa<BipolarAttr>(op.getWeight().getType().getFormat()) || !isConstantWeight(weight) ||
        !std::isfinite(predictCost(known, op, 1).int8))
      return false;
    auto [place, isNew] = fewCodes.try_emplace(weight, false);
    if (isNew)
      if (FailureOr<WeightReader> reader = WeightReader::create(weight); succeeded(reader))
        place->second = !findCodebook(*reader).empty();
    return place->second;
  }

  static Strategy passed(MatmulOp op, Strategy strategy, const std::string &why) {
    remark::passed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
        << remark::reason("{0}: {1}", stringifyStrategy(strategy).str(), why);
    return strategy;
  }

  /// Says what is predicted for `op` with `m` rows.
  void analyze(MatmulOp op, const ProductCost &cost, const std::string &when) const {
    bool hasInt8 = std::isfinite(cost.int8);
    std::string int8 = hasInt8 ? llvm::formatv(", int8 {0:F1} us", cost.int8 / 1000).str() : std::string();
    auto analysis = remark::analysis(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()));
    analysis << remark::add("predicted{0}: lut {1:F1} us, dense {2:F1} us{3}", when, cost.lookup / 1000, cost.dense / 1000, int8)
             << remark::metric("lut-ns", int64_t(cost.lookup)) << remark::metric("dense-ns", int64_t(cost.dense));
    if (hasInt8)
      analysis << remark::metric("int8-ns", int64_t(cost.int8));
    if (!facts.empty())
      analysis << remark::metric("facts", facts.getValue());
  }

  Strategy choose(MatmulOp op) const {
    WeightFormatInterface format = op.getWeight().getType().getFormat();
    if (!isPlanesFormat(format)) {
      std::string text;
      llvm::raw_string_ostream(text) << format;
      return passed(op, Strategy::Dense, "the weight has no bit planes to look up, its format is " + text);
    }
    if (preferInt8)
      return passed(op, Strategy::Int8, "integer activations are asked for");
    if (preferDense)
      return passed(op, Strategy::Dense, "exact products are asked for");
    if (known.bandwidth == 0)
      return passed(op, Strategy::Lut, "the weight is in bit planes, and no facts of the machine are given");
    int64_t given = cast<RankedTensorType>(op.getType()).getDimSize(0);
    ProductCost cost = predictCost(known, op, ShapedType::isDynamic(given) ? rows.getValue() : given);
    analyze(op, cost, "");
    const char *why = "predicted to be the fastest";
    // Sums of codes are the same integers looked up or multiplied; f32 would change them.
    if (op.hasIntegerActivations())
      return passed(op, cost.int8 < cost.lookup ? Strategy::Int8 : Strategy::Lut, why);
    if (cost.int8 < std::min(cost.lookup, cost.dense))
      return passed(op, Strategy::Int8, why);
    return passed(op, cost.lookup <= cost.dense ? Strategy::Lut : Strategy::Dense, why);
  }

  /// What all of `products` take together.
  ProductCost predictAll(ArrayRef<MatmulOp> products, int64_t count, bool areShared) const {
    ProductCost sum{0, 0, 0};
    for (MatmulOp op : products) {
      ProductCost cost = predictCost(known, op, count, areShared);
      sum.lookup += cost.lookup;
      sum.int8 += cost.int8;
    }
    return sum;
  }

  /// The ways to compute products whose rows are not known: always looked up, always multiplied, or by rows.
  struct RowChoice {
    /// By what factor each is slower than the fastest of them, at the number of rows where it is the worst.
    double lookup = 1, int8 = 1, byRows = 1;
    /// Where multiplying is faster, if one weight is for both.
    RowSet rows;
  };

  RowChoice compareByRows(ArrayRef<MatmulOp> products) const {
    RowChoice choice;
    bool isTail = true;
    auto compare = [&](int64_t count) {
      // A weight that is read in one way only may lie in fewer bytes.
      const ProductCost alone = predictAll(products, count, /*areShared=*/false), shared = predictAll(products, count, /*areShared=*/true);
      const double byRows = std::min(shared.lookup, shared.int8), best = std::min({alone.lookup, alone.int8, byRows});
      choice.lookup = std::max(choice.lookup, alone.lookup / best);
      choice.int8 = std::max(choice.int8, alone.int8 / best);
      choice.byRows = std::max(choice.byRows, byRows / best);
      const bool isInt8 = shared.int8 < shared.lookup;
      isTail &= isInt8;
      if (isTail)
        choice.rows.from = count;
      else if (isInt8 && count <= kFewRows)
        choice.rows.fewer |= uint64_t(1) << count;
    };
    for (int64_t count : llvm::reverse(kManyRows))
      compare(count);
    for (int64_t count = kFewRows; count > 0; --count)
      compare(count);
    return choice;
  }

  void chooseByRows(SmallVector<MatmulOp> &products) {
    auto &dominance = getAnalysis<DominanceInfo>();
    // A product whose weight is made too late is alone.
    llvm::erase_if(products, [&](MatmulOp op) {
      if (canJoin(products.front(), op, dominance))
        return false;
      decide({op});
      return true;
    });
    decide(products);
  }

  void decide(ArrayRef<MatmulOp> products) {
    const RowChoice choice = compareByRows(products);
    // Where two are as good, the simpler.
    const bool isOne = std::min(choice.lookup, choice.int8) <= choice.byRows;
    const Strategy one = choice.int8 < choice.lookup ? Strategy::Int8 : Strategy::Lut;
    for (MatmulOp op : products) {
      for (int64_t count : kToldRows)
        analyze(op, predictCost(known, op, count, /*isShared=*/!isOne), llvm::formatv(" for {0} rows", count).str());
      if (isOne)
        op.setStrategy(passed(op, one, "predicted to be the fastest for any number of rows"));
      else
        passed(op, Strategy::Int8, choice.rows.spell() + ", and lut for " + (choice.rows.fewer ? "others" : "fewer") + ": predicted to be the fastest");
    }
    if (!isOne)
      splitByRows(products, choice.rows);
  }

  /// The rates, read.
  CostRates known;
  /// What is known of constant weights, each of which is scanned once.
  llvm::DenseMap<Value, bool> fewCodes;
};
} // namespace
