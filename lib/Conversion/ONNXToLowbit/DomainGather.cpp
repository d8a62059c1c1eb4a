//===- DomainGather.cpp - ai.lutra.Gather ---------------------------------===//
//
// Rows of a low-bit table, decoded from the bytes of the model: a vocabulary stays as small as it was stored.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/DomainDecode.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace lutra {

static LogicalResult lowerDomainGather(Node &node) {
  if (failed(node.check({"indices", "components*"}, {"Y"}, {"N:i!", "K:i!", "format:s!"})) ||
      failed(node.requireElement(0, {node.getI64Type(), node.getI32Type()})))
    return failure();
  FailureOr<DomainWeight> weight = getDomainWeight(node, 1);
  if (failed(weight))
    return failure();
  FailureOr<ElementDecoder> decoder = ElementDecoder::create(node, *weight, 1);
  FailureOr<Value> positions =
      buildPositions(node, node.getInput(0), node.getIndexAttr(weight->type.getRows()), "0 of the weight");
  if (failed(decoder) || failed(positions))
    return failure();
  Dims result = node.getDims(node.getInput(0));
  size_t indexRank = result.size();
  result.push_back(node.getIndexAttr(weight->type.getCols()));
  Value output = buildGenerate(node, result, node.getF32Type(), [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value position = tensor::ExtractOp::create(b, *positions, at.take_front(indexRank));
    Value row = arith::IndexCastOp::create(b, b.getIndexType(), position);
    return decoder->decode(b, row, at.back());
  });
  return node.setOutput(0, output, /*isUnsigned=*/false);
}

void addDomainGather(Registry &registry) { registry.add(lutraDomain, "Gather", lowerDomainGather); }

} // namespace lutra
