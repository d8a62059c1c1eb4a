//===- ExternalizeWeights.cpp - constants leave the code ------------------===//
//
// Weights are not code: LLVM is slow on large constants, and a file that is mapped is shared between processes. This pass
// decides where each tensor lies and leaves the recipe of its bytes as attributes (WeightRecipe.h), so that nothing is packed or
// dequantized before the file is written.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "dialects/lowbit/IR/Lowbit.h"
#include "lib/Codegen/WeightRecipe.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

namespace lutra {
#define GEN_PASS_DEF_EXTERNALIZEWEIGHTS
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

/// The innermost name of a location: the ONNX tensor or node that the op comes from, or nothing.
static StringRef locationName(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName();
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (StringRef name = locationName(part); !name.empty())
        return name;
  return {};
}

/// Bytes of one element as a buffer holds it, or nothing for types that do not fill bytes.
static std::optional<int64_t> elementBytes(Type type) {
  if (type.isInteger(1))
    return 1;
  if (!type.isIntOrFloat() || type.getIntOrFloatBitWidth() % 8 != 0)
    return std::nullopt;
  return type.getIntOrFloatBitWidth() / 8;
}

namespace {
class Externalizer {
public:
  Externalizer(func::FuncOp main, int64_t alignment) : main(main), alignment(alignment), builder(main.getContext()) {
    auto bytes = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
    (void)main.insertArgument(0, bytes, DictionaryAttr(), main.getLoc());
  }

  /// The tensor `type` of the bytes that `recipe` (of kind `kind`) makes, at its place in the file.
  Value place(Location loc, RankedTensorType type, StringRef kind, Attribute recipe) {
    Value &tensor = placed[{recipe, type}];
    if (tensor)
      return tensor;
    int64_t size = type.getNumElements() * *elementBytes(type.getElementType());
    end = llvm::alignTo(end, alignment);
    SmallVector<NamedAttribute> entry{
        builder.getNamedAttr("name", uniqueName(loc)), builder.getNamedAttr("offset", builder.getI64IntegerAttr(end)),
        builder.getNamedAttr("size", builder.getI64IntegerAttr(size)), builder.getNamedAttr(kind, recipe)};
    entries.push_back(builder.getDictionaryAttr(entry));
    // Views stand first, in the order of the file. (An insertion point on an op would go with that op: constants are erased.)
    if (last)
      builder.setInsertionPointAfter(last);
    else
      builder.setInsertionPointToStart(&main.front());
    Value offset = arith::ConstantIndexOp::create(builder, loc, end);
    end += size;
    auto memory = MemRefType::get(type.getShape(), type.getElementType());
    Value view = memref::ViewOp::create(builder, loc, memory, main.getArgument(0), offset, ValueRange());
    tensor = bufferization::ToTensorOp::create(builder, loc, type, view, /*restrict=*/true);
    last = tensor.getDefiningOp();
    return tensor;
  }

  ArrayAttr plan() { return builder.getArrayAttr(entries); }
  IntegerAttr size() { return builder.getI64IntegerAttr(end); }

private:
  StringAttr uniqueName(Location loc) {
    StringRef base = locationName(loc);
    std::string name = base.empty() ? "tensor" : base.str();
    for (int suffix = 1; !names.insert(name).second; ++suffix)
      name = (base.empty() ? "tensor" : base.str()) + "." + std::to_string(suffix);
    return builder.getStringAttr(name);
  }

  func::FuncOp main;
  int64_t alignment;
  OpBuilder builder;
  Operation *last = nullptr;
  int64_t end = 0;
  SmallVector<Attribute> entries;
  DenseMap<std::pair<Attribute, Type>, Value> placed;
  llvm::StringSet<> names;
};

struct ExternalizeWeights : lutra::impl::ExternalizeWeightsBase<ExternalizeWeights> {
  using ExternalizeWeightsBase::ExternalizeWeightsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>(lutra::codegen::kEntryName);
    if (!main || main.isExternal()) {
      module.emitError("expected a function @main with a body, the entry of the model");
      return signalPassFailure();
    }
    if (module->hasAttr(lutra::codegen::kWeightsAttr)) {
      module.emitError() << "the weights of this module are externalized already (it has '"
                         << lutra::codegen::kWeightsAttr << "')";
      return signalPassFailure();
    }
    if (!llvm::isPowerOf2_64(alignment)) {
      module.emitError() << "expected 'alignment' to be a power of two, but it is " << alignment;
      return signalPassFailure();
    }

    SmallVector<Operation *> sources;
    main.walk([&](Operation *op) { sources.push_back(op); });
    Externalizer externalizer(main, alignment);
    for (Operation *op : sources) {
      if (auto constant = dyn_cast<arith::ConstantOp>(op))
        externalizeConstant(constant, externalizer);
      else if (isWeightData(op) && failed(externalizeWeight(op, externalizer)))
        return signalPassFailure();
    }
    // Weights are read by what was just replaced; the chains behind it are dead now.
    SmallVector<Operation *> weights;
    main.walk([&](Operation *op) {
      if (op->getNumResults() == 1 && isa<lutra::lowbit::WeightType>(op->getResult(0).getType()))
        weights.push_back(op);
    });
    for (Operation *op : llvm::reverse(weights))
      if (op->use_empty())
        op->erase();
    module->setAttr(lutra::codegen::kWeightsAttr, externalizer.plan());
    module->setAttr(lutra::codegen::kWeightsSizeAttr, externalizer.size());
  }

  void externalizeConstant(arith::ConstantOp op, Externalizer &externalizer) {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!type || cast<ElementsAttr>(op.getValue()).isSplat())
      return;
    std::optional<int64_t> bytes = elementBytes(type.getElementType());
    if (!bytes || type.getNumElements() * *bytes < minBytes)
      return;
    Value tensor = externalizer.place(op.getLoc(), type, "value", op.getValue());
    op.getResult().replaceAllUsesWith(tensor);
    op.erase();
  }

  /// An op that gives the bytes of a packed weight, or its values, as a tensor.
  static bool isWeightData(Operation *op) {
    return op->getNumOperands() == 1 && op->getNumResults() == 1 &&
           isa<lutra::lowbit::WeightType>(op->getOperand(0).getType()) &&
           isa<RankedTensorType>(op->getResult(0).getType()) && !isa<lutra::lowbit::MatmulOp>(op);
  }

  LogicalResult externalizeWeight(Operation *op, Externalizer &externalizer) {
    // Packed bytes are those of the weight; values are made by the op itself.
    bool isValues = isa<lutra::lowbit::DequantizeOp>(op);
    Operation *source = op->getOperand(0).getDefiningOp();
    if (!isa_and_present<lutra::lowbit::WeightValueOpInterface>(source)) {
      InFlightDiagnostic diag = op->emitError("expected a constant weight: lowbit.weight, and ops from weight to weight behind it");
      if (source)
        diag << ", but it comes from '" << source->getName() << "'";
      return diag;
    }
    FailureOr<DictionaryAttr> recipe = lutra::makeWeightRecipe(isValues ? op : source);
    if (failed(recipe))
      return failure();
    Value tensor = externalizer.place(source->getLoc(), cast<RankedTensorType>(op->getResult(0).getType()),
                                      isValues ? "values" : "pack", *recipe);
    op->getResult(0).replaceAllUsesWith(tensor);
    op->erase();
    return success();
  }
};
} // namespace
