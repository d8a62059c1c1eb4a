//===- ChipTrace.cpp - kernels of a chip as Chrome trace events -----------===//
//
// Process 0 is the chip (kernels, L2, DRAM), process c + 1 is core c (copies, shared memory, matrix units). Time stamps
// are microseconds, as the format wants them.
//
//===----------------------------------------------------------------------===//
#include "lutra/Simulator/KernelModel.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/JSON.h"

using namespace lutra::ltc;

namespace {

class ChipTrace {
public:
  explicit ChipTrace(llvm::raw_ostream &os) : json(os) {}

  void name(llvm::StringRef what, unsigned process, unsigned thread, const llvm::Twine &name) {
    json.object([&] {
      json.attribute("name", what);
      json.attribute("ph", "M");
      json.attribute("pid", process);
      json.attribute("tid", thread);
      json.attributeObject("args", [&] { json.attribute("name", name.str()); });
    });
  }
  void span(const llvm::Twine &name, unsigned process, unsigned thread, double start, double seconds,
            llvm::function_ref<void()> arguments) {
    json.object([&] {
      json.attribute("name", name.str());
      json.attribute("ph", "X");
      json.attribute("pid", process);
      json.attribute("tid", thread);
      json.attribute("ts", start * 1e6);
      json.attribute("dur", seconds * 1e6);
      json.attributeObject("args", arguments);
    });
  }
  void header(const Accelerator &machine, bool events, unsigned cores) {
    name("process_name", 0, 0, machine.name);
    name("thread_name", 0, 0, "kernels");
    if (!events)
      return;
    name("thread_name", 0, 1, "L2 stores");
    name("thread_name", 0, 2, "DRAM");
    for (unsigned core = 0; core < cores; ++core) {
      name("process_name", core + 1, 0, "core " + llvm::Twine(core));
      name("thread_name", core + 1, 0, "copies");
      name("thread_name", core + 1, 1, "shared memory");
      for (unsigned unit = 0; unit < (machine.asynchronous ? 1 : machine.matrixUnits); ++unit)
        name("thread_name", core + 1, 2 + unit, "matrix unit " + llvm::Twine(unit));
    }
  }
  void event(const KernelEvent &event, double base) {
    const unsigned thread = llvm::StringSwitch<unsigned>(event.unit)
                                .Case("copy", 0)
                                .Cases({"shared", "l2"}, 1)
                                .Case("dram", 2)
                                .Default(2 + event.index);
    span("block " + llvm::Twine(event.block) + ", step " + llvm::Twine(event.step), unsigned(event.core + 1), thread,
         base + event.start, event.seconds, [] {});
  }

  llvm::json::OStream json;
};

} // namespace

llvm::Error lutra::ltc::writeChipTrace(llvm::raw_ostream &os, llvm::ArrayRef<TileKernel> kernels,
                                       const Accelerator &machine, bool events, unsigned cores) {
  ChipTrace trace(os);
  double base = 0;
  llvm::Error failure = llvm::Error::success();
  trace.json.object([&] {
    trace.json.attribute("displayTimeUnit", "ns");
    trace.json.attributeArray("traceEvents", [&] {
      cores = std::min(cores, machine.cores);
      trace.header(machine, events, cores);
      for (const TileKernel &kernel : kernels) {
        TileTime tile = predict(kernel, machine);
        double seconds = tile.seconds;
        if (events) {
          llvm::Expected<KernelTime> time = simulateKernel(kernel, machine, [&](const KernelEvent &event) {
            if (event.core < int(cores))
              trace.event(event, base);
          });
          if (!time) {
            failure = llvm::joinErrors(std::move(failure), time.takeError());
            return;
          }
          seconds = time->seconds;
        }
        trace.span(kernel.name, 0, 0, base, seconds, [&] {
          trace.json.attribute("bound", tile.bound);
          trace.json.attribute("DRAM bytes", tile.dramBytes);
          trace.json.attribute("operations", tile.flops);
          if (tile.waves) {
            trace.json.attribute("tile", (llvm::Twine(tile.schedule.m) + " x " + llvm::Twine(tile.schedule.n)).str());
            trace.json.attribute("waves", tile.waves);
          }
        });
        base += seconds;
      }
    });
  });
  return failure;
}
