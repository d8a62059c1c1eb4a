//===- Progress.h - how far a long run is -----------------------*- C++ -*-===//
#ifndef LUTRA_TOOLS_LUTRA_RUN_PROGRESS_H
#define LUTRA_TOOLS_LUTRA_RUN_PROGRESS_H

#include "llvm/ADT/Twine.h"

namespace lutra {

/// A line on stderr that says how far a long run is, if stderr is a terminal or `always`; it comes twice a second at
/// most and is wiped at the end.
class Progress {
public:
  explicit Progress(bool always = false);
  ~Progress() { clear(); }
  void show(const llvm::Twine &text);
  /// Wipes the line, before other output.
  void clear();

private:
  bool enabled, shown = false;
  double last;
};

} // namespace lutra

#endif // LUTRA_TOOLS_LUTRA_RUN_PROGRESS_H
