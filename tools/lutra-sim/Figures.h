//===- Figures.h - the paper's numbers beside ours --------------*- C++ -*-===//
#ifndef LUTRA_TOOLS_LUTRA_SIM_FIGURES_H
#define LUTRA_TOOLS_LUTRA_SIM_FIGURES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace lutra {

/// One number: ours, and the paper's if it prints one.
struct Figure {
  std::string figure, entry, unit;
  double ours = 0;
  std::optional<double> paper;

  /// (ours - paper) / paper.
  std::optional<double> error() const { return paper ? std::optional<double>((ours - *paper) / *paper) : std::nullopt; }
};

/// Collects the numbers of tables and figures.
class Figures {
public:
  void add(llvm::StringRef figure, const llvm::Twine &entry, llvm::StringRef unit, double ours,
           std::optional<double> paper = std::nullopt);
  const std::vector<Figure> &all() const { return entries; }

private:
  std::vector<Figure> entries;
};

/// Tables 1 and 4, figures 15, 17 and 19: time on whole chips.
llvm::Error addTimes(Figures &figures);
/// Table 1's areas, table 2, figures 11 to 14: area and energy.
llvm::Error addAreas(Figures &figures);

/// The commands. Each takes its own arguments, the command's name first, and returns the exit code.
int reproduceMain(int argc, char **argv);
int exploreMain(int argc, char **argv);
int validateMain(int argc, char **argv);
int layerMain(int argc, char **argv);
int compareMain(int argc, char **argv);

} // namespace lutra

#endif // LUTRA_TOOLS_LUTRA_SIM_FIGURES_H
