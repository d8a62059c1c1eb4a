//===- IntegerFunctions.cpp - integer products as calls in parallel -------===//
#include "lib/Conversion/LutToLoops/IntegerKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

/// Whether codes have a scale for the row, which with one group is the group's all the same.
static bool hasScalePerRow(Value scales) { return cast<MemRefType>(scales.getType()).getDimSize(1) == 1; }

void lutloops::callForTiles(ImplicitLocOpBuilder &b, func::FuncOp function, ValueRange buffers, Value rows, int64_t channels) {
  Value zero = constantIndex(b, 0), one = constantIndex(b, 1), chunk = constantIndex(b, kIntegerChunkRows);
  Value tiles = constantIndex(b, (channels + kTileRows - 1) / kTileRows);
  scf::ParallelOp::create(b, ValueRange{zero, zero}, ValueRange{rows, tiles}, ValueRange{chunk, one},
                          [&](OpBuilder &, Location, ValueRange indices) {
                            Value lastRow = arith::MinUIOp::create(b, arith::AddIOp::create(b, indices[0], chunk), rows);
                            SmallVector<Value> operands(buffers);
                            operands.append({indices[1], arith::AddIOp::create(b, indices[1], one), indices[0], lastRow});
                            func::CallOp::create(b, function, operands);
                          });
}

LogicalResult KernelFunctions::lower(lut::PrepareCodesOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  FailureOr<SmallVector<Value>> buffers = castToArguments(b, op);
  if (failed(buffers))
    return failure();
  SmallVector<Type> types = llvm::to_vector(ValueRange(*buffers).getTypes());
  types.append(2, b.getIndexType());
  int64_t group = op.getGroup(), factor = op.getFactor();
  int64_t rest = cast<MemRefType>(op.getCodes().getType()).getDimSize(1) % group;
  bool perRow = hasScalePerRow(op.getActScales());
  SmallVector<Attribute> key{b.getStringAttr("prepare_codes"), TypeAttr::get(b.getFunctionType(types, {})),
                             b.getI64IntegerAttr(group), b.getI64IntegerAttr(rest), b.getI64IntegerAttr(factor),
                             b.getBoolAttr(perRow)};
  func::FuncOp function = getOrCreate(op.getLoc(), "lut_prepare_codes", b.getArrayAttr(key), types,
                                      [&](ImplicitLocOpBuilder &body, ValueRange args) {
                                        emitPrepareCodes(body, args, group, rest, factor, perRow);
                                      });
  callForRows(b, op, function, *buffers, op.getCodes());
  op.erase();
  return success();
}

/// Tiles that a single row reads side by side, at most: their sums and products take half of 32 registers.
static constexpr int64_t kMaxSingleStreams = 2;
/// Rows of triples that are multiplied one tile after the other where a machine reads ahead by itself: 2 and 3 rows take 0.8 and 0.95 of the time on Zen 4, 8 1.06.
static constexpr int64_t kRowsOfOneStream = 3;
/// Tiles that few rows read side by side, group by group, where a machine reads ahead by itself and is asked for nothing, and up to how many rows do so: 1024x4096 of
/// 4 bits in groups of 128 on Zen 4 takes 96 and 104 us by 1 and 2 rows, and 106 and 108 with one tile after the other; 3 and 4 rows take 124 and 143, and 118 and 129.
static constexpr int64_t kStreamsInOrder = 2, kRowsOfTwoStreams = 2;
/// Pieces that the tiles of a product are dealt out in, at least, when there are as many.
static constexpr int64_t kMinSinglePieces = 8;

