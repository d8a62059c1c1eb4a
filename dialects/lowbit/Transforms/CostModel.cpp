//===- CostModel.cpp - what a product takes, by how it is computed --------===//
#include "dialects/lowbit/Transforms/CostModel.h"
#include "dialects/lowbit/Transforms/IntegerRows.h"
#include "dialects/lowbit/Transforms/ProductUtils.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace lutra::lowbit;

/// Activation rows for which a panel of bytes or numbers is made once.
static constexpr int64_t kPanelRows = 512;
/// Rows of a tile of packed weights.
static constexpr uint64_t kTileRows = 64;
static constexpr double kNever = std::numeric_limits<double>::infinity();

namespace {
enum class Part { Before, During };

/// The amounts of CostRates.def, summed up by strategy and part.
struct Work {
  Work(const CostRates &rates, WeightType weight, int64_t rows, bool isKnown, bool isShared) {
    const double m = rows, groups = weight.getNumGroups(), planes = weight.getBits();
    const double n = llvm::alignTo(weight.getRows(), kTileRows), tables = groups * getTablesPerGroup(weight.getGroup());
    const double k = tables * kTableWidth, panels = llvm::divideCeil(rows, kPanelRows);
    // What lowbit-tile-elongated makes of it.
    const int64_t block = isKnown ? std::min<int64_t>(4, llvm::bit_floor<uint64_t>(rows)) : 4;
    const unsigned ones = weight.getBits() % 2, twos = weight.getBits() % 4 / 2 * 2, fours = weight.getBits() / 4 * 4;
    const double columns = weight.getCols();
    const double quads = llvm::divideCeil(rows, block);
    // Int8 products alone have ternary codes three in five bits (lowbit-pack-weights). Four codes around the same zero are taken for three.
    const bool isTernary = lutra::lowbit::isTernary(weight.getFormat()) && !isShared, isFew = rows < (isTernary ? rates.triplePanelRows : rates.panelRows);
    const bool isSingle = isFew && isTernary && rows == 1, isPassed = isFew && !isSingle;
    const double single = isSingle, many = isFew ? 0 : rows;
    const int64_t ofTriples = rates.triplePanelRows <= kFewRowsOfTriples + 1 ? kRowsOfTwoTripleParts : kRowsOfTwoNumberParts, half = isTernary ? ofTriples : kRowsOfTwoParts;
    const double passes = isPassed ? rows : 0;
    double few = 0, bare = 0, loads = 0;
    // Passes over the weight, all of as many rows but the last.
    const int64_t number = llvm::divideCeil(rows, kRowsOfPass), length = llvm::divideCeil(rows, number);
    for (int64_t first = 0; isPassed && first < rows; first += length) {
      const int64_t count = std::min(length, rows - first);
      few += 1;
      bare += std::max(0.0, 1 - count / (2 * planes + 1));
      loads += count * (count > half ? 4 : isTernary || count > kRowsOfFourParts ? 2 : 1);
    }
    const double blocks = isFew ? 0 : llvm::divideCeil(rows, kPanelBlockRows), fresh = isFew ? 0 : panels;
    const double bits = isTernary ? 0 : planes, runs = isTernary ? 0 : ones + twos / 2 + fours / 4, triples = isTernary;
#define LUTRA_COST_RATE(MEMBER, NAME, STRATEGY, PART, AMOUNT, MEANING)                                                                     \
  add(Strategy::STRATEGY, Part::PART, AMOUNT, rates.MEMBER);
#include "dialects/lowbit/Transforms/CostRates.def"
    auto bipolar = dyn_cast<BipolarAttr>(weight.getFormat());
    const double numbers = bipolar ? 1 + !bipolar.getZeta() : planes + 1;
    auto read = [&](double codeBits) { return n * (codeBits * k / 8 + 4 * groups * numbers) / rates.bandwidth; };
    packed = read(planes);
    codes = read(isTernary ? 5.0 / 3 : planes);
    floats = 4 * n * k / rates.bandwidth;
  }

  double get(Strategy strategy, double read) const {
    const Times &of = times[static_cast<size_t>(strategy)];
    return std::max(read, of.during) + of.before;
  }

  /// Nanoseconds in which the weight is read: in planes, as int8 products have it, and as floats.
  double packed, codes, floats;

private:
  void add(Strategy strategy, Part part, double amount, double rate) {
    Times &of = times[static_cast<size_t>(strategy)];
    (part == Part::Before ? of.before : of.during) += rate > 0 ? amount / rate : 0;
  }

  struct Times {
    double before = 0, during = 0;
  };
  Times times[getMaxEnumValForStrategy() + 1];
};
} // namespace

ProductCost lutra::lowbit::predictCost(const CostRates &rates, MatmulOp product, int64_t rows, bool isShared) {
  WeightType weight = product.getWeight().getType();
  CostRates known = rates;
  // Weights whose planes have an alpha each are in memory as f32.
  const bool packed = isa<BipolarAttr>(weight.getFormat());
  if (!packed)
    known.number = 0;
  // What a file leaves out is no gift.
  for (auto [rate, other] : {std::pair(&CostRates::few, &CostRates::int8), {&CostRates::lookupTwo, &CostRates::lookup}, {&CostRates::lookupOne, &CostRates::lookup},
                             {&CostRates::indexTwo, &CostRates::index}, {&CostRates::fetchTwo, &CostRates::fetch}})
    if (known.*rate == 0)
      known.*rate = known.*other;
  const Work work(known, weight, rows, !mlir::ShapedType::isDynamic(product.getActivations().getType().getDimSize(0)), isShared);
  ProductCost cost;
  cost.lookup = work.get(Strategy::Lut, work.packed);
  cost.dense = work.get(Strategy::Dense, packed ? work.packed : work.floats);
  cost.int8 = rates.int8 > 0 && canMultiplyCodes(weight) ? work.get(Strategy::Int8, work.codes) : kNever;
  return cost;
}
