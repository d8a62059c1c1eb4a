//===- ExternalDataTest.cpp - external tensors, and what must be refused --===//
#include "TestModel.h"

#include "lib/Frontend/ONNX/ExternalData.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

using namespace mlir;

namespace lutra::test {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

class ExternalDataTest : public FrontendTest {
protected:
  void SetUp() override {
    FrontendTest::SetUp();
    std::string bytes;
    for (int i = 0; i < 8192; ++i)
      bytes.push_back(char(i * 7));
    write(folder / "m.data", bytes);
    write(root / "secret", bytes);
  }

  /// A model with the external UINT8 tensor 't' of 4096 bytes.
  static ModelProto external(const Entries &entries) {
    ModelProto model = makeModel();
    addExternal(addTensor(model, "t", TensorProto::UINT8, {4096}), entries);
    return model;
  }
  std::string refusalOf(const Entries &entries, const ONNXImportOptions &options = {}) {
    std::string message = refusal(external(entries), options);
    EXPECT_THAT(message, HasSubstr("tensor 't': "));
    return message;
  }
};

TEST_F(ExternalDataTest, AliasesOneMappingOfTheFile) {
  ModelProto model = external({{"location", "./m.data"}, {"offset", "64"}, {"length", "4096"}, {"checksum", "0"}});
  addExternal(addTensor(model, "f", TensorProto::FLOAT, {512}),
              {{"location", "m.data"}, {"offset", "128"}, {"length", "2048"}});
  addExternal(addTensor(model, "odd", TensorProto::FLOAT, {512}),
              {{"location", "m.data"}, {"offset", "129"}, {"length", "2048"}});
  addExternal(addTensor(model, "small", TensorProto::UINT8, {2}), {{"location", "m.data"}, {"offset", "8190"}});
  OwningOpRef<ModuleOp> module = import(model);
  ASSERT_TRUE(module) << ::testing::PrintToString(messages);
  auto data = [&](const char *name) {
    return cast<DenseResourceElementsAttr>(constant(*module, name)).getRawHandle().getBlob()->getData();
  };
  ArrayRef<char> t = data("t"), f = data("f"), odd = data("odd");
  EXPECT_EQ(t.size(), 4096u);
  EXPECT_EQ(t[1], char(65 * 7));
  EXPECT_EQ(f.data(), t.data() + 64) << "both must lie in one mapping";
  EXPECT_EQ(reinterpret_cast<uintptr_t>(odd.data()) % alignof(float), 0u);
  EXPECT_EQ(std::memcmp(odd.data(), t.data() + 65, 2048), 0);
  auto small = llvm::to_vector(constant(*module, "small").getValues<uint8_t>());
  EXPECT_EQ(small, (SmallVector<uint8_t>{uint8_t(8190 * 7), uint8_t(8191 * 7)}));
  // The blobs keep the mapping after the model's file is gone.
  module = nullptr;
  std::filesystem::remove(folder / "m.data");
  EXPECT_EQ(t[1], char(65 * 7));
}

TEST_F(ExternalDataTest, ReadsFromSubfolders) {
  std::filesystem::create_directory(folder / "sub");
  std::filesystem::rename(folder / "m.data", folder / "sub" / "m.data");
  EXPECT_TRUE(import(external({{"location", "sub//m.data"}, {"length", "4096"}})));
}

TEST_F(ExternalDataTest, RefusesLocations) {
  EXPECT_THAT(refusalOf({{"location", (folder / "m.data").string()}}), HasSubstr("absolute path"));
  EXPECT_THAT(refusalOf({{"location", "C:\\m.data"}}), HasSubstr("absolute path"));
  for (const char *location : {"../secret", "sub/../../secret", "..", "m.data/..", "..\\secret", "a\\..\\..\\secret"})
    EXPECT_THAT(refusalOf({{"location", location}}), HasSubstr("must not contain '..'"));
  for (const char *location : {"", ".", "./"})
    EXPECT_THAT(refusalOf({{"location", location}}), HasSubstr("empty location"));
  EXPECT_THAT(refusalOf({}), HasSubstr("empty location"));
  EXPECT_THAT(refusalOf({{"location", std::string("m.data\0x", 8)}}), HasSubstr("NUL byte"));
  EXPECT_THAT(refusalOf({{"location", "*/_ORT_MEM_ADDR_/*"}}), HasSubstr("memory of the program"));
  EXPECT_THAT(refusalOf({{"location", "absent.data"}}), HasSubstr("'absent.data' does not exist"));
  EXPECT_THAT(refusalOf({{"location", "m.data/x"}}), HasSubstr("cannot be opened: Not a directory"));
  EXPECT_THAT(refusalOf({{"location", std::string(5000, 'x')}}), HasSubstr("cannot be opened"));
}

TEST_F(ExternalDataTest, RefusesKeysAndNumbers) {
  EXPECT_THAT(refusalOf({{"location", "m.data"}, {"permissions", "7"}}), HasSubstr("unknown key 'permissions'"));
  EXPECT_THAT(refusalOf({{"location", "m.data"}, {"location", "m.data"}}), HasSubstr("'location' twice"));
  for (const char *number : {"-1", "+1", "", " 1", "0x10", "1e3", "9223372036854775808", "99999999999999999999999"}) {
    EXPECT_THAT(refusalOf({{"location", "m.data"}, {"offset", number}}), HasSubstr("offset must be a non-negative"));
    EXPECT_THAT(refusalOf({{"location", "m.data"}, {"length", number}}), HasSubstr("length must be a non-negative"));
  }
}

TEST_F(ExternalDataTest, RefusesRanges) {
  EXPECT_THAT(refusalOf({{"location", "m.data"}, {"offset", "8193"}, {"length", "4096"}}),
              HasSubstr("begins at byte 8193 of 'm.data', which has only 8192 bytes"));
  EXPECT_THAT(refusalOf({{"location", "m.data"}, {"offset", "4097"}, {"length", "4096"}}),
              HasSubstr("ends at byte 8193"));
  EXPECT_THAT(refusalOf({{"location", "m.data"}, {"offset", "1"}, {"length", "9223372036854775807"}}),
              HasSubstr("ends at byte 9223372036854775808"));
  EXPECT_THAT(refusalOf({{"location", "m.data"}, {"offset", "9223372036854775807"}, {"length", "9223372036854775807"}}),
              HasSubstr("begins at byte 9223372036854775807"));
  EXPECT_THAT(refusalOf({{"location", "m.data"}, {"length", "4095"}}),
              HasSubstr("4095 bytes, but its type and dims need 4096"));
  EXPECT_THAT(refusalOf({{"location", "m.data"}}), HasSubstr("8192 bytes (to the end of the file"));
}

TEST_F(ExternalDataTest, RefusesLinks) {
  std::filesystem::create_symlink(root / "secret", folder / "link");
  EXPECT_THAT(refusalOf({{"location", "link"}, {"length", "4096"}}), HasSubstr("symbolic link"));
  std::filesystem::create_symlink("m.data", folder / "inner");
  EXPECT_THAT(refusalOf({{"location", "inner"}, {"length", "4096"}}), HasSubstr("symbolic link"));
  std::filesystem::create_directory_symlink(root, folder / "up");
  EXPECT_THAT(refusalOf({{"location", "up/secret"}, {"length", "4096"}}), HasSubstr("symbolic link"));
  std::filesystem::create_hard_link(root / "secret", folder / "hard");
  EXPECT_THAT(refusalOf({{"location", "hard"}, {"length", "4096"}}), HasSubstr("has 2 hard links"));
}

TEST_F(ExternalDataTest, RefusesWhatIsNotARegularFile) {
  std::filesystem::create_directory(folder / "directory");
  EXPECT_THAT(refusalOf({{"location", "directory"}}), HasSubstr("not a regular file"));
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(refusalOf({{"location", "fifo"}}), HasSubstr("not a regular file"));
}

TEST_F(ExternalDataTest, RefusesContradictions) {
  ModelProto model = external({{"location", "m.data"}, {"length", "4096"}});
  TensorProto *tensor = model.mutable_graph()->mutable_initializer(1);
  tensor->set_raw_data("x");
  EXPECT_THAT(refusal(model), HasSubstr("more than one way"));
  tensor->clear_raw_data();
  tensor->clear_data_location();
  EXPECT_THAT(refusal(model), HasSubstr("data_location does not say EXTERNAL"));
}

TEST_F(ExternalDataTest, FollowsLinksWithinANamedFolderOnly) {
  // As in a hub's cache: snapshots hold links to blobs.
  std::filesystem::create_directory(root / "cache");
  std::filesystem::create_directory(root / "cache" / "blobs");
  std::filesystem::rename(folder / "m.data", root / "cache" / "blobs" / "1234");
  std::filesystem::rename(folder, root / "cache" / "snapshot");
  folder = root / "cache" / "snapshot";
  std::filesystem::create_symlink("../blobs/1234", folder / "m.data");
  std::filesystem::create_symlink(root / "secret", folder / "out");
  std::filesystem::create_directory(root / "cache-private");
  write(root / "cache-private" / "data", std::string(4096, 'x'));
  std::filesystem::create_symlink(root / "cache-private" / "data", folder / "sibling");

  EXPECT_THAT(refusalOf({{"location", "m.data"}, {"length", "4096"}}), HasSubstr("symbolic link"));
  ONNXImportOptions options;
  options.followLinksWithin = (root / "cache").string();
  EXPECT_TRUE(import(external({{"location", "m.data"}, {"length", "4096"}}), options))
      << ::testing::PrintToString(messages);
  EXPECT_THAT(refusalOf({{"location", "out"}, {"length", "4096"}}, options), HasSubstr("outside the folder"));
  EXPECT_THAT(refusalOf({{"location", "sibling"}, {"length", "4096"}}, options), HasSubstr("outside the folder"));
  EXPECT_THAT(refusalOf({{"location", "absent"}}, options), HasSubstr("does not exist"));
  std::filesystem::create_hard_link(root / "cache" / "blobs" / "1234", root / "cache" / "blobs" / "5678");
  EXPECT_THAT(refusalOf({{"location", "m.data"}, {"length", "4096"}}, options), HasSubstr("hard links"));
  options.followLinksWithin = (root / "absent").string();
  EXPECT_THAT(refusalOf({{"location", "m.data"}}, options), HasSubstr("cannot be resolved"));
}

/// Kernels without openat2 must refuse the same things.
TEST_F(ExternalDataTest, BothWaysOfOpeningAgree) {
  std::filesystem::create_directory(folder / "sub");
  write(folder / "sub" / "data", "x");
  std::filesystem::create_symlink(root / "secret", folder / "link");
  std::filesystem::create_directory_symlink(root, folder / "up");
  frontend::FileDescriptor fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(fd.isValid());
  for (auto method : {frontend::OpenMethod::Best, frontend::OpenMethod::Portable}) {
    auto outcome = [&](const char *location) -> std::string {
      auto file = frontend::openBeneath(fd.get(), location, method);
      return file ? "opened" : llvm::toString(file.takeError());
    };
    EXPECT_EQ(outcome("m.data"), "opened");
    EXPECT_EQ(outcome("sub/data"), "opened");
    EXPECT_THAT(outcome("link"), HasSubstr("symbolic link"));
    EXPECT_THAT(outcome("up/secret"), HasSubstr("symbolic link"));
    EXPECT_THAT(outcome("absent"), HasSubstr("does not exist"));
    EXPECT_THAT(outcome("sub/absent"), HasSubstr("does not exist"));
    EXPECT_THAT(outcome("m.data/x"), HasSubstr("Not a directory"));
  }
}

} // namespace
} // namespace lutra::test
