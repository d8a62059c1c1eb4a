//===- Functions.cpp - one function per kind of op, called in parallel ----===//
//
// The functions take buffers whose sizes and outer strides are dynamic, so that one serves every place and size, and the
// ranges of rows (and tiles) that a call is to do. Of the sizes only the remainders are compiled in: the short last group of a
// precompute, the columns of a product's last tile.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "lutra/Support/RangeCalls.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

//===----------------------------------------------------------------------===//
// Small builders
//===----------------------------------------------------------------------===//

Value lutloops::constantIndex(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value lutloops::splatInt(ImplicitLocOpBuilder &b, int64_t lanes, unsigned bits, int64_t value) {
  auto type = VectorType::get({lanes}, b.getIntegerType(bits));
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, APInt(bits, value)));
}

Value lutloops::splatFloat(ImplicitLocOpBuilder &b, int64_t lanes, float value) {
  auto type = VectorType::get({lanes}, b.getF32Type());
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, value));
}

void lutloops::forEachGroup(ImplicitLocOpBuilder &b, ValueRange rows, Value cols, int64_t group, int64_t rest,
                            function_ref<void(Value, Value, int64_t)> body) {
  Value zero = constantIndex(b, 0), one = constantIndex(b, 1);
  Value wholeGroups = arith::DivUIOp::create(b, cols, constantIndex(b, group));
  scf::ForOp::create(b, rows[0], rows[1], one, ValueRange(), [&](OpBuilder &, Location, Value row, ValueRange) {
    scf::ForOp::create(b, zero, wholeGroups, one, ValueRange(), [&](OpBuilder &, Location, Value index, ValueRange) {
      body(row, index, group);
      scf::YieldOp::create(b);
    });
    if (rest != 0)
      body(row, wholeGroups, rest);
    scf::YieldOp::create(b);
  });
}

void lutloops::storeTile(ImplicitLocOpBuilder &b, Value out, Value row, Value tile, int64_t lastColumns,
                         function_ref<Value(int64_t, Value, Value)> numbers) {
  auto storeColumns = [&](int64_t columns) {
    for (int64_t part = 0; part < columns; part += kLanes) {
      Value column = affine(b, {}, kTileRows, tile, part);
      int64_t count = std::min(kLanes, columns - part);
      if (count == kLanes) {
        vector::StoreOp::create(b, numbers(part, column, {}), out, ValueRange{row, column});
        continue;
      }
      Value mask = vector::ConstantMaskOp::create(b, VectorType::get({kLanes}, b.getI1Type()), ArrayRef<int64_t>{count});
      vector::MaskedStoreOp::create(b, out, ValueRange{row, column}, mask, numbers(part, column, mask));
    }
  };
  if (lastColumns == 0)
    return storeColumns(kTileRows);
  Value columns = memref::DimOp::create(b, out, constantIndex(b, 1));
  Value wholeTiles = arith::DivUIOp::create(b, columns, constantIndex(b, kTileRows));
  Value isWhole = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, tile, wholeTiles);
  auto branch = scf::IfOp::create(b, TypeRange(), isWhole, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  storeColumns(kTileRows);
  // The last tile: rows past the weight's are padding and have no place in the output.
  b.setInsertionPointToStart(branch.elseBlock());
  storeColumns(lastColumns);
}

Value lutloops::affine(ImplicitLocOpBuilder &b, Value begin, int64_t factor, Value value, int64_t constant) {
  Value result = begin;
  auto add = [&](Value term) { result = result ? arith::AddIOp::create(b, result, term).getResult() : term; };
  if (value && factor != 0) {
    if (auto known = getConstantIntValue(value))
      constant += factor * *known;
    else
      add(factor == 1 ? value : arith::MulIOp::create(b, value, constantIndex(b, factor)).getResult());
  }
  if (constant != 0 || !result)
    add(constantIndex(b, constant));
  return result;
}

Value lutloops::loadBytes(ImplicitLocOpBuilder &b, Value bytes, Value offset, Type type, int64_t lanes) {
  int64_t count = lanes * type.getIntOrFloatBitWidth() / 8;
  Value loaded = vector::LoadOp::create(b, VectorType::get({count}, b.getI8Type()), bytes, ValueRange{offset});
  auto result = VectorType::get({lanes}, type);
  return loaded.getType() == result ? loaded : vector::BitCastOp::create(b, result, loaded).getResult();
}

