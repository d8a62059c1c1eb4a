//===- Areas.cpp - the paper's areas and shapes, by the area model --------===//
#include "Figures.h"

#include "lutra/Simulator/Area.h"
#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace lutra;
using namespace lutra::ltc;
using llvm::Error;

/// The paper's clock.
static constexpr double kClockGHz = 1.41;

static void addTable1(Figures &figures, const UnitCosts &costs) {
  struct Row {
    const char *name;
    double gatesPerCore, teraPeak, area, density;
  };
  const double lut8 = gatesOf({2, 64, 4, 2, 8}, costs).total(), lutF8 = gatesOf({2, 64, 4, 2, 8, kF16}, costs).total();
  const Row rows[] = {
      {"A100 FP16 TC", 1024 * f16TensorCore(costs).gatesPerMac, 312, 0.975, 2.96},
      {"A100 INT8 TC", 2048 * i8TensorCore(costs).gatesPerMac, 624, 0.312, 17.73},
      {"A100-LUT-4X W2A8", 16 * lut8, 1248, 0.187, 61.84},
      {"A100-LUT-8X W2A8", 32 * lut8, 2496, 0.373, 61.95},
      {"H100 FP8 TC", 4096 * f8TensorCore(costs).gatesPerMac, 1525, 0.918, 12.59},
      {"H100-LUT-4X W2 AFP8", 16 * lutF8, 1525, 0.488, 23.69},
      {"H100-LUT-8X W2 AFP8", 32 * lutF8, 3049, 0.909, 25.40},
  };
  for (const Row &row : rows) {
    const double area = row.gatesPerCore * costs.gateArea * 1e-6;
    const unsigned cores = llvm::StringRef(row.name).starts_with("A100") ? 108 : 132;
    figures.add("Table 1", llvm::Twine(row.name) + ", area of a core's tensor cores", "mm2", area, row.area);
    figures.add("Table 1", llvm::Twine(row.name) + ", density", "TOPS/mm2", row.teraPeak / (area * cores), row.density);
  }
  // Energy of an operation, from the gates that switch for it, accumulators included: one of 32 bits for 8 products of
  // the f16 core, one for each lookup of 4. Two cycles for two bits.
  const double f16 = f16TensorCore(costs).gatesPerMac;
  const double lookup = 2 * (lut8 + accumulatorGates({2, 64, 4, 2, 8}, costs)) / 512;
  figures.add("Table 1", "A100-LUT W2A8, energy efficiency over the FP16 TC", "x", f16 / lookup, 11.2);
}

static void addTable2(Figures &figures, const UnitCosts &costs) {
  struct Row {
    const char *name;
    LutArray array;
    double area, density, power;
  };
  LutArray array{2, 64, 4, 2, 8};
  LutArray split = array;
  array.precomputes = true;
  LutArray offline = array;
  array.complementsIndex = true;
  LutArray half = array;
  array.complementsIndex = false, array.fullTable = true;
  const Row rows[] = {{"UNPU, shape searched", array, 17271.71, 1.000, 23.39},
                      {"+ weight reinterpretation", half, 13116.60, 1.317, 17.98},
                      {"+ negation circuit removed", offline, 12780.05, 1.351, 17.37},
                      {"+ precompute split out and fused", split, 11991.29, 1.440, 16.22}};
  const double base = gatesOf(array, costs).total();
  for (const Row &row : rows) {
    const double gates = gatesOf(row.array, costs).total();
    figures.add("Table 2", llvm::Twine(row.name) + ", area", "um2", gates * costs.gateArea, row.area);
    figures.add("Table 2", llvm::Twine(row.name) + ", density", "x", base / gates, row.density);
    figures.add("Table 2", llvm::Twine(row.name) + ", power", "mW", gates * costs.gateEnergy * kClockGHz * 1e-3,
                row.power);
  }
}

/// The k with the least area for each product of a unit that stands alone: its output has a register.
static unsigned bestK(LutArray base, const UnitCosts &costs) {
  unsigned best = 0;
  double least = 0;
  for (unsigned k = 2; k <= 7; ++k) {
    base.k = k;
    const ArrayGates gates = gatesOf(base, costs);
    const double lookups = double(base.m) * base.n, output = lookups * 32 * costs.flipFlop;
    const double each = (gates.total() + output) / (lookups * k);
    if (best == 0 || each < least)
      best = k, least = each;
  }
  return best;
}

static void addFigures(Figures &figures, const UnitCosts &costs) {
  figures.add("Fig. 11", "best k, tables of i8", "", bestK({2, 64, 4, 1, 8}, costs), 4);
  figures.add("Fig. 11", "best k, tables of f16", "", bestK({2, 64, 4, 1, 16, kF16}, costs), 5);

  const double lookup = gatesOf({2, 64, 4, 1, 16, kF16}, costs).total() / 512, mac = f16TensorCore(costs).gatesPerMac;
  auto density = [&](double gates) { return 2 * kClockGHz * 1e9 / (gates * costs.gateArea) * 1e-6; };
  figures.add("Fig. 12", "LUT W1A16", "TFLOPS/mm2", density(lookup), 61.55);
  figures.add("Fig. 12", "MAC W16A16", "TFLOPS/mm2", density(mac), 3.39);
  figures.add("Fig. 12", "LUT over MAC", "x", mac / lookup, 61.55 / 3.39);

  // A unit of 4 products: lookups once for each bit; a multiplier of b x 11 bits and an adder for each product; or an
  // adder for each product and bit. Planes beyond the first are added to exponents.
  const double single = gatesOf({2, 64, 4, 1, 16, kF16}, costs).total() / 128;
  unsigned widest = 0;
  for (unsigned bits = 1; bits <= 16; ++bits) {
    const double plane = bits > 1 ? kF16.exponent * costs.halfAdder : 0, table = single + plane;
    const double macs = 4 * (floatMultiplier(kF16, {bits, 0}, costs) + floatAdder(kF16, costs));
    const double adders = 4.0 * bits * (floatAdder(kF16, costs) + costs.exclusiveOr + plane);
    if (bits * table >= std::min(macs, adders))
      break;
    widest = bits;
  }
  figures.add("Fig. 13", "bits up to which LUT beats MAC and ADD, A16", "bits", widest, 6);

  LutArray kind{2, 64, 4, 1, 16, kF16};
  const DesignPoint best = explore(kind, 512, kClockGHz, costs).front();
  figures.add("Fig. 14", "best shape W1A16, M", "", best.array.m, 2);
  figures.add("Fig. 14", "best shape W1A16, N", "", best.array.n, 64);
  figures.add("Fig. 14", "best shape W1A16, K", "", best.array.k, 4);
}

Error lutra::addAreas(Figures &figures) {
  const UnitCosts costs;
  addTable1(figures, costs);
  addTable2(figures, costs);
  addFigures(figures, costs);
  return Error::success();
}
