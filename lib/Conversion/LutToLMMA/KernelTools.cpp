//===- KernelTools.cpp - addresses and pipelines of kernels ---------------===//

#include "KernelTools.h"

#include <vector>

using namespace mlir;
using namespace lutra;
using namespace lutra::luttolmma;

bool luttolmma::hasUnitStride(Value buffer) {
  auto type = dyn_cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  return type && succeeded(type.getStridesAndOffset(strides, offset)) && (strides.empty() || strides.back() == 1);
}

Access luttolmma::access(Builder &b, ArrayRef<Index> indices) {
  Values counters;
  SmallVector<AffineExpr> results;
  for (const Index &index : indices) {
    AffineExpr expr = b.getAffineConstantExpr(index.constant);
    for (auto [counter, factor] : index.terms) {
      auto *found = llvm::find(counters, counter);
      unsigned position = found - counters.begin();
      if (found == counters.end())
        counters.push_back(counter);
      expr = b.getAffineDimExpr(position) * factor + expr;
    }
    results.push_back(expr);
  }
  return {AffineMapAttr::get(AffineMap::get(counters.size(), 0, results, b.getContext())), counters};
}

lmma::BoundAttr luttolmma::bound(Builder &b, int64_t value) { return lmma::BoundAttr::get(b.getContext(), value, 0); }
lmma::BoundAttr luttolmma::rowsDownTo(Builder &b, int64_t multiple) {
  return lmma::BoundAttr::get(b.getContext(), 0, multiple);
}

void luttolmma::forRange(ImplicitLocOpBuilder &b, lmma::BoundAttr lower, lmma::BoundAttr upper, int64_t step,
                         function_ref<void(Value)> body) {
  lmma::ForOp::create(b, lower, upper, step, ValueRange(), [&](OpBuilder &, Value counter, ValueRange) {
    body(counter);
    return Values();
  });
}

void luttolmma::forRowBlocks(ImplicitLocOpBuilder &b, int64_t largest, int64_t smallest,
                             function_ref<void(int64_t, Value)> body) {
  for (int64_t size = largest; size >= smallest; size /= 2) {
    lmma::BoundAttr lower = size == largest ? bound(b, 0) : rowsDownTo(b, 2 * size);
    lmma::BoundAttr upper = rowsDownTo(b, size == smallest ? 1 : size);
    forRange(b, lower, upper, size, [&](Value firstRow) { body(size, firstRow); });
  }
}

Values luttolmma::pipelined(ImplicitLocOpBuilder &b, int64_t count, int64_t depth, const Values &carried,
                            function_ref<Values(const Index &)> load,
                            function_ref<Values(const Index &, ValueRange, const Values &)> compute) {
  depth = std::min(depth, count);
  std::vector<Values> sets;
  for (int64_t i = 0; i < depth; ++i)
    sets.push_back(load(i));
  Values results = carried;
  const int64_t main = (count / depth - 1) * depth;
  if (main > 0) {
    Values inits = carried;
    for (const Values &set : sets)
      inits.append(set);
    auto loop = lmma::ForOp::create(b, bound(b, 0), bound(b, main), depth, inits,
                                    [&](OpBuilder &, Value counter, ValueRange arguments) {
                                      Values inner(arguments.take_front(carried.size()));
                                      arguments = arguments.drop_front(carried.size());
                                      Values next;
                                      for (int64_t i = 0; i < depth; ++i) {
                                        inner = compute(Index(counter) + i, arguments.take_front(sets[i].size()), inner);
                                        arguments = arguments.drop_front(sets[i].size());
                                        next.append(load(Index(counter) + (depth + i)));
                                      }
                                      inner.append(next);
                                      return inner;
                                    });
    results = Values(loop.getResults().take_front(carried.size()));
    ValueRange rest = loop.getResults().drop_front(carried.size());
    for (Values &set : sets) {
      set = Values(rest.take_front(set.size()));
      rest = rest.drop_front(set.size());
    }
  }
  for (int64_t i = 0; main + i < count; ++i) {
    results = compute(main + i, sets[i % depth], results);
    if (main + i + depth < count)
      sets[i % depth] = load(main + i + depth);
  }
  return results;
}
