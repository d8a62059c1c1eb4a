//===- CacheBeginnings.cpp - where keys and values begin is read at once --===//
//
// Attention of a single token goes through one head after the other, keys first. Of a short cache each head's keys and
// values are a few kilobytes: the machine has hardly begun to read ahead of them when they end, and memory is waited
// for at each beginning. So what all heads begin with is read before, side by side. Read and not asked for: of many
// requests in a row Zen drops two of three. Where several threads share the heads one would read for the others, while
// they wait: there nothing is read.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LowbitToLoops/CacheBeginnings.h"

#include "lutra/Support/RangeCalls.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace lutra;

/// Bytes of a line of the machine's caches.
static constexpr int64_t kLineBytes = 64;
/// Heads whose keys and values are read side by side: as many streams as machines follow well.
static constexpr int64_t kHeadsAtOnce = 4;
/// All beginnings, which are to lie in a second cache until they are used.
static constexpr int64_t kMostBytes = 256 << 10;

namespace {
/// A key or value cache [batch, heads, positions, head size] as addresses.
struct CacheAddresses {
  CacheAddresses(ImplicitLocOpBuilder &b, Value cache) {
    auto metadata = memref::ExtractStridedMetadataOp::create(b, cache);
    elementBytes = arith::ConstantIndexOp::create(b, cast<MemRefType>(cache.getType()).getElementTypeBitWidth() / 8);
    Value offset = arith::MulIOp::create(b, metadata.getOffset(), elementBytes);
    begin = arith::AddIOp::create(b, memref::ExtractAlignedPointerAsIndexOp::create(b, cache), offset);
    strides = metadata.getStrides();
    positions = metadata.getSizes()[2];
  }

  /// The bytes of `count` steps along `dim`.
  Value bytesOf(ImplicitLocOpBuilder &b, int64_t dim, Value count) const {
    return arith::MulIOp::create(b, arith::MulIOp::create(b, strides[dim], elementBytes), count);
  }

  Value begin, elementBytes, positions;
  SmallVector<Value> strides;
};
} // namespace

/// Reads the byte at `address`, which nothing else uses.
static void readByte(ImplicitLocOpBuilder &b, Value address) {
  Value number = arith::IndexCastOp::create(b, b.getI64Type(), address);
  Value pointer = LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), number);
  LLVM::LoadOp::create(b, b.getI8Type(), pointer, /*alignment=*/1, /*isVolatile=*/true);
}

void lutra::readCacheBeginnings(lowbit::AttentionOp op, ValueRange arguments, int64_t bytes, OpBuilder &builder) {
  ImplicitLocOpBuilder b(op.getLoc(), builder);
  auto argument = [&](unsigned operand) { return arguments[op.getODSOperands(operand).getBeginOperandIndex()]; };
  // In the order of op's operands: the query, the lengths, and the caches that begin with the past.
  Value query = argument(0), seqlens = argument(5), presentKey = argument(13), presentValue = argument(14);
  const int64_t heads = op.getKvHeads(), window = op.getWindow();
  bytes = std::min(bytes, kMostBytes / (2 * heads));
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  Value zero = index(0), one = index(1);
  Value isSingle = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, memref::DimOp::create(b, query, 1), one);
  auto single = scf::IfOp::create(b, isSingle, /*withElseRegion=*/false);
  single->setAttr(kAloneAttr, b.getUnitAttr());
  b.setInsertionPointToStart(single.thenBlock());
  const CacheAddresses caches[] = {{b, presentKey}, {b, presentValue}};
  auto batches = scf::ForOp::create(b, zero, memref::DimOp::create(b, query, 0), one);
  b.setInsertionPointToStart(batches.getBody());
  Value batch = batches.getInductionVar();
  Value end = arith::IndexCastOp::create(b, b.getIndexType(), memref::LoadOp::create(b, seqlens, batch));
  end = arith::MinSIOp::create(b, arith::AddIOp::create(b, end, one), caches[0].positions);
  Value first =
      window > 0 ? arith::MaxSIOp::create(b, arith::SubIOp::create(b, end, index(window)), zero).getResult() : zero;
  Value positions = arith::SubIOp::create(b, end, first);
  const int64_t groups = llvm::divideCeil(heads, kHeadsAtOnce);
  for (int64_t group = 0; group < groups; ++group) {
    // All that is read lies before the end of the keys, and of the values.
    Value span = index(bytes);
    SmallVector<Value> begins;
    for (const CacheAddresses &cache : caches) {
      span = arith::MinSIOp::create(b, span, cache.bytesOf(b, 2, positions));
      Value begin = arith::AddIOp::create(b, cache.begin, cache.bytesOf(b, 0, batch));
      begin = arith::AddIOp::create(b, begin, cache.bytesOf(b, 2, first));
      for (int64_t head = heads * group / groups; head < heads * (group + 1) / groups; ++head)
        begins.push_back(arith::AddIOp::create(b, begin, cache.bytesOf(b, 1, index(head))));
    }
    scf::ForOp::create(b, zero, span, index(kLineBytes), ValueRange(),
                       [&](OpBuilder &inner, Location loc, Value at, ValueRange) {
                         ImplicitLocOpBuilder body(loc, inner);
                         for (Value begin : begins)
                           readByte(body, arith::AddIOp::create(body, begin, at));
                         scf::YieldOp::create(body);
                       });
  }
  builder.setInsertionPointAfter(single);
}
