//===- LowbitAttention.cpp - assembly, verification and effects of attention ----===//
//
// lowbit.attention ins(query, key, value, past_key, past_value, seqlens, total [, cos, sin] [, sink] [, k_scale, v_scale] : types)
//                  outs(output, present_key, present_value : types) {...} [-> types]
// The scales are there when the attributes say that the cache holds codes without scales of its own (cache_bits, no
// cache_group). The number of other inputs says which optional ones are there: 7 none, 8 sink, 9 cos and sin, 10 all.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "lutra/Support/OperandSegments.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace lutra::lowbit;

MutableOperandRange AttentionOp::getDpsInitsMutable() {
  return MutableOperandRange(getOperation(), getNumOperands() - 3, 3);
}

//===----------------------------------------------------------------------===//
// Assembly
//===----------------------------------------------------------------------===//

/// Parses `keyword(%a, %b : type, type)`.
static ParseResult parseOperandGroup(OpAsmParser &parser, StringRef keyword, OperationState &result,
                                     size_t &numOperands) {
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(keyword) || parser.parseLParen() || parser.parseOperandList(operands) ||
      parser.parseColonTypeList(types) || parser.parseRParen() ||
      parser.resolveOperands(operands, types, loc, result.operands))
    return failure();
  numOperands = operands.size();
  return success();
}

ParseResult AttentionOp::parse(OpAsmParser &parser, OperationState &result) {
  SMLoc loc = parser.getCurrentLocation();
  size_t numIns, numOuts;
  if (parseOperandGroup(parser, "ins", result, numIns) || parseOperandGroup(parser, "outs", result, numOuts))
    return failure();
  if (numOuts != 3)
    return parser.emitError(loc, "expected 3 outputs (output, present_key, present_value), but found ") << numOuts;
  if (parser.parseOptionalAttrDict(result.attributes) ||
      (succeeded(parser.parseOptionalArrow()) && parser.parseTypeList(result.types)))
    return failure();
  int32_t scales = result.attributes.get("cache_bits") && !result.attributes.get("cache_group");
  if (scales && numIns < 2 + 7)
    return parser.emitError(loc, "expected 'cache_group', or k_scale and v_scale after the other inputs, beside 'cache_bits'");
  size_t others = numIns - 2 * scales;
  if (others < 7 || others > 10)
    return parser.emitError(loc,
                            "expected 7 inputs (query, key, value, past_key, past_value, seqlens, total), then cos "
                            "and sin, then sink, the last three optional, but found ")
           << others;
  int32_t rotary = others >= 9, sink = others == 8 || others == 10;
  llvm::copy(ArrayRef<int32_t>{1, 1, 1, 1, 1, 1, 1, rotary, rotary, sink, scales, scales, 1, 1, 1},
             result.getOrAddProperties<Properties>().operandSegmentSizes.begin());
  return success();
}

