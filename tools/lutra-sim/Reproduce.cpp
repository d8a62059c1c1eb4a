//===- Reproduce.cpp - lutra-sim reproduce and explore --------------------===//
#include "Common.h"
#include "Figures.h"

#include "lutra/Simulator/Area.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using namespace lutra;

void Figures::add(StringRef figure, const Twine &entry, StringRef unit, double ours, std::optional<double> paper) {
  entries.push_back({figure.str(), entry.str(), unit.str(), ours, paper});
}

static json::Value toJson(const Figures &figures) {
  json::Array list;
  for (const Figure &figure : figures.all()) {
    json::Object object{
        {"figure", figure.figure}, {"entry", figure.entry}, {"unit", figure.unit}, {"ours", figure.ours}};
    object["paper"] = figure.paper ? json::Value(*figure.paper) : json::Value(nullptr);
    object["error"] = figure.paper ? json::Value(*figure.error()) : json::Value(nullptr);
    list.push_back(std::move(object));
  }
  return list;
}

/// Why the entries of a table that are far off are: printed below it.
static StringRef noteOf(StringRef figure) {
  if (figure == "Table 4")
    return "The paper's separate kernels are those of a GPU compiler, whose schedule it does not give; ours stream at "
           "full rate.";
  if (figure == "Fig. 11")
    return "The paper finds k = 5 slightly better than 4 for f16; here 4 is slightly better than 5.";
  if (figure == "Fig. 12")
    return "Here every lookup has an f16 adder of its own. The paper's unit has fewer gates for f16 than its array of "
           "table 1 has for f8, so\n  it must leave out a part of what the array has.";
  return "";
}

static void print(const Figures &figures) {
  std::string last;
  double sum = 0, worst = 0;
  unsigned count = 0, beyond = 0;
  auto close = [&] {
    if (count > 1)
      outs() << formatv("  mean absolute error {0:F1} %, largest {1:F1} %, {2} of {3} beyond 15 %\n", 100 * sum / count,
                        100 * worst, beyond, count);
    if (StringRef note = noteOf(last); !note.empty() && beyond)
      outs() << "  " << note << "\n";
    sum = worst = 0, count = beyond = 0;
  };
  // Stable: the entries of one table together, in the order of the tables.
  std::vector<StringRef> order;
  for (const Figure &figure : figures.all())
    if (!is_contained(order, figure.figure))
      order.push_back(figure.figure);
  for (StringRef name : order) {
    outs() << formatv("\n{0,-76} {1,12} {2,10} {3,8}\n", name, "ours", "paper", "error");
    last = name.str();
    for (const Figure &figure : figures.all()) {
      if (figure.figure != name)
        continue;
      outs() << formatv("  {0,-74} {1,12} {2,10} {3,8} {4}\n", figure.entry, formatv("{0:F3}", figure.ours).str(),
                        figure.paper ? formatv("{0:F3}", *figure.paper).str() : "-",
                        figure.paper ? formatv("{0:F1} %", 100 * *figure.error()).str() : "", figure.unit);
      if (!figure.paper)
        continue;
      const double error = std::abs(*figure.error());
      sum += error, ++count, worst = std::max(worst, error), beyond += error > 0.15;
    }
    close();
  }
}

int lutra::reproduceMain(int argc, char **argv) {
  cl::OptionCategory category{"lutra-sim reproduce options"};
  cl::opt<std::string> jsonFile{"json",
                                cl::desc("Write the numbers as a list of {figure, entry, unit, ours, paper, error}"),
                                cl::value_desc("file"), cl::cat(category)};
  cl::ParseCommandLineOptions(argc, argv, "lutra-sim reproduce: LUT Tensor Core's (ISCA 2025) numbers beside ours\n");
  Figures figures;
  if (Error error = addTimes(figures))
    return report(std::move(error));
  if (Error error = addAreas(figures))
    return report(std::move(error));
  print(figures);
  if (Error error = writeJson(jsonFile, toJson(figures)))
    return report(std::move(error));
  return 0;
}

int lutra::exploreMain(int argc, char **argv) {
  cl::OptionCategory category{"lutra-sim explore options"};
  cl::opt<unsigned> lookups{"mnk", cl::desc("M x N x K of the arrays (default 512)"), cl::init(512), cl::cat(category)};
  cl::opt<unsigned> bits{"weight-bits", cl::desc("Bits of a weight (default 1)"), cl::init(1), cl::cat(category)};
  cl::opt<std::string> activation{"activation", cl::desc("f16, f8 or i8 (default f16)"), cl::init("f16"),
                                  cl::cat(category)};
  cl::opt<unsigned> rows{"rows", cl::desc("Lines to print (default 12)"), cl::init(12), cl::cat(category)};
  cl::opt<std::string> jsonFile{"json", cl::desc("Write all shapes"), cl::value_desc("file"), cl::cat(category)};
  cl::ParseCommandLineOptions(argc, argv, "lutra-sim explore: area and power of the shapes of a LUT array\n");
  if (lookups == 0 || lookups > 1u << 20 || !isPowerOf2_32(lookups))
    return report(createStringError("--mnk=" + Twine(lookups) + ": expected a power of two up to 1048576"));
  if (bits == 0 || bits > 8)
    return report(createStringError("--weight-bits=" + Twine(bits) + ": expected 1 to 8"));
  ltc::LutArray base;
  base.weightBits = bits;
  if (activation == "f16")
    base.entryBits = 16, base.sum = ltc::kF16;
  else if (activation == "f8")
    base.entryBits = 8, base.sum = ltc::kF16;
  else if (activation != "i8")
    return report(createStringError("--activation=" + activation + ": expected f16, f8 or i8"));
  const double clock = 1.41;
  const std::vector<ltc::DesignPoint> points = ltc::explore(base, lookups, clock, ltc::UnitCosts());
  outs() << formatv("{0,-16} {1,12} {2,10} {3,12}  {4}\n", "shape", "um2", "mW", "TOPS/mm2", "pareto");
  json::Array list;
  for (auto [index, point] : enumerate(points)) {
    std::string shape = formatv("m{0}n{1}k{2}", point.array.m, point.array.n, point.array.k).str();
    if (index < rows)
      outs() << formatv("{0,-16} {1,12:F1} {2,10:F2} {3,12:F2}  {4}\n", shape, point.area, point.power,
                        point.density * 1e-12, point.pareto ? "*" : "");
    list.push_back(json::Object{{"shape", shape},
                                {"m", point.array.m},
                                {"n", point.array.n},
                                {"k", point.array.k},
                                {"area_um2", point.area},
                                {"power_mw", point.power},
                                {"density_tops_per_mm2", point.density * 1e-12},
                                {"pareto", point.pareto}});
  }
  if (Error error = writeJson(jsonFile, std::move(list)))
    return report(std::move(error));
  return 0;
}
