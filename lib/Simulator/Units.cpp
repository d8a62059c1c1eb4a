//===- Units.cpp - the LUT array and the vector unit ----------------------===//

#include "Core.h"
#include "Lookup.h"
#include "Numbers.h"

#include "lutra/Support/Functions.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace lutra::ltc;

#if defined(__x86_64__) && defined(__linux__) && defined(__clang__)
// The same operations with the hardware's fused multiply-add, where there is one.
#define LUTRA_SIMULATOR_CLONES __attribute__((target_clones("arch=haswell", "default")))
#else
#define LUTRA_SIMULATOR_CLONES
#endif

/// y = fma(alpha, fma(ts, acc, zeta * asum), y) over one row.
template <typename Acc>
[[gnu::always_inline]] static inline void scaleRow(float *y, const Acc *acc, float ts, float asum, const float *alpha,
                                                   const float *zeta, unsigned n) {
  for (unsigned column = 0; column < n; ++column) {
    float u = std::fma(ts, static_cast<float>(acc[column]), zeta[column] * asum);
    y[column] = std::fma(alpha[column], u, y[column]);
  }
}
LUTRA_SIMULATOR_CLONES
static void scaleI32(float *y, const int32_t *acc, float ts, float asum, const float *alpha, const float *zeta,
                     unsigned n) {
  scaleRow(y, acc, ts, asum, alpha, zeta, n);
}
LUTRA_SIMULATOR_CLONES
static void scaleF32(float *y, const float *acc, float ts, float asum, const float *alpha, const float *zeta,
                     unsigned n) {
  scaleRow(y, acc, ts, asum, alpha, zeta, n);
}

/// y = fma(factor, x, y) over one row.
template <typename Element>
[[gnu::always_inline]] static inline void fmaRow(float *y, const Element *x, float factor, unsigned n) {
  for (unsigned column = 0; column < n; ++column)
    y[column] = std::fma(factor, static_cast<float>(x[column]), y[column]);
}
LUTRA_SIMULATOR_CLONES
static void fmaRowI32(float *y, const int32_t *x, float factor, unsigned n) { fmaRow(y, x, factor, n); }
LUTRA_SIMULATOR_CLONES
static void fmaRowF32(float *y, const float *x, float factor, unsigned n) { fmaRow(y, x, factor, n); }
/// y = fma(factors, x, y) over one row.
LUTRA_SIMULATOR_CLONES
static void fmaColumns(float *y, const float *x, const float *factors, unsigned n) {
  for (unsigned column = 0; column < n; ++column)
    y[column] = std::fma(factors[column], x[column], y[column]);
}

namespace {

/// The digits of an FP4 weight's magnitude, doubled: 0, 1, 2, 3, 4, 6, 8 or 12 is a sum of the powers of two whose digit is
/// set. The mantissa and the exponent of each of a table's weights are bits of the arguments.
struct FP4Digits {
  unsigned digit[4];
  FP4Digits(unsigned mantissa, unsigned low, unsigned high)
      : digit{mantissa & ~high, (~high & low) | (high & ~low & mantissa), (high & ~low) | (high & low & mantissa),
              high & low} {}
};

/// Adds a lookup at its weight: exact in integers, fused in floats.
void addAt(int32_t &acc, int32_t value, unsigned shift) { acc += value * (1 << shift); }
void addAt(float &acc, float value, unsigned shift) {
  acc = shift == 0 ? acc + value : std::fma(float(1u << shift), value, acc);
}

} // namespace

