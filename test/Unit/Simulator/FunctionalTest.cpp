//===- FunctionalTest.cpp - simulated lookup matmuls, bit for bit ---------===//
//
// A direct implementation of docs/spec/numerics.md against programs on the simulator: random shapes with remainders in
// every dimension, both table kinds, and activations with zeros and subnormals (where a published implementation of
// this machine is wrong).
//
//===----------------------------------------------------------------------===//

#include "lib/Simulator/Lookup.h"
#include "lutra/Simulator/Simulator.h"

#include "gtest/gtest.h"

#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

using namespace lutra::ltc;

namespace {

struct Shape {
  int64_t m, n, k, group;
  unsigned planes;
  bool exact = false;
  int64_t groups() const { return (k + group - 1) / group; }
  int64_t tables() const { return (group + 7) / 8 * 2; }
  int64_t tiles() const { return (n + 63) / 64; }
  int64_t groupBytes() const { return planes * tables() / 2 * 64 + 64 * 4 + 64 * 4; }
};

enum class Values { Normal, Subnormal, ManyZeros };

/// A problem, its tables and its answer, straight from the definition.
struct Problem {
  Problem(Shape shape, Values values, unsigned seed) : s(shape), random(seed) {
    activations.resize(s.m * s.k);
    for (float &a : activations)
      a = draw(values);
    codes.resize(s.n * s.k);
    for (uint8_t &q : codes)
      q = random() & ((1u << s.planes) - 1);
    alphas.resize(s.n * s.groups());
    zetas.resize(s.n * s.groups());
    std::normal_distribution<float> normal;
    for (auto [alpha, zeta] : llvm::zip(alphas, zetas)) {
      alpha = normal(random) * 0.05f;
      zeta = std::round(normal(random) * 4);
    }
    precompute();
    pack();
  }

  float draw(Values values) {
    float x = std::normal_distribution<float>()(random);
    if (values == Values::Subnormal)
      return x * 1e-40f;
    return values == Values::ManyZeros && random() % 4 ? (random() % 2 ? 0.0f : -0.0f) : x;
  }

  void precompute() {
    const int64_t groups = s.groups(), tables = s.tables();
    entries.resize(s.m * groups * tables * 16);
    exactEntries.resize(entries.size());
    scales.assign(s.m * groups, 1);
    sums.resize(s.m * groups);
    for (int64_t m = 0; m < s.m; ++m)
      for (int64_t g = 0; g < groups; ++g) {
        float *table = &exactEntries[(m * groups + g) * tables * 16];
        float amax = 0;
        bool finite = true;
        for (int64_t t = 0; t < tables; ++t) {
          float a[4];
          for (int i = 0; i < 4; ++i) {
            int64_t lane = t * 4 + i, k = g * s.group + lane;
            a[i] = lane < s.group && k < s.k ? activations[m * s.k + k] : 0;
          }
          for (int index = 0; index < 16; ++index) {
            auto sign = [&](int i) { return index >> i & 1 ? a[i] : -a[i]; };
            float value = ((sign(0) + sign(1)) + sign(2)) + sign(3);
            table[t * 16 + index] = value;
            amax = std::max(amax, std::fabs(value));
            finite &= std::isfinite(value);
          }
          float sum = ((a[0] + a[1]) + a[2]) + a[3];
          float &total = sums[m * groups + g];
          total = t == 0 ? sum : total + sum;
        }
        float ts = amax * 0x1.020408p-7f, inverse = 127.0f / amax;
        if (amax < 0x1p-100f)
          ts = inverse = 0;
        for (int64_t e = 0; e < tables * 16; ++e)
          entries[(m * groups + g) * tables * 16 + e] =
              finite ? int8_t(std::clamp(std::nearbyint(table[e] * inverse), -127.0f, 127.0f)) : 0;
        if (!s.exact)
          scales[m * groups + g] = ts;
      }
  }

  uint8_t code(int64_t n, int64_t g, int64_t lane) const {
    int64_t k = g * s.group + lane;
    return n < s.n && lane < s.group && k < s.k ? codes[n * s.k + k] : 0;
  }

