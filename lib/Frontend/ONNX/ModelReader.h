//===- ModelReader.h - the bytes of a model to protobuf messages -*- C++ -*-===//
#ifndef LUTRA_LIB_FRONTEND_ONNX_MODELREADER_H
#define LUTRA_LIB_FRONTEND_ONNX_MODELREADER_H

#include "ImportContext.h"
#include "ModelFile.h"

#include "mlir/Support/LLVM.h"
#include "onnx.pb.h"

#include <optional>
#include <vector>

namespace lutra::frontend {

/// A parsed model. The raw data of the graph's initializers are not in `proto`: they stay in the mapped file.
struct ONNXModel {
  std::shared_ptr<const MappedFile> file;
  ::onnx::ModelProto proto;
  /// Per initializer of the graph, its `raw_data` field (within `file`) when it has one.
  std::vector<std::optional<llvm::StringRef>> rawData;
};

/// Maps and parses the file at the context's path. Null after a diagnostic.
std::shared_ptr<const ONNXModel> readModel(const ImportContext &import);

/// Splits the serialized ModelProto `model` into `skeleton`, the same message without the `raw_data` of the graph's
/// initializers, and those data, in the initializers' order. False when the bytes are no protobuf message.
bool splitRawData(llvm::StringRef model, std::string &skeleton, std::vector<std::optional<llvm::StringRef>> &rawData);

} // namespace lutra::frontend

#endif // LUTRA_LIB_FRONTEND_ONNX_MODELREADER_H
