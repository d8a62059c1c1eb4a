//===- Trace.cpp - launches as Chrome trace events ------------------------===//
//
// One process for the machine, one thread for each unit; time stamps are microseconds, as the format wants them.
//
//===----------------------------------------------------------------------===//

#include "lutra/Simulator/Simulator.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/JSON.h"

using namespace lutra::ltc;

static int threadOf(llvm::StringRef unit) {
  return llvm::StringSwitch<int>(unit).Case("memory", 1).Case("array", 2).Case("shared", 4).Default(3);
}

bool lutra::ltc::writeTrace(llvm::raw_ostream &os, const Program &program, const Machine &machine, int64_t rows,
                            uint64_t limit) {
  llvm::json::OStream json(os);
  const double microseconds = 1 / (machine.clockGHz * 1e3);
  uint64_t written = 0, base = 0;
  json.object([&] {
    json.attribute("displayTimeUnit", "ns");
    json.attributeArray("traceEvents", [&] {
      auto nameOf = [&](llvm::StringRef what, int thread, llvm::StringRef name) {
        json.object([&] {
          json.attribute("name", what);
          json.attribute("ph", "M");
          json.attribute("pid", 1);
          json.attribute("tid", thread);
          json.attributeObject("args", [&] { json.attribute("name", name); });
        });
      };
      auto span = [&](llvm::StringRef name, int thread, uint64_t start, uint64_t cycles,
                      llvm::function_ref<void()> arguments) {
        json.object([&] {
          json.attribute("name", name);
          json.attribute("ph", "X");
          json.attribute("pid", 1);
          json.attribute("tid", thread);
          json.attribute("ts", double(base + start) * microseconds);
          json.attribute("dur", double(cycles) * microseconds);
          json.attributeObject("args", arguments);
        });
      };
      nameOf("process_name", 0, machine.name);
      nameOf("thread_name", 0, "kernels");
      for (const char *unit : {"memory", "shared", "array", "vector"})
        nameOf("thread_name", threadOf(unit), unit);
      for (const Kernel &kernel : program.kernels) {
        Timing timing = estimate(kernel, machine, rows, [&](const TraceEvent &event) {
          if (written++ >= limit)
            return;
          std::string text;
          llvm::raw_string_ostream line(text);
          kernel.printInstruction(line, event.address);
          // The host's call comes first.
          span(text, threadOf(event.unit), machine.launchCycles + event.start, event.occupancy, [&] {
            json.attribute("address", event.address);
            json.attribute("issued", int64_t(event.issued));
          });
        });
        span(kernel.name, 0, 0, timing.cycles, [&] {
          json.attribute("rows", rows);
          json.attribute("cycles", int64_t(timing.cycles));
        });
        base += timing.cycles;
      }
    });
  });
  os << "\n";
  return written > limit;
}
