//===- AssemblerTest.cpp - assembly text to programs and back -------------===//

#include "lutra/Simulator/Program.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace lutra::ltc;
using testing::HasSubstr;

namespace {

/// Every instruction in its canonical form.
constexpr const char *kEverything = R"(.lmma 5

.kernel everything
.buffer entries : i8[M, 2, 128]
.buffer exact : f32[M, 2, 128]
.buffer scales : f32[M, 2]
.buffer weights : i8[4096]
.buffer out : f32[M, 131]
.buffer half : f16[M, 64]
.buffer brain : bf16[M, 64]
.buffer byte : f8[M, 64]
.buffer sums : i32[M, 64]
.buffer bias : f32[131]
.buffer tiny : bf8[M, 8]
.shared stage : i8[2, 1024]
.shared rows : f32[16, 8]
.grid r7, columns=3, rows=16, swizzle=2
  loop r0, 0, rows(16), 16
    loop r1, rows(16), rows(1), 2
      ld.table.i8 t0, entries[r0 + 2, 1, 0], tables=8
      ld.table.f32 t1, exact[r0, 0, 16], tables=7
      ld.rows.f32 s0, scales[r0, 1]
      ld.weights w0, weights[1152*r1 + 64], planes=4, tables=8, pitch=256
      ld.cols.f16 c0, weights[1024]
      ld.cols.f32 c1, weights[1024]
      ld.cols.i8 c2, weights[-64*r1 + 128]
      ld.table.i8 t2, entries[r0, 0, 0], tables=8, token=15
      ld.rows.f32 s1, scales[r0, 0], token=0
      ld.weights w1, weights[0], planes=1, tables=2, pitch=0, token=3
      ld.cols.i8 c4, weights[0], token=3
      wait 3
      set.cols c3, -0.100000001
      zero a0
      zero f0
      negzero f1
      lmma.m2n64k4.i8.w4.i32.i32 a0, t0[7], w0[7]
      lmma.m2n64k4.i8.w2.i32.i32 a0, t0[0], w0[0, 2]
      lmma.m2n64k4.f32.w1.f32.f32 f0, t1[0], w0[0, 3]
      shift.f32 f1, f0, 3
      scale.i32 f2, a0, s0, s1, c0, c1
      scale.f32 f2, f1, s0, s1, c0, c1
      st.f32 out[r0, 64*r1], f2
      st.f16 half[r0, 0], f2
      st.i32 sums[r0, 0], a0
      copy rows[2, 0], scales[r0, 0], sizes=8x2, token=4
      wait 4
      ld.rows.f32 s2, rows[4, 1]
      ld.act.bf16 x0, brain[r0, 0], count=64
      ld.act.f8 x1, byte[r0, 32*r7], count=32, token=1
      ld.tile.f16 f3, half[r0, 0]
      asum s3, x0, tables=8
      asum.more s3, x0, tables=8, first=8
      amax s4, x0, tables=8
      amax.more s4, x0, tables=1, first=3
      table.scale.i16 s5, s6, s4
      precompute.bf16 t3, x0, tables=16
      precompute.f8 t4, x0, tables=2, first=14
      quantize.i16 t5, x0, s6, tables=8
      ld.table.i8 t6, entries[r0, 0, 0], tables=8, pitch=8
      st.table.i8 entries[r0, 0, 0], t6, tables=8, pitch=8
      st.rows.f32 scales[r0, 0], s5
      set.rows s7, -0
      mul.rows s7, s5, s6
      spread f4, c3
      add.f32 f5, f4, f3
      sub.f32 f5, f4, f3
      mul.f32 f5, f4, f3
      div.f32 f5, f4, f3
      max.f32 f5, f4, f3
      min.f32 f5, f4, f3
      fma.rows.i32 f5, a0, s0
      fma.rows.f32 f5, f4, s0
      fma.cols f5, f4, c0
      fma.outer f5, s0, c0
      ld.cols.f32 c5, bias[64*r7]
      ld.act.bf8 x2, tiny[r0, 0], count=8
      precompute.bf8 t7, x2, tables=2
      lmma.m2n64k4.bf16.w3.f32.f32 f0, t3[0], w0[0]
      lmma.m2n64k4.i16.wt.i32.i32 a0, t5[0], w0[0, 1]
      lmma.m2n64k4.f8.wfp4.f32.f16 f6, f0, t4[0], w0[0]
      lmma.m2n64k4.i8.w4.i32.f32 f7, a0, t0[0], w0[0]
      exp.f32 f8, f7
      erf.f32 f8, f7
      tanh.f32 f9, f8
      ld.act.f32 x3, bias[64*r7], count=64
      squares d0, x0, count=64
      squares.more d0, x3, count=32
      norm s8, d0, count=576, 9.99999975e-06
      scale.act x4, x0, s8
      mul.act x4, x4, x3
    end
  end
.end
)";

std::string print(const Program &program) {
  std::string text;
  llvm::raw_string_ostream os(text);
  program.print(os);
  return text;
}

std::string errorOf(llvm::StringRef text) {
  llvm::Expected<Program> program = assemble(text, "k.lmma");
  return program ? "" : llvm::toString(program.takeError());
}

