//===- Binding.h - the caller's arrays against the manifest ---------------===//
//
// Private to lib/Runtime. Symbolic dimensions are bound from the inputs and then demanded of the outputs; each array
// becomes a memref descriptor, through a contiguous copy where the caller's strides are not what compiled code expects.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_RUNTIME_BINDING_H
#define LUTRA_LIB_RUNTIME_BINDING_H

#include "lutra/Runtime/Session.h"
#include "llvm/ADT/StringMap.h"
#include <vector>

namespace lutra {

/// The sizes that a run's inputs give to the symbolic dimensions.
class DimBinding {
public:
  /// Checks the inputs' count, dtypes and shapes, and binds their symbols.
  static llvm::Expected<DimBinding> bind(const Manifest &manifest, llvm::ArrayRef<TensorRef> inputs);

  /// The shape of an output under this binding.
  Session::Shape shapeOf(const ManifestTensor &output) const;

  /// Fails unless the outputs' count, dtypes and shapes are what the binding says.
  llvm::Error checkOutputs(const Manifest &manifest, llvm::ArrayRef<TensorRef> outputs) const;

private:
  struct Bound {
    int64_t size;
    llvm::StringRef input;
  };
  llvm::StringMap<Bound> symbols;
};

/// One array as compiled code gets it: a memref descriptor over the caller's memory or over a copy of it.
class Argument {
public:
  /// `kind` and `name` are for the messages. An output must not overlap itself.
  static llvm::Expected<Argument> make(const TensorRef &tensor, bool isOutput, llvm::StringRef name);

  /// {allocated, aligned, offset, sizes..., strides...}
  void *descriptor() { return words.data(); }

  /// Copies a replaced output back to the caller's memory.
  void finish() const;

private:
  llvm::SmallVector<int64_t, 12> words;
  std::vector<char> copy; // Empty: the caller's memory is used as it is.
  TensorRef original;
  Session::Shape strides; // The caller's.
  bool isOutput = false;
};

} // namespace lutra

#endif // LUTRA_LIB_RUNTIME_BINDING_H
