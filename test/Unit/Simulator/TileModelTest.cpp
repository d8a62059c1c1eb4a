//===- TileModelTest.cpp - the tile model on examples computed by hand ----===//
//
// The examples of docs/spec/tile-model.md, on a machine whose figures are easy to add up.
//
//===----------------------------------------------------------------------===//
#include "lutra/Simulator/TileModel.h"

#include "gtest/gtest.h"

#include <chrono>

using namespace lutra::ltc;

namespace {

Accelerator roundMachine() {
  Accelerator machine;
  machine.name = "round";
  machine.cores = 10;
  machine.clockGHz = 1;
  machine.sharedBytes = 65536;
  machine.registerBytes = 8192;
  machine.sharedBytesPerCycle = 100;
  machine.l2Bytes = 4000000;
  machine.l2BytesPerCycle = 1000;
  machine.dramGBps = 100;
  machine.dramEfficiency = 0.5;
  machine.launchMicroseconds = 1;
  machine.fillCycles = 100;
  machine.groups = {4};
  machine.units = {{"f16", 100, 1}, {"lut", 400, 1}};
  return machine;
}

TileKernel product(int64_t m, int64_t n, int64_t k, ProductTypes types) {
  TileKernel kernel;
  kernel.kind = TileKernel::Product;
  kernel.m = m, kernel.n = n, kernel.k = k;
  kernel.types = std::move(types);
  return kernel;
}

TEST(TileModel, ProductBoundByItsUnit) {
  // One tile of 32 x 32. A step of k: 1024 / 100 = 10.24 cycles of products; four groups of 16 x 16 read 256 bytes and
  // 128 are copied: 3.84 cycles, one after the other: 14.08. 100 steps, 100 cycles to fill, 2048 bytes out at a tenth
  // of the L2's 1000: 1528.48 cycles. 6400 bytes of weights take 128 ns of DRAM meanwhile.
  TileTime time = predict(product(32, 32, 100, f16Product()), roundMachine());
  EXPECT_EQ(time.tileM, 32);
  EXPECT_EQ(time.tileN, 32);
  EXPECT_EQ(time.waves, 1);
  EXPECT_STREQ(time.bound, "product");
  EXPECT_NEAR(time.seconds, 1528.48e-9 + 1e-6, 1e-15);
  EXPECT_EQ(time.dramBytes, 6400);
}

TEST(TileModel, OverlapHidesSharedMemory) {
  Accelerator machine = roundMachine();
  machine.overlap = 1;
  EXPECT_NEAR(predict(product(32, 32, 100, f16Product()), machine).seconds, 1144.48e-9 + 1e-6, 1e-15);
}

TEST(TileModel, LookupsTakeACycleForEachBit) {
  Accelerator machine = roundMachine();
  machine.overlap = 1;
  machine.sharedBytesPerCycle = 1e9;
  // 1024 / (400 / bits) cycles a step; the L2 brings 32 x 2 + 32 x bits / 8 bytes in 0.68 or 0.8.
  const double fixed = 100 + 20.48 + 1000;
  EXPECT_NEAR(predict(product(32, 32, 100, lookupProduct(1)), machine).seconds, (256 + fixed) * 1e-9, 1e-15);
  EXPECT_NEAR(predict(product(32, 32, 100, lookupProduct(4)), machine).seconds, (1024 + fixed) * 1e-9, 1e-15);
}

TEST(TileModel, ProductBoundByDram) {
  // 320 x 100 x 1000 weights of 2 bytes: 64 MB at 50 GB/s.
  TileTime time = predict(product(16, 320000, 100, f16Product()), roundMachine());
  EXPECT_GE(time.seconds, 64e6 / 50e9);
  EXPECT_EQ(time.dramBytes, 64e6 + 16 * 320000 * 2);
}

TEST(TileModel, StreamsStayInL2WhenTheyFit) {
  TileKernel kernel;
  kernel.bytes = 1e6;
  EXPECT_NEAR(predict(kernel, roundMachine()).seconds, 2e-6, 1e-15);
  kernel.bytes = 1e7;
  EXPECT_NEAR(predict(kernel, roundMachine()).seconds, 1e7 / 50e9 + 1e-6, 1e-15);
  EXPECT_EQ(predict(kernel, roundMachine()).dramBytes, 1e7);
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