/// One step of the array on one row; `table` holds all entries by code.
template <typename Element>
void Core::addColumns(const Instruction &i, Element *acc, const Element *table, unsigned n) const {
  const bool bytes = machine.arrayK > 4;
  const unsigned mask = machine.entries() - 1, top = machine.stored();
  const size_t pitch = machine.planeBytes(machine.tablesPerTile);
  const uint8_t *first = &weights[i.src[1]][i.plane * pitch + size_t(bytes ? i.weightTable : i.weightTable / 2) * n];
  const unsigned shift = bytes ? 0 : i.weightTable % 2 * 4;
  auto code = [&](unsigned plane, unsigned column) { return (first[plane * pitch + column] >> shift) & mask; };
  // A plain index, as a code: a sign and the index under it.
  auto lookUp = [&](unsigned index) { return table[index & top ? top | (~index & (top - 1)) : index & mask]; };
  switch (i.weights) {
  case WeightKind::Planes:
    for (unsigned plane = 0; plane < i.planes; ++plane)
      for (unsigned column = 0; column < n; ++column)
        addAt(acc[column], table[code(plane, column)], plane);
    return;
  case WeightKind::Ternary:
    for (unsigned plane = 0; plane < 2; ++plane)
      for (unsigned column = 0; column < n; ++column)
        addAt(acc[column], table[code(plane, column)], 0);
    return;
  case WeightKind::FP4:
    for (unsigned column = 0; column < n; ++column) {
      const unsigned plus = ~code(0, column) & mask;
      const FP4Digits digits(code(1, column), code(2, column), code(3, column));
      for (unsigned exponent = 0; exponent < 4; ++exponent) {
        // Weights without this digit are + in one lookup and - in the other.
        const unsigned digit = digits.digit[exponent] & mask;
        addAt(acc[column], Element(lookUp((plus & digit) | (~digit & mask)) + lookUp(plus & digit)), exponent);
      }
    }
    return;
  }
}

void Core::lmma(const Instruction &i) {
  const TableTile &tile = tables[i.src[0]];
  const unsigned n = machine.arrayN;
  const bool floats = isFloat(i.type);
  const bool inPlace = i.out == (floats ? ElementType::F32 : ElementType::I32);
  std::vector<int32_t> ints;
  std::vector<float> numbers;
  int32_t *intAcc = nullptr;
  float *floatAcc = nullptr;
  if (inPlace) {
    (floats ? (void)(floatAcc = f32[i.dst].data()) : (void)(intAcc = i32[i.dst].data()));
  } else if (floats) {
    numbers = f32[i.src[2]];
    floatAcc = numbers.data();
  } else {
    ints = i32[i.src[2]];
    intAcc = ints.data();
  }
  const bool isFast = !floats && machine.arrayK == 4 && i.weights == WeightKind::Planes;
  const size_t pitch = machine.planeBytes(machine.tablesPerTile);
  for (unsigned row = 0; row < tile.rows; ++row) {
    const size_t table = (size_t(row) * machine.tablesPerTile + i.table) * machine.entries();
    if (isFast)
      lookup(intAcc + size_t(row) * n, &tile.ints[table],
             &weights[i.src[1]][i.plane * pitch + size_t(i.weightTable) / 2 * n], pitch, i.weightTable % 2 * 4,
             i.planes, n);
    else if (floats)
      addColumns(i, floatAcc + size_t(row) * n, &tile.f32[table], n);
    else {
      // Entries as wide as what they are added to.
      int32_t wide[256];
      std::copy_n(&tile.ints[table], machine.entries(), wide);
      addColumns(i, intAcc + size_t(row) * n, wide, n);
    }
  }
  if (inPlace)
    return;
  for (size_t element = 0; element < f32[i.dst].size(); ++element)
    f32[i.dst][element] = roundTo(floats ? numbers[element] : float(ints[element]), i.out);
}

const float *Core::activations(const Instruction &i, unsigned row, unsigned table) const {
  return &acts[i.src[0]].values[(size_t(row) * machine.tablesPerTile + i.first + table) * machine.arrayK];
}

float Core::entryOf(const float *values, unsigned index) const {
  auto signedValue = [&](unsigned lane) { return index >> lane & 1 ? values[lane] : -values[lane]; };
  float sum = signedValue(0);
  for (unsigned lane = 1; lane < machine.arrayK; ++lane)
    sum += signedValue(lane);
  return sum;
}

void Core::sums(const Instruction &i) {
  for (unsigned row = 0; row < machine.arrayM; ++row)
    for (unsigned table = 0; table < i.tables; ++table) {
      const float sum = entryOf(activations(i, row, table), machine.entries() - 1);
      float &total = rows[i.dst][row];
      total = table == 0 && i.opcode == Opcode::Sum ? sum : total + sum;
    }
}

