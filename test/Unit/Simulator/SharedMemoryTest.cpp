//===- SharedMemoryTest.cpp - copies, waits, hazards, blocks --------------===//

#include "lutra/Simulator/Simulator.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace lutra::ltc;
using testing::HasSubstr;

namespace {

constexpr const char *kHeader = ".lmma 5\n.kernel k\n.buffer in : f32[M, 3]\n.buffer bytes : i8[1024]\n"
                                ".buffer out : f32[M, 3]\n.shared rows : f32[4, 4]\n.shared codes : i8[512]\n";

llvm::Expected<Program> program(const std::string &code) { return assemble(kHeader + code + "\n.end\n", "k.lmma"); }

/// What the verifier says.
std::string verified(const std::string &code, bool hazards = true) {
  llvm::Expected<Program> read = program(code);
  if (!read)
    return "assembler: " + llvm::toString(read.takeError());
  llvm::Error error = verify(*read, Machine(), hazards);
  return error ? llvm::toString(std::move(error)) : "";
}

/// What the launch says of three rows when the verifier leaves hazards to it; `out` gets the result.
std::string launched(const std::string &code, std::vector<float> *out = nullptr) {
  llvm::Expected<Program> read = program(code);
  if (!read)
    return "assembler: " + llvm::toString(read.takeError());
  auto simulator = Simulator::create(std::move(*read), Machine(), /*hazards=*/false);
  if (!simulator)
    return "create: " + llvm::toString(simulator.takeError());
  std::vector<float> in = {1, 2, 3, 4, 5, 6, 7, 8, 9}, result(9, -1);
  std::vector<char> bytes(1024, 7);
  auto data = [](auto &values) { return reinterpret_cast<char *>(values.data()); };
  llvm::Error error = (*simulator)->launch(
      0, {{data(in), {3, 3}, {3, 1}}, {bytes.data(), {1024}, {1}}, {data(result), {3, 3}, {3, 1}}});
  if (out)
    *out = result;
  return error ? llvm::toString(std::move(error)) : "";
}

const std::string kCopy = "copy rows[0, 0], in[0, 0], sizes=4x4, token=2\n";

TEST(SharedMemory, CopiesArriveAndAreCutWithZeros) {
  // The source is 3 x 3: what is past its rows and columns is zero. Row 2 and 3, column 1 and 3.
  const std::string code = kCopy + "wait 2\nld.rows.f32 s0, rows[2, 1]\nst.rows.f32 out[1, 0], s0\n"
                                   "ld.rows.f32 s1, rows[0, 3]\nst.rows.f32 out[0, 2], s1";
  EXPECT_EQ(verified(code), "");
  std::vector<float> out;
  EXPECT_EQ(launched(code, &out), "");
  EXPECT_EQ(out, (std::vector<float>{-1, -1, 0, 8, -1, 0, 0, -1, -1}));
}

TEST(SharedMemory, UnwaitedReadsAreErrorsInBoth) {
  const std::string read = kCopy + "ld.rows.f32 s0, rows[0, 0]\nst.rows.f32 out[0, 0], s0";
  EXPECT_EQ(verified(read), "kernel 'k', address 0x0001 (line 9), 'ld.rows.f32 s0, rows[0, 0]': the copy into 'rows' at "
                            "address 0 has not been waited for; put 'wait 2' before this");
  EXPECT_EQ(verified(read, /*hazards=*/false), "");
  EXPECT_EQ(launched(read), "kernel 'k', address 0x0001 (line 9), 'ld.rows.f32 s0, rows[0, 0]': the copy into 'rows' has "
                            "not been waited for; put 'wait 2' before this");
  // The wrong token does not help.
  const std::string other = kCopy + "wait 1\nld.rows.f32 s0, rows[0, 0]";
  EXPECT_THAT(verified(other), HasSubstr("put 'wait 2' before this"));
  EXPECT_THAT(launched(other), HasSubstr("put 'wait 2' before this"));
  // A register that a copy is on its way to.
  const std::string reg = "ld.rows.f32 s0, in[0, 0], token=3\nst.rows.f32 out[0, 0], s0";
  EXPECT_THAT(verified(reg), HasSubstr("the copy into s0 at address 0 has not been waited for"));
  EXPECT_THAT(launched(reg), HasSubstr("'st.rows.f32 out[0, 0], s0': the copy into s0 has not been waited for"));
}

TEST(SharedMemory, TwoCopiesOfOnePlaceWaitForEachOther) {
  const std::string twice = kCopy + "copy rows[0, 0], in[0, 0], sizes=2x4, token=3";
  EXPECT_THAT(verified(twice), HasSubstr("has another token and has not been waited for; put 'wait 2' before this"));
  EXPECT_THAT(launched(twice), HasSubstr("a copy with another token is on its way there; put 'wait 2' before this"));
  // Several copies may share a token, and other places have others.
  EXPECT_EQ(verified(kCopy + "copy rows[2, 0], in[1, 0], sizes=2x4, token=2\ncopy codes[0], bytes[0], sizes=512, token=3"
                             "\nwait 2\nwait 3"),
            "");
}

TEST(SharedMemory, WhatNothingWroteIsNotRead) {
  EXPECT_THAT(verified("ld.rows.f32 s0, rows[0, 0]"), HasSubstr("'rows' is read, but nothing has written it"));
  // Which bytes were written only the launch knows.
  const std::string part = "copy rows[0, 0], in[0, 0], sizes=2x4, token=0\nwait 0\nld.rows.f32 s0, rows[1, 0]";
  EXPECT_EQ(verified(part), "");
  EXPECT_EQ(launched("copy codes[0], bytes[0], sizes=64, token=0\nwait 0\nld.cols.i8 c0, codes[4]"),
            "kernel 'k', address 0x0002 (line 10), 'ld.cols.i8 c0, codes[4]': reads bytes of shared memory that nothing has "
            "written");
}

TEST(SharedMemory, StoresIntoItAreRead) {
  const std::string code = "ld.rows.f32 s0, in[0, 1]\nst.rows.f32 rows[1, 2], s0\nld.rows.f32 s1, rows[1, 2]\n"
                           "st.rows.f32 out[0, 0], s1";
  EXPECT_EQ(verified(code), "");
  std::vector<float> out;
  EXPECT_EQ(launched(code, &out), "");
  EXPECT_EQ(out[0], 2);
  EXPECT_EQ(out[3], 5);
}

TEST(SharedMemory, CopiesStayInsideAndAligned) {
  EXPECT_THAT(verified("copy rows[1, 0], in[0, 0], sizes=4x4, token=0"),
              HasSubstr("index 0 of 'rows' reaches 4, but its size is 4"));
  EXPECT_THAT(verified("copy codes[0], bytes[1024], sizes=64, token=0"),
              HasSubstr("index 0 of 'bytes' reaches 1024, but its size is 1024"));
  EXPECT_THAT(verified("copy codes[2], bytes[0], sizes=64, token=0"), HasSubstr("a copy moves words of 4 bytes"));
  EXPECT_THAT(verified("copy codes[0], bytes[0], sizes=62, token=0"), HasSubstr("must be multiples of 4"));
  EXPECT_THAT(verified("copy codes[0], bytes[0], sizes=0, token=0"), HasSubstr("sizes of at least 1"));
  EXPECT_THAT(verified("copy codes[0], in[0, 0], sizes=64, token=0"), HasSubstr("of the same type and rank"));
  EXPECT_THAT(verified("copy bytes[0], codes[0], sizes=64, token=0"), HasSubstr("from a buffer in DRAM to a shared one"));
  EXPECT_THAT(verified("copy codes[0], bytes[0], sizes=64, token=16"), HasSubstr("token 16 does not exist"));
}

TEST(SharedMemory, CapacityIsTheMachines) {
  EXPECT_EQ(verified(""), "");
  llvm::Expected<Program> read = assemble(".lmma 5\n.kernel k\n.shared s : i8[167937]\n.end\n", "k.lmma");
  ASSERT_TRUE(bool(read));
  EXPECT_EQ(llvm::toString(verify(*read, Machine())), "kernel 'k': its shared buffers take 168064 bytes, but machine 'ltc-1' "
                                                      "has 167936; make its tiles smaller");
}

TEST(SharedMemory, DoubleBuffersAcrossIterations) {
  const std::string code = "copy codes[0], bytes[0], sizes=256, token=0\nloop r0, 0, 2, 1\nwait 0\nld.cols.i8 c0, codes[0]\n"
                           "copy codes[0], bytes[256*r0 + 256], sizes=256, token=0\nend\nwait 0";
  EXPECT_EQ(verified(code), "");
  EXPECT_EQ(launched(code), "");
  EXPECT_THAT(verified("loop r0, 0, 2, 1\ncopy codes[0], bytes[0], sizes=256, token=0\nend"),
              HasSubstr("must be those at its start"));
}

TEST(Grid, BlocksOfAllRowsTakeTheSwizzlesColumnsFirst) {
  Kernel kernel;
  kernel.grid = {3, 2, 2, 0, 0};
  std::vector<std::array<int64_t, 3>> blocks;
  for (const Block &block : blocksOf(kernel, 3))
    blocks.push_back({block.column, block.firstRow, block.rows});
  EXPECT_EQ(blocks, (std::vector<std::array<int64_t, 3>>{
                        {0, 0, 2}, {1, 0, 2}, {0, 2, 1}, {1, 2, 1}, {2, 0, 2}, {2, 2, 1}}));
  EXPECT_TRUE(blocksOf(kernel, 0).empty());
}

TEST(Grid, BlocksSeeTheirRows) {
  // Two rows a block; each block reads its first row only.
  llvm::Expected<Program> read =
      assemble(".lmma 5\n.kernel k\n.buffer in : f32[M, 1]\n.buffer out : f32[M, 2]\n.shared rows : f32[2, 1]\n"
               ".grid r0, columns=2, rows=2, swizzle=1\ncopy rows[0, 0], in[0, 0], sizes=2x1, token=0\nwait 0\n"
               "loop r1, 0, rows(1), 2\nld.rows.f32 s0, rows[r1, 0]\nst.rows.f32 out[r1, r0], s0\nend\n.end\n",
               "k.lmma");
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  auto simulator = Simulator::create(std::move(*read));
  ASSERT_TRUE(bool(simulator)) << llvm::toString(simulator.takeError());
  std::vector<float> in = {1, 2, 3}, out(6);
  llvm::Error error =
      (*simulator)->launch(0, {{reinterpret_cast<char *>(in.data()), {3, 1}, {1, 1}},
                               {reinterpret_cast<char *>(out.data()), {3, 2}, {2, 1}}});
  ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  EXPECT_EQ(out, (std::vector<float>{1, 1, 2, 2, 3, 3}));
}

} // namespace
