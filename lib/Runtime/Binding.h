//===- Binding.h - the caller's arrays against the manifest ---------------===//
//
// Private to lib/Runtime. Symbolic dimensions are bound from the inputs and then demanded of the outputs; each array
// becomes a memref descriptor, through a contiguous copy where the caller's strides are not what compiled code expects.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_RUNTIME_BINDING_H
#define LUTRA_LIB_RUNTIME_BINDING_H

#include "Signature.h"
#include "lutra/Runtime/Session.h"
#include <memory>
#include <vector>

namespace lutra {

/// An input or output of the manifest, which is not looked at before a message needs it.
struct NamedTensor {
  const std::vector<ManifestTensor> &tensors;
  size_t index;

  const ManifestTensor *operator->() const { return &tensors[index]; }
};

/// The sizes that a run's inputs give to the symbolic dimensions. Refers to the signature that it was made with.
class DimBinding {
public:
  /// Checks the inputs' count, dtypes and shapes, and binds their symbols. `manifest` is what `signature` was made of.
  static llvm::Expected<DimBinding> bind(const Manifest &manifest, const Signature &signature, llvm::ArrayRef<TensorRef> inputs);

  /// The shape of an output under this binding.
  Session::Shape shapeOf(const Signature::Tensor &output) const;

  /// Fails unless the outputs' count, dtypes and shapes are what the binding says.
  llvm::Error checkOutputs(const Manifest &manifest, llvm::ArrayRef<TensorRef> outputs) const;

private:
  explicit DimBinding(const Signature &signature) : signature(&signature), symbols(signature.getNumSymbols()) {}

  int64_t sizeOf(int64_t dim) const;

  struct Bound {
    int64_t size = 0;
    /// The input that gave it; none yet: -1.
    int64_t input = -1;
  };
  const Signature *signature;
  llvm::SmallVector<Bound, 8> symbols;
};

/// The descriptors of arrays that need no second look: rows of neighbouring elements, aligned, not empty, and as the signature has them. Most runs have only such.
class PlainArguments {
public:
  /// Describes `inputs` and `outputs`. False, which says nothing about the arrays, unless all are plain: DimBinding and Argument look closer then, and have the
  /// messages.
  bool set(const Signature &signature, llvm::ArrayRef<TensorRef> inputs, llvm::ArrayRef<TensorRef> outputs);

  /// A pointer to the descriptor of each array, inputs first, behind a free place for the weights'.
  llvm::MutableArrayRef<void *> getPointers() { return pointers; }

private:
  bool add(const Signature &signature, const Signature::Tensor &expected, const TensorRef &tensor, bool isOutput);

  llvm::SmallVector<int64_t, 32> words;
  llvm::SmallVector<void *, 8> pointers;
  /// Sizes of the symbols; 0: not known yet.
  llvm::SmallVector<int64_t, 4> symbols;
};

/// One array as compiled code gets it: a memref descriptor over the caller's memory or over a copy of it.
class Argument {
public:
  /// Takes `tensor` for `named`. An output must not overlap itself.
  llvm::Error set(const TensorRef &tensor, bool isOutput, const NamedTensor &named);

  /// {allocated, aligned, offset, sizes..., strides...}
  void *descriptor() { return words.data(); }

  /// Copies a replaced output back to the caller's memory.
  void finish() const;

private:
  /// What replaces an array that compiled code could not take.
  struct Copy {
    std::vector<char> data;
    TensorRef original;
    Session::Shape strides; // The caller's.
    bool isOutput;
  };

  llvm::SmallVector<int64_t, 12> words;
  std::unique_ptr<Copy> copy; // Null: the caller's memory is used as it is.
};

} // namespace lutra

#endif // LUTRA_LIB_RUNTIME_BINDING_H
