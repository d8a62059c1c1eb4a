//===- Reference.cpp - tables and lookup products, exact and slow ---------===//
//
// The names follow docs/spec/numerics.md. The file is compiled with -ffp-contract=off, so std::fma is the only fused
// operation. Nothing here depends on the order in which rows or columns are computed.
//
//===----------------------------------------------------------------------===//
#include "lutra/Interpreter/Reference.h"

#include "dialects/lowbit/IR/LookupTriples.h"

#include "llvm/ADT/APFloat.h"
#include <array>
#include <cassert>
#include <cmath>
#include <cstdlib>

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

void lutra::computeTripleTable(const float a[3], float entries[16]) {
  for (int64_t i = 0; i < 16; ++i) {
    float sum = 0;
    for (int64_t place = 0; place < 3; ++place) {
      int weight = i < lowbit::kTripleEntries ? lowbit::getTripleWeight(i, place) : 0;
      // What has weight 0 is no term: an infinity would make a NaN of it.
      if (weight != 0)
        sum += weight > 0 ? a[place] : -a[place];
    }
    entries[i] = sum;
  }
}

LookupTables LookupTables::make(int64_t rows, int64_t cols, int64_t group, lowbit::TableKind kind) {
  assert(group > 0 && group <= kMaxGroup && "groups beyond this overflow 32-bit sums");
  LookupTables tables;
  tables.rows = rows;
  tables.cols = cols;
  tables.group = group;
  tables.groups = (cols + group - 1) / group;
  tables.tables = lowbit::getTablesPerGroup(group, kind.width);
  tables.kind = kind;
  int64_t entries = tables.entryIndex(rows, 0, 0);
  if (kind.element == lowbit::TableElement::I8)
    tables.i8.resize(entries);
  else if (kind.element == lowbit::TableElement::I16)
    tables.i16.resize(entries);
  else
    tables.f32.resize(entries);
  tables.scales.assign(rows * tables.getScalesPerRow(), 1.0f);
  tables.sums.assign(rows * tables.groups, 0.0f);
  return tables;
}

/// Quantizes the entries that share a scale to integers up to `largest` and returns ts. `reciprocal` is the f32 nearest to 1 / largest.
template <typename T>
static float quantizeEntries(ArrayRef<float> entries, float largest, float reciprocal, MutableArrayRef<T> out) {
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
  float inv = largest / amax;
  for (auto [entry, quantized] : llvm::zip_equal(entries, out)) {
    // Rounds to nearest even in the default rounding mode.
    float rounded = std::nearbyintf(entry * inv);
    quantized = static_cast<T>(std::min(std::max(rounded, -largest), largest));
  }
  return amax * reciprocal;
}

/// The nearest half-precision number, ties to even.
static float roundToHalf(float value) {
  APFloat half(value);
  bool losesInfo;
  half.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &losesInfo);
  half.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &losesInfo);
  return half.convertToFloat();
}

/// Stores row m's exact entries as the kind says, and their scales.
static void storeRow(LookupTables &tables, int64_t m, ArrayRef<float> row) {
  int64_t at = tables.entryIndex(m, 0, 0), scales = tables.getScalesPerRow();
  int64_t shared = static_cast<int64_t>(row.size()) / scales;
  for (int64_t run = 0; run < scales; ++run) {
    ArrayRef<float> entries = row.slice(run * shared, shared);
    float &scale = tables.scales[m * scales + run];
    if (tables.kind.element == lowbit::TableElement::I8)
      scale = quantizeEntries(entries, 127.0f, 0x1.020408p-7f, MutableArrayRef(tables.i8).slice(at + run * shared, shared));
    else if (tables.kind.element == lowbit::TableElement::I16)
      scale = quantizeEntries(entries, 32767.0f, 0x1.0002p-15f, MutableArrayRef(tables.i16).slice(at + run * shared, shared));
    else
      llvm::transform(entries, tables.f32.begin() + at + run * shared, [&](float entry) {
        return tables.kind.element == lowbit::TableElement::F16 ? roundToHalf(entry) : entry;
      });
  }
}

/// The three activations of table t in group g of a row; padding is 0.
static std::array<float, 3> activationsOfTriple(const LookupTables &tables, ArrayRef<float> row, int64_t g, int64_t t) {
  std::array<float, 3> a = {};
  for (int64_t place = 0; place < 3; ++place) {
    int64_t lane = t + place * tables.tables, k = g * tables.group + lane;
    if (lane < tables.group && k < tables.cols)
      a[place] = row[k];
  }
  return a;
}

/// The four activations of table t in group g of a row; padding is 0.
template <typename T>
static std::array<T, 4> activationsOfTable(const LookupTables &tables, ArrayRef<T> row, int64_t g, int64_t t) {
  std::array<T, 4> a = {};
  for (int64_t i = 0; i < 4; ++i) {
    int64_t lane = 4 * t + i, k = g * tables.group + lane;
    if (lane < tables.group && k < tables.cols)
      a[i] = row[k];
  }
  return a;
}

