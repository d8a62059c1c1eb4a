//===- Validate.cpp - lutra-sim validate ----------------------------------===//
//
// Holds the tile model against layers measured on a GPU (benchmarks/gpu).
//
//===----------------------------------------------------------------------===//
#include "Common.h"
#include "Figures.h"

#include "lutra/Simulator/TileModel.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <map>

using namespace llvm;
using namespace lutra;

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
    const std::vector<ltc::TileKernel> kernels = ltc::eagerLayer(*model, step, *types);
    for (const ltc::TileKernel &kernel : kernels)
      if (Error error = ltc::checkRuns(kernel, *machine))
        return error;
    const double ours = ltc::predict(kernels, *machine).seconds;
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
