//===- NpyTest.cpp - .npy files: round trips and refusals -----------------===//
#include "lutra/Support/Npy.h"

#include "llvm/Support/FileSystem.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace lutra;
using testing::HasSubstr;

/// A format 1.0 file with this header dict and these data bytes.
static std::string npy(llvm::StringRef dict, llvm::StringRef data, char major = 1) {
  std::string file("\x93NUMPY", 6);
  file += {major, 0, static_cast<char>(dict.size() & 255), static_cast<char>(dict.size() >> 8)};
  if (major > 1)
    file += {0, 0};
  return file + dict.str() + data.str();
}

static std::string refusal(llvm::StringRef file) {
  llvm::Expected<NpyArray> array = parseNpy(file, "x.npy");
  EXPECT_FALSE(static_cast<bool>(array));
  return array ? "" : llvm::toString(array.takeError());
}

TEST(Npy, RoundTripsEveryDType) {
  const std::vector<std::vector<int64_t>> shapes = {{2, 3, 4}, {5}, {}, {0, 7}};
  for (DType dtype : {DType::F32, DType::F64, DType::F16, DType::I8, DType::I32, DType::I64, DType::U8, DType::Bool}) {
    for (const std::vector<int64_t> &shape : shapes) {
      llvm::SmallString<64> path;
      ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("lutra", "npy", path));
      NpyArray array = NpyArray::zeros(dtype, shape);
      for (size_t i = 0; i < array.bytes.size(); ++i)
        array.bytes[i] = static_cast<char>(i * 7 + 1);
      EXPECT_FALSE(static_cast<bool>(writeNpy(path, array)));
      llvm::Expected<NpyArray> read = readNpy(path);
      ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
      EXPECT_EQ(read->dtype, dtype);
      EXPECT_EQ(llvm::ArrayRef<int64_t>(read->shape), llvm::ArrayRef<int64_t>(shape));
      EXPECT_EQ(read->bytes, array.bytes);
      llvm::sys::fs::remove(path);
    }
  }
}

TEST(Npy, AcceptsFormat2AndKeysInAnyOrder) {
  llvm::Expected<NpyArray> array =
      parseNpy(npy("{'shape': (2,), 'descr': '<i4', 'fortran_order': False}\n", "abcdefgh", 2), "x.npy");
  ASSERT_TRUE(static_cast<bool>(array)) << llvm::toString(array.takeError());
  EXPECT_EQ(array->dtype, DType::I32);
  EXPECT_EQ(array->numElements(), 2);
}

TEST(Npy, RefusesWithReasons) {
  EXPECT_THAT(refusal("PK\x03\x04 not numpy"), HasSubstr("'x.npy': not a .npy file"));
  EXPECT_THAT(refusal(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "abcd")),
              HasSubstr("numpy.ascontiguousarray"));
  EXPECT_THAT(refusal(npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "abcd")), HasSubstr("'>f4'"));
  EXPECT_THAT(refusal(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "abcd")),
              HasSubstr("holds 4 bytes of data, but 2 f32 needs 8"));
  EXPECT_THAT(refusal(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "abcd")),
              HasSubstr("malformed"));
  EXPECT_THAT(refusal(npy("{'descr': '<f4', 'shape': (1,), }", "abcd")), HasSubstr("lacks"));
  EXPECT_THAT(refusal(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "abcd")),
              HasSubstr("structured"));
  EXPECT_THAT(refusal(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 8), }", "")),
              HasSubstr("does not fit 64 bits"));
  EXPECT_THAT(refusal(npy("{'descr'", "").substr(0, 12)), HasSubstr("truncated"));
}
