//===- MachinesTest.cpp - the machines that programs run on ---------------===//
//
// The equations of docs/spec/lmma-isa.md, "Machines", by hand.
//
//===----------------------------------------------------------------------===//

#include "RoundMachine.h"

#include "lutra/Simulator/Simulator.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace lutra::ltc;
using ::testing::HasSubstr;

namespace {

TEST(Machines, AreTheMatrixUnitsOfAChip) {
  // 10 cores of 4 matrix units, which have a quarter of 400 multiply-adds, 65536 bytes and 100 bytes a cycle each.
  Accelerator chip = roundMachine();
  chip.units.back().macsPerCycle = 2048;
  llvm::Expected<Machine> machine = machineOf(chip);
  ASSERT_TRUE(bool(machine)) << llvm::toString(machine.takeError());
  EXPECT_EQ(machine->cores, 40u);
  EXPECT_EQ(machine->arrayName(), "m2n64k4");
  EXPECT_EQ(machine->sharedBytes, 16384u);
  EXPECT_DOUBLE_EQ(machine->sharedBytesPerCycle, 25);
  // 100 GB/s, of which half is reached, at 1 GHz over 40.
  EXPECT_DOUBLE_EQ(machine->dramBytesPerCycle, 1.25);
  EXPECT_DOUBLE_EQ(machine->portBytesPerCycle, 25);
  EXPECT_EQ(machine->launchCycles, 1000u);
  // The registers of ltc-1, whose array it has.
  EXPECT_EQ(machine->f32Tiles, 64u);
}

TEST(Machines, ShippedOnesHaveTheArraysOfTheirDescriptions) {
  auto arrayOf = [](llvm::StringRef name) {
    llvm::Expected<Machine> machine = loadMachine(name);
    return machine ? machine->arrayName() : llvm::toString(machine.takeError());
  };
  EXPECT_EQ(arrayOf("ltc-1"), "m2n64k4");
  EXPECT_EQ(arrayOf("a100-lut-1x"), "m2n64k4");
  EXPECT_EQ(arrayOf("a100-lut-2x"), "m2n128k4");
  EXPECT_EQ(arrayOf("a100-lut-4x"), "m2n256k4");
  EXPECT_EQ(arrayOf("a100-lut-8x"), "m4n256k4");
  EXPECT_EQ(arrayOf("edge"), "m2n16k4");
  EXPECT_EQ(arrayOf("a100"), "machine 'a100' has no LUT arrays to run a program on");
  EXPECT_THAT(arrayOf("a101"), HasSubstr("no machine 'a101'; the machines are"));
}

TEST(Machines, TakeAnotherArray) {
  llvm::Expected<Machine> machine = loadMachine("ltc-1", "m4n32k4");
  ASSERT_TRUE(bool(machine)) << llvm::toString(machine.takeError());
  EXPECT_EQ(machine->arrayM, 4u);
  EXPECT_EQ(machine->arrayN, 32u);
  EXPECT_GT(machine->lookupPicojoules, 0);
  auto errorOf = [](llvm::StringRef array) { return llvm::toString(loadMachine("ltc-1", array).takeError()); };
  EXPECT_THAT(errorOf("64x4"), HasSubstr("expected the shape of an array, as m2n64k4, but found '64x4'"));
  EXPECT_THAT(errorOf("m2n64"), HasSubstr("but found 'm2n64'"));
  EXPECT_THAT(errorOf("m2n64k4x"), HasSubstr("but found 'm2n64k4x'"));
  EXPECT_THAT(errorOf("m17n64k4"), HasSubstr("found m17n64k4"));
}

/// The default's own energy is that of the area model.
TEST(Machines, EnergyOfALookupFollowsTheArray) {
  Machine machine;
  const double given = machine.lookupPicojoules;
  ASSERT_FALSE(bool(machine.setArray("m2n64k4")));
  EXPECT_NEAR(machine.lookupPicojoules, given, 0.0006);
}

TEST(Machines, CoresThatWorkShareTheDram) {
  // 1024 bytes in one block: 4 cores have 8 bytes a cycle each, a port takes 16.
  Machine machine;
  machine.cores = 4;
  machine.dramBytesPerCycle = 8;
  machine.portBytesPerCycle = 16;
  machine.dramLatency = 100;
  machine.launchCycles = 0;
  auto time = [&](unsigned columns) {
    llvm::Expected<Program> program =
        assemble(".lmma 5\n.kernel k\n.buffer w : i8[8192]\n.grid r0, columns=" + std::to_string(columns) +
                     ", rows=0, swizzle=1\nld.weights w0, w[1024*r0], planes=4, tables=8, pitch=256\n.end\n",
                 "k.lmma");
    EXPECT_TRUE(bool(program));
    EXPECT_FALSE(bool(verify(*program, machine)));
    return estimate(program->kernels[0], machine, 1).cycles;
  };
  EXPECT_EQ(time(1), 1u + 64 + 100);
  // Two have 16 as well, three 32 / 3, four 8; the fifth block comes after the first.
  EXPECT_EQ(time(2), 1u + 64 + 100);
  EXPECT_EQ(time(3), 1u + 96 + 100);
  EXPECT_EQ(time(4), 1u + 128 + 100);
  EXPECT_GT(time(5), 2u * 128 + 100);
}

} // namespace
