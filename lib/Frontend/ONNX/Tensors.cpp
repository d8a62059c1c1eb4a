//===- Tensors.cpp - ONNX's tensors as elements attributes ----------------===//
//
// A tensor states its data in exactly one of three ways: raw bytes, a field of typed values, or a file. All three
// become bytes with an owner; from there on there is one path. ONNX's raw data are little endian, as are the machines
// that Lutra runs on.
//
//===----------------------------------------------------------------------===//
#include "Tensors.h"
#include "Types.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/Alignment.h"
#include "llvm/Support/MathExtras.h"

#include <bit>
#include <limits>

using namespace mlir;
using namespace lutra::frontend;
using ::onnx::TensorProto;

static_assert(std::endian::native == std::endian::little, "ONNX's raw data are little endian");

/// The bits of one element of a constant, or 0 when constants of this type cannot be represented.
static unsigned elementBits(int32_t dataType) {
  switch (dataType) {
  case TensorProto::INT2:
  case TensorProto::UINT2: return 2;
  case TensorProto::INT4:
  case TensorProto::UINT4:
  case TensorProto::FLOAT4E2M1: return 4;
  case TensorProto::BOOL:
  case TensorProto::INT8:
  case TensorProto::UINT8:
  case TensorProto::FLOAT8E4M3FN:
  case TensorProto::FLOAT8E4M3FNUZ:
  case TensorProto::FLOAT8E5M2:
  case TensorProto::FLOAT8E5M2FNUZ:
  case TensorProto::FLOAT8E8M0: return 8;
  case TensorProto::INT16:
  case TensorProto::UINT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16: return 16;
  case TensorProto::INT32:
  case TensorProto::UINT32:
  case TensorProto::FLOAT: return 32;
  case TensorProto::INT64:
  case TensorProto::UINT64:
  case TensorProto::DOUBLE: return 64;
  default: return 0;
  }
}

/// Copies `values` as elements of type T, or fails at the first that is outside [low, high].
template <typename T, typename Values>
static FailureOr<SharedBytes> narrow(const Values &values, int64_t low, uint64_t high, const ImportContext &import,
                                     StringRef what) {
  auto bytes = std::make_shared<std::vector<T>>();
  bytes->reserve(values.size());
  for (auto value : values) {
    if (std::cmp_less(value, low) || std::cmp_greater(value, high))
      return import.error() << what << " holds the value " << value << ", which does not fit its element type (" << low
                            << " to " << high << ")";
    bytes->push_back(static_cast<T>(value));
  }
  return SharedBytes{StringRef(reinterpret_cast<const char *>(bytes->data()), bytes->size() * sizeof(T)), bytes};
}

FailureOr<SharedBytes> TensorLoader::typedBytes(const TensorProto &tensor, uint64_t count, StringRef what) {
  // Packed elements: a value of int32_data holds one byte of them.
  auto inPlace = [&](const auto &values) -> FailureOr<SharedBytes> {
    return SharedBytes{StringRef(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(*values.data())),
                       model};
  };
  // The one field that may hold this element type's values.
  int found = -1;
  auto bytes = [&]() -> FailureOr<SharedBytes> {
    const auto &ints = tensor.int32_data();
    switch (tensor.data_type()) {
    case TensorProto::FLOAT: found = tensor.float_data_size(); return inPlace(tensor.float_data());
    case TensorProto::DOUBLE: found = tensor.double_data_size(); return inPlace(tensor.double_data());
    case TensorProto::INT64: found = tensor.int64_data_size(); return inPlace(tensor.int64_data());
    case TensorProto::UINT64: found = tensor.uint64_data_size(); return inPlace(tensor.uint64_data());
    case TensorProto::UINT32:
      found = tensor.uint64_data_size();
      return narrow<uint32_t>(tensor.uint64_data(), 0, UINT32_MAX, import, what);
    default: break;
    }
    found = ints.size();
    switch (tensor.data_type()) {
    case TensorProto::INT32: return inPlace(ints);
    case TensorProto::INT16: return narrow<int16_t>(ints, INT16_MIN, INT16_MAX, import, what);
    case TensorProto::INT8: return narrow<int8_t>(ints, INT8_MIN, INT8_MAX, import, what);
    case TensorProto::BOOL: return narrow<uint8_t>(ints, 0, 1, import, what);
    case TensorProto::UINT16:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16: return narrow<uint16_t>(ints, 0, UINT16_MAX, import, what);
    default: return narrow<uint8_t>(ints, 0, UINT8_MAX, import, what);
    }
  }();
  if (failed(bytes))
    return failure();
  if (uint64_t(found) == count)
    return bytes;
  if (found == 0 && tensor.float_data_size() + tensor.int32_data_size() + tensor.int64_data_size() +
                            tensor.double_data_size() + tensor.uint64_data_size() + tensor.string_data_size() >
                        0)
    return import.error() << what << " has its data in a field that does not belong to its element type, "
                          << dataTypeName(tensor.data_type());
  return import.error() << what << " has " << found << " values, but its dims need " << count;
}

