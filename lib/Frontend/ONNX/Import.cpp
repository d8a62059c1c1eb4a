//===- Import.cpp - an .onnx file to a module -----------------------------===//
//
// What concerns the model as a whole: its versions and the parts of ONNX that are not read.
//
//===----------------------------------------------------------------------===//
#include "Graph.h"
#include "ImportContext.h"
#include "ModelReader.h"

#include "dialects/onnx/IR/ONNXDialect.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::frontend;

/// The oldest ONNX file format (2017) and the newest that the schema describes.
static constexpr int64_t oldestIRVersion = ::onnx::IR_VERSION_2017_11_3;
static constexpr int64_t newestIRVersion = ::onnx::IR_VERSION;

/// The standard opsets: 7 brought today's broadcasting; 28 is the newest one published.
static constexpr int64_t oldestOpset = 7;
static constexpr int64_t newestOpset = 28;

static LogicalResult checkVersions(const ImportContext &import, const ::onnx::ModelProto &model) {
  if (model.ir_version() < oldestIRVersion || model.ir_version() > newestIRVersion)
    return import.error() << "the model's ir_version is " << model.ir_version() << ", but Lutra reads "
                          << oldestIRVersion << " to " << newestIRVersion << ": export it with another version of ONNX";
  llvm::StringMap<int64_t> seen;
  for (const ::onnx::OperatorSetIdProto &opset : model.opset_import()) {
    StringRef domain = normalizedDomain(opset.domain());
    auto [entry, isNew] = seen.try_emplace(domain, opset.version());
    if (!isNew && entry->second != opset.version())
      return import.error() << "the model imports two versions of the opset " << quoted(domain) << ", " << entry->second
                            << " and " << opset.version();
    int64_t oldest = domain.empty() ? oldestOpset : 1;
    int64_t newest = domain.empty() ? newestOpset : domain == "com.microsoft" ? 1 : INT64_MAX;
    if (opset.version() >= oldest && opset.version() <= newest)
      continue;
    auto diagnostic = import.error() << "the model imports version " << opset.version() << " of the "
                                     << (domain.empty() ? std::string("standard opset") : "opset " + quoted(domain))
                                     << ", but Lutra reads ";
    if (newest == INT64_MAX)
      return diagnostic << oldest << " and later";
    if (newest == oldest)
      return diagnostic << "only " << oldest;
    return diagnostic << oldest << " to " << newest << ": export it for another opset";
  }
  return success();
}

/// The parts of ONNX that would change what the model computes, and are not read.
static LogicalResult checkUnreadParts(const ImportContext &import, const ::onnx::ModelProto &model) {
  if (model.training_info_size() > 0)
    return import.error() << "the model holds training information, which is not supported: export it for inference";
  return success();
}

OwningOpRef<ModuleOp> lutra::importONNX(StringRef path, MLIRContext &context, const ONNXImportOptions &options) {
  context.getOrLoadDialect<onnx::ONNXDialect>();
  context.getOrLoadDialect<func::FuncDialect>();
  ImportContext import{context, path, options};
  std::shared_ptr<const ONNXModel> model = readModel(import);
  if (!model || failed(checkVersions(import, model->proto)) || failed(checkUnreadParts(import, model->proto)))
    return nullptr;

  Builder builder(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(import.nameLoc(path));
  (*module)->setAttr("onnx.ir_version", builder.getI64IntegerAttr(model->proto.ir_version()));
  StringRef version = model->proto.producer_version();
  (*module)->setAttr("onnx.producer", builder.getStringAttr(StringRef(model->proto.producer_name()) +
                                                            (version.empty() ? "" : " ") + version));
  if (failed(GraphImporter(import, model).run(*module)) || failed(verify(*module)))
    return nullptr;
  return module;
}
