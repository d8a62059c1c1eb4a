//===- LutToLMMA.cpp - convert-lut-to-lmma --------------------------------===//
//
// One kernel for each kind of product and of table, one launch for each product and each precompute.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/LutToLMMA/LutToLMMA.h"

#include "KernelBuilder.h"
#include "SplitNorm.h"
#include "dialects/lowbit/Transforms/Remarks.h"
#include "dialects/lut/IR/Lut.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "convert-lut-to-lmma"

namespace lutra {
#define GEN_PASS_DEF_CONVERTLUTTOLMMA
#include "lib/Conversion/LutToLMMA/Passes.h.inc"
} // namespace lutra

using namespace mlir;
using namespace lutra;
using namespace lutra::luttolmma;

/// Rows of a block: what the tile asks for, as the array's rows times a power of two.
static int64_t chooseBlockRows(lut::MatmulOp op, int64_t arrayM) {
  constexpr int64_t kLargest = 16;
  const int64_t rows = op.getTile() ? std::min<int64_t>(op.getTile()->getM(), kLargest) : kLargest;
  return arrayM * llvm::bit_floor(static_cast<uint64_t>(std::max<int64_t>(1, rows / arrayM)));
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
    if (arrayM < 1 || arrayM > 16 || arrayN < 4 || arrayN > 256 || arrayN % 4 != 0) {
      module.emitError() << "the LUT tensor core has arrays of m 1 to 16 and n a multiple of 4 up to 256, but found m" << int64_t(arrayM) << "n"
                         << int64_t(arrayN);
      return signalPassFailure();
    }
    core = readCore();
    SymbolTable symbols(module);
    SmallVector<lut::MatmulOp> products;
    SmallVector<lut::PrecomputeOp> tables;
    SmallVector<lut::NormPrecomputeOp> normTables;
    module.walk([&](Operation *op) {
      if (auto product = dyn_cast<lut::MatmulOp>(op))
        products.push_back(product);
      else if (auto table = dyn_cast<lut::PrecomputeOp>(op))
        tables.push_back(table);
      else if (auto table = dyn_cast<lut::NormPrecomputeOp>(op))
        normTables.push_back(table);
    });
    for (lut::NormPrecomputeOp op : normTables)
      if (failed(requireBuffers(op, op->getOperands())))
        return signalPassFailure();
    // A table's halves lie where both its maker and its readers say: all tables are made here, or none.
    makesTables = deviceTables && llvm::all_of(tables, [](lut::PrecomputeOp op) { return canMake(op); }) &&
                  llvm::all_of(normTables, hasUnitStrides);
    bool failedOnce = false;
    for (lut::NormPrecomputeOp op : normTables)
      if (makesTables)
        convert(op, symbols);
      else
        splitNorm(op);
    if (makesTables)
      for (lut::PrecomputeOp op : tables)
        convert(op, symbols);
    for (lut::MatmulOp op : products)
      failedOnce |= failed(convert(op, symbols));
    if (failedOnce)
      signalPassFailure();
  }

  CoreFacts readCore() const {
    CoreFacts facts;
    facts.arrayM = arrayM;
    facts.arrayN = arrayN;
    facts.tableTiles = tableTiles;
    facts.weightTiles = weightTiles;
    facts.i32Tiles = i32Tiles;
    facts.f32Tiles = f32Tiles;
    facts.rowTiles = rowTiles;
    facts.colTiles = colTiles;
    facts.tablesPerTile = tablesPerTile;
    facts.sharedBytes = sharedBytes;
    facts.cores = cores;
    facts.dramBytesPerCycle = dramBytesPerCycle;
    facts.dramLatency = dramLatency;
    facts.sharedBytesPerCycle = sharedBytesPerCycle;
    return facts;
  }

  static bool missed(Operation *op, const char *reason) {
    remark::missed(op->getLoc(), lowbit::remarkOf(DEBUG_TYPE, op->getLoc())) << remark::reason(reason);
    return false;
  }

  static LogicalResult requireBuffers(Operation *op, ValueRange values) {
    for (Value value : values)
      if (!isa<MemRefType>(value.getType()))
        return op->emitOpError() << "expected buffers, but found " << value.getType() << "; run one-shot-bufferize before";
    return success();
  }

  /// Whether the device reaches all buffers of tables; a remark says so where it does not.
  static bool hasUnitStrides(Operation *op) {
    return llvm::all_of(op->getOperands(), hasUnitStride) ||
           missed(op, "the tables are computed by the host: a buffer's innermost stride is not 1");
  }

  /// Whether the device computes these tables; a remark says why not.
  static bool canMake(lut::PrecomputeOp op) {
    if (!hasUnitStrides(op))
      return false;
    if (op.getWidth() != lowbit::kTableWidth)
      return missed(op, "the tables are computed by the host: they are of three activations");
    auto rows = cast<MemRefType>(op.getActivations().getType());
    if (op.getActScales() && op.getGroup() > kMostCodes)
      return missed(op, "the tables are computed by the host: sums of so many codes leave f32");
    return rows.getElementType().isF32() || op.getActScales();
  }

  /// A precompute with or without a norm: a launch of the kernel that makes its tables.
  template <typename Op>
  void convert(Op op, SymbolTable &symbols) {
    constexpr bool isNorm = std::is_same_v<Op, lut::NormPrecomputeOp>;
    TablesShape shape;
    auto activations = cast<MemRefType>(op.getActivations().getType());
    shape.cols = activations.getDimSize(1);
    shape.group = op.getGroup();
    shape.groups = op.getNumGroups();
    shape.tables = op.getTablesPerGroup();
    shape.activation = activations.getElementType();
    shape.entry = cast<MemRefType>(op.getEntries().getType()).getElementType();
    shape.scale = op.getScaleKind();
    if constexpr (isNorm)
      shape.epsilon = op.getEpsilonAttr();
    else
      shape.codes = bool(op.getActScales());
    shape.arrayM = core.arrayM;
    shape.scalesPerRow = cast<MemRefType>(op.getScales().getType()).getDimSize(1);
    OpBuilder builder(op);
    Attribute key = builder.getArrayAttr({builder.getI64ArrayAttr({shape.cols, shape.group, shape.scalesPerRow}),
                                          TypeAttr::get(shape.activation), TypeAttr::get(shape.entry),
                                          isNorm ? Attribute(shape.epsilon) : builder.getUnitAttr()});
    lmma::KernelOp &kernel = kernels[key];
    if (!kernel) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(getOperation().getBody());
      std::string name;
      llvm::raw_string_ostream(name) << (isNorm ? "norm_tables_" : "tables_") << shape.cols << "_" << shape.entry << "_g" << shape.group;
      kernel = buildTablesKernel(builder, builder.getUnknownLoc(), name, shape);
      symbols.insert(kernel);
    }
    lmma::LaunchOp::create(builder, op.getLoc(), FlatSymbolRefAttr::get(kernel.getSymNameAttr()), op->getOperands());
    op.erase();
  }

  LogicalResult convert(lut::MatmulOp op, SymbolTable &symbols) {
    SmallVector<Value> buffers = {op.getEntries(), op.getScales(), op.getSums(), op.getWeights(), op.getOut()};
    if (failed(requireBuffers(op, buffers)))
      return failure();
    for (Value buffer : buffers)
      if (!hasUnitStride(buffer))
        return op.emitOpError() << "expected a buffer with an innermost stride of 1, but found " << buffer.getType();
    FailureOr<ProductShape> shape =
        ProductShape::get(op.getWeightType(), cast<MemRefType>(op.getEntries().getType()).getElementType(),
                          op.getScaleKind(), core, [&] { return op.emitOpError(); });
    if (failed(shape))
      return failure();
    if (makesTables)
      shape->pitch = kStored;
    std::string obstacle;
    std::optional<Epilogue> epilogue = Epilogue::read(op.getEpilogue(), op.getEpilogueOperands(), obstacle);
    if (epilogue) {
      shape->epilogue = std::move(*epilogue);
      if (!shape->epilogue.isEmpty())
        buffers.insert(buffers.end() - 1, op.getEpilogueOperands().begin(), op.getEpilogueOperands().end());
    } else {
      remark::missed(op.getLoc(), lowbit::remarkOf(DEBUG_TYPE, op.getLoc()))
          << remark::reason("the epilogue is computed by the host: {0}", obstacle);
    }
    std::optional<SharedTile> tile = choose(op, *shape);
    const DramTile dram = DramTile::fit(*shape, core, chooseBlockRows(op, core.arrayM), depth);
    OpBuilder builder(op);
    Attribute key = builder.getArrayAttr({op.getWeightAttr(), TypeAttr::get(shape->entry),
                                          builder.getI64IntegerAttr(static_cast<int64_t>(shape->scale)),
                                          builder.getI64IntegerAttr(tile ? -tile->rows : dram.rows),
                                          shape->epilogue.key(builder)});
    lmma::KernelOp &kernel = kernels[key];
    if (!kernel) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(getOperation().getBody());
      std::string name = ("lookup_matmul_" + Twine(shape->rows) + "x" + Twine(shape->cols) + "_" + kindName(*shape) +
                          "_w" + Twine(shape->planes) + "g" + Twine(shape->group) + (shape->epilogue.isEmpty() ? "" : "_fused"))
                             .str();
      kernel = tile ? buildSharedKernel(builder, builder.getUnknownLoc(), name, *shape, *tile)
                    : buildKernel(builder, builder.getUnknownLoc(), name, *shape, dram);
      symbols.insert(kernel);
    }
    lmma::LaunchOp::create(builder, op.getLoc(), FlatSymbolRefAttr::get(kernel.getSymNameAttr()), buffers);
    if (!op.getEpilogue().empty() && shape->epilogue.isEmpty())
      computeOnHost(op);
    op.erase();
    return success();
  }

  /// The epilogue of a product as an element-wise operation on its output.
  static void computeOnHost(lut::MatmulOp op) {
    OpBuilder b(op);
    AffineMap whole = b.getMultiDimIdentityMap(2), perColumn = AffineMap::get(2, 0, b.getAffineDimExpr(1));
    SmallVector<AffineMap> maps;
    for (Value operand : op.getEpilogueOperands())
      maps.push_back(cast<MemRefType>(operand.getType()).getRank() == 1 ? perColumn : whole);
    maps.push_back(whole);
    Block &epilogue = op.getEpilogue().front();
    SmallVector<utils::IteratorType> parallel(2, utils::IteratorType::parallel);
    linalg::GenericOp::create(b, op.getLoc(), op.getEpilogueOperands(), op.getOut(), maps, parallel,
                              [&](OpBuilder &nested, Location loc, ValueRange args) {
                                IRMapping mapping;
                                mapping.map(epilogue.getArgument(0), args.back());
                                mapping.map(epilogue.getArguments().drop_front(), args.drop_back());
                                for (Operation &inner : epilogue.without_terminator())
                                  nested.clone(inner, mapping);
                                Value result = epilogue.getTerminator()->getOperand(0);
                                linalg::YieldOp::create(nested, loc, mapping.lookupOrDefault(result));
                              });
  }

  /// The tile of a product whose operands go through shared memory, with a remark.
  std::optional<SharedTile> choose(lut::MatmulOp op, const ProductShape &shape) {
    if (sharedBytes == 0)
      return std::nullopt;
    std::optional<SharedTile> tile = chooseSharedTile(shape, core, chooseBlockRows(op, core.arrayM));
    auto options = lowbit::remarkOf(DEBUG_TYPE, op.getLoc());
    if (!tile) {
      remark::missed(op.getLoc(), options)
          << remark::reason("operands are loaded from DRAM: two stages of a group do not fit shared memory and registers");
      return tile;
    }
    const std::string stage = tile->tables == shape.tables
                                  ? llvm::formatv("{0} groups", tile->groups).str()
                                  : llvm::formatv("{0} of a group's {1} tables", tile->tables, shape.tables).str();
    remark::passed(op.getLoc(), options)
        << remark::reason("blocks of {0} x {1}, {2} a copy: {3} bytes of tables and {4} of weights", tile->rows,
                          tile->columns * core.arrayN, stage, tile->tableBytes, tile->weightBytes);
    return tile;
  }

  /// Codes whose sums of 8 bits are exact in f32.
  static constexpr int64_t kMostCodes = 131072;

  llvm::DenseMap<Attribute, lmma::KernelOp> kernels;
  CoreFacts core;
  bool makesTables = false;
};
} // namespace