void AttentionOp::print(OpAsmPrinter &printer) {
  auto printGroup = [&](StringRef keyword, OperandRange operands) {
    printer << ' ' << keyword << '(' << operands << " : " << operands.getTypes() << ')';
  };
  OperandRange operands = getOperands();
  printGroup("ins", operands.drop_back(3));
  printGroup("outs", operands.take_back(3));
  printer.printOptionalAttrDict((*this)->getAttrs(), {getOperandSegmentSizeAttr()});
  if (getNumResults() != 0)
    printer << " -> " << getResultTypes();
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

namespace {
/// Checks shapes against named dimensions, each bound by the first static size found for it.
class ShapeChecker {
public:
  explicit ShapeChecker(Operation *op) : op(op) {}

  /// `type` must have `element` elements and the dimensions `dims` (name, known size or dynamic).
  LogicalResult check(StringRef what, Type type, Type element, ArrayRef<StringRef> dims) {
    auto shaped = cast<ShapedType>(type);
    if (!shaped.hasRank() || shaped.getRank() != static_cast<int64_t>(dims.size()) ||
        shaped.getElementType() != element) {
      std::string shape;
      for (StringRef dim : dims)
        shape += (dim + " x ").str();
      return op->emitOpError() << what << " must be " << shape << element << ", but is " << type << " (C1)";
    }
    for (auto [name, size] : llvm::zip_equal(dims, shaped.getShape())) {
      if (ShapedType::isDynamic(size))
        continue;
      auto [bound, isNew] = sizes.try_emplace(name, size);
      if (!isNew && bound->second != size)
        return op->emitOpError() << name << " of " << what << " is " << size << ", but must be " << bound->second
                                 << " (C1)";
    }
    return success();
  }

  void bind(StringRef name, int64_t size) { sizes[name] = size; }
  /// The size bound to `name`, or dynamic.
  int64_t get(StringRef name) const {
    auto it = sizes.find(name);
    return it == sizes.end() ? ShapedType::kDynamic : it->second;
  }

private:
  Operation *op;
  llvm::StringMap<int64_t> sizes;
};
} // namespace

int64_t AttentionOp::getHeadSize() {
  auto query = dyn_cast<ShapedType>(getQuery().getType());
  if (!query || !query.hasRank() || query.getRank() != 3 || query.isDynamicDim(2))
    return ShapedType::kDynamic;
  return query.getDimSize(2) / static_cast<int64_t>(getNumHeads());
}

/// The element type of a cache, whose attributes and operands must fit it (C3).
static FailureOr<Type> verifyCacheKind(AttentionOp op) {
  Type element = getElementTypeOrSelf(op.getPastKey().getType());
  bool hasScales = op.getKScale() && op.getVScale();
  if (!op.getCacheBits()) {
    if (op.getCacheGroup() || op.getKScale() || op.getVScale())
      return op.emitOpError("'cache_group' and scales are for a cache of codes: expected 'cache_bits' with them (C3)");
    return element.isF16() ? element : Float32Type::get(op.getContext());
  }
  int64_t bits = *op.getCacheBits(), size = op.getHeadSize(), group = op.getCacheGroup().value_or(0);
  if (bits != 8 && bits != 4)
    return op.emitOpError() << "'cache_bits' must be 8 or 4, but is " << bits << " (C3)";
  if (op.getCacheGroup() ? op.getKScale() || op.getVScale() : !hasScales)
    return op.emitOpError("a cache of codes needs either 'cache_group' or both k_scale and v_scale (C3)");
  if (size < 1 || size > INT32_MAX)
    return op.emitOpError("a cache of codes needs a query of rank 3 whose last dimension gives heads of a positive, static size (C3)");
  if (op.getCacheGroup() && (group < 1 || size % group != 0))
    return op.emitOpError() << "'cache_group' must divide the head size " << size << ", but is " << group << " (C3)";
  if (bits == 4 && (size % 2 != 0 || group % 2 != 0))
    return op.emitOpError() << "codes of 4 bits need an even head size and 'cache_group', but they are " << size << " and " << group << " (C3)";
  return IntegerType::get(op.getContext(), 8);
}

LogicalResult AttentionOp::verify() {
  if (failed(lutra::verifyRequiredOperands(*this, {0, 1, 2, 3, 4, 5, 6, 12, 13, 14})))
    return failure();
  if (static_cast<bool>(getCos()) != static_cast<bool>(getSin()))
    return emitOpError("cos and sin must come together (C2)");
  int64_t heads = getNumHeads(), kvHeads = getKvHeads();
  if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0)
    return emitOpError() << "num_heads must be a multiple of kv_heads, but they are " << heads << " and " << kvHeads
                         << " (C1)";
  bool onTensors = isa<TensorType>(getOutput().getType());
  for (Type type : getOperandTypes())
    if (isa<TensorType>(type) != onTensors || !isa<TensorType, BaseMemRefType>(type))
      return emitOpError("operands must be all tensors or all memrefs (C1)");
  if (getNumResults() != (onTensors ? 3u : 0u))
    return emitOpError() << "must have " << (onTensors ? 3 : 0) << " results on " << (onTensors ? "tensors" : "memrefs")
                         << ", but has " << getNumResults() << " (C1)";

  Type f32 = Float32Type::get(getContext()), i32 = IntegerType::get(getContext(), 32);
  ShapeChecker shapes(*this);
  shapes.bind("kv_heads", kvHeads);
  shapes.bind("num_heads", heads);
  auto check = [&](StringRef what, Value value, Type element, ArrayRef<StringRef> dims) {
    return shapes.check(what, value.getType(), element, dims);
  };
  FailureOr<Type> cache = verifyCacheKind(*this);
  if (failed(cache))
    return failure();
  // The last dimension of a cache of codes is bytes, not elements.
  StringRef line = getCacheBits() ? "a line" : "H";
  if (getCacheBits()) {
    shapes.bind("H", getHeadSize());
    shapes.bind(line, getLineBytes(getHeadSize(), *getCacheBits(), getCacheGroup().value_or(0)));
  }
  if (failed(check("past_key", getPastKey(), *cache, {"B", "kv_heads", "P", line})) ||
      failed(check("past_value", getPastValue(), *cache, {"B", "kv_heads", "P", line})) ||
      failed(check("present_key", getPresentKey(), *cache, {"B", "kv_heads", "T", line})) ||
      failed(check("present_value", getPresentValue(), *cache, {"B", "kv_heads", "T", line})))
    return failure();
  if (int64_t size = shapes.get("H"); !ShapedType::isDynamic(size)) {
    constexpr int64_t most = INT32_MAX;
    if (size > most || heads > most || kvHeads > most)
      return emitOpError() << "heads and their size are at most " << most << ", but are " << heads << ", " << kvHeads << " and " << size;
    shapes.bind("num_heads*H", heads * size);
    shapes.bind("kv_heads*H", kvHeads * size);
  }
  if (failed(check("query", getQuery(), f32, {"B", "S", "num_heads*H"})) ||
      failed(check("key", getKey(), f32, {"B", "S", "kv_heads*H"})) ||
      failed(check("value", getValue(), f32, {"B", "S", "kv_heads*H"})) ||
      failed(check("output", getOutput(), f32, {"B", "S", "num_heads*H"})) ||
      failed(check("seqlens", getSeqlens(), i32, {"B"})) || failed(check("total", getTotal(), i32, {})))
    return failure();
  if (getCos() && (failed(check("cos", getCos(), f32, {"max_positions", "R/2"})) ||
                   failed(check("sin", getSin(), f32, {"max_positions", "R/2"}))))
    return failure();
  if (getSink() && failed(check("sink", getSink(), f32, {"num_heads"})))
    return failure();
  if (getKScale() && (failed(check("k_scale", getKScale(), f32, {"kv_heads*H"})) ||
                      failed(check("v_scale", getVScale(), f32, {"kv_heads*H"}))))
    return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Effects
//===----------------------------------------------------------------------===//

void AttentionOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands()) {
    if (!isa<BaseMemRefType>(operand.get().getType()))
      continue;
    bool isInit = isDpsInit(&operand);
    // The present cache is read back after it is written, so it is both.
    if (!isInit || operand.get() != getOutput())
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
    if (isInit)
      effects.emplace_back(MemoryEffects::Write::get(), &operand, SideEffects::DefaultResource::get());
  }
}
