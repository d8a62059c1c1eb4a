//===- Signature.cpp - dtypes and shapes of a model, in one piece ---------===//
#include "Signature.h"

#include "llvm/ADT/StringMap.h"

using namespace llvm;
using namespace lutra;

Signature::Signature(const Manifest &manifest) : numInputs(manifest.inputs.size()) {
  StringMap<int64_t> symbols;
  auto add = [&](const ManifestTensor &tensor) {
    tensors.push_back({tensor.dtype, static_cast<uint32_t>(tensor.shape.size()), static_cast<uint32_t>(sizes.size())});
    for (const ManifestDim &dim : tensor.shape) {
      if (dim.isStatic() || dim.isAnonymous())
        sizes.push_back(dim.isStatic() ? dim.size : kAnonymous);
      else
        sizes.push_back(symbols.try_emplace(dim.symbol, kFirstSymbol - static_cast<int64_t>(symbols.size())).first->second);
    }
  };
  for (const ManifestTensor &input : manifest.inputs)
    add(input);
  for (const ManifestTensor &output : manifest.outputs)
    add(output);
  numSymbols = symbols.size();
}
