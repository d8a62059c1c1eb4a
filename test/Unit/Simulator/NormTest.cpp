//===- NormTest.cpp - functions and norms of the vector unit --------------===//
//
// Values, time and rules of exp, erf, tanh and of the instructions that norms are made of.
//
//===----------------------------------------------------------------------===//

#include "lutra/Simulator/Simulator.h"
#include "lutra/Support/Functions.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace lutra::ltc;
using testing::HasSubstr;

namespace {

constexpr const char *kHeader = ".lmma 5\n.kernel k\n.buffer x : f32[M, 70]\n.buffer w : f32[70]\n.buffer y : f32[M, 70]\n";

std::string errorOf(const std::string &code) {
  llvm::Expected<Program> program = assemble(kHeader + code + "\n.end\n", "k.lmma");
  if (!program)
    return llvm::toString(program.takeError());
  llvm::Error error = verify(*program, Machine());
  return error ? llvm::toString(std::move(error)) : "";
}

/// As in TimingTest.cpp: 32 bytes a cycle, 100 cycles later; 64 lanes and a latency of 4.
Machine roundMachine() {
  Machine machine;
  machine.dramBytesPerCycle = 32;
  machine.dramLatency = 100;
  machine.vectorLanes = 64;
  machine.vectorLatency = 4;
  machine.launchCycles = 1000;
  return machine;
}

Timing time(const std::string &code) {
  llvm::Expected<Program> program = assemble(kHeader + code + "\n.end\n", "k.lmma");
  EXPECT_TRUE(bool(program)) << llvm::toString(program.takeError());
  return estimate(program->kernels[0], roundMachine(), 2);
}

HostBuffer bind(std::vector<float> &values, llvm::SmallVector<int64_t, 3> sizes) {
  llvm::SmallVector<int64_t, 3> strides(sizes.size(), 1);
  strides[0] = sizes.size() > 1 ? sizes[1] : 1;
  return {reinterpret_cast<char *>(values.data()), sizes, strides};
}

TEST(Functions, AreThoseOfTheSupportLibrary) {
  auto program = assemble(std::string(kHeader) + "loop r0, 0, rows(1), 2\nld.tile.f32 f0, x[r0, 0]\nexp.f32 f1, f0\nerf.f32 f2, f1\n"
                                                 "tanh.f32 f2, f2\nst.f32 y[r0, 0], f2\nend\n.end\n",
                          "k.lmma");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  auto simulator = Simulator::create(std::move(*program));
  ASSERT_TRUE(bool(simulator)) << llvm::toString(simulator.takeError());
  std::vector<float> x(3 * 70), w(70), y(3 * 70, 9.0f);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = float(i) * 0.05f - 5;
  ASSERT_FALSE(bool((*simulator)->launch(0, {bind(x, {3, 70}), bind(w, {70}), bind(y, {3, 70})})));
  for (size_t i = 0; i < x.size(); ++i)
    EXPECT_EQ(y[i], i % 70 < 64 ? lutra::tanhOf(lutra::erfOf(lutra::expOf(x[i]))) : 9.0f) << i;
}

TEST(Functions, AreAccurateAndKeepTheirEnds) {
  for (float x = -86; x < 88; x += 0.37f)
    EXPECT_NEAR(lutra::expOf(x) / std::exp(double(x)), 1, 3e-7) << x;
  for (float x = -5; x < 5; x += 0.01f) {
    EXPECT_NEAR(lutra::erfOf(x), std::erf(double(x)), 1e-6) << x;
    EXPECT_NEAR(lutra::tanhOf(x), std::tanh(double(x)), 4e-7) << x;
  }
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(lutra::expOf(-infinity), 0);
  EXPECT_EQ(lutra::expOf(infinity), infinity);
  EXPECT_EQ(lutra::expOf(0), 1);
  EXPECT_EQ(lutra::erfOf(infinity), 1);
  EXPECT_EQ(lutra::erfOf(-infinity), -1);
  EXPECT_TRUE(std::isnan(lutra::expOf(nan)) && std::isnan(lutra::erfOf(nan)) && std::isnan(lutra::tanhOf(nan)));
}

/// y = (x r) w with r = 1 / sqrt(mean(x^2) + epsilon), in two parts of a row; the last row of a pair is past M.
TEST(Norms, NormalizeRows) {
  auto program = assemble(
      std::string(".lmma 5\n.kernel k\n.buffer x : f32[M, 70]\n.buffer w : f32[70]\n.buffer r : f32[M, 1]\n.buffer t : f32[M, 1, 256]\n"
                  "loop r0, 0, rows(1), 2\nld.act.f32 x0, x[r0, 0], count=64\nld.act.f32 x1, x[r0, 64], count=64\nsquares d0, x0, count=64\n"
                  "squares.more d0, x1, count=6\nnorm s0, d0, count=70, 0.001\nst.rows.f32 r[r0, 0], s0\nscale.act x2, x1, s0\n"
                  "ld.act.f32 x3, w[64], count=64\nmul.act x2, x2, x3\nprecompute.f32 t0, x2, tables=16\n"
                  "st.table.f32 t[r0, 0, 0], t0, tables=16, pitch=16\nend\n.end\n"),
      "k.lmma");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  auto simulator = Simulator::create(std::move(*program));
  ASSERT_TRUE(bool(simulator)) << llvm::toString(simulator.takeError());
  std::vector<float> x(3 * 70), w(70), r(3), tables(3 * 256);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = float(i * i % 37) - 11.3f;
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = 1.0f + float(i) / 7;
  const llvm::SmallVector<int64_t, 3> strides{256, 256, 1};
  ASSERT_FALSE(bool((*simulator)->launch(0, {bind(x, {3, 70}), bind(w, {70}), bind(r, {3, 1}),
                                             {reinterpret_cast<char *>(tables.data()), {3, 1, 256}, strides}})));
  for (int row = 0; row < 3; ++row) {
    double sum = 0;
    for (int i = 0; i < 70; ++i)
      sum += double(x[row * 70 + i]) * x[row * 70 + i];
    EXPECT_EQ(r[row], float(1 / std::sqrt(sum / 70 + double(0.001f))));
    auto y = [&](int i) { return i < 70 ? x[row * 70 + i] * r[row] * w[i] : 0.0f; };
    // Entry 0 of the first two tables, whose second is half empty: all four with minus.
    EXPECT_EQ(tables[row * 256], -(((y(64) + y(65)) + y(66)) + y(67)));
    EXPECT_EQ(tables[row * 256 + 16], -(y(68) + y(69)));
  }
}

TEST(Timing, FunctionsTakeTheOperationsOfTheirDefinition) {
  // zero: 128 elements on 64 lanes, in 1 to 3, ready in 7. 20 operations each: 40 cycles, and a latency of 4.
  EXPECT_EQ(time("zero f0\nexp.f32 f0, f0").cycles, 1000u + 7 + 40 + 4);
  EXPECT_EQ(time("zero f0\nerf.f32 f0, f0").cycles, 1000u + 7 + 32 + 4);
  EXPECT_EQ(time("zero f0\ntanh.f32 f0, f0").cycles, 1000u + 7 + 34 + 4);
}

TEST(Timing, NormsTakeTwoLanesForF64) {
  // Two sectors of row 0 and three of row 1, which begins at byte 280: from 1 on 5 cycles and 100. 2 x 16 elements, two lanes each: 1 cycle and 4.
  const std::string load = "ld.act.f32 x0, x[0, 0], count=16\n";
  EXPECT_EQ(time(load + "squares d0, x0, count=16").cycles, 1000u + 106 + 1 + 4);
  // 20 operations: 1 cycle.
  EXPECT_EQ(time(load + "squares d0, x0, count=16\nnorm s0, d0, count=16, 0").cycles, 1000u + 111 + 1 + 4);
  // 2 x 64 elements: 2 cycles.
  EXPECT_EQ(time(load + "mul.act x1, x0, x0").cycles, 1000u + 106 + 2 + 4);
  // What all rows share is read once.
  EXPECT_EQ(time("ld.act.f32 x0, w[0], count=16").loadBytes, 64u);
  EXPECT_EQ(time("ld.act.f32 x0, w[64], count=16").loadBytes, 32u);
}

TEST(Verifier, NormsAreSound) {
  const std::string load = "ld.act.f32 x0, x[0, 0], count=64\n";
  EXPECT_EQ(errorOf(load + "squares d7, x0, count=64"), "");
  EXPECT_THAT(errorOf(load + "squares d8, x0, count=64"), HasSubstr("register d8 does not exist; machine 'ltc-1' has d0 to d7"));
  EXPECT_THAT(errorOf(load + "squares d0, x0, count=65"), HasSubstr("expected 1 to 64 activations of a tile, but found 65"));
  EXPECT_THAT(errorOf(load + "squares d0, x0, count=0"), HasSubstr("expected 1 to 64 activations of a tile, but found 0"));
  EXPECT_THAT(errorOf(load + "squares.more d0, x0, count=4"), HasSubstr("d0 is read, but nothing has written it"));
  EXPECT_THAT(errorOf("norm s0, d0, count=4, 0"), HasSubstr("d0 is read"));
  EXPECT_THAT(errorOf(load + "squares d0, x0, count=4\nnorm s0, d0, count=0, 0"),
              HasSubstr("expected the number of the elements whose squares were added, but found 0"));
  EXPECT_THAT(errorOf(load + "scale.act x0, x0, s0"), HasSubstr("s0 is read"));
  EXPECT_THAT(errorOf(load + "mul.act x1, x0, x2"), HasSubstr("x2 is read"));
  EXPECT_THAT(errorOf("exp.f32 f0, f1"), HasSubstr("f1 is read"));
  EXPECT_THAT(errorOf("exp.i32 f0, f1"), HasSubstr("exp"));
  EXPECT_THAT(errorOf("ld.act.f16 x0, w[0], count=4"), HasSubstr("buffer 'w' holds f32; expected f16"));
}

} // namespace
