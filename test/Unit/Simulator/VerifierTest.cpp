//===- VerifierTest.cpp - illegal programs --------------------------------===//

#include "lutra/Simulator/Simulator.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace lutra::ltc;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

constexpr const char *kBuffers = ".lmma 5\n.kernel k\n.buffer entries : i8[M, 2, 128]\n.buffer scales : f32[M, 2]\n"
                                 ".buffer weights : i8[1024]\n.buffer out : f32[M, 131]\n";

/// The verifier's error about a kernel with the buffers above and this code.
std::string errorOf(llvm::StringRef code) {
  llvm::Expected<Program> program = assemble((kBuffers + code + "\n.end\n").str(), "k.lmma");
  if (!program)
    return "assembler: " + llvm::toString(program.takeError());
  llvm::Error error = verify(*program, Machine());
  return error ? llvm::toString(std::move(error)) : "";
}

const std::string kLoads = "ld.table.i8 t0, entries[0, 0, 0], tables=8\n"
                           "ld.weights w0, weights[0], planes=4, tables=8, pitch=256\nzero a0\n";

TEST(Verifier, AcceptsLegalCode) {
  EXPECT_EQ(errorOf(kLoads + "lmma.m2n64k4.i8.w4.i32.i32 a0, t0[7], w0[7]"), "");
  EXPECT_EQ(errorOf("loop r0, 0, rows(1), 2\nloop r1, 0, 3, 1\nzero f0\nst.f32 out[r0, 64*r1], f0\nend\nend"), "");
}

TEST(Verifier, NamesAddressLineAndText) {
  EXPECT_THAT(errorOf("zero a0\nzero a32"),
              StartsWith("kernel 'k', address 0x0001 (line 8), 'zero a32': register a32 does not exist; "
                         "machine 'ltc-1' has a0 to a31"));
}

TEST(Verifier, CopiesAreWaitedFor) {
  const std::string copy = "ld.rows.f32 s0, scales[0, 0], token=3\nset.cols c0, 1\nzero f0\n";
  EXPECT_EQ(errorOf(copy + "wait 3\nfma.outer f0, s0, c0"), "");
  EXPECT_THAT(errorOf(copy + "fma.outer f0, s0, c0"),
              HasSubstr("'fma.outer f0, s0, c0': the copy into s0 at address 0 has not been waited for; put 'wait 3' "
                        "before this"));
  EXPECT_THAT(errorOf(copy + "wait 2\nfma.outer f0, s0, c0"), HasSubstr("has not been waited for"));
  EXPECT_THAT(errorOf(copy + "ld.rows.f32 s0, scales[0, 1]"), HasSubstr("has not been waited for"));
  EXPECT_THAT(errorOf("ld.rows.f32 s0, scales[0, 0], token=16"), HasSubstr("token 16 does not exist"));
  EXPECT_THAT(errorOf("wait 16"), HasSubstr("token 16 does not exist; the machine has 0 to 15"));
}

TEST(Verifier, CopiesAcrossIterations) {
  const std::string begin = "set.cols c0, 1\nzero f0\nld.rows.f32 s0, scales[0, 0], token=0\n";
  // Double-buffered: the next copy is on its way at the end of the body as it was at its start.
  EXPECT_EQ(errorOf(begin + "loop r0, 0, 4, 1\nwait 0\nfma.outer f0, s0, c0\nld.rows.f32 s0, scales[r0, 0], token=0\n"
                            "end\nwait 0"),
            "");
  EXPECT_THAT(errorOf(begin + "loop r0, 0, 4, 1\nwait 0\nfma.outer f0, s0, c0\nend"),
              HasSubstr("the copies on their way at the end of this loop must be those at its start"));
  EXPECT_THAT(errorOf("loop r0, 0, 4, 1\nld.rows.f32 s0, scales[r0, 0], token=0\nend"),
              HasSubstr("must be those at its start"));
}

TEST(Verifier, RegistersExist) {
  EXPECT_THAT(errorOf("ld.table.i8 t32, entries[0, 0, 0], tables=8"), HasSubstr("has t0 to t31"));
  EXPECT_THAT(errorOf("ld.weights w8, weights[0], planes=1, tables=2, pitch=0"), HasSubstr("has w0 to w7"));
  EXPECT_THAT(errorOf("set.cols c16, 1"), HasSubstr("has c0 to c15"));
}