void KernelFunctions::callFew(ImplicitLocOpBuilder &b, lut::IntegerMatmulOp op, ValueRange buffers, const GroupLayout &layout, int64_t rows) {
  SmallVector<Type> types = llvm::to_vector(buffers.getTypes());
  const bool isSingle = layout.triples && rows == 1;
  types.append(isSingle ? 2 : 3, b.getIndexType());
  int64_t channels = op.getWeightType().getRows(), tiles = llvm::divideCeil(channels, kTileRows);
  // Tiles read side by side by up to `limit` rows, and by more.
  int64_t limit = 0, few = isSingle ? std::min<int64_t>(options.streams, kMaxSingleStreams) : options.streams, many = few;
  if (isSingle && options.vectorRows < kTileRows)
    few = many = 1;
  if (options.readsAhead) {
    // The machine reads ahead of a stream by itself, and these loops take turns that are long. More rows of triples still share what they load of the
    // activations between tiles.
    limit = layout.triples ? kRowsOfOneStream : std::min(getRowsInOrder(layout, options), kRowsOfTwoStreams);
    few = layout.triples ? 1 : std::min(few, kStreamsInOrder);
    many = layout.triples ? many : 1;
  }
  auto getStreams = [&](int64_t most) { return std::clamp<int64_t>(llvm::bit_floor<uint64_t>(tiles / kMinSinglePieces), 1, most); };
  const int64_t streams = getStreams(rows > 0 && rows <= limit ? few : many);
  StringRef name = isSingle ? "lut_integer_single" : "lut_integer_few";
  SmallVector<Attribute> key{b.getStringAttr(name), TypeAttr::get(b.getFunctionType(types, {})), op.getWeightType().getFormat(),
                             b.getI64IntegerAttr(channels % kTileRows), b.getI64IntegerAttr(isSingle ? streams : 0),
                             b.getI64IntegerAttr(rows), getEpilogueKey(op.getEpilogue())};
  func::FuncOp function = getOrCreate(op.getLoc(), name, b.getArrayAttr(key), types, [&](ImplicitLocOpBuilder &body, ValueRange args) {
    if (isSingle)
      emitIntegerSingle(body, args, layout, channels, streams, op.getEpilogue(), options);
    else
      emitIntegerFew(body, args, layout, channels % kTileRows, rows, op.getEpilogue(), options);
  });
  Value zero = constantIndex(b, 0), one = constantIndex(b, 1), items = constantIndex(b, llvm::divideCeil(tiles, streams));
  if (rows == 0 && limit > 0 && getStreams(few) != streams) {
    Value count = memref::DimOp::create(b, buffers.front(), one);
    Value isFew = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, count, constantIndex(b, limit));
    items = arith::SelectOp::create(b, isFew, constantIndex(b, llvm::divideCeil(tiles, getStreams(few))), items);
  }
  scf::ParallelOp::create(b, ValueRange{zero}, ValueRange{items}, ValueRange{one}, [&](OpBuilder &, Location, ValueRange indices) {
    SmallVector<Value> operands(buffers);
    operands.append({indices[0], arith::AddIOp::create(b, indices[0], one)});
    if (!isSingle)
      operands.push_back(items);
    func::CallOp::create(b, function, operands);
  });
}

LogicalResult KernelFunctions::lower(lut::IntegerMatmulOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  FailureOr<GroupLayout> layout = GroupLayout::get(op.getWeightType(), [&] { return op.emitOpError(); });
  if (failed(layout))
    return failure();
  FailureOr<SmallVector<Value>> buffers = castToArguments(b, op);
  if (failed(buffers))
    return failure();
  // A few rows need no panel; a single one of triples has loops of its own.
  int64_t staticRows = cast<MemRefType>(op.getPadded().getType()).getDimSize(1);
  const int64_t few = getFewRows(*layout, options);
  if (ShapedType::isDynamic(staticRows) || (staticRows > 0 && staticRows <= few)) {
    if (!ShapedType::isDynamic(staticRows)) {
      callFew(b, op, *buffers, *layout, staticRows);
      op.erase();
      return success();
    }
    Value count = memref::DimOp::create(b, op.getPadded(), constantIndex(b, 1));
    auto branchAt = [&](arith::CmpIPredicate predicate, int64_t limit, int64_t rows) {
      Value isFew = arith::CmpIOp::create(b, predicate, count, constantIndex(b, limit));
      auto branch = scf::IfOp::create(b, TypeRange(), isFew, /*withElseRegion=*/true);
      b.setInsertionPointToStart(branch.thenBlock());
      callFew(b, op, *buffers, *layout, rows);
      b.setInsertionPointToStart(branch.elseBlock());
    };
    if (layout->triples)
      branchAt(arith::CmpIPredicate::eq, 1, 1);
    if (few > 1)
      branchAt(arith::CmpIPredicate::ule, few, 0);
  }
  SmallVector<Type> types = llvm::to_vector(ValueRange(*buffers).getTypes());
  types.append(4, b.getIndexType());
  int64_t lastColumns = op.getWeightType().getRows() % kTileRows;
  SmallVector<Attribute> key{b.getStringAttr("integer_matmul"), TypeAttr::get(b.getFunctionType(types, {})),
                             op.getWeightType().getFormat(), b.getI64IntegerAttr(lastColumns),
                             getEpilogueKey(op.getEpilogue())};
  func::FuncOp function =
      getOrCreate(op.getLoc(), "lut_integer_matmul", b.getArrayAttr(key), types,
                  [&](ImplicitLocOpBuilder &body, ValueRange args) {
                    emitIntegerMatmul(body, args, *layout, lastColumns, op.getEpilogue(), options);
                  });
  Value rows = memref::DimOp::create(b, op.getPadded(), constantIndex(b, 1));
  callForTiles(b, function, *buffers, rows, op.getWeightType().getRows());
  op.erase();
  return success();
}
