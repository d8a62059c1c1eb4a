//===- Validate.cpp - lutra-sim validate and layer ------------------------===//
//
// Holds the tile model against layers measured on a GPU (benchmarks/gpu), and prints the kernels of one layer.
//
//===----------------------------------------------------------------------===//
#include "Figures.h"

#include "lutra/Simulator/TileModel.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <map>

using namespace llvm;
using namespace lutra;

static int report(Error error) {
  if (!error)
    return 0;
  outs().flush();
  handleAllErrors(std::move(error),
                  [](const ErrorInfoBase &info) { WithColor::error(errs(), "lutra-sim") << info.message() << "\n"; });
  return 1;
}

/// "fp16", "fp8", "int8", and "w1" to "w8" for lookups.
static Expected<ltc::ProductTypes> typesOf(StringRef precision) {
  if (precision == "fp16")
    return ltc::f16Product();
  if (precision == "fp8")
    return ltc::f8Product();
  if (precision == "int8")
    return ltc::i8Product();
  unsigned bits = 0;
  StringRef digits = precision;
  if (digits.consume_front("w") && !digits.getAsInteger(10, bits) && bits >= 1 && bits <= 8)
    return ltc::lookupProduct(bits);
  return createStringError("unknown precision '" + precision + "'; expected fp16, fp8, int8, or w1 to w8");
}

static Error checkUnit(const ltc::Accelerator &machine, const ltc::ProductTypes &types) {
  if (machine.unit(types.unit))
    return Error::success();
  return createStringError("the machine '" + machine.name + "' has no unit '" + types.unit + "'");
}

static Error validate(StringRef machineName, StringRef path) {
  Expected<ltc::Accelerator> machine = ltc::loadAccelerator(machineName);
  if (!machine)
    return machine.takeError();
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return createStringError("cannot read '" + path + "': " + buffer.getError().message());
  Expected<json::Value> value = json::parse((*buffer)->getBuffer());
  if (!value)
    return createStringError(path + ": " + toString(value.takeError()));
  const json::Object *root = value->getAsObject();
  const json::Array *layers = root ? root->getArray("layers") : nullptr;
  std::optional<int64_t> context = root ? root->getInteger("context") : std::nullopt;
  if (!layers || !context || layers->empty())
    return createStringError(path + ": expected an object with 'layers' and 'context', as measure_layers.py writes it");
  outs() << formatv("{0}: {1} against {2}\n{3,-12} {4,-5} {5,-8} {6,6} {7,7} {8,12} {9,12} {10,8}\n", machine->name,
                    path, root->getString("device").value_or("?"), "layer", "", "phase", "batch", "tokens",
                    "measured ms", "model ms", "error");
  std::map<std::string, std::pair<double, unsigned>> sums;
  for (const json::Value &entry : *layers) {
    const json::Object *point = entry.getAsObject();
    auto text = [&](StringRef key) { return point ? point->getString(key).value_or("") : ""; };
    auto number = [&](StringRef key) { return point ? point->getNumber(key).value_or(0) : 0; };
    Expected<ltc::ModelShape> model = ltc::modelShape(text("model"));
    if (!model)
      return model.takeError();
    Expected<ltc::ProductTypes> types = typesOf(text("precision"));
    if (!types)
      return types.takeError();
    if (Error error = checkUnit(*machine, *types))
      return error;
    const bool prefill = text("phase") == "prefill";
    const int64_t tokens = int64_t(number("tokens")), batch = int64_t(number("batch"));
    const double measured = number("seconds");
    if (tokens <= 0 || batch <= 0 || measured <= 0)
      return createStringError(path + ": expected 'tokens', 'batch' and 'seconds' above 0 in each layer");
    const ltc::Step step{prefill, batch, tokens, prefill ? tokens : *context};
    const double ours = ltc::predict(ltc::eagerLayer(*model, step, *types), *machine).seconds;
    const double error = ours / measured - 1;
    outs() << formatv("{0,-12} {1,-5} {2,-8} {3,6} {4,7} {5,12:F4} {6,12:F4} {7,8}\n", model->name, text("precision"),
                      text("phase"), batch, tokens, measured * 1e3, ours * 1e3, formatv("{0:F1} %", 100 * error).str());
    for (std::string key : {text("precision").str(), std::string("all")}) {
      sums[key].first += std::abs(error);
      ++sums[key].second;
    }
  }
  for (const auto &[name, sum] : sums)
    outs() << formatv("mean absolute error, {0}: {1:F2} % of {2} points\n", name, 100 * sum.first / sum.second,
                      sum.second);
  return Error::success();
}

