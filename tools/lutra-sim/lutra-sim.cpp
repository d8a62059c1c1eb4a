//===- lutra-sim.cpp - runs and times programs of the LUT tensor core -----===//
//
// Exit codes: 0 done, 1 an error (one message on stderr).
//
//===----------------------------------------------------------------------===//
#include "../lutra-run/DeviceReport.h"
#include "../lutra-run/Run.h"
#include "Common.h"
#include "Figures.h"
#include "Sim.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace lutra;

namespace {
/// The flags. Made after LLVM's own are dropped, which have some of these names.
struct Flags {
  cl::OptionCategory category{"lutra-sim options"};
  cl::opt<std::string> path{cl::Positional, cl::Required, cl::desc("<artifact directory, or file.lmma>"),
                            cl::cat(category)};
  cl::list<std::string> input{"input", cl::desc("An input's array; once for each input"),
                              cl::value_desc("name=file.npy"), cl::cat(category)};
  cl::opt<std::string> outputDir{"output-dir", cl::desc("Write each output to <dir>/<name>.npy"), cl::value_desc("dir"),
                                 cl::cat(category)};
  cl::opt<int> threads{"threads", cl::desc("Threads of the host code (default: OpenMP's choice)"), cl::value_desc("n"),
                       cl::init(0), cl::cat(category)};
  cl::opt<bool> check{"check", cl::desc("Assemble and verify file.lmma, and print it with addresses"),
                      cl::cat(category)};
  cl::opt<int64_t> time{"time", cl::desc("Print the cycles of each kernel of file.lmma for a launch with n rows"),
                        cl::value_desc("n"), cl::init(0), cl::cat(category)};
  cl::opt<std::string> encode{"encode", cl::desc("Write file.lmma in the binary encoding"), cl::value_desc("file"),
                              cl::cat(category)};
  cl::opt<std::string> trace{"trace", cl::desc("With --time: write a timeline for chrome://tracing or Perfetto"),
                             cl::value_desc("file.json"), cl::cat(category)};
  cl::opt<std::string> machine{
      "machine", cl::desc("The machine: ltc-1, a chip with LUT arrays, or a .yaml file (default: the artifact's, or ltc-1)"),
      cl::value_desc("name"), cl::cat(category)};
  cl::opt<std::string> array{"array", cl::desc("Another array for file.lmma than the machine's, as m4n32k4"),
                             cl::value_desc("shape"), cl::cat(category)};
  cl::opt<bool> progress{"progress", cl::desc("Say on stderr how far a run is, on a terminal or not"), cl::cat(category)};
  cl::extrahelp examples{R"(
EXAMPLES:
  lutra-sim model.lutra --input input_ids=ids.npy --output-dir=out
  lutra-sim --check model.lutra/kernels.lmma
  lutra-sim --time=1 --trace=timeline.json model.lutra/kernels.lmma
  lutra-sim --time=512 --machine=a100-lut-4x model.lutra/kernels.lmma

COMMANDS, each with --help:
  lutra-sim reproduce   the paper's tables and figures beside ours
  lutra-sim explore     area and power of the shapes of a LUT array
  lutra-sim layer       the kernels of a layer of a known model on a whole chip
  lutra-sim compare     the two levels of detail beside each other
  lutra-sim validate    the tile model against layers measured on a GPU
)"};

  Expected<RunOptions> runOptions() const;
};
} // namespace

Expected<RunOptions> Flags::runOptions() const {
  RunOptions options;
  options.path = path;
  options.outputDir = outputDir;
  options.threads = threads;
  for (const std::string &flag : input) {
    auto [name, file] = StringRef(flag).rsplit('=');
    if (name.empty() || file.empty())
      return createStringError("--input=" + flag + ": expected name=file.npy");
    options.inputs.emplace_back(name.str(), file.str());
  }
  return options;
}

/// Runs the artifact, then prints what the kernels cost.
static Error runAndReport(const Flags &flags) {
  Expected<RunOptions> options = flags.runOptions();
  if (!options)
    return options.takeError();
  DeviceReport device(flags.machine, flags.progress);
  if (Error error = runArtifact(*options))
    return error;
  if (device.text().empty())
    return createStringError(
        "'" + flags.path +
        "' is not compiled for the LUT tensor core; compile it with --target=ltc, or run it with lutra-run");
  outs() << "\n" << device.text();
  return Error::success();
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::ResetCommandLineParser();
  // A first argument that names a command; a file of that name can be given as ./reproduce.
  using Command = int (*)(int, char **);
  const std::pair<StringRef, Command> commands[] = {
      {"reproduce", reproduceMain}, {"explore", exploreMain}, {"validate", validateMain}, {"layer", layerMain},
      {"compare", compareMain}};
  for (auto [name, command] : commands)
    if (argc > 1 && name == argv[1])
      return command(argc - 1, argv + 1);
  Flags flags;
  cl::ParseCommandLineOptions(argc, argv, "lutra-sim: runs and times programs of the LUT tensor core\n");
  const bool times = flags.time.getNumOccurrences() > 0;
  const ProgramFile file{flags.path, flags.machine, flags.array};
  Error error = !flags.encode.empty() ? encodeFile(file, flags.encode)
                : flags.check         ? checkFile(file)
                : times               ? timeFile(file, flags.time)
                                      : runAndReport(flags);
  if (!error && times && !flags.trace.empty())
    error = traceFile(file, flags.time, flags.trace);
  return report(std::move(error));
}
