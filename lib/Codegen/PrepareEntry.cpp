//===- PrepareEntry.cpp - tensor arguments of @main become buffers --------===//
//
// After this pass the signature of @main is what the caller passes: buffers only. The tensors inside read them through
// `bufferization.to_tensor restrict`, never writable: an input is not a scratch buffer. Names, types and shapes are recorded for
// the manifest here, while the arguments still carry them.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallSet.h"

namespace lutra {
#define GEN_PASS_DEF_PREPAREENTRY
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

/// Strides and offset dynamic, innermost stride 1: what the runtime promises for every array.
static MemRefType callerType(RankedTensorType type) {
  if (type.getRank() == 0)
    return MemRefType::get({}, type.getElementType());
  SmallVector<int64_t> strides(type.getRank(), ShapedType::kDynamic);
  strides.back() = 1;
  auto layout = StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, strides);
  return MemRefType::get(type.getShape(), type.getElementType(), layout);
}

/// The manifest's name of an element type, or nothing if no array of it can be passed.
static std::optional<std::string> dtypeName(Type type, bool isUnsigned) {
  if (type.isInteger(1))
    return "bool";
  if (type.isInteger(8) || type.isInteger(16) || type.isInteger(32) || type.isInteger(64))
    return (isUnsigned ? "u" : "i") + std::to_string(type.getIntOrFloatBitWidth());
  if (type.isF16() || type.isF32() || type.isF64() || type.isBF16())
    return (type.isBF16() ? "bf" : "f") + std::to_string(type.getIntOrFloatBitWidth());
  return std::nullopt;
}

namespace {
/// Collects what the manifest says about the arguments.
class Interface {
public:
  explicit Interface(func::FuncOp main) : main(main), builder(main.getContext()) {}

  LogicalResult add(BlockArgument arg) {
    unsigned index = arg.getArgNumber();
    auto type = cast<ShapedType>(arg.getType());
    bool isOutput = main.getArgAttr(index, lutra::codegen::kOutputAttr) != nullptr;
    auto &list = isOutput ? outputs : inputs;
    auto name = main.getArgAttrOfType<StringAttr>(index, "onnx.name");
    if (!name)
      name = builder.getStringAttr((isOutput ? "out" : "in") + std::to_string(list.size()));
    std::optional<std::string> dtype = dtypeName(type.getElementType(), main.getArgAttr(index, "onnx.unsigned") != nullptr);
    // Bytes may hold a code of a smaller type each.
    if (auto element = main.getArgAttrOfType<StringAttr>(index, "onnx.element"))
      dtype = element.getValue().str();
    if (!dtype)
      return main.emitError() << "argument '" << name.getValue() << "' has elements of type " << type.getElementType()
                              << ", which no array can be passed as";
    SmallVector<Attribute> shape;
    auto dims = main.getArgAttrOfType<ArrayAttr>(index, "onnx.dims");
    for (auto [i, size] : llvm::enumerate(type.getShape())) {
      if (!ShapedType::isDynamic(size)) {
        shape.push_back(builder.getI64IntegerAttr(size));
        continue;
      }
      StringRef symbol = dims && i < dims.size() ? cast<StringAttr>(dims[i]).getValue() : "";
      if (!isOutput && !symbol.empty())
        symbols.insert(symbol);
      if (isOutput && !symbols.contains(symbol))
        return main.emitError() << "dimension " << i << (symbol.empty() ? "" : " ('" + symbol.str() + "')") << " of output '"
                                << name.getValue() << "' is not bound by any input, so its size cannot be known before the "
                                << "model runs: fix the dimension in the model";
      shape.push_back(builder.getStringAttr(symbol.empty() ? "?" : symbol));
    }
    list.push_back(builder.getDictionaryAttr({builder.getNamedAttr("name", name),
                                              builder.getNamedAttr("dtype", builder.getStringAttr(*dtype)),
                                              builder.getNamedAttr("shape", builder.getArrayAttr(shape))}));
    return success();
  }

  void record(ModuleOp module) {
    module->setAttr(lutra::codegen::kInputsAttr, builder.getArrayAttr(inputs));
    module->setAttr(lutra::codegen::kOutputsAttr, builder.getArrayAttr(outputs));
  }

private:
  func::FuncOp main;
  Builder builder;
  SmallVector<Attribute> inputs, outputs;
  llvm::SmallSet<StringRef, 8> symbols;
};

struct PrepareEntry : lutra::impl::PrepareEntryBase<PrepareEntry> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>(lutra::codegen::kEntryName);
    if (!main || main.isExternal()) {
      module.emitError("expected a function @main with a body, the entry of the model");
      return signalPassFailure();
    }
    if (main.getNumResults() != 0) {
      main.emitError() << "expected @main to return nothing, but it returns " << main.getNumResults()
                       << " values: store them with bufferization.materialize_in_destination into arguments marked '"
                       << lutra::codegen::kOutputAttr << "'";
      return signalPassFailure();
    }
    OpBuilder builder = OpBuilder::atBlockBegin(&main.front());
    SmallVector<Type> types;
    Interface interface(main);
    for (BlockArgument arg : main.getArguments()) {
      if (!isa<RankedTensorType, MemRefType>(arg.getType())) {
        main.emitError() << "argument " << arg.getArgNumber() << " of @main has type " << arg.getType()
                         << ", but an entry takes ranked tensors and buffers only";
        return signalPassFailure();
      }
      if (failed(interface.add(arg)))
        return signalPassFailure();
      if (auto tensor = dyn_cast<RankedTensorType>(arg.getType())) {
        arg.setType(callerType(tensor));
        auto read = bufferization::ToTensorOp::create(builder, main.getLoc(), tensor, arg, /*restrict=*/true);
        arg.replaceAllUsesExcept(read, read);
      }
      types.push_back(arg.getType());
    }
    interface.record(module);
    main.setType(builder.getFunctionType(types, {}));
  }
};
} // namespace