  /// Index of `table` in plane p as the machine wants it: the top bit is the sign, the rest complemented under it.
  uint8_t nibble(int64_t n, int64_t g, int64_t table, unsigned plane) const {
    uint8_t index = 0;
    for (int i = 0; i < 4; ++i)
      index |= (code(n, g, table * 4 + i) >> plane & 1) << i;
    return index & 8 ? 8 | (~index & 7) : index;
  }

  void pack() {
    packed.resize(s.tiles() * s.groups() * s.groupBytes());
    uint8_t *out = packed.data();
    for (int64_t tile = 0; tile < s.tiles(); ++tile)
      for (int64_t g = 0; g < s.groups(); ++g) {
        for (unsigned p = 0; p < s.planes; ++p)
          for (int64_t pair = 0; pair < s.tables() / 2; ++pair)
            for (int64_t r = 0; r < 64; ++r)
              *out++ = nibble(tile * 64 + r, g, 2 * pair, p) | nibble(tile * 64 + r, g, 2 * pair + 1, p) << 4;
        for (const std::vector<float> *values : {&alphas, &zetas})
          for (int64_t r = 0; r < 64; ++r, out += 4) {
            int64_t n = tile * 64 + r;
            float value = n < s.n ? (*values)[n * s.groups() + g] : 0;
            std::memcpy(out, &value, 4);
          }
      }
  }

  /// The definition, "Lookup matmul (bipolar)".
  std::vector<float> expected() const {
    std::vector<float> result(s.m * s.n);
    const int64_t groups = s.groups(), tables = s.tables();
    for (int64_t m = 0; m < s.m; ++m)
      for (int64_t n = 0; n < s.n; ++n) {
        float y = 0;
        for (int64_t g = 0; g < groups; ++g) {
          int32_t sum = 0;
          float acc = 0;
          for (unsigned p = 0; p < s.planes; ++p) {
            int32_t plane = 0;
            float exact = 0;
            for (int64_t t = 0; t < tables; ++t) {
              unsigned index = 0;
              for (int i = 0; i < 4; ++i)
                index |= (code(n, g, t * 4 + i) >> p & 1) << i;
              int64_t at = ((m * groups + g) * tables + t) * 16 + index;
              plane += entries[at];
              exact = t == 0 ? exactEntries[at] : exact + exactEntries[at];
            }
            sum += plane << p;
            acc = p == 0 ? exact : std::fma(float(1 << p), exact, acc);
          }
          if (!s.exact)
            acc = float(sum);
          float correction = zetas[n * groups + g] * sums[m * groups + g];
          float u = std::fma(scales[m * groups + g], acc, correction);
          y = std::fma(alphas[n * groups + g], u, y);
        }
        result[m * s.n + n] = y;
      }
    return result;
  }

