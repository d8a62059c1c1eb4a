//===- FamilyTest.cpp - every array shape, activation and weight ----------===//
//
// Tables made on the device and looked up, against sums of products: activations are small integers, so every sum is exact
// whatever its order, and each combination has one right answer.
//
//===----------------------------------------------------------------------===//

#include "lutra/Simulator/Simulator.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <random>

using namespace lutra::ltc;

namespace {

struct Case {
  unsigned m, n, k;
  /// Type of the activations and of the entries.
  const char *type;
  /// "w3", "wt", "wfp4".
  std::string weights;
  const char *out;
};

const llvm::fltSemantics &semanticsOf(llvm::StringRef type) {
  return type == "f16"    ? llvm::APFloat::IEEEhalf()
         : type == "bf16" ? llvm::APFloat::BFloat()
         : type == "f8"   ? llvm::APFloat::Float8E4M3FN()
         : type == "bf8"  ? llvm::APFloat::Float8E5M2()
                          : llvm::APFloat::IEEEsingle();
}

/// `value` as `type`, little-endian.
std::string bytesOf(int value, llvm::StringRef type) {
  uint64_t bits = uint64_t(int64_t(value));
  unsigned size = type == "i8" || type.ends_with("f8") ? 1 : type == "f32" || type == "i32" ? 4 : 2;
  if (type[0] != 'i') {
    llvm::APFloat number{float(value)};
    bool losesInfo;
    number.convert(semanticsOf(type), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    EXPECT_FALSE(losesInfo);
    bits = number.bitcastToAPInt().getZExtValue();
  }
  return std::string(reinterpret_cast<const char *>(&bits), size);
}

double valueAt(const char *data, llvm::StringRef type) {
  if (type == "i32") {
    int32_t value;
    std::memcpy(&value, data, 4);
    return value;
  }
  uint64_t bits = 0;
  const unsigned size = type == "f32" ? 4 : 2;
  std::memcpy(&bits, data, size);
  llvm::APFloat number(semanticsOf(type), llvm::APInt(8 * size, bits));
  bool losesInfo;
  number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

/// Twice the magnitudes of e2m1.
constexpr int kFP4[] = {0, 1, 2, 3, 4, 6, 8, 12};

void check(const Case &c) {
  SCOPED_TRACE(llvm::formatv("m{0}n{1}k{2} {3} {4} {5}", c.m, c.n, c.k, c.type, c.weights, c.out).str());
  constexpr unsigned tables = 4;
  const unsigned length = tables * c.k;
  const unsigned planes = c.weights == "wt" ? 2 : c.weights == "wfp4" ? 4 : unsigned(c.weights[1] - '0');
  std::mt19937 random(c.m * 1000 + c.n * 10 + c.k + planes);
  std::vector<int> acts(c.m * length);
  std::string actBytes;
  // Entries of f8 have four bits, of bf8 three: sums of up to 8 ones are exact.
  const int most = llvm::StringRef(c.type).ends_with("f8") ? 1 : 3;
  for (int &act : acts) {
    act = int(random() % (2 * most + 1)) - most;
    actBytes += bytesOf(act, c.type);
  }
  // Bits of each weight, by plane, and what it is worth.
  std::vector<unsigned> bits(c.n * length);
  for (unsigned &weight : bits)
    weight = random() % (1u << planes);
  auto worth = [&](unsigned weight) {
    if (c.weights == "wfp4")
      return 2 * (weight & 1 ? -1 : 1) * kFP4[(weight >> 2 & 3) << 1 | (weight >> 1 & 1)];
    int value = 0;
    for (unsigned plane = 0; plane < planes; ++plane)
      value += (weight >> plane & 1 ? 1 : -1) * (c.weights == "wt" ? 1 : 1 << plane);
    return value;
  };
  const bool wide = c.k > 4;
  const unsigned pitch = wide ? tables * c.n : tables / 2 * c.n, top = 1u << (c.k - 1);
  std::vector<uint8_t> codes(planes * pitch);
  for (unsigned plane = 0; plane < planes; ++plane)
    for (unsigned table = 0; table < tables; ++table)
      for (unsigned column = 0; column < c.n; ++column) {
        unsigned index = 0;
        for (unsigned lane = 0; lane < c.k; ++lane)
          index |= (bits[column * length + table * c.k + lane] >> plane & 1) << lane;
        if (c.weights != "wfp4" && (index & top))
          index = top | (~index & (top - 1));
        codes[plane * pitch + (wide ? table : table / 2) * c.n + column] |= index << (wide ? 0 : table % 2 * 4);
      }
  const bool ints = c.type[0] == 'i';
  const std::string acc = ints ? "i32" : "f32", file = ints ? "a" : "f";
  std::string text = llvm::formatv(".lmma 5\n.kernel k\n.buffer acts : {0}[M, {1}]\n.buffer codes : i8[{2}]\n"
                                   ".buffer out : {3}[M, {4}]\nld.act.{0} x0, acts[0, 0], count={1}\n"
                                   "precompute.{0} t0, x0, tables={5}\n"
                                   "ld.weights w0, codes[0], planes={6}, tables={5}, pitch={7}\nzero {8}0\n",
                                   c.type, length, codes.size(), c.out, c.n, tables, planes, pitch, file)
                         .str();
  const std::string name = llvm::formatv("lmma.m{0}n{1}k{2}.{3}.{4}.{5}.", c.m, c.n, c.k, c.type, c.weights, acc).str();
  for (unsigned table = 0; table + 1 < tables; ++table)
    text += llvm::formatv("{0}{1} {2}0, t0[{3}], w0[{3}]\n", name, acc, file, table).str();
  const unsigned last = tables - 1;
  if (c.out == acc)
    text += llvm::formatv("{0}{1} {2}0, t0[{3}], w0[{3}]\nst.{1} out[0, 0], {2}0\n.end\n", name, acc, file, last).str();
  else
    text += llvm::formatv("{0}{1} f1, {2}0, t0[{3}], w0[{3}]\nst.{1} out[0, 0], f1\n.end\n", name, c.out, file, last).str();
  llvm::Expected<Program> program = assemble(text, "k.lmma");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  Machine machine;
  machine.arrayM = c.m, machine.arrayN = c.n, machine.arrayK = c.k;
  auto simulator = Simulator::create(std::move(*program), machine);
  ASSERT_TRUE(bool(simulator)) << llvm::toString(simulator.takeError());
  const unsigned size = llvm::StringRef(c.out) == "f16" ? 2 : 4;
  std::string out(size_t(c.m) * c.n * size, '\xff');
  llvm::Error error = (*simulator)->launch(
      0, {{actBytes.data(), {c.m, length}, {length, 1}},
          {reinterpret_cast<char *>(codes.data()), {int64_t(codes.size())}, {1}},
          {out.data(), {c.m, c.n}, {c.n, 1}}});
  ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  for (unsigned row = 0; row < c.m; ++row)
    for (unsigned column = 0; column < c.n; ++column) {
      int expected = 0;
      for (unsigned lane = 0; lane < length; ++lane)
        expected += acts[row * length + lane] * worth(bits[column * length + lane]);
      if (llvm::StringRef(c.out) == "f16" && std::abs(expected) > 2048)
        continue;
      ASSERT_EQ(valueAt(&out[(row * c.n + column) * size], c.out), expected) << row << ", " << column;
    }
}

TEST(Family, ArrayShapes) {
  const std::array<unsigned, 3> shapes[] = {{1, 64, 4}, {2, 64, 4},  {4, 32, 4}, {8, 16, 4}, {2, 128, 2},
                                            {16, 5, 3}, {1, 256, 1}, {3, 40, 5}, {2, 16, 8}};
  for (auto [m, n, k] : shapes)
    for (const char *type : {"i8", "f32"})
      for (const char *weights : {"w1", "w4", "wt", "wfp4"})
        check({m, n, k, type, weights, type[0] == 'i' ? "i32" : "f32"});
}

TEST(Family, ActivationsAndWeights) {
  for (const char *type : {"i8", "i16", "f16", "bf16", "f8", "bf8", "f32"}) {
    for (unsigned bits = 1; bits <= 8; ++bits)
      check({2, 64, 4, type, "w" + std::to_string(bits), type[0] == 'i' ? "i32" : "f32"});
    for (const char *weights : {"wt", "wfp4"})
      check({2, 64, 4, type, weights, type[0] == 'i' ? "i32" : "f32"});
  }
}

TEST(Family, Outputs) {
  for (const char *type : {"i8", "f16"})
    for (const char *out : {"f32", "f16"})
      for (const char *weights : {"w3", "wt", "wfp4"})
        check({2, 64, 4, type, weights, out});
}

TEST(Family, ShapesBeyondTheFamilyAreRefused) {
  Machine machine;
  machine.arrayK = 9;
  auto simulator = Simulator::create(Program(), machine);
  ASSERT_FALSE(bool(simulator));
  EXPECT_EQ(llvm::toString(simulator.takeError()),
            "machine 'ltc-1': the array needs m of 1 to 16, n of 1 to 256 and k of 1 to 8, and the machine a queue and a core of "
            "at least 1; found m2n64k9");
}

} // namespace
