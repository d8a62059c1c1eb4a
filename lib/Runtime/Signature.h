//===- Signature.h - dtypes and shapes of a model, in one piece -*- C++ -*-===//
//
// Private to lib/Runtime. What every run compares its arrays with. Names and spellings, which only messages need, stay in the manifest: a run that finds
// its caches full of weights pays for each line that it touches.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_RUNTIME_SIGNATURE_H
#define LUTRA_LIB_RUNTIME_SIGNATURE_H

#include "lutra/Runtime/Manifest.h"
#include "llvm/ADT/ArrayRef.h"

namespace lutra {

/// The inputs and outputs of a manifest without their names.
class Signature {
public:
  /// A dimension of any size. A size is not negative, and symbol s is `kFirstSymbol` - s.
  static constexpr int64_t kAnonymous = -1, kFirstSymbol = -2;

  /// An input or output; `dims` gives its dimensions.
  struct Tensor {
    DType dtype;
    uint32_t rank, first;
  };

  explicit Signature(const Manifest &manifest);

  llvm::ArrayRef<Tensor> getInputs() const { return llvm::ArrayRef(tensors).take_front(numInputs); }
  llvm::ArrayRef<Tensor> getOutputs() const { return llvm::ArrayRef(tensors).drop_front(numInputs); }
  llvm::ArrayRef<int64_t> dims(const Tensor &tensor) const { return llvm::ArrayRef(sizes).slice(tensor.first, tensor.rank); }
  unsigned getNumSymbols() const { return numSymbols; }
  /// The words of all arrays' descriptors.
  size_t getDescriptorWords() const { return 3 * tensors.size() + 2 * sizes.size(); }

private:
  unsigned numInputs, numSymbols = 0;
  llvm::SmallVector<Tensor, 4> tensors;
  llvm::SmallVector<int64_t, 8> sizes;
};

} // namespace lutra

#endif // LUTRA_LIB_RUNTIME_SIGNATURE_H