  /// A plain kernel: one m2 block at a time, chunks of 16 tables.
  std::string kernel() const {
    std::string text;
    llvm::raw_string_ostream os(text);
    const char *type = s.exact ? "f32" : "i8";
    os << ".lmma 5\n.kernel k\n.buffer entries : " << type << "[M, " << s.groups() << ", " << s.tables() * 16
       << "]\n.buffer scales : f32[M, " << s.groups() << "]\n.buffer sums : f32[M, " << s.groups()
       << "]\n.buffer weights : i8[" << packed.size() << "]\n.buffer out : f32[M, " << s.n << "]\n";
    const int64_t groupBytes = s.groupBytes(), tileBytes = groupBytes * s.groups(), run = s.tables() / 2 * 64;
    std::string base = std::to_string(tileBytes) + "*r1 + " + std::to_string(groupBytes) + "*r2 + ";
    os << "loop r0, 0, rows(1), 2\nloop r1, 0, " << s.tiles() << ", 1\nzero f0\nloop r2, 0, " << s.groups()
       << ", 1\nzero a0\n";
    for (unsigned p = 0; s.exact && p < s.planes; ++p)
      os << "negzero f" << 1 + p << "\n";
    for (int64_t first = 0; first < s.tables(); first += 16) {
      int64_t count = std::min<int64_t>(16, s.tables() - first);
      os << "ld.table." << type << " t0, entries[r0, r2, " << first * 16 << "], tables=" << count
         << "\nld.weights w0, weights[" << base << first * 32 << "], planes=" << s.planes << ", tables=" << count
         << ", pitch=" << run << "\n";
      for (int64_t t = 0; t < count; ++t)
        if (!s.exact)
          os << "lmma.m2n64k4.i8.w" << s.planes << ".i32.i32 a0, t0[" << t << "], w0[" << t << "]\n";
        else
          for (unsigned p = 0; p < s.planes; ++p)
            os << "lmma.m2n64k4.f32.w1.f32.f32 f" << 1 + p << ", t0[" << t << "], w0[" << t << ", " << p << "]\n";
    }
    for (unsigned p = 1; s.exact && p < s.planes; ++p)
      os << "shift.f32 f1, f" << 1 + p << ", " << p << "\n";
    os << "ld.rows.f32 s0, scales[r0, r2]\nld.rows.f32 s1, sums[r0, r2]\n"
       << "ld.cols.f32 c0, weights[" << base << run * s.planes << "]\nld.cols.f32 c1, weights[" << base
       << run * s.planes + 256 << "]\n"
       << (s.exact ? "scale.f32 f0, f1" : "scale.i32 f0, a0")
       << ", s0, s1, c0, c1\nend\nst.f32 out[r0, 64*r1], f0\nend\nend\n.end\n";
    return text;
  }

  std::vector<float> simulated() {
    std::vector<float> result(s.m * s.n, -1);
    llvm::Expected<Program> program = assemble(kernel(), "test");
    if (!program) {
      ADD_FAILURE() << llvm::toString(program.takeError());
      return result;
    }
    auto simulator = Simulator::create(std::move(*program));
    if (!simulator) {
      ADD_FAILURE() << llvm::toString(simulator.takeError());
      return result;
    }
    const int64_t g = s.groups(), e = s.tables() * 16;
    auto data = [](auto &values) { return reinterpret_cast<char *>(values.data()); };
    std::vector<HostBuffer> buffers = {{s.exact ? data(exactEntries) : data(entries), {s.m, g, e}, {g * e, e, 1}},
                                       {data(scales), {s.m, g}, {g, 1}},
                                       {data(sums), {s.m, g}, {g, 1}},
                                       {data(packed), {int64_t(packed.size())}, {1}},
                                       {data(result), {s.m, s.n}, {s.n, 1}}};
    if (llvm::Error error = (*simulator)->launch(0, buffers))
      ADD_FAILURE() << llvm::toString(std::move(error));
    return result;
  }

  Shape s;
  std::mt19937 random;
  std::vector<float> activations, alphas, zetas, scales, sums, exactEntries;
  std::vector<uint8_t> codes, packed;
  std::vector<int8_t> entries;
};

void expectSameBits(Shape shape, Values values, unsigned seed) {
  Problem problem(shape, values, seed);
  std::vector<float> expected = problem.expected(), actual = problem.simulated();
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(actual[i]), std::bit_cast<uint32_t>(expected[i]))
        << "element " << i << " of " << shape.m << "x" << shape.n << "x" << shape.k << " group " << shape.group
        << " planes " << shape.planes << (shape.exact ? " f32" : " i8");
}

TEST(Functional, RandomShapes) {
  std::mt19937 random(7);
  auto between = [&](int low, int high) { return int64_t(low + random() % (high - low + 1)); };
  for (unsigned round = 0; round < 60; ++round) {
    Shape shape{between(1, 5), between(1, 200),         between(1, 300),
                between(0, 4), unsigned(between(1, 8)), round % 3 == 0};
    constexpr int64_t groups[] = {16, 32, 64, 128, 300};
    shape.group = groups[shape.group];
    expectSameBits(shape, Values(round % 3), round);
  }
}

TEST(Functional, ShapesThatDivideNothing) {
  for (bool exact : {false, true})
    expectSameBits({5, 131, 264, 32, 4, exact}, Values::Normal, 1);
}

