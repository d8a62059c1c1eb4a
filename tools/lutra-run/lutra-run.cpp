//===- lutra-run.cpp - runs a compiled model on .npy arrays ---------------===//
//
// Exit codes: 0 done, 1 an error (one message on stderr).
//
//===----------------------------------------------------------------------===//
#include "DeviceReport.h"
#include "Run.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace lutra;

namespace {
/// The flags. Made after LLVM's own are dropped: some have the names that fit here best (`--threads`).
struct Flags {
  cl::OptionCategory category{"lutra-run options"};
  cl::opt<std::string> artifact{cl::Positional, cl::desc("<artifact directory>"), cl::cat(category)};
  cl::list<std::string> input{"input", cl::desc("An input's array; once for each input"),
                              cl::value_desc("name=file.npy"), cl::cat(category)};
  cl::opt<std::string> outputDir{"output-dir", cl::desc("Write each output to <dir>/<name>.npy"), cl::value_desc("dir"),
                                 cl::cat(category)};
  cl::opt<int> threads{"threads", cl::desc("Threads to use (default: OpenMP's choice)"), cl::value_desc("n"),
                       cl::init(0), cl::cat(category)};
  cl::opt<unsigned> repeat{"repeat", cl::desc("Run n times and print the times"), cl::value_desc("n"), cl::init(1),
                           cl::cat(category)};
  cl::opt<bool> describe{"describe", cl::desc("Print the inputs and outputs, and stop"), cl::cat(category)};
  cl::opt<bool> deviceReport{"device-report",
                             cl::desc("Print what each kernel of a modelled device cost (--target=ltc)"),
                             cl::cat(category)};
  cl::opt<std::string> deviceMachine{
      "device-machine", cl::desc("Run on another machine with the same array than the one compiled for"),
      cl::value_desc("name or file.yaml"), cl::cat(category)};
  cl::opt<bool> progress{"progress", cl::desc("Say on stderr how far a modelled device is, on a terminal or not"),
                         cl::cat(category)};
  cl::opt<bool> print{"print", cl::desc("Print the outputs' values"), cl::cat(category)};
  cl::opt<bool> skipHashes{"skip-hashes", cl::desc("Do not compare the files' hashes with the manifest's"),
                           cl::cat(category)};
  cl::opt<bool> verify{"verify", cl::desc("Compare every byte of the files with the manifest's hashes, and stop"),
                       cl::cat(category)};
  cl::opt<std::string> interpret{"interpret", cl::desc("Interpret a function at phase 'lowbit', 'tables' or 'lut' instead"),
                                 cl::value_desc("file.mlir"), cl::cat(category)};
  cl::opt<std::string> function{"function", cl::desc("The function to interpret (default: main)"),
                                cl::value_desc("name"), cl::init("main"), cl::cat(category)};
  cl::opt<lowbit::TableElement> table{
      "table", cl::desc("The tables that an interpreted lowbit.matmul means when it names no kind:"),
      cl::values(clEnumValN(lowbit::TableElement::I8, "i8", "quantized (default)"),
                 clEnumValN(lowbit::TableElement::I16, "i16", "quantized to 16 bits"),
                 clEnumValN(lowbit::TableElement::F16, "f16", "rounded to half precision"),
                 clEnumValN(lowbit::TableElement::F32, "f32", "exact")),
      cl::init(lowbit::TableElement::I8), cl::cat(category)};
  cl::opt<lowbit::TableScale> tableScale{
      "table-scale", cl::desc("What shares a scale of those tables, if they are quantized:"),
      cl::values(clEnumValN(lowbit::TableScale::Group, "group", "the entries of a row's group (default)"),
                 clEnumValN(lowbit::TableScale::Table, "table", "the entries of a table"),
                 clEnumValN(lowbit::TableScale::Row, "row", "the entries of a row")),
      cl::init(lowbit::TableScale::Group), cl::cat(category)};
  cl::extrahelp examples{R"(
EXAMPLES:
  lutra-run model.lutra --input input_ids=ids.npy --output-dir=out --threads=2
  lutra-run --interpret model.lowbit.mlir --input input_ids=ids.npy --output-dir=reference
)"};

  Expected<RunOptions> check() const;
};
} // namespace

Expected<RunOptions> Flags::check() const {
  RunOptions options;
  if (artifact.empty() == interpret.empty())
    return createStringError("give an artifact directory, or --interpret=file.mlir (see --help)");
  options.path = interpret.empty() ? artifact : interpret;
  for (const std::string &flag : input) {
    auto [name, file] = StringRef(flag).rsplit('=');
    if (name.empty() || file.empty())
      return createStringError("--input=" + flag + ": expected name=file.npy");
    options.inputs.emplace_back(name.str(), file.str());
  }
  if (repeat == 0)
    return createStringError("--repeat must be at least 1");
  options.outputDir = outputDir;
  options.threads = threads;
  options.repeat = repeat;
  options.skipHashes = skipHashes;
  options.verify = verify;
  if (verify && (skipHashes || !interpret.empty()))
    return createStringError("--verify checks the files of an artifact: it does not go with --skip-hashes or --interpret");
  options.describe = describe;
  options.print = print;
  options.function = function;
  options.tables = {table, tableScale};
  if (!lowbit::isQuantized(table) && tableScale != lowbit::TableScale::Group)
    return createStringError("--table-scale is for quantized tables: take --table=i8 or --table=i16");
  return options;
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::ResetCommandLineParser();
  Flags flags;
  cl::ParseCommandLineOptions(argc, argv, "lutra-run: runs a model compiled by lutrac on .npy arrays\n");
  DeviceReport device(flags.deviceMachine, flags.progress);
  Expected<RunOptions> options = flags.check();
  Error error = !options                  ? options.takeError()
                : flags.interpret.empty() ? runArtifact(*options)
                                          : interpretFile(*options);
  if (!error && flags.deviceReport && device.text().empty())
    error = createStringError("--device-report: '" + options->path +
                              "' uses no modelled device; compile it with --target=ltc");
  if (!error) {
    if (flags.deviceReport)
      outs() << "\n" << device.text();
    return 0;
  }
  outs().flush();
  handleAllErrors(std::move(error),
                  [](const ErrorInfoBase &info) { WithColor::error(errs(), "lutra-run") << info.message() << "\n"; });
  return 1;
}