LookupTables lutra::precomputeTables(ArrayRef<float> activations, int64_t rows, int64_t cols, int64_t group,
                                     lowbit::TableKind kind) {
  assert(static_cast<int64_t>(activations.size()) == rows * cols && "activations must be rows x cols");
  LookupTables result = LookupTables::make(rows, cols, group, kind);
  std::vector<float> entries(result.entryIndex(1, 0, 0));
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t g = 0; g < result.groups; ++g) {
      float sum = 0;
      for (int64_t t = 0; t < result.tables; ++t) {
        float *table = &entries[result.entryIndex(0, g, t)];
        if (kind.width == lowbit::kTripleWidth) {
          computeTripleTable(activationsOfTriple(result, activations.slice(m * cols, cols), g, t).data(), table);
          continue;
        }
        computeTable(activationsOfTable(result, activations.slice(m * cols, cols), g, t).data(), table);
        sum = t == 0 ? table[15] : sum + table[15];
      }
      result.sums[m * result.groups + g] = sum;
    }
    storeRow(result, m, entries);
  }
  return result;
}

LookupTables lutra::precomputeCodes(ArrayRef<int8_t> codes, ArrayRef<float> scales, int64_t rows, int64_t cols,
                                    int64_t group, lowbit::TableKind kind) {
  assert(lowbit::isQuantized(kind.element) && kind.scale != lowbit::TableScale::Table && kind.width == lowbit::kTableWidth &&
         "tables of codes are integers");
  LookupTables result = LookupTables::make(rows, cols, group, kind);
  assert(scales.size() == result.scales.size() && "a scale per row, or per row and group");
  llvm::copy(scales, result.scales.begin());
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t g = 0; g < result.groups; ++g) {
      int32_t sum = 0;
      for (int64_t t = 0; t < result.tables; ++t) {
        std::array<int8_t, 4> a = activationsOfTable(result, codes.slice(m * cols, cols), g, t);
        for (int i = 0; i < 16; ++i) {
          int entry = 0;
          for (int j = 0; j < 4; ++j)
            entry += i >> j & 1 ? a[j] : -a[j];
          int64_t at = result.entryIndex(m, g, t) + i;
          if (kind.element == lowbit::TableElement::I8)
            result.i8[at] = static_cast<int8_t>(entry);
          else
            result.i16[at] = static_cast<int16_t>(entry);
        }
        sum += a[0] + a[1] + a[2] + a[3];
      }
      result.sums[m * result.groups + g] = result.scale(m, g, 0) * static_cast<float>(sum);
    }
  return result;
}

void lutra::quantizeActivations(ArrayRef<float> activations, int64_t rows, int64_t cols, int64_t group, unsigned bits,
                                lowbit::ActivationCodes kind, MutableArrayRef<int8_t> codes,
                                MutableArrayRef<float> scales) {
  int64_t groups = (cols + group - 1) / group;
  bool bipolar = kind == lowbit::ActivationCodes::Bipolar;
  float largest = static_cast<float>((bipolar ? 1 << bits : 1 << (bits - 1)) - 1);
  for (int64_t m = 0; m < rows; ++m)
    for (int64_t g = 0; g < groups; ++g) {
      int64_t begin = m * cols + g * group, count = std::min(group, cols - g * group);
      float amax = 0;
      bool finite = true;
      for (float a : activations.slice(begin, count)) {
        finite &= std::isfinite(a);
        amax = std::max(amax, std::fabs(a));
      }
      float s = largest / std::max(amax, 1e-5f);
      scales[m * groups + g] = finite ? 1.0f / s : std::numeric_limits<float>::quiet_NaN();
      for (int64_t k = begin; k < begin + count; ++k) {
        if (!finite) {
          codes[k] = 0;
          continue;
        }
        float scaled = activations[k] * s, code;
        if (bipolar) // The odd integers are 2 j + 1; floor(x / 2) is the j whose odd integer is nearest.
          code = 2.0f * std::min(std::max(std::floor(scaled * 0.5f), -(largest + 1) / 2), (largest - 1) / 2) + 1.0f;
        else
          code = std::min(std::max(std::nearbyintf(scaled), -largest - 1), largest);
        codes[k] = static_cast<int8_t>(code);
      }
    }
}

/// The index into table `t` that plane `p` of a group's codes makes.
static unsigned tableIndex(ArrayRef<uint8_t> codes, int64_t t, unsigned p) {
  unsigned index = 0;
  for (int i = 0; i < 4; ++i)
    index |= (codes[4 * t + i] >> p & 1u) << i;
  return index;
}

namespace {
/// Tables [first, first + count) of one row and group against one row's codes: the sums of the planes.
struct PlaneSums {
  bool quantized;
  int32_t ints[8] = {};
  float f32[8] = {};

