//===- CheckFile.cpp - assembly text without an artifact ------------------===//
#include "Sim.h"

#include "lutra/Simulator/Simulator.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;
using namespace lutra;

static Expected<ltc::Program> readProgram(StringRef path) {
  auto buffer = MemoryBuffer::getFileOrSTDIN(path, /*IsText=*/true);
  if (!buffer)
    return createStringError("cannot read '" + path + "': " + buffer.getError().message());
  Expected<ltc::Program> program = ltc::assemble((*buffer)->getBuffer(), path == "-" ? "<stdin>" : path);
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

Error lutra::timeFile(StringRef path, int64_t rows) {
  Expected<ltc::Program> program = readProgram(path);
  if (!program)
    return program.takeError();
  ltc::printTimings(outs(), *program, ltc::Machine(), rows);
  return Error::success();
}
