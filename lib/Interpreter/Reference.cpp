//===- Reference.cpp - tables and lookup products, exact and slow ---------===//
//
// The names follow docs/spec/numerics.md. The file is compiled with -ffp-contract=off, so std::fma is the only fused
// operation. Nothing here depends on the order in which rows or columns are computed.
//
//===----------------------------------------------------------------------===//
#include "lutra/Interpreter/Reference.h"

#include <cassert>
#include <cmath>

using namespace llvm;
using namespace lutra;

void lutra::computeTable(const float a[4], float entries[16]) {
  auto signedBy = [](int bit, float value) { return bit ? value : -value; };
  for (int i = 8; i < 16; ++i)
    entries[i] = ((signedBy(i & 1, a[0]) + signedBy(i & 2, a[1])) + signedBy(i & 4, a[2])) + a[3];
  // Negated, not added up again: a sum that cancels is +0, and its complement is then -0.
  for (int i = 0; i < 8; ++i)
    entries[i] = -entries[15 - i];
}

LookupTables LookupTables::make(int64_t rows, int64_t cols, int64_t group, bool quantized) {
  assert(group > 0 && group <= kMaxGroup && "groups beyond this overflow 32-bit sums");
  LookupTables tables;
  tables.rows = rows;
  tables.cols = cols;
  tables.group = group;
  tables.groups = (cols + group - 1) / group;
  tables.tables = lowbit::getTablesPerGroup(group);
  tables.quantized = quantized;
  int64_t entries = tables.entryIndex(rows, 0, 0);
  if (quantized)
    tables.i8.resize(entries);
  else
    tables.f32.resize(entries);
  tables.scales.assign(rows * tables.groups, 1.0f);
  tables.sums.assign(rows * tables.groups, 0.0f);
  return tables;
}

/// Quantizes one group's entries to i8 and returns ts.
static float quantizeGroup(ArrayRef<float> entries, MutableArrayRef<int8_t> out) {
  float amax = 0;
  bool finite = true;
  for (float entry : entries) {
    finite &= std::isfinite(entry);
    amax = std::max(amax, std::fabs(entry));
  }
  if (!finite)
    return std::numeric_limits<float>::quiet_NaN(); // Entries stay 0.
  if (amax < 0x1p-100f)
    return 0.0f; // inv = 0: entries are 0.
  float inv = 127.0f / amax;
  for (auto [entry, quantized] : llvm::zip_equal(entries, out)) {
    // Rounds to nearest even in the default rounding mode.
    float rounded = std::nearbyintf(entry * inv);
    quantized = static_cast<int8_t>(std::min(std::max(rounded, -127.0f), 127.0f));
  }
  return amax * 0x1.020408p-7f;
}

LookupTables lutra::precomputeTables(ArrayRef<float> activations, int64_t rows, int64_t cols, int64_t group,
                                     bool quantized) {
  assert(static_cast<int64_t>(activations.size()) == rows * cols && "activations must be rows x cols");
  LookupTables result = LookupTables::make(rows, cols, group, quantized);
  std::vector<float> entries(result.tables * 16);
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t g = 0; g < result.groups; ++g) {
      float sum = 0;
      for (int64_t t = 0; t < result.tables; ++t) {
        float a[4];
        for (int64_t i = 0; i < 4; ++i) {
          int64_t lane = 4 * t + i, k = g * group + lane;
          a[i] = lane < group && k < cols ? activations[m * cols + k] : 0.0f;
        }
        computeTable(a, &entries[16 * t]);
        sum = t == 0 ? entries[15] : sum + entries[16 * t + 15];
      }
      int64_t at = result.entryIndex(m, g, 0);
      result.sums[m * result.groups + g] = sum;
      if (quantized)
        result.scales[m * result.groups + g] =
            quantizeGroup(entries, MutableArrayRef(result.i8).slice(at, entries.size()));
      else
        llvm::copy(entries, result.f32.begin() + at);
    }
  }
  return result;
}

