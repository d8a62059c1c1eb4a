//===- Zetas.cpp - the zetas of a group as f32 ----------------------------===//
//
// docs/spec/numerics.md, "Packed layouts": stored as they are, or as what they are a quotient of.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

Value lutloops::loadZetas(ImplicitLocOpBuilder &b, Value weights, Value groupOffset, const GroupLayout &layout, int64_t row,
                           Value sixteens) {
  auto load = [&](int64_t begin, Type stored) {
    const int64_t bytes = stored.getIntOrFloatBitWidth() / 8;
    return loadAsFloat(b, weights, affine(b, groupOffset, sixteens ? kLanes * bytes : 0, sixteens, begin + row * bytes), stored);
  };
  if (layout.zeta)
    return splatFloat(b, kLanes, layout.zeta.getValue().convertToFloat());
  Value number = load(layout.zetaOffset, layout.zetaType);
  if (!layout.quotients)
    return number;
  Value alpha = load(layout.alphaOffset, layout.alphaType), zero = splatFloat(b, kLanes, 0.0f);
  Value isZero = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, alpha, zero);
  Value quotient = arith::SelectOp::create(b, isZero, zero, arith::DivFOp::create(b, number, alpha).getResult());
  return arith::AddFOp::create(b, splatFloat(b, kLanes, float((1 << layout.planes) - 1)), quotient);
}