Value lutloops::loadAsFloat(ImplicitLocOpBuilder &b, Value bytes, Value offset, Type stored) {
  auto floats = VectorType::get({kLanes}, b.getF32Type());
  Value value = loadBytes(b, bytes, offset, stored, kLanes);
  if (stored.isF32())
    return value;
  if (isa<FloatType>(stored))
    return arith::ExtFOp::create(b, floats, value);
  return arith::SIToFPOp::create(b, floats, value);
}

SmallVector<Value> lutloops::forEachPair(ImplicitLocOpBuilder &b, Value first, int64_t count, int64_t unrolled,
                                         ArrayRef<Value> accumulators,
                                         function_ref<SmallVector<Value>(Value, ArrayRef<Value>)> body) {
  auto straight = [&](Value begin, int64_t pairs, SmallVector<Value> values) {
    for (int64_t pair = 0; pair < pairs; ++pair)
      values = body(affine(b, begin, 0, {}, pair), values);
    return values;
  };
  int64_t rest = count <= unrolled ? count : count % unrolled, whole = count - rest;
  SmallVector<Value> values(accumulators);
  if (whole > 0) {
    Value last = affine(b, first, 0, {}, whole);
    auto loop = scf::ForOp::create(b, first, last, constantIndex(b, unrolled), values,
                                   [&](OpBuilder &, Location, Value pair, ValueRange before) {
                                     scf::YieldOp::create(b, straight(pair, unrolled, llvm::to_vector(before)));
                                   });
    values = SmallVector<Value>(loop.getResults());
    first = last;
  }
  return straight(first, rest, values);
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

MemRefType lutloops::getArgumentType(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return {};
  SmallVector<int64_t> shape(type.getRank(), ShapedType::kDynamic);
  // Of three dimensions the last is a group, and as long as the format makes it: rows that are multiplied at once are then constants apart.
  std::fill_n(strides.begin(), strides.size() == 3 ? 1 : strides.size() - 1, ShapedType::kDynamic);
  return MemRefType::get(shape, type.getElementType(),
                         StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, strides));
}

FailureOr<SmallVector<Value>> lutloops::castToArguments(ImplicitLocOpBuilder &b, Operation *op) {
  SmallVector<Value> buffers;
  for (auto [index, buffer] : llvm::enumerate(op->getOperands())) {
    auto type = dyn_cast<MemRefType>(buffer.getType());
    if (!type)
      return op->emitOpError() << "is not on buffers; run one-shot-bufferize first";
    MemRefType argument = getArgumentType(type);
    if (!argument)
      return op->emitOpError() << "operand " << index << " must have an innermost stride of 1, but is " << type
                               << "; copy it first";
    buffers.push_back(type == argument ? buffer : memref::CastOp::create(b, argument, buffer).getResult());
  }
  return buffers;
}

func::FuncOp KernelFunctions::getOrCreate(Location loc, StringRef prefix, Attribute key, TypeRange inputs,
                                          function_ref<void(ImplicitLocOpBuilder &, ValueRange)> emit) {
  func::FuncOp &function = functions[key];
  if (function)
    return function;
  ImplicitLocOpBuilder b(UnknownLoc::get(module.getContext()), module.getContext());
  function = func::FuncOp::create(b, prefix, b.getFunctionType(inputs, {}));
  function.setPrivate();
  symbols.insert(function, module.getBody()->begin());
  b.setInsertionPointToStart(function.addEntryBlock());
  emit(b, function.getArguments());
  func::ReturnOp::create(b);
  return function;
}

/// Activation rows of a block at most: more would not share more, and their products would not stay in registers.
static constexpr int64_t kMaxBlockRows = 4;
/// Bytes of weights that are asked for while tables are made, about; the second where the machine reads ahead by itself, and so brings more in that time.
static constexpr int64_t kAheadBytes = 16 << 10, kReadAheadBytes = 32 << 10;
/// Bytes of a stream that are asked for with an activation, of either time that it is read, at most. Where the machine reads ahead, of all streams together: more would
/// wait for each other (Zen 4, 576x1536, 1 bit g128, three streams: 6.5 us with 1 byte of each, 6.3 with 2, 7.1 with 4).
static constexpr int64_t kMostAheadBytes = 8;
/// Tiles of a product from which on it does not matter how many are left over when they are read as streams.
static constexpr int64_t kManyTiles = 32;
/// Bytes of tables that a chunk of activation rows has: half of what is common as a core's second-level cache.
static constexpr int64_t kChunkBytes = 512 << 10;

