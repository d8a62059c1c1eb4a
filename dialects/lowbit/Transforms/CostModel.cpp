//===- CostModel.cpp - what a product takes, by how it is computed --------===//
#include "dialects/lowbit/Transforms/CostModel.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace lutra::lowbit;

/// Activation rows for which a panel of bytes or numbers is made once.
static constexpr int64_t kPanelRows = 512;
/// Rows of a tile of packed weights.
static constexpr uint64_t kTileRows = 64;
static constexpr double kNever = std::numeric_limits<double>::infinity();

/// `work` at `rate`, or nothing where the rate is not known.
static double time(double work, double rate) { return rate > 0 ? work / rate : 0; }

/// Whether codes of 8 bits times the weight's are exact in 32 bits (lut.integer_matmul, C5).
static bool hasIntegerSums(WeightType weight) {
  return isa<BipolarAttr>(weight.getUnpackedFormat()) &&
         128 * ((int64_t(1) << weight.getBits()) - 1) <= std::numeric_limits<int32_t>::max() / weight.getGroup();
}

/// Blocks of rows that a lookup product shares indices in: four, then one at a time.
static int64_t getLookupBlocks(int64_t rows) { return rows / 4 + rows % 4; }

/// Blocks of rows that an integer product reads a panel for: six, then two, then one.
static int64_t getIntegerBlocks(int64_t rows) { return rows / 6 + rows % 6 / 2 + rows % 2; }

ProductCost lutra::lowbit::predictCost(const CostRates &rates, MatmulOp product, int64_t rows) {
  WeightType weight = product.getWeight().getType();
  const double m = rows, groups = weight.getNumGroups(), planes = weight.getBits();
  // Tiles and groups are computed whole.
  const double n = llvm::alignTo(weight.getRows(), kTileRows), tables = groups * getTablesPerGroup(weight.getGroup());
  const double k = tables * kTableWidth, panels = llvm::divideCeil(rows, kPanelRows);
  auto bipolar = dyn_cast<BipolarAttr>(weight.getFormat());
  const double numbers = bipolar ? 1 + !bipolar.getZeta() : planes + 1;
  const double read = n * (planes * k / 8 + 4 * groups * numbers) / rates.bandwidth;
  const double ends = time(m * n * groups, rates.sum) + time(m * n, rates.store);

  ProductCost cost;
  const double looked = n * tables * planes * (m / rates.lookup + time(getLookupBlocks(rows), rates.index));
  cost.lookup = std::max(read, looked + ends) + m * tables * 8 / rates.table;
  // Planes that share an alpha stay packed; other weights are in memory as f32.
  const double made = bipolar ? time(panels * n * k, rates.number) : 0;
  cost.dense = std::max(bipolar ? read : 4 * n * k / rates.bandwidth, m * n * k / rates.fma + made + time(m * n, rates.store));
  cost.int8 = kNever;
  if (rates.int8 > 0 && hasIntegerSums(weight)) {
    const double multiplied = m * n * k / rates.int8 + time(getIntegerBlocks(rows) * n * k, rates.panel);
    cost.int8 = std::max(read, multiplied + time(panels * planes * n * k, rates.unpack) + ends) + time(m * k, rates.code) +
                time(m * groups, rates.scale);
  }
  return cost;
}
