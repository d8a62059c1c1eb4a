//===- LutToLMMA.cpp - convert-lut-to-lmma --------------------------------===//
//
// One kernel for each kind of product, one launch for each product.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/LutToLMMA/LutToLMMA.h"

#include "KernelBuilder.h"
#include "dialects/lut/IR/Lut.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/MathExtras.h"

namespace lutra {
#define GEN_PASS_DEF_CONVERTLUTTOLMMA
#include "lib/Conversion/LutToLMMA/Passes.h.inc"
} // namespace lutra

using namespace mlir;
using namespace lutra;
using namespace lutra::luttolmma;

/// Rows of a block: what the tile asks for, as a power of two.
static int64_t chooseBlockRows(lut::MatmulOp op) {
  constexpr int64_t kLargest = 16;
  int64_t rows = op.getTile() ? std::clamp<int64_t>(op.getTile()->getM(), kArrayM, kLargest) : kLargest;
  return llvm::bit_floor(static_cast<uint64_t>(rows));
}

/// "i8", "f16", "i8_table", "i16_row": the entries, and what shares a scale unless it is a group.
static std::string kindName(const ProductShape &shape) {
  std::string name;
  llvm::raw_string_ostream(name) << shape.entry;
  if (!shape.isFloat() && shape.scale != lowbit::TableScale::Group)
    name += "_" + lowbit::stringifyTableScale(shape.scale).str();
  return name;
}

namespace {
struct ConvertLutToLmma : lutra::impl::ConvertLutToLmmaBase<ConvertLutToLmma> {
  using ConvertLutToLmmaBase::ConvertLutToLmmaBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    kernels.clear();
    SymbolTable symbols(module);
    SmallVector<lut::MatmulOp> products;
    module.walk([&](lut::MatmulOp op) { products.push_back(op); });
    bool failedOnce = false;
    for (lut::MatmulOp op : products)
      failedOnce |= failed(convert(op, symbols));
    if (failedOnce)
      signalPassFailure();
  }

  LogicalResult convert(lut::MatmulOp op, SymbolTable &symbols) {
    if (!op.getEpilogue().empty())
      return op.emitOpError(
          "has an epilogue, which this machine's products do not apply; run lowbit-unfuse-epilogue before "
          "convert-lowbit-to-lut");
    SmallVector<Value> buffers = {op.getEntries(), op.getScales(), op.getSums(), op.getWeights(), op.getOut()};
    for (Value buffer : buffers) {
      auto type = dyn_cast<MemRefType>(buffer.getType());
      if (!type)
        return op.emitOpError() << "expected buffers, but found " << buffer.getType()
                                << "; run one-shot-bufferize before";
      SmallVector<int64_t> strides;
      int64_t offset;
      if (failed(type.getStridesAndOffset(strides, offset)) || (!strides.empty() && strides.back() != 1))
        return op.emitOpError() << "expected a buffer with an innermost stride of 1, but found " << type;
    }
    FailureOr<ProductShape> shape =
        ProductShape::get(op.getWeightType(), cast<MemRefType>(op.getEntries().getType()).getElementType(),
                          op.getScaleKind(), [&] { return op.emitOpError(); });
    if (failed(shape))
      return failure();
    KernelOptions kernelOptions;
    kernelOptions.blockRows = chooseBlockRows(op);
    kernelOptions.depth = depth;
    kernelOptions.tablesPerTile = tablesPerTile;
    kernelOptions.i32Tiles = i32Tiles;
    kernelOptions.f32Tiles = f32Tiles;
    kernelOptions.rowTiles = rowTiles;
    kernelOptions.colTiles = colTiles;
    kernelOptions.fit(*shape);

    OpBuilder builder(op);
    Attribute key = builder.getArrayAttr({op.getWeightAttr(), TypeAttr::get(shape->entry),
                                          builder.getI64IntegerAttr(static_cast<int64_t>(shape->scale)),
                                          builder.getI64IntegerAttr(kernelOptions.blockRows)});
    lmma::KernelOp &kernel = kernels[key];
    if (!kernel) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(getOperation().getBody());
      std::string name = ("lookup_matmul_" + Twine(shape->rows) + "x" + Twine(shape->cols) + "_" + kindName(*shape) +
                          "_w" + Twine(shape->planes) + "g" + Twine(shape->group))
                             .str();
      kernel = buildKernel(builder, builder.getUnknownLoc(), name, *shape, kernelOptions);
      symbols.insert(kernel);
    }
    lmma::LaunchOp::create(builder, op.getLoc(), FlatSymbolRefAttr::get(kernel.getSymNameAttr()), buffers);
    op.erase();
    return success();
  }

  llvm::DenseMap<Attribute, lmma::KernelOp> kernels;
};
} // namespace