TEST(Functional, ZeroEntries) {
  for (bool exact : {false, true})
    for (unsigned planes : {1u, 2u, 4u})
      expectSameBits({2, 64, 64, 32, planes, exact}, Values::ManyZeros, planes);
}

TEST(Functional, SubnormalEntries) {
  for (bool exact : {false, true})
    for (unsigned planes : {1u, 2u, 4u})
      expectSameBits({2, 64, 64, 32, planes, exact}, Values::Subnormal, planes);
  // Quantized tables of numbers this small are zero by definition; exact ones are not.
  Problem problem({1, 64, 32, 32, 1, true}, Values::Subnormal, 3);
  EXPECT_TRUE(llvm::any_of(problem.simulated(), [](float y) { return y != 0; }));
}

TEST(Functional, HalfAndByteColumns) {
  llvm::Expected<Program> program =
      assemble(".lmma 5\n.kernel k\n.buffer w : i8[512]\n.buffer rows : f32[M, 1]\n.buffer out : f32[M, 64]\n"
               "zero f0\nzero a0\nld.rows.f32 s0, rows[0, 0]\nld.cols.f16 c0, w[0]\nld.cols.i8 c1, w[128]\n"
               "scale.i32 f0, a0, s0, s0, c0, c1\nst.f32 out[0, 0], f0\n.end\n",
               "test");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  auto simulator = Simulator::create(std::move(*program));
  ASSERT_TRUE(bool(simulator)) << llvm::toString(simulator.takeError());
  // y = alpha * (zeta * 1): f16 1.5, -2, the smallest subnormal, the largest number.
  std::vector<char> weights(512);
  const uint16_t halves[] = {0x3e00, 0xc000, 0x0001, 0x7bff};
  const float values[] = {1.5f, -2, 0x1p-24f, 65504};
  std::memcpy(weights.data(), halves, sizeof(halves));
  std::fill(weights.begin() + 128, weights.begin() + 192, char(-3));
  float one = 1;
  std::vector<float> out(64);
  std::vector<HostBuffer> buffers = {{weights.data(), {512}, {1}},
                                     {reinterpret_cast<char *>(&one), {1, 1}, {1, 1}},
                                     {reinterpret_cast<char *>(out.data()), {1, 64}, {64, 1}}};
  ASSERT_FALSE(bool((*simulator)->launch(0, buffers)));
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(out[i], values[i] * -3);
}

TEST(Functional, EpiloguesOfColumnsAndExtremes) {
  llvm::Expected<Program> program =
      assemble(".lmma 5\n.kernel k\n.buffer bias : f32[70]\n.buffer x : f32[M, 70]\n.buffer most : f32[M, 70]\n.buffer least : f32[M, 70]\n"
               ".grid r0, columns=2, rows=0, swizzle=1\nloop r1, 0, rows(1), 2\nld.cols.f32 c0, bias[64*r0]\nspread f0, c0\n"
               "ld.tile.f32 f1, x[r1, 64*r0]\nmax.f32 f2, f0, f1\nmin.f32 f3, f0, f1\nst.f32 most[r1, 64*r0], f2\n"
               "st.f32 least[r1, 64*r0], f3\nend\n.end\n",
               "test");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  auto simulator = Simulator::create(std::move(*program));
  ASSERT_TRUE(bool(simulator)) << llvm::toString(simulator.takeError());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> bias(70), x(210), most(210), least(210);
  for (int i = 0; i < 70; ++i) {
    bias[i] = i == 1 ? nan : i == 2 ? -0.0f : i == 3 ? 0.0f : float(i - 35);
    for (int row = 0; row < 3; ++row)
      x[row * 70 + i] = i == 2 ? 0.0f : i == 3 ? -0.0f : i == 4 ? nan : float(row * 20 - i);
  }
  auto bind = [](std::vector<float> &values, llvm::SmallVector<int64_t, 3> sizes) {
    llvm::SmallVector<int64_t, 3> strides(sizes.size(), 1);
    strides[0] = sizes.size() > 1 ? sizes[1] : 1;
    return HostBuffer{reinterpret_cast<char *>(values.data()), sizes, strides};
  };
  std::vector<HostBuffer> buffers = {bind(bias, {70}), bind(x, {3, 70}), bind(most, {3, 70}), bind(least, {3, 70})};
  ASSERT_FALSE(bool((*simulator)->launch(0, buffers)));
  for (int row = 0; row < 3; ++row)
    for (int i = 0; i < 70; ++i) {
      const float a = bias[i], b = x[row * 70 + i], high = most[row * 70 + i], low = least[row * 70 + i];
      if (i == 1 || i == 4) {
        EXPECT_TRUE(std::isnan(high) && std::isnan(low)) << i;
      } else if (i == 2 || i == 3) {
        EXPECT_FALSE(std::signbit(high));
        EXPECT_TRUE(std::signbit(low));
      } else {
        EXPECT_EQ(high, std::max(a, b));
        EXPECT_EQ(low, std::min(a, b));
      }
    }
}

