//===- Layer.cpp - lutra-sim layer and compare ----------------------------===//
//
// The kernels of a layer on a chip, at either level; and both levels beside each other.
//
//===----------------------------------------------------------------------===//
#include "Common.h"
#include "Figures.h"

#include "lutra/Simulator/KernelModel.h"
#include "lutra/Support/WriteFile.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using namespace lutra;

static std::string describe(const ltc::TileTime &time) {
  if (time.waves == 0)
    return "";
  const ltc::Schedule &s = time.schedule;
  return formatv("{0} x {1} x {2}, {3} stages, {4} wave(s)", s.m, s.n, s.k, s.stages, time.waves).str();
}

static Error printTiles(const LayerFlags::Layer &layer) {
  outs() << formatv("{0,-12} {1,12} {2,10} {3,12} {4,-9} {5}\n", "kernel", "us", "TOPS", "DRAM MB", "bound", "tile");
  for (const ltc::TileKernel &kernel : layer.kernels) {
    const ltc::TileTime time = ltc::predict(kernel, layer.machine);
    outs() << formatv("{0,-12} {1,12:F2} {2,10:F1} {3,12:F2} {4,-9} {5}\n", kernel.name, time.seconds * 1e6,
                      time.flops / time.seconds * 1e-12, time.dramBytes * 1e-6, time.bound, describe(time));
  }
  const ltc::TileTime one = ltc::predict(layer.kernels, layer.machine);
  const ltc::TileTime all = ltc::predictModel(layer.model, layer.step, layer.types, layer.machine);
  outs() << formatv("a layer {0:F2} us; {1} layers and the head {2:F3} ms\n", one.seconds * 1e6, layer.model.layers,
                    all.seconds * 1e3);
  return Error::success();
}

static Error printEvents(const LayerFlags::Layer &layer, bool always) {
  outs() << formatv("{0,-12} {1,12} {2,10} {3,12} {4,9} {5,9} {6,9} {7,9} {8,9} {9,10}\n", "kernel", "us", "TOPS",
                    "DRAM MB", "matrix %", "shared %", "L2 %", "DRAM %", "blocks", "events");
  double seconds = 0;
  Progress progress(always);
  for (const ltc::TileKernel &kernel : layer.kernels) {
    Expected<ltc::KernelTime> time = ltc::simulateKernel(kernel, layer.machine, {}, [&](double share) {
      progress.show(formatv("{0}: {1:F0} % of its blocks", kernel.name, 100 * share).str());
    });
    if (!time)
      return time.takeError();
    const double flops = ltc::predict(kernel, layer.machine).flops;
    outs() << formatv("{0,-12} {1,12:F2} {2,10:F1} {3,12:F2} {4,9:F1} {5,9:F1} {6,9:F1} {7,9:F1} {8,9} {9,10}\n",
                      kernel.name, time->seconds * 1e6, flops / time->seconds * 1e-12, time->dramBytes * 1e-6,
                      100 * time->matrixBusy, 100 * time->sharedBusy, 100 * time->l2Busy, 100 * time->dramBusy,
                      time->blocks, time->events);
    seconds += time->seconds;
  }
  outs() << formatv("a layer {0:F2} us\n", seconds * 1e6);
  return Error::success();
}

static Error writeTrace(const LayerFlags::Layer &layer, bool events, unsigned cores, StringRef path) {
  return writeFile(
      path, [&](raw_ostream &os) { return ltc::writeChipTrace(os, layer.kernels, layer.machine, events, cores); });
}

int lutra::layerMain(int argc, char **argv) {
  cl::OptionCategory category{"lutra-sim layer options"};
  cl::opt<std::string> name{cl::Positional, cl::Required, cl::desc("<model>"), cl::cat(category)};
  LayerFlags flags(category);
  cl::opt<std::string> level{"level", cl::desc("tile: rooflines; kernel: every copy, read and product (default tile)"),
                             cl::init("tile"), cl::cat(category)};
  cl::opt<std::string> trace{"trace", cl::desc("Write a timeline for chrome://tracing or Perfetto"),
                             cl::value_desc("file.json"), cl::cat(category)};
  cl::opt<unsigned> traceCores{"trace-cores", cl::desc("Cores in a timeline of the kernel level (default 2)"),
                               cl::init(2), cl::cat(category)};
  cl::opt<bool> progress{"progress", cl::desc("Say how far it is on stderr, even if that is no terminal"),
                         cl::cat(category)};
  cl::ParseCommandLineOptions(argc, argv, "lutra-sim layer: the kernels of a layer on a whole chip\n");
  auto run = [&]() -> Error {
    if (level != "tile" && level != "kernel")
      return createStringError("unknown level '" + level + "'; expected tile or kernel");
    Expected<LayerFlags::Layer> layer = flags.read(name);
    if (!layer)
      return layer.takeError();
    const bool events = level == "kernel";
    if (Error error = events ? printEvents(*layer, progress) : printTiles(*layer))
      return error;
    return trace.empty() ? Error::success() : writeTrace(*layer, events, traceCores, trace);
  };
  return report(run());
}