  PlaneSums(const LookupTables &tables, int64_t m, int64_t g, int64_t first, int64_t count, ArrayRef<uint8_t> codes,
            unsigned bits)
      : quantized(lowbit::isQuantized(tables.kind.element)) {
    for (unsigned p = 0; p < bits; ++p)
      for (int64_t t = first; t < first + count; ++t) {
        int64_t at = tables.entryIndex(m, g, t) + tableIndex(codes, t, p);
        if (tables.kind.element == lowbit::TableElement::I8)
          ints[p] += tables.i8[at];
        else if (quantized)
          ints[p] += tables.i16[at];
        else
          f32[p] = t == first ? tables.f32[at] : f32[p] + tables.f32[at];
      }
  }

  /// acc_p as f32.
  float plane(unsigned p) const { return quantized ? static_cast<float>(ints[p]) : f32[p]; }

  /// The planes weighted by their powers of two.
  float weighted(unsigned bits) const {
    if (quantized) {
      // i16 entries in long groups leave 32 bits here.
      int64_t acc = 0;
      for (unsigned p = 0; p < bits; ++p)
        acc += int64_t(ints[p]) * (1 << p);
      return static_cast<float>(acc);
    }
    float acc = f32[0];
    for (unsigned p = 1; p < bits; ++p)
      acc = std::fma(static_cast<float>(1 << p), f32[p], acc);
    return acc;
  }
};
} // namespace

/// Twice the sum of a group's entries of tables of three: what its codes less one make of the activations, in units of the scale.
static int32_t sumTriples(const LookupTables &tables, int64_t m, int64_t g, ArrayRef<uint8_t> codes) {
  int32_t sum = 0;
  for (int64_t t = 0; t < tables.tables; ++t) {
    int v = 0;
    for (int64_t place = 0, factor = 9; place < 3; ++place, factor /= 3)
      if (int64_t lane = t + place * tables.tables; lane < tables.group)
        v += static_cast<int>(factor) * (codes[lane] - 1);
    int32_t entry = tables.i8[tables.entryIndex(m, g, t) + std::abs(v)];
    sum += v < 0 ? -entry : entry;
  }
  return 2 * sum;
}

void lutra::lookupMatmul(const LookupTables &tables, const lowbit::WeightReader &weight, MutableArrayRef<float> out) {
  assert(tables.cols == weight.getCols() && tables.group == weight.getGroup() && "table and weight must agree");
  unsigned bits = weight.getBits();
  int64_t rows = weight.getRows(), lanes = llvm::alignTo(tables.group, 8);
  // Tables of a group that share a scale.
  int64_t run = tables.kind.scale == lowbit::TableScale::Table ? 1 : tables.tables;
  std::vector<uint8_t> codes(tables.groups * lanes);
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t g = 0; g < tables.groups; ++g)
      weight.rowCodes(n, g, MutableArrayRef(codes).slice(g * lanes, lanes));
    for (int64_t m = 0; m < tables.rows; ++m) {
      float y = 0;
      for (int64_t g = 0; g < tables.groups; ++g) {
        ArrayRef<uint8_t> groupCodes = ArrayRef(codes).slice(g * lanes, lanes);
        if (tables.kind.width == lowbit::kTripleWidth) {
          float u = tables.scale(m, g, 0) * static_cast<float>(sumTriples(tables, m, g, groupCodes));
          y = std::fma(weight.alpha(n, g), u, y);
          continue;
        }
        float asum = tables.sums[m * tables.groups + g];
        float u = weight.isBCQ() ? 0.0f : weight.zeta(n, g) * asum, planes[8];
        for (int64_t t = 0; t < tables.tables; t += run) {
          PlaneSums sums(tables, m, g, t, run, groupCodes, bits);
          float ts = tables.scale(m, g, t);
          if (!weight.isBCQ()) {
            u = std::fma(ts, sums.weighted(bits), u);
            continue;
          }
          for (unsigned p = 0; p < bits; ++p)
            planes[p] = t == 0 ? ts * sums.plane(p) : std::fma(ts, sums.plane(p), planes[p]);
        }
        if (weight.isBCQ()) {
          for (unsigned p = 0; p < bits; ++p)
            y = std::fma(weight.alpha(n, g, p), planes[p], y);
          y = std::fma(weight.beta(n, g), asum, y);
          continue;
        }
        y = std::fma(weight.alpha(n, g), u, y);
      }
      out[m * rows + n] = y;
    }
  }
}

void lutra::dequantizedMatmul(ArrayRef<float> activations, int64_t rows, const lowbit::WeightReader &weight,
                              MutableArrayRef<float> out) {
  int64_t cols = weight.getCols(), outputs = weight.getRows();
  std::vector<float> row(cols);
  for (int64_t n = 0; n < outputs; ++n) {
    for (int64_t k = 0; k < cols; ++k)
      row[k] = static_cast<float>(weight.value(n, k));
    for (int64_t m = 0; m < rows; ++m) {
      float y = 0;
      for (int64_t k = 0; k < cols; ++k)
        y = std::fma(activations[m * cols + k], row[k], y);
      out[m * outputs + n] = y;
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
