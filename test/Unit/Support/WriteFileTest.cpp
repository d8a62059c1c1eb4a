//===- WriteFileTest.cpp - what is written, and what cannot be ------------===//
#include "lutra/Support/WriteFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace lutra;
using testing::StartsWith;

/// What writing says, nothing where it succeeds.
static std::string write(llvm::StringRef path, llvm::function_ref<llvm::Error(llvm::raw_pwrite_stream &)> writer) {
  return llvm::toString(writeFile(path, writer));
}

static llvm::Error writeWord(llvm::raw_pwrite_stream &os) {
  os << "word";
  return llvm::Error::success();
}

TEST(WriteFile, ReplacesTheContent) {
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("write", "txt", path));
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(write(path, writeWord), "");
  EXPECT_EQ((*llvm::MemoryBuffer::getFile(path))->getBuffer(), "word");
  llvm::sys::fs::remove(path);
}

TEST(WriteFile, NamesWhatCannotBeWritten) {
  EXPECT_THAT(write("/no/such/folder/file", writeWord), StartsWith("cannot write '/no/such/folder/file': "));
  EXPECT_THAT(write("/dev/full", writeWord), StartsWith("cannot write '/dev/full': "));
}

TEST(WriteFile, TheWritersOwnErrorComesFirst) {
  auto fail = [](llvm::raw_pwrite_stream &os) {
    os << "word";
    return llvm::createStringError("nothing to write");
  };
  EXPECT_EQ(write("/dev/full", fail), "nothing to write");
}
