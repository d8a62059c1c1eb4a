//===- Features.cpp - which instructions a list of CPU features allows ----===//
#include "lib/Conversion/LutToLLVM/LutToLLVM.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"

using namespace lutra;

LutInstructions LutInstructions::fromFeatures(llvm::ArrayRef<std::string> features) {
  llvm::StringSet<> names;
  for (llvm::StringRef feature : features) {
    feature = feature.trim();
    feature.consume_front("+");
    if (!feature.starts_with("-"))
      names.insert(feature);
  }
  auto has = [&](llvm::StringRef name) { return names.contains(name); };
  LutInstructions result;
  bool avx512f = llvm::any_of(names, [](const auto &name) { return name.getKey().starts_with("avx512"); });
  result.avx512bw = has("avx512bw");
  result.avx512vnni = has("avx512vnni");
  result.avx512vbmi = has("avx512vbmi");
  bool avxvnni = has("avxvnni");
  result.vnni256 = avxvnni || (result.avx512vnni && has("avx512vl"));
  result.avx2 = avx512f || has("avx2") || avxvnni;
  result.ssse3 = result.avx2 || has("ssse3") || has("avx") || has("sse4.1") || has("sse4.2");
  result.dotprod = has("dotprod");
  result.neon = has("neon") || result.dotprod;
  result.halfConversion = avx512f || has("f16c") || result.neon;
  result.fusedMultiplyAdd = avx512f || has("fma") || result.neon;
  return result;
}