std::string errorOfLine(llvm::StringRef instruction) {
  return errorOf((".lmma 5\n.kernel k\n.buffer b : i8[64]\nzero a0\n" + instruction + "\n.end\n").str());
}

TEST(Assembler, PrintsWhatItReads) {
  llvm::Expected<Program> program = assemble(kEverything, "k.lmma");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  EXPECT_EQ(print(*program), kEverything);
}

TEST(Assembler, TheExampleHasEveryInstruction) {
  llvm::Expected<Program> program = assemble(kEverything, "k.lmma");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  std::vector<bool> seen(kOpcodes);
  for (const Instruction &i : program->kernels[0].code)
    seen[unsigned(i.opcode)] = true;
  for (unsigned opcode = 0; opcode < kOpcodes; ++opcode)
    EXPECT_TRUE(seen[opcode]) << "opcode " << opcode;
}

TEST(Assembler, IgnoresCommentsSpacesAndBlankLines) {
  llvm::Expected<Program> program =
      assemble("; a comment\n.lmma 5\n\n.kernel k ; another\n   zero   a3 ;\n.end", "k.lmma");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  EXPECT_EQ(print(*program), ".lmma 5\n\n.kernel k\n  zero a3\n.end\n");
}

TEST(Assembler, KeepsEveryFloatExactly) {
  for (float value : {0.1f, -7.0f, 1.17549435e-38f, 1e-45f, 3.40282347e38f, 16777217.0f, -0.0f}) {
    Program program;
    program.kernels.emplace_back();
    program.kernels[0].name = "k";
    program.kernels[0].code.emplace_back();
    program.kernels[0].code[0].opcode = Opcode::SetCols;
    program.kernels[0].code[0].value = value;
    llvm::Expected<Program> back = assemble(print(program), "k.lmma");
    ASSERT_TRUE(bool(back)) << llvm::toString(back.takeError());
    EXPECT_EQ(std::bit_cast<uint32_t>(back->kernels[0].code[0].value), std::bit_cast<uint32_t>(value));
  }
}

TEST(Assembler, AddressesAreComments) {
  llvm::Expected<Program> program = assemble(kEverything, "k.lmma");
  ASSERT_TRUE(bool(program));
  std::string text;
  llvm::raw_string_ostream os(text);
  program->print(os, /*addresses=*/true);
  EXPECT_THAT(text, HasSubstr("; 0x0018"));
  llvm::Expected<Program> back = assemble(text, "k.lmma");
  ASSERT_TRUE(bool(back));
  EXPECT_EQ(print(*back), kEverything);
}

TEST(Assembler, BinaryHoldsTheSame) {
  llvm::Expected<Program> program = assemble(kEverything, "k.lmma");
  ASSERT_TRUE(bool(program));
  const std::string bytes = encode(*program);
  EXPECT_LT(bytes.size(), std::string(kEverything).size());
  llvm::Expected<Program> back = readProgram(bytes, "k.bin");
  ASSERT_TRUE(bool(back)) << llvm::toString(back.takeError());
  EXPECT_EQ(print(*back), kEverything);
  EXPECT_EQ(encode(*back), bytes);
}

TEST(Assembler, RefusesBrokenBinaries) {
  auto errorOfBytes = [](std::string bytes) {
    llvm::Expected<Program> program = decode(bytes, "k.bin");
    return program ? std::string() : llvm::toString(program.takeError());
  };
  const std::string bytes = encode(*assemble(kEverything, "k.lmma"));
  EXPECT_EQ(errorOfBytes("ELF"),
            "k.bin: expected a program of the LUT tensor core, which begins with 'LMMB' and has at "
            "least 16 bytes");
  std::string version = bytes;
  version[4] = 9;
  EXPECT_THAT(errorOfBytes(version), HasSubstr("k.bin: program version 9 is not supported"));
  // Every truncation and every single changed byte is one error, not a crash.
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(errorOfBytes(bytes.substr(0, size)), "") << size;
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = char(changed[at] ^ 0x55);
    EXPECT_NE(errorOfBytes(changed), "") << at;
  }
  // The opcode of the first instruction: after the name, no buffers, no grid and the count.
  Program tiny = *assemble(".lmma 5\n.kernel k\nzero a0\n.end\n", "k.lmma");
  std::string opcode = encode(tiny);
  opcode[14] = 77;
  EXPECT_EQ(errorOfBytes(opcode), "k.bin: kernel 'k', address 0x0000: byte 0x000f: expected an opcode of 0 to 44, but "
                                  "found 77");
}

TEST(Assembler, RefusesOtherVersions) {
  EXPECT_THAT(errorOf(".lmma 1\n"),
              HasSubstr("k.lmma:1: program version 1 is not supported; this reader expects version 5"));
  EXPECT_THAT(errorOf(""), HasSubstr("the file is empty; expected '.lmma 5'"));
  EXPECT_THAT(errorOf(".kernel k\n.end\n"), HasSubstr("expected '.lmma 5' as the first line"));
}

