//===- PackedCodes.cpp - single codes of a packed array -------------------===//

#include "lib/Conversion/ONNXToLowbit/PackedCodes.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lutra {

std::optional<PackedCodes> PackedCodes::create(Node &node, ElementsAttr constant, bool isSigned) {
  auto type = cast<RankedTensorType>(constant.getType());
  int64_t bits = type.getElementTypeBitWidth();
  int64_t bytes = llvm::divideCeil(type.getNumElements() * bits, 8);
  auto flat = RankedTensorType::get({bytes}, node.getI8Type());
  TypedAttr value;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (blob && static_cast<int64_t>(blob->getData().size()) == bytes)
      value = DenseResourceElementsAttr::get(flat, resource.getRawHandle());
  } else if (auto dense = dyn_cast<DenseElementsAttr>(constant); dense && bits == 8) {
    value = DenseElementsAttr::getFromRawBuffer(flat, dense.getRawData());
  }
  if (!value)
    return std::nullopt;
  return PackedCodes{arith::ConstantOp::create(node, value), SmallVector<int64_t>(type.getShape()), bits, isSigned};
}

Value PackedCodes::extract(ImplicitLocOpBuilder &b, ValueRange at) const {
  auto index = [&](int64_t value) { return arith::ConstantIndexOp::create(b, value); };
  Value place = at.empty() ? Value(index(0)) : at[0];
  for (size_t axis = 1; axis < at.size(); ++axis)
    place = arith::AddIOp::create(b, arith::MulIOp::create(b, place, index(sizes[axis])), at[axis]);
  int64_t perByte = 8 / bits;
  Value byte = perByte > 1 ? Value(arith::DivUIOp::create(b, place, index(perByte))) : place;
  Type i32 = b.getI32Type();
  Value code = arith::ExtUIOp::create(b, i32, tensor::ExtractOp::create(b, bytes, byte));
  if (perByte > 1) {
    Value lane = arith::RemUIOp::create(b, place, index(perByte));
    Value shift = arith::IndexCastOp::create(b, i32, arith::MulIOp::create(b, lane, index(bits)));
    code = arith::AndIOp::create(b, arith::ShRUIOp::create(b, code, shift), createScalar(b, i32, (1 << bits) - 1));
  }
  if (!isSigned)
    return code;
  Value sign = createScalar(b, i32, 1 << (bits - 1));
  return arith::SubIOp::create(b, arith::XOrIOp::create(b, code, sign), sign);
}

} // namespace lutra
