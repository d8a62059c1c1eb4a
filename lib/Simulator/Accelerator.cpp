//===- Accelerator.cpp - machine descriptions from YAML -------------------===//
//
// A description states every fact it needs: an absent key is an error, not a default, but for those of kernels that a
// machine may lack.
//
//===----------------------------------------------------------------------===//
#include "lutra/Simulator/Accelerator.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/YAMLTraits.h"

using namespace lutra::ltc;
using namespace llvm;

LLVM_YAML_IS_SEQUENCE_VECTOR(lutra::ltc::MatrixUnit)

namespace llvm::yaml {
template <>
struct MappingTraits<MatrixUnit> {
  static void mapping(IO &io, MatrixUnit &unit) {
    io.mapRequired("type", unit.type);
    io.mapRequired("macs-per-cycle", unit.macsPerCycle);
    io.mapOptional("sustained", unit.sustained);
  }
  static std::string validate(IO &, MatrixUnit &unit) {
    if (!is_contained({"f16", "f8", "i8", "lut"}, unit.type))
      return "expected a unit's type to be f16, f8, i8 or lut, found '" + unit.type + "'";
    if (unit.macsPerCycle <= 0 || unit.sustained <= 0 || unit.sustained > 1)
      return "expected macs-per-cycle above 0 and sustained in (0, 1]";
    return "";
  }
};

template <>
struct MappingTraits<Accelerator> {
  static void mapping(IO &io, Accelerator &a) {
    io.mapRequired("name", a.name);
    io.mapRequired("source", a.source);
    io.mapRequired("cores", a.cores);
    io.mapRequired("clock-ghz", a.clockGHz);
    io.mapRequired("shared-bytes", a.sharedBytes);
    io.mapRequired("register-bytes", a.registerBytes);
    io.mapRequired("shared-bytes-per-cycle", a.sharedBytesPerCycle);
    io.mapRequired("vector-lanes", a.vectorLanes);
    io.mapRequired("vector-f16-lanes", a.vectorF16Lanes);
    io.mapRequired("l2-bytes", a.l2Bytes);
    io.mapRequired("l2-bytes-per-cycle", a.l2BytesPerCycle);
    io.mapRequired("l2-port-bytes-per-cycle", a.l2PortBytesPerCycle);
    io.mapRequired("dram-gbps", a.dramGBps);
    io.mapRequired("dram-efficiency", a.dramEfficiency);
    io.mapRequired("launch-us", a.launchMicroseconds);
    io.mapRequired("fill-cycles", a.fillCycles);
    io.mapRequired("shared-latency-cycles", a.sharedLatencyCycles);
    io.mapRequired("matrix-units", a.matrixUnits);
    io.mapRequired("asynchronous", a.asynchronous);
    io.mapRequired("groups", a.groups);
    io.mapRequired("group-threads", a.groupThreads);
    io.mapRequired("stages", a.stages);
    io.mapOptional("swizzled", a.swizzled);
    io.mapOptional("wide-registers", a.wideRegisters);
    io.mapRequired("units", a.units);
    io.mapOptional("flash-tflops", a.flashTflops);
    io.mapOptional("flash-block-us", a.flashBlockMicroseconds);
    io.mapOptional("decode-attention-gbps", a.decodeAttentionGBps);
    io.mapOptional("strided-gbps", a.stridedGBps);
    io.mapOptional("layer-norm-ns", a.layerNormNanoseconds);
    io.mapOptional("rms-norm-ns", a.rmsNormNanoseconds);
  }
  static std::string validate(IO &, Accelerator &a) {
    if (!a.cores || a.clockGHz <= 0 || !a.sharedBytes || !a.registerBytes || a.sharedBytesPerCycle <= 0 || !a.l2Bytes ||
        a.l2BytesPerCycle <= 0 || a.l2PortBytesPerCycle <= 0 || a.dramGBps <= 0 || a.vectorLanes <= 0 ||
        a.vectorF16Lanes <= 0 || !a.matrixUnits || !a.groupThreads)
      return "expected every count, size and rate to be above 0";
    if (a.dramEfficiency <= 0 || a.dramEfficiency > 1)
      return "expected dram-efficiency in (0, 1]";
    if (a.fillCycles < 0 || a.launchMicroseconds < 0 || a.sharedLatencyCycles < 0)
      return "expected fill-cycles, launch-us and shared-latency-cycles not to be negative";
    if (a.stages < 2)
      return "expected stages of at least 2: one that is copied while another is used";
    if (a.groups.empty() || is_contained(a.groups, 0u))
      return "expected groups to list at least one number, each above 0";
    if (!a.asynchronous && any_of(a.groups, [&](unsigned groups) { return groups % a.matrixUnits != 0; }))
      return "expected groups to be multiples of matrix-units: a warp has one, and without warps some stand idle";
    return "";
  }
};
} // namespace llvm::yaml

namespace {
struct Shipped {
  StringLiteral name, text;
};
/// Written by CMake from machines/*.yaml.
constexpr Shipped kShipped[] = {
#include "Machines.inc"
};
} // namespace

const MatrixUnit *Accelerator::unit(StringRef type) const {
  auto found = find_if(units, [&](const MatrixUnit &unit) { return unit.type == type; });
  return found == units.end() ? nullptr : &*found;
}

double Accelerator::peak(const MatrixUnit &unit, double weightBits) const {
  return 2 * unit.macsPerCycle * cores * clockGHz * 1e9 / (unit.type == "lut" ? weightBits : 1);
}

Expected<Accelerator> lutra::ltc::parseAccelerator(StringRef yaml, StringRef fileName) {
  std::string message;
  auto keep = [](const SMDiagnostic &diagnostic, void *context) {
    std::string &text = *static_cast<std::string *>(context);
    if (text.empty())
      text = ("line " + Twine(diagnostic.getLineNo()) + ": " + diagnostic.getMessage()).str();
  };
  yaml::Input input(yaml, nullptr, keep, &message);
  Accelerator result;
  input >> result;
  if (input.error())
    return createStringError(fileName + ": " + (message.empty() ? input.error().message() : message));
  return result;
}

std::vector<StringRef> lutra::ltc::acceleratorNames() {
  std::vector<StringRef> names;
  for (const Shipped &machine : kShipped)
    names.push_back(machine.name);
  return names;
}

bool lutra::ltc::isMachineFile(StringRef nameOrFile) { return nameOrFile.contains('/') || nameOrFile.ends_with(".yaml"); }

Expected<Accelerator> lutra::ltc::loadAccelerator(StringRef nameOrFile) {
  if (isMachineFile(nameOrFile)) {
    auto buffer = MemoryBuffer::getFile(nameOrFile, /*IsText=*/true);
    if (!buffer)
      return createStringError("cannot read '" + nameOrFile + "': " + buffer.getError().message());
    return parseAccelerator((*buffer)->getBuffer(), nameOrFile);
  }
  for (const Shipped &machine : kShipped)
    if (machine.name == nameOrFile)
      return parseAccelerator(machine.text, machine.name);
  return createStringError("no machine '" + nameOrFile + "'; the machines are " + join(acceleratorNames(), ", ") +
                           "; or name a .yaml file");
}