FailureOr<SharedBytes> TensorLoader::findBytes(const TensorProto &tensor, std::optional<StringRef> raw, uint64_t count,
                                               uint64_t size, StringRef what) {
  if (!raw && tensor.has_raw_data())
    raw = StringRef(tensor.raw_data());
  bool isExternal = tensor.data_location() == TensorProto::EXTERNAL;
  if (!isExternal && tensor.external_data_size() > 0)
    return import.error() << what << " has external_data, but its data_location does not say EXTERNAL";
  bool isTyped = tensor.float_data_size() || tensor.int32_data_size() || tensor.string_data_size() ||
                 tensor.int64_data_size() || tensor.double_data_size() || tensor.uint64_data_size();
  if (isTyped + isExternal + (raw && !raw->empty()) > 1)
    return import.error() << what << " states its data in more than one way (raw, typed or external)";
  if (isExternal)
    return external.load(tensor, size, what);
  if (isTyped)
    return typedBytes(tensor, count, what);
  StringRef bytes = raw.value_or("");
  if (bytes.size() != size)
    return import.error() << what << " has " << bytes.size() << " bytes of data, but its type and dims need "
                          << size;
  return SharedBytes{bytes, model};
}

FailureOr<ElementsAttr> TensorLoader::load(const TensorProto &tensor, std::optional<StringRef> raw, StringRef blobName,
                                           StringRef what) {
  unsigned bits = elementBits(tensor.data_type());
  if (bits == 0)
    return import.error() << what << " has the element type " << dataTypeName(tensor.data_type())
                          << ", which is not supported in a constant";
  if (tensor.has_segment())
    return import.error() << what << " is stored in segments, which is not supported: store it whole";

  // Sizes are untrusted: their product may not fit.
  uint64_t count = 1;
  bool overflow = false, isEmpty = false;
  for (int64_t dim : tensor.dims()) {
    if (dim < 0)
      return import.error() << what << " has the negative dimension " << dim;
    isEmpty |= dim == 0;
    bool here = false;
    count = llvm::SaturatingMultiply<uint64_t>(count, std::max<int64_t>(dim, 1), &here);
    overflow |= here;
  }
  if (overflow || count > uint64_t(std::numeric_limits<int64_t>::max()) / bits)
    return import.error() << what << " has dims whose product does not fit 63 bits";
  if (isEmpty)
    count = 0;

  uint64_t size = llvm::divideCeil(count * bits, 8);
  FailureOr<SharedBytes> data = findBytes(tensor, raw, bits < 8 ? size : count, size, what);
  if (failed(data))
    return failure();
  ArrayRef<char> bytes(data->bytes.data(), data->bytes.size());
  if (tensor.data_type() == TensorProto::BOOL && llvm::any_of(bytes, [](char byte) { return byte & ~1; }))
    return import.error() << what << " is of type BOOL, but holds bytes other than 0 and 1";

  auto type = RankedTensorType::get(ArrayRef<int64_t>(tensor.dims().data(), tensor.dims_size()),
                                    convertElementType(import.context, tensor.data_type()));
  bool isPacked = bits < 8 && !bytes.empty();
  if (!isPacked && (bytes.empty() || bytes.size() < import.options.resourceThreshold)) {
    if (tensor.data_type() == TensorProto::BOOL)
      return ElementsAttr(
          DenseElementsAttr::get(type, ArrayRef(reinterpret_cast<const bool *>(bytes.data()), bytes.size())));
    return ElementsAttr(DenseElementsAttr::getFromRawBuffer(type, bytes));
  }

  // The blob aliases the file or the message where its place in memory allows.
  unsigned width = std::max(bits / 8, 1u);
  AsmResourceBlob blob =
      llvm::isAddrAligned(llvm::Align(width), bytes.data())
          ? UnmanagedAsmResourceBlob::allocateWithAlign(bytes, width, [owner = data->owner](void *, size_t, size_t) {})
          : HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64, /*dataIsMutable=*/false);
  return ElementsAttr(DenseResourceElementsAttr::get(type, blobName.empty() ? "tensor" : blobName, std::move(blob)));
}