void Core::greatest(const Instruction &i) {
  for (unsigned row = 0; row < machine.arrayM; ++row) {
    float most = i.opcode == Opcode::Amax ? 0.0f : rows[i.dst][row];
    for (unsigned table = 0; table < i.tables; ++table)
      for (unsigned index = machine.stored(); index < machine.entries(); ++index) {
        const float entry = std::fabs(entryOf(activations(i, row, table), index));
        // A NaN stays.
        if (!(entry <= most) && !std::isnan(most))
          most = entry;
      }
    rows[i.dst][row] = most;
  }
}

/// docs/spec/numerics.md, "i16 and i8 tables".
void Core::tableScale(const Instruction &i) {
  const bool bytes = i.type == ElementType::I8;
  const float q = bytes ? 127.0f : 32767.0f, c = bytes ? 0x1.020408p-7f : 0x1.0002p-15f;
  for (unsigned row = 0; row < machine.arrayM; ++row) {
    const float amax = rows[i.src[1]][row];
    float scale = amax * c, inverse = q / amax;
    if (!std::isfinite(amax))
      scale = std::numeric_limits<float>::quiet_NaN(), inverse = 0;
    else if (amax < 0x1p-100f)
      scale = inverse = 0;
    rows[i.dst][row] = scale;
    rows[i.src[0]][row] = inverse;
  }
}

void Core::makeTables(const Instruction &i) {
  TableTile &tile = tables[i.dst];
  tile.rows = acts[i.src[0]].rows;
  const unsigned stored = machine.stored(), mask = machine.entries() - 1;
  const float q = i.type == ElementType::I8 ? 127.0f : 32767.0f;
  for (unsigned row = 0; row < tile.rows; ++row)
    for (unsigned table = 0; table < i.tables; ++table) {
      const float *values = activations(i, row, table);
      const size_t first = (size_t(row) * machine.tablesPerTile + table) * machine.entries();
      for (unsigned entry = 0; entry < stored; ++entry) {
        // The top bit is clear: the negative of the entry that the definition spells out.
        const float value = -entryOf(values, ~entry & mask);
        if (i.opcode == Opcode::Quantize) {
          const float inverse = rows[i.src[1]][row];
          tile.ints[first + entry] =
              inverse == 0 ? 0 : int16_t(std::clamp(std::nearbyint(value * inverse), -q, q));
        } else if (isFloat(i.type)) {
          tile.f32[first + entry] = roundTo(value, i.type);
        } else {
          const int64_t whole = std::fabs(value) < 0x1p62f ? int64_t(value) : 0;
          tile.ints[first + entry] = i.type == ElementType::I8 ? int8_t(whole) : int16_t(whole);
        }
      }
      expandTable(tile, row, table, isFloat(i.type));
    }
}

/// Norms of rows: docs/spec/numerics.md, "Sums of floats". Squares of f32 are exact in f64.
void Core::normalize(const Instruction &i) {
  const size_t width = size_t(machine.tablesPerTile) * machine.arrayK;
  for (unsigned row = 0; row < machine.arrayM; ++row) {
    if (i.opcode == Opcode::Norm) {
      rows[i.dst][row] = float(1 / std::sqrt(squares[i.src[0]][row] / i.count + double(i.value)));
      continue;
    }
    const float *x = &acts[i.src[0]].values[row * width];
    if (i.opcode == Opcode::Squares || i.opcode == Opcode::SquaresMore) {
      double sum = i.opcode == Opcode::Squares ? 0.0 : squares[i.dst][row];
      for (unsigned element = 0; element < i.count; ++element)
        sum += double(x[element]) * x[element];
      squares[i.dst][row] = sum;
      continue;
    }
    float *y = &acts[i.dst].values[row * width];
    const float *factors = i.opcode == Opcode::MulActs ? &acts[i.src[1]].values[row * width] : nullptr;
    for (size_t element = 0; element < width; ++element)
      y[element] = x[element] * (factors ? factors[element] : rows[i.src[1]][row]);
  }
  if (i.opcode == Opcode::MulActs || i.opcode == Opcode::ScaleActs)
    acts[i.dst].rows = acts[i.src[0]].rows;
}

