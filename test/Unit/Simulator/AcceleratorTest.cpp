//===- AcceleratorTest.cpp - machine descriptions -------------------------===//
#include "lutra/Simulator/Accelerator.h"

#include "llvm/ADT/STLExtras.h"
#include "gtest/gtest.h"

using namespace lutra::ltc;

namespace {

std::string errorOf(llvm::Expected<Accelerator> machine) {
  if (machine)
    return "";
  return llvm::toString(machine.takeError());
}

TEST(Accelerator, EveryShippedMachineLoads) {
  for (llvm::StringRef name : {"a100", "a100-lut-1x", "a100-lut-2x", "a100-lut-4x", "a100-lut-8x", "h100",
                               "h100-lut-4x", "h100-lut-8x", "edge", "h100-sxm", "h200-sxm"}) {
    EXPECT_TRUE(llvm::is_contained(acceleratorNames(), name)) << name.str();
    llvm::Expected<Accelerator> machine = loadAccelerator(name);
    ASSERT_TRUE(bool(machine)) << llvm::toString(machine.takeError());
    EXPECT_EQ(machine->name, name.str());
    EXPECT_NE(machine->unit("f16"), nullptr);
    EXPECT_EQ(machine->unit("lut") != nullptr, name.contains("lut") || name == "edge");
  }
}

TEST(Accelerator, Peaks) {
  llvm::Expected<Accelerator> a100 = loadAccelerator("a100-lut-4x");
  ASSERT_TRUE(bool(a100));
  // 4 tensor cores x 256 multiply-adds x 2 x 108 x 1.41 GHz.
  EXPECT_NEAR(a100->peak(*a100->unit("f16")), 311.87e12, 0.01e12);
  // 4 cores x 4 arrays x 512, two cycles for two bits.
  EXPECT_NEAR(a100->peak(*a100->unit("lut"), 2), 1247.48e12, 0.01e12);
}

TEST(Accelerator, RefusesWhatItCannotRead) {
  EXPECT_EQ(errorOf(loadAccelerator("b200")).substr(0, 40), "no machine 'b200'; the machines are a100");
  EXPECT_EQ(errorOf(loadAccelerator("/none.yaml")).substr(0, 25), "cannot read '/none.yaml':");
  EXPECT_EQ(errorOf(parseAccelerator("name: x\nsource: y\n", "x.yaml")),
            "x.yaml: line 1: missing required key 'cores'");
}

std::string description(llvm::StringRef efficiency, llvm::StringRef type, llvm::StringRef groups = "[4]",
                        llvm::StringRef stages = "2") {
  return ("name: x\nsource: y\ncores: 1\nclock-ghz: 1\nshared-bytes: 1024\nregister-bytes: 1024\n"
          "shared-bytes-per-cycle: 1\nvector-lanes: 1\nvector-f16-lanes: 1\nl2-bytes: 1\nl2-bytes-per-cycle: 1\n"
          "l2-port-bytes-per-cycle: 1\ndram-gbps: 1\nlaunch-us: 0\nfill-cycles: 0\nshared-latency-cycles: 0\n"
          "matrix-units: 4\nasynchronous: false\ngroup-threads: 32\ndram-efficiency: " +
          efficiency + "\ngroups: " + groups + "\nstages: " + stages + "\nunits:\n  - {type: " + type +
          ", macs-per-cycle: 1}\n")
      .str();
}

TEST(Accelerator, RefusesImpossibleFacts) {
  EXPECT_EQ(errorOf(parseAccelerator(description("1", "f16"), "x.yaml")), "");
  EXPECT_EQ(errorOf(parseAccelerator(description("2", "f16"), "x.yaml")),
            "x.yaml: line 1: expected dram-efficiency in (0, 1]");
  EXPECT_EQ(errorOf(parseAccelerator(description("1", "f12"), "x.yaml")),
            "x.yaml: line 24: expected a unit's type to be f16, f8, i8 or lut, found 'f12'");
  EXPECT_EQ(errorOf(parseAccelerator(description("1", "f16", "[2]"), "x.yaml")),
            "x.yaml: line 1: expected groups to be multiples of matrix-units: a warp has one, and without warps some "
            "stand idle");
  EXPECT_EQ(errorOf(parseAccelerator(description("1", "f16", "[4]", "1"), "x.yaml")),
            "x.yaml: line 1: expected stages of at least 2: one that is copied while another is used");
}

} // namespace
