//===- ManifestTest.cpp - manifests and host checks: what is refused ------===//
#include "lutra/Runtime/Manifest.h"
#include "lutra/Runtime/HostCheck.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace lutra;
using testing::HasSubstr;

static constexpr llvm::StringLiteral kGood = R"({"format": "lutra-artifact", "abi_version": 1, "lutra_version": "0.1.0",
  "target": {"name": "cpu", "triple": "x86_64-unknown-linux-gnu", "cpu": "skylake-avx512", "features": ["avx512bw"], "options": {}},
  "library": {"file": "model.so", "bytes": 100, "xxh3": "0123456789abcdef"},
  "weights": {"file": "weights.safetensors", "bytes": 8192, "data_offset": 4096, "xxh3": "fedcba9876543210"},
  "inputs": [{"name": "ids", "dtype": "i64", "shape": ["batch", 3]}],
  "outputs": [{"name": "y", "dtype": "f32", "shape": ["batch", 7]}],
  "checks": ["index out of range"]})";

static std::string replaced(llvm::StringRef from, llvm::StringRef to) {
  std::string text = kGood.str();
  size_t at = text.find(from.str());
  EXPECT_NE(at, std::string::npos) << from.str();
  return text.replace(at, from.size(), to.str());
}

static std::string refusal(llvm::StringRef text) {
  llvm::Expected<Manifest> manifest = Manifest::parse(text, "dir");
  EXPECT_FALSE(static_cast<bool>(manifest)) << text.str();
  return manifest ? "" : llvm::toString(manifest.takeError());
}

TEST(Manifest, ReadsEveryField) {
  llvm::Expected<Manifest> manifest = Manifest::parse(kGood, "dir");
  ASSERT_TRUE(static_cast<bool>(manifest)) << llvm::toString(manifest.takeError());
  EXPECT_EQ(manifest->target.cpu, "skylake-avx512");
  EXPECT_EQ(manifest->library.xxh3, 0x0123456789abcdefu);
  EXPECT_EQ(manifest->weights.dataOffset, 4096u);
  EXPECT_EQ(manifest->inputs[0].shapeText(), "batch x 3");
  EXPECT_EQ(manifest->outputs[0].dtype, DType::F32);
  EXPECT_EQ(manifest->checks.size(), 1u);
  EXPECT_EQ(manifest->pathOf("model.so"), "dir/model.so");
  EXPECT_FALSE(manifest->kernels);
}

TEST(Manifest, RefusesNamingFileAndKey) {
  EXPECT_THAT(refusal("{"), HasSubstr("'dir/manifest.json': not JSON"));
  EXPECT_THAT(refusal(replaced("\"lutra-artifact\"", "\"zip\"")), HasSubstr("'format' is 'zip'"));
  EXPECT_THAT(refusal(replaced("\"abi_version\": 1", "\"abi_version\": 2")),
              HasSubstr("ABI version 2, but this runtime speaks version 1"));
  EXPECT_THAT(refusal(replaced("\"abi_version\": 1, ", "")), HasSubstr("missing value at manifest.abi_version"));
  EXPECT_THAT(refusal(replaced("\"cpu\": \"skylake-avx512\", ", "")),
              HasSubstr("missing value at manifest.target.cpu"));
  EXPECT_THAT(refusal(replaced("\"bytes\": 100", "\"bytes\": \"100\"")), HasSubstr("at manifest.library.bytes"));
  EXPECT_THAT(refusal(replaced("0123456789abcdef", "0123")),
              HasSubstr("expected 16 hexadecimal digits at manifest.library.xxh3"));
  EXPECT_THAT(refusal(replaced("\"data_offset\": 4096", "\"data_offset\": 4096, \"xxh3_sample\": \"0x\"")),
              HasSubstr("expected 16 hexadecimal digits at manifest.weights.xxh3_sample"));
  EXPECT_THAT(refusal(replaced("\"model.so\"", "\"../model.so\"")), HasSubstr("expected the plain name of a file"));
  EXPECT_THAT(refusal(replaced("\"i64\"", "\"i65\"")),
              HasSubstr("unknown dtype (expected f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, bool, i4, "
                        "u4, i2, u2, e2m1, e4m3, e4m3fnuz, e5m2, e5m2fnuz or e8m0) at manifest.inputs[0].dtype"));
  EXPECT_THAT(refusal(replaced("[\"batch\", 3]", "[\"batch\", -3]")), HasSubstr("manifest.inputs[0].shape[1]"));
  EXPECT_THAT(refusal(replaced("[\"avx512bw\"]", "[3]")), HasSubstr("manifest.target.features[0]"));
  EXPECT_THAT(refusal(replaced("\"data_offset\": 4096", "\"data_offset\": 9000")),
              HasSubstr("expected a multiple of 64"));
}

TEST(Manifest, UnboundOutputDimensionIsRefused) {
  EXPECT_THAT(refusal(replaced("[\"batch\", 7]", "[\"total\", 7]")),
              HasSubstr("dimension 'total' of output 'y' appears in no input"));
}

TEST(HostCheck, NamesMissingFeaturesAndTheOption) {
  llvm::Expected<Manifest> manifest =
      Manifest::parse(replaced("[\"avx512bw\"]", "[\"avx2\", \"avx512bw\", \"avx512vl\"]"), "dir");
  ASSERT_TRUE(static_cast<bool>(manifest));
  llvm::StringMap<bool> features;
  features["avx2"] = true;
  features["avx512bw"] = false;
  std::string message = llvm::toString(checkHost(*manifest, "x86_64", features));
  EXPECT_THAT(message, HasSubstr("this machine lacks avx512bw, avx512vl"));
  EXPECT_THAT(message, HasSubstr("--target-option=cpu.mcpu=native"));
  features["avx512bw"] = features["avx512vl"] = true;
  EXPECT_FALSE(static_cast<bool>(checkHost(*manifest, "x86_64", features)));
  EXPECT_THAT(llvm::toString(checkHost(*manifest, "aarch64", features)), HasSubstr("compiled for x86_64"));
}
