//===- KernelModelTest.cpp - events of a kernel, computed by hand ---------===//
//
// The examples of docs/spec/tile-model.md, "The kernel level".
//
//===----------------------------------------------------------------------===//
#include "RoundMachine.h"

#include "lutra/Simulator/KernelModel.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace lutra::ltc;

namespace {

KernelTime simulated(const TileKernel &kernel, const Accelerator &machine, const KernelTrace &trace = {}) {
  llvm::Expected<KernelTime> time = simulateKernel(kernel, machine, trace);
  EXPECT_TRUE(bool(time));
  return time ? *time : KernelTime();
}

TEST(KernelModel, OneBlock) {
  // Copies are asked for at 50. The first step: 8192 bytes through the core's port until 131.92 (as its weights from
  // DRAM: 4096 bytes at 50), there 50 later, at 181.92. Its last group has read at 345.76, starts at 350.76 and
  // multiplies for 655.36: 1006.12. The second step is there by then: 122.88 + 5 + 491.52 more, and 2.048 of stores.
  const KernelTime time = simulated(product(32, 32, 100, f16Product()), roundMachine());
  EXPECT_NEAR(time.seconds, 1627.568e-9 + 1e-6, 1e-15);
  EXPECT_EQ(time.blocks, 1);
  EXPECT_NEAR(time.dramBytes, 2 * 32 * 112, 1e-9);
  EXPECT_NEAR(time.l2Bytes, 128 * 112 + 2048, 1e-9);
}

TEST(KernelModel, CoresQueueForDram) {
  // Two tiles with columns of their own: the second one's first weights leave DRAM 81.92 after the first one's.
  const KernelTime time = simulated(product(32, 64, 100, f16Product()), roundMachine());
  EXPECT_NEAR(time.seconds, (1627.568 + 81.92) * 1e-9 + 1e-6, 1e-15);
}

TEST(KernelModel, BlocksWaitForACore) {
  Accelerator machine = roundMachine();
  machine.cores = 1;
  // The second block starts when the first one's results are in L2. Its activations and weights come as before.
  const KernelTime time = simulated(product(32, 64, 100, f16Product()), machine);
  EXPECT_NEAR(time.seconds, 2 * 1627.568e-9 + 1e-6, 1e-15);
}

TEST(KernelModel, AsynchronousUnitsGoOn) {
  Accelerator machine = roundMachine();
  machine.asynchronous = true;
  EXPECT_NEAR(simulated(product(32, 32, 100, f16Product()), machine).seconds, 1330.848e-9 + 1e-6, 1e-15);
  // The second block's copies came beside the first one's products.
  machine.cores = 1;
  EXPECT_NEAR(simulated(product(32, 64, 100, f16Product()), machine).seconds, (1330.848 + 1146.88) * 1e-9 + 1e-6,
              1e-15);
}

TEST(KernelModel, ConflictsSlowReads) {
  Accelerator machine = roundMachine();
  machine.swizzled = false;
  EXPECT_NEAR(simulated(product(32, 32, 100, f16Product()), machine).seconds, (1627.568 + 7 * 286.72 + 1000) * 1e-9,
              1e-15);
}

TEST(KernelModel, TraceTellsOfEveryUnit) {
  unsigned copies = 0, matrix = 0;
  double products = 0;
  simulated(product(32, 32, 100, f16Product()), roundMachine(), [&](const KernelEvent &event) {
    copies += llvm::StringRef(event.unit) == "copy";
    if (llvm::StringRef(event.unit) == "matrix")
      ++matrix, products += event.seconds;
    EXPECT_GE(event.start, 1e-6);
    EXPECT_LE(event.start + event.seconds, 1627.569e-9 + 1e-6);
  });
  EXPECT_EQ(copies, 2u);
  EXPECT_EQ(matrix, 8u);
  // Four units share the products.
  EXPECT_NEAR(products, 4 * 1146.88e-9, 1e-15);
}

TEST(KernelModel, LevelsAgree) {
  for (llvm::StringRef name : {"a100-lut-4x", "h100", "edge"}) {
    llvm::Expected<Accelerator> machine = loadAccelerator(name);
    ASSERT_TRUE(bool(machine));
    for (int64_t rows : {16, 256, 1000}) {
      const TileKernel kernel = product(rows, 4096, 4096, machine->unit("lut") ? lookupProduct(2) : f8Product());
      const double tile = predict(kernel, *machine).seconds;
      EXPECT_LT(std::abs(tile / simulated(kernel, *machine).seconds - 1), 0.05) << name.str() << " " << rows;
    }
  }
}

TEST(KernelModel, RefusesWhatHasNoSchedule) {
  TileKernel kernel;
  kernel.name = "attention";
  kernel.kind = TileKernel::FlashAttention;
  EXPECT_EQ(llvm::toString(simulateKernel(kernel, roundMachine()).takeError()),
            "kernel 'attention' has no kernel level: attention in one kernel has a measured rate, not a schedule");
  EXPECT_EQ(llvm::toString(simulateKernel(product(32, 32, 64, i8Product()), roundMachine()).takeError()),
            "the machine 'round' has no unit 'i8'");
  Accelerator machine = roundMachine();
  machine.sharedBytes = 1024;
  EXPECT_EQ(llvm::toString(simulateKernel(product(32, 32, 64, f16Product()), machine).takeError()),
            "no schedule of kernel 'product' fits the machine 'round': its tiles need more shared memory or registers");
}

} // namespace
