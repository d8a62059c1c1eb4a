//===- SessionTest.cpp - opening and running artifacts, and refusing them -===//
//
// The artifact is made here around a library written in C (FakeModel.c), so each test can spoil one thing.
//
//===----------------------------------------------------------------------===//
#include "lutra/Runtime/Session.h"
#include "lutra/Runtime/Device.h"
#include "lutra/Support/SampleHash.h"
#include "lutra/Support/Safetensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cstring>

using namespace lutra;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class SessionTest : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("lutra-session", dir)); }
  void TearDown() override { llvm::sys::fs::remove_directories(dir); }

  std::string path(llvm::StringRef file) { return (dir + "/" + file).str(); }

  static std::string read(llvm::StringRef file) {
    return llvm::cantFail(llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(file, false, false)))->getBuffer().str();
  }
  static void write(llvm::StringRef file, llvm::StringRef text) {
    std::error_code ec;
    llvm::sys::fs::remove(file); // A loaded library keeps its inode: writing into it would change running code.
    llvm::raw_fd_ostream(file, ec) << text;
    ASSERT_FALSE(ec) << ec.message();
  }

  /// A whole artifact; weights[0] is 100.
  void makeArtifact(llvm::StringRef library = FAKE_MODEL, llvm::StringRef features = "", llvm::StringRef target = "cpu",
                    llvm::StringRef extra = "", int64_t floats = 16) {
    std::string code = read(library);
    write(path("model.so"), code);
    SafetensorsWriter writer;
    writer.add("w", DType::F32, {floats});
    SafetensorsSummary weights =
        llvm::cantFail(writer.write(path("weights.safetensors"), [](size_t, llvm::MutableArrayRef<char> out) {
          float value = 100;
          std::memcpy(out.data(), &value, sizeof(value));
          return llvm::Error::success();
        }));
    write(path("manifest.json"),
          llvm::formatv(R"({{"format": "lutra-artifact", "abi_version": 1, "lutra_version": "0.1.0",
      "target": {{"name": "{0}", "triple": "", "cpu": "imaginary", "features": [{1}]},
      "library": {{"file": "model.so", "bytes": {2}, "xxh3": "{3:x-16}"},
      "weights": {{"file": "weights.safetensors", "bytes": {4}, "data_offset": {5}, "xxh3": "{6:x-16}",
                  "xxh3_sample": "{8:x-16}"},
      "inputs": [{{"name": "a", "dtype": "f32", "shape": ["n", 4]}, {{"name": "b", "dtype": "f32", "shape": ["n", "k"]},
                 {{"name": "past", "dtype": "f32", "shape": ["n", 2]}],
      "outputs": [{{"name": "y", "dtype": "f32", "shape": ["n", 4]}, {{"name": "present", "dtype": "f32", "shape": ["n", 2]}],
      {7} "checks": ["first", "node 'Gather_3': the index is out of range"]})",
                        target, features, code.size(), llvm::xxh3_64bits(code), weights.bytes, weights.dataOffset,
                        weights.xxh3, extra, sampleHash(read(path("weights.safetensors"))))
              .str());
  }

  std::string refusal(const SessionOptions &options = {}) {
    auto session = Session::open(dir, options);
    EXPECT_FALSE(static_cast<bool>(session));
    return session ? "" : llvm::toString(session.takeError());
  }

  llvm::SmallString<64> dir;
};

/// Row-major f32 matrices and references to them.
struct Arrays {
  std::vector<float> a{1, 2, 3, 4, 5, 6, 7, 8}, b{10, 20, 30, 40, 50, 60}, past{1, 2, 3, 4},
      y = std::vector<float>(8), present = std::vector<float>(4);
  int64_t shapeA[2] = {2, 4}, shapeB[2] = {2, 3}, shapeP[2] = {2, 2};
  std::vector<TensorRef> inputs() {
    return {
        {a.data(), DType::F32, shapeA, {}}, {b.data(), DType::F32, shapeB, {}}, {past.data(), DType::F32, shapeP, {}}};
  }
  std::vector<TensorRef> outputs() {
    return {{y.data(), DType::F32, shapeA, {}}, {present.data(), DType::F32, shapeP, {}}};
  }
};

} // namespace

#define ASSERT_RUNS(error)                                                                                             \
  do {                                                                                                                 \
    llvm::Error e = (error);                                                                                           \
    ASSERT_FALSE(static_cast<bool>(e)) << llvm::toString(std::move(e));                                                \
  } while (false)

TEST_F(SessionTest, Runs) {
  makeArtifact();
  auto session = Session::open(dir);
  ASSERT_TRUE(static_cast<bool>(session)) << llvm::toString(session.takeError());
  Arrays arrays;
  auto shapes = (*session)->inferOutputShapes(arrays.inputs());
  ASSERT_TRUE(static_cast<bool>(shapes));
  EXPECT_THAT((*shapes)[0], ElementsAre(2, 4));
  EXPECT_THAT((*shapes)[1], ElementsAre(2, 2));
  ASSERT_RUNS((*session)->setThreads(2));
  ASSERT_RUNS((*session)->run(arrays.inputs(), arrays.outputs()));
  EXPECT_THAT(arrays.y, ElementsAre(161, 162, 163, 164, 255, 256, 257, 258));
  EXPECT_THAT(arrays.present, ElementsAre(2, 3, 4, 5));
}

TEST_F(SessionTest, OutputMayAliasInput) {
  makeArtifact();
  auto session = llvm::cantFail(Session::open(dir));
  Arrays arrays;
  std::vector<TensorRef> outputs = arrays.outputs();
  outputs[1].data = arrays.past.data();
  ASSERT_RUNS(session->run(arrays.inputs(), outputs));
  EXPECT_THAT(arrays.past, ElementsAre(2, 3, 4, 5));
}

TEST_F(SessionTest, StridedArraysAreReadAndWrittenInPlace) {
  makeArtifact();
  auto session = llvm::cantFail(Session::open(dir));
  Arrays arrays;
  // b transposed in memory (inner stride 2: copied), y with padded rows (inner stride 1) and then with inner stride 2.
  arrays.b = {10, 40, 20, 50, 30, 60};
  int64_t transposed[] = {1, 2}, padded[] = {10, 1}, spread[] = {8, 2};
  std::vector<TensorRef> inputs = arrays.inputs();
  inputs[1].strides = transposed;
  std::vector<float> y(20, -1);
  std::vector<TensorRef> outputs = arrays.outputs();
  outputs[0] = {y.data(), DType::F32, arrays.shapeA, padded};
  ASSERT_RUNS(session->run(inputs, outputs));
  EXPECT_THAT(llvm::ArrayRef(y).take_front(5), ElementsAre(161, 162, 163, 164, -1));
  EXPECT_THAT(llvm::ArrayRef(y).slice(10, 5), ElementsAre(255, 256, 257, 258, -1));
  y.assign(20, -1);
  outputs[0].strides = spread;
  ASSERT_RUNS(session->run(inputs, outputs));
  EXPECT_THAT(llvm::ArrayRef(y).take_front(16),
              ElementsAre(161, -1, 162, -1, 163, -1, 164, -1, 255, -1, 256, -1, 257, -1, 258, -1));
  // Rows of neighbours, nothing is copied.
  arrays.b = {10, 20, 30, 40, 50, 60};
  int64_t rows[] = {3, 1};
  inputs = arrays.inputs();
  inputs[1].strides = rows;
  outputs[0].strides = padded;
  y.assign(20, -1);
  ASSERT_RUNS(session->run(inputs, outputs));
  EXPECT_THAT(llvm::ArrayRef(y).take_front(5), ElementsAre(161, 162, 163, 164, -1));
  EXPECT_THAT(llvm::ArrayRef(y).slice(10, 5), ElementsAre(255, 256, 257, 258, -1));
  int64_t overlapping[] = {0, 1};
  outputs[0].strides = overlapping;
  EXPECT_THAT(llvm::toString(session->run(inputs, outputs)), HasSubstr("output 'y' overlaps itself"));
}

TEST_F(SessionTest, MisalignedInputIsCopied) {
  makeArtifact();
  auto session = llvm::cantFail(Session::open(dir));
  Arrays arrays;
  std::vector<char> bytes(arrays.a.size() * 4 + 1);
  std::memcpy(bytes.data() + 1, arrays.a.data(), arrays.a.size() * 4);
  std::vector<TensorRef> inputs = arrays.inputs();
  inputs[0].data = bytes.data() + 1;
  ASSERT_RUNS(session->run(inputs, arrays.outputs()));
  EXPECT_THAT(arrays.y, ElementsAre(161, 162, 163, 164, 255, 256, 257, 258));
}

TEST_F(SessionTest, EmptyArraysRun) {
  makeArtifact();
  auto session = llvm::cantFail(Session::open(dir));
  Arrays arrays;
  arrays.shapeA[0] = arrays.shapeB[0] = arrays.shapeP[0] = 0;
  std::vector<TensorRef> inputs = arrays.inputs(), outputs = arrays.outputs();
  for (TensorRef &tensor : llvm::concat<TensorRef>(inputs, outputs))
    tensor.data = nullptr;
  ASSERT_RUNS(session->run(inputs, outputs));
}

TEST_F(SessionTest, StatusBecomesTheManifestsMessage) {
  makeArtifact();
  auto session = llvm::cantFail(Session::open(dir));
  Arrays arrays;
  arrays.a[0] = -1;
  EXPECT_EQ(llvm::toString(session->run(arrays.inputs(), arrays.outputs())),
            "node 'Gather_3': the index is out of range");
  arrays.a[0] = 1;
  ASSERT_RUNS(session->run(arrays.inputs(), arrays.outputs()));
}

TEST_F(SessionTest, WrongArraysAreRefused) {
  makeArtifact();
  auto session = llvm::cantFail(Session::open(dir));
  Arrays arrays;
  auto message = [&](auto spoil) {
    std::vector<TensorRef> inputs = arrays.inputs(), outputs = arrays.outputs();
    spoil(inputs, outputs);
    return llvm::toString(session->run(inputs, outputs));
  };
  int64_t three[] = {3, 3}, row[] = {2}, wide[] = {2, 5}, one[] = {1};
  EXPECT_THAT(message([](auto &in, auto &) { in.pop_back(); }),
              HasSubstr("the model has 3 inputs (a, b, past), but 2 were given"));
  EXPECT_THAT(message([](auto &in, auto &) { in[0].dtype = DType::I32; }),
              HasSubstr("input 'a' has element type i32, expected f32"));
  EXPECT_THAT(message([&](auto &in, auto &) { in[0].sizes = row; }),
              HasSubstr("input 'a' has shape 2 (rank 1), expected n x 4 (rank 2)"));
  EXPECT_THAT(message([&](auto &in, auto &) { in[0].sizes = wide; }),
              HasSubstr("input 'a' has shape 2x5, expected n x 4"));
  EXPECT_THAT(message([&](auto &in, auto &) { in[1].sizes = three; }),
              HasSubstr("dimension 'n' is 2 in input 'a', but 3 in input 'b' (shape 3x3, expected n x k)"));
  EXPECT_THAT(message([&](auto &in, auto &) { in[1].strides = one; }), HasSubstr("input 'b' has 1 strides for rank 2"));
  EXPECT_THAT(message([&](auto &in, auto &) { in[1].data = nullptr; }), HasSubstr("input 'b' has no data"));
  EXPECT_THAT(message([&](auto &, auto &out) { out[0].sizes = wide; }),
              HasSubstr("output 'y' has shape 2x5, but these inputs give 2x4 (n x 4)"));
  EXPECT_THAT(message([&](auto &, auto &out) { out[1].dtype = DType::F64; }),
              HasSubstr("output 'present' has element type f64, expected f32"));
  EXPECT_THAT(llvm::toString(session->setThreads(-1)), HasSubstr("thread count -1"));
}

TEST_F(SessionTest, SpoiledArtifactsAreRefused) {
  EXPECT_THAT(refusal(), HasSubstr("is not a Lutra artifact: cannot read"));
  makeArtifact(FAKE_MODEL, "\"avx1024-imaginary\"");
  EXPECT_THAT(refusal(), HasSubstr("this machine lacks avx1024-imaginary"));
  makeArtifact(FAKE_MODEL_ABI7);
  EXPECT_THAT(refusal(), HasSubstr("has ABI version 7, but this runtime speaks version 1"));
  makeArtifact(FAKE_NOT_A_MODEL);
  EXPECT_THAT(refusal(), HasSubstr("does not define 'lutra_abi_version'"));

  makeArtifact();
  write(path("model.so"), read(path("model.so")) + "x");
  EXPECT_THAT(refusal(), HasSubstr("the file is truncated or of another compilation"));
  makeArtifact();
  llvm::sys::fs::remove(path("weights.safetensors"));
  EXPECT_THAT(refusal(), HasSubstr("cannot open '" + path("weights.safetensors") + "': No such file"));
}

/// Weights below a huge page lie side by side in memory that sessions share.
TEST_F(SessionTest, SmallWeightsOutliveTheirNeighbours) {
  constexpr int64_t floats = 300 << 10;
  makeArtifact(FAKE_MODEL, "", "cpu", "", floats);
  std::vector<std::unique_ptr<Session>> sessions(40);
  auto open = [&](auto &session) { session = llvm::cantFail(Session::open(dir)); };
  auto runAll = [&] {
    for (auto &session : sessions) {
      Arrays arrays;
      if (session)
        ASSERT_RUNS(session->run(arrays.inputs(), arrays.outputs()));
      if (session)
        EXPECT_EQ(arrays.y[0], 161);
    }
  };
  llvm::for_each(sessions, open);
  runAll();
  for (size_t i = 0; i < sessions.size(); i += 2)
    sessions[i].reset();
  runAll();
  for (size_t i = 0; i < sessions.size(); i += 2)
    open(sessions[i]);
  runAll();
}

TEST_F(SessionTest, ArtifactCompiledAnewIsLoadedAnew) {
  makeArtifact();
  auto old = llvm::cantFail(Session::open(dir));
  makeArtifact(FAKE_MODEL_ABI7);
  EXPECT_THAT(refusal(), HasSubstr("has ABI version 7"));
  Arrays arrays;
  ASSERT_RUNS(old->run(arrays.inputs(), arrays.outputs()));
}

TEST_F(SessionTest, TruncatedOrAlteredWeightsAreRefused) {
  makeArtifact();
  std::string weights = read(path("weights.safetensors"));
  write(path("weights.safetensors"), llvm::StringRef(weights).drop_back(4));
  EXPECT_THAT(refusal(), HasSubstr("weights.safetensors' has 4156 bytes, but manifest.json says 4160"));
  EXPECT_THAT(refusal({.hashes = HashCheck::None}), HasSubstr("has 4156 bytes"));
  weights.back() ^= 1;
  write(path("weights.safetensors"), weights);
  EXPECT_THAT(refusal(), HasSubstr("weights.safetensors' was altered: its xxh3 is"));
  EXPECT_TRUE(static_cast<bool>(llvm::cantFail(Session::open(dir, {.hashes = HashCheck::None}))));
}

TEST_F(SessionTest, LargeWeightsAreSampledWhenOpenedAndReadWholeWhenVerified) {
  makeArtifact(FAKE_MODEL, "", "cpu", "", int64_t(65) << 18);
  std::string file = path("weights.safetensors"), weights = read(file);
  EXPECT_FALSE(static_cast<bool>(Session::open(dir, {.hashes = HashCheck::Whole}).takeError()));
  // A hole of two MiB cannot miss the samples; a changed byte can.
  std::string holed = weights;
  std::fill_n(holed.begin() + (size_t(30) << 20), size_t(2) << 20, '\1');
  write(file, holed);
  EXPECT_THAT(refusal(), HasSubstr("weights.safetensors' was altered: its xxh3 of samples is"));
  weights[(size_t(30) << 20) + 1] ^= 1;
  write(file, weights);
  EXPECT_FALSE(static_cast<bool>(Session::open(dir).takeError()));
  EXPECT_THAT(refusal({.hashes = HashCheck::Whole}), HasSubstr("weights.safetensors' was altered: its xxh3 is"));
}

namespace {
struct RecordingDevice : Device {
  void launch(int32_t kernel, int32_t nargs, void **descs) override {
    (*static_cast<float **>(descs[0]))[0] = 1000 + kernel * 10 + nargs;
    if (fail)
      error = "kernel trapped";
  }
  llvm::Error takeError() override {
    return error.empty() ? llvm::Error::success() : llvm::createStringError(std::exchange(error, ""));
  }
  bool fail = false;
  std::string error;
};
} // namespace

TEST_F(SessionTest, KernelsRunOnTheRegisteredDevice) {
  makeArtifact(FAKE_MODEL, "", "recorder", R"("kernels": {"file": "k"},)");
  EXPECT_THAT(refusal(), HasSubstr("compiled for device 'recorder', which this program does not have"));
  registerDevice("recorder", [](const Manifest &) { return std::make_unique<RecordingDevice>(); });
  auto session = llvm::cantFail(Session::open(dir));
  Arrays arrays;
  ASSERT_RUNS(session->run(arrays.inputs(), arrays.outputs()));
  EXPECT_EQ(arrays.y[0], 1031);
  EXPECT_EQ(arrays.y[1], 162);
  static_cast<RecordingDevice *>(session->getDevice())->fail = true;
  EXPECT_EQ(llvm::toString(session->run(arrays.inputs(), arrays.outputs())), "kernel trapped");
}
