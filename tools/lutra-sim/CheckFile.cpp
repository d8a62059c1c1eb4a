//===- CheckFile.cpp - assembly text without an artifact ------------------===//
#include "Sim.h"

#include "lutra/Simulator/Simulator.h"
#include "lutra/Support/WriteFile.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/WithColor.h"

using namespace llvm;
using namespace lutra;

/// A verified program and its machine.
struct Loaded {
  ltc::Program program;
  ltc::Machine machine;
};

static Expected<Loaded> load(const ProgramFile &file) {
  Expected<ltc::Machine> machine = ltc::loadMachine(file.machine.empty() ? ltc::Machine().name : file.machine, file.array);
  if (!machine)
    return machine.takeError();
  StringRef path = file.path;
  auto buffer = MemoryBuffer::getFileOrSTDIN(path);
  if (!buffer)
    return createStringError("cannot read '" + path + "': " + buffer.getError().message());
  Expected<ltc::Program> program = ltc::readProgram((*buffer)->getBuffer(), path == "-" ? "<stdin>" : path);
  if (!program)
    return program.takeError();
  if (Error error = ltc::verify(*program, *machine))
    return createStringError(path + ": " + toString(std::move(error)));
  return Loaded{std::move(*program), std::move(*machine)};
}

Error lutra::checkFile(const ProgramFile &file) {
  Expected<Loaded> loaded = load(file);
  if (!loaded)
    return loaded.takeError();
  loaded->program.print(outs(), /*addresses=*/true);
  return Error::success();
}

Error lutra::encodeFile(const ProgramFile &file, StringRef output) {
  Expected<Loaded> loaded = load(file);
  if (!loaded)
    return loaded.takeError();
  return writeFile(output, [&](raw_ostream &os) {
    os << ltc::encode(loaded->program);
    return Error::success();
  });
}

/// Instructions in a trace: more than viewers show well.
static constexpr uint64_t kTraceLimit = 1000000;

Error lutra::traceFile(const ProgramFile &file, int64_t rows, StringRef output) {
  Expected<Loaded> loaded = load(file);
  if (!loaded)
    return loaded.takeError();
  return writeFile(output, [&](raw_ostream &os) {
    if (ltc::writeTrace(os, loaded->program, loaded->machine, rows, kTraceLimit))
      WithColor::warning(errs(), "lutra-sim") << "the trace ends after " << kTraceLimit << " instructions\n";
    return Error::success();
  });
}

Error lutra::timeFile(const ProgramFile &file, int64_t rows) {
  Expected<Loaded> loaded = load(file);
  if (!loaded)
    return loaded.takeError();
  ltc::printTimings(outs(), loaded->program, loaded->machine, rows);
  return Error::success();
}
