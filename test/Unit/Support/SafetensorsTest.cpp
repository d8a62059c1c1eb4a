//===- SafetensorsTest.cpp - the container: layout and refusals -----------===//
#include "lutra/Support/Safetensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace lutra;
using testing::HasSubstr;

static std::string file(llvm::StringRef json, size_t dataBytes) {
  std::string text(8, '\0');
  text[0] = static_cast<char>(json.size());
  return text + json.str() + std::string(dataBytes, 'x');
}

static std::string refusal(llvm::StringRef bytes) {
  llvm::Expected<SafetensorsHeader> header = parseSafetensors(bytes, "w.safetensors");
  EXPECT_FALSE(static_cast<bool>(header));
  return header ? "" : llvm::toString(header.takeError());
}

TEST(Safetensors, WritesAlignedTensorsThatReadBack) {
  llvm::SmallString<64> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("lutra", "safetensors", path));
  SafetensorsWriter writer;
  EXPECT_EQ(writer.add("a", DType::U8, {3}), 0u);
  EXPECT_EQ(writer.add("b", DType::F32, {2, 5}), 64u);
  EXPECT_EQ(writer.add("empty", DType::F32, {0, 5}), 128u);
  EXPECT_EQ(writer.add("c", DType::I64, {}), 128u);
  EXPECT_EQ(writer.dataSize(), 136u);
  llvm::Expected<SafetensorsSummary> summary = writer.write(path, [](size_t index, llvm::MutableArrayRef<char> out) {
    llvm::fill(out, static_cast<char>('A' + index));
    return llvm::Error::success();
  });
  ASSERT_TRUE(static_cast<bool>(summary)) << llvm::toString(summary.takeError());

  auto buffer = llvm::MemoryBuffer::getFile(path, false, false);
  ASSERT_TRUE(static_cast<bool>(buffer));
  llvm::StringRef bytes = (*buffer)->getBuffer();
  EXPECT_EQ(summary->bytes, bytes.size());
  EXPECT_EQ(summary->xxh3, llvm::xxh3_64bits(bytes));
  EXPECT_EQ(summary->dataOffset % 4096, 0u);
  llvm::Expected<SafetensorsHeader> header = parseSafetensors(bytes, path);
  ASSERT_TRUE(static_cast<bool>(header)) << llvm::toString(header.takeError());
  EXPECT_EQ(header->dataOffset, summary->dataOffset);
  ASSERT_EQ(header->entries.size(), 4u);
  const SafetensorsEntry *b = header->find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->offset, 64u);
  EXPECT_THAT(b->shape, testing::ElementsAre(2, 5));
  EXPECT_EQ(bytes.substr(header->dataOffset + b->offset, b->size), std::string(40, 'B'));
  EXPECT_EQ(header->find("d"), nullptr);
  llvm::sys::fs::remove(path);
}

TEST(Safetensors, FailedProducerLeavesNoFile) {
  llvm::SmallString<64> dir;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("lutra", dir));
  SafetensorsWriter writer;
  writer.add("a", DType::U8, {3});
  std::string path = (dir + "/w.safetensors").str();
  auto summary =
      writer.write(path, [](size_t, llvm::MutableArrayRef<char>) { return llvm::createStringError("no bytes today"); });
  ASSERT_FALSE(static_cast<bool>(summary));
  EXPECT_EQ(llvm::toString(summary.takeError()), "no bytes today");
  std::error_code ec;
  EXPECT_EQ(llvm::sys::fs::directory_iterator(dir, ec), llvm::sys::fs::directory_iterator());
  llvm::sys::fs::remove(dir);
}

TEST(Safetensors, DuplicateNamesAreRefused) {
  SafetensorsWriter writer;
  writer.add("a", DType::U8, {3});
  writer.add("a", DType::U8, {3});
  auto summary =
      writer.write("/nonexistent/w", [](size_t, llvm::MutableArrayRef<char>) { return llvm::Error::success(); });
  ASSERT_FALSE(static_cast<bool>(summary));
  EXPECT_THAT(llvm::toString(summary.takeError()), HasSubstr("two tensors are named 'a'"));
}

TEST(Safetensors, RefusesWithReasons) {
  EXPECT_THAT(refusal("abc"), HasSubstr("'w.safetensors': not a safetensors file: 3 bytes"));
  EXPECT_THAT(refusal(std::string(8, '\xff') + "{}"),
              HasSubstr("header length 18446744073709551615 does not fit the file of 10 bytes"));
  EXPECT_THAT(refusal(file("[1]", 0)), HasSubstr("does not start with '{'"));
  EXPECT_THAT(refusal(file("{\"a\":", 0)), HasSubstr("is not JSON"));
  EXPECT_THAT(refusal(file("{\"a\":3}", 0)), HasSubstr("tensor 'a' in the safetensors header: expected an object"));
  EXPECT_THAT(refusal(file(R"({"a":{"dtype":"U9","shape":[1],"data_offsets":[0,1]}})", 1)),
              HasSubstr("unknown dtype 'U9'"));
  EXPECT_THAT(refusal(file(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1)), HasSubstr("non-negative"));
  EXPECT_THAT(refusal(file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}})", 1)),
              HasSubstr("span 1 bytes, but dtype and shape need 4"));
  EXPECT_THAT(refusal(file(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2)),
              HasSubstr("neither holes nor overlaps"));
  EXPECT_THAT(refusal(file(R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", 4)),
              HasSubstr("it is truncated"));
  EXPECT_THAT(refusal(file(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 4)),
              HasSubstr("3 bytes follow the last tensor"));
}