/// Everything that works on whole tiles, rows or columns.
void Core::vector(const Instruction &i) {
  const unsigned m = machine.arrayM, n = machine.arrayN;
  auto elementwise = [&](auto operation) {
    for (size_t element = 0; element < f32[i.dst].size(); ++element)
      f32[i.dst][element] = operation(f32[i.src[0]][element], f32[i.src[1]][element]);
  };
  auto apply = [&](float (*function)(float)) { llvm::transform(f32[i.src[0]], f32[i.dst].begin(), function); };
  switch (i.opcode) {
  case Opcode::SetCols: std::fill(cols[i.dst].begin(), cols[i.dst].end(), i.value); return;
  case Opcode::SetRows: std::fill(rows[i.dst].begin(), rows[i.dst].end(), i.value); return;
  case Opcode::Zero:
    if (i.type == ElementType::F32)
      std::fill(f32[i.dst].begin(), f32[i.dst].end(), i.value);
    else
      std::fill(i32[i.dst].begin(), i32[i.dst].end(), 0);
    return;
  case Opcode::Shift: {
    const float factor = float(1u << i.plane);
    for (size_t element = 0; element < f32[i.dst].size(); ++element)
      f32[i.dst][element] = std::fma(factor, f32[i.src[0]][element], f32[i.dst][element]);
    return;
  }
  case Opcode::Scale:
    for (unsigned row = 0; row < m; ++row) {
      const size_t first = size_t(row) * n;
      const float ts = rows[i.src[1]][row], asum = rows[i.src[2]][row];
      const float *alpha = cols[i.src[3]].data(), *zeta = cols[i.src[4]].data();
      if (i.type == ElementType::F32)
        scaleF32(&f32[i.dst][first], &f32[i.src[0]][first], ts, asum, alpha, zeta, n);
      else
        scaleI32(&f32[i.dst][first], &i32[i.src[0]][first], ts, asum, alpha, zeta, n);
    }
    return;
  case Opcode::FmaRows:
    for (unsigned row = 0; row < m; ++row) {
      const size_t first = size_t(row) * n;
      if (i.type == ElementType::F32)
        fmaRowF32(&f32[i.dst][first], &f32[i.src[0]][first], rows[i.src[1]][row], n);
      else
        fmaRowI32(&f32[i.dst][first], &i32[i.src[0]][first], rows[i.src[1]][row], n);
    }
    return;
  case Opcode::FmaCols:
    for (unsigned row = 0; row < m; ++row)
      fmaColumns(&f32[i.dst][size_t(row) * n], &f32[i.src[0]][size_t(row) * n], cols[i.src[1]].data(), n);
    return;
  case Opcode::FmaOuter:
    for (unsigned row = 0; row < m; ++row)
      fmaRowF32(&f32[i.dst][size_t(row) * n], cols[i.src[1]].data(), rows[i.src[0]][row], n);
    return;
  case Opcode::MulRows:
    for (unsigned row = 0; row < m; ++row)
      rows[i.dst][row] = rows[i.src[0]][row] * rows[i.src[1]][row];
    return;
  case Opcode::Spread:
    for (unsigned row = 0; row < m; ++row)
      std::copy(cols[i.src[0]].begin(), cols[i.src[0]].end(), f32[i.dst].begin() + size_t(row) * n);
    return;
  case Opcode::Exp: return apply(expOf);
  case Opcode::Erf: return apply(erfOf);
  case Opcode::Tanh: return apply(tanhOf);
  case Opcode::Add: return elementwise([](float a, float b) { return a + b; });
  case Opcode::Sub: return elementwise([](float a, float b) { return a - b; });
  case Opcode::Mul: return elementwise([](float a, float b) { return a * b; });
  case Opcode::Div: return elementwise([](float a, float b) { return a / b; });
  case Opcode::Max:
    return elementwise([](float a, float b) {
      return std::isnan(a) || std::isnan(b) ? a + b : a == b ? (std::signbit(a) ? b : a) : std::max(a, b);
    });
  case Opcode::Min:
    return elementwise([](float a, float b) {
      return std::isnan(a) || std::isnan(b) ? a + b : a == b ? (std::signbit(a) ? a : b) : std::min(a, b);
    });
  default: return;
  }
}
