//===- CAPITest.cpp - the C API: errors come back, nothing aborts ---------===//
//
// What a session does with good arrays is tested in test/Unit/Runtime and, through this API, by the Python package.
//
//===----------------------------------------------------------------------===//
#include "lutra-c/lutra.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using testing::HasSubstr;

namespace {
/// A place for a message, freed at the end.
struct Message {
  char *text = nullptr;
  ~Message() { lutraFree(text); }
  operator std::string() const { return text ? text : "(none)"; }
};
} // namespace

TEST(CAPI, VersionIsANumber) { EXPECT_THAT(lutraVersion(), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+")); }

TEST(CAPI, CompileErrorsComeBack) {
  Message missing, target, option;
  EXPECT_EQ(lutraCompile("/nonexistent.onnx", "/tmp/x", "cpu", nullptr, 0, nullptr, nullptr, &missing.text), 1);
  EXPECT_THAT(std::string(missing), HasSubstr("/nonexistent.onnx"));
  EXPECT_EQ(lutraCompile("/nonexistent.onnx", "/tmp/x", "cqu", nullptr, 0, nullptr, nullptr, &target.text), 1);
  EXPECT_THAT(std::string(target), HasSubstr("did you mean 'cpu'"));
  const char *options[] = {"cpu.mpcu=native"};
  EXPECT_EQ(lutraCompile("/nonexistent.onnx", "/tmp/x", nullptr, options, 1, nullptr, nullptr, &option.text), 1);
  EXPECT_THAT(std::string(option), HasSubstr("did you mean"));
}

TEST(CAPI, NullPointersAreErrors) {
  Message message[6];
  EXPECT_EQ(lutraCompile(nullptr, "x", nullptr, nullptr, 0, nullptr, nullptr, &message[0].text), 1);
  EXPECT_THAT(std::string(message[0]), HasSubstr("is null"));
  EXPECT_EQ(lutraCompile("x", "y", nullptr, nullptr, 2, nullptr, nullptr, &message[1].text), 1);
  EXPECT_THAT(std::string(message[1]), HasSubstr("target options are null"));
  EXPECT_EQ(lutraCompile(nullptr, "x", nullptr, nullptr, 0, nullptr, nullptr, nullptr), 1) << "a message is optional";
  LutraSession *session = nullptr;
  EXPECT_EQ(lutraSessionOpen(nullptr, 0, &session, &message[2].text), 1);
  EXPECT_EQ(lutraSessionOpen("x", 0, nullptr, &message[3].text), 1);
  EXPECT_EQ(lutraSessionRun(nullptr, nullptr, 0, nullptr, 0, &message[4].text), 1);
  EXPECT_THAT(std::string(message[4]), HasSubstr("session is null"));
  EXPECT_EQ(lutraSessionSetThreads(nullptr, 1), 1);
  EXPECT_STREQ(lutraSessionManifest(nullptr), "");
  lutraSessionClose(nullptr);
  lutraFree(nullptr);
}

TEST(CAPI, OpenErrorsComeBack) {
  LutraSession *session = reinterpret_cast<LutraSession *>(1);
  Message missing, flags, both;
  EXPECT_EQ(lutraSessionOpen("/nonexistent", 0, &session, &missing.text), 1);
  EXPECT_EQ(session, nullptr);
  EXPECT_THAT(std::string(missing), HasSubstr("'/nonexistent' is not a Lutra artifact"));
  EXPECT_EQ(lutraSessionOpen("/nonexistent", 64, &session, &flags.text), 1);
  EXPECT_THAT(std::string(flags), HasSubstr("unknown flags 64"));
  EXPECT_EQ(lutraSessionOpen("/nonexistent", LUTRA_SKIP_HASHES | LUTRA_VERIFY_HASHES, &session, &both.text), 1);
  EXPECT_THAT(std::string(both), HasSubstr("hashes are either skipped or verified"));
}
