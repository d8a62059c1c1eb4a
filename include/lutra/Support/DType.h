//===- DType.h - the element types of tensors that cross Lutra's borders --===//
//
// One list of element types for manifests, .npy files, safetensors headers and the C API. The numeric values are those
// of ONNX's TensorProto.DataType, so that a model's own codes can be passed through.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SUPPORT_DTYPE_H
#define LUTRA_SUPPORT_DTYPE_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace lutra {

/// An element type; the values are ONNX's TensorProto.DataType.
enum class DType : int32_t {
  F32 = 1,
  U8 = 2,
  I8 = 3,
  U16 = 4,
  I16 = 5,
  I32 = 6,
  I64 = 7,
  Bool = 9,
  F16 = 10,
  F64 = 11,
  U32 = 12,
  U64 = 13,
  BF16 = 16,
  // Elements of less than a byte, and 8-bit floats: a code in the low bits of each byte.
  E4M3 = 17,
  E4M3FNUZ = 18,
  E5M2 = 19,
  E5M2FNUZ = 20,
  U4 = 21,
  I4 = 22,
  E2M1 = 23,
  E8M0 = 24,
  U2 = 25,
  I2 = 26,
};

/// The short name used in manifests and messages: "f32", "i64", "bool"...
llvm::StringRef dtypeName(DType dtype);

/// The dtype of a short name, or nothing.
std::optional<DType> dtypeFromName(llvm::StringRef name);

/// The dtype of an ONNX code, or nothing when Lutra has no such element type.
std::optional<DType> dtypeFromCode(int32_t code);

/// Bytes of one element.
int64_t dtypeSize(DType dtype);

/// The name in a safetensors header: "F32", "U8", "BOOL"... Empty when these have no such type.
llvm::StringRef dtypeSafetensorsName(DType dtype);

/// The dtype of a safetensors name, or nothing.
std::optional<DType> dtypeFromSafetensorsName(llvm::StringRef name);

} // namespace lutra

#endif // LUTRA_SUPPORT_DTYPE_H