/// The index into table `t` that plane `p` of a group's codes makes.
static unsigned tableIndex(ArrayRef<uint8_t> codes, int64_t t, unsigned p) {
  unsigned index = 0;
  for (int i = 0; i < 4; ++i)
    index |= (codes[4 * t + i] >> p & 1u) << i;
  return index;
}

namespace {
/// One group of one row's tables against one row's codes: the sums of the planes.
struct PlaneSums {
  int32_t i8[8];
  float f32[8];

  PlaneSums(const LookupTables &tables, int64_t m, int64_t g, ArrayRef<uint8_t> codes, unsigned bits) {
    for (unsigned p = 0; p < bits; ++p) {
      i8[p] = 0;
      for (int64_t t = 0; t < tables.tables; ++t) {
        int64_t at = tables.entryIndex(m, g, t) + tableIndex(codes, t, p);
        if (tables.quantized)
          i8[p] += tables.i8[at];
        else
          f32[p] = t == 0 ? tables.f32[at] : f32[p] + tables.f32[at];
      }
    }
  }

  /// acc_p as f32.
  float plane(bool quantized, unsigned p) const { return quantized ? static_cast<float>(i8[p]) : f32[p]; }

  /// The planes weighted by their powers of two.
  float weighted(bool quantized, unsigned bits) const {
    if (quantized) {
      int32_t acc = 0;
      for (unsigned p = 0; p < bits; ++p)
        acc += i8[p] * (1 << p);
      return static_cast<float>(acc);
    }
    float acc = f32[0];
    for (unsigned p = 1; p < bits; ++p)
      acc = std::fma(static_cast<float>(1 << p), f32[p], acc);
    return acc;
  }
};
} // namespace

void lutra::lookupMatmul(const LookupTables &tables, const lowbit::WeightReader &weight, MutableArrayRef<float> out) {
  assert(tables.cols == weight.getCols() && tables.group == weight.getGroup() && "table and weight must agree");
  unsigned bits = weight.getBits();
  int64_t rows = weight.getRows(), lanes = tables.tables * 4;
  std::vector<uint8_t> codes(tables.groups * lanes);
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t g = 0; g < tables.groups; ++g)
      weight.rowCodes(n, g, MutableArrayRef(codes).slice(g * lanes, lanes));
    for (int64_t m = 0; m < tables.rows; ++m) {
      float y = 0;
      for (int64_t g = 0; g < tables.groups; ++g) {
        PlaneSums sums(tables, m, g, ArrayRef(codes).slice(g * lanes, lanes), bits);
        float ts = tables.scales[m * tables.groups + g], asum = tables.sums[m * tables.groups + g];
        if (weight.isBCQ()) {
          for (unsigned p = 0; p < bits; ++p)
            y = std::fma(weight.alpha(n, g, p), ts * sums.plane(tables.quantized, p), y);
          y = std::fma(weight.beta(n, g), asum, y);
          continue;
        }
        float offset = weight.zeta(n, g) * asum;
        float u = std::fma(ts, sums.weighted(tables.quantized, bits), offset);
        y = std::fma(weight.alpha(n, g), u, y);
      }
      out[m * rows + n] = y;
    }
  }
}

std::vector<double> lutra::denseMatmul(ArrayRef<float> activations, int64_t rows, const lowbit::WeightReader &weight) {
  int64_t cols = weight.getCols(), outputs = weight.getRows();
  std::vector<double> result(rows * outputs), row(cols);
  for (int64_t n = 0; n < outputs; ++n) {
    for (int64_t k = 0; k < cols; ++k)
      row[k] = weight.value(n, k);
    for (int64_t m = 0; m < rows; ++m)
      for (int64_t k = 0; k < cols; ++k)
        result[m * outputs + n] += activations[m * cols + k] * row[k];
  }
  return result;
}