TEST(Assembler, RefusesTruncatedFiles) {
  std::string text = kEverything;
  for (size_t size = 10; size + 6 < text.size(); size += 37)
    EXPECT_NE(errorOf(llvm::StringRef(text).take_front(size)), "") << size;
  EXPECT_THAT(errorOf(".lmma 5\n.kernel k\nzero a0\n"), HasSubstr("it is truncated, or '.end' is missing"));
}

TEST(Assembler, ErrorsNameLineAddressAndText) {
  std::string error = errorOfLine("ld.weights w0, b[0], planes=4 tables=8");
  EXPECT_THAT(error, HasSubstr("k.lmma:5: kernel 'k', address 0x0001: expected ',', but found 'tables=8'"));
  EXPECT_THAT(error, HasSubstr("\n  ld.weights w0, b[0], planes=4 tables=8"));
}

TEST(Assembler, RefusesBadInstructions) {
  EXPECT_THAT(errorOfLine("add a0, a1"), HasSubstr("unknown instruction 'add'; expected ld.table.<i8|i16|f16|bf16|f8|bf8|f32>"));
  EXPECT_THAT(errorOfLine("zero t0"), HasSubstr("expected a register a0, a1, ..., but found 't0'"));
  EXPECT_THAT(errorOfLine("zero a0 a1"), HasSubstr("expected the end of the line, but found 'a1'"));
  EXPECT_THAT(errorOfLine("zero a70000"), HasSubstr("between 0 and 65535, but found 70000"));
  EXPECT_THAT(errorOfLine("set.cols c0, inf"), HasSubstr("expected a finite number"));
  EXPECT_THAT(errorOfLine("lmma.m2n64.i8.w4.i32.i32 a0, t0[0], w0[0]"), HasSubstr("expected lmma.m<M>n<N>k<K>"));
  EXPECT_THAT(errorOfLine("lmma.m2n64k4.i8.w4.f32.f32 f0, t0[0], w0[0]"),
              HasSubstr("entries of i8 accumulate in i32, not in f32; for a sum in f32 write lmma.m2n64k4.i8.w4.i32.f32"));
  EXPECT_THAT(errorOfLine("lmma.m2n64k4.f16.w1.i32.i32 a0, t0[0], w0[0]"), HasSubstr("entries of f16 accumulate in f32, not in i32"));
  EXPECT_THAT(errorOfLine("fma.outer f0, c0, s0"), HasSubstr("expected a register s0, s1, ..., but found 'c0'"));
  EXPECT_THAT(errorOfLine("fma.rows f0, f1, s0"), HasSubstr("unknown instruction 'fma.rows'"));
  EXPECT_THAT(errorOfLine("ld.cols.i8 c0, d[0]"), HasSubstr("no buffer is called 'd' in this kernel"));
  EXPECT_THAT(errorOfLine("ld.cols.i8 c0, b[r8]"), HasSubstr("loop register r8 does not exist; there are r0 to r7"));
  EXPECT_THAT(errorOfLine("loop r0, 0, rows(0), 1\nend"), HasSubstr("expected a multiple of at least 1"));
  EXPECT_THAT(errorOfLine("loop r0, 0, 1, 1"),
              HasSubstr("kernel 'k', address 0x0001 (line 5), 'loop r0, 0, 1, 1': the kernel ends inside this loop"));
  EXPECT_THAT(errorOfLine("end"), HasSubstr("no loop is open here"));
}

TEST(Assembler, RefusesBadDirectives) {
  EXPECT_THAT(errorOf(".lmma 5\n.foo\n"), HasSubstr("unknown directive '.foo'"));
  EXPECT_THAT(errorOf(".lmma 5\nzero a0\n"), HasSubstr("an instruction stands outside of a kernel"));
  EXPECT_THAT(errorOf(".lmma 5\n.kernel k\n.end\n.kernel k\n"), HasSubstr("a kernel called 'k' exists already"));
  EXPECT_THAT(errorOf(".lmma 5\n.kernel k\n.buffer b : i4[1]\n"), HasSubstr("unknown element type 'i4'"));
  EXPECT_THAT(errorOf(".lmma 5\n.kernel k\n.buffer b : i8[1, M]\n"),
              HasSubstr("only the first size of a buffer in DRAM may be M"));
  EXPECT_THAT(errorOf(".lmma 5\n.kernel k\n.buffer b : i8[0]\n"),
              HasSubstr("expected a size of at least 1, but found 0"));
  EXPECT_THAT(errorOf(".lmma 5\n.kernel k\n.shared b : i8[M]\n"), HasSubstr("a buffer in DRAM may be M"));
  EXPECT_THAT(errorOf(".lmma 5\n.kernel k\n.shared s : i8[1]\n.buffer b : i8[1]\n"),
              HasSubstr("expected the buffers of a launch before the shared ones"));
  EXPECT_THAT(errorOf(".lmma 5\n.kernel k\n.grid r0, columns=0, rows=1, swizzle=1\n"),
              HasSubstr("expected columns and a swizzle of at least 1"));
  EXPECT_THAT(errorOf(".lmma 5\n.kernel k\n.grid r8, columns=1, rows=1, swizzle=1\n"),
              HasSubstr("loop register r8 does not exist"));
}

} // namespace