TEST(Verifier, TilesHaveCapacity) {
  EXPECT_THAT(errorOf("ld.table.i8 t0, entries[0, 0, 0], tables=17"),
              HasSubstr("expected 1 to 16 tables in a tile, but found 17"));
  EXPECT_THAT(errorOf("ld.weights w0, weights[0], planes=9, tables=2, pitch=64"), HasSubstr("expected 1 to 8 planes"));
  EXPECT_THAT(errorOf("ld.weights w0, weights[0], planes=1, tables=3, pitch=64"),
              HasSubstr("expected an even number of tables"));
  EXPECT_THAT(errorOf("ld.weights w0, weights[0], planes=2, tables=4, pitch=64"),
              HasSubstr("expected a pitch of at least 128"));
}

TEST(Verifier, AccessesStayInside) {
  EXPECT_THAT(errorOf("ld.table.i8 t0, entries[0, 2, 0], tables=8"),
              HasSubstr("index 1 of 'entries' reaches 2, but its size is 2"));
  EXPECT_THAT(errorOf("ld.table.i8 t0, entries[0, 0, 16], tables=8"), HasSubstr("index 2 of 'entries' reaches 143"));
  EXPECT_THAT(errorOf("loop r0, 0, 2, 1\nld.weights w0, weights[512*r0], planes=3, tables=8, pitch=256\nend"),
              HasSubstr("index 0 of 'weights' reaches 1279, but its size is 1024"));
  EXPECT_THAT(errorOf("ld.weights w0, weights[-1], planes=1, tables=2, pitch=0"),
              HasSubstr("index 0 of 'weights' can be -1"));
  EXPECT_THAT(errorOf("ld.cols.f16 c0, weights[897]"), HasSubstr("reaches 1024, but its size is 1024"));
  EXPECT_THAT(errorOf("ld.cols.f16 c0, weights[1]"), HasSubstr("the byte index must be a multiple of 2"));
  EXPECT_THAT(errorOf("zero f0\nst.f32 out[0, 131], f0"),
              HasSubstr("index 1 of 'out' reaches 131, but its size is 131"));
  EXPECT_EQ(errorOf("zero f0\nst.f32 out[0, 130], f0"), "");
}

TEST(Verifier, OnlyFirstIndexCountsRows) {
  EXPECT_THAT(errorOf("loop r0, 0, rows(1), 1\nld.rows.f32 s0, scales[0, r0]\nend"),
              HasSubstr("index 1 of 'scales' counts rows"));
}

TEST(Verifier, BuffersHaveTheRightTypeAndRank) {
  EXPECT_THAT(errorOf("ld.table.f32 t0, entries[0, 0, 0], tables=8"),
              HasSubstr("buffer 'entries' holds i8; expected f32"));
  EXPECT_THAT(errorOf("ld.rows.f32 s0, scales[0]"), HasSubstr("expected a buffer of 2 dimensions and as many indices"));
  EXPECT_THAT(errorOf("ld.cols.i8 c0, entries[0, 0, 0]"), HasSubstr("expected a buffer of 1 dimensions"));
}

TEST(Verifier, TilesAreWrittenBeforeRead) {
  EXPECT_THAT(errorOf("scale.i32 f0, a0, s0, s1, c0, c1"), HasSubstr("f0 is read, but nothing has written it"));
  EXPECT_THAT(errorOf(kLoads + "lmma.m2n64k4.i8.w4.i32.i32 a1, t0[0], w0[0]"), HasSubstr("a1 is read"));
  // A loop over rows may have no iteration; one with constant bounds has some.
  EXPECT_THAT(errorOf("loop r0, 0, rows(1), 2\nzero f0\nend\nst.f32 out[0, 0], f0"), HasSubstr("f0 is read"));
  EXPECT_EQ(errorOf("loop r0, 0, 4, 2\nzero f0\nend\nst.f32 out[0, 0], f0"), "");
}

