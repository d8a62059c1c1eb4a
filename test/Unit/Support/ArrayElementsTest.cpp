//===- ArrayElementsTest.cpp - elements as scalars and text ---------------===//
#include "lutra/Support/ArrayElements.h"

#include "gtest/gtest.h"
#include <cmath>

using namespace lutra;

static NpyArray bytes(DType dtype, std::vector<char> values) {
  NpyArray array = NpyArray::zeros(dtype, {static_cast<int64_t>(values.size())});
  array.bytes = std::move(values);
  return array;
}

TEST(ArrayElements, EveryCodeOfASmallFloatIsReadAndWrittenBack) {
  struct Kind {
    DType dtype;
    int codes;
  };
  for (Kind kind : {Kind{DType::E4M3, 256}, {DType::E4M3FNUZ, 256}, {DType::E5M2, 256}, {DType::E5M2FNUZ, 256}, {DType::E8M0, 256}, {DType::E2M1, 16}})
    for (int code = 0; code < kind.codes; ++code) {
      NpyArray array = bytes(kind.dtype, {static_cast<char>(code)}), copy = bytes(kind.dtype, {0});
      Scalar value = loadElement(array, 0);
      if (std::isnan(value.f))
        continue; // The payload of a NaN is not kept.
      storeElement(copy, 0, value);
      EXPECT_EQ(copy.bytes, array.bytes) << dtypeName(kind.dtype).str() << " code " << code << " is " << value.f;
    }
}

TEST(ArrayElements, SmallFloatsHaveTheValuesOfTheirFormats) {
  EXPECT_EQ(arrayText(bytes(DType::E4M3, {0x7e, 0x38, 0x7f, 0x01})), "[448, 1, nan, 0.002]");
  EXPECT_EQ(arrayText(bytes(DType::E5M2, {0x7b, 0x7c})), "[57344, inf]");
  EXPECT_EQ(arrayText(bytes(DType::E2M1, {1, 7, 9})), "[0.5, 6, -0.5]");
  EXPECT_EQ(arrayText(bytes(DType::E8M0, {127, 126})), "[1, 0.5]");
}

TEST(ArrayElements, SmallIntegersAreTheLowBitsOfTheirByte) {
  EXPECT_EQ(arrayText(bytes(DType::I4, {0x08, 0x07, 0x7f})), "[-8, 7, -1]");
  EXPECT_EQ(arrayText(bytes(DType::U4, {0x08, 0x1f})), "[8, 15]");
  EXPECT_EQ(arrayText(bytes(DType::I2, {0x02, 0x01})), "[-2, 1]");
  EXPECT_EQ(arrayText(bytes(DType::U2, {0x02, 0x07})), "[2, 3]");
  NpyArray array = bytes(DType::I4, {0});
  storeElement(array, 0, {.i = -3});
  EXPECT_EQ(loadElement(array, 0).i, -3);
}
