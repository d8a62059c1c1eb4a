//===- TileModelTest.cpp - the tile model on examples computed by hand ----===//
//
// The examples of docs/spec/tile-model.md, on a machine whose figures are easy to add up.
//
//===----------------------------------------------------------------------===//
#include "RoundMachine.h"

#include "gtest/gtest.h"

#include <chrono>

using namespace lutra::ltc;

namespace {

TEST(TileModel, ProductBoundByItsUnit) {
  // One tile of 32 x 32; k is 112 in units of 16, in steps of 64 and 48. Products 112 x 1024 / 100 = 1146.88; four
  // groups of 16 x 16 read 256 bytes for each k, 286.72 cycles, one after the other with the products, and twice 5 of
  // latency: 1443.6. The first step's 8192 bytes come in 81.92, after 100 of fill; 2048 bytes go out in 2.048.
  TileTime time = predict(product(32, 32, 100, f16Product()), roundMachine());
  EXPECT_EQ(time.schedule.m, 32);
  EXPECT_EQ(time.schedule.n, 32);
  EXPECT_EQ(time.schedule.k, 64);
  EXPECT_EQ(time.schedule.stages, 8u);
  EXPECT_EQ(time.waves, 1);
  EXPECT_STREQ(time.bound, "product");
  EXPECT_NEAR(time.seconds, 1627.568e-9 + 1e-6, 1e-15);
  EXPECT_EQ(time.dramBytes, 6400);
}

TEST(TileModel, AsynchronousUnitsHideSharedMemory) {
  Accelerator machine = roundMachine();
  machine.asynchronous = true;
  EXPECT_NEAR(predict(product(32, 32, 100, f16Product()), machine).seconds, 1330.848e-9 + 1e-6, 1e-15);
}

TEST(TileModel, TwoWarpsOfAUnitTakeTurns) {
  // Eight groups on four units: half of the reads hide. 4 x 2 groups of 16 x 32 read 8 x (16 + 32) x 2 = 768 bytes for
  // each k of a tile of 64 x 64: products 112 x 4096 / 100 = 4587.52, reads 860.16.
  Accelerator machine = roundMachine();
  machine.cores = 1;
  machine.registerBytes = 32768;
  machine.groups = {8};
  const double step = 64 * 128 * 2 / 100.0, drain = 8.192;
  EXPECT_NEAR(predict(product(64, 64, 100, f16Product()), machine).seconds,
              (4587.52 + 860.16 / 2 + 10 + 100 + step + drain + 1000) * 1e-9, 1e-15);
}

TEST(TileModel, LookupsTakeACycleForEachBit) {
  Accelerator machine = roundMachine();
  machine.asynchronous = true;
  machine.sharedBytesPerCycle = machine.l2PortBytesPerCycle = 1e9;
  // 112 x 1024 / (400 / bits) cycles; the L2 brings the first step, 64 x (32 x 2 + 32 x bits / 8) bytes, at 1000 a
  // cycle.
  const double fixed = 100 + 2.048 + 1000;
  EXPECT_NEAR(predict(product(32, 32, 100, lookupProduct(1)), machine).seconds, (286.72 + 4.352 + fixed) * 1e-9, 1e-15);
  EXPECT_NEAR(predict(product(32, 32, 100, lookupProduct(4)), machine).seconds, (1146.88 + 5.12 + fixed) * 1e-9, 1e-15);
}

TEST(TileModel, BanksConflictWithoutPermutation) {
  // Rows of 128 bytes all begin in bank 0; permuted, 8 rows fill the 32 banks once. Rows of 144 bytes need no help.
  EXPECT_EQ(bankConflicts(128, false), 8u);
  EXPECT_EQ(bankConflicts(128, true), 1u);
  EXPECT_EQ(bankConflicts(64, false), 4u);
  EXPECT_EQ(bankConflicts(64, true), 1u);
  EXPECT_EQ(bankConflicts(144, false), 1u);
  EXPECT_EQ(bankConflicts(16, false), 1u);
  Accelerator machine = roundMachine();
  machine.swizzled = false;
  // 286.72 cycles of reads become 2293.76: they outlast the products, which still take their turn.
  TileTime time = predict(product(32, 32, 100, f16Product()), machine);
  EXPECT_NEAR(time.seconds, (1627.568 + 7 * 286.72 + 1000) * 1e-9, 1e-15);
  EXPECT_STREQ(time.bound, "shared");
}

TEST(TileModel, SchedulesFitTheCore) {
  Accelerator machine = roundMachine();
  for (const Schedule &schedule : schedulesOf(product(256, 256, 512, f16Product()), machine)) {
    EXPECT_LE(schedule.m * schedule.n * 4, 4096);
    EXPECT_LE(double(schedule.k * schedule.stages) * schedule.copyBytes, 65536);
    EXPECT_GE(schedule.stages, 2u);
  }
  machine.sharedBytes = 1024;
  EXPECT_TRUE(schedulesOf(product(256, 256, 512, f16Product()), machine).empty());
}

TEST(TileModel, ProductBoundByDram) {
  // 320 x 100 x 1000 weights of 2 bytes: 64 MB at 50 GB/s.
  TileTime time = predict(product(16, 320000, 100, f16Product()), roundMachine());
  EXPECT_GE(time.seconds, 64e6 / 50e9);
  EXPECT_EQ(time.dramBytes, 64e6 + 16 * 320000 * 2);
}

TEST(TileModel, StreamsStayInL2WhenTheyFit) {
  TileKernel kernel;
  kernel.operands = {5e5, 5e5};
  EXPECT_NEAR(predict(kernel, roundMachine()).seconds, 2e-6, 1e-15);
  kernel.operands = {5e6, 5e6};
  EXPECT_NEAR(predict(kernel, roundMachine()).seconds, 1e7 / 50e9 + 1e-6, 1e-15);
  EXPECT_EQ(predict(kernel, roundMachine()).dramBytes, 1e7);
  // Each operand on its own.
  kernel.operands = {5e6, 1e6};
  EXPECT_NEAR(predict(kernel, roundMachine()).seconds, 5e6 / 50e9 + 1e-6, 1e-15);
}

TEST(TileModel, WholeModelsTakeNoTime) {
  llvm::Expected<Accelerator> machine = loadAccelerator("a100-lut-4x");
  ASSERT_TRUE(bool(machine));
  llvm::Expected<ModelShape> model = modelShape("llama2-70b");
  ASSERT_TRUE(bool(model));
  auto begin = std::chrono::steady_clock::now();
  EXPECT_GT(predictModel(*model, {true, 1, 2048, 2048}, lookupProduct(2), *machine).seconds, 0.1);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 1.0);
}

TEST(TileModel, UnknownModel) {
  llvm::Expected<ModelShape> model = modelShape("gpt-9");
  ASSERT_FALSE(bool(model));
  EXPECT_EQ(
      llvm::toString(model.takeError()),
      "no model 'gpt-9'; the models are llama-3b, bitnet-3b, llama2-7b, llama2-13b, llama2-70b, opt-175b, bloom-176b");
}

} // namespace