TEST(Verifier, LmmaFitsItsTilesAndTheArray) {
  EXPECT_THAT(errorOf(kLoads + "lmma.m4n64k4.i8.w4.i32.i32 a0, t0[0], w0[0]"),
              HasSubstr("machine 'ltc-1' has an m2n64k4 array"));
  EXPECT_THAT(errorOf(kLoads + "lmma.m2n64k4.i8.w4.i32.i32 a0, t0[8], w0[0]"), HasSubstr("t0 holds tables 0 to 7"));
  EXPECT_THAT(errorOf(kLoads + "lmma.m2n64k4.i8.w4.i32.i32 a0, t0[0], w0[8]"),
              HasSubstr("w0 holds the codes of tables 0 to 7"));
  EXPECT_THAT(errorOf(kLoads + "lmma.m2n64k4.i8.w4.i32.i32 a0, t0[0], w0[0, 1]"), HasSubstr("w0 holds planes 0 to 3"));
  EXPECT_THAT(errorOf(kLoads + "lmma.m2n64k4.i8.w9.i32.i32 a0, t0[0], w0[0]"),
              HasSubstr("expected weights of 1 to 8 bits"));
  EXPECT_THAT(errorOf(kLoads + "zero f0\nlmma.m2n64k4.f32.w1.f32.f32 f0, t0[0], w0[0]"),
              HasSubstr("t0 holds i8 entries; expected f32"));
}

TEST(Verifier, LoopsAreSound) {
  EXPECT_THAT(errorOf("loop r0, 0, 2, 1\nloop r0, 0, 2, 1\nend\nend"), HasSubstr("r0 counts an outer loop"));
  EXPECT_THAT(errorOf("loop r0, 0, 2, 0\nend"), HasSubstr("expected a step of at least 1, but found 0"));
  EXPECT_THAT(errorOf("loop r0, -1, 2, 1\nend"), HasSubstr("expected a lower bound of at least 0"));
  EXPECT_THAT(errorOf("ld.rows.f32 s0, scales[r3, 0]"),
              HasSubstr("r3 is not the register of a loop that is open here"));
}

TEST(Launch, RefusesWrongArguments) {
  llvm::Expected<Program> program = assemble(std::string(kBuffers) + ".end\n", "k.lmma");
  ASSERT_TRUE(bool(program));
  auto simulator = Simulator::create(std::move(*program));
  ASSERT_TRUE(bool(simulator));
  std::vector<char> memory(8192);
  auto launch = [&](std::vector<HostBuffer> buffers, unsigned kernel = 0) {
    llvm::Error error = (*simulator)->launch(kernel, buffers);
    return error ? llvm::toString(std::move(error)) : "";
  };
  auto legal = [&]() -> std::vector<HostBuffer> {
    return {{memory.data(), {1, 2, 128}, {256, 128, 1}},
            {memory.data(), {1, 2}, {2, 1}},
            {memory.data(), {1024}, {1}},
            {memory.data(), {1, 131}, {131, 1}}};
  };
  EXPECT_EQ(launch(legal()), "");
  EXPECT_THAT(launch(legal(), 1), HasSubstr("launch of kernel 1: the program has 1 kernels"));
  auto buffers = legal();
  buffers.pop_back();
  EXPECT_THAT(launch(buffers), HasSubstr("launch of kernel 'k': expected 4 buffers, but found 3"));
  buffers = legal();
  buffers[1].sizes[0] = 2;
  EXPECT_THAT(launch(buffers), HasSubstr("size 0 of buffer 'scales' must be 1, but is 2"));
  buffers = legal();
  buffers[2].sizes[0] = 1023;
  EXPECT_THAT(launch(buffers), HasSubstr("size 0 of buffer 'weights' must be 1024, but is 1023"));
  buffers = legal();
  buffers[3].strides[1] = 2;
  EXPECT_THAT(launch(buffers), HasSubstr("the innermost stride of buffer 'out' must be 1, but is 2"));
  buffers = legal();
  buffers[0].data = nullptr;
  EXPECT_THAT(launch(buffers), HasSubstr("buffer 'entries' has no data"));
}

} // namespace
