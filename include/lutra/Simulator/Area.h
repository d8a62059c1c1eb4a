//===- Area.h - area and energy of the arrays from their components --*- C++ -*-===//
//
// docs/spec/tile-model.md, "Area": everything is counted in gate equivalents (a two-input NAND) of textbook circuits,
// with one cost for each kind of cell and one area for the gate.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SIMULATOR_AREA_H
#define LUTRA_SIMULATOR_AREA_H

#include <vector>

namespace lutra::ltc {

/// What cells cost, in gate equivalents, and what a gate costs.
struct UnitCosts {
  double fullAdder = 4.5, halfAdder = 2.5, exclusiveOr = 2.0, flipFlop = 4.5, andGate = 1.25;
  /// A two-way multiplexer as a part of a tree of four-way ones.
  double multiplexer = 1.5;
  /// A bit of a leading-zero counter or of special cases.
  double bitLogic = 1.5;
  /// A buffer on a broadcast wire, for each `fanout` loads.
  double buffer = 1.33, fanout = 8;
  /// Square micrometres of a gate, and femtojoules that a gate takes in a cycle on average.
  double gateArea = 0.39, gateEnergy = 0.39;
};

/// A floating-point format: bits of the significand with its hidden bit, and of the exponent.
struct FloatFormat {
  unsigned significand = 0, exponent = 0;
};
inline constexpr FloatFormat kF32{24, 8}, kF16{11, 5}, kF8{4, 4};

/// Gates of an adder of floats that aligns, adds, normalizes and rounds.
double floatAdder(FloatFormat format, const UnitCosts &costs);
/// Gates of a multiplier of floats with subnormal inputs; the product is exact.
double floatMultiplier(FloatFormat format, const UnitCosts &costs);
/// The same for two formats. An integer of b bits is a significand without an exponent, {b, 0}: it is normalized as a
/// subnormal input is.
double floatMultiplier(FloatFormat a, FloatFormat b, const UnitCosts &costs);

/// Gates for each multiply-add of a tensor core m x n x k.
struct TensorCore {
  unsigned m, n, k;
  double gatesPerMac;
};
TensorCore f16TensorCore(const UnitCosts &costs);
TensorCore i8TensorCore(const UnitCosts &costs);
TensorCore f8TensorCore(const UnitCosts &costs);

/// A LUT array (LUT Tensor Core, 4.2) and what is left out of one.
struct LutArray {
  unsigned m = 2, n = 64, k = 4;
  unsigned weightBits = 1;
  /// Bits of a table's entry.
  unsigned entryBits = 8;
  /// Sums are floats of this format; integers of 32 bits if its significand is 0.
  FloatFormat sum{};
  /// All 2^k entries are stored (no symmetrization).
  bool fullTable = false;
  /// The index is complemented in the unit (not offline).
  bool complementsIndex = false;
  /// The array makes its own tables from activations of `activationBits`.
  bool precomputes = false;
  unsigned activationBits = 8;
};

/// Gates of an array by component.
struct ArrayGates {
  double tables = 0, weights = 0, multiplexers = 0, negation = 0, index = 0, sums = 0, wires = 0, precompute = 0;
  double total() const { return tables + weights + multiplexers + negation + index + sums + wires + precompute; }
};
ArrayGates gatesOf(const LutArray &array, const UnitCosts &costs);
/// Gates of the 32-bit accumulators that an array of lookups adds to in each cycle. They stand in the core's register
/// file: part of an operation's energy, not of the array's area.
double accumulatorGates(const LutArray &array, const UnitCosts &costs);

/// A shape of the design space.
struct DesignPoint {
  LutArray array;
  /// Square micrometres, and milliwatts at a clock.
  double area = 0, power = 0;
  /// Operations a second for a square millimetre, at that clock and one weight bit.
  double density = 0;
  /// No shape has both less area and less power.
  bool pareto = false;
};

/// All shapes with m n k = `lookups` (powers of two, k at most 8) of the kind of `base`, by falling density.
std::vector<DesignPoint> explore(LutArray base, unsigned lookups, double clockGHz, const UnitCosts &costs);

} // namespace lutra::ltc

#endif // LUTRA_SIMULATOR_AREA_H