/// Whether the iterations of a loop around `op` already are the parallel work.
static bool isInParallelLoop(Operation *op) {
  return op->getParentOfType<scf::ParallelOp>() || op->getParentOfType<scf::ForallOp>();
}

/// What shares a scale, as a part of a function's key: the sizes of buffers no longer tell.
static Attribute scaleKey(Builder &b, lowbit::TableScale scale) {
  return b.getStringAttr(lowbit::stringifyTableScale(scale));
}

void lutloops::callForRows(ImplicitLocOpBuilder &b, Operation *op, func::FuncOp function, ValueRange buffers, Value matrix) {
  forRows(b, op, matrix, [&](Value first, Value last, bool) {
    SmallVector<Value> operands(buffers);
    operands.append({first, last});
    func::CallOp::create(b, function, operands);
  });
}

void lutloops::forRows(ImplicitLocOpBuilder &b, Operation *op, Value matrix, function_ref<void(Value, Value, bool)> call) {
  Value zero = constantIndex(b, 0), one = constantIndex(b, 1);
  Value rows = memref::DimOp::create(b, matrix, zero);
  int64_t known = cast<MemRefType>(matrix.getType()).getDimSize(0);
  if (isInParallelLoop(op) || known == 1)
    return call(zero, rows, known == 1);
  auto share = [&] {
    scf::ParallelOp::create(b, ValueRange{zero}, ValueRange{rows}, ValueRange{one},
                            [&](OpBuilder &, Location, ValueRange indices) {
                              call(indices[0], arith::AddIOp::create(b, indices[0], one), false);
                            });
  };
  if (!ShapedType::isDynamic(known))
    return share();
  // One row, as in a decoder's step, is no work to start threads for.
  Value isSingle = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rows, one);
  auto branch = scf::IfOp::create(b, TypeRange(), isSingle, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  call(zero, one, true);
  b.setInsertionPointToStart(branch.elseBlock());
  share();
}

/// The whole tiles of `op`'s weight.
static int64_t countWholeTiles(lut::MatmulOp op) { return op.getWeightType().getRows() / kTileRows; }

/// Tiles that a single activation row of `op` is multiplied by at once: as many as leave few over, which are read one by one.
static int64_t countStreams(lut::MatmulOp op, const ConvertLutToLoopsOptions &options) {
  auto entries = cast<MemRefType>(op.getEntries().getType());
  lowbit::TableKind kind{*lowbit::getTableElement(entries.getElementType()), op.getScaleKind()};
  if (!isByteKind(kind) || (!ShapedType::isDynamic(entries.getDimSize(0)) && entries.getDimSize(0) != 1))
    return 1;
  int64_t tiles = countWholeTiles(op);
  int64_t best = std::clamp<int64_t>(tiles, 1, options.streams);
  if (tiles >= kManyTiles)
    return best;
  // What reading fresh memory takes in one stream, two and more, as measured: 120 : 106 : 100.
  auto costOf = [&](int64_t streams) {
    int64_t left = tiles % streams;
    return left * 120 + (tiles - left) * (streams == 1 ? 120 : streams == 2 ? 106 : 100);
  };
  for (int64_t streams = best - 1; streams > 1; --streams)
    if (costOf(streams) < costOf(best))
      best = streams;
  return best;
}

/// Bytes of a stream of weights that are asked for with each activation that tables are made of, of either time that it is read. More than is asked for ahead
/// later would be gone through without asking for more meanwhile, and memory would rest.
static int64_t getAheadBytes(int64_t columns, int64_t streams, const ConvertLutToLoopsOptions &options) {
  const int64_t parts = llvm::bit_ceil(uint64_t(streams)), most = options.readsAhead ? kMostAheadBytes / parts : kMostAheadBytes;
  const int64_t bytes = (options.readsAhead ? kReadAheadBytes : kAheadBytes) / parts / (2 * columns);
  return std::clamp<int64_t>(llvm::bit_floor(uint64_t(bytes)), 1, std::max<int64_t>(most, 1));
}

