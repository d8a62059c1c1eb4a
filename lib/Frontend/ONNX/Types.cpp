//===- Types.cpp - ONNX's types as MLIR's ---------------------------------===//
#include "Types.h"

#include "dialects/onnx/IR/ONNXDialect.h"

using namespace mlir;
using namespace lutra::frontend;
using ::onnx::TensorProto;

Type lutra::frontend::convertElementType(MLIRContext &context, int32_t dataType) {
  auto integer = [&](unsigned width) { return IntegerType::get(&context, width); };
  auto unsignedInteger = [&](unsigned width) { return IntegerType::get(&context, width, IntegerType::Unsigned); };
  switch (dataType) {
  case TensorProto::FLOAT: return Float32Type::get(&context);
  case TensorProto::DOUBLE: return Float64Type::get(&context);
  case TensorProto::FLOAT16: return Float16Type::get(&context);
  case TensorProto::BFLOAT16: return BFloat16Type::get(&context);
  case TensorProto::FLOAT8E4M3FN: return Float8E4M3FNType::get(&context);
  case TensorProto::FLOAT8E4M3FNUZ: return Float8E4M3FNUZType::get(&context);
  case TensorProto::FLOAT8E5M2: return Float8E5M2Type::get(&context);
  case TensorProto::FLOAT8E5M2FNUZ: return Float8E5M2FNUZType::get(&context);
  case TensorProto::FLOAT8E8M0: return Float8E8M0FNUType::get(&context);
  case TensorProto::FLOAT4E2M1: return Float4E2M1FNType::get(&context);
  case TensorProto::BOOL: return integer(1);
  case TensorProto::INT2: return integer(2);
  case TensorProto::INT4: return integer(4);
  case TensorProto::INT8: return integer(8);
  case TensorProto::INT16: return integer(16);
  case TensorProto::INT32: return integer(32);
  case TensorProto::INT64: return integer(64);
  case TensorProto::UINT2: return unsignedInteger(2);
  case TensorProto::UINT4: return unsignedInteger(4);
  case TensorProto::UINT8: return unsignedInteger(8);
  case TensorProto::UINT16: return unsignedInteger(16);
  case TensorProto::UINT32: return unsignedInteger(32);
  case TensorProto::UINT64: return unsignedInteger(64);
  default: return {};
  }
}

std::string lutra::frontend::dataTypeName(int32_t dataType) {
  if (::onnx::TensorProto_DataType_IsValid(dataType))
    return ::onnx::TensorProto_DataType_Name(static_cast<::onnx::TensorProto_DataType>(dataType));
  return "number " + std::to_string(dataType);
}

Type lutra::frontend::convertValueType(MLIRContext &context, const ::onnx::TypeProto &type) {
  Type unknown = onnx::ValueType::get(&context);
  if (!type.has_tensor_type() || !type.tensor_type().has_shape())
    return unknown;
  Type element = convertElementType(context, type.tensor_type().elem_type());
  if (!element)
    return unknown;
  SmallVector<int64_t> shape;
  for (const auto &dim : type.tensor_type().shape().dim())
    // A negative size is how some exporters write "unknown".
    shape.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : ShapedType::kDynamic);
  return RankedTensorType::get(shape, element);
}

FailureOr<InterfaceType> lutra::frontend::convertInterfaceType(const ImportContext &import,
                                                               const ::onnx::ValueInfoProto &info, StringRef role) {
  std::string what = (role + " " + quoted(info.name())).str();
  if (!info.type().has_tensor_type())
    return import.error() << what << " must be a tensor, but the model declares "
                          << (info.has_type() ? "a sequence, map, optional or sparse tensor" : "no type for it");
  const ::onnx::TypeProto::Tensor &tensor = info.type().tensor_type();
  Type element = convertElementType(import.context, tensor.elem_type());
  if (!element)
    return import.error() << what << " has the unsupported element type " << dataTypeName(tensor.elem_type());
  if (!tensor.has_shape())
    return import.error() << what << " declares no shape: export the model with the rank of its inputs and outputs "
                          << "(dimensions may be symbolic)";
  InterfaceType result;
  SmallVector<int64_t> shape;
  for (auto [index, dim] : llvm::enumerate(tensor.shape().dim())) {
    if (dim.has_dim_value()) {
      if (dim.dim_value() < 0)
        return import.error() << what << " has the negative size " << dim.dim_value() << " in dimension " << index
                              << ": give the dimension a name (dim_param) if its size is not fixed";
      shape.push_back(dim.dim_value());
      result.dims.push_back(std::to_string(dim.dim_value()));
      continue;
    }
    shape.push_back(ShapedType::kDynamic);
    if (dim.dim_param().empty()) {
      // A name of its own: two unnamed dimensions need not agree.
      result.dims.push_back(info.name() + "_dim" + std::to_string(index));
    } else if (llvm::all_of(dim.dim_param(), llvm::isDigit)) {
      return import.error() << what << " names its dimension " << index << " " << quoted(dim.dim_param())
                            << ", which would read as a fixed size: rename it";
    } else {
      result.dims.push_back(dim.dim_param());
    }
  }
  result.type = RankedTensorType::get(shape, element);
  return result;
}
