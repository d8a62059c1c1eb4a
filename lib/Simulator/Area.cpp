//===- Area.cpp - gates of multipliers, adders and LUT arrays -------------===//
//
// The formulas of docs/spec/tile-model.md, "Area".
//
//===----------------------------------------------------------------------===//
#include "lutra/Simulator/Area.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace lutra::ltc;

/// Levels of a shifter, or of a tree, over `width` bits.
static double levels(double width) { return std::ceil(std::log2(width)); }

double lutra::ltc::floatAdder(FloatFormat format, const UnitCosts &costs) {
  const double s = format.significand, e = format.exponent;
  // Guard, round and sticky bits.
  const double width = s + 3, shifter = width * levels(width) * costs.multiplexer;
  const double exponents = 3 * e * costs.fullAdder;
  const double swap = 2 * (s + e) * costs.multiplexer;
  const double sum = width * (costs.fullAdder + costs.exclusiveOr);
  const double leadingZeros = width * costs.bitLogic, rounding = s * costs.halfAdder;
  return exponents + swap + 2 * shifter + sum + leadingZeros + rounding;
}

double lutra::ltc::floatMultiplier(FloatFormat a, FloatFormat b, const UnitCosts &costs) {
  const double sa = a.significand, sb = b.significand;
  const double product = sa * sb * (costs.andGate + costs.fullAdder);
  const double normalize = (sa + sb) * costs.multiplexer;
  // Subnormal inputs are normalized first.
  auto input = [&](double s) { return s * levels(s) * costs.multiplexer + s * costs.bitLogic; };
  return product + normalize + input(sa) + input(sb) + 2 * std::max(a.exponent, b.exponent) * costs.fullAdder;
}

double lutra::ltc::floatMultiplier(FloatFormat format, const UnitCosts &costs) {
  return floatMultiplier(format, format, costs);
}

/// Registers of the operands of an m x n x k core, for each multiply-add.
static double operandRegisters(double bits, double m, double n, double k, const UnitCosts &costs) {
  return bits * (m * k + n * k) / (m * n * k) * costs.flipFlop;
}

TensorCore lutra::ltc::f16TensorCore(const UnitCosts &costs) {
  // The path through a multiplier of 11 bits and an adder of 24 is longer than a cycle: one register cuts it, and holds
  // the product (22 + 7 + 1 bits) and the other addend (33).
  const double cut = (30 + 33) * costs.flipFlop;
  const double gates = floatMultiplier(kF16, costs) + floatAdder(kF32, costs) + cut +
                       operandRegisters(16, 8, 4, 8, costs) + 32.0 / 8 * costs.flipFlop;
  return {8, 4, 8, gates};
}

TensorCore lutra::ltc::f8TensorCore(const UnitCosts &costs) {
  const double gates = floatMultiplier(kF8, costs) + floatAdder(kF16, costs) + operandRegisters(8, 8, 4, 16, costs) +
                       32.0 / 16 * costs.flipFlop;
  return {8, 4, 16, gates};
}

TensorCore lutra::ltc::i8TensorCore(const UnitCosts &costs) {
  // A sum of 16 products stays in carry-save form until its end: every full adder takes one bit away.
  const double bits = 16 * 64, width = 2 * 8 + 4;
  const double dot =
      bits * costs.andGate + (bits - 2 * width + width) * costs.fullAdder + 32 * (costs.fullAdder + costs.flipFlop);
  return {8, 4, 16, dot / 16 + operandRegisters(8, 8, 4, 16, costs)};
}

ArrayGates lutra::ltc::gatesOf(const LutArray &array, const UnitCosts &costs) {
  const double m = array.m, n = array.n, k = array.k, bits = array.entryBits, planes = array.weightBits;
  const double entries = std::exp2(array.fullTable ? k : k - 1), lookups = m * n;
  ArrayGates gates;
  gates.tables = m * entries * bits * costs.flipFlop;
  gates.weights = k * n * planes * costs.flipFlop;
  gates.multiplexers = lookups * (entries - 1) * bits * costs.multiplexer;
  if (!array.fullTable)
    // An integer is complemented; a float has a bit for its sign.
    gates.negation = lookups * (array.sum.significand != 0 ? 1 : bits) * costs.exclusiveOr;
  if (array.complementsIndex)
    gates.index = lookups * (k - 1) * costs.exclusiveOr;
  if (array.sum.significand != 0) {
    gates.sums = lookups * floatAdder(array.sum, costs);
    // The plane is added to the exponent.
    if (array.weightBits > 1)
      gates.sums += lookups * array.sum.exponent * costs.halfAdder;
  } else {
    const double low = bits + planes;
    gates.sums = lookups * (low * costs.fullAdder + (32 - low) * costs.halfAdder);
    if (array.weightBits > 1)
      gates.sums += lookups * low * costs.multiplexer;
  }
  // Each bit of a table drives n multiplexers, each bit of a weight m.
  gates.wires = (m * entries * bits * n + k * n * planes * m) / costs.fanout * costs.buffer;
  if (array.precomputes)
    gates.precompute =
        m * ((entries + 4) * (array.activationBits + 2) * costs.fullAdder + k * array.activationBits * costs.flipFlop);
  return gates;
}

double lutra::ltc::accumulatorGates(const LutArray &array, const UnitCosts &costs) {
  return double(array.m) * array.n * 32 * costs.flipFlop;
}

std::vector<DesignPoint> lutra::ltc::explore(LutArray base, unsigned lookups, double clockGHz, const UnitCosts &costs) {
  std::vector<DesignPoint> points;
  for (unsigned k = 1; k <= 8; ++k)
    for (unsigned m = 1; m <= lookups; m *= 2) {
      if (lookups % (m * k) != 0)
        continue;
      base.m = m, base.n = lookups / (m * k), base.k = k;
      const ArrayGates gates = gatesOf(base, costs);
      DesignPoint point;
      point.array = base;
      point.area = gates.total() * costs.gateArea;
      // Registers of tables are written once and read for all columns: they switch with their load, not each cycle.
      point.power = (gates.total() - gates.tables) * costs.gateEnergy * clockGHz * 1e-3;
      point.density = 2.0 * lookups * clockGHz * 1e9 / point.area * 1e6;
      points.push_back(point);
    }
  for (DesignPoint &point : points)
    point.pareto = llvm::none_of(points, [&](const DesignPoint &other) {
      return (other.area < point.area && other.power <= point.power) ||
             (other.area <= point.area && other.power < point.power);
    });
  llvm::stable_sort(points, [](const DesignPoint &a, const DesignPoint &b) { return a.density > b.density; });
  return points;
}