/// The product in the block of `op` that reads its tables first, if its weights are known where the tables are made. Null: there is none.
static lut::MatmulOp getReader(lut::PrecomputeOp op) {
  for (Operation *next = op->getNextNode(); next; next = next->getNextNode())
    if (auto product = dyn_cast<lut::MatmulOp>(next); product && product.getEntries() == op.getEntries()) {
      Operation *weights = product.getWeights().getDefiningOp();
      bool isKnown = !weights || weights->getBlock() != op->getBlock() || weights->isBeforeInBlock(op);
      return isKnown ? product : lut::MatmulOp();
    }
  return {};
}

LogicalResult KernelFunctions::lower(lut::PrecomputeOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  FailureOr<SmallVector<Value>> buffers = castToArguments(b, op);
  if (failed(buffers))
    return failure();
  int64_t columns = op.getActivations().getType().getDimSize(1), rest = columns % op.getGroup();
  const bool ofThree = op.getWidth() == lowbit::kTripleWidth;
  auto callFor = [&](ValueRange arguments, Value first, Value last, int64_t aheadStreams) {
    int64_t aheadBytes = aheadStreams > 0 ? getAheadBytes(columns, aheadStreams, options) : 0;
    SmallVector<Value> operands(arguments);
    operands.append({first, last});
    SmallVector<Type> types = llvm::to_vector(ValueRange(operands).getTypes());
    SmallVector<Attribute> key{b.getStringAttr("precompute"), TypeAttr::get(b.getFunctionType(types, {})),
                               b.getI64IntegerAttr(op.getGroup()), b.getI64IntegerAttr(rest), scaleKey(b, op.getScaleKind()),
                               b.getI64IntegerAttr(aheadStreams), b.getI64IntegerAttr(aheadBytes), b.getI64IntegerAttr(op.getWidth())};
    func::FuncOp function = getOrCreate(op.getLoc(), "lut_precompute", b.getArrayAttr(key), types,
                                        [&](ImplicitLocOpBuilder &body, ValueRange args) {
                                          if (ofThree)
                                            emitTriplePrecompute(body, args, op.getGroup(), rest, op.getScaleKind(), aheadStreams, aheadBytes);
                                          else
                                            emitPrecompute(body, args, op.getGroup(), rest, op.getScaleKind(), aheadStreams, aheadBytes);
                                        });
    func::CallOp::create(b, function, operands);
  };
  lut::MatmulOp reader = options.prefetchBytes > 0 ? getReader(op) : lut::MatmulOp();
  forRows(b, op, op.getActivations(), [&](Value first, Value last, bool isSingle) {
    // The tables of a decoder's step take the time in which a small product's weights come from memory.
    if (!isSingle || !reader)
      return callFor(*buffers, first, last, 0);
    int64_t streams = countStreams(reader, options), tiles = llvm::divideCeil(reader.getWeightType().getRows(), kTileRows);
    int64_t weightBytes = cast<MemRefType>(reader.getWeights().getType()).getDimSize(0);
    if (ShapedType::isDynamic(weightBytes))
      return callFor(*buffers, first, last, 0);
    SmallVector<Value> arguments(*buffers);
    arguments.push_back(memref::CastOp::create(b, getArgumentType(cast<MemRefType>(reader.getWeights().getType())), reader.getWeights()));
    arguments.push_back(constantIndex(b, weightBytes / tiles * (countWholeTiles(reader) / streams)));
    callFor(arguments, first, last, streams);
  });
  op.erase();
  return success();
}

