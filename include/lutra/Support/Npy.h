//===- Npy.h - reading and writing NumPy's .npy files ---------------------===//
//
// Formats 1.0 and 2.0, C order, little endian, the dtypes of DType. Anything else is refused with a message that says
// what was found: a tool that guesses would feed a model garbage.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SUPPORT_NPY_H
#define LUTRA_SUPPORT_NPY_H

#include "lutra/Support/DType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace lutra {

/// A dense array in row-major order.
struct NpyArray {
  DType dtype = DType::F32;
  llvm::SmallVector<int64_t, 4> shape;
  std::vector<char> bytes;

  /// Elements, 1 for rank 0.
  int64_t numElements() const;
  /// Row-major strides in elements.
  llvm::SmallVector<int64_t, 4> strides() const;
  /// The bytes as elements; `T` must have the dtype's size.
  template <typename T>
  llvm::ArrayRef<T> as() const {
    return {reinterpret_cast<const T *>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <typename T>
  llvm::MutableArrayRef<T> as() {
    return {reinterpret_cast<T *>(bytes.data()), bytes.size() / sizeof(T)};
  }

  /// An array of zeros.
  static NpyArray zeros(DType dtype, llvm::ArrayRef<int64_t> shape);
};

/// Row-major strides, in elements, of a shape.
llvm::SmallVector<int64_t, 4> rowMajorStrides(llvm::ArrayRef<int64_t> shape);

/// A shape as text: "2x3x64", "scalar" for rank 0.
std::string shapeText(llvm::ArrayRef<int64_t> shape);

/// Parses the bytes of a .npy file; `path` is for the messages.
llvm::Expected<NpyArray> parseNpy(llvm::StringRef bytes, llvm::StringRef path);

/// Reads a .npy file.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// Writes a .npy file (format 1.0); bf16 is refused, since the format has no such type.
llvm::Error writeNpy(llvm::StringRef path, const NpyArray &array);

} // namespace lutra

#endif // LUTRA_SUPPORT_NPY_H
