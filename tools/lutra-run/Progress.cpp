//===- Progress.cpp - how far a long run is -------------------------------===//
#include "Progress.h"

#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace llvm;
using namespace lutra;

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Progress::Progress(bool always) : enabled(always || sys::Process::StandardErrIsDisplayed()), last(now()) {}

void Progress::clear() {
  if (shown)
    errs() << "\r\033[K";
  shown = false;
}

void Progress::show(const Twine &text) {
  if (!enabled || now() - last < 0.5)
    return;
  last = now();
  shown = true;
  errs() << "\r\033[K" << text;
}
