//===- CheckFile.cpp - assembly text without an artifact ------------------===//
#include "Sim.h"

#include "lutra/Simulator/Simulator.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/WithColor.h"

using namespace llvm;
using namespace lutra;

static Expected<ltc::Program> readProgram(StringRef path) {
  auto buffer = MemoryBuffer::getFileOrSTDIN(path);
  if (!buffer)
    return createStringError("cannot read '" + path + "': " + buffer.getError().message());
  Expected<ltc::Program> program = ltc::readProgram((*buffer)->getBuffer(), path == "-" ? "<stdin>" : path);
  if (!program)
    return program.takeError();
  if (Error error = ltc::verify(*program, ltc::Machine()))
    return createStringError(path + ": " + toString(std::move(error)));
  return program;
}

Error lutra::checkFile(StringRef path) {
  Expected<ltc::Program> program = readProgram(path);
  if (!program)
    return program.takeError();
  program->print(outs(), /*addresses=*/true);
  return Error::success();
}

Error lutra::encodeFile(StringRef path, StringRef output) {
  Expected<ltc::Program> program = readProgram(path);
  if (!program)
    return program.takeError();
  std::error_code code;
  raw_fd_ostream os(output, code);
  if (code)
    return createStringError("cannot write '" + output + "': " + code.message());
  os << ltc::encode(*program);
  return Error::success();
}

/// Instructions in a trace: more than viewers show well.
static constexpr uint64_t kTraceLimit = 1000000;

Error lutra::traceFile(StringRef path, int64_t rows, StringRef output) {
  Expected<ltc::Program> program = readProgram(path);
  if (!program)
    return program.takeError();
  std::error_code code;
  raw_fd_ostream os(output, code);
  if (code)
    return createStringError("cannot write '" + output + "': " + code.message());
  if (ltc::writeTrace(os, *program, ltc::Machine(), rows, kTraceLimit))
    WithColor::warning(errs(), "lutra-sim") << "the trace ends after " << kTraceLimit << " instructions\n";
  return Error::success();
}

Error lutra::timeFile(StringRef path, int64_t rows) {
  Expected<ltc::Program> program = readProgram(path);
  if (!program)
    return program.takeError();
  ltc::printTimings(outs(), *program, ltc::Machine(), rows);
  return Error::success();
}
