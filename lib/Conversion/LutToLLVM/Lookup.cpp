//===- Lookup.cpp - lut.lookup to byte and float shuffles -----------------===//
//
// The widest shuffle that the features have takes as many lanes at a time as it can. Every shuffle of a table of 16 sees only the low
// four bits of an index: x86's byte shuffle clears a lane whose bit 7 is set and NEON's clears those past 15.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLLVM/Patterns.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutllvm;

Value lutllvm::callIntrinsic(ImplicitLocOpBuilder &b, StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, result, b.getStringAttr(name), operands).getResult(0);
}

Value lutllvm::splat(ImplicitLocOpBuilder &b, VectorType type, int64_t value) {
  APInt lane(type.getElementTypeBitWidth(), value, /*isSigned=*/true, /*implicitTrunc=*/true);
  return LLVM::ConstantOp::create(b, type, DenseElementsAttr::get(type, lane));
}

Value lutllvm::slice(ImplicitLocOpBuilder &b, Value vector, int64_t begin, int64_t count) {
  if (cast<VectorType>(vector.getType()).getDimSize(0) == count)
    return vector;
  return LLVM::ShuffleVectorOp::create(b, vector, vector, llvm::to_vector(llvm::seq<int32_t>(begin, begin + count)));
}

Value lutllvm::concat(ImplicitLocOpBuilder &b, ArrayRef<Value> parts) {
  if (parts.size() == 1)
    return parts.front();
  Value low = concat(b, parts.take_front(parts.size() / 2)), high = concat(b, parts.drop_front(parts.size() / 2));
  int32_t lanes = cast<VectorType>(low.getType()).getDimSize(0);
  return LLVM::ShuffleVectorOp::create(b, low, high, llvm::to_vector(llvm::seq<int32_t>(0, 2 * lanes)));
}

Value lutllvm::callByLane(ImplicitLocOpBuilder &b, StringRef name, VectorType resultType, ValueRange operands,
                          function_ref<Value(ValueRange, Value)> computeLane) {
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  std::string fullName = (name + Twine(resultType.getDimSize(0))).str();
  auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(fullName);
  if (!function) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMFunctionType::get(resultType, llvm::to_vector(operands.getTypes()));
    function = LLVM::LLVMFuncOp::create(b, fullName, type, LLVM::Linkage::Internal);
    function.setNoInline(true);
    Block *body = function.addEntryBlock(b);
    b.setInsertionPointToStart(body);
    Value result = LLVM::PoisonOp::create(b, resultType);
    for (int64_t lane = 0; lane < resultType.getDimSize(0); ++lane) {
      Value place = LLVM::ConstantOp::create(b, b.getI64Type(), b.getI64IntegerAttr(lane));
      result = LLVM::InsertElementOp::create(b, result, computeLane(body->getArguments(), place), place);
    }
    LLVM::ReturnOp::create(b, result);
  }
  return LLVM::CallOp::create(b, function, operands).getResult();
}

namespace {
/// A byte shuffle that looks `lanes` indices up at once.
struct ByteShuffle {
  StringRef intrinsic;
  int64_t lanes;
};

struct LookupLowering : ConvertOpToLLVMPattern<lut::LookupOp> {
  LookupLowering(const LLVMTypeConverter &converter, const LutInstructions &instructions)
      : ConvertOpToLLVMPattern(converter), instructions(instructions) {}

  LogicalResult matchAndRewrite(lut::LookupOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    int64_t lanes = op.getType().getDimSize(0);
    // Integers of 32 bits are looked up as floats: no lookup touches what it moves.
    bool lanes32 = op.getType().getElementTypeBitWidth() == 32, integers = op.getType().getElementType().isInteger(32);
    SmallVector<Value> parts;
    Value table = adaptor.getTable();
    if (integers)
      table = LLVM::BitcastOp::create(b, VectorType::get({16}, b.getF32Type()), table);
    // Cut into parts of equal size, so that they can be put together again: a vector of 48 lanes goes by 16.
    int64_t step = lanes32 ? getFloatStep(lanes) : getByteShuffle(lanes).lanes;
    while (lanes % step != 0 || !llvm::isPowerOf2_64(lanes / step))
      step = lanes % 2 == 0 && lanes > step ? step / 2 : lanes;
    for (int64_t begin = 0; begin < lanes; begin += step) {
      Value indices = slice(b, adaptor.getIndices(), begin, step);
      parts.push_back(lanes32 ? lookupFloats(b, table, indices) : lookupTable(b, table, indices));
    }
    Value result = concat(b, parts);
    rewriter.replaceOp(op, integers ? LLVM::BitcastOp::create(b, op.getType(), result).getResult() : result);
    return success();
  }

private:
  ByteShuffle getByteShuffle(int64_t lanes) const {
    if (instructions.avx512bw && lanes % 64 == 0)
      return {"llvm.x86.avx512.pshuf.b.512", 64};
    if (instructions.avx2 && lanes % 32 == 0)
      return {"llvm.x86.avx2.pshuf.b", 32};
    if (instructions.ssse3 && lanes % 16 == 0)
      return {"llvm.x86.ssse3.pshuf.b.128", 16};
    if (instructions.neon && lanes % 16 == 0)
      return {"llvm.aarch64.neon.tbl1.v16i8", 16};
    return {"", lanes % 16 == 0 ? 16 : lanes};
  }