TEST(Functional, WideEntriesAndFusedSums) {
  llvm::Expected<Program> program =
      assemble(".lmma 5\n.kernel k\n.buffer ints : i16[M, 1, 32]\n.buffer halves : f16[M, 1, 32]\n"
               ".buffer rows : f32[M, 2]\n.buffer w : i8[512]\n.buffer out : f32[M, 64]\n"
               "ld.table.i16 t0, ints[0, 0, 0], tables=2\nld.table.f16 t1, halves[0, 0, 0], tables=2\n"
               "ld.rows.f32 s0, rows[0, 0]\nld.rows.f32 s1, rows[0, 1]\n"
               "ld.weights w0, w[0], planes=1, tables=2, pitch=64\nld.cols.f32 c0, w[256]\n"
               "negzero f0\nfma.outer f0, s1, c0\nzero a0\nlmma.m2n64k4.i16.w1.i32.i32 a0, t0[0], w0[0]\n"
               "fma.rows.i32 f0, a0, s0\nnegzero f1\nlmma.m2n64k4.f16.w1.f32.f32 f1, t1[1], w0[1]\n"
               "fma.cols f1, f0, c0\nst.f32 out[0, 0], f1\n.end\n",
               "test");
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  auto simulator = Simulator::create(std::move(*program));
  ASSERT_TRUE(bool(simulator)) << llvm::toString(simulator.takeError());
  int16_t ints[32] = {32767, -32767, 300, -1, 0, 7, 12345, -20000};
  // 1, -2, the smallest subnormal, the largest number, -0, in the second table.
  uint16_t halves[32] = {};
  const uint16_t second[8] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x3555, 0, 0x2e66};
  const float values[8] = {1, -2, 0x1p-24f, 65504, -0.0f, 0x1.554p-2f, 0, 0x1.998p-4f};
  std::copy(std::begin(second), std::end(second), halves + 16);
  float rows[] = {0.1f, 0.3f};
  std::vector<char> weights(512);
  std::vector<float> factors(64), out(64);
  for (int n = 0; n < 64; ++n) {
    weights[n] = char(n * 37);
    factors[n] = 0.7f * float(n - 30);
  }
  std::memcpy(weights.data() + 256, factors.data(), 256);
  std::vector<HostBuffer> buffers = {{reinterpret_cast<char *>(ints), {1, 1, 32}, {32, 32, 1}},
                                     {reinterpret_cast<char *>(halves), {1, 1, 32}, {32, 32, 1}},
                                     {reinterpret_cast<char *>(rows), {1, 2}, {2, 1}},
                                     {weights.data(), {512}, {1}},
                                     {reinterpret_cast<char *>(out.data()), {1, 64}, {64, 1}}};
  ASSERT_FALSE(bool((*simulator)->launch(0, buffers)));
  for (int n = 0; n < 64; ++n) {
    // A code is a sign and an index of the stored half.
    unsigned low = uint8_t(weights[n]) & 15, high = uint8_t(weights[n]) >> 4;
    int entry = low & 8 ? -ints[low & 7] : ints[low & 7];
    float half = high & 8 ? -values[high & 7] : values[high & 7];
    float u = std::fma(rows[0], float(entry), rows[1] * factors[n]);
    EXPECT_EQ(out[n], std::fma(factors[n], u, half)) << n;
  }
}

