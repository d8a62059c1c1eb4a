//===- TimingTest.cpp - the timing rules on examples computed by hand -----===//
//
// The examples of docs/spec/lmma-isa.md, "Timing", with a machine whose figures are easy to add up.
//
//===----------------------------------------------------------------------===//

#include "lutra/Simulator/Simulator.h"

#include "gtest/gtest.h"

using namespace lutra::ltc;

namespace {

Machine roundMachine() {
  Machine machine;
  machine.queueDepth = 4;
  machine.dramBytesPerCycle = 32;
  machine.dramLatency = 100;
  machine.arrayLatency = 8;
  machine.vectorLanes = 64;
  machine.vectorLatency = 4;
  machine.launchCycles = 1000;
  return machine;
}

Timing time(const std::string &code, int64_t rows = 2, Machine machine = roundMachine()) {
  llvm::Expected<Program> program = assemble(
      ".lmma 5\n.kernel k\n.buffer entries : i8[M, 2, 128]\n.buffer scales : f32[M, 2]\n.buffer weights : i8[4096]\n"
      ".buffer out : f32[M, 131]\n" +
          code + "\n.end\n",
      "k.lmma");
  if (!program) {
    ADD_FAILURE() << llvm::toString(program.takeError());
    return {};
  }
  if (llvm::Error error = verify(*program, machine))
    ADD_FAILURE() << llvm::toString(std::move(error));
  return estimate(program->kernels[0], machine, rows);
}

TEST(Timing, EmptyKernelCostsTheLaunch) { EXPECT_EQ(time("").cycles, 1000u); }

TEST(Timing, LoadIsLatencyAndTransfer) {
  // Issued in cycle 1; 512 bytes at 32 a cycle: 1 + 16 + 100.
  Timing timing = time("ld.weights w0, weights[0], planes=2, tables=8, pitch=256");
  EXPECT_EQ(timing.cycles, 1000u + 117);
  EXPECT_EQ(timing.loadBytes, 512u);
  EXPECT_EQ(timing.memoryBusy, 16u);
}

TEST(Timing, LoadsOverlapTheirLatencies) {
  // The second starts when the first's transfer ends, in cycle 17: 17 + 16 + 100.
  EXPECT_EQ(time("ld.weights w0, weights[0], planes=2, tables=8, pitch=256\nld.weights w1, weights[512], planes=2, "
                 "tables=8, pitch=256")
                .cycles,
            1000u + 133);
}

TEST(Timing, LoadsMoveWholeSectorsInsideTheBuffer) {
  // One f32 of each of two rows: the rows are 8 bytes apart but the sectors of each are counted alone.
  EXPECT_EQ(time("ld.rows.f32 s0, scales[0, 0]").loadBytes, 64u);
  // Row 1 is past M.
  EXPECT_EQ(time("ld.rows.f32 s0, scales[0, 0]", 1).loadBytes, 32u);
  EXPECT_EQ(time("ld.rows.f32 s0, scales[2, 0]", 2).loadBytes, 0u);
  // Columns 128 to 130 are inside: 12 bytes at byte 512 of row 0, and at byte 1036 of row 1.
  EXPECT_EQ(time("zero f0\nst.f32 out[0, 128], f0").storeBytes, 64u);
}

TEST(Timing, WaitHoldsIssueUntilTheCopyArrives) {
  const std::string copy = "ld.weights w0, weights[0], planes=2, tables=8, pitch=256, token=1\n";
  // The copy arrives in 117; what issues after the wait starts in 118: 2 cycles and a latency of 4.
  EXPECT_EQ(time(copy + "wait 1\nzero f0").cycles, 1000u + 118 + 2 + 4);
  // Before the wait nothing is held: the zero is done in 8.
  EXPECT_EQ(time(copy + "zero f0\nwait 1").cycles, 1000u + 117);
  // A token without a copy holds nothing.
  EXPECT_EQ(time("wait 0\nzero f0").cycles, 1000u + 2 + 2 + 4);
}

TEST(Timing, TraceShowsUnitsAndStarts) {
  llvm::Expected<Program> program =
      assemble(".lmma 5\n.kernel k\n.buffer weights : i8[4096]\n"
               "ld.weights w0, weights[0], planes=2, tables=8, pitch=256\nzero f0\n.end\n",
               "k.lmma");
  ASSERT_TRUE(bool(program));
  std::vector<TraceEvent> events;
  estimate(program->kernels[0], roundMachine(), 2, [&](const TraceEvent &event) { events.push_back(event); });
  ASSERT_EQ(events.size(), 2u);
  EXPECT_STREQ(events[0].unit, "memory");
  EXPECT_EQ(events[0].start, 1u);
  EXPECT_EQ(events[0].occupancy, 16u);
  EXPECT_STREQ(events[1].unit, "vector");
  EXPECT_EQ(events[1].address, 1u);
  EXPECT_EQ(events[1].start, 2u);
}

TEST(Timing, EnergyIsLookupsOperationsAndBytes) {
  Machine machine = roundMachine();
  Timing timing;
  timing.lookups = 1000;
  timing.vectorBusy = 10;
  timing.loadBytes = 100, timing.storeBytes = 28;
  EXPECT_DOUBLE_EQ(energyOf(timing, machine), 1e-12 * (1000 * 0.097 + 640 * 1.64 + 128 * 31.2));
}

TEST(Timing, LmmaTakesACyclePerPlane) {
  const std::string loads = "zero a0\nld.table.i8 t0, entries[0, 0, 0], tables=8\n"
                            "ld.weights w0, weights[0], planes=4, tables=8, pitch=256\n";
  // zero issues in 1, the table's load in 2: 256 bytes, 8 cycles, until 110. The weights start in 10: 32 cycles, until
  // 142. lmma starts in 142: 4 planes and a latency of 8.
  Timing timing = time(loads + "lmma.m2n64k4.i8.w4.i32.i32 a0, t0[0], w0[0]");
  EXPECT_EQ(timing.cycles, 1000u + 142 + 4 + 8);
  EXPECT_EQ(timing.lookups, 2u * 64 * 4);
  EXPECT_EQ(timing.arrayBusy, 4u);
  // A second step adds to the same accumulator: no wait for the latency between the two.
  timing = time(loads + "lmma.m2n64k4.i8.w4.i32.i32 a0, t0[0], w0[0]\nlmma.m2n64k4.i8.w2.i32.i32 a0, t0[1], w0[1]");
  EXPECT_EQ(timing.cycles, 1000u + 142 + 4 + 2 + 8);
}

TEST(Timing, VectorUnitTakesOperationsOverLanes) {
  // zero: 128 elements on 64 lanes, 1 + 2 + 4; the shift waits for it until 7: 2 + 4.
  Timing timing = time("zero f0\nshift.f32 f0, f0, 1");
  EXPECT_EQ(timing.cycles, 1000u + 13);
  EXPECT_EQ(timing.vectorBusy, 4u);
  timing = time("ld.rows.f32 s0, scales[0, 0]\nzero f0\nzero a0\nset.cols c0, 1\nscale.i32 f0, a0, s0, s0, c0, c0");
  // The rows arrive in 1 + 2 + 100 = 103; four operations on 128 elements take 8 cycles, and 4 of latency.
  EXPECT_EQ(timing.cycles, 1000u + 103 + 8 + 4);
}

TEST(Timing, OverwritingWaitsForReaders) {
  // The scale reads c0 from 103 to 111 (as above); the load of c0 starts in 111: 128 bytes, 4 cycles.
  Timing timing =
      time("ld.rows.f32 s0, scales[0, 0]\nzero f0\nzero a0\nset.cols c0, 1\nscale.i32 f0, a0, s0, s0, c0, c0\n"
           "ld.cols.f16 c0, weights[0]");
  EXPECT_EQ(timing.cycles, 1000u + 111 + 4 + 100);
  // Another tile is loaded at once.
  timing = time("ld.rows.f32 s0, scales[0, 0]\nzero f0\nzero a0\nset.cols c0, 1\nscale.i32 f0, a0, s0, s0, c0, c0\n"
                "ld.cols.f16 c1, weights[0]");
  EXPECT_EQ(timing.cycles, 1000u + 115);
}

TEST(Timing, FullQueueStopsIssue) {
  // Three loads with transfers of 8 cycles start in 1, 9 and 17, then 60 zeros of 2 cycles follow each other.
  std::string code;
  for (int i = 0; i < 3; ++i)
    code += "ld.weights w" + std::to_string(i) + ", weights[0], planes=1, tables=8, pitch=0\n";
  for (int i = 0; i < 60; ++i)
    code += "zero f0\n";
  // With room in the queue the loads are issued in 1, 2, 3 and the zeros start in 4; a tile that is overwritten waits
  // for the write before it (2 + 4 cycles each).
  Machine machine = roundMachine();
  EXPECT_EQ(time(code, 2, machine).cycles, 1000u + 4 + 60 * 6);
  // With a queue of 1 the third load is issued when the second has started, in 9, and the first zero in 10.
  machine.queueDepth = 1;
  EXPECT_EQ(time(code, 2, machine).cycles, 1000u + 10 + 60 * 6);
}

TEST(Timing, LoopsIssueOnceAndOncePerIteration) {
  // loop in 1, then an end in each of 5 iterations; no unit is used.
  Timing timing = time("loop r0, 0, 5, 1\nend");
  EXPECT_EQ(timing.instructions, 6u);
  EXPECT_EQ(timing.cycles, 1000u + 6);
  EXPECT_EQ(time("loop r0, 0, rows(16), 16\nend", 15).instructions, 1u);
  EXPECT_EQ(time("loop r0, 0, rows(16), 16\nend\nloop r0, rows(16), rows(1), 2\nend", 37).instructions, 1u + 2 + 1 + 3);
}

TEST(Timing, CopiesRunBesideTheProgramAndSharedLoadsAreFast) {
  Machine machine = roundMachine();
  machine.sharedBytesPerCycle = 128;
  machine.sharedLatency = 20;
  const std::string copy = ".shared s : i8[1024]\ncopy s[0], weights[0], sizes=1024, token=0\n";
  // Starts in 1, moves 1024 bytes at 32, arrives after 100: 133.
  EXPECT_EQ(time(copy, 2, machine).cycles, 1000u + 133);
  EXPECT_EQ(time(copy, 2, machine).loadBytes, 1024u);
  // The wait issues in 133, the load in 134; 8 cycles at 128 bytes and a latency of 20.
  Timing loaded = time(copy + "wait 0\nld.weights w0, s[0], planes=4, tables=8, pitch=256", 2, machine);
  EXPECT_EQ(loaded.cycles, 1000u + 134 + 8 + 20);
  EXPECT_EQ(loaded.sharedBusy, 8u);
  EXPECT_EQ(loaded.loadBytes, 1024u);
  // What does not wait is done meanwhile: the zero in 2 + 2 + 4.
  EXPECT_EQ(time(copy + "zero f0\nwait 0", 2, machine).cycles, 1000u + 133);
  // A copy into a place that is read waits until the read is over, in 142: 142 + 32 + 100.
  EXPECT_EQ(time(copy + "wait 0\nld.weights w0, s[0], planes=4, tables=8, pitch=256\n"
                        "copy s[0], weights[1024], sizes=1024, token=0",
                 2, machine)
                .cycles,
            1000u + 142 + 32 + 100);
}

TEST(Timing, TablesAreMadeInTheVectorUnit) {
  // Two sectors arrive in 1 + 2 + 100; 2 rows x 2 tables x 8 entries are 32 additions: one cycle and a latency of 4.
  const std::string load = "ld.act.f32 x0, scales[0, 0], count=2\n";
  EXPECT_EQ(time(load + "precompute.f32 t0, x0, tables=2").cycles, 1000u + 103 + 1 + 4);
  // Entry by entry a product, a rounding and an addition: 96 operations, 2 cycles; the greatest takes 64, 1 cycle.
  EXPECT_EQ(time(load + "set.rows s0, 1\nquantize.i8 t0, x0, s0, tables=2").cycles, 1000u + 103 + 2 + 4);
  EXPECT_EQ(time(load + "amax s0, x0, tables=2").cycles, 1000u + 103 + 1 + 4);
}

TEST(Timing, ColumnsOfAnEpilogueEndWithTheirBuffer) {
  // Of 70 numbers the last 6 are 24 bytes, one sector: 1 + 1 + 100. Spread takes 128 elements over 64 lanes, max as well.
  const std::string bias = ".buffer bias : f32[70]\n", load = bias + "ld.cols.f32 c0, bias[64]\n";
  Timing loaded = time(load);
  EXPECT_EQ(loaded.cycles, 1000u + 1 + 1 + 100);
  EXPECT_EQ(loaded.loadBytes, 32u);
  EXPECT_EQ(time(load + "spread f0, c0").cycles, 1000u + 102 + 2 + 4);
  EXPECT_EQ(time(load + "spread f0, c0\nmax.f32 f1, f0, f0").cycles, 1000u + 102 + 2 + 4 + 2 + 4);
}

TEST(Timing, WeightsTakeACycleForEachLookup) {
  const std::string load = "ld.table.i8 t0, entries[0, 0, 0], tables=8\n"
                           "ld.weights w0, weights[0], planes=4, tables=8, pitch=256\nzero a0\n";
  const uint64_t planes = time(load + "lmma.m2n64k4.i8.w4.i32.i32 a0, t0[0], w0[0]").cycles;
  EXPECT_EQ(time(load + "lmma.m2n64k4.i8.wt.i32.i32 a0, t0[0], w0[0]").cycles, planes - 2);
  // Four digits of an FP4 weight, two lookups each.
  EXPECT_EQ(time(load + "lmma.m2n64k4.i8.wfp4.i32.i32 a0, t0[0], w0[0]").cycles, planes + 4);
}

TEST(Timing, CoresShareTheBlocks) {
  Machine machine = roundMachine();
  const std::string code = ".grid r0, columns=4, rows=0, swizzle=1\nzero f0\nloop r1, 0, rows(1), 2\n"
                           "st.f32 out[r1, 32*r0], f0\nend";
  const Timing one = time(code, 2, machine);
  machine.cores = 4;
  const Timing four = time(code, 2, machine);
  EXPECT_EQ(one.instructions, four.instructions);
  EXPECT_LT(four.cycles, one.cycles);
}

} // namespace