  int64_t getFloatStep(int64_t lanes) const {
    if (instructions.avx512bw && lanes % 16 == 0)
      return 16;
    if (instructions.avx2 && lanes % 8 == 0)
      return 8;
    return lanes % 16 == 0 ? 16 : lanes;
  }

  /// One lane after another; LLVM makes a byte shuffle of it where the machine has one, and loads otherwise.
  static Value lookupLanes(ImplicitLocOpBuilder &b, Value table, Value indices) {
    auto indicesType = cast<VectorType>(indices.getType());
    auto resultType = VectorType::get(indicesType.getShape(), cast<VectorType>(table.getType()).getElementType());
    StringRef name = resultType.getElementType().isF32() ? "lookup_floats_" : "lookup_bytes_";
    return callByLane(b, name, resultType, {table, indices}, [&](ValueRange operands, Value lane) -> Value {
      Value index = LLVM::ExtractElementOp::create(b, operands[1], lane);
      Type indexType = index.getType(); // i8, or i32 for floats.
      index = LLVM::AndOp::create(b, index, LLVM::ConstantOp::create(b, indexType, b.getIntegerAttr(indexType, 15)));
      return LLVM::ExtractElementOp::create(b, operands[0], index);
    });
  }

  /// A table of 16 bytes, or of 64 or 128: one vpermb or vpermi2b, which see the low six or seven bits of an index, or the parts' entries, chosen by bits 4 and up.
  Value lookupTable(ImplicitLocOpBuilder &b, Value table, Value indices) const {
    auto type = cast<VectorType>(indices.getType());
    int64_t entries = cast<VectorType>(table.getType()).getDimSize(0);
    if (entries == 16)
      return lookupBytes(b, table, indices);
    if (entries == 64 && instructions.avx512vbmi && type.getDimSize(0) == 64)
      return callIntrinsic(b, "llvm.x86.avx512.permvar.qi.512", type, {table, indices});
    if (entries == 128 && instructions.avx512vbmi && type.getDimSize(0) == 64)
      return callIntrinsic(b, "llvm.x86.avx512.vpermi2var.qi.512", type, {slice(b, table, 0, 64), indices, slice(b, table, 64, 64)});
    SmallVector<Value> parts;
    for (int64_t begin = 0; begin < entries; begin += 16)
      parts.push_back(lookupBytes(b, slice(b, table, begin, 16), indices));
    for (int64_t bit = 16; parts.size() > 1; bit *= 2) {
      Value isSet = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, LLVM::AndOp::create(b, indices, splat(b, type, bit)), splat(b, type, 0));
      SmallVector<Value> chosen;
      for (size_t part = 0; part < parts.size(); part += 2)
        chosen.push_back(LLVM::SelectOp::create(b, isSet, parts[part + 1], parts[part]));
      parts = std::move(chosen);
    }
    return parts.front();
  }

  Value lookupBytes(ImplicitLocOpBuilder &b, Value table, Value indices) const {
    auto type = cast<VectorType>(indices.getType());
    ByteShuffle shuffle = getByteShuffle(type.getDimSize(0));
    if (shuffle.intrinsic.empty() || shuffle.lanes != type.getDimSize(0))
      return lookupLanes(b, table, indices);
    Value masked = LLVM::AndOp::create(b, indices, splat(b, type, 15));
    // The table once in each 16-byte lane: a broadcast load.
    if (shuffle.lanes > 16) {
      SmallVector<int32_t> mask;
      for (int32_t lane = 0; lane < shuffle.lanes; ++lane)
        mask.push_back(lane % 16);
      table = LLVM::ShuffleVectorOp::create(b, table, table, mask);
    }
    return callIntrinsic(b, shuffle.intrinsic, type, {table, masked});
  }

  Value lookupFloats(ImplicitLocOpBuilder &b, Value table, Value indices) const {
    auto indicesType = cast<VectorType>(indices.getType());
    int64_t lanes = indicesType.getDimSize(0);
    Type type = VectorType::get({lanes}, b.getF32Type());
    // Both permutes see only the low bits of an index: four of 16 lanes, three of 8.
    if (instructions.avx512bw && lanes == 16)
      return callIntrinsic(b, "llvm.x86.avx512.permvar.sf.512", type, {table, indices});
    if (!instructions.avx2 || lanes != 8)
      return lookupLanes(b, table, indices);
    Value low = callIntrinsic(b, "llvm.x86.avx2.permps", type, {slice(b, table, 0, 8), indices});
    Value high = callIntrinsic(b, "llvm.x86.avx2.permps", type, {slice(b, table, 8, 8), indices});
    // Bit 3 of the index as the sign: what a blend tests.
    Value bit = LLVM::ShlOp::create(b, indices, splat(b, indicesType, 28));
    Value isHigh = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::slt, bit, splat(b, indicesType, 0));
    return LLVM::SelectOp::create(b, isHigh, high, low);
  }

  LutInstructions instructions;
};
} // namespace

void lutllvm::populateLookupPatterns(const LLVMTypeConverter &converter, const LutInstructions &instructions,
                                    RewritePatternSet &patterns) {
  patterns.add<LookupLowering>(converter, instructions);
}
