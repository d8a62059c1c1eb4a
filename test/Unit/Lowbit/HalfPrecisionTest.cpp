//===- HalfPrecisionTest.cpp - exact half-precision storage ---------------===//
//
// All 65536 halves against llvm::APFloat.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Weights.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"
#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace lutra::lowbit;

TEST(HalfPrecision, EveryHalfIsExactAndComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    llvm::APFloat half(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits));
    if (half.isNaN()) {
      EXPECT_TRUE(std::isnan(fromF16Bits(bits)));
      EXPECT_FALSE(isExactF16(fromF16Bits(bits)));
      continue;
    }
    float value = half.convertToFloat();
    ASSERT_EQ(llvm::bit_cast<uint32_t>(fromF16Bits(bits)), llvm::bit_cast<uint32_t>(value)) << bits;
    ASSERT_TRUE(isExactF16(value)) << value;
    ASSERT_EQ(toF16Bits(value), bits) << value;
    if (half.isInfinity() || half.isZero())
      continue;
    // The neighbours in single precision are no halves.
    ASSERT_FALSE(isExactF16(std::nextafter(value, INFINITY))) << value;
    ASSERT_FALSE(isExactF16(std::nextafter(value, 0.0f))) << value;
  }
}

TEST(HalfPrecision, OutOfRange) {
  EXPECT_FALSE(isExactF16(65536.0f));
  EXPECT_FALSE(isExactF16(0x1p-25f));
  EXPECT_FALSE(isExactF16(std::numeric_limits<float>::denorm_min()));
  EXPECT_FALSE(isExactF16(std::numeric_limits<float>::max()));
}