TEST(Functional, StoresStayInsideAndFollowStrides) {
  Problem problem({3, 70, 32, 32, 2}, Values::Normal, 5);
  llvm::Expected<Program> program = assemble(problem.kernel(), "test");
  ASSERT_TRUE(bool(program));
  auto simulator = Simulator::create(std::move(*program));
  ASSERT_TRUE(bool(simulator));
  // Rows 100 apart, an offset of 4: passed as memref descriptors.
  std::vector<float> out(400, -1);
  struct Descriptor3 {
    void *allocated, *aligned;
    int64_t offset, sizes[3], strides[3];
  } entries{nullptr, problem.entries.data(), 0, {3, 1, 128}, {128, 128, 1}};
  struct Descriptor2 {
    void *allocated, *aligned;
    int64_t offset, sizes[2], strides[2];
  } scales{nullptr, problem.scales.data(), 0, {3, 1}, {1, 1}}, sums{nullptr, problem.sums.data(), 0, {3, 1}, {1, 1}},
      result{nullptr, out.data(), 4, {3, 70}, {100, 1}};
  struct Descriptor1 {
    void *allocated, *aligned;
    int64_t offset, sizes[1], strides[1];
  } weights{nullptr, problem.packed.data(), 0, {int64_t(problem.packed.size())}, {1}};
  void *descriptors[] = {&entries, &scales, &sums, &weights, &result};
  llvm::Error error = (*simulator)->launch(0, 5, descriptors);
  ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  std::vector<float> expected = problem.expected();
  for (int64_t i = 0; i < 400; ++i) {
    int64_t row = (i - 4) / 100, column = (i - 4) % 100;
    bool inside = i >= 4 && row < 3 && column < 70;
    EXPECT_EQ(out[i], inside ? expected[row * 70 + column] : -1.0f) << i;
  }
  EXPECT_EQ((*simulator)->getStatistics()[0].launches, 1u);
  EXPECT_EQ((*simulator)->getStatistics()[0].rows, 3);
}

TEST(Functional, VectorLookupsAreTheScalarOnes) {
  std::mt19937 random(5);
  for (unsigned round = 0; round < 200; ++round) {
    // Every other round at the extremes, one in ten with an entry that fits no byte when it is negated.
    int16_t entries[kEntries];
    for (unsigned i = 0; i < kEntries / 2; ++i) {
      entries[i] = round % 2 ? (random() % 2 ? 127 : -127) : int(random() % 255) - 127;
      if (round % 10 == 3 && i == 2)
        entries[i] = -128;
      entries[i + kEntries / 2] = -entries[i];
    }
    const unsigned planes = 1 + random() % 8, n = round % 7 == 0 ? 48 : 64, pitch = n + random() % 3;
    std::vector<uint8_t> codes(pitch * planes);
    for (uint8_t &code : codes)
      code = random();
    std::vector<int32_t> expected(n), actual;
    for (int32_t &acc : expected)
      acc = int32_t(random());
    actual = expected;
    const unsigned shift = random() % 2 * 4;
    lookupPortable(expected.data(), entries, codes.data(), pitch, shift, planes, n);
    lookup(actual.data(), entries, codes.data(), pitch, shift, planes, n);
    ASSERT_EQ(actual, expected) << "round " << round;
  }
}

TEST(Functional, Speed) {
  Problem problem({64, 512, 512, 32, 4}, Values::Normal, 9);
  auto begin = std::chrono::steady_clock::now();
  problem.simulated();
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  double lookups = 64.0 * 512 * 512 / 4 * 4;
  RecordProperty("lookupsPerSecond", std::to_string(lookups / seconds));
  std::printf("%.1f million lookups per second\n", lookups / seconds * 1e-6);
}

} // namespace
