//===- NextProduct.cpp - asks for a product's first weights ahead of it ---===//
//
// Within a product the loops ask for weights ahead of their loads, and the machine's prefetcher follows each stream. Between two products memory would
// rest: while norms, tables and attention are computed, and until the first loads of the next product have missed. So @main asks for the first lines of each
// stream of the next products behind the call of those before.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

/// Bytes of a line of the machine's caches.
static constexpr int64_t kLineBytes = 64;

void KernelFunctions::noteStreams(lut::MatmulOp op, int64_t streams, int64_t distance) {
  auto weights = dyn_cast<BlockArgument>(op.getWeights());
  auto function = op->getParentOfType<func::FuncOp>();
  if (options.headBytes == 0 || !weights || weights.getOwner() != &function.front() || op->getBlock() != weights.getOwner())
    return;
  starts[function].push_back({weights.getArgNumber(), streams, distance});
}

func::FuncOp KernelFunctions::getAsking(MemRefType weights, int64_t streams, int64_t bytes) {
  ImplicitLocOpBuilder b(module.getLoc(), module.getContext());
  SmallVector<Attribute> key{b.getStringAttr("ask"), b.getI64IntegerAttr(streams), b.getI64IntegerAttr(bytes)};
  return getOrCreate(module.getLoc(), "lut_ask", b.getArrayAttr(key), {weights, b.getIndexType()}, [&](ImplicitLocOpBuilder &body, ValueRange args) {
    scf::ForOp::create(body, constantIndex(body, 0), constantIndex(body, bytes), constantIndex(body, kLineBytes), ValueRange(),
                       [&](OpBuilder &, Location, Value line, ValueRange) {
                         for (int64_t stream = 0; stream < streams; ++stream)
                           memref::PrefetchOp::create(body, args[0], ValueRange{affine(body, line, stream, args[1], 0)}, /*isWrite=*/false,
                                                      /*localityHint=*/4 - options.prefetchLevel, /*isDataCache=*/true);
                         scf::YieldOp::create(body);
                       });
  });
}

void KernelFunctions::askForNextProducts() {
  for (auto function : llvm::to_vector(module.getOps<func::FuncOp>())) {
    if (function.isExternal())
      continue;
    func::CallOp before;
    for (auto call : llvm::to_vector(function.front().getOps<func::CallOp>())) {
      auto found = starts.find(module.lookupSymbol<func::FuncOp>(call.getCallee()));
      if (found == starts.end())
        continue;
      if (before)
        for (const StreamStarts &start : found->second)
          askBehind(before, call.getOperand(start.weights), start);
      before = call;
    }
  }
}

void KernelFunctions::askBehind(func::CallOp call, Value weights, const StreamStarts &start) {
  Operation *source = weights.getDefiningOp();
  auto type = cast<MemRefType>(weights.getType());
  if ((source && (source->getBlock() != call->getBlock() || !source->isBeforeInBlock(call))) || !type.hasStaticShape())
    return;
  ImplicitLocOpBuilder b(call.getLoc(), call);
  b.setInsertionPointAfter(call);
  MemRefType argument = getArgumentType(type);
  func::FuncOp asking = getAsking(argument, start.streams, std::min(options.headBytes, start.distance));
  Value cast = type == argument ? weights : memref::CastOp::create(b, argument, weights).getResult();
  func::CallOp::create(b, asking, ValueRange{cast, constantIndex(b, start.distance)});
}