namespace {
/// What compare runs when it is not given a model.
struct Case {
  const char *model, *machine, *precision;
  ltc::Step step;
};
const Case kCases[] = {
    {"bitnet-3b", "a100", "fp16", {true, 1, 2048, 2048}},
    {"bitnet-3b", "a100", "int8", {false, 1024, 1, 1}},
    {"bitnet-3b", "a100-lut-4x", "w2", {true, 1, 2048, 2048}},
    {"bitnet-3b", "a100-lut-8x", "w2", {false, 1024, 1, 1}},
    {"bitnet-3b", "h100", "fp8", {true, 1, 2048, 2048}},
    {"bitnet-3b", "h100-lut-4x", "w2", {true, 1, 512, 512}},
    {"bitnet-3b", "h100-lut-8x", "w2", {false, 1024, 1, 1}},
    {"llama2-7b", "a100-lut-1x", "w4", {false, 64, 1, 2048}},
    {"llama2-7b", "a100-lut-2x", "w1", {true, 1, 1024, 1024}},
    {"llama2-13b", "edge", "w2", {false, 1, 1, 2048}},
    {"llama2-7b", "edge", "w4", {true, 1, 64, 64}},
    {"llama2-70b", "a100-lut-4x", "w2", {false, 16, 1, 2048}},
    {"llama2-70b", "a100-lut-8x", "w1", {true, 1, 2048, 2048}},
};

/// Sums over what was compared.
struct Agreement {
  double sum = 0, worst = 0;
  unsigned count = 0, beyond = 0;
};
} // namespace

static Error compareLayer(const LayerFlags::Layer &layer, double limit, Progress &progress, Agreement &agreement,
                          json::Array &list) {
  for (const ltc::TileKernel &kernel : layer.kernels) {
    Expected<ltc::KernelTime> events = ltc::simulateKernel(kernel, layer.machine, {}, [&](double share) {
      progress.show(
          formatv("{0} on {1}, {2}: {3:F0} %", layer.model.name, layer.machine.name, kernel.name, 100 * share).str());
    });
    if (!events)
      return events.takeError();
    const ltc::TileTime tile = ltc::predict(kernel, layer.machine);
    const double error = tile.seconds / events->seconds - 1;
    outs() << formatv("{0,-11} {1,-12} {2,-10} {3,12:F2} {4,12:F2} {5,8} {6,-9} {7}\n", layer.model.name,
                      layer.machine.name, kernel.name, tile.seconds * 1e6, events->seconds * 1e6,
                      formatv("{0:F2} %", 100 * error).str(), tile.bound, describe(tile));
    agreement.sum += std::abs(error);
    agreement.worst = std::max(agreement.worst, std::abs(error));
    ++agreement.count;
    agreement.beyond += std::abs(error) * 100 > limit;
    list.push_back(json::Object{{"model", layer.model.name},
                                {"machine", layer.machine.name},
                                {"kernel", kernel.name},
                                {"tile_us", tile.seconds * 1e6},
                                {"kernel_us", events->seconds * 1e6},
                                {"error", error}});
  }
  return Error::success();
}

int lutra::compareMain(int argc, char **argv) {
  cl::OptionCategory category{"lutra-sim compare options"};
  cl::opt<std::string> name{cl::Positional, cl::desc("[model]"), cl::cat(category)};
  LayerFlags flags(category);
  cl::opt<double> limit{"limit", cl::desc("Largest difference of a kernel, in percent (default 5)"), cl::init(5),
                        cl::cat(category)};
  cl::opt<std::string> jsonFile{"json", cl::desc("Write a list of {model, machine, kernel, tile_us, kernel_us, error}"),
                                cl::value_desc("file"), cl::cat(category)};
  cl::opt<bool> always{"progress", cl::desc("Say how far it is on stderr, even if that is no terminal"),
                       cl::cat(category)};
  cl::ParseCommandLineOptions(argc, argv,
                              "lutra-sim compare: the tile level beside the kernel level, on the same machine; without "
                              "a model a set of layers on all machines\n");
  auto run = [&]() -> Error {
    Agreement agreement;
    json::Array list;
    {
      Progress progress(always);
      outs() << formatv("{0,-11} {1,-12} {2,-10} {3,12} {4,12} {5,8} {6,-9} {7}\n", "model", "machine", "kernel",
                        "tile us", "kernel us", "error", "bound", "tile");
      auto one = [&](StringRef model) -> Error {
        Expected<LayerFlags::Layer> layer = flags.read(model);
        if (!layer)
          return layer.takeError();
        return compareLayer(*layer, limit, progress, agreement, list);
      };
      if (!name.empty()) {
        if (Error error = one(name))
          return error;
      } else {
        for (const Case &c : kCases) {
          flags.machine = c.machine, flags.precision = c.precision, flags.batch = c.step.batch;
          flags.prefill = c.step.prefill ? c.step.tokens : 0, flags.context = c.step.context;
          if (Error error = one(c.model))
            return error;
        }
      }
    }
    outs() << formatv("mean absolute difference {0:F2} %, largest {1:F2} %, of {2} kernels\n",
                      100 * agreement.sum / agreement.count, 100 * agreement.worst, agreement.count);
    if (Error error = writeJson(jsonFile, std::move(list)))
      return error;
    if (agreement.beyond)
      return createStringError(
          formatv("{0} of {1} kernels differ by more than {2} %", agreement.beyond, agreement.count, double(limit))
              .str());
    return Error::success();
  };
  return report(run());
}