LogicalResult KernelFunctions::lower(lut::MatmulOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  FailureOr<GroupLayout> layout = GroupLayout::get(op.getWeightType(), [&] { return op.emitOpError(); });
  if (failed(layout))
    return failure();
  if (!layout->codebook.empty())
    return op.emitOpError() << "looks planes up, but the weight is stored as indices into a codebook; run lut-multiply-codes, or pack it with "
                               "lowbit-pack-weights{codebooks=false}";
  if (layout->triples)
    return op.emitOpError() << "looks planes up, but the weight is stored as triples; run lut-multiply-codes, or pack it with "
                               "lowbit-pack-weights{triples=false}";
  if (layout->quads && getElementTypeOrSelf(op.getEntries()).isInteger(16))
    return op.emitOpError() << "looks up in tables of i16, but the weight is stored in quads; run lut-multiply-codes, or pack it with "
                               "lowbit-pack-weights{quads=false}";
  FailureOr<SmallVector<Value>> buffers = castToArguments(b, op);
  if (failed(buffers))
    return failure();
  int64_t tileCount = llvm::divideCeil(op.getWeightType().getRows(), kTileRows);
  auto entriesType = cast<MemRefType>(op.getEntries().getType());
  int64_t staticRows = entriesType.getDimSize(0), streams = countStreams(op, options);
  lowbit::TileAttr tile = op.getTileAttr();
  int64_t blockRows = tile ? std::min(tile.getM(), kMaxBlockRows) : kMaxBlockRows;
  SmallVector<Type> types = llvm::to_vector(ValueRange(*buffers).getTypes());
  types.append(4, b.getIndexType());
  int64_t lastColumns = op.getWeightType().getRows() % kTileRows;
  SmallVector<Attribute> key{b.getStringAttr("matmul"), TypeAttr::get(b.getFunctionType(types, {})),
                             op.getWeightType().getFormat(), b.getI64IntegerAttr(lastColumns),
                             b.getI64IntegerAttr(blockRows), b.getI64IntegerAttr(streams), scaleKey(b, op.getScaleKind()),
                             getEpilogueKey(op.getEpilogue())};
  func::FuncOp function = getOrCreate(op.getLoc(), "lut_matmul", b.getArrayAttr(key), types,
                                      [&](ImplicitLocOpBuilder &body, ValueRange args) {
                                        emitMatmul(body, args, *layout, op.getScaleKind(), lastColumns, blockRows, streams,
                                                   op.getEpilogue(), options);
                                      });
  if (int64_t bytes = cast<MemRefType>(op.getWeights().getType()).getDimSize(0); !ShapedType::isDynamic(bytes) && countWholeTiles(op) > 0)
    noteStreams(op, streams, bytes / tileCount * (countWholeTiles(op) / streams));
  Value zero = constantIndex(b, 0);
  Value rows = memref::DimOp::create(b, op.getEntries(), zero);
  Value tiles = constantIndex(b, tileCount), one = constantIndex(b, 1);
  auto call = [&](Value tile, Value firstRow, Value lastRow) {
    SmallVector<Value> operands(*buffers);
    operands.append({tile, arith::AddIOp::create(b, tile, one), firstRow, lastRow});
    auto made = func::CallOp::create(b, function, operands);
    made->setAttr(kRangeAttr, b.getI64IntegerAttr(buffers->size()));
    if (op->hasAttr(kWithNextAttr))
      made->setAttr(kWithNextAttr, b.getUnitAttr());
  };
  // Chunks outside, whose tables stay in the second-level cache while the weights pass by.
  int64_t tableBytes = entriesType.getDimSize(1) * entriesType.getDimSize(2) * entriesType.getElementTypeBitWidth() / 8;
  int64_t chunkRows = std::min<int64_t>(options.chunkRows, std::max<int64_t>(kChunkBytes / tableBytes, 16) / 4 * 4);
  if (!ShapedType::isDynamic(staticRows) && staticRows <= chunkRows) {
    scf::ParallelOp::create(b, ValueRange{zero}, ValueRange{tiles}, ValueRange{one},
                            [&](OpBuilder &, Location, ValueRange indices) { call(indices[0], zero, rows); });
  } else {
    Value chunk = constantIndex(b, chunkRows);
    scf::ParallelOp::create(b, ValueRange{zero, zero}, ValueRange{rows, tiles}, ValueRange{chunk, one},
                            [&](OpBuilder &, Location, ValueRange indices) {
                              Value last = arith::AddIOp::create(b, indices[0], chunk);
                              call(indices[1], indices[0], arith::MinUIOp::create(b, last, rows));
                            });
  }
  op.erase();
  return success();
}