int lutra::validateMain(int argc, char **argv) {
  cl::OptionCategory category{"lutra-sim validate options"};
  cl::opt<std::string> path{cl::Positional, cl::Required, cl::desc("<measurements.json>"), cl::cat(category)};
  cl::opt<std::string> machine{"machine", cl::desc("Name of a machine, or a .yaml file (default h100-sxm)"),
                               cl::init("h100-sxm"), cl::cat(category)};
  cl::ParseCommandLineOptions(argc, argv, "lutra-sim validate: the tile model against measured layers\n");
  return report(validate(machine, path));
}

int lutra::layerMain(int argc, char **argv) {
  cl::OptionCategory category{"lutra-sim layer options"};
  cl::opt<std::string> name{cl::Positional, cl::Required, cl::desc("<model>"), cl::cat(category)};
  cl::opt<std::string> machineName{"machine", cl::desc("Name of a machine, or a .yaml file (default a100-lut-4x)"),
                                   cl::init("a100-lut-4x"), cl::cat(category)};
  cl::opt<std::string> precision{"precision", cl::desc("fp16, fp8, int8, or w1 to w8 (default w2)"), cl::init("w2"),
                                 cl::cat(category)};
  cl::opt<int64_t> batch{"batch", cl::desc("Sequences (default 1)"), cl::init(1), cl::cat(category)};
  cl::opt<int64_t> prefill{"prefill", cl::desc("Tokens of a prompt; without it one step of decode"), cl::init(0),
                           cl::cat(category)};
  cl::opt<int64_t> context{"context", cl::desc("Tokens before a step of decode (default 2048)"), cl::init(2048),
                           cl::cat(category)};
  cl::ParseCommandLineOptions(argc, argv, "lutra-sim layer: the kernels of a layer, by the tile model\n");
  auto run = [&]() -> Error {
    Expected<ltc::Accelerator> machine = ltc::loadAccelerator(machineName);
    if (!machine)
      return machine.takeError();
    Expected<ltc::ModelShape> model = ltc::modelShape(name);
    if (!model)
      return model.takeError();
    Expected<ltc::ProductTypes> types = typesOf(precision);
    if (!types)
      return types.takeError();
    if (Error error = checkUnit(*machine, *types))
      return error;
    if (batch <= 0 || context <= 0 || prefill < 0)
      return createStringError("--batch and --context are above 0, --prefill is not negative");
    const ltc::Step step = prefill ? ltc::Step{true, batch, prefill, prefill} : ltc::Step{false, batch, 1, context};
    outs() << formatv("{0,-12} {1,12} {2,10} {3,12} {4,-9} {5}\n", "kernel", "us", "TOPS", "DRAM MB", "bound", "tile");
    for (const ltc::TileKernel &kernel : ltc::fusedLayer(*model, step, *types)) {
      const ltc::TileTime time = ltc::predict(kernel, *machine);
      outs() << formatv("{0,-12} {1,12:F2} {2,10:F1} {3,12:F2} {4,-9}", kernel.name, time.seconds * 1e6,
                        time.flops / time.seconds * 1e-12, time.dramBytes * 1e-6, time.bound);
      if (time.tileM)
        outs() << formatv(" {0} x {1}, {2} wave(s)", time.tileM, time.tileN, time.waves);
      outs() << "\n";
    }
    const ltc::TileTime layer = ltc::predict(ltc::fusedLayer(*model, step, *types), *machine);
    const ltc::TileTime all = ltc::predictModel(*model, step, *types, *machine);
    outs() << formatv("a layer {0:F2} us; {1} layers and the head {2:F3} ms\n", layer.seconds * 1e6, model->layers,
                      all.seconds * 1e3);
    return Error::success();
  };
  return report(run());
}
